"""Products that are quotients: with a logistic function (gates), with a reciprocal root."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.fixers.building.formula import formula
from npulint.fixers.pointwise.ways import activation, readings_of, unfit
from npulint.fixers.record import Family, Occurrence, Realisation, always
from npulint.operators.semantics import Binary, Unary

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.norms.constants import Readings
    from npulint.model import Graph, Node


@dataclass(frozen=True, slots=True)
class Gate:
    """result = source * function(gate), then an activation.

    Attributes:
        source: Position of what is multiplied.
        gate: Position of what the function is taken of.
        activation: TFLite name of a fused activation.
    """

    source: int
    gate: int
    activation: str


def _recogniser(kind: str) -> Callable[[Graph], Iterator[Occurrence[Gate]]]:
    """Finds every product with some function of one value."""

    def recognise(graph: Graph) -> Iterator[Occurrence[Gate]]:
        readings = readings_of(graph)
        for node in graph.nodes:
            operator = readings.operator(node)
            if not isinstance(operator, Binary) or operator.kind != "mul":
                continue
            for place in (1, 0):
                maker = _maker(readings, node.inputs[place], kind)
                if maker is not None:
                    yield _occurrence(readings, node, maker, node.inputs[1 - place])
                    break

    return recognise


def _occurrence(readings: Readings, node: Node, maker: Node, source: int) -> Occurrence[Gate]:
    gate = maker.inputs[0]
    refusal = unfit(readings, node, (source, gate, node.outputs[0]))
    found = refusal or Gate(source, gate, activation(readings, node))
    nodes = (maker.index, node.index)
    return Occurrence(f"{maker.op}+{node.op}", nodes, node.outputs, found)


def _maker(readings: Readings, value: int, kind: str) -> Node | None:
    makers = readings.graph.uses[value].makers if value >= 0 else ()
    if len(makers) != 1:
        return None
    operator = readings.operator(makers[0])
    return makers[0] if isinstance(operator, Unary) and operator.kind == kind else None


def _quotient(builder: Builder, g: Gate) -> list[int]:
    made = formula(builder, g.gate)
    raised = made.plus(made.unary("exp", made.times(g.gate, -1.0)), 1.0)
    return [made.activate(made.binary("div", g.source, raised), g.activation)]


def _over_root(builder: Builder, g: Gate) -> list[int]:
    made = formula(builder, g.gate)
    return [made.activate(made.binary("div", g.source, made.unary("sqrt", g.gate)), g.activation)]


GATE: Family[Gate] = Family(
    "gate",
    _recogniser("sigmoid"),
    (
        Realisation(
            name="gate/quotient",
            uses=("MUL", "EXP", "ADD", "DIV"),
            exactness="exact",
            argument="x logistic(z) is x / (1 + exp(-z)); the divisor is never below 1",
            accepts=always,
            build=_quotient,
        ),
    ),
)

OVER_ROOT: Family[Gate] = Family(
    "over-root",
    _recogniser("rsqrt"),
    (
        Realisation(
            name="over-root/quotient",
            uses=("SQRT", "DIV"),
            exactness="exact",
            argument="a product with a reciprocal root is a quotient by the root",
            accepts=always,
            build=_over_root,
        ),
    ),
)

FAMILIES = (GATE, OVER_ROOT)
