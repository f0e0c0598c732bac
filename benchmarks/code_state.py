"""What tells results of one state of the code and its tables from those of another."""

from __future__ import annotations

import hashlib
from pathlib import Path

_PARTS = ("linter", "opsets", "fixers", "reference_models")


def digest(script: str, asked: object) -> str:
    """Of the code and the tables, and of what is asked.

    Args:
        script: The `__file__` of the benchmark, which has a say too.
        asked: What it was asked for; its `repr` counts.
    """
    state = hashlib.sha256(repr(asked).encode())
    root = Path(__file__).parent.parent
    for place in (*(root / part for part in _PARTS), Path(script)):
        for path in [place] if place.is_file() else sorted(place.rglob("*.*")):
            if path.suffix in (".py", ".yaml"):
                state.update(path.read_bytes())
    return state.hexdigest()
