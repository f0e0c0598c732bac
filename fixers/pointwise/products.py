"""Products of two computed values, such as a SimpleGate's, without a multiplication."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.fixers.building.formula import formula
from npulint.fixers.pointwise.ways import activation, readings_of, unfit
from npulint.fixers.record import (
    BY_QUOTIENTS,
    OF_DIFFERENCE,
    Family,
    Occurrence,
    Realisation,
    Refusal,
)
from npulint.operators.semantics import Binary

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.norms.constants import Readings
    from npulint.model import Graph, Node

_MOST = 4
"""Dimensions for which TFLite's kernel of PRELU broadcasts a slope, by its name.

Source: google-ai-edge/LiteRT tflite/kernels/internal/reference/prelu.h 28-57 @34ec5bad.
"""


@dataclass(frozen=True, slots=True)
class Product:
    """result = whole * other, then an activation.

    Attributes:
        whole: Position of an operand that has the result's sizes.
        other: Position of the other one, which broadcasts to it.
        rank: Of the result.
        slopes: Whether PRELU takes computed slopes: converters of ONNX take such a PRelu apart,
            into products again.
        activation: TFLite name of a fused activation.
    """

    whole: int
    other: int
    rank: int
    slopes: bool
    activation: str


def recognise(graph: Graph) -> Iterator[Occurrence[Product]]:
    """Find every product of two values that are computed at run time; squares are not meant."""
    readings = readings_of(graph)
    for node in graph.nodes:
        operator = readings.operator(node)
        if not isinstance(operator, Binary) or operator.kind != "mul":
            continue
        known = [readings.numbers(index) is not None for index in node.inputs]
        if not any(known) and len({*node.inputs}) == 2:
            yield Occurrence(node.op, (node.index,), node.outputs, _read(readings, node))


def _read(readings: Readings, node: Node) -> Product | Refusal:
    refusal = unfit(readings, node, (*node.inputs, node.outputs[0]))
    if refusal is not None:
        return refusal
    sizes = readings.sizes(node.outputs[0]) or ()
    first, second = node.inputs
    if readings.sizes(first) != sizes:
        first, second = second, first
    if readings.sizes(first) != sizes:
        return Refusal("neither of its operands has the sizes of the product")
    slopes = readings.graph.dialect == "tflite"
    return Product(first, second, len(sizes), slopes, activation(readings, node))


def _few_axes(p: Product) -> Refusal | None:
    if p.rank > _MOST:
        return Refusal(f"slopes are broadcast over {_MOST} axes; the product has {p.rank}")
    return None


def _without_slopes(p: Product) -> Refusal | None:
    if p.slopes and p.rank <= _MOST:
        return Refusal("PRELU takes computed slopes here, and rounds once")
    return None


def _divided(builder: Builder, p: Product) -> list[int]:
    made = formula(builder, p.whole)
    inverse = made.binary("div", made.number(1.0, p.other), p.other)
    return [made.activate(made.binary("div", p.whole, inverse), p.activation)]


def _rectified(builder: Builder, p: Product) -> list[int]:
    made = formula(builder, p.whole)
    negative = made.binary("sub", p.whole, made.unary("relu", p.whole))
    turned = made.binary("sub", negative, p.whole)
    parts = (made.rectify(each, p.other) for each in (negative, turned))
    return [made.activate(made.binary("sub", *parts), p.activation)]


FAMILY: Family[Product] = Family(
    "product",
    recognise,
    (
        Realisation(
            name="product/prelu",
            uses=("RELU", "SUB", "PRELU"),
            exactness="exact",
            argument=(
                "PRELU multiplies what is negative by its slope, here a computed one: with n = "
                "min(x, 0) = x - relu(x) and q = -relu(x) = n - x, both without rounding, x b is "
                "prelu(n, b) - prelu(q, b), one of which is 0; up to 4 dimensions"
            ),
            accepts=_few_axes,
            build=_rectified,
            limits=OF_DIFFERENCE,
        ),
        Realisation(
            name="product/quotients",
            uses=("DIV",),
            exactness="exact",
            argument=(
                "a b is a / (1 / b): 1 / 0 is infinite, and what is divided by that is 0; not "
                "where PRELU multiplies by computed slopes, which rounds once instead of twice"
            ),
            accepts=_without_slopes,
            build=_divided,
            limits=BY_QUOTIENTS,
        ),
    ),
)
