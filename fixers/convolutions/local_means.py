"""Local means by integral images: running sums along both axes, and differences of corners."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from npulint.fixers.building.formula import formula
from npulint.fixers.looking import maker, only_reader
from npulint.fixers.moving.pieces_reading import Pieces
from npulint.fixers.moving.pieces_reading import read as read_pieces
from npulint.fixers.moving.shuffles import planes
from npulint.fixers.pointwise.scale_shift_reading import ScaleShift
from npulint.fixers.pointwise.scale_shift_reading import read as read_scale
from npulint.fixers.pointwise.ways import activation, readings_of, unfit
from npulint.fixers.reading import stored
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal, always
from npulint.operators.rearrangements import CumSum, Pad
from npulint.operators.semantics import Binary

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder, Sizes
    from npulint.fixers.norms.constants import Readings
    from npulint.model import Graph, Node

_ROUNDING = 2.0**-22
"""How far the product of a window's size and its stored reciprocal may be from 1."""

Corners: TypeAlias = "Mapping[tuple[int, int], int]"
"""How often the integral image is added, shifted by rows and columns."""


@dataclass(frozen=True, slots=True)
class LocalMean:
    """The mean of each window of a feature map, times a factor, then an activation.

    Attributes:
        source: Position of the feature map.
        window: Along H and W.
        factor: 1 where it is a mean, the window's size where it is a sum.
        activation: TFLite name of a fused activation.
    """

    source: int
    window: tuple[int, int]
    factor: float
    activation: str


def recognise(graph: Graph) -> Iterator[Occurrence[LocalMean]]:
    """Find every difference of corners of an integral image, with the division behind it."""
    readings = readings_of(graph)
    for node in graph.nodes:
        if not node.domain and node.op in ("CUMSUM", "CumSum"):
            occurrence = _read(readings, node)
            if occurrence is not None:
                yield occurrence


def _read(readings: Readings, second: Node) -> Occurrence[LocalMean] | None:
    """Read what the second of two running sums leads to; None where that is no local mean."""
    graph = readings.graph
    first = maker(graph, second.inputs[0])
    padding = only_reader(graph, second.outputs[0])
    if first is None or padding is None or only_reader(graph, first.outputs[0]) is not second:
        return None
    if {_summed(readings, first), _summed(readings, second)} != {2, 3} or not _leads(
        readings, padding
    ):
        return None
    source = first.inputs[0]
    sizes = _sizes(readings, source)
    walk = _Walk(readings, padding)
    end = walk.end()
    if sizes is None or end is None:
        return None
    window = _window(walk.corners[end], _sizes(readings, end), sizes)
    if window is None:
        return None
    nodes = [first.index, second.index, *walk.nodes]
    last = graph.nodes[max(walk.nodes)]
    factor, scaled = float(math.prod(window)), only_reader(graph, end)
    scale = None if scaled is None else _scale(readings, scaled)
    if scaled is not None and scale is not None:
        nodes.append(scaled.index)
        last, factor = scaled, factor * scale
    if abs(factor - 1.0) <= _ROUNDING:
        factor = 1.0
    refusal = unfit(readings, second, (source, last.outputs[0]))
    found = refusal or LocalMean(source, window, factor, activation(readings, last))
    return Occurrence("local mean by running sums", tuple(sorted(nodes)), last.outputs, found)


def _summed(readings: Readings, node: Node) -> int | None:
    """The axis, of `[N, C, H, W]`, along which a node sums forwards and all of it."""
    operator = readings.operator(node)
    if not isinstance(operator, CumSum) or operator.exclusive or operator.reverse:
        return None
    return operator.axis


def _leads(readings: Readings, node: Node) -> bool:
    """Whether a node puts one row and one column of zeros in front."""
    operator = readings.operator(node)
    if not isinstance(operator, Pad) or operator.mode != "constant" or operator.value:
        return False
    return operator.pads == ((0, 0), (0, 0), (1, 0), (1, 0))


class _Walk:
    """Follows an integral image through slices, sums and differences."""

    def __init__(self, readings: Readings, padding: Node) -> None:
        self._readings = readings
        self.corners: dict[int, Corners] = {padding.outputs[0]: {(0, 0): 1}}
        self.nodes = [padding.index]
        self._left: set[int] = set()
        for node in readings.graph.nodes[padding.index + 1 :]:
            met = [index for index in node.inputs if index in self.corners]
            made = self._made(node) if met else None
            if made is not None:
                self.corners[node.outputs[0]] = made
                self.nodes.append(node.index)
            else:
                self._left.update(met)

    def end(self) -> int | None:
        """The one value that something else reads, None where there are several."""
        ends = self._left | self.corners.keys() & {*self._readings.graph.outputs}
        return next(iter(ends)) if len(ends) == 1 else None

    def _made(self, node: Node) -> Corners | None:
        readings = self._readings
        pieces = read_pieces(readings.graph, node)
        if isinstance(pieces, Pieces):
            return self._cut(pieces)
        operator = readings.operator(node)
        if not isinstance(operator, Binary) or operator.kind not in ("add", "sub"):
            return None
        if any(index not in self.corners for index in node.inputs):
            return None
        if activation(readings, node) != "NONE" or not self._alike(node):
            return None
        first, second = (self.corners[index] for index in node.inputs)
        sign = 1 if operator.kind == "add" else -1
        places = {*first, *second}
        both = {at: first.get(at, 0) + sign * second.get(at, 0) for at in places}
        return {at: count for at, count in both.items() if count}

    def _alike(self, node: Node) -> bool:
        return len({self._readings.sizes(index) for index in (*node.inputs, *node.outputs)}) == 1

    def _cut(self, pieces: Pieces) -> Corners | None:
        """One piece, of neighbouring rows and columns."""
        if len(pieces.ranges) != 1 or pieces.steps or pieces.reshaped or len(pieces.shape) != 4:
            return None
        graph = self._readings.graph
        spatial = [stored(graph, axis, 4) for axis in (2, 3)]
        for axis, each in enumerate(pieces.ranges[0]):
            if axis not in spatial and each != (0, pieces.shape[axis], 1):
                return None
        rows, columns = (pieces.ranges[0][axis][0] for axis in spatial)
        known = self.corners[pieces.source]
        return {(row + rows, column + columns): n for (row, column), n in known.items()}


def _sizes(readings: Readings, index: int) -> Sizes | None:
    shape = readings.sizes(index)
    return planes(readings.graph, shape) if shape is not None and len(shape) == 4 else None


def _window(corners: Corners, made: Sizes | None, sizes: Sizes) -> tuple[int, int] | None:
    """The window whose sums some corners are, for each place at which it fits."""
    height, width = (max(at[axis] for at in corners) for axis in (0, 1))
    wanted = {(0, 0): 1, (height, width): 1, (0, width): -1, (height, 0): -1}
    whole = (*sizes[:2], sizes[2] - height + 1, sizes[3] - width + 1)
    return (height, width) if corners == wanted and made == whole else None


def _scale(readings: Readings, node: Node) -> float | None:
    """The number by which a node multiplies, None where it does something else."""
    found = read_scale(readings, node)
    if not isinstance(found, ScaleShift) or found.scale is None or found.shift is not None:
        return None
    least, most = float(found.scale.min()), float(found.scale.max())
    return least if least == most else None


def _several(m: LocalMean) -> Refusal | None:
    return Refusal("its windows lie along one axis") if 1 in m.window else None


def _pooled(builder: Builder, m: LocalMean) -> list[int]:
    value = formula(builder, m.source).average(m.source, m.window, (1, 1))
    return _scaled(builder, m, value)


def _pooled_twice(builder: Builder, m: LocalMean) -> list[int]:
    a = formula(builder, m.source)
    value = a.average(m.source, (m.window[0], 1), (1, 1))
    return _scaled(builder, m, a.average(value, (1, m.window[1]), (1, 1)))


def _scaled(builder: Builder, m: LocalMean, value: int) -> list[int]:
    made = formula(builder, m.source)
    if m.factor != 1.0:
        value = made.times(value, m.factor)
    return [made.activate(value, m.activation)]


_APART = (
    "an infinite element reaches the windows that it lies in; behind it too differences of running "
    "sums are NaN"
)

FAMILY: Family[LocalMean] = Family(
    "local-mean",
    recognise,
    (
        Realisation(
            name="local-mean/average-pool",
            uses=("AVERAGE_POOL_2D", "MUL", "RELU", "RELU6"),
            exactness="exact",
            argument=(
                "four corners of an integral image make the sum of a window, and that over its "
                "size is an average pool with stride 1, which rounds less"
            ),
            accepts=always,
            build=_pooled,
            limits=_APART,
        ),
        Realisation(
            name="local-mean/two-pools",
            uses=("AVERAGE_POOL_2D", "MUL", "RELU", "RELU6"),
            exactness="exact",
            argument="the mean of a window is the mean of its rows' means: one pool an axis",
            accepts=_several,
            build=_pooled_twice,
            limits=_APART,
        ),
    ),
)
