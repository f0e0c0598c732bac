"""Reading average pools: how many samples each window has, and how many it divides by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.fixers.building.bounds import see_that_it_fits
from npulint.fixers.moving.shuffles import planes
from npulint.fixers.reading import fixed, immovable, meaning, not_float, padding
from npulint.fixers.record import Occurrence, Refusal
from npulint.operators.semantics import Pool

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Sizes
    from npulint.model import Graph, Node
    from npulint.operators.semantics import Window

Pair: TypeAlias = "tuple[int, int]"


@dataclass(frozen=True, slots=True)
class AveragePool:
    """The mean of each window of a feature map, then an activation.

    Attributes:
        source: Position of the feature map.
        sizes: Its sizes, `[N, C, H, W]`.
        output: Sizes of the result along H and W.
        window: Along H and W.
        strides: Along H and W.
        dilations: Along H and W.
        sides: For H and W, samples that windows have before the first and behind the last one.
        counts: For H and W, how many samples each window divides by.
        inside: Whether these are the samples that lie in the map.
        is_float: Whether sums of it are exact.
        activation: TFLite name of a fused activation.
    """

    source: int
    sizes: Sizes
    output: Pair
    window: Pair
    strides: Pair
    dilations: Pair
    sides: tuple[Pair, Pair]
    counts: tuple[tuple[int, ...], tuple[int, ...]]
    inside: bool
    is_float: bool
    activation: str

    @property
    def uniform(self) -> bool:
        """Whether every window divides by its size."""
        return all(
            set(counts) == {size} for counts, size in zip(self.counts, self.window, strict=True)
        )


def recognise(graph: Graph) -> Iterator[Occurrence[AveragePool]]:
    """Find every average pooling."""
    for node in graph.nodes:
        if not node.domain and node.op in ("AVERAGE_POOL_2D", "AveragePool"):
            yield Occurrence(node.op, (node.index,), node.outputs, _read(graph, node))


def _read(graph: Graph, node: Node) -> AveragePool | Refusal:
    record = meaning(graph, node)
    if isinstance(record, Refusal):
        return record
    ends = node.inputs[0], node.outputs[0]
    refusal = immovable(graph, ends)
    shape, made = (fixed(graph.values[index]) or () for index in ends)
    if refusal is not None or not isinstance(record, Pool) or len(shape) != 4:
        return refusal or Refusal("it is no pooling of a feature map of 4 dimensions")
    sizes, output = planes(graph, shape), planes(graph, made)[2:]
    window = record.window
    pads = padding(graph, window, sizes[2:])
    if isinstance(pads, Refusal):
        return pads
    edges = [
        _edge(window, axis, size, out, pads[axis])
        for axis, (size, out) in enumerate(zip(sizes[2:], output, strict=True))
    ]
    if not all(all(edge.held) for edge in edges):
        return Refusal("a window of it lies beyond the map altogether")
    counts = [edge.counted if record.count_include_pad else edge.held for edge in edges]
    return AveragePool(
        source=ends[0],
        sizes=sizes,
        output=output,
        window=(window.kernel[0], window.kernel[1]),
        strides=(window.strides[0], window.strides[1]),
        dilations=(window.dilations[0], window.dilations[1]),
        sides=(edges[0].sides, edges[1].sides),
        counts=(counts[0], counts[1]),
        inside=counts == [edge.held for edge in edges],
        is_float=not_float(graph, ends[0]) is None,
        activation=str(node.attributes.get("fused_activation_function", "NONE"))
        if graph.dialect == "tflite"
        else "NONE",
    )


@dataclass(frozen=True, slots=True)
class _Edge:
    """How windows lie along one axis.

    Attributes:
        sides: Samples that they have before the first and behind the last one.
        held: Samples of the map that each has.
        counted: The same, and padding; what a last part of a window has beyond that is neither.
    """

    sides: Pair
    held: tuple[int, ...]
    counted: tuple[int, ...]


def _edge(window: Window, axis: int, size: int, out: int, pads: Pair) -> _Edge:
    before, after = pads
    step, stride = window.dilations[axis], window.strides[axis]
    see_that_it_fits((out, window.kernel[axis]), np.int64)
    taps = np.arange(window.kernel[axis])[None] * step
    places = np.arange(out)[:, None] * stride - before + taps
    held = ((places >= 0) & (places < size)).sum(axis=1)
    counted = ((places >= -before) & (places < size + after)).sum(axis=1)
    past = max(int(places.max(initial=0)) + 1 - size, 0)
    return _Edge((before, past), tuple(map(int, held)), tuple(map(int, counted)))
