"""Colour for terminals, and none for everything else."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Style:
    """Wraps text in ANSI colours when `colour` is set, and hands it back untouched otherwise."""

    colour: bool

    def bold(self, text: str) -> str:
        """Headings."""
        return self._wrap("1", text)

    def dim(self, text: str) -> str:
        """What matters less."""
        return self._wrap("2", text)

    def good(self, text: str) -> str:
        """What is well."""
        return self._wrap("32", text)

    def warn(self, text: str) -> str:
        """What needs a look."""
        return self._wrap("33", text)

    def error(self, text: str) -> str:
        """What is wrong."""
        return self._wrap("31", text)

    def verdict(self, text: str, *, whole: bool) -> str:
        """A target's line: green where all of the model is taken."""
        return self.good(text) if whole else text

    def overhead(self, text: str) -> int:
        """Characters of `text` that a terminal does not show."""
        return sum(len(escape) for escape in _ESCAPE.findall(text))

    def _wrap(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text


PLAIN = Style(colour=False)
"""For files and pipes."""
