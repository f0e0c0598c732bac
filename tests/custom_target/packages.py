"""Made-up packages that bring the made-up accelerator's tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Install = Callable[..., Path]

ACME = Path(__file__).parent / "acme.yaml"
MODULE = """\
from pathlib import Path
from npulint.opsets import Extension
EXTENSION = Extension(tables=(Path(__file__).parent / "tables",))
"""
