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


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A sample of the page's rows, in full all of them."""
    if "held" in metafunc.fixturenames:
        text = PAGE.read_text(encoding="utf-8")
        rows = re.findall(r"^\| (\w+) \| (tflite|onnx) \|", text, re.MULTILINE)
        full = metafunc.config.getoption("--full")
        metafunc.parametrize("held", rows if full else SAMPLE, ids="-".join)


def test_a_row_is_fresh(held: tuple[str, str], page: str) -> None:
    made = cures.row(held, cures.SETS)
    drawn = " | ".join(made.cells[each].text() for each in cures.SETS)
    line = f"| {made.network} | {made.form} | {drawn} |"
    assert line in page.splitlines(), "run benchmarks/cures.py"
    assert all(cell.error <= MAX_UNREST for cell in made.cells.values())


def test_every_network_is_there(page: str) -> None:
    assert "Not run yet" not in page
    for name in cures.NETWORKS:
        assert all(f"\n| {name} | {form} | " in page for form in cures.FORMATS), name


def test_hardly_anything_stays_refused(page: str) -> None:
    """Of all cells, at most a tenth has a node that stays refused or is held back."""
    found = re.search(r"^\| all (\d+) cells \|(.*)\| [^|]* \|$", page, re.MULTILINE)
    assert found is not None
    counts = [int(each) for each in found[2].split("|")]
    assert (
        sum(counts)
        == int(found[1])
        == 9 * len(re.findall(r"^\| \w+ \| (?:tflite|onnx) \|", page, re.M))
    )
    taken, cured, doubts, refused, held_back = counts
    assert refused + held_back <= sum(counts) / 10
    assert cured > doubts
    assert held_back == page.count("| held back ") - 1, "the word heads a column too"
    assert taken == page.count("| takes it ")


def test_finished_rows_are_taken_up_again(tmp_path: Path) -> None:
    """Until the code changes, or what is asked."""
    path = tmp_path / "rows.jsonl"
    left = cures.Left("MUL", "may fall back", 2, ("product/prelu: no",))
    cell = cures.Cell((3, 2), (0, 2), 1.25, 1e-6, "", (left,))
    row = cures.Row("smallnet", "onnx", {"nnapi-1.1": cell})
    cures.kept_rows(path, ["nnapi-1.1"]).add(row)
    assert cures.kept_rows(path, ["nnapi-1.1"]).find(("smallnet", "onnx")) == row
    assert cures.kept_rows(path, ["nnapi-1.2"]).find(("smallnet", "onnx")) is None
    page = cures.render([row], ["smallnet", "acvlab"], ["nnapi-1.1"], "this")
    assert "| smallnet | onnx | 3 → 0, doubts 2 → 2, 1.25x MACs |" in page
    assert "Not run yet: acvlab." in page
    assert "| all 1 cells | 0 | 0 | 1 | 0 | 0 | 1e-06 |" in page
    assert "- `MUL` may fall back: smallnet.onnx ×2\n    - product/prelu: no" in page
