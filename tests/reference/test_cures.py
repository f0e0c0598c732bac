"""The table of cures in the docs: its rows are what `fix` makes of the networks today."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "benchmarks"))

import cures

from npulint.verification.records import MAX_UNREST

PAGE = Path(__file__).parent.parent.parent / "docs" / "cures.md"

SAMPLE = (("enerzai", "tflite"), ("cvml", "onnx"), ("fsrcnn", "tflite"))
EVERYTHING = tuple((name, form) for name in cures.NETWORKS for form in cures.FORMATS)


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "form"), EVERYTHING, ids="-".join)
def test_a_row_is_fresh(name: str, form: str, page: str, full: bool) -> None:
    pairs = dict.fromkeys(SAMPLE)
    if not full and (name, form) not in pairs:
        assert f"\n| {name} | {form} | " in page
        return
    _, _, cells = cures.row(name, form, cures.SETS)
    drawn = " | ".join(cells[each].text() for each in cures.SETS)
    assert f"| {name} | {form} | {drawn} |" in page.splitlines(), "run benchmarks/cures.py"
    assert all(cell.error <= MAX_UNREST for cell in cells.values())


def test_hardly_anything_stays_refused(page: str) -> None:
    """Of all cells, at most a tenth has a node that stays refused; each is listed with reasons."""
    found = re.search(r"(\d+) cells; something stays refused in (\d+)", page)
    assert found is not None
    cells, refused = int(found[1]), int(found[2])
    assert cells == len(cures.NETWORKS) * len(cures.FORMATS) * len(cures.SETS)
    assert refused <= cells / 10
    assert page.count("| held back ") <= refused
