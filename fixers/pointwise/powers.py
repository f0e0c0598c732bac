"""Powers with a stored exponent, squared differences and quotients out of one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from npulint.fixers.building.formula import formula
from npulint.fixers.looking import lower_bound
from npulint.fixers.pointwise.ways import activation, readings_of, unfit
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal, always
from npulint.operators.semantics import Binary, Unary

if TYPE_CHECKING:
    from collections.abc import Callable

    from npulint.fixers.building.builder import Builder
    from npulint.fixers.building.formula import Formula
    from npulint.fixers.norms.constants import Readings
    from npulint.model import Graph, Node

_HIGHEST = 16
"""Exponents up to which products are counted out."""


@dataclass(frozen=True, slots=True)
class Power:
    """result = source ** exponent."""

    source: int
    exponent: float


@dataclass(frozen=True, slots=True)
class Pair:
    """A function of two operands, with what is known of the second one.

    Attributes:
        a: Position of the first operand; None for 1.
        b: Position of the second one.
        least: A number that no element of the second operand falls below.
        activation: TFLite name of a fused activation.
    """

    a: int | None
    b: int
    least: float
    activation: str


_P: TypeAlias = Power


def powers(graph: Graph) -> Iterator[Occurrence[Power]]:
    """Find every power with one stored exponent."""
    readings = readings_of(graph)
    for node in graph.nodes:
        operator = readings.operator(node)
        if not isinstance(operator, Binary) or operator.kind != "pow":
            continue
        source, exponent = node.inputs[0], readings.numbers(node.inputs[1])
        if exponent is None or exponent.size == 0 or readings.numbers(source) is not None:
            continue
        refusal = unfit(readings, node, (source, node.outputs[0]))
        if exponent.min() != exponent.max():
            refusal = Refusal("the exponent is not one number for all elements")
        elif readings.sizes(source) != readings.sizes(node.outputs[0]):
            refusal = Refusal("the exponent has axes that the base has not")
        found = refusal or Power(source, float(exponent.flat[0]))
        yield Occurrence(node.op, (node.index,), node.outputs, found)


def _pairs(*kinds: str) -> Callable[[Graph], Iterator[Occurrence[Pair]]]:
    """Finds functions of two computed operands; a reciprocal is a quotient with 1 above."""

    def recognise(graph: Graph) -> Iterator[Occurrence[Pair]]:
        readings = readings_of(graph)
        for node in graph.nodes:
            operator = readings.operator(node)
            if isinstance(operator, (Binary, Unary)) and operator.kind in kinds:
                if readings.numbers(node.inputs[-1]) is not None:
                    continue  # A product with a constant.
                found = _pair(readings, node)
                yield Occurrence(node.op, (node.index,), node.outputs, found)

    return recognise


def _pair(readings: Readings, node: Node) -> Pair | Refusal:
    refusal = unfit(readings, node, (*node.inputs, node.outputs[0]))
    if refusal is not None:
        return refusal
    a, b = (node.inputs[0] if len(node.inputs) > 1 else None), node.inputs[-1]
    held = None if a is None else readings.numbers(a)
    same = readings.sizes(b) == readings.sizes(node.outputs[0])
    if held is not None and same and bool((held == 1.0).all()):
        a = None
    return Pair(a, b, lower_bound(readings.graph, b), activation(readings, node))


def _root(p: _P) -> Refusal | None:
    if p.exponent not in (0.5, -0.5):
        return Refusal(f"the exponent is {p.exponent:g}, neither 1/2 nor -1/2")
    return None


def _whole(p: _P) -> Refusal | None:
    if p.exponent != int(p.exponent) or not 1 <= abs(p.exponent) <= _HIGHEST:
        return Refusal(f"the exponent {p.exponent:g} is no whole number of 1 to {_HIGHEST} in size")
    if p.exponent == 1:
        return Refusal("the exponent is 1: there is nothing to compute")
    return None


def _as_root(builder: Builder, p: _P) -> list[int]:
    made = formula(builder, p.source)
    return [made.unary("sqrt" if p.exponent > 0 else "rsqrt", p.source)]


def _as_products(builder: Builder, p: _P) -> list[int]:
    made = formula(builder, p.source)
    count, square, value = abs(int(p.exponent)), p.source, None
    while count:
        if count % 2:
            value = square if value is None else made.binary("mul", value, square)
        count //= 2
        if count:
            square = made.binary("mul", square, square)
    value = p.source if value is None else value
    return [made.binary("div", made.number(1.0, value), value) if p.exponent < 0 else value]


def _divided(p: Pair) -> Refusal | None:
    return Refusal("it is no reciprocal") if p.a is not None else None


def _positive(p: Pair) -> Refusal | None:
    return None if p.least > 0 else Refusal("the divisor is not known to be above 0 everywhere")


def _difference(builder: Builder, p: Pair) -> list[int]:
    made = formula(builder, p.b)
    less = made.binary("sub", p.b if p.a is None else p.a, p.b)
    return [made.activate(made.binary("mul", less, less), p.activation)]


def _above(made: Formula, p: Pair, inverse: int) -> list[int]:
    value = inverse if p.a is None else made.binary("mul", p.a, inverse)
    return [made.activate(value, p.activation)]


def _quotient(builder: Builder, p: Pair) -> list[int]:
    made = formula(builder, p.b)
    return [made.activate(made.binary("div", made.number(1.0, p.b), p.b), p.activation)]


def _by_power(builder: Builder, p: Pair) -> list[int]:
    made = formula(builder, p.b)
    return _above(made, p, made.binary("pow", p.b, made.number(-1.0, p.b)))


def _by_roots(builder: Builder, p: Pair) -> list[int]:
    made = formula(builder, p.b)
    root = made.unary("rsqrt", p.b)
    return _above(made, p, made.binary("mul", root, root))


POWER: Family[Power] = Family(
    "power",
    powers,
    (
        Realisation(
            name="power/root",
            uses=("SQRT", "RSQRT"),
            exactness="exact",
            argument="the power with exponent 1/2 is the root, with -1/2 its reciprocal",
            accepts=_root,
            build=_as_root,
            limits="-infinity becomes NaN; as a power it is infinity or 0",
        ),
        Realisation(
            name="power/products",
            uses=("MUL", "DIV"),
            exactness="exact",
            argument="a whole power is a product of squares of squares; below 0, 1 divided by it",
            accepts=_whole,
            build=_as_products,
        ),
    ),
)

SQUARED_DIFFERENCE: Family[Pair] = Family(
    "squared-difference",
    _pairs("squared_difference"),
    (
        Realisation(
            name="squared-difference/product",
            uses=("SUB", "MUL"),
            exactness="exact",
            argument="it is the product of the difference with itself",
            accepts=always,
            build=_difference,
        ),
    ),
)

QUOTIENT: Family[Pair] = Family(
    "quotient",
    _pairs("div", "reciprocal"),
    (
        Realisation(
            name="quotient/quotient",
            uses=("DIV",),
            exactness="exact",
            argument="a reciprocal is the quotient with 1 above",
            accepts=_divided,
            build=_quotient,
        ),
        Realisation(
            name="quotient/power",
            uses=("POW", "MUL"),
            exactness="exact",
            argument="a / b is a times the power of b with exponent -1",
            accepts=always,
            build=_by_power,
        ),
        Realisation(
            name="quotient/roots",
            uses=("RSQRT", "MUL"),
            exactness="exact",
            argument="where b is above 0, 1/b is the square of its reciprocal root",
            accepts=_positive,
            build=_by_roots,
        ),
    ),
)

FAMILIES = (POWER, SQUARED_DIFFERENCE, QUOTIENT)
