"""Division by the Euclidean length along the channels, however it is written."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.formula import Formula, formula
from npulint.fixers.looking import maker
from npulint.fixers.norms.ways import SHORTEST
from npulint.fixers.pointwise.ways import activation, readings_of, unfit
from npulint.fixers.reading import stored
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal, always
from npulint.operators.rearrangements import Expand, Miscellaneous, Reduce
from npulint.operators.semantics import Binary, Clip, LpNorm, Unary, Variadic

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.norms.constants import Readings
    from npulint.model import Graph, Node

LEAST = float(np.sqrt(np.finfo(np.float32).tiny))
"""The length of the shortest vector whose square is a float32 of full accuracy: 1.1e-19."""

_NEAR = 1e-5
"""Relative difference up to which the length in a file is the one that a kernel clamps at."""


@dataclass(frozen=True, slots=True)
class UnitLength:
    """result = source / max(length along an axis, least), then an activation.

    Attributes:
        nodes: Positions of what computes it.
        source: Position of the vectors.
        shape: Their sizes, as stored.
        axis: As stored.
        least: Below this, lengths are taken for it.
        own: Whether it is one operator.
        clamps: The length below which the dialect's own operator takes all for that; None where
            its text says nothing of it.
        activation: TFLite name of a fused activation.
    """

    nodes: tuple[int, ...]
    source: int
    shape: tuple[int, ...]
    axis: int
    least: float
    own: bool
    clamps: float | None
    activation: str


@dataclass(frozen=True, slots=True)
class _Length:
    """A length, or its square, of vectors of a value.

    Attributes:
        nodes: What computes it.
        source: Position of the value.
        axis: As stored.
        least: It is no less.
    """

    nodes: frozenset[int]
    source: int
    axis: int
    least: float = 0.0

    def limited(self, node: Node, low: float) -> _Length:
        """No less than some number."""
        return replace(self, nodes=self.nodes | {node.index}, least=max(self.least, low))

    def rooted(self, node: Node) -> _Length:
        """The length of which this is the square."""
        return replace(self, nodes=self.nodes | {node.index}, least=math.sqrt(self.least))

    def with_node(self, node: Node) -> _Length:
        """As it is, through another node."""
        return replace(self, nodes=self.nodes | {node.index})


def recognise(graph: Graph) -> Iterator[Occurrence[UnitLength]]:
    """Find every division of vectors by their lengths."""
    readings = readings_of(graph)
    for node in graph.nodes:
        operator = readings.operator(node)
        length = None
        if isinstance(operator, LpNorm) and operator.p == 2:
            axis = stored(graph, operator.axis, len(readings.sizes(node.inputs[0]) or ()))
            least = SHORTEST if graph.dialect == "tflite" else LEAST
            length = _Length(frozenset({node.index}), node.inputs[0], axis, least)
        elif isinstance(operator, Binary) and operator.kind in ("mul", "div"):
            length = _divided(readings, node, operator.kind)
        if length is not None:
            yield _occurrence(readings, node, length)


def _occurrence(readings: Readings, node: Node, length: _Length) -> Occurrence[UnitLength]:
    nodes = tuple(sorted(length.nodes))
    op = "+".join(readings.graph.nodes[index].op for index in nodes)
    shape = readings.sizes(length.source)
    refusal = unfit(readings, node, (length.source, node.outputs[0]))
    if refusal is None and shape != readings.sizes(node.outputs[0]):
        refusal = Refusal("it gives its vectors another shape")
    found = refusal or UnitLength(
        nodes=nodes,
        source=length.source,
        shape=shape or (),
        axis=length.axis,
        least=max(length.least, LEAST),
        own=len(nodes) == 1,
        clamps=SHORTEST if readings.graph.dialect == "tflite" else None,
        activation=activation(readings, node),
    )
    return Occurrence(op, nodes, node.outputs, found)


def _divided(readings: Readings, node: Node, kind: str) -> _Length | None:
    """Vectors over their lengths, or times the reciprocals of these."""
    for place in (1,) if kind == "div" else (1, 0):
        index, x = node.inputs[place], node.inputs[1 - place]
        found = (
            _length(readings, index, squared=False)
            if kind == "div"
            else _reciprocal(readings, index)
        )
        if found is not None and found.source == x:
            return found.with_node(node)
    return None


def _reciprocal(readings: Readings, index: int) -> _Length | None:
    """What one over a length is the reciprocal of."""
    node = maker(readings.graph, index)
    if node is None or activation(readings, node) != "NONE":
        return None
    match readings.operator(node):
        case Expand() | Miscellaneous("identity"):
            found = _reciprocal(readings, node.inputs[0])
            return None if found is None else found.with_node(node)
        case Unary("rsqrt"):
            found = _length(readings, node.inputs[0], squared=True)
            return None if found is None else found.rooted(node)
        case Unary("reciprocal"):
            found = _length(readings, node.inputs[0], squared=False)
            return None if found is None else found.with_node(node)
        case Binary("div") if _number(readings, node.inputs[0]) == 1.0:
            found = _length(readings, node.inputs[1], squared=False)
            return None if found is None else found.with_node(node)
    return None


def _length(readings: Readings, index: int, *, squared: bool) -> _Length | None:
    """The length of vectors, or its square."""
    node = maker(readings.graph, index)
    if node is None or activation(readings, node) != "NONE":
        return None
    operator = readings.operator(node)
    if isinstance(operator, Reduce):
        return _summed(readings, node, operator, squared=squared)
    rooted = operator == Unary("sqrt") and not squared
    passed = isinstance(operator, Expand) or operator == Miscellaneous("identity")
    limit = (0, 0.0) if rooted or passed else _limit(readings, node)
    if limit is None:
        return None
    place, low = limit
    found = _length(readings, node.inputs[place], squared=squared or rooted)
    if found is None:
        return None
    return found.rooted(node) if rooted else found.limited(node, low)


def _limit(readings: Readings, node: Node) -> tuple[int, float] | None:
    """Which operand a node limits below, and by what; None for anything else."""
    place, low = 0, None
    match readings.operator(node):
        case Clip(least, None | math.inf, fixed=True):
            low = least
        case Variadic("max") if len(node.inputs) == 2:
            numbers = [_number(readings, each) for each in node.inputs]
            place = 0 if numbers[0] is None else 1
            low = numbers[1 - place]
    return None if low is None or low < 0 else (place, low)


def _summed(readings: Readings, node: Node, sums: Reduce, *, squared: bool) -> _Length | None:
    """The sum of squares along an axis, as one operator or with the squares beside it."""
    graph, source = readings.graph, node.inputs[0]
    if not sums.keep or len(sums.axes) != 1:
        return None
    nodes = {node.index}
    if sums.kind != ("sum_square" if squared else "l2"):
        square = maker(graph, source)
        if sums.kind != "sum" or not squared or square is None or not _squares(readings, square):
            return None
        nodes.add(square.index)
        source = square.inputs[0]
    rank = len(readings.sizes(source) or ())
    return _Length(frozenset(nodes), source, stored(graph, sums.axes[0], rank) % max(rank, 1))


def _squares(readings: Readings, node: Node) -> bool:
    if activation(readings, node) != "NONE":
        return False
    match readings.operator(node):
        case Unary("square"):
            return True
        case Binary("mul"):
            return node.inputs[0] == node.inputs[1]
        case Binary("pow"):
            return _number(readings, node.inputs[1]) == 2.0
    return False


def _number(readings: Readings, index: int) -> float | None:
    numbers = readings.numbers(index)
    return float(numbers.flat[0]) if numbers is not None and numbers.size == 1 else None


def _clamped(u: UnitLength) -> Refusal | None:
    if u.own:
        return Refusal("it is what is there")
    if u.clamps is None:
        return Refusal("ONNX does not say what its operator makes of vectors without length")
    if u.axis != len(u.shape) - 1:
        return Refusal("the vectors do not lie along the channels")
    if abs(u.least - u.clamps) > _NEAR * u.clamps:
        return Refusal(f"lengths below {u.least:g} are taken for that, but {u.clamps:g} by kernels")
    return None


def _of_channels(u: UnitLength) -> Refusal | None:
    if len(u.shape) > 4:
        return Refusal("the vectors are of more than 4 dimensions")
    return None


def _own(builder: Builder, u: UnitLength) -> list[int]:
    made = formula(builder, u.source)
    return [made.activate(made.unit_length(u.source), u.activation)]


def _by_means(builder: Builder, u: UnitLength) -> list[int]:
    """With n elements in a vector the sum of squares is n times their mean."""
    made, count = formula(builder, u.source), u.shape[u.axis]
    mean = made.mean(made.binary("mul", u.source, u.source), (u.axis,))
    raised = _raised(made, mean, u.least**2 / count)
    unit = made.over_root(made.times(u.source, 1 / math.sqrt(count)), raised)
    return [made.activate(unit, u.activation)]


def _by_convolution(builder: Builder, u: UnitLength) -> list[int]:
    made, count = formula(builder, u.source), u.shape[u.axis]
    x, order = made.as_map(u.source, u.axis)
    total = made.mix(made.binary("mul", x, x), np.ones((1, count)), None)
    unit = made.over_root(x, _raised(made, total, u.least**2))
    return [made.from_map(made.activate(unit, u.activation), order, u.shape)]


def _raised(made: Formula, value: int, least: float) -> int:
    """No less than a number, which stays above 0 in float32."""
    low = max(least, float(np.finfo(np.float32).tiny))
    return made.binary("max", value, made.number(low, value))


_SQUARES = "a vector over its length is it times the reciprocal root of the sum of its squares"

FAMILY: Family[UnitLength] = Family(
    "length",
    recognise,
    (
        Realisation(
            name="length/own",
            uses=("L2_NORMALIZATION",),
            exactness="exact",
            argument=(
                "a vector over its length, no less than 1e-6, along the channels is one operator "
                "of TFLite"
            ),
            accepts=_clamped,
            build=_own,
        ),
        Realisation(
            name="length/means",
            uses=("MUL", "MEAN", "MAXIMUM", "RSQRT"),
            exactness="exact",
            argument=f"{_SQUARES}, which is their mean times their number",
            accepts=always,
            build=_by_means,
        ),
        Realisation(
            name="length/conv",
            uses=("MUL", "CONV_2D", "MAXIMUM", "RSQRT", "TRANSPOSE", "RESHAPE"),
            exactness="exact",
            argument=f"{_SQUARES}, and a 1x1 convolution with ones is that sum",
            accepts=_of_channels,
            build=_by_convolution,
        ),
    ),
)
