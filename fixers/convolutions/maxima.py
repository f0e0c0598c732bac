"""Maxima over space or channels, as spatial attention takes them, by pools."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.fixers.building.moves import Moves, moves
from npulint.fixers.reading import fixed, immovable, meaning, stored
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal
from npulint.operators.rearrangements import Reduce

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.model import Graph, Node


@dataclass(frozen=True, slots=True)
class Maximum:
    """The largest along some axes of a feature map.

    Attributes:
        source: Position of the feature map.
        shape: Its sizes, as stored.
        axes: As stored, ascending.
        channel_axis: Where the map's channels are stored.
        result: Shape of the result.
    """

    source: int
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    channel_axis: int
    result: tuple[int, ...]


def recognise(graph: Graph) -> Iterator[Occurrence[Maximum]]:
    """Find every maximum over axes, or over all of space."""
    for node in graph.nodes:
        if not node.domain and node.op in ("REDUCE_MAX", "ReduceMax", "GlobalMaxPool"):
            yield Occurrence(node.op, (node.index,), node.outputs, _read(graph, node))


def _read(graph: Graph, node: Node) -> Maximum | Refusal:
    ends = node.inputs[0], node.outputs[0]
    refusal = immovable(graph, ends)
    if refusal is not None:
        return refusal
    record = Reduce("max", (2, 3), True) if node.op == "GlobalMaxPool" else meaning(graph, node)
    if not isinstance(record, Reduce):
        return record if isinstance(record, Refusal) else Refusal("it is no maximum over axes")
    shape, result = (fixed(graph.values[index]) or () for index in ends)
    if len(shape) != 4:
        return Refusal("it is no maximum of a feature map of 4 dimensions")
    axes = tuple(sorted(stored(graph, axis, 4) for axis in record.axes))
    return Maximum(ends[0], shape, axes, 3 if graph.dialect == "tflite" else 1, result)


def _over_space(m: Maximum) -> Refusal | None:
    if not m.axes or 0 in m.axes or m.channel_axis in m.axes:
        return Refusal("it is not over height or width alone")
    return None


def _over_channels(m: Maximum) -> Refusal | None:
    return None if m.axes == (m.channel_axis,) else Refusal("it is not over the channels alone")


def _pooled(builder: Builder, m: Maximum) -> list[int]:
    made = moves(builder, m.source)
    space = [axis for axis in (1, 2, 3) if axis != m.channel_axis]
    rows, columns = (m.shape[axis] if axis in m.axes else 1 for axis in space)
    return [made.reshape(_pool(made, m.source, (rows, columns)), m.result)]


def _pooled_channels(builder: Builder, m: Maximum) -> list[int]:
    made = moves(builder, m.source)
    channels, batch = m.shape[m.channel_axis], m.shape[0]
    places = math.prod(m.shape[1:]) // channels
    if m.channel_axis == 3:
        plane = made.reshape(m.source, (batch, places, channels, 1))
        return [made.reshape(_pool(made, plane, (1, channels)), m.result)]
    plane = made.reshape(m.source, (batch, 1, channels, places))
    return [made.reshape(_pool(made, plane, (channels, 1)), m.result)]


def _pool(m: Moves, value: int, window: tuple[int, int]) -> int:
    """The largest of each window; windows do not overlap."""
    batch, *sizes = m.shape(value)
    if m.builder.graph.dialect == "onnx":
        shape = batch, sizes[0], sizes[1] // window[0], sizes[2] // window[1]
        return m.made(
            "MaxPool", (value,), shape, kernel_shape=window, strides=window, pads=(0, 0, 0, 0)
        )
    shape = batch, sizes[0] // window[0], sizes[1] // window[1], sizes[2]
    return m.made(
        "MAX_POOL_2D", (value,), shape, padding="VALID", stride_w=window[1], stride_h=window[0],
        filter_width=window[1], filter_height=window[0], fused_activation_function="NONE",
    )  # fmt: skip


FAMILY: Family[Maximum] = Family(
    "maximum-over",
    recognise,
    (
        Realisation(
            name="maximum-over/pool",
            uses=("MAX_POOL_2D", "RESHAPE"),
            exactness="exact",
            argument="a maximum over space is a max pool whose window is the whole map",
            accepts=_over_space,
            build=_pooled,
        ),
        Realisation(
            name="maximum-over/pool-channels",
            uses=("RESHAPE", "MAX_POOL_2D"),
            exactness="exact",
            argument=(
                "with places as one axis and channels as the other of a map of one channel, a "
                "maximum over channels is a max pool along that axis"
            ),
            accepts=_over_channels,
            build=_pooled_channels,
        ),
    ),
)
