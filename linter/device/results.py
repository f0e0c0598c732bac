"""Tables of models and latencies, such as those kept of AI Benchmark.

The app shows latency, deviation and settings of a custom model and documents no file of them.
What is read is a table of comma, semicolon or tab separated columns in the words under which its
results are published: a model's name, and a runtime whose unit the column's title tells.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from npulint.device.records import Result
from npulint.device.text import number

_MODEL = re.compile(r"(?:model|network|team|name|test)(?: name)?$", re.IGNORECASE)
_LATENCY = re.compile(
    r"(?:(?:average|avg|mean) )?(?:inference )?(?:runtime|latency|time)(?: (?:average|avg|mean))?$",
    re.IGNORECASE,
)
_DEVIATION = re.compile(r"(?:std|stdev|standard deviation|deviation)(?: .*)?$", re.IGNORECASE)
_INITIALISATION = re.compile(r"init(?:ialization|ialisation)?(?: time)?$", re.IGNORECASE)
_PSNR = re.compile(r"psnr$", re.IGNORECASE)
_UNIT = re.compile(r"^(.*?)[\s,]*[(\[]?\b(us|µs|ms|s|db)\b[)\]]?$", re.IGNORECASE)
_MICROSECONDS = {"us": 1.0, "µs": 1.0, "ms": 1e3, "s": 1e6}

_SEPARATORS = "\t;,"


def read_results(lines: Sequence[str]) -> list[Result] | None:
    """Read a table of results.

    Returns:
        Its rows; None where this is no such table. Rows without a model or a latency are left out.
    """
    filled = [line for line in lines if line.strip()]
    for separator in _SEPARATORS:
        if len(filled) > 1 and separator in filled[0]:
            try:
                rows = list(csv.reader(io.StringIO("\n".join(filled)), delimiter=separator))
            except csv.Error:
                continue
            columns = _Columns([cell.strip() for cell in rows[0]], commas=separator != ",")
            if columns.model is not None and columns.latency is not None:
                return [found for row in rows[1:] if (found := columns.result(row)) is not None]
    return None


class _Columns:
    """Which column has what; `commas` where numbers may be written 12,5."""

    def __init__(self, titles: Sequence[str], *, commas: bool) -> None:
        self._titles = titles
        self._commas = commas
        parts = [_parts(title) for title in titles]
        self._scales = [_MICROSECONDS.get(unit, 0.0) for _, unit in parts]
        names = [name for name, _ in parts]
        timed = [scale > 0 for scale in self._scales]
        always = [True] * len(names)
        self.model = _find(_MODEL, names, always)
        self.latency = _find(_LATENCY, names, timed)
        self._deviation = _find(_DEVIATION, names, timed)
        self._initialisation = _find(_INITIALISATION, names, timed)
        self._psnr = _find(_PSNR, names, always)

    def result(self, row: Sequence[str]) -> Result | None:
        """A row's result, None where it has none."""
        cells = [cell.strip() for cell in row]
        model, latency = self._cell(cells, self.model), self._time(cells, self.latency)
        if not model or latency is None or latency < 0:
            return None
        known = {self.model, self.latency, self._deviation, self._initialisation, self._psnr}
        return Result(
            model,
            latency,
            self._time(cells, self._deviation),
            self._time(cells, self._initialisation),
            self._number(cells, self._psnr),
            {
                title: cell
                for place, (title, cell) in enumerate(zip(self._titles, cells, strict=False))
                if place not in known and title and cell
            },
        )

    def _cell(self, cells: Sequence[str], place: int | None) -> str:
        return cells[place] if place is not None and place < len(cells) else ""

    def _number(self, cells: Sequence[str], place: int | None) -> float | None:
        text = _plain(self._cell(cells, place))
        return number(text.replace(",", ".") if self._commas else text)

    def _time(self, cells: Sequence[str], place: int | None) -> float | None:
        """A time in microseconds."""
        found = self._number(cells, place)
        scaled = None if found is None or place is None else found * self._scales[place]
        return None if scaled is None else number(str(scaled))


def _parts(title: str) -> tuple[str, str]:
    """A column's name and its unit."""
    title = _plain(title)
    found = _UNIT.match(title)
    return (found[1].strip(" ,([_-"), found[2].lower()) if found else (title, "")


def _plain(text: str) -> str:
    """Text without what marks the best of a table, or which way is better."""
    return re.sub(r"\*|\$\\?\w*\$|[↑↓]|</?b>", "", text).replace("_", " ").strip()


def _find(form: re.Pattern[str], names: Sequence[str], where: Sequence[bool]) -> int | None:
    return next(
        (place for place, name in enumerate(names) if where[place] and form.match(name)), None
    )
