"""NNAPI verdicts against what the delegate's own code answered, node by node and kind by kind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from npulint.formats import load
from npulint.opsets import load_target, targets
from npulint.verdict import Verdict, judge_graph

FOLDER = Path(__file__).parent
ANSWERS: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())["models"]
TARGETS = tuple(name for name in targets() if name.startswith("nnapi-"))


def test_every_target_was_asked() -> None:
    assert len(TARGETS) == 14
    for answer in ANSWERS.values():
        assert set(TARGETS) <= set(answer["targets"])


@pytest.mark.parametrize("name", ANSWERS)
def test_verdicts_and_kinds_are_the_delegates_own(name: str) -> None:
    answer = ANSWERS[name]
    graph = load(FOLDER / "models" / f"{name}.tflite").graphs[0]
    assert [[n.index, n.op, n.version] for n in graph.nodes] == answer["nodes"]
    for target in TARGETS:
        verdicts = judge_graph(graph, load_target(target))
        said = answer["targets"][target]
        refused = {int(index): set(kinds) for index, kinds in said["refused"].items()}
        assert dict(_refused(verdicts)) == refused, target
        accepted = [i for i, verdict in enumerate(verdicts) if verdict.validation == "accepted"]
        assert accepted == said["accepted"], target


@pytest.mark.parametrize("name", sorted(ANSWERS)[::12])
def test_every_reason_says_what_was_found_and_where_it_is_written(name: str) -> None:
    graph = load(FOLDER / "models" / f"{name}.tflite").graphs[0]
    for target in TARGETS:
        for verdict in judge_graph(graph, load_target(target)):
            assert bool(verdict.reasons) == (verdict.status != "supported")
            for reason in verdict.reasons:
                assert re.search(r" \d.* @[0-9a-f]{8}$", reason.source)
                assert verdict.validation == "accepted" or "@f6745779" in reason.source
                assert "; found " in reason.message or reason.constraint.endswith("/unlisted")


def _refused(verdicts: tuple[Verdict, ...]) -> Iterator[tuple[int, set[str]]]:
    for index, verdict in enumerate(verdicts):
        if verdict.validation == "refused":
            yield index, {reason.kind for reason in verdict.reasons if reason.kind}
