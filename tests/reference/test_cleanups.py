"""The page of clean-ups in the docs: npulint leaves today what it says there."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "benchmarks"))

import cleanups
import redundant

from npulint.opsets import load_target
from npulint.reference_models.recipe import EXPORTERS

PAGE = Path(__file__).parent.parent.parent / "docs" / "cleanups.md"
SAMPLE = ("csanet", "noahtcv")
NPULINT, *PEERS = cleanups.TOOLS

MAX_ERROR = 1e-5
"""Ten times what it came to: folded weights are rounded, and kernels of other machines add up
in another order."""


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rows(page: str) -> Mapping[str, list[str]]:
    """The cells of the table, by model."""
    lines = [line[2:-2].split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return {name: cells for name, *cells in lines[1:]}


def left(cell: str) -> int:
    """The nodes that a cell says are left."""
    return int(cell.split(" · ", maxsplit=1)[0].replace(",", ""))


def test_every_model_has_its_row(rows: Mapping[str, list[str]]) -> None:
    networks = [f"{name}, {each}" for name in cleanups.NETWORKS for each in EXPORTERS]
    chain = f"chain of {cleanups.CHAIN:,} nodes"
    assert [*rows] == [*networks, *redundant.MODELS, chain]
    assert all(len(cells) == 1 + len(cleanups.TOOLS) for cells in rows.values())


def test_a_sample_is_fresh(rows: Mapping[str, list[str]], tmp_path: Path, full: bool) -> None:
    names = cleanups.NETWORKS if full else SAMPLE
    for path in cleanups.models(names, tmp_path):
        row = cleanups.measured(path, [NPULINT])
        (cell,) = row.cells
        assert not cell.failure
        stated = rows[row.name]
        assert (row.nodes, cell.nodes) == (left(stated[0]), left(stated[1])), row.name
        assert cell.error <= MAX_ERROR, row.name


def test_where_a_peer_is_ahead_the_reason_stands_there(
    page: str, rows: Mapping[str, list[str]]
) -> None:
    section = page.split("## Where a peer leaves fewer\n")[1].split("\n## ", maxsplit=1)[0]
    ahead = {
        name
        for name, (_, own, *peers) in rows.items()
        if any(left(cell) < left(own) for cell in peers if not cell.startswith("fails"))
    }
    assert set(re.findall(r"^- (.+?): ", section, re.MULTILINE)) == ahead == {*cleanups.REASONS}
    for name in ahead:
        assert f"{cleanups.REASONS[name]}." in section


@pytest.mark.parametrize("name", ["neuron", "tflite-gpu"])
def test_some_targets_refuse_what_a_peer_makes_of_a_logarithm(name: str) -> None:
    entries = load_target(name).entries
    assert {"SOFTMAX", "LOG"} <= entries.keys()
    assert "LOG_SOFTMAX" not in entries
