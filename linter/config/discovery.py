"""Where the configuration is: the nearest file upwards. Imports nothing where there is none."""

from __future__ import annotations

import os
from pathlib import Path

NAMES = ("npulint.toml", "pyproject.toml")
"""Files of one folder in the order in which they are looked at."""


def discover(folder: Path) -> Path | None:
    """Find the configuration that holds for a folder.

    Looks into the folder and upwards, and no further than the top of a repository: a file outside
    of it would make one colleague's results differ from another's.

    Args:
        folder: Where to begin.

    Returns:
        An `npulint.toml`, or a `pyproject.toml` that has a `tool.npulint`, whichever is nearer;
        None where there is neither.
    """
    for place in (folder, *folder.parents):
        for name in NAMES:
            path = place / name
            # Unlike pathlib's, this says no to what may not be looked at.
            if os.path.isfile(path) and (name != "pyproject.toml" or _speaks_of_us(path)):  # noqa: PTH113
                return path
        if os.path.exists(place / ".git"):  # noqa: PTH110
            return None
    return None


def _speaks_of_us(path: Path) -> bool:
    try:
        text = path.read_bytes()
    except OSError:
        return False
    if b"npulint" not in text:
        return False
    from npulint.config.toml import has_table

    return has_table(text)
