"""The sweep over single operators: its cases, its answers, and that it goes on where it stopped."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import onnx
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import qnn_cases
import qnn_families
import qnn_sweep

from npulint.runtimes.onnx_engine import open_session

ALL = list(qnn_families.cases())


NO_KERNEL = {(op, "int32") for op in ("DepthToSpace", "SpaceToDepth", "PRelu")}
"""What onnxruntime's CPU provider cannot run, and the compiler is asked about all the same."""


def test_no_two_cases_have_one_name() -> None:
    assert [name for name, times in Counter(case.name for case in ALL).items() if times > 1] == []


def test_inputs_are_the_same_for_the_same_seed() -> None:
    for case in ALL[::97]:
        once, again, other = (qnn_cases.inputs(case, seed) for seed in (1, 1, 2))
        assert all((a == b).all() for a, b in zip(once, again, strict=True))
        assert case.kind == "bool" or any((a != b).any() for a, b in zip(once, other, strict=True))


@pytest.mark.parametrize("name", qnn_families.FAMILIES)
def test_every_family_has_cases_that_the_cpu_runs(name: str, tmp_path: Path) -> None:
    """One of each kind, as the sweep builds it: the checker takes it, and the CPU runs it."""
    first = {case.kind: case for case in reversed(list(qnn_families.cases((name,))))}
    assert set(first) == set(qnn_families.FAMILIES[name][1])
    for kind, case in first.items():
        path = tmp_path / f"{kind}.onnx"
        runs = qnn_sweep.write_model(case, 0, path)
        assert runs == ((name, kind) not in NO_KERNEL)
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        assert case.op in {node.op_type for node in model.graph.node}
        quantised = "QuantizeLinear" in {node.op_type for node in model.graph.node}
        assert quantised == (kind in qnn_cases.QUANTISED)
        if runs:
            session = open_session(str(path), ())
            session.run(qnn_cases.inputs(case, 0))
            assert all(session.fetch(slot.key).size for slot in session.outputs)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _sweep(path: Path, *more: str) -> list[dict[str, Any]]:
    qnn_sweep.main(["-o", str(path), "--on", "qnn-htp-v73", *more])
    return _lines(path)


@pytest.mark.usefixtures("nothing_left")
def test_answers_and_going_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sweep.jsonl"
    asked = ("--op", "Softsign", "--op", "Clip", "--most", "1")
    lines = _sweep(path, *asked)
    assert [(line["op"], line["kind"]) for line in lines] == [
        *(("Softsign", kind) for kind in ("float32", "float16", "a8w8", "a16w8")),
        *(("Clip", kind) for kind in ("float32", "a8w8", "a16w8")),
    ]
    assert {line["status"] for line in lines if line["op"] == "Softsign"} == {"refused"}
    for line in lines[4:]:
        assert (line["status"], line["outcome"], line["proven"]) == ("taken", "compiled", True)
        assert line["max_relative"] < 0.01
        assert line["versions"].keys() == {"onnxruntime", "onnxruntime-qnn"}
        assert line["date"]
    # Nothing is asked twice, and a line that broke off is asked again.
    assert _sweep(path, *asked) == lines
    text = path.read_text(encoding="utf-8")
    path.write_text(text[:-20], encoding="utf-8")
    capsys.readouterr()
    again = _sweep(path, *asked)
    assert capsys.readouterr().out.startswith("qnn-htp-v73: 1 of 7 cases to ask\n")
    assert [line["case"] for line in again] == [line["case"] for line in lines]
    # Other versions are asked anew.
    path.write_text(
        text.replace('"onnxruntime-qnn": "', '"onnxruntime-qnn": "0.'), encoding="utf-8"
    )
    assert len(_sweep(path, "--op", "Clip", "--most", "1")) == 7 + 3


@pytest.mark.usefixtures("nothing_left")
def test_a_case_that_ends_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qnn_sweep, "WORKER", Path(__file__).with_name("sweep_worker.py"))
    lines = _sweep(tmp_path / "sweep.jsonl", "--op", "Clip", "--most", "1")
    assert len({line["case"] for line in lines}) == 3
    assert [line["status"] for line in lines] == ["taken", "unknown", "taken"]
    assert "died (SIGSEGV)" in lines[1]["fault"]
