"""Functions that jump at a threshold, out of comparisons and choices of whole maps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from npulint.fixers.building.formula import formula
from npulint.fixers.pointwise.ways import readings_of, unfit
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal
from npulint.operators.semantics import Unary

if TYPE_CHECKING:
    from collections.abc import Callable

    from npulint.fixers.building.builder import Builder
    from npulint.fixers.building.formula import Formula
    from npulint.model import Graph

_KINDS = ("thresholdedrelu", "shrink", "sign", "round")


@dataclass(frozen=True, slots=True)
class Jump:
    """A function of each element that jumps.

    Attributes:
        kind: Its name among the records of `npulint.operators`.
        source: Position of the value.
        parameters: What it is given: the threshold first, then what Shrink takes away.
    """

    kind: str
    source: int
    parameters: tuple[float, ...]


def recognise(graph: Graph) -> Iterator[Occurrence[Jump]]:
    """Find every function that jumps, written as an operator of its own."""
    readings = readings_of(graph)
    for node in graph.nodes:
        operator = readings.operator(node)
        if isinstance(operator, Unary) and operator.kind in _KINDS:
            refusal = unfit(readings, node, (node.inputs[0], node.outputs[0]))
            found = refusal or Jump(operator.kind, node.inputs[0], operator.parameters)
            yield Occurrence(node.op, (node.index,), node.outputs, found)


def _kind(kind: str) -> Callable[[Jump], Refusal | None]:
    def accepts(j: Jump) -> Refusal | None:
        return None if j.kind == kind else Refusal(f"it is no {kind}")

    return accepts


class _Chooser:
    """Comparisons with numbers, and choices between values of the shape of the source."""

    def __init__(self, builder: Builder, source: int) -> None:
        self.made: Formula = formula(builder, source)
        self.source = source
        self._builder = builder
        self._tflite = builder.graph.dialect == "tflite"

    def all(self, item: float) -> int:
        """A number everywhere; as a constant it would be as large as the map."""
        return self.made.clip(self.source, item, item)

    def above(self, value: int, item: float, there: int, otherwise: int) -> int:
        """One value where another lies above a number, a third elsewhere."""
        return self._chosen("Greater", value, item, (there, otherwise))

    def below(self, value: int, item: float, there: int, otherwise: int) -> int:
        """One value where another lies below a number, a third elsewhere."""
        return self._chosen("Less", value, item, (there, otherwise))

    def _chosen(self, op: str, value: int, item: float, values: tuple[int, int]) -> int:
        compared = (value, self.made.number(item, value))
        test = self._typed(op.upper() if self._tflite else op, compared, "bool")
        return self._typed("SELECT" if self._tflite else "Where", (test, *values), "float32")

    def _typed(self, op: str, inputs: tuple[int, ...], dtype: str) -> int:
        builder = self._builder
        made = builder.value_node(op, inputs, self.made.shape(self.source))
        builder.values[-1] = replace(builder.values[-1], dtype=dtype)
        last = builder.nodes[-1]
        builder.nodes[-1] = replace(last, version=builder.version_of(last))
        return made


def _thresholded(builder: Builder, j: Jump) -> list[int]:
    a = _Chooser(builder, j.source)
    return [a.above(j.source, j.parameters[0], j.source, a.all(0.0))]


def _shrunk(builder: Builder, j: Jump) -> list[int]:
    """Where both hold, which takes a limit below 0, the standard asks for the lower one first."""
    a = _Chooser(builder, j.source)
    limit, bias = j.parameters
    lowered, lifted = (a.made.plus(j.source, item) if bias else j.source for item in (-bias, bias))
    inner = a.above(j.source, limit, lowered, a.all(0.0))
    return [a.below(j.source, -limit, lifted, inner)]


def _sign(builder: Builder, j: Jump) -> list[int]:
    a = _Chooser(builder, j.source)
    inner = a.below(j.source, 0.0, a.all(-1.0), a.all(0.0))
    return [a.above(j.source, 0.0, a.all(1.0), inner)]


def _rounded(builder: Builder, j: Jump) -> list[int]:
    """The even one of both neighbours is twice the half of the upper one, rounded down."""
    a = _Chooser(builder, j.source)
    made = a.made
    lower = made.unary("floor", j.source)
    upper = made.plus(lower, 1.0)
    even = made.times(made.unary("floor", made.times(upper, 0.5)), 2.0)
    rest = made.binary("sub", j.source, lower)
    return [a.above(rest, 0.5, upper, a.below(rest, 0.5, lower, even))]


_NAN = "NaN is neither above nor below, and may become 0"

FAMILY: Family[Jump] = Family(
    "threshold",
    recognise,
    (
        Realisation(
            name="threshold/relu",
            uses=("GREATER", "SELECT", "MINIMUM", "MAXIMUM"),
            exactness="exact",
            argument="what lies above the threshold is chosen, 0 elsewhere",
            accepts=_kind("thresholdedrelu"),
            build=_thresholded,
            limits=_NAN,
        ),
        Realisation(
            name="threshold/shrink",
            uses=("GREATER", "LESS", "SELECT", "MINIMUM", "MAXIMUM", "ADD"),
            exactness="exact",
            argument="x - b is chosen above the threshold, x + b below minus that, 0 elsewhere",
            accepts=_kind("shrink"),
            build=_shrunk,
            limits=_NAN,
        ),
        Realisation(
            name="threshold/sign",
            uses=("GREATER", "LESS", "SELECT", "MINIMUM", "MAXIMUM", "RELU_N1_TO_1"),
            exactness="exact",
            argument="1 is chosen above 0, -1 below, 0 elsewhere",
            accepts=_kind("sign"),
            build=_sign,
            limits=_NAN,
        ),
        Realisation(
            name="threshold/round",
            uses=("FLOOR", "ADD", "MUL", "SUB", "GREATER", "LESS", "SELECT"),
            exactness="exact",
            argument=(
                "the whole number below is chosen where less than 1/2 is left above it, the next "
                "where more is, and the even one of both at 1/2; the difference is rounded to 1/2 "
                "only between -1/2 and 0, where the next is the even one"
            ),
            accepts=_kind("round"),
            build=_rounded,
        ),
    ),
)
