"""Time by operator, as benchmark_model prints it for people and as CSV.

Formats are those of tensorflow/core/util/stats_calculator.cc and google-ai-edge/LiteRT
tflite/profiling/profile_summary_formatter.cc. In CSV the commas of a name are tabs and those of
an operator are not, so rows are read from their ends.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from npulint.device.records import ProfileRow, Session
from npulint.device.text import bare, number

_SECTION = re.compile(
    r"(?:Operator-wise )?Profiling Info for (Benchmark Initialization|Regular Benchmark Runs)"
)
_TITLE = re.compile(r"=+ (?:Run Order|Top by [\w ]+|Summary by node type) =+$")
_HEADER = re.compile(
    r"\[node type\]\s+(\[start\]\s+)?\[first\]\s+\[avg ms\]|node type, *(start, *)?first, *avg_ms"
)
_SUMMARY = re.compile(r"\[Node type\]\s+\[count\]|node type, *count, *avg_ms")
_CLOSING = re.compile(
    r"Number of nodes executed: \d+$|(?:Timings \(microseconds\)|Memory \(bytes\)): count="
    r"|\d+ nodes observed$|Primary graph\b|Subgraph \(|Delegate internal:"
)
_WORD = re.compile(r"\S+")
_NODE = re.compile(r":(\d{1,9})$")
_WITHIN = "Delegate/"

_Table = Literal["none", "rows", "again", "summary"]


class ProfileReader:
    """Reads the tables of one session; of each section the first table of single operators."""

    def __init__(self) -> None:
        self._table: _Table = "none"
        self._of_runs = True
        self._have = False
        self._csv = False

    def take(self, message: str, times: int, session: Session) -> bool:
        """Read a line; whether it is one of these."""
        line = bare(message)
        if self._opens(line) or self._continues(line, session):
            session.formats.setdefault("op-profile")
            return True
        if line:
            self._table = "none"
        return False

    def close(self, session: Session) -> None:
        """Nothing is left to do in the end."""

    def _opens(self, line: str) -> bool:
        """Titles and headers."""
        if found := _SECTION.match(line):
            self._of_runs, self._have = found[1].startswith("Regular"), False
            self._table = "none"
        elif _HEADER.match(line):
            self._csv = line.startswith("node")
            self._table = "again" if self._have else "rows"
            self._have = True
        elif _SUMMARY.match(line):
            self._csv = line.startswith("node")
            self._table = "summary"
        elif _TITLE.match(line) or _CLOSING.match(line):
            self._table = "none"
        else:
            return False
        return True

    def _continues(self, line: str, session: Session) -> bool:
        """Rows of the table that is open."""
        if self._table == "none":
            return False
        if self._table == "summary":
            cells = line.rsplit(",", 6) if self._csv else line.rsplit(None, 6)
            return len(cells) == 7 and all(_is_number(cell) for cell in cells[1:])
        row = _csv_row(line) if self._csv else _text_row(line)
        if row is not None and self._table == "rows" and self._of_runs:
            session.profile.append(row)
        return row is not None


def _is_number(cell: str) -> bool:
    return number(cell.strip().removesuffix("%")) is not None


def _text_row(line: str) -> ProfileRow | None:
    """A row of which operator and name may have blanks, and the two shares end in `%`."""
    words = list(_WORD.finditer(line))
    for place in range(3, len(words) - 3):
        if words[place][0].endswith("%") and words[place + 1][0].endswith("%"):
            break
    else:
        return None
    numbers = [word[0] for word in words[place - 2 : place + 4]]
    # A number before these is where the operator begins in time.
    ends = place - 3 if place > 3 and _is_number(words[place - 3][0]) else place - 2
    name = line[words[place + 3].end() :].strip()
    return _row(line[: words[ends].start()].strip(), numbers, name)


def _csv_row(line: str) -> ProfileRow | None:
    cells = [cell.strip() for cell in line.split(",")]
    for place in range(3, len(cells) - 3):
        if cells[place].endswith("%") and cells[place + 1].endswith("%"):
            break
    else:
        return None
    ends = place - 3 if place > 3 and _is_number(cells[place - 3]) else place - 2
    return _row(", ".join(cells[:ends]), cells[place - 2 : place + 4], ",".join(cells[place + 4 :]))


def _row(op: str, told: Sequence[str], name: str) -> ProfileRow | None:
    """A row out of its operator, the six numbers from `first` on, and its name."""
    found = [number(each.removesuffix("%")) for each in told]
    if not op or None in found or len(found) != 6:
        return None
    first, average, share, _, kilobytes, calls = (each or 0.0 for each in found)
    inside = name.startswith(_WITHIN)
    node = None if inside else _NODE.search(name)
    return ProfileRow(
        op, first, average, share / 100, kilobytes, int(calls), name,
        None if node is None else int(node[1]), inside,
    )  # fmt: skip
