"""Operators of any number of operands, two at a time, and ONNX's HardSigmoid of any slope."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.fixers.building.formula import formula
from npulint.fixers.pointwise.ways import readings_of, unfit
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal
from npulint.model import OMITTED
from npulint.operators.semantics import Unary, Variadic

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.norms.constants import Readings
    from npulint.model import Graph, Node

_PAIRS = ("MAXIMUM", "MINIMUM", "Max", "Min")
"""Operators that are one of two operands already where they have two."""

_MEANT = {"sum": "add", "mean": "add", "max": "max", "min": "min"}


@dataclass(frozen=True, slots=True)
class Operands:
    """The sum, mean, largest or smallest of several values, element by element.

    Attributes:
        kind: Which of these.
        values: Positions of the values.
    """

    kind: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """result = min(max(slope * source + offset, 0), 1)."""

    source: int
    slope: float
    offset: float


def several(graph: Graph) -> Iterator[Occurrence[Operands]]:
    """Find every operator of any number of operands."""
    readings = readings_of(graph)
    for node in graph.nodes:
        operator = readings.operator(node)
        if isinstance(operator, Variadic):
            found = _operands(readings, node, operator.kind)
            yield Occurrence(node.op, (node.index,), node.outputs, found)


def _operands(readings: Readings, node: Node, kind: str) -> Operands | Refusal:
    if OMITTED in node.inputs:
        return Refusal("an operand is left out")
    refusal = unfit(readings, node, (*node.inputs, node.outputs[0]))
    if refusal is not None:
        return refusal
    if len(node.inputs) < 2:
        return Refusal("it has one operand: there is nothing to compute")
    if len(node.inputs) == 2 and node.op in _PAIRS:
        return Refusal("it is of two operands already")
    return Operands(kind, node.inputs)


def lines(graph: Graph) -> Iterator[Occurrence[Line]]:
    """Find every hard sigmoid, whatever its slope."""
    readings = readings_of(graph)
    for node in graph.nodes:
        operator = readings.operator(node)
        if isinstance(operator, Unary) and operator.kind == "hardsigmoid":
            refusal = unfit(readings, node, (node.inputs[0], node.outputs[0]))
            found = refusal or Line(node.inputs[0], *operator.parameters)
            yield Occurrence(node.op, (node.index,), node.outputs, found)


def _any(_: Operands) -> Refusal | None:
    return None


def _rising(_: Line) -> Refusal | None:
    return None


def _in_pairs(builder: Builder, o: Operands) -> list[int]:
    made = formula(builder, o.values[0])
    total, *others = o.values
    for value in others:
        total = made.binary(_MEANT[o.kind], total, value)
    return [made.times(total, 1.0 / len(o.values)) if o.kind == "mean" else total]


def _clipped(builder: Builder, line: Line) -> list[int]:
    made = formula(builder, line.source)
    raised = made.plus(made.times(line.source, line.slope), line.offset)
    return [made.clip(raised, 0.0, 1.0)]


OPERANDS: Family[Operands] = Family(
    "operands",
    several,
    (
        Realisation(
            name="operands/pairs",
            uses=("ADD", "MAXIMUM", "MINIMUM", "MUL"),
            exactness="exact",
            argument=(
                "a sum, a maximum or a minimum of several is that of the first two, then of that "
                "and the next; a mean is the sum over their number"
            ),
            accepts=_any,
            build=_in_pairs,
        ),
    ),
)

LINE: Family[Line] = Family(
    "hard-sigmoid-line",
    lines,
    (
        Realisation(
            name="hard-sigmoid-line/clip",
            uses=("MUL", "ADD", "RELU_0_TO_1"),
            exactness="exact",
            argument="the definition: a x + b, no less than 0 and no more than 1",
            accepts=_rising,
            build=_clipped,
        ),
    ),
)

FAMILIES = (OPERANDS, LINE)
