"""Sums over axes, of values, sizes or squares, out of means and convolutions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.formula import formula
from npulint.fixers.pointwise.ways import channel_axis, readings_of, unfit
from npulint.fixers.reading import stored
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal, always
from npulint.operators.rearrangements import Reduce

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.building.formula import Formula
    from npulint.fixers.norms.constants import Readings
    from npulint.model import Graph, Node

_KINDS = ("sum", "l1", "l2", "sum_square")


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum over axes.

    Attributes:
        kind: What is added: `sum` the values, `l1` their sizes, `sum_square` their squares; `l2`
            is the root of the latter.
        source: Position of the value.
        shape: Its sizes, as stored.
        axes: As stored, ascending.
        channel_axis: Where feature maps hold their channels.
        result: Shape of the result.
    """

    kind: str
    source: int
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    channel_axis: int
    result: tuple[int, ...]


def recognise(graph: Graph) -> Iterator[Occurrence[Sum]]:
    """Find every sum over axes."""
    readings = readings_of(graph)
    for node in graph.nodes:
        operator = readings.operator(node)
        if isinstance(operator, Reduce) and operator.kind in _KINDS:
            found = _read(readings, node, operator)
            yield Occurrence(node.op, (node.index,), node.outputs, found)


def _read(readings: Readings, node: Node, sums: Reduce) -> Sum | Refusal:
    ends = node.inputs[0], node.outputs[0]
    refusal = unfit(readings, node, ends)
    if refusal is not None:
        return refusal
    shape, result = (readings.sizes(index) or () for index in ends)
    if not shape:
        return Refusal("it adds along no axis")
    rank = len(shape)
    axes = tuple(sorted(stored(readings.graph, axis, rank) % rank for axis in sums.axes))
    if not axes:
        return Refusal("it adds along no axis")
    return Sum(sums.kind, ends[0], shape, axes, channel_axis(readings, rank), result)


def _over_channels(s: Sum) -> Refusal | None:
    if len(s.shape) != 4 or s.axes != (s.channel_axis,):
        return Refusal("it is not over the channels of a feature map alone")
    return None


def _parts(made: Formula, s: Sum) -> int:
    """What is added."""
    if s.kind == "l1":
        return made.unary("abs", s.source)
    return s.source if s.kind == "sum" else made.binary("mul", s.source, s.source)


def _finished(made: Formula, s: Sum, total: int) -> list[int]:
    whole = made.unary("sqrt", total) if s.kind == "l2" else total
    return [made.reshape(whole, s.result)]


def _by_means(builder: Builder, s: Sum) -> list[int]:
    made = formula(builder, s.source)
    count = math.prod(s.shape[axis] for axis in s.axes)
    mean = made.mean(_parts(made, s), s.axes)
    return _finished(made, s, made.times(mean, float(count)))


def _by_convolution(builder: Builder, s: Sum) -> list[int]:
    made = formula(builder, s.source)
    ones = np.ones((1, s.shape[s.channel_axis]))
    return _finished(made, s, made.mix(_parts(made, s), ones, None))


FAMILY: Family[Sum] = Family(
    "sum",
    recognise,
    (
        Realisation(
            name="sum/means",
            uses=("MEAN", "MUL", "RESHAPE"),
            exactness="exact",
            argument=(
                "a sum of n is n times the mean; of sizes or squares that of these, and the length "
                "is its root"
            ),
            accepts=always,
            build=_by_means,
        ),
        Realisation(
            name="sum/convolution",
            uses=("CONV_2D", "MUL", "RESHAPE"),
            exactness="exact",
            argument="a sum over channels is a 1x1 convolution with ones",
            accepts=_over_channels,
            build=_by_convolution,
        ),
    ),
)
