"""Compiled contexts read back: which chip they say that they are for."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.host.records import Context

if TYPE_CHECKING:
    from npulint.host.chips import Chip

# The HTP compiler writes the options of each graph as text, beginning with the chip.
_TARGET = re.compile(rb"soc_type=(\w{1,32});arch=(\d{1,4});")


def read_back(paths: Iterable[Path], chip: Chip) -> Context:
    """Read what compiled files say of themselves.

    Args:
        paths: Context binaries, or a model that has them in it.
        chip: What they were to be compiled for.
    """
    size = 0
    found: dict[tuple[str, int], None] = {}
    for path in paths:
        size += path.stat().st_size
        found |= dict.fromkeys(_targets(path))
    targets = tuple(found)
    return Context(size, targets, targets == ((chip.soc, chip.arch),))


def _targets(path: Path) -> list[tuple[str, int]]:
    if path.stat().st_size == 0:
        return []
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as view:
        return [(match[1].decode(), int(match[2])) for match in _TARGET.finditer(view)]
