"""Local response normalisation by a banded convolution; means and deviations by what makes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.bounds import zeros
from npulint.fixers.building.formula import formula
from npulint.fixers.pointwise.ways import channel_axis, readings_of, unfit
from npulint.fixers.reading import stored
from npulint.fixers.record import TIMES_ZERO, Family, Occurrence, Realisation, Refusal, always
from npulint.operators.semantics import LocalResponseNorm, MeanVarianceNorm

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array, Builder
    from npulint.fixers.building.formula import Formula
    from npulint.fixers.norms.constants import Readings
    from npulint.model import Graph, Node


@dataclass(frozen=True, slots=True)
class LocalResponse:
    """x / (bias + alpha / size * s)**beta, s the squares of neighbouring channels.

    Attributes:
        source: Position of the feature map.
        channels: Of the map.
        norm: Size of the window, and the constants.
    """

    source: int
    channels: int
    norm: LocalResponseNorm


@dataclass(frozen=True, slots=True)
class Standardised:
    """Less its mean, over its deviation.

    Attributes:
        source: Position of the value.
        axes: As stored, ascending.
    """

    source: int
    axes: tuple[int, ...]


def local_responses(graph: Graph) -> Iterator[Occurrence[LocalResponse]]:
    """Find every local response normalisation."""
    readings = readings_of(graph)
    for node in graph.nodes:
        operator = readings.operator(node)
        if isinstance(operator, LocalResponseNorm):
            found = _local_response(readings, node, operator)
            yield Occurrence(node.op, (node.index,), node.outputs, found)


def _local_response(
    readings: Readings, node: Node, norm: LocalResponseNorm
) -> LocalResponse | Refusal:
    refusal = unfit(readings, node, (node.inputs[0], node.outputs[0]))
    shape = readings.sizes(node.inputs[0]) or ()
    if refusal is None and len(shape) != 4:
        refusal = Refusal("it is no feature map of 4 dimensions")
    if refusal is None and norm.size % 2 == 0:
        refusal = Refusal("its window has no middle: no runtime takes an even size")
    return refusal or LocalResponse(node.inputs[0], shape[channel_axis(readings, 4)], norm)


def standardised(graph: Graph) -> Iterator[Occurrence[Standardised]]:
    """Find every normalisation by mean and variance in one operator."""
    readings = readings_of(graph)
    for node in graph.nodes:
        operator = readings.operator(node)
        if isinstance(operator, MeanVarianceNorm):
            rank = len(readings.sizes(node.inputs[0]) or ())
            axes = tuple(sorted(stored(graph, axis, rank) for axis in operator.axes))
            refusal = unfit(readings, node, (node.inputs[0], node.outputs[0]))
            found = refusal or Standardised(node.inputs[0], axes)
            yield Occurrence(node.op, (node.index,), node.outputs, found)


def _rooted(n: LocalResponse) -> Refusal | None:
    if n.norm.beta not in _ROOTS:
        return Refusal(f"beta is {n.norm.beta:g}: of 1/4, 1/2, 3/4 and 1 there are roots")
    return None


def _band(n: LocalResponse) -> Array:
    """What each channel adds to each, `[C, C]`."""
    whole = zeros((n.channels, n.channels), np.float32)
    place = np.arange(n.channels)
    near = np.abs(place[:, None] - place) <= n.norm.size // 2
    whole[near] = n.norm.alpha / n.norm.size
    return whole


def _below(made: Formula, n: LocalResponse) -> int:
    """What stands under the power."""
    squares = made.binary("mul", n.source, n.source)
    return made.mix(squares, _band(n), np.full(n.channels, n.norm.bias, np.float32))


def _by_roots(builder: Builder, n: LocalResponse) -> list[int]:
    made = formula(builder, n.source)
    divisor = below = _below(made, n)
    if n.norm.beta != 1.0:
        root = made.unary("sqrt", below)
        divisor = root
        if n.norm.beta != 0.5:
            fourth = made.unary("sqrt", root)
            divisor = fourth if n.norm.beta == 0.25 else made.binary("mul", root, fourth)
    return [made.binary("div", n.source, divisor)]


def _by_power(builder: Builder, n: LocalResponse) -> list[int]:
    made = formula(builder, n.source)
    below = _below(made, n)
    power = made.binary("pow", below, made.number(-n.norm.beta, below))
    return [made.binary("mul", n.source, power)]


def _by_means(builder: Builder, s: Standardised) -> list[int]:
    made = formula(builder, s.source)
    centred = made.binary("sub", s.source, made.mean(s.source, s.axes))
    variance = made.mean(made.binary("mul", centred, centred), s.axes)
    return [made.binary("div", centred, made.unary("sqrt", variance))]


_ROOTS = (0.25, 0.5, 0.75, 1.0)

LOCAL_RESPONSE: Family[LocalResponse] = Family(
    "local-response",
    local_responses,
    (
        Realisation(
            name="local-response/roots",
            uses=("MUL", "CONV_2D", "SQRT", "DIV"),
            exactness="exact",
            argument=(
                "sums over neighbouring channels are a 1x1 convolution of the squares with a band "
                "of alpha / size, bias added; the powers 1/4, 1/2, 3/4 and 1 of that are roots "
                "and a product of two"
            ),
            accepts=_rooted,
            build=_by_roots,
            limits=TIMES_ZERO,
        ),
        Realisation(
            name="local-response/power",
            uses=("MUL", "CONV_2D", "POW"),
            exactness="exact",
            argument=(
                "sums over neighbouring channels are a 1x1 convolution of the squares with a band "
                "of alpha / size, bias added; what that divides it multiplies with exponent -beta"
            ),
            accepts=always,
            build=_by_power,
            limits=TIMES_ZERO,
        ),
    ),
)

STANDARDISED: Family[Standardised] = Family(
    "mean-variance",
    standardised,
    (
        Realisation(
            name="mean-variance/means",
            uses=("MEAN", "SUB", "MUL", "SQRT", "DIV"),
            exactness="exact",
            argument=(
                "the variance is the mean of the squares of what is left of a value above its "
                "mean, and its root divides that; the 1e-9 that the standard adds to the root, "
                "onnxruntime leaves out too"
            ),
            accepts=always,
            build=_by_means,
            limits=(
                "where all elements agree it makes NaN, as onnxruntime does, where the standard "
                "has 0"
            ),
        ),
    ),
)

FAMILIES = (LOCAL_RESPONSE, STANDARDISED)
