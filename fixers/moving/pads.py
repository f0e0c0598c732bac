"""Padding that mirrors, repeats the border, goes round or crops, out of slices and joins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from npulint.fixers.building.bounds import see_that_nodes_suffice
from npulint.fixers.building.moves import Moves, moves
from npulint.fixers.reading import fixed, immovable, meaning, stored
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal
from npulint.operators.rearrangements import Pad

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.model import Graph, Node

Mode: TypeAlias = Literal["zeros", "reflect", "symmetric", "edge", "wrap"]

Margins: TypeAlias = "tuple[tuple[int, int], ...]"

_FIRST_STEPS = 10
"""ONNX's opset in which Slice learned steps; TFLite always had them."""


@dataclass(frozen=True, slots=True)
class Padding:
    """Samples added before and after along each axis, cut away where a count is negative.

    Attributes:
        source: Position of what is padded.
        shape: Its sizes, as stored.
        margins: Before and after, for each axis.
        mode: What is added; `symmetric` repeats the border, `reflect` does not.
        steps: Whether slices may have steps.
    """

    source: int
    shape: tuple[int, ...]
    margins: Margins
    mode: Mode
    steps: bool = True

    @property
    def cut(self) -> tuple[tuple[int, int], ...]:
        """For each axis the range of samples that stay."""
        return tuple(
            (max(-before, 0), size - max(-after, 0))
            for size, (before, after) in zip(self.shape, self.margins, strict=True)
        )

    @property
    def added(self) -> Margins:
        """The margins without what is cut away."""
        return tuple((max(before, 0), max(after, 0)) for before, after in self.margins)


def recognise(graph: Graph) -> Iterator[Occurrence[Padding]]:
    """Find every padding of a graph that is more than zeros around."""
    for node in graph.nodes:
        found = _read(graph, node)
        if found is not None:
            yield Occurrence(node.op, (node.index,), node.outputs, found)


def _read(graph: Graph, node: Node) -> Padding | Refusal | None:
    if node.domain or node.op not in ("MIRROR_PAD", "PAD", "PADV2", "Pad"):
        return None
    read = _symmetric if node.attributes.get("mode") == "SYMMETRIC" else _recorded
    stated = read(graph, node)
    if stated is None or isinstance(stated, Refusal):
        return stated
    refusal = immovable(graph, (node.inputs[0], node.outputs[0]))
    if refusal is not None:
        return refusal
    shape = fixed(graph.values[node.inputs[0]]) or ()
    steps = graph.dialect == "tflite" or node.version >= _FIRST_STEPS
    found = Padding(node.inputs[0], shape, *stated, steps)
    return _impossible(found) or found


def _symmetric(graph: Graph, node: Node) -> tuple[Margins, Mode] | Refusal:
    """TFLite's mirror that repeats the border, for which ONNX has no word."""
    held = graph.values[node.inputs[1]].constant
    flat = held.elements() if held is not None else None
    if flat is None:
        return _UNKNOWN
    whole = [int(number) for number in flat]
    return tuple(zip(whole[::2], whole[1::2], strict=True)), "symmetric"


def _recorded(graph: Graph, node: Node) -> tuple[Margins, Mode] | Refusal | None:
    record = meaning(graph, node)
    if not isinstance(record, Pad):
        return record if isinstance(record, Refusal) else None
    if record.pads is None:
        return _UNKNOWN
    if record.mode == "constant" and (record.value != 0 or min(map(min, record.pads)) >= 0):
        return None
    rank = len(record.pads)
    places = sorted(range(rank), key=lambda axis: stored(graph, axis, rank))
    margins = tuple(record.pads[axis] for axis in places)
    return margins, "zeros" if record.mode == "constant" else record.mode


_UNKNOWN = Refusal("its margins are computed while the model runs")


def _impossible(p: Padding) -> Refusal | None:
    """Why a padding has no meaning that runtimes agree on."""
    for size, (before, after) in zip(p.shape, p.margins, strict=True):
        kept = size - max(-before, 0) - max(-after, 0)
        most = kept - 1 if p.mode == "reflect" else kept
        if kept < 1 or (p.mode not in ("zeros", "edge") and max(before, after) > most):
            return Refusal(f"margins of {before} and {after} do not fit {size} samples")
    if p.mode != "zeros" and min(map(min, p.margins), default=0) < 0:
        return Refusal("it crops and extends at once, which runtimes do in different orders")
    return None


def extend(m: Moves, value: int, axis: int, sides: tuple[int, int], mode: Mode) -> int:
    """Pad one axis by slices one sample wide."""
    size = m.shape(value)[axis]
    before, after = sides
    see_that_nodes_suffice(before + after)
    leading = {
        "reflect": range(before, 0, -1),
        "symmetric": range(before - 1, -1, -1),
        "edge": [0] * before,
        "wrap": range(size - before, size),
    }[mode]
    trailing = {
        "reflect": range(size - 2, size - 2 - after, -1),
        "symmetric": range(size - 1, size - 1 - after, -1),
        "edge": [size - 1] * after,
        "wrap": range(after),
    }[mode]
    cut: dict[int, int] = {}

    def sample(place: int) -> int:
        if size == 1:
            return value
        if place not in cut:
            cut[place] = m.cut(value, axis, place, place + 1)
        return cut[place]

    return m.join([*map(sample, leading), value, *map(sample, trailing)], axis)


def _extend_reversed(m: Moves, value: int, axis: int, sides: tuple[int, int], mode: Mode) -> int:
    """Pad one axis by slices that run backwards."""
    size, skip = m.shape(value)[axis], 1 if mode == "reflect" else 0
    before, after = sides
    pieces = [value]
    if before:
        pieces.insert(0, m.cut(value, axis, before - 1 + skip, skip - 1, -1))
    if after:
        last = size - 1 - skip
        pieces.append(m.cut(value, axis, last, last - after, -1))
    return m.join(pieces, axis)


def _extend_round(m: Moves, value: int, axis: int, sides: tuple[int, int], mode: Mode) -> int:
    """Pad one axis by one slice from its other end."""
    del mode
    size = m.shape(value)[axis]
    before, after = sides
    pieces = [value]
    if before:
        pieces.insert(0, m.cut(value, axis, size - before, size))
    if after:
        pieces.append(m.cut(value, axis, 0, after))
    return m.join(pieces, axis)


def _slices(builder: Builder, p: Padding) -> Sequence[int]:
    m, value = moves(builder, p.source), p.source
    for axis, sides in _shortest_first(p):
        value = extend(m, value, axis, sides, p.mode)
    return [value]


def _long_slices(builder: Builder, p: Padding) -> Sequence[int]:
    m, value = moves(builder, p.source), p.source
    way = _extend_round if p.mode == "wrap" else _extend_reversed
    for axis, sides in _shortest_first(p):
        value = way(m, value, axis, sides, p.mode)
    return [value]


def _crop(builder: Builder, p: Padding) -> Sequence[int]:
    m, value = moves(builder, p.source), p.source
    for axis, (start, stop) in enumerate(p.cut):
        if (start, stop) != (0, p.shape[axis]):
            value = m.cut(value, axis, start, stop)
    if any(map(any, p.added)):
        value = m.widen(value, p.added)
    return [value]


def _shortest_first(p: Padding) -> list[tuple[int, tuple[int, int]]]:
    """The axes that grow, those that grow least in proportion first: less is moved twice."""
    grown = [(axis, sides) for axis, sides in enumerate(p.margins) if any(sides)]
    return sorted(grown, key=lambda pair: sum(pair[1]) / p.shape[pair[0]])


def _added(p: Padding) -> Refusal | None:
    if p.mode == "zeros":
        return Refusal("it adds zeros and crops: there is nothing to repeat")
    if not any(map(any, p.margins)):
        return Refusal("it adds nothing")
    return None


def _few(p: Padding) -> Refusal | None:
    most = max((max(sides) for sides in p.margins), default=0)
    if p.mode != "edge" and most > _MOST_PIECES:
        return Refusal(f"a margin of {most} would need as many slices; {_MOST_PIECES} at most")
    return _added(p)


_MOST_PIECES = 8
"""Slices on one side beyond which nothing gains from them."""


def _long(p: Padding) -> Refusal | None:
    if p.mode == "edge":
        return Refusal("it repeats one sample, which no longer slice holds")
    if max((max(sides) for sides in p.margins), default=0) < 2:
        return _added(p) or Refusal("margins of 1 are slices of one sample anyway")
    if p.mode != "wrap" and not p.steps:
        return Refusal(f"slices have steps from opset {_FIRST_STEPS} on")
    return _added(p)


def _cropped(p: Padding) -> Refusal | None:
    if p.mode != "zeros":
        return Refusal("it repeats what is there: zeros do not serve")
    return None


_USES = ("STRIDED_SLICE", "CONCATENATION")

FAMILY = Family(
    "pad",
    recognise,
    (
        Realisation(
            name="pad/slices",
            uses=_USES,
            exactness="exact",
            argument=(
                "along one axis after the other each added sample is a copy of one that is there: "
                "slices one sample wide, joined in their order; margins of at most 8 where the "
                "samples differ"
            ),
            accepts=_few,
            build=_slices,
        ),
        Realisation(
            name="pad/long-slices",
            uses=_USES,
            exactness="exact",
            argument=(
                "what is added on one side is one slice, backwards where it mirrors and forwards "
                "where it goes round; for a mirror Slice must have steps (opset 10)"
            ),
            accepts=_long,
            build=_long_slices,
        ),
        Realisation(
            name="pad/crop",
            uses=("STRIDED_SLICE", "PAD"),
            exactness="exact",
            argument="what margins below 0 cut away is a slice, and the others add zeros to it",
            accepts=_cropped,
            build=_crop,
        ),
    ),
)
