"""The page of networks on the HTP, before and after `fix`: its rows are what is so today."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "benchmarks"))

import qnn_cures

PAGE = Path(__file__).parent.parent.parent / "docs" / "qnn-cures.md"

SAMPLE = ("unet_transposeconv_relu",)
"""Small, and rewritten for the phone beside the chip."""

WHOLE = qnn_cures.Compiled(3, whole=True, kept=(), error=0.002, psnr=60.0, seconds=1.5)
BROKEN = qnn_cures.Compiled(
    2, whole=False, kept=("1 × `Erf` refused: no",), error=None, psnr=None, seconds=None
)


def _page() -> str:
    return PAGE.read_text(encoding="utf-8")


def _rows(text: str) -> dict[str, list[str]]:
    """The table's rows by network, without what an emulator may compute otherwise elsewhere."""
    cells = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    found = {row[0]: row for row in cells if row[0] != "network"}
    return {name: row[1:4] + row[5:9] for name, row in found.items()}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A sample of the page's rows, in full all of them."""
    if "held" in metafunc.fixturenames:
        full = metafunc.config.getoption("--full")
        metafunc.parametrize("held", list(_rows(_page())) if full else SAMPLE)


def test_a_row_is_fresh(held: str) -> None:
    made = qnn_cures.row(held)
    drawn = _rows(qnn_cures.render([made], [held], "this"))
    assert drawn[held] == _rows(_page())[held], "run benchmarks/qnn_cures.py"
    assert made.rewritten is None or made.rewritten.whole


def test_rewritten_networks_are_taken_whole_or_listed() -> None:
    """And of ten at least both models were run."""
    text = _page()
    rows = _rows(text)
    exceptions = set(re.findall(r"^- (\w+), rewritten$", text, re.MULTILINE))
    assert {name for name, row in rows.items() if "not whole" in row[3:]} == exceptions
    both = re.search(r"^- emulator's outputs of both.*: (\d+)$", text, re.MULTILINE)
    assert both is not None
    assert int(both[1]) >= 10


def test_every_network_is_there_or_said_not_to_be() -> None:
    text = _page()
    found = re.search(r"^- not run yet: (.*)$", text, re.MULTILINE)
    missing = found[1].split(", ") if found else []
    assert sorted([*_rows(text), *missing]) == sorted(qnn_cures.CATALOGUE)


def _row(name: str, rewritten: qnn_cures.Compiled | None) -> qnn_cures.Row:
    return qnn_cures.Row(
        name, (2, 1), BROKEN, (qnn_cures.CHIP,) if rewritten else (), (0, 0), rewritten,
        1e-6 if rewritten else None, "", {"QNN": "2.51"}, "2026-03-04",
    )  # fmt: skip


def test_the_page_tells_what_stays_and_why() -> None:
    text = qnn_cures.render([_row("a", WHOLE), _row("b", None)], ["a", "b", "c"], "this")
    lines = text.splitlines()
    assert (
        "| a | 2 | 2 refused, 1 unknown | not whole | not run | qnn-htp-v73 | 3 | takes it |"
        in (text)
    )
    assert "whole | 0.002 (60 dB) | 1e-06 |" in text
    assert "- the compiler takes whole as they are: 0" in lines
    assert "- rewritten: 1; of these taken whole: 1" in lines
    assert "- not run yet: c" in lines
    assert lines[-4:] == [
        "- a, as it is", "    - 1 × `Erf` refused: no",
        "- b, as it is", "    - 1 × `Erf` refused: no",
    ]  # fmt: skip


def test_finished_rows_are_taken_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the code changes."""
    path = tmp_path / "rows.jsonl"
    made = _row("a", WHOLE)
    qnn_cures.kept_rows(path).add(made)
    assert qnn_cures.kept_rows(path).find("a") == made
    monkeypatch.setattr(qnn_cures, "digest", lambda *_: "another state")
    assert qnn_cures.kept_rows(path).find("a") is None
