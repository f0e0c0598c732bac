"""Numbers and lists as people read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_ENDLESS = re.compile(r"(\S{400})\S{200,}(\S{100})")
"""A word that no terminal has room for: an attack, or a payload in place of a name."""


def printable(text: str) -> str:
    """Text out of a file, made safe to print.

    Control characters become visible escapes, and the middle of a word of 700 and more
    characters is left out.
    """
    shown = text
    if not text.isprintable():
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return _ENDLESS.sub(r"\1...\2", shown) if len(shown) >= 700 else shown


def count(number: int) -> str:
    """A count with thousands separated: `1,031,619`."""
    return f"{number:,}"


def of_unit(number: int | None, unit: str) -> str:
    """A count in its natural magnitude: `962 MMAC`, `2.41 GMAC`; `unknown` for None."""
    if number is None:
        return f"unknown {unit}"
    scaled = float(number)
    for prefix in ("", "K", "M", "G", "T", "P", "E"):
        if scaled < 999.5 or prefix == "E":
            break
        scaled /= 1000
    shown = f"{scaled:.0f}" if prefix == "" or scaled >= 99.95 else f"{scaled:.3g}"
    return f"{shown} {prefix}{unit}"


def size(nbytes: int | None) -> str:
    """Bytes in binary magnitude: `20.5 KiB`; `unknown size` for None."""
    if nbytes is None:
        return "unknown size"
    scaled = float(nbytes)
    for prefix in ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"):
        if scaled < 1023.5 or prefix == "Ei":
            break
        scaled /= 1024
    shown = f"{scaled:.0f}" if prefix == "" or scaled >= 99.95 else f"{scaled:.3g}"
    return f"{shown} {prefix}B"


def share(part: float | None) -> str:
    """A share as a percentage that says 100 only when it is all, and 0 only when it is none."""
    if part is None:
        return "-"
    if 0 < part < 1:
        return f"{min(max(part * 100, 0.1), 99.9):.1f} %"
    return f"{part * 100:.0f} %"


def plural(number: int, noun: str) -> str:
    """`1 node`, `2 nodes`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def ranges(indexes: Iterable[int], limit: int | None = None) -> str:
    """Positions in short form: `0-11, 13, 15-17`; cut after `limit` entries with a count."""
    runs: list[list[int]] = []
    for index in sorted(set(indexes)):
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    shown = runs if limit is None else runs[:limit]
    text = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in shown)
    left_out = sum(b - a + 1 for a, b in runs[len(shown) :])
    return f"{text} and {left_out:,} more" if left_out else text


def columns(rows: Sequence[Sequence[str]], indent: str = "  ") -> list[str]:
    """Lay out rows as left-aligned columns, two blanks apart."""
    if not rows:
        return []
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        (indent + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]
