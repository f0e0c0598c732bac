"""Everything that npulint says about the models of tests/truth is what the delegates said."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from npulint.formats import load
from npulint.model import Graph
from npulint.opsets import load_target, targets
from npulint.opsets.table import Target
from npulint.partition import CPU, delegate
from npulint.pieces import cut
from npulint.verdict import judge_graph

ROOT = Path(__file__).parent.parent.parent
TRUTH = ROOT / "tests" / "truth"
EXPECTED: dict[str, Any] = json.loads((TRUTH / "expected.json").read_text())["models"]
NNAPI = [name for name in targets() if name.startswith("nnapi-")]


def models() -> Iterator[tuple[str, Graph, Any]]:
    for name, answer in EXPECTED.items():
        yield name, load(TRUTH / "models" / f"{name}.tflite").graphs[0], answer


def test_the_truth_speaks_of_every_nnapi_target() -> None:
    assert len(NNAPI) == 14
    assert all(set(NNAPI) <= set(answer["targets"]) for answer in EXPECTED.values())


def test_given_the_delegates_verdicts_every_piece_is_as_the_runtime_cuts_it() -> None:
    for name, graph, answer in models():
        for target, said in answer["targets"].items():
            accepted = set(said["accepted"])
            pieces = cut(graph, [index in accepted for index in range(len(graph.nodes))])
            sizes = [len(piece.nodes) for piece in pieces if piece.handed]
            assert sizes == said["partitions"], (name, target)


def by_check_alone(name: str) -> Target:
    """A target whose accelerator builds whatever passes the check, as that of the answers does."""
    target = load_target(name)
    entries = {op: replace(entry, build=()) for op, entry in target.entries.items()}
    return replace(target, entries=entries)


@pytest.mark.parametrize("name", NNAPI)
def test_what_is_handed_over(name: str) -> None:
    target = by_check_alone(name)
    for model, graph, answer in models():
        said = answer["targets"][name]
        result = delegate(graph, judge_graph(graph, target), target)
        kind = None if result.obstacle is None else result.obstacle.kind
        assert kind == answer.get("why_not"), model
        kept = {i for piece in result.partitions if piece.runs_on == CPU for i in piece.nodes}
        offered = [node.index for node in graph.nodes if node.index not in kept]
        assert offered == said.get("delegated_fp16", said["accepted"]), model


@pytest.mark.parametrize("name", NNAPI)
def test_what_the_accelerator_cannot_build_is_cut_all_the_same_and_taken_back(name: str) -> None:
    target, checked = load_target(name), by_check_alone(name)
    touched = 0
    for model, graph, _ in models():
        result = delegate(graph, judge_graph(graph, target), target)
        alone = delegate(graph, judge_graph(graph, checked), checked)
        shapes = [(piece.runs_on, piece.nodes) for piece in result.partitions]
        assert shapes == [(piece.runs_on, piece.nodes) for piece in alone.partitions], model
        touched += result.delegated != alone.delegated
        if result.obstacle is not None and result.obstacle.kind == "build":
            assert alone.obstacle is None, model
            assert not any(piece.handed_over for piece in result.partitions), model
            assert result.delegated == (False,) * len(graph.nodes), model
        else:
            assert result.obstacle == alone.obstacle, model
            assert result.doubt is not None or result.delegated == alone.delegated, model
    assert touched


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "truth.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_benchmark_finds_no_disagreement() -> None:
    done = run(TRUTH)
    assert done.returncode == 0, done.stdout
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line}
    assert all(rows[name] == ["1722", "100.00", "%", *"000000"] for name in NNAPI)


@pytest.fixture
def lies(tmp_path: Path) -> Path:
    """A folder whose answers differ from ours in every column."""
    names = ("op_dyn_topk", "blk_dense_f16", "blk_acts_f32")
    answers = {name: json.loads(json.dumps(EXPECTED[name])) for name in names}
    for answer in answers.values():
        answer["targets"] = {"nnapi-1.2": answer["targets"]["nnapi-1.2"], "elsewhere-9": {}}
    answers["op_dyn_topk"]["delegated_at_all"] = True
    answers["blk_dense_f16"]["targets"]["nnapi-1.2"]["delegated_fp16"] = [0]
    said = answers["blk_acts_f32"]["targets"]["nnapi-1.2"]
    said["refused"][str(said["accepted"].pop(0))] = ["kUnsupportedInputType"]
    (tmp_path / "models").mkdir()
    for name in names:
        shutil.copy(TRUTH / "models" / f"{name}.tflite", tmp_path / "models")
    (tmp_path / "expected.json").write_text(json.dumps({"models": answers}))
    return tmp_path


def test_the_benchmark_lists_every_disagreement(lies: Path) -> None:
    done = run(lies)
    assert done.returncode == 1
    row = next(line for line in done.stdout.splitlines() if line.startswith("nnapi-1.2"))
    assert row.split()[-6:] == ["1", "0", "0", "0", "1", "1"]
    assert "blk_acts_f32: node" in done.stdout
    assert "kUnsupportedInputType" in done.stdout
    assert "op_dyn_topk: the whole model: we say dynamic" in done.stdout
    assert "blk_dense_f16: float16 weights" in done.stdout
    assert "no table knows them: elsewhere-9" in done.stdout


@pytest.mark.parametrize("arguments", [(), ("missing-folder",), (TRUTH, "-t", "nobody")])
def test_the_benchmark_names_what_it_cannot_use(arguments: tuple[object, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr
