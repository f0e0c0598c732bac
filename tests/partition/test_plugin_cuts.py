"""Pieces as predicted, held against those that LiteRT was seen to cut for Qualcomm's plugin.

`python benchmarks/qnn_cuts.py` asks the real one; nothing of it is needed here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import npulint

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import qnn_cuts
from qnn_cut_models import write

ROWS = qnn_cuts.read()


@pytest.mark.parametrize("row", ROWS, ids=[row["model"] for row in ROWS])
def test_pieces_are_those_that_litert_cuts(row: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(write(row["model"]))
    found = npulint.check(path, [qnn_cuts.CHIP]).models[0].targets[0]
    if row["outcome"] == "failed":
        assert all(part.why_not for part in found.delegations)
        assert not any(fate for part in found.delegations for fate in part.delegated)
        return
    pieces = [
        [[part.graph, index] for index in part.nodes]
        for part in found.partitions
        if part.handed_over
    ]
    assert pieces == row["pieces"]
    assert not found.in_doubt
    taken = [
        [graph, index]
        for graph, part in enumerate(found.delegations)
        for index, fate in enumerate(part.delegated)
        if fate
    ]
    assert taken == sorted(node for piece in pieces for node in piece)


def test_what_was_seen_is_of_every_model_and_enough() -> None:
    assert [row["model"] for row in ROWS] == list(qnn_cuts.cases())
    outcomes = [row["outcome"] for row in ROWS]
    assert {*outcomes} == {"compiled", "failed", "nothing"}
    assert sum(len(row["pieces"]) > 1 for row in ROWS) > len(ROWS) / 2
