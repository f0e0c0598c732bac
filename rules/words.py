"""Numbers and lists as the messages of several rules say them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npulint.model import Node


def plural(number: int, noun: str) -> str:
    """`1 node`, `2 nodes`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(nbytes: int) -> str:
    """Bytes in binary magnitude: `20.5 KiB`."""
    scaled, prefix = float(nbytes), ""
    for larger in ("Ki", "Mi", "Gi"):
        if scaled >= 1023.5:
            scaled, prefix = scaled / 1024, larger
    shown = f"{scaled:.0f}" if not prefix or scaled >= 99.95 else f"{scaled:.3g}"
    return f"{shown} {prefix}B"


def share(part: float) -> str:
    """A share as a percentage without decimals: `42 %`."""
    return f"{part * 100:.0f} %"


def million_macs(macs: int) -> str:
    """Multiply-accumulates in millions or thousands of millions."""
    return f"{macs / 1e6:.3g} MMAC" if macs < 1e9 else f"{macs / 1e9:.3g} GMAC"


def percent(part: float, whole: float) -> str:
    """A share in per cent with three digits, where small shares count: `4.17 %`."""
    return f"{100 * part / whole:.3g} %"


def by(sizes: Iterable[int]) -> str:
    """Sizes as people write them: `3x3`."""
    return "x".join(map(str, sizes))


def either(numbers: Iterable[int]) -> str:
    """Numbers of which one holds: `1, 2 or 4`."""
    words = list(map(str, numbers))
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def counted(nodes: Iterable[Node]) -> str:
    """Operators with how often each is there: `2 RESHAPE, 1 TRANSPOSE`."""
    found = Counter(node.op for node in nodes)
    return ", ".join(f"{number} {op}" for op, number in sorted(found.items()))
