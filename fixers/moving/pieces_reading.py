"""Pieces of a tensor as both dialects take them: by splits, slices or positions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from npulint.fixers.building.moves import lengths
from npulint.fixers.looking import integers
from npulint.fixers.moving import masks
from npulint.fixers.reading import fixed, immovable, meaning, not_float, stored
from npulint.fixers.record import Occurrence, Refusal
from npulint.operators.rearrangements import Gather, Slice, Split

if TYPE_CHECKING:
    from npulint.fixers.building.moves import Range
    from npulint.model import Graph, Node

Ranges: TypeAlias = "tuple[Range, ...]"
Shape: TypeAlias = "tuple[int, ...]"

OPS = (
    "SPLIT", "SPLIT_V", "SLICE", "STRIDED_SLICE", "GATHER", "UNPACK", "Split", "Slice", "Gather",
)  # fmt: skip

_STEPS = 10
"""ONNX's opset in which Slice learned steps."""

_AT_RUN_TIME = "where it cuts is computed while the model runs"


@dataclass(frozen=True, slots=True)
class Pieces:
    """Ranges of one value.

    Attributes:
        op: The operator that was met.
        source: Position of what is cut.
        shape: Its sizes, as stored.
        ranges: For each piece the range of every axis.
        shapes: The shape in which each piece is expected, with axes of one sample left out or
            put in.
        channels: The stored axis of a float feature map's channels, None where it is none.
        tflite: Whether the dialect has several operators for this.
        masked: Whether it is a STRIDED_SLICE whose masks do more than leave ends open.
    """

    op: str
    source: int
    shape: Shape
    ranges: tuple[Ranges, ...]
    shapes: tuple[Shape, ...]
    channels: int | None
    tflite: bool
    masked: bool = False

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

    @property
    def reshaped(self) -> bool:
        """Whether any piece has other axes than what it is cut from."""
        return [lengths(piece) for piece in self.ranges] != list(self.shapes)

    @property
    def of_channels(self) -> bool:
        """Whether nothing but the channels of a float feature map is cut."""
        return self.channels is not None and self.axis == self.channels and not self.reshaped


def recognise(graph: Graph) -> Iterator[Occurrence[Pieces]]:
    """Find every node that takes pieces of a value."""
    for node in graph.nodes:
        found = read(graph, node)
        if found is not None:
            yield Occurrence(node.op, (node.index,), node.outputs, found)


def read(graph: Graph, node: Node) -> Pieces | Refusal | None:
    """Read a node: its pieces, why they cannot be taken otherwise, or None where it has none."""
    if node.domain or node.op not in OPS:
        return None
    source = node.inputs[1 if node.op == "SPLIT" else 0]
    if min(node.outputs) < 0:
        return Refusal("it leaves out one of its results")
    refusal = immovable(graph, (source, *node.outputs))
    shape = fixed(graph.values[source]) or ()
    found = refusal or _ranges(graph, node, shape)
    if isinstance(found, Refusal):
        return found
    ranges, shapes = found
    made = [fixed(graph.values[index]) for index in node.outputs]
    tflite = graph.dialect == "tflite"
    mapped = len(shape) == 4 and not_float(graph, source) is None
    return _unfit(shape, ranges, shapes, made) or Pieces(
        op=node.op,
        source=source,
        shape=shape,
        ranges=ranges,
        shapes=shapes,
        channels=(3 if tflite else 1) if mapped else None,
        tflite=tflite,
        masked=node.op == "STRIDED_SLICE" and masks.masked(node),
    )


def _unfit(
    shape: Shape,
    ranges: Sequence[Ranges],
    shapes: Sequence[Shape],
    made: Sequence[Shape | None],
) -> Refusal | None:
    """Why pieces that could be read are not taken otherwise, None where they can be."""
    if list(made) != list(shapes):
        return Refusal("its pieces are not of the sizes that the file says")
    if shape in shapes and shape in map(lengths, ranges):
        return Refusal("one of its pieces is the whole: it does nothing that needs another way")
    if () in shapes:
        return Refusal("its result is a scalar, which no target takes whatever makes it")
    return None


def _ranges(
    graph: Graph, node: Node, shape: Shape
) -> tuple[tuple[Ranges, ...], tuple[Shape, ...]] | Refusal:
    """What is taken of each axis for every piece, and the shape that the piece is given."""
    if node.op == "UNPACK":
        return _unpacked(node, shape)
    if node.op == "STRIDED_SLICE" and masks.masked(node):
        return _masked(graph, node, shape)
    record = meaning(graph, node)
    if isinstance(record, Refusal):
        return record
    if isinstance(record, Gather):
        return _gathered(graph, node, shape, stored(graph, record.axis, len(shape)))
    if isinstance(record, Split):
        ranges = _split(graph, node, shape, stored(graph, record.axis, len(shape)))
    elif isinstance(record, Slice) and record.ranges is not None:
        ranges = (_sliced(graph, shape, record.ranges),)
    else:
        return Refusal(_AT_RUN_TIME)
    return ranges, tuple(map(lengths, ranges))


def _masked(
    graph: Graph, node: Node, shape: Shape
) -> tuple[tuple[Ranges, ...], tuple[Shape, ...]] | Refusal:
    stated = [integers(graph, index) for index in node.inputs[1:4]]
    if None in stated:
        return Refusal(_AT_RUN_TIME)
    starts, ends, steps = (each or () for each in stated)
    if not len(starts) == len(ends) == len(steps):
        return Refusal("its starts, ends and steps are not equally many")
    found = masks.read(node, shape, list(zip(starts, ends, steps, strict=True)))
    return found if isinstance(found, Refusal) else ((found.ranges,), (found.shape,))


def _unpacked(node: Node, shape: Shape) -> tuple[tuple[Ranges, ...], tuple[Shape, ...]] | Refusal:
    """Each sample along an axis, without it."""
    said = node.attributes.get("axis", 0)
    axis = (said if isinstance(said, int) else 0) % max(len(shape), 1)
    if shape[axis : axis + 1] != (len(node.outputs),):
        return Refusal("it has not as many results as there are samples along its axis")
    ranges = tuple(_along(shape, axis, (place, place + 1, 1)) for place in range(shape[axis]))
    return ranges, ((*shape[:axis], *shape[axis + 1 :]),) * shape[axis]


def _gathered(
    graph: Graph, node: Node, shape: Shape, axis: int
) -> tuple[tuple[Ranges, ...], tuple[Shape, ...]] | Refusal:
    """One position, or several at one distance."""
    positions, held = integers(graph, node.inputs[1]), graph.values[node.inputs[1]]
    if positions is None:
        return Refusal(_AT_RUN_TIME)
    size = shape[axis]
    least = 0 if graph.dialect == "tflite" else -size
    if not positions or min(positions) < least or max(positions) >= size:
        return Refusal(f"its positions are not all within the {size} samples that there are")
    counted = [position % size for position in positions]
    step = counted[1] - counted[0] if len(counted) > 1 else 1
    taken = (counted[0], counted[-1] + (1 if step > 0 else -1), step)
    if not step or counted != list(range(*taken)):
        return Refusal("its positions do not follow one another at one distance")
    if step < 0 and graph.dialect == "onnx" and node.version < _STEPS:
        return Refusal(f"its positions run backwards, which slices do from opset {_STEPS} on")
    along = tuple(each for each in held.shape or () if isinstance(each, int))
    return (_along(shape, axis, taken),), ((*shape[:axis], *along, *shape[axis + 1 :]),)


def _along(shape: Shape, axis: int, taken: Range) -> Ranges:
    """A range of one axis, and all of the others."""
    whole = [(0, size, 1) for size in shape]
    return (*whole[:axis], taken, *whole[axis + 1 :])


def _split(graph: Graph, node: Node, shape: Shape, axis: int) -> tuple[Ranges, ...]:
    """The pieces by the sizes of the results."""
    pieces: list[Ranges] = []
    start = 0
    for index in node.outputs:
        size = (fixed(graph.values[index]) or ())[axis]
        pieces.append(_along(shape, axis, (start, start + size, 1)))
        start += size
    return tuple(pieces)


def _sliced(graph: Graph, shape: Shape, stated: Sequence[tuple[int, int, int, int]]) -> Ranges:
    """Ranges counted from the start, however the file counts them."""
    ranges = [(0, size, 1) for size in shape]
    for axis, start, stop, step in stated:
        place = stored(graph, axis, len(shape))
        ranges[place] = slice(start, stop, step).indices(shape[place])
    return tuple(ranges)
