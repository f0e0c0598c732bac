"""Products and minima over axes, and which place has the largest, out of what targets have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.formula import formula
from npulint.fixers.building.moves import moves
from npulint.fixers.pointwise.ways import readings_of, unfit
from npulint.fixers.reading import stored
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal, always
from npulint.operators.rearrangements import Reduce
from npulint.operators.semantics import Hardmax

if TYPE_CHECKING:
    from collections.abc import Callable

    from npulint.fixers.building.builder import Builder
    from npulint.fixers.norms.constants import Readings
    from npulint.model import Graph, Node

_MOST = 16
"""Samples along an axis that are multiplied one by one."""

_WHOLE = 1 << 24
"""Up to here float32 holds every whole number."""

_FLOAT = 1
"""What ONNX calls float32."""


@dataclass(frozen=True, slots=True)
class Reduction:
    """A product or the least over axes.

    Attributes:
        source: Position of the value.
        shape: Its sizes, as stored.
        axes: As stored, ascending.
        result: Shape of the result.
    """

    source: int
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    result: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Largest:
    """1 at the first of the largest elements along an axis, 0 elsewhere.

    Attributes:
        source: Position of the value.
        shape: Its sizes.
        axis: The axis.
    """

    source: int
    shape: tuple[int, ...]
    axis: int


def _over(kind: str) -> Callable[[Graph], Iterator[Occurrence[Reduction]]]:
    def recognise(graph: Graph) -> Iterator[Occurrence[Reduction]]:
        readings = readings_of(graph)
        for node in graph.nodes:
            operator = readings.operator(node)
            if isinstance(operator, Reduce) and operator.kind == kind:
                found = _read(readings, node, operator)
                yield Occurrence(node.op, (node.index,), node.outputs, found)

    return recognise


def _read(readings: Readings, node: Node, reduction: Reduce) -> Reduction | Refusal:
    refusal = unfit(readings, node, (node.inputs[0], node.outputs[0]))
    if refusal is not None:
        return refusal
    shape, result = (readings.sizes(index) or () for index in (node.inputs[0], node.outputs[0]))
    rank = len(shape)
    axes = tuple(sorted(stored(readings.graph, axis, rank) % rank for axis in reduction.axes))
    if not axes:
        return Refusal("it is along no axis")
    return Reduction(node.inputs[0], shape, axes, result)


def hardmaxes(graph: Graph) -> Iterator[Occurrence[Largest]]:
    """Find every Hardmax."""
    readings = readings_of(graph)
    for node in graph.nodes:
        operator = readings.operator(node)
        if isinstance(operator, Hardmax):
            refusal = unfit(readings, node, (node.inputs[0], node.outputs[0]))
            shape = readings.sizes(node.inputs[0]) or ()
            found = refusal or Largest(node.inputs[0], shape, operator.axis)
            yield Occurrence(node.op, (node.index,), node.outputs, found)


def _few(r: Reduction) -> Refusal | None:
    most = max(r.shape[axis] for axis in r.axes)
    return Refusal(f"{most} samples along an axis; {_MOST} at most") if most > _MOST else None


def _countable(h: Largest) -> Refusal | None:
    if h.shape[h.axis] > _WHOLE:
        return Refusal(f"float32 does not tell {h.shape[h.axis]:,} positions apart")
    return None


def _multiplied(builder: Builder, r: Reduction) -> list[int]:
    """Halves by halves, as long as there are two."""
    made, m = formula(builder, r.source), moves(builder, r.source)
    value = r.source
    for axis in r.axes:
        while (size := m.shape(value)[axis]) > 1:
            half = size // 2
            parts = [m.cut(value, axis, start, start + half) for start in (0, half)]
            product = made.binary("mul", *parts)
            if size % 2:
                product = m.join([product, m.cut(value, axis, size - 1, size)], axis)
            value = product
    if value == r.source:
        return [m.copy(value, r.result)]
    return [made.reshape(value, r.result)]


def _negated(builder: Builder, r: Reduction) -> list[int]:
    made = formula(builder, r.source)
    turned = made.unary("neg", made.largest(made.unary("neg", r.source), r.axes))
    return [made.reshape(turned, r.result)]


def _placed(builder: Builder, h: Largest) -> list[int]:
    """How far each place is from that of the largest: 0 there, at least 1 elsewhere."""
    made = formula(builder, h.source)
    rest = tuple(size for axis, size in enumerate(h.shape) if axis != h.axis)
    found = builder.value_node("ArgMax", (h.source,), rest, axis=h.axis, keepdims=0)
    builder.values[-1] = replace(builder.values[-1], dtype="int64")
    place = builder.value_node("Cast", (found,), rest, to=_FLOAT)
    builder.values[-1] = replace(builder.values[-1], dtype="float32")
    place = made.reshape(place, [1 if a == h.axis else n for a, n in enumerate(h.shape)])
    places = made.along(np.arange(h.shape[h.axis]), (h.axis,), len(h.shape))
    apart = made.unary("abs", made.binary("sub", places, place))
    return [made.unary("relu", made.binary("sub", made.number(1.0, h.source), apart))]


PRODUCT: Family[Reduction] = Family(
    "product-over",
    _over("prod"),
    (
        Realisation(
            name="product-over/products",
            uses=("STRIDED_SLICE", "MUL", "CONCATENATION", "RESHAPE"),
            exactness="exact",
            argument=(
                "a product over an axis is that of its halves, one multiplied by the other; at "
                f"most {_MOST} samples along an axis"
            ),
            accepts=_few,
            build=_multiplied,
        ),
    ),
)

MINIMUM: Family[Reduction] = Family(
    "minimum-over",
    _over("min"),
    (
        Realisation(
            name="minimum-over/negated",
            uses=("NEG", "REDUCE_MAX", "RESHAPE"),
            exactness="exact",
            argument="the least is the largest of the negated values, negated",
            accepts=always,
            build=_negated,
        ),
    ),
)

HARDMAX: Family[Largest] = Family(
    "hardmax",
    hardmaxes,
    (
        Realisation(
            name="hardmax/positions",
            uses=("ARG_MAX", "CAST", "RESHAPE", "SUB", "ABS", "RELU"),
            exactness="exact",
            argument=(
                "with k the first position of the largest, relu(1 - |i - k|) is 1 at i = k and 0 "
                "elsewhere: whole numbers, which float32 holds"
            ),
            accepts=_countable,
            build=_placed,
        ),
    ),
)

FAMILIES = (PRODUCT, MINIMUM, HARDMAX)
