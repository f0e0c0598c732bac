"""Products with a logistic function: gates, and the attention that is made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.fixers.formula import formula
from npulint.fixers.norm_constants import Readings
from npulint.fixers.pointwise import activation, unfit
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal
from npulint.operators.semantics import Binary, Unary

if TYPE_CHECKING:
    from npulint.fixers.builder import Builder
    from npulint.model import Graph, Node


@dataclass(frozen=True, slots=True)
class Gate:
    """result = source * logistic(gate), then an activation.

    Attributes:
        source: Position of what is gated.
        gate: Position of what the logistic function is taken of.
        activation: TFLite name of a fused activation.
    """

    source: int
    gate: int
    activation: str


def recognise(graph: Graph) -> Iterator[Occurrence[Gate]]:
    """Find every product with a logistic function."""
    readings = Readings(graph)
    for node in graph.nodes:
        operator = readings.operator(node)
        if not isinstance(operator, Binary) or operator.kind != "mul":
            continue
        for place in (1, 0):
            logistic = _logistic(readings, node.inputs[place])
            if logistic is None:
                continue
            source, gate = node.inputs[1 - place], logistic.inputs[0]
            refusal = unfit(readings, node, (source, gate, node.outputs[0]))
            nodes = (logistic.index, node.index)
            found = refusal or Gate(source, gate, activation(readings, node))
            yield Occurrence(f"{logistic.op}+{node.op}", nodes, node.outputs, found)
            break


def _logistic(readings: Readings, value: int) -> Node | None:
    makers = readings.graph.uses[value].makers if value >= 0 else ()
    if len(makers) != 1:
        return None
    operator = readings.operator(makers[0])
    return makers[0] if isinstance(operator, Unary) and operator.kind == "sigmoid" else None


def _always(_: Gate) -> Refusal | None:
    return None


def _quotient(builder: Builder, g: Gate) -> list[int]:
    made = formula(builder, g.gate)
    raised = made.plus(made.unary("exp", made.times(g.gate, -1.0)), 1.0)
    return [made.activate(made.binary("div", g.source, raised), g.activation)]


FAMILY: Family[Gate] = Family(
    "gate",
    recognise,
    (
        Realisation(
            name="gate/quotient",
            uses=("MUL", "EXP", "ADD", "DIV"),
            exactness="exact",
            argument="x logistic(z) is x / (1 + exp(-z)); the divisor is never below 1",
            accepts=_always,
            build=_quotient,
        ),
    ),
)
