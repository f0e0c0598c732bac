"""The GPU delegate's table: its planner's answers, its entries, and what it cannot build."""

from __future__ import annotations

import entry_checks
import pytest
import table_operations
from answers import ANSWERS, disagreements
from entry_checks import check_breaking, check_cautions, check_meeting
from gpu_operations import GpuSearch

from npulint.opsets import load_target

GPU = load_target("tflite-gpu")
OPERATORS = tuple(GPU.entries)


@pytest.fixture(autouse=True)
def searched_with_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry_checks, "Search", GpuSearch)
    # Many of these conditions cannot be broken alone: most steps are spent on finding that out.
    monkeypatch.setattr(table_operations, "STEPS", 3_000)


def test_every_verdict_and_piece_is_the_planners_own() -> None:
    assert len(ANSWERS) == 236
    assert not list(disagreements(GPU))


@pytest.mark.parametrize("op", OPERATORS)
def test_entries_keep_their_word(op: str) -> None:
    check_meeting(GPU, op)
    check_breaking(GPU, op)
    check_cautions(GPU, op)
