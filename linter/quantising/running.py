"""A float model and its quantised versions, run on the same samples and read as real numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.runtimes import Runner
from npulint.verification import pairing

if TYPE_CHECKING:
    import numpy.typing as npt

    from npulint.model import Model, Value
    from npulint.runtimes import Array, Key
    from npulint.verification.sample_files import Named

Floats: TypeAlias = "npt.NDArray[np.float32]"

_TOGETHER = 1 << 28
"""Bytes of values that are kept at a time: all of a network's may not fit into memory."""


_BEHIND = "_DequantizeLinear_Output"
"""What onnxruntime's quantiser names a value by behind the pair of nodes that it adds.

Source: microsoft/onnxruntime python/tools/quantization/quant_utils.py, DEQUANT_OUTPUT_SUFFIX.
"""


@dataclass(slots=True)
class Power:
    """Of a value in the float model, and of what differs from it."""

    signal: float = 0.0
    noise: float = 0.0


def outputs(model: Model, samples: Sequence[Named]) -> Iterator[tuple[str, list[Floats]]]:
    """The runtime, and what a model puts out on each sample, in the order of its outputs."""
    graph = model.graphs[0]
    with Runner(model.path, model.dialect) as runner:
        known = _values(model)
        for sample in samples:
            runner.run(_fed(model, runner, sample))
            found = [
                real(known.get(slot.key), runner.fetch(slot.key))
                for slot in runner.outputs[: len(graph.outputs)]
            ]
            yield runner.runtime, found


def powers(
    one: Model,
    other: Model,
    samples: Sequence[Named],
) -> Mapping[str, Power]:
    """For each value that both models name alike, its power and that of the difference."""
    pairs = list(_pairs(one, other))
    found = {name: Power() for name, _, _ in pairs}
    for together in _batches(pairs):
        with ExitStack() as stack:
            runners = [
                stack.enter_context(
                    Runner(model.path, model.dialect, watch=_watched(model, together, which))
                )
                for which, model in enumerate((one, other))
            ]
            for sample in samples:
                for model, runner in zip((one, other), runners, strict=True):
                    runner.run(_fed(model, runner, sample))
                for name, a, b in together:
                    exact = real(a, runners[0].fetch(_key(one, a))).astype(np.float64)
                    coarse = real(b, runners[1].fetch(_key(other, b)))
                    if exact.shape == coarse.shape:
                        found[name].signal += float(np.square(exact).sum())
                        found[name].noise += float(np.square(exact - coarse).sum())
    return found


def real(value: Value | None, array: Array) -> Floats:
    """What an array stands for: quantised numbers times their scale."""
    held = None if value is None else value.quantisation
    if held is None or held.scale is None or array.dtype.kind not in "iu":
        return array.astype(np.float32)
    zero = held.zero_points[0] if held.zero_points else 0
    found: Floats = ((array.astype(np.float32) - zero) * held.scale).astype(np.float32)
    return found


def _fed(model: Model, runner: Runner, sample: Named) -> list[Array]:
    """A sample of the float model's as a model takes it: on its inputs' grids."""
    known = _values(model)
    ports = pairing.ports(model, runner.inputs, "input")
    arrays = list(sample.arrays.values())
    fed = []
    for place, port in enumerate(ports):
        array = next(
            (sample.arrays[name] for name in port.names if name in sample.arrays), arrays[place]
        )
        wanted, value = np.dtype(port.dtype), known.get(port.key)
        held = None if value is None else value.quantisation
        if wanted.kind in "iu" and array.dtype.kind == "f" and held and held.scale:
            zero = held.zero_points[0] if held.zero_points else 0
            limits = np.iinfo(wanted)
            array = np.clip(np.rint(array / held.scale) + zero, limits.min, limits.max)
        fed.append(array.astype(wanted))
    return fed


def _values(model: Model) -> Mapping[Key, Value]:
    graph = model.graphs[0]
    return {_key(model, value): value for value in graph.values}


def _key(model: Model, value: Value) -> Key:
    return value.name if model.dialect == "onnx" else value.index


def _pairs(one: Model, other: Model) -> Iterator[tuple[str, Value, Value]]:
    """Float values that a node of both main graphs makes, by a name that each has once.

    Where onnxruntime's quantiser puts a pair of nodes behind a value, it is what comes out of
    them: an activation before them may be gone, since the limits of 8 bits are its own.
    """
    ours, theirs = _made(one), _made(other)
    for name, value in ours.items():
        found = theirs.get(f"{name}{_BEHIND}", theirs.get(name))
        if value.dtype == "float32" and found is not None:
            yield name, value, found


def _made(model: Model) -> dict[str, Value]:
    graph = model.graphs[0]
    found: dict[str, Value] = {}
    twice: set[str] = set()
    for node in graph.nodes:
        for index in node.outputs:
            value = graph.values[index] if index >= 0 else None
            if value is None or not value.name or value.constant is not None:
                continue
            twice |= {value.name} & found.keys()
            found[value.name] = value
    return {name: value for name, value in found.items() if name not in twice}


def _batches(
    pairs: Sequence[tuple[str, Value, Value]],
) -> Iterator[list[tuple[str, Value, Value]]]:
    together: list[tuple[str, Value, Value]] = []
    size = 0
    for pair in pairs:
        own = 2 * (pair[1].nbytes or 0)
        if together and size + own > _TOGETHER:
            yield together
            together, size = [], 0
        together.append(pair)
        size += own
    if together:
        yield together


def _watched(model: Model, pairs: Sequence[tuple[str, Value, Value]], which: int) -> list[Key]:
    """What must be asked for beyond the outputs, which are there anyway."""
    graph = model.graphs[0]
    told = {*graph.outputs} if model.dialect == "onnx" else set[int]()
    values = (pair[2] if which else pair[1] for pair in pairs)
    return [_key(model, value) for value in values if value.index not in told]
