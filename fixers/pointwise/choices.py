"""Choices by stored masks, and whole numbers above out of those below, by other operators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.formula import formula
from npulint.fixers.pointwise.ways import readings_of, unfit
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal, always
from npulint.operators.semantics import Unary, Where

if TYPE_CHECKING:
    import numpy.typing as npt

    from npulint.fixers.building.builder import Builder
    from npulint.fixers.norms.constants import Readings
    from npulint.model import Graph, Node

_OTHER = {"ceil": "floor", "floor": "ceil"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of two values at each place, as a stored mask says.

    Attributes:
        mask: Where the first is taken.
        first: Position of the one.
        second: Position of the other.
        shape: Of the result.
    """

    mask: npt.NDArray[np.bool_]
    first: int
    second: int
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rounding:
    """The whole number below or above.

    Attributes:
        source: Position of the value.
        kind: `floor` or `ceil`.
    """

    source: int
    kind: str


def choices(graph: Graph) -> Iterator[Occurrence[Choice]]:
    """Find every choice between two values."""
    readings = readings_of(graph)
    for node in graph.nodes:
        if isinstance(readings.operator(node), Where):
            yield Occurrence(node.op, (node.index,), node.outputs, _read(readings, node))


def _read(readings: Readings, node: Node) -> Choice | Refusal:
    condition, *values = node.inputs
    refusal = unfit(readings, node, (*values, node.outputs[0]))
    if refusal is not None:
        return refusal
    held = readings.graph.values[condition].constant
    if held is None or held.sparse:
        return Refusal("what it goes by is computed while the model runs")
    stored = [readings.numbers(index) for index in values]
    if all(item is not None for item in stored):
        return Refusal("both of its values are constants")
    if readings.graph.dialect == "tflite" and any(
        item is not None and not np.isfinite(item).all() for item in stored
    ):
        return Refusal("it stores infinite elements, and sums in TFLite end at the largest float")
    shape = readings.sizes(node.outputs[0]) or ()
    mask = held.read().astype(bool)
    ranks = {len(readings.sizes(index) or ()) for index in values}
    if node.op == "SELECT" and (mask.ndim != len(shape) or ranks != {len(shape)}):
        return Refusal("its mask has fewer axes, and goes by the first of them")
    return Choice(mask, values[0], values[1], shape)


def roundings(graph: Graph) -> Iterator[Occurrence[Rounding]]:
    """Find every whole number below or above."""
    readings = readings_of(graph)
    for node in graph.nodes:
        operator = readings.operator(node)
        if isinstance(operator, Unary) and operator.kind in _OTHER:
            refusal = unfit(readings, node, (node.inputs[0], node.outputs[0]))
            found = refusal or Rounding(node.inputs[0], operator.kind)
            yield Occurrence(node.op, (node.index,), node.outputs, found)


def _masked(builder: Builder, c: Choice) -> list[int]:
    made = formula(builder, c.first)
    first, second = (
        _share(builder, c, index, mask) for index, mask in ((c.first, c.mask), (c.second, ~c.mask))
    )
    for one, other in ((first, second), (second, first)):
        held = builder.at(other).constant
        if held is not None and not held.read().any() and made.shape(one) == c.shape:
            return [one]
    return [made.binary("add", first, second)]


def _share(builder: Builder, c: Choice, index: int, mask: npt.NDArray[np.bool_]) -> int:
    """A value where it is chosen and 0 elsewhere, in the result's rank."""
    mask = mask.reshape((1,) * (len(c.shape) - mask.ndim) + mask.shape)
    held = builder.at(index).constant
    if held is None:
        weights = builder.constant(mask.astype(np.float32), "mask")
        return formula(builder, c.first).binary("mul", index, weights)
    item = held.read().astype(np.float32)
    item = item.reshape((1,) * (len(c.shape) - item.ndim) + item.shape)
    return builder.constant(np.where(mask, item, np.float32(0)), "chosen")


def _turned(builder: Builder, r: Rounding) -> list[int]:
    made = formula(builder, r.source)
    return [made.unary("neg", made.unary(_OTHER[r.kind], made.unary("neg", r.source)))]


WHERE: Family[Choice] = Family(
    "where",
    choices,
    (
        Realisation(
            name="where/mask",
            uses=("MUL", "ADD"),
            exactness="exact",
            argument=(
                "with a stored mask m of 0 and 1 it is m a + (1 - m) b, one of which is 0; what is "
                "stored of a and b is multiplied beforehand"
            ),
            accepts=always,
            build=_masked,
            limits="an infinite element that is not chosen becomes NaN, as a multiple of 0",
        ),
    ),
)

ROUNDING: Family[Rounding] = Family(
    "rounding",
    roundings,
    (
        Realisation(
            name="rounding/negated",
            uses=("NEG", "FLOOR", "CEIL"),
            exactness="exact",
            argument="the whole number above x is the one below -x, negated, and the other way",
            accepts=always,
            build=_turned,
        ),
    ),
)

FAMILIES = (WHERE, ROUNDING)
