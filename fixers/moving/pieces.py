"""Pieces of a tensor: SPLIT, SPLIT_V, SLICE and STRIDED_SLICE, each out of the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.fixers.building.builder import Feature
from npulint.fixers.building.moves import lengths, moves
from npulint.fixers.reading import fixed, immovable, meaning, not_float, stored
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal
from npulint.operators.rearrangements import Slice, Split

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.building.moves import Range
    from npulint.model import Graph, Node

Ranges: TypeAlias = "tuple[Range, ...]"

_OPS = ("SPLIT", "SPLIT_V", "SLICE", "STRIDED_SLICE", "Split", "Slice")


@dataclass(frozen=True, slots=True)
class Pieces:
    """Ranges of one value.

    Attributes:
        op: The operator that was met.
        source: Position of what is cut.
        shape: Its sizes, as stored.
        ranges: For each piece the range of every axis.
        channels: The stored axis of a float feature map's channels, None where it is none.
        tflite: Whether the dialect has several operators for this.
    """

    op: str
    source: int
    shape: tuple[int, ...]
    ranges: tuple[Ranges, ...]
    channels: int | None
    tflite: bool

    @property
    def axis(self) -> int | None:
        """The one axis that is cut, None where several are."""
        cut = {
            axis
            for piece in self.ranges
            for axis, each in enumerate(piece)
            if each != (0, self.shape[axis], 1)
        }
        return next(iter(cut)) if len(cut) == 1 else None

    @property
    def steps(self) -> bool:
        """Whether any sample is skipped."""
        return any(step != 1 for piece in self.ranges for _, _, step in piece)


def recognise(graph: Graph) -> Iterator[Occurrence[Pieces]]:
    """Find every node that takes pieces of a value."""
    for node in graph.nodes:
        found = read(graph, node)
        if found is not None:
            yield Occurrence(node.op, (node.index,), node.outputs, found)


def read(graph: Graph, node: Node) -> Pieces | Refusal | None:
    """Read a node: its pieces, why they cannot be taken otherwise, or None where it has none."""
    if node.domain or node.op not in _OPS:
        return None
    source = node.inputs[1 if node.op == "SPLIT" else 0]
    if min(node.outputs) < 0:
        return Refusal("it leaves out one of its results")
    refusal = immovable(graph, (source, *node.outputs))
    ranges = refusal or _ranges(graph, node, fixed(graph.values[source]) or ())
    if isinstance(ranges, Refusal):
        return ranges
    shape = fixed(graph.values[source]) or ()
    tflite = graph.dialect == "tflite"
    mapped = len(shape) == 4 and not_float(graph, source) is None
    channels = (3 if tflite else 1) if mapped else None
    return Pieces(node.op, source, shape, ranges, channels, tflite)


def _ranges(graph: Graph, node: Node, shape: tuple[int, ...]) -> tuple[Ranges, ...] | Refusal:
    record = meaning(graph, node)
    if isinstance(record, Refusal):
        return record
    if isinstance(record, Split):
        ranges = _split(graph, node, shape, stored(graph, record.axis, len(shape)))
    elif isinstance(record, Slice) and record.ranges is not None:
        ranges = (_sliced(graph, shape, record.ranges),)
    else:
        return Refusal("where it cuts is computed while the model runs")
    made = [fixed(graph.values[index]) for index in node.outputs]
    if made != [lengths(piece) for piece in ranges]:
        return Refusal("its pieces are not of the sizes that the file says")
    if shape in made:
        return Refusal("one of its pieces is the whole: it does nothing that needs another way")
    return ranges


def _split(graph: Graph, node: Node, shape: tuple[int, ...], axis: int) -> tuple[Ranges, ...]:
    """The pieces by the sizes of the results."""
    whole = [(0, size, 1) for size in shape]
    pieces: list[Ranges] = []
    start = 0
    for index in node.outputs:
        size = (fixed(graph.values[index]) or ())[axis]
        pieces.append((*whole[:axis], (start, start + size, 1), *whole[axis + 1 :]))
        start += size
    return tuple(pieces)


def _sliced(
    graph: Graph, shape: tuple[int, ...], stated: Sequence[tuple[int, int, int, int]]
) -> Ranges:
    """Ranges counted from the start, however the file counts them."""
    ranges = [(0, size, 1) for size in shape]
    for axis, start, stop, step in stated:
        place = stored(graph, axis, len(shape))
        ranges[place] = slice(start, stop, step).indices(shape[place])
    return tuple(ranges)


def _strided_slices(builder: Builder, p: Pieces) -> list[int]:
    m = moves(builder, p.source)
    return [m.take(p.source, piece) for piece in p.ranges]


def _slices(builder: Builder, p: Pieces) -> list[int]:
    m = moves(builder, p.source)
    return [m.box(p.source, [start for start, _, _ in piece], lengths(piece)) for piece in p.ranges]


def _equal_split(builder: Builder, p: Pieces) -> list[int]:
    return moves(builder, p.source).split(p.source, p.axis or 0, len(p.ranges))


def _one_hot(builder: Builder, p: Pieces) -> list[int]:
    """A 1x1 convolution for each piece, each of whose outputs picks one channel."""
    channels = p.channels or 0
    batch, *rest = p.shape
    height, width = rest[:2] if channels == len(rest) else rest[1:]
    x = Feature(p.source, (batch, p.shape[channels], height, width))
    kernels = [
        np.eye(p.shape[channels], dtype=np.float32)[range(*piece[channels])] for piece in p.ranges
    ]
    return [builder.conv(x, kernel[:, :, None, None], None).value for kernel in kernels]


def _changed(p: Pieces) -> Refusal | None:
    if p.op in ("STRIDED_SLICE", "Slice"):
        return Refusal("it is what is there")
    return None


def _plain(p: Pieces) -> Refusal | None:
    if not p.tflite or p.op == "SLICE":
        return Refusal("it is what is there")
    if p.steps:
        return Refusal("it skips samples, which SLICE cannot")
    return None


def _equal(p: Pieces) -> Refusal | None:
    if p.op != "SPLIT_V":
        return Refusal("only a split has pieces to be made by another split")
    if len({lengths(piece) for piece in p.ranges}) > 1:
        return Refusal("the pieces differ in size")
    return None


def _of_channels(p: Pieces) -> Refusal | None:
    if p.channels is None:
        return Refusal("it cuts no float feature map, whose channels a convolution could pick")
    if p.axis != p.channels:
        return Refusal("it cuts along other axes than the channels")
    return None


FAMILY = Family(
    "pieces",
    recognise,
    (
        Realisation(
            name="pieces/strided-slices",
            uses=("STRIDED_SLICE",),
            exactness="exact",
            argument="each piece is a range of every axis, which one slice takes",
            accepts=_changed,
            build=_strided_slices,
        ),
        Realisation(
            name="pieces/slices",
            uses=("SLICE",),
            exactness="exact",
            argument="each piece is a box of the tensor; no sample within it is skipped",
            accepts=_plain,
            build=_slices,
        ),
        Realisation(
            name="pieces/split",
            uses=("SPLIT",),
            exactness="exact",
            argument="pieces of one size are those of an equal split",
            accepts=_equal,
            build=_equal_split,
        ),
        Realisation(
            name="pieces/one-hot-conv",
            uses=("CONV_2D",),
            exactness="exact",
            argument=(
                "a 1x1 convolution whose filters are rows of the identity picks channels: its sums "
                "have one term that is not 0; finite float feature maps only"
            ),
            accepts=_of_channels,
            build=_one_hot,
        ),
    ),
)
