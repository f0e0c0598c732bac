"""The published rates of false yes are those of today's tables."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

sys.path.insert(0, str(ROOT / "benchmarks"))

import truth  # noqa: E402
import truth_page  # noqa: E402


def test_the_page_is_fresh() -> None:
    folder = ROOT / "tests" / "truth"
    tallies, foreign = truth.measure(folder)
    assert foreign == []
    models = len(list((folder / "models").glob("*.tflite")))
    told = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    assert truth_page.page(tallies, models) == told, (
        "python benchmarks/truth.py --page writes it again"
    )


def test_a_wrong_yes_is_a_share_of_all_yes() -> None:
    tally = truth.Tally("npu", nodes=10, yes=4, false_yes=1, false_no=2, unknown=1, pieces=1)
    assert "| npu | 4 | 1 | 25.00 % | 5 | 2 | 1 | 1 |\n" in truth_page.page([tally], 2)
    nothing = truth.Tally("npu", nodes=3)
    assert "| npu | 0 | 0 | - | 3 | 0 | 0 | 0 |\n" in truth_page.page([nothing], 1)


def test_the_compilers_answers_are_counted_once() -> None:
    page = truth_page.page([], 0)
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| qnn-htp-")]
    asked = {(row[0][2:], row[1], row[2].split(" ")[-1]) for row in rows}
    assert len(asked) == len(rows) == 2 * 6 + 2 * 2
    for row in rows:
        yes, false_yes = int(row[3]), int(row[4])
        assert yes > 0
        assert row[5] == f"{100 * false_yes / yes:.2f} %"
        # Of the other chips hardly more than a hundred are held out: a share of so few is rough.
        assert false_yes <= (0.02 * yes if row[0][2:] in ("qnn-htp-v73", "qnn-htp-v75") else 3)
