"""The sweep over ONNX operators: its answers, and that it goes on where it stopped."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import qnn_sweep


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
        assert (line["front_end"], line["seed"], line["outputs"]) == ("onnx-runtime", 0, [0])
        assert line["max_relative"] < 0.01
        assert line["versions"].keys() == {"onnxruntime", "onnxruntime-qnn"}
        assert line["date"]
    image, *bounds = lines[-1]["operands"]
    assert image == {
        "shape": [1, 8, 12, 16],
        "dtype": "uint16",
        "constant": False,
        "omitted": False,
    }
    assert all(each["omitted"] or each["values"] in ([0.0], [6.0]) for each in bounds)
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


@pytest.mark.usefixtures("nothing_left")
def test_what_another_file_holds_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "sweep.jsonl", tmp_path / "held-out.jsonl"
    asked = ("--op", "Softsign", "--seed", "1")
    known = {line["case"] for line in _sweep(first, *asked, "--total", "2")}
    lines = _sweep(second, *asked, "--total", "3", "--without", str(first))
    assert len(lines) == 3
    assert not known & {line["case"] for line in lines}
    assert {line["seed"] for line in lines} == {1}
    assert capsys.readouterr().out.count("of 3 cases to ask") == 1
