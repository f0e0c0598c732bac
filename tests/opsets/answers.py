"""The answers of the delegates' own code on the models of tests/truth, against a table's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from npulint.formats import load
from npulint.model import Graph
from npulint.opsets.table import Target
from npulint.partition import CPU, delegate
from npulint.verdict import judge_graph

FOLDER = Path(__file__).parent.parent / "truth"
ANSWERS: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())["models"]


def graph_of(name: str) -> Graph:
    """The main graph of one of the models."""
    return load(FOLDER / "models" / f"{name}.tflite").graphs[0]


def disagreements(target: Target) -> Iterator[str]:
    """Everything that a table says otherwise than the delegate: nodes, kinds and pieces."""
    for name, answer in ANSWERS.items():
        graph, said = graph_of(name), answer["targets"][target.name]
        verdicts = judge_graph(graph, target)
        accepted = [n for n, verdict in enumerate(verdicts) if verdict.validation == "accepted"]
        if accepted != said["accepted"]:
            yield f"{name}: accepts {accepted}, the delegate {said['accepted']}"
        kinds = {
            str(n): sorted({reason.kind for reason in verdict.reasons if reason.kind})
            for n, verdict in enumerate(verdicts)
            if verdict.validation == "refused"
        }
        told = {n: sorted(set(each)) for n, each in said["refused"].items()}
        if kinds != told:
            yield f"{name}: refuses as {kinds}, the delegate as {told}"
        pieces = delegate(graph, verdicts, target).partitions
        sizes = [len(piece.nodes) for piece in pieces if piece.runs_on != CPU]
        if sizes != said["partitions"]:
            yield f"{name}: cuts {sizes}, the delegate {said['partitions']}"
