"""Finished rows of a long run, in a file, so that what was stopped goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Generic, TypeVar

from cattrs import structure, unstructure

Row = TypeVar("Row")
Name = TypeVar("Name", bound=Hashable)


class Kept(Generic[Row, Name]):
    """Rows in a file, a line each, beside what they all hang on.

    Rows of another state stay in the file and are not found.

    Args:
        path: The file; None keeps rows for this run only.
        kind: What a row is: a frozen dataclass.
        name: What tells rows apart.
        state: What all rows hang on, such as a digest of the code; rows that say themselves what
            they hang on need none.
    """

    def __init__(
        self,
        path: Path | None,
        kind: type[Row],
        name: Callable[[Row], Name],
        state: str = "",
    ) -> None:
        self._path = path
        self._name = name
        self._state = state
        self._rows: dict[Name, Row] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                found, held = json.loads(line)
                if found == self._state:
                    row = structure(held, kind)
                    self._rows[name(row)] = row

    def find(self, name: Name) -> Row | None:
        """A row that was finished before, None where there is none."""
        return self._rows.get(name)

    def add(self, row: Row) -> None:
        """Keep a row."""
        self._rows[self._name(row)] = row
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([self._state, unstructure(row)]) + "\n")
