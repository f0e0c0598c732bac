"""The portability map as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import NamedTuple

from npulint.portability import DEVICES, Cell, Map, Row
from npulint.reports.portability import TITLE, columns, forms, papers, whole, words

CELL, GAP, LINE, HEAD = 21, 7, 17, 30
"""Pixels: a file's cell, between columns, a network's row, and a paper's heading."""
LEFT, TOP, RIGHT = 268, 176, 80


class Shade(NamedTuple):
    """A colour, the colour of figures on it, and what it means."""

    fill: str
    ink: str
    meaning: str


WHOLE = Shade("#17497c", "#fff", "the whole network")
SHADES = (
    (0.9, Shade("#6ea6d3", "#0b2440", "90 % of multiply-accumulates or more")),
    (0.5, Shade("#f2d27b", "#4a3a00", "half or more")),
    (0.0, Shade("#e0873a", "#3d1c00", "less")),
)
NOTHING = Shade("#e8e5df", "#777", "nothing")
COLOURS = (WHOLE, *(each for _, each in SHADES), NOTHING)


def shade(cell: Cell) -> Shade:
    """The colour of a cell: by the share of multiply-accumulates that is taken for certain."""
    if whole(cell):
        return WHOLE
    share = cell.nodes if cell.macs is None else cell.macs
    if not cell.nodes:
        return NOTHING
    return next(each for least, each in SHADES if share >= least)


def render_svg(drawn: Map, *, spoken: bool = False) -> str:
    """Draw the picture.

    Args:
        drawn: What to draw.
        spoken: Whether each cell says what it stands for when it is pointed at.
    """
    lines = list(_Picture(drawn, spoken=spoken).lines())
    return "\n".join(lines) + "\n"


class _Picture:
    def __init__(self, drawn: Map, *, spoken: bool) -> None:
        self.drawn = drawn
        self.spoken = spoken
        self.kinds = forms(drawn)
        self.columns = columns(drawn)
        self.step = len(self.kinds) * CELL + GAP
        self.places = list(self._places())

    def _places(self) -> Iterator[int]:
        """The left edge of each column; targets and devices stand apart."""
        left = LEFT
        for _, part in groupby(self.columns, key=lambda column: column.group == DEVICES):
            for _column in part:
                yield left
                left += self.step
            left += 3 * GAP

    def lines(self) -> Iterator[str]:
        rows = sum(HEAD + LINE * len(part) for _, part in papers(self.drawn))
        bottom = TOP + rows + 18
        notes = list(self._notes())
        height = bottom + 46 + 16 * len(notes)
        width = max(self.places[-1] + self.step + RIGHT, 940)
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="Helvetica, Arial, sans-serif" '
            'font-size="12" fill="#222">'
        )
        yield f"<title>{TITLE}</title>"
        inks = "".join(f".t{number} {{ fill: {each.ink} }} " for number, each in enumerate(COLOURS))
        yield f"<style>[class^=t] {{ font-size: 10px; text-anchor: middle }} {inks}</style>"
        yield f"<defs>{''.join(_shapes())}</defs>"
        yield f'<rect width="{width}" height="{height}" fill="#fff"/>'
        yield _text(16, 32, TITLE, 'font-size="20" font-weight="bold"')
        yield _text(16, 52, f"left to right in each cell: {' | '.join(self.kinds)}", _QUIET)
        yield from self._headings()
        top = TOP
        for source, part in papers(self.drawn):
            yield _text(16, top + HEAD - 9, source, 'font-weight="bold"')
            top += HEAD
            for row in part:
                yield from self._row(row, top)
                top += LINE
        yield from self._legend(bottom)
        for number, note in enumerate(notes):
            yield _text(16, bottom + 36 + 16 * number, note, _QUIET)
        yield "</svg>"

    def _headings(self) -> Iterator[str]:
        for column, left in zip(self.columns, self.places, strict=True):
            x = left + (self.step - GAP) / 2 + 4
            place = f'transform="translate({x:g} {TOP - 4}) rotate(-55)"'
            yield f"<text {place}>{escape(column.heading)}</text>"

    def _row(self, row: Row, top: int) -> Iterator[str]:
        yield f'<g transform="translate(0 {top})">'
        ink = 'fill="#777"' if row.label == "reconstruction" else ""
        yield _text(LEFT - 10, 13, row.network, f'text-anchor="end" {ink}'.rstrip())
        for column, left in zip(self.columns, self.places, strict=True):
            for number, form in enumerate(row.forms):
                cell = form.cells.get(column.names[0])
                if cell is not None:
                    drawn = _cell(cell, left + CELL * number)
                    said = f"{row.network} as {form.recipe} on {', '.join(column.names)}"
                    yield self._spoken(drawn, f"{said}: {words(cell)}")
        yield "</g>"

    def _spoken(self, drawn: str, said: str) -> str:
        return f"<g><title>{escape(said)}</title>{drawn}</g>" if self.spoken else drawn

    def _legend(self, top: int) -> Iterator[str]:
        left = 16
        for number, colour in enumerate(COLOURS):
            yield f'<use href="#s{number}" x="{left}" y="{top - 1}"/>'
            yield _text(left + 27, top + 11, colour.meaning)
            left += 27 + round(6.1 * len(colour.meaning)) + 22

    def _notes(self) -> Sequence[str]:
        """How to read the cells, and what stands in one column because it is all the same."""
        return [
            *_SIGNS,
            *(
                f"{column.heading}: also {', '.join(column.names[1:])}"
                for column in self.columns
                if len(column.names) > 1
            ),
        ]


_SIGNS = (
    "The colour: how much runs on the accelerator for certain. The figure: in how many pieces. "
    "A corner: more may run there.",
    "Round: how the network would be cut is not known, and the colour is that of what is "
    "supported. Grey names: reconstructions.",
)
_QUIET = 'fill="#666"'


def _shapes() -> Iterator[str]:
    """What cells are made of, so that each need but be named."""
    for number, colour in enumerate(COLOURS):
        for kind, corner in (("s", 1.5), ("r", 7.5)):
            yield (
                f'<rect id="{kind}{number}" y="1" width="{CELL - 1}" height="{LINE - 2}" '
                f'rx="{corner}" fill="{colour.fill}"/>'
            )
        yield f'<path id="c{number}" d="M{CELL - 6} 1h5v5z" fill="{colour.ink}"/>'


def _cell(cell: Cell, left: int) -> str:
    number = COLOURS.index(shade(cell))
    drawn = f'<use href="#{"r" if cell.pieces is None else "s"}{number}" x="{left}"/>'
    if cell.pieces and not whole(cell):
        middle = left + (CELL - 1) / 2
        drawn += f'<text class="t{number}" x="{middle:g}" y="12">{cell.pieces}</text>'
    if cell.possible > cell.nodes:
        drawn += f'<use href="#c{number}" x="{left}"/>'
    return drawn


def _text(x: float, y: float, words: str, more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}"{" " if more else ""}{more}>{escape(words)}</text>'
