"""XNNPACK verdicts against what LiteRT's own delegate takes: single operators and whole models."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from qnn_cases import Case
from qnn_tflite.catalogue import CATALOGUE
from xnnpack_sweep import RUNS, ask, graphs, written

from npulint.formats import load
from npulint.model import Model
from npulint.opsets import load_target
from npulint.partition import CPU, Delegation, delegate_model
from npulint.verdict import Verdict, judge_graph

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
_, *LINES = map(json.loads, (FOLDER / "xnnpack.jsonl").read_text(encoding="utf-8").splitlines())
CASES = [line for line in LINES if "case" in line]
GRAPHS = [line for line in LINES if "graph" in line]
XNNPACK = load_target("xnnpack").side("tflite")
REMAKE = "run benchmarks/xnnpack_sweep.py -o tests/truth/xnnpack.jsonl"

UNDRAWN = {
    "DENSIFY", "EXPAND_DIMS", "STABLEHLO_COMPOSITE",
    "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE",
}  # fmt: skip
"""What no single operator is drawn of: sparse weights, composites and variables, and what is never
taken."""

JUDGED, ASKED = 6, 40
"""One of so many lines is judged, or asked about again; all of them with --full."""


@cache
def _family(name: str, seed: int) -> dict[str, Case]:
    return {case.name: case for case in CATALOGUE.cases([name], seed)}


def write(line: dict[str, Any], path: Path) -> Path:
    """The model of a line."""
    if "graph" in line:
        path.write_bytes((ROOT / line["graph"]).read_bytes())
    else:
        case = _family(line["family"], line["seed"])[line["case"]]
        path.write_bytes(written(case, line["outputs"], line["stretch"]))
    return path


def judged(model: Model) -> tuple[tuple[Verdict, ...], Delegation]:
    """What the table makes of a model's main graph."""
    verdicts = tuple(judge_graph(graph, XNNPACK) for graph in model.graphs)
    return verdicts[0], delegate_model(model.graphs, verdicts, XNNPACK)[0]


def disagreements(lines: Sequence[dict[str, Any]], folder: Path) -> Iterator[str]:
    """Everything that the table says otherwise than the delegate."""
    for line in lines:
        verdicts, delegation = judged(load(write(line, folder / "m.tflite")))
        name = line.get("case") or line["graph"]
        accepted = [n for n, verdict in enumerate(verdicts) if verdict.validation == "accepted"]
        if accepted != line["taken"]:
            yield f"{name}: takes {accepted}, the delegate {line['taken']}"
        broken = delegation.obstacle is not None and delegation.obstacle.kind == "build"
        if broken is not ("broken" in line):
            can = "cannot" if broken else "can"
            yield f"{name}: {can} be set up, of the delegate's {line.get('broken', 'it can')}"
        pieces = [piece for piece in delegation.partitions if piece.runs_on != CPU]
        if not broken and len(pieces) != len(line["pieces"]):
            yield f"{name}: {len(pieces)} pieces, the delegate {len(line['pieces'])}"


def test_enough_was_asked() -> None:
    first = RUNS[0].seed
    held_out = [line for line in CASES if line["seed"] != first or line["stretch"] != 1.0]
    assert len(CASES) >= 3000
    assert len(held_out) * 3 >= len(CASES), "a third was asked about when the table stood"
    assert {(line["seed"], line["stretch"]) for line in CASES} == {
        (run.seed, run.stretch) for run in RUNS
    }
    broken = {line["case"].split("-")[0] for line in CASES if "broken" in line}
    assert {"SPLIT", "MAX_POOL_2D", "PAD", "TRANSPOSE"} <= broken
    taken = {line["case"].split("-")[0] for line in CASES if line["taken"]}
    assert taken == {op for op, entry in XNNPACK.entries.items() if not entry.custom} - UNDRAWN
    assert {line["graph"] for line in GRAPHS} <= {p.relative_to(ROOT).as_posix() for p in graphs()}
    assert len(GRAPHS) >= 230


def test_single_operators_are_taken_as_the_delegate_takes_them(tmp_path: Path, full: bool) -> None:
    assert not list(disagreements(CASES[:: 1 if full else JUDGED], tmp_path))


def test_whole_models_are_cut_as_the_delegate_cuts_them(tmp_path: Path, full: bool) -> None:
    assert not list(disagreements(GRAPHS[:: 1 if full else 2], tmp_path))


def test_variables_are_taken_as_their_first_use_has_them(tmp_path: Path) -> None:
    lines = [line for line in GRAPHS if "xnnpack_models" in line["graph"]]
    assert [line["taken"] for line in lines] == [[0, 1, 3], [0, 1, 3], [0, 1, 2, 3]]
    assert not list(disagreements(lines, tmp_path))


def test_no_verdict_is_left_open(tmp_path: Path) -> None:
    for line in CASES[::JUDGED]:
        verdicts, _ = judged(load(write(line, tmp_path / "m.tflite")))
        assert {verdict.status for verdict in verdicts} <= {"supported", "unsupported"}


def test_the_runtime_still_says_so(tmp_path: Path, full: bool) -> None:
    lines = LINES[:: 1 if full else ASKED]
    paths = [write(line, tmp_path / f"{number}.tflite") for number, line in enumerate(lines)]
    answers = ask(paths, tmp_path)
    for line, answer in zip(lines, answers, strict=True):
        told = {key: line[key] for key in ("taken", "pieces", "broken") if key in line}
        assert answer == told, f"{line.get('case') or line['graph']}: {REMAKE}"
