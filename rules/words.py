"""Numbers as the messages of several rules say them."""

from __future__ import annotations


def plural(number: int, noun: str) -> str:
    """`1 node`, `2 nodes`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(nbytes: int) -> str:
    """Bytes in binary magnitude: `20.5 KiB`."""
    scaled = float(nbytes)
    for prefix in ("", "Ki", "Mi"):
        if scaled < 1023.5:
            return f"{scaled:.0f} B" if not prefix else f"{scaled:.3g} {prefix}B"
        scaled /= 1024
    return f"{scaled:.3g} GiB"


def share(part: float) -> str:
    """A share as a percentage without decimals: `42 %`."""
    return f"{part * 100:.0f} %"
