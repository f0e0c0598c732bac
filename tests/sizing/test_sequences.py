"""Sizes of TFLite operators of three axes and of sequences, as LiteRT makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from npulint.errors import UsageError
from npulint.formats import load
from npulint.sizing.site import sizes_of
from npulint.sizing.walk import resized
from tests.fixers import single
from tests.formats import tflite_building as lite

BATCH, DEPTH, UNITS = 2, 3, 4


def written(
    folder: Path,
    op: str,
    operands: list[Any],
    options: Any,
    data: tuple[int, ...],
    *,
    place: int = 0,
    results: int = 1,
) -> Path:
    """One node whose operands are stored arrays, states (their sizes) or left out (None).

    The data, all of whose sizes are open, stands at `place`.
    """
    tensors, buffers, inputs = [], [lite.table("Buffer")], []
    for number, held in enumerate(operands):
        if held is None:
            inputs.append(-1)
            continue
        inputs.append(len(tensors))
        if isinstance(held, tuple):
            tensors.append(lite.tensor(f"s{number}", held, is_variable=True))
            continue
        raw = np.frombuffer(np.ascontiguousarray(held).tobytes(), np.uint8)
        buffers.append(lite.table("Buffer", data=raw))
        kind = held.dtype.name.upper()
        tensors.append(lite.tensor(f"c{number}", held.shape, kind, len(buffers) - 1))
    open_sizes = [-1] * len(data)
    x = len(tensors)
    tensors.append(lite.tensor("x", data, shape_signature=open_sizes))
    made = [x + 1 + number for number in range(results)]
    for number in made:
        tensors.append(lite.tensor(f"y{number}", (1,) * len(data), shape_signature=open_sizes))
    inputs.insert(place, x)
    graph = lite.table(
        "SubGraph", tensors=tensors, inputs=[x], outputs=made, name=b"main",
        operators=[lite.operator(0, inputs, made, options=options)],
    )  # fmt: skip
    model = lite.table(
        "Model", version=3, subgraphs=[graph], operator_codes=[lite.code(op)], buffers=buffers
    )
    return lite.write(folder, model)


def ones(*shape: int) -> Any:
    return np.ones(shape, np.float32)


def lstm(folder: Path, data: tuple[int, ...], **options: Any) -> Path:
    cells, batch = 5, data[1] if options.get("time_major") else data[0]
    operands = [
        *(ones(cells, DEPTH) for _ in range(4)),
        *(ones(cells, UNITS) for _ in range(4)),
        None, None, None,
        *(ones(cells) for _ in range(4)),
        ones(UNITS, cells), None,
        (batch, UNITS), (batch, cells),
    ]  # fmt: skip
    activation = lite.schema.ActivationFunctionType.TANH
    made = lite.table(
        "UnidirectionalSequenceLSTMOptions", fused_activation_function=activation, **options
    )
    return written(folder, "UNIDIRECTIONAL_SEQUENCE_LSTM", operands, made, data)


def rnn(folder: Path, op: str, data: tuple[int, ...], **options: Any) -> Path:
    batch = data[1] if options.get("time_major") else data[0]
    operands = [ones(UNITS, DEPTH), ones(UNITS, UNITS), ones(UNITS), (batch, UNITS)]
    table = "SequenceRNNOptions" if op != "RNN" else "RNNOptions"
    return written(folder, op, operands, lite.table(table, **options), data)


def lstm_both_ways(folder: Path, data: tuple[int, ...], **options: Any) -> Path:
    """Both halves have as many units and cells: the kernel asks for that."""
    batch = data[1] if options["time_major"] else data[0]
    operands: list[Any] = []
    states = []
    cells, units = 5, UNITS
    for _ in range(2):
        operands += [
            *(ones(cells, DEPTH) for _ in range(4)),
            *(ones(cells, units) for _ in range(4)),
            None, None, None,
            *(ones(cells) for _ in range(4)),
            ones(units, cells), None,
        ]  # fmt: skip
        states += [(batch, units), (batch, cells)]
    operands += [*states, *[None] * 9]
    activation = lite.schema.ActivationFunctionType.TANH
    made = lite.table(
        "BidirectionalSequenceLSTMOptions", fused_activation_function=activation, **options
    )
    results = 1 if options["merge_outputs"] else 2
    return written(folder, "BIDIRECTIONAL_SEQUENCE_LSTM", operands, made, data, results=results)


def rnn_both_ways(folder: Path, data: tuple[int, ...], **options: Any) -> Path:
    batch = data[1] if options["time_major"] else data[0]
    operands: list[Any] = []
    for units in (UNITS, 2):
        operands += [ones(units, DEPTH), ones(units, units), ones(units), (batch, units)]
    made = lite.table("BidirectionalSequenceRNNOptions", **options)
    results = 1 if options["merge_outputs"] else 2
    return written(
        folder, "BIDIRECTIONAL_SEQUENCE_RNN", [*operands, None, None, None], made, data,
        results=results,
    )  # fmt: skip


def volume(folder: Path, data: tuple[int, ...], *, same: bool) -> Path:
    options = lite.table(
        "Conv3DOptions", padding=0 if same else 1, stride_d=2, stride_h=1, stride_w=3,
    )  # fmt: skip
    operands = [ones(2, 3, 2, DEPTH, UNITS), ones(UNITS)]
    return written(folder, "CONV_3D", operands, options, data)


def large_volume(folder: Path, data: tuple[int, ...]) -> Path:
    options = lite.table("Conv3DOptions", padding=1, stride_d=2, stride_h=2, stride_w=2)
    sizes = np.array([data[0], *(size * 2 for size in data[1:4]), UNITS], np.int32)
    operands = [sizes, ones(2, 2, 2, UNITS, DEPTH), ones(UNITS)]
    return written(folder, "CONV_3D_TRANSPOSE", operands, options, data, place=2)


STEPS = (BATCH, 6, DEPTH)
TURNED = (6, BATCH, DEPTH)
MAP = (BATCH, 5, 6, 7, DEPTH)

CASES: dict[str, tuple[Any, tuple[int, ...]]] = {
    "lstm": (lambda folder: lstm(folder, STEPS), STEPS),
    "lstm-time": (lambda folder: lstm(folder, TURNED, time_major=True), TURNED),
    "rnn": (lambda folder: rnn(folder, "RNN", (BATCH, DEPTH)), (BATCH, DEPTH)),
    "steps": (lambda folder: rnn(folder, "UNIDIRECTIONAL_SEQUENCE_RNN", STEPS), STEPS),
    "steps-time": (
        lambda folder: rnn(folder, "UNIDIRECTIONAL_SEQUENCE_RNN", TURNED, time_major=True),
        TURNED,
    ),
    "same": (lambda folder: volume(folder, MAP, same=True), MAP),
    "valid": (lambda folder: volume(folder, MAP, same=False), MAP),
    "transposed": (lambda folder: large_volume(folder, MAP), MAP),
}


@pytest.mark.parametrize("case", CASES)
def test_as_the_runtime_makes_them(case: str, tmp_path: Path) -> None:
    make, shape = CASES[case]
    path = make(tmp_path)
    graph = resized(load(path), {"x": shape}).graphs[0]
    found = [sizes_of(graph.values[index]) for index in graph.outputs]
    assert found == [each.shape for each in single.run(path, {"x": np.zeros(shape, np.float32)})]


@pytest.mark.parametrize("make", [lstm_both_ways, rnn_both_ways])
@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize("shape", [STEPS, TURNED])
def test_both_ways_are_joined_or_apart(
    make: Any, joined: bool, shape: tuple[int, ...], tmp_path: Path
) -> None:
    path = make(tmp_path, shape, merge_outputs=joined, time_major=shape == TURNED)
    graph = resized(load(path), {"x": shape}).graphs[0]
    found = [sizes_of(graph.values[index]) for index in graph.outputs]
    assert found == [each.shape for each in single.run(path, {"x": np.zeros(shape, np.float32)})]
    backward = UNITS if make is lstm_both_ways else 2
    assert found[0] == (*shape[:2], UNITS + backward if joined else UNITS)


def test_filters_for_other_channels_are_told(tmp_path: Path) -> None:
    model = load(volume(tmp_path, MAP, same=True))
    with pytest.raises(UsageError, match="its filters are for 3 channels; it is given 2"):
        resized(model, {"x": (*MAP[:4], 2)})
