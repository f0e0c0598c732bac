"""Targets that take a model whole or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from npulint.opsets import load_target
from npulint.partition import delegate_model
from tests.partition.sketch import chain, verdicts

NEURON = load_target("neuron")
assert NEURON.partitioning is not None
WHOLE = replace(NEURON, partitioning=replace(NEURON.partitioning, strategy="whole-model"))

CASES = {
    "all accepted": (["aaa"], ["+++"], ""),
    "one refused": (["ara"], ["---"], "RELU (node 1) is refused, and neuron takes a model whole"),
    "one unknown": (["aua"], ["???"], ""),
    "refused and unknown": (["ura"], ["---"], "RELU (node 1) is refused"),
    "one that cannot be built": (["aab"], ["---"], "RELU (node 2) passes the check"),
    "one that may not be built": (["ada"], ["???"], ""),
    "refused in another graph": (["aa", "ra"], ["--", "--"], "another graph"),
    "refused in an earlier graph": (["ra", "aa"], ["--", "--"], "RELU (node 0) is refused"),
    "unknown in another graph": (["aa", "ua"], ["??", "??"], ""),
}


@pytest.mark.parametrize("case", CASES)
def test_whole_or_not_at_all(case: str) -> None:
    letters, fates, why = CASES[case]
    graphs = tuple(replace(chain(len(each)), index=n) for n, each in enumerate(letters))
    results = delegate_model(graphs, [verdicts(each) for each in letters], WHOLE)
    sign = {True: "+", False: "-", None: "?"}
    assert ["".join(sign[fate] for fate in each.delegated) for each in results] == fates
    assert (results[0].why_not or "").startswith(why)
    assert bool(results[0].why_not) is bool(why)
    handed = any(piece.handed_over for each in results for piece in each.partitions)
    assert handed is not bool(why)
    if "u" in "".join(letters) and not why:
        notes = [note for each in results for note in each.notes]
        assert any("whole or not at all, and nothing is known of some" in note for note in notes)
