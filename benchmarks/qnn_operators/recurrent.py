"""Recurrent layers, signals, random numbers, quantisation by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from qnn_cases import FLOATS, OMITTED, Case, activation, combinations, constant, own, weight
from qnn_draws import Draw

from qnn_operators.family import BEFORE, Family, families

_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def _recurrent(op: str, draw: Draw) -> Iterator[Case]:
    length, batch, inside, hidden = draw.size(5), draw.size(1, 2), draw.size(6), draw.size(4, 8)
    gates, states = _GATES[op] * hidden, 2 if op == "LSTM" else 1
    outputs = 1 + states
    for direction in ("forward", "reverse", "bidirectional"):
        ways = 2 if direction == "bidirectional" else 1
        choice = {"hidden_size": hidden, "direction": direction}
        parts = (weight(ways, gates, inside), weight(ways, gates, hidden))
        biases = weight(ways, 2 * gates)
        sequence = activation(length, batch, inside)
        first = (activation(ways, batch, hidden),) * states
        yield Case(op, (sequence, *parts), choice, outputs=outputs)
        yield Case(op, (sequence, *parts, biases), choice, outputs=outputs)
        yield Case(op, (sequence, *parts, biases, OMITTED, *first), choice, outputs=outputs)
        yield Case(op, (sequence, *parts, biases), choice, outputs=outputs, skipped=(0,))
        yield Case(op, (sequence, *parts, biases), choice)
    lengths = constant([max(length - 1, 1)] * batch, "int32")
    plain = {"hidden_size": hidden}
    parts = (weight(1, gates, inside), weight(1, gates, hidden), weight(1, 2 * gates))
    yield Case(op, (sequence, *parts, lengths), plain)
    yield Case(op, (sequence, *parts), {**plain, "clip": 3.0})
    yield Case(op, (activation(batch, length, inside), *parts), {**plain, "layout": 1})
    yield Case(op, (activation(1, 1, inside), *parts), plain)
    yield Case(op, (activation(length, batch, inside, open=(0,)), *parts), plain)
    if op == "GRU":
        yield Case(op, (sequence, *parts), {**plain, "linear_before_reset": 1})
    if op == "LSTM":
        peepholes = weight(1, 3 * hidden)
        operands = (sequence, *parts, OMITTED, OMITTED, OMITTED, peepholes)
        yield Case(op, operands, plain)
        yield Case(op, (sequence, *parts), {**plain, "input_forget": 1})
        kinds = ["Sigmoid", "Tanh", "Relu"]
        yield Case(op, (sequence, *parts), {**plain, "activations": kinds})


def _results(op: str, draw: Draw) -> Iterator[Case]:
    """Every choice of results, with and without a bias and first states."""
    length, batch, inside, hidden = draw.size(4), 1, draw.size(8), draw.size(8, 4)
    gates, states = _GATES[op] * hidden, 2 if op == "LSTM" else 1
    for direction in ("forward", "reverse", "bidirectional"):
        ways = 2 if direction == "bidirectional" else 1
        choice = {"hidden_size": hidden, "direction": direction}
        parts = (weight(ways, gates, inside), weight(ways, gates, hidden))
        biases = weight(ways, 2 * gates)
        first = (activation(ways, batch, hidden),) * states
        sequence = activation(length, batch, inside)
        for rest in ((), (biases,), (biases, OMITTED, *first)):
            for skipped in ((0,), (1,), ()):
                yield Case(op, (sequence, *parts, *rest), choice, outputs=1 + states,
                           skipped=skipped)  # fmt: skip


def _stft(op: str, draw: Draw) -> Iterator[Case]:
    for length, frame, step in ((64, 16, 8), (128, 32, 16)):
        for sided in (0, 1):
            signal = activation(1, length, 1)
            operands = (signal, constant(step), OMITTED, constant(frame))
            yield Case(op, operands, {"onesided": sided})
            window = (signal, constant(step), weight(frame), constant(frame))
            yield Case(op, window, {"onesided": sided})


def _random(op: str, draw: Draw) -> Iterator[Case]:
    for choice in combinations(seed=[1.0], dtype=[None, 1]):
        yield Case(op, (activation(*draw.image()),), choice)
        yield Case(op, (activation(*draw.shape(4, 16)),), choice)


def _quantise(op: str, draw: Draw) -> Iterator[Case]:
    """By itself, not around another operator."""
    channels = draw.size(8, 4, 16)
    image = draw.image(channels, channels)
    for dtype in ("uint8", "int8", "uint16", "int16"):
        one = (own(0.02), constant(3, dtype))
        along = (own([0.02] * channels), constant([0] * channels, dtype))
        for shape in (image, draw.shape(4, 16), draw.shape(1, 2, 4, 6, 8)):
            yield Case(op, (activation(*shape), *one), note=dtype)
        yield Case(op, (activation(*image), *along), {"axis": 1}, note=dtype)
    yield Case(op, (activation(*image), own(0.02)))


def _dequantise(op: str, draw: Draw) -> Iterator[Case]:
    for case in _quantise(op, draw):
        values, scale, *zero = case.operands
        assert scale.array is not None
        scale = constant(scale.array, "float32")
        dtype = zero[0].array.dtype.name if zero and zero[0].array is not None else "uint8"
        yield replace(case, op=op, operands=(values, scale, *zero), kind=dtype)


FAMILIES: Mapping[str, Family] = {
    **families(_recurrent, ("LSTM", "GRU"), FLOATS),
    "RNN": Family("RNN", _recurrent, BEFORE),
    **families(_results, ("LSTM", "GRU"), ("float32", "a8w8", "a16w8"), (), "{} by results"),
    "STFT": Family("STFT", _stft, BEFORE),
    **families(_random, ("RandomUniformLike", "RandomNormalLike"), BEFORE),
    "QuantizeLinear": Family("QuantizeLinear", _quantise, ("float32",), ("float16",)),
    "DequantizeLinear": Family("DequantizeLinear", _dequantise, None),
}
