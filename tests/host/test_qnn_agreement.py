"""The page that says how well the tables of the HTP agree with their compiler."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import qnn_agreement
import qnn_answers
import qnn_nodes
import qnn_pages
import qnn_tables

from npulint.model import Dialect
from npulint.verdict import Status

DIALECTS: tuple[Dialect, ...] = ("onnx", "tflite")


@pytest.mark.parametrize(
    ("status", "taken", "outcome"),
    [
        ("supported", True, "agree"),
        ("unsupported", False, "agree"),
        ("supported", False, "false yes"),
        ("unsupported", True, "false no"),
        ("unknown", True, "unknown"),
        ("unknown", False, "unknown"),
    ],
)
def test_how_a_verdict_compares(status: Status, taken: bool, outcome: str) -> None:
    assert qnn_agreement.outcome_of(status, taken) == outcome


def test_the_page_is_what_the_command_draws() -> None:
    page = qnn_agreement.PAGE.read_text(encoding="utf-8")
    assert qnn_agreement.draw() == page, "run benchmarks/qnn_agreement.py"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_was_held_out_is_none_of_what_the_table_is_made_of(dialect: Dialect) -> None:
    made = qnn_answers.read_condensed(qnn_tables.kept(dialect))
    held = qnn_answers.read_condensed(qnn_agreement.held(dialect))
    assert {case.name for case in made.cases}.isdisjoint(case.name for case in held.cases)
    asked = Counter(arch for case in held.cases for arch in case.answers)
    assert min(asked[73], asked[75]) >= 500
    assert held.versions == made.versions


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_table_agrees_with_what_was_held_out(dialect: Dialect) -> None:
    held = qnn_answers.read_condensed(qnn_agreement.held(dialect))
    found = qnn_agreement.compare(held.cases, qnn_agreement.targets_of(dialect))
    met = Counter(each.outcome for each in found if each.arch in {73, 75})
    assert met["agree"] >= 0.99 * (met["agree"] + met["false no"])
    assert met["false yes"] <= 0.01 * met.total()
    assert met["unknown"] <= 0.1 * met.total()


def test_the_networks_agree_node_by_node() -> None:
    kept = json.loads(qnn_agreement.NETWORKS.read_text(encoding="utf-8"))
    met: Counter[str] = Counter()
    for row in kept["rows"]:
        met.update(row["counts"])
        assert sum(row["counts"].values()) == row["nodes"]
    assert met["agree"] >= 0.99 * (met.total() - met["unknown"] - met["untold"])
    assert met["false yes"] == 0


def test_a_table_that_changed_since_it_was_frozen_is_told() -> None:
    asked = {end: each.digest for end, each in qnn_pages.FROZEN.items()}
    assert "no longer means unseen" not in qnn_pages.render([], {}, asked)
    page = qnn_pages.render([], {}, {**asked, "litert": "another"})
    assert page.count("no longer means unseen") == 1
    assert qnn_pages.FROZEN["litert"].agreed in " ".join(page.split())


def test_shares_are_rounded_down() -> None:
    assert qnn_nodes.GOOD.isdisjoint(qnn_nodes.UNTOLD)
    assert qnn_pages.share(9999, 10000) == "99.9 %"
    assert qnn_pages.share(0, 0) == "0.0 %"
