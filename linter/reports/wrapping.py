"""How wide and how coloured text is drawn, and sentences wrapped to that."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from npulint.reports.style import PLAIN, Style


@dataclass(frozen=True, slots=True)
class Layout:
    """How to draw.

    Attributes:
        width: Columns to wrap sentences to.
        style: Colours, or none.
        verbose: Whether each node of a group gets its own line and sources are given in full.
    """

    width: int = 100
    style: Style = PLAIN
    verbose: bool = False


DEFAULT = Layout()
"""Plain text of an ordinary width."""


def wrapped(text: str, layout: Layout, first: str, rest: str) -> str:
    """Wrap a sentence to the layout's width, with indents for its first and further lines."""
    return textwrap.fill(
        text,
        width=max(layout.width, 40) + layout.style.overhead(text),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
