"""The figure of a graph in file order: widths of nodes, ribbons, and the memory curve.

Paths are drawn in boxes of `WIDTH` x `HEIGHT` that the page stretches: stretching keeps them
sharp, and a run of alike nodes is one stroke however many they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, TypeAlias, TypeVar

from npulint.reports.html.standing import KINDS, Standing

WIDTH = 20_000
HEIGHT = 100

_EVEN = 0.12
"""Share of the width that all nodes share alike where the width tells multiply-accumulates: the
rest is theirs by what they multiply, and what multiplies nothing can still be seen."""

_SPARSE = 100
"""Borders from which on they are drawn thinner, or they would hide what lies between them."""

_BORDER, _ROOM = 25, 4
"""How wide a border is on a usual screen where there are few, and how many times as wide the
pieces beside it must be at least."""

_CROWDED, _COLUMNS = 400, 250
"""Runs from which on a ribbon has a second drawing, and how many columns that has."""

_DOWNWARDS: tuple[Standing, ...] = ("accelerator", "doubt", "unknown", "left", "cpu")

_STEPS = 1500
"""Steps that a curve is drawn in at most: more than a screen has dots for."""

_Any = TypeVar("_Any")

Scale: TypeAlias = Literal["nodes", "macs"]

_BANDS: dict[Standing, tuple[int, int]] = {
    "accelerator": (0, 58),
    "cpu": (42, 100),
    "left": (42, 100),
    "doubt": (21, 79),
    "unknown": (21, 79),
}
"""From where to where a run reaches, in hundredths of the height: the accelerator above, the CPU
below, what is not certain between them. So the picture does not hang on colours."""


@dataclass(frozen=True, slots=True)
class Ribbon:
    """Who runs what.

    Attributes:
        runs: A path for each kind of run, with the middle and the width of its stroke.
        borders: A path of the borders between pieces.
        border: The width of its stroke; 0 for one that no stretching widens.
        refused: A path of the places of refused nodes.
        number: How many runs there are.
        shares: Where there are more runs than room on a screen: for each kind a path of columns
            whose heights are its share of some nodes. Empty otherwise.
    """

    runs: tuple[tuple[Standing, str, float, int], ...]
    borders: str
    border: int
    refused: str
    number: int
    shares: tuple[tuple[Standing, str], ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """Activations alive while each node runs.

    Attributes:
        area: The path of the area below the curve.
        peak: The most that is alive, in bytes.
        node: The first node at which it is.
        across: Where that node's middle is, in percent of the width.
    """

    area: str
    peak: int
    node: int
    across: float


def edges(macs: Sequence[int | None], scale: Scale) -> tuple[int, ...]:
    """Where nodes begin and end: one more figure than nodes, from 0 to `WIDTH`.

    Args:
        macs: Multiply-accumulates of each node; what is unknown counts as none.
        scale: Whether all nodes are alike wide, or as they multiply.
    """
    total = sum(each or 0 for each in macs)
    many = len(macs)
    if scale == "nodes" or not total:
        return tuple(round(number * WIDTH / many) for number in range(many + 1)) if many else (0,)
    found, done = [0], 0
    for number, each in enumerate(macs, start=1):
        done += each or 0
        found.append(round(WIDTH * (_EVEN * number / many + (1 - _EVEN) * done / total)))
    return tuple(found)


def ribbon(
    who: Sequence[Standing],
    pieces: Sequence[int],
    refused: Sequence[bool],
    places: Sequence[int],
) -> Ribbon:
    """Draw the ribbon of one target.

    Args:
        who: Who runs each node.
        pieces: The piece of each node, -1 for none.
        refused: Whether each node is refused.
        places: Where nodes begin and end.
    """
    strokes: dict[Standing, list[str]] = {}
    spans = list(_spans(who))
    for kind, start, end in spans:
        strokes.setdefault(kind, []).append(_stroke(places[start], places[end]))
    starts = list(_borders(pieces))
    width = _BORDER if len(starts) < _SPARSE else max(WIDTH // len(starts) // 10, 1)
    marks = [0, *(places[start] for start in starts), WIDTH]
    borders = "".join(
        f"M{mark} 0V{HEIGHT}"
        for before, mark, after in zip(marks, marks[1:], marks[2:], strict=False)
        if min(mark - before, after - mark) >= _ROOM * width
    )
    runs = tuple(
        (kind.name, "".join(strokes[kind.name]), sum(band) / 2, band[1] - band[0])
        for kind in KINDS
        if kind.name in strokes
        for band in [_BANDS[kind.name]]
    )
    return Ribbon(
        runs,
        borders,
        0 if len(starts) < _SPARSE else width,
        "".join(_stroke(places[i], places[j]) for each, i, j in _spans(refused) if each),
        len(spans),
        tuple(_shares(who, places)) if len(spans) > _CROWDED else (),
    )


def _shares(who: Sequence[Standing], places: Sequence[int]) -> Iterator[tuple[Standing, str]]:
    """Columns of nodes, and in each the kinds one below the other by how wide they are there."""
    stride = -(-len(who) // _COLUMNS)
    columns: dict[Standing, list[str]] = {}
    for start in range(0, len(who), stride):
        end = min(start + stride, len(who))
        left, width = places[start], places[end] - places[start]
        top = 0.0
        for kind in _DOWNWARDS:
            part = sum(places[i + 1] - places[i] for i in range(start, end) if who[i] == kind)
            bottom = top + (HEIGHT * part / width if width else 0)
            if round(bottom) > round(top):
                column = f"M{left} {round(top)}h{width}V{round(bottom)}h-{width}z"
                columns.setdefault(kind, []).append(column)
            top = bottom
    yield from ((kind, "".join(paths)) for kind, paths in columns.items())


def _borders(pieces: Sequence[int]) -> Iterator[int]:
    """The nodes at which another piece begins; nodes in no piece end none."""
    last = -1
    for index, piece in enumerate(pieces):
        if piece >= 0:
            if last >= 0 and piece != last:
                yield index
            last = piece


def _spans(values: Sequence[_Any]) -> Iterator[tuple[_Any, int, int]]:
    """Runs of equal values: the value, where they begin, and where the next begins."""
    start = 0
    for value, run in groupby(values):
        end = start + sum(1 for _ in run)
        yield value, start, end
        start = end


def _stroke(start: int, end: int) -> str:
    """A run from left to right; the middle of the stroke is set by the page."""
    return f"M{start} 0h{max(end - start, 1)}"


def curve(alive: Sequence[int], places: Sequence[int]) -> Curve:
    """Draw the memory curve of a graph that has nodes.

    Args:
        alive: Bytes alive while each node runs.
        places: Where nodes begin and end.
    """
    peak = max(alive)
    node = alive.index(peak)
    stride = -(-len(alive) // _STEPS)
    steps = [max(alive[start : start + stride]) for start in range(0, len(alive), stride)]
    path = [f"M0 {HEIGHT * 10}"]
    for number, bytes_alive in enumerate(steps):
        level = round(HEIGHT * 10 * (1 - bytes_alive / peak)) if peak else HEIGHT * 10
        path.append(f"V{level}H{places[min((number + 1) * stride, len(alive))]}")
    path.append(f"V{HEIGHT * 10}z")
    across = (places[node] + places[node + 1]) / 2 / WIDTH * 100
    return Curve("".join(path), peak, node, round(across, 2))
