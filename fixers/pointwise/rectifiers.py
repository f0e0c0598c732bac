"""PRELU and LEAKY_RELU, however they are spelt, and what computes them without either."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.fixers.building.formula import formula
from npulint.fixers.pointwise import slopes as slopes_reading
from npulint.fixers.pointwise.ways import channel_axis, readings_of, unfit
from npulint.fixers.record import OF_DIFFERENCE, Family, Occurrence, Realisation, Refusal, always
from npulint.operators.semantics import PRelu, Unary

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.building.formula import Formula
    from npulint.fixers.norms.constants import Numbers, Readings
    from npulint.model import Graph, Node


@dataclass(frozen=True, slots=True, eq=False)
class Rectifier:
    """x where it is positive, else slope times x.

    Attributes:
        op: The operator that was met.
        source: Position of x.
        slope: All its axes given, each of size 1 or that of x; None where it is computed.
        computed: Position of a slope that is computed at run time.
        channels: Size of x along the channel axis.
    """

    op: str
    source: int
    slope: Numbers | None
    computed: int | None
    channels: int


_R: TypeAlias = Rectifier


_SAME = 4e-7
"""How far from 1 a slope is that exporters made of several constants in float32."""


def recognise(graph: Graph) -> Iterator[Occurrence[Rectifier]]:
    """Find every PRELU and LEAKY_RELU, and what computes the same out of other operators."""
    readings = readings_of(graph)
    for node in graph.nodes:
        operator = readings.operator(node)
        if isinstance(operator, PRelu):
            found = _read(readings, node, None)
        elif isinstance(operator, Unary) and operator.kind == "leakyrelu":
            found = _read(readings, node, operator.parameters[0])
        else:
            yield from _composed(readings, node)
            continue
        yield Occurrence(node.op, (node.index,), node.outputs[:1], found)


def _composed(readings: Readings, last: Node) -> Iterator[Occurrence[Rectifier]]:
    """The rectifier of fewest nodes that ends with a node."""
    shape = readings.sizes(last.outputs[0]) if last.outputs else None
    if not shape or len(shape) < 2:
        return
    for nodes, source, slopes in slopes_reading.found(readings, last):
        below, above = slopes.below, slopes.above
        if np.abs(above - 1.0).max() > _SAME or _plain(below) or below.ndim > len(shape):
            continue
        if readings.sizes(source) != shape or unfit(readings, last, (source, last.outputs[0])):
            continue
        slope = below.reshape((1,) * (len(shape) - below.ndim) + below.shape)
        op = "+".join(readings.graph.nodes[index].op for index in nodes)
        channels = shape[channel_axis(readings, len(shape))]
        yield Occurrence(op, nodes, last.outputs, Rectifier(op, source, slope, None, channels))
        return


def _plain(below: Numbers) -> bool:
    """Whether it is the identity, RELU or ABS."""
    return any(bool(np.all(below == number)) for number in (1.0, 0.0, -1.0))


def _read(readings: Readings, node: Node, alpha: float | None) -> Rectifier | Refusal:
    refusal = unfit(readings, node, (*node.inputs[:2], node.outputs[0]))
    if refusal is not None:
        return refusal
    shape = readings.sizes(node.outputs[0]) or ()
    if not shape or readings.sizes(node.inputs[0]) != shape:
        return Refusal("it is of a single number, or the slope gives it another shape")
    axis = channel_axis(readings, len(shape))
    if alpha is not None:
        slope = np.full((1,) * len(shape), alpha, np.float64)
        return Rectifier(node.op, node.inputs[0], slope, None, shape[axis])
    numbers = readings.numbers(node.inputs[1])
    if numbers is None:
        return Rectifier(node.op, node.inputs[0], None, node.inputs[1], shape[axis])
    if numbers.ndim > len(shape) or any(
        part not in (1, size)
        for part, size in zip(reversed(numbers.shape), reversed(shape), strict=False)
    ):
        return Refusal("the slope does not fit x")
    slope = numbers.reshape((1,) * (len(shape) - numbers.ndim) + numbers.shape)
    return Rectifier(node.op, node.inputs[0], slope, None, shape[axis])


def _uniform(r: _R) -> Refusal | None:
    if r.op.replace("_", "").lower() == "leakyrelu":
        return Refusal("it is what is there")
    if r.slope is None or r.slope.size == 0 or np.ptp(r.slope) != 0:
        return Refusal("the slope is not one number for all elements")
    return None


def _by_channel(r: _R) -> Refusal | None:
    if r.slope is None or r.op.lower() == "prelu":
        return Refusal("it is what is there")
    if r.slope.ndim < 2 or r.slope.shape[0] != 1:
        return Refusal("it has no channels, or another slope for each image")
    return None


def _contracting(r: _R) -> Refusal | None:
    if r.slope is None:
        return Refusal("the slope is computed at run time: it may lie outside of 0 to 1")
    if np.any(r.slope < 0) or np.any(r.slope > 1):
        return Refusal(
            f"slopes from {r.slope.min():.3g} to {r.slope.max():.3g} do not lie between 0 and 1"
        )
    return None


def _leaky_relu(builder: Builder, r: _R) -> list[int]:
    if r.slope is None:
        raise AssertionError("only built after `_uniform`")
    return [formula(builder, r.source).unary("leakyrelu", r.source, float(r.slope.flat[0]))]


def _prelu(builder: Builder, r: _R) -> list[int]:
    made = formula(builder, r.source)
    if r.slope is None:
        raise AssertionError("only built after `_by_channel`")
    sizes = list(r.slope.shape)
    sizes[made.channel_axis(len(sizes))] = r.channels
    return [made.prelu(r.source, np.broadcast_to(r.slope, sizes))]


def _maximum(builder: Builder, r: _R) -> list[int]:
    made = formula(builder, r.source)
    return [made.binary("max", r.source, made.binary("mul", r.source, _slope(made, r)))]


def _difference(builder: Builder, r: _R) -> list[int]:
    made = formula(builder, r.source)
    positive = made.unary("relu", r.source)
    negative = made.binary("sub", positive, r.source)
    return [made.binary("sub", positive, made.binary("mul", negative, _slope(made, r)))]


def _slope(made: Formula, r: _R) -> int:
    if r.slope is None:
        return r.source if r.computed is None else r.computed
    return made.constant(r.slope, r.source)


_KEPT = "infinity stays so, where an original of differences makes NaN of it"

FAMILY: Family[Rectifier] = Family(
    "prelu",
    recognise,
    (
        Realisation(
            name="prelu/leaky-relu",
            uses=("LEAKY_RELU",),
            exactness="exact",
            argument="a slope that is one number is the option of LEAKY_RELU, however it is spelt",
            accepts=_uniform,
            build=_leaky_relu,
            limits=_KEPT,
        ),
        Realisation(
            name="prelu/prelu",
            uses=("PRELU",),
            exactness="exact",
            argument=(
                "LEAKY_RELU is PRELU with the same slope for each channel, and so is what joins "
                "multiples of x by its sign"
            ),
            accepts=_by_channel,
            build=_prelu,
            limits=_KEPT,
        ),
        Realisation(
            name="prelu/maximum",
            uses=("MUL", "MAXIMUM"),
            exactness="exact",
            argument="where 0 <= a <= 1, a*x is above x exactly where x is negative",
            accepts=_contracting,
            build=_maximum,
            limits=_KEPT,
        ),
        Realisation(
            name="prelu/relu-difference",
            uses=("RELU", "SUB", "MUL"),
            exactness="exact",
            argument=(
                "relu(x) - x is relu(-x), without rounding, so relu(x) - a*(relu(x) - x) is x "
                "where x is positive and a*x where it is negative"
            ),
            accepts=always,
            build=_difference,
            limits=OF_DIFFERENCE,
        ),
    ),
)
