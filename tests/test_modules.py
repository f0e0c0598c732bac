"""The tests themselves: every module can be imported beside all others."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent


def test_no_two_test_modules_share_a_name() -> None:
    """Without packages, pytest imports test modules by their file names alone."""
    names = Counter(path.name for path in HERE.rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
