"""The sweep over TFLite operators, through LiteRT's plugin: a short run, and its going on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import qnn_tflite_sweep


def _sweep(path: Path, *more: str) -> list[dict[str, Any]]:
    qnn_tflite_sweep.main(["-o", str(path), "--on", "qnn-htp-v73", *more])
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.usefixtures("nothing_left")
def test_answers_and_going_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sweep.jsonl"
    asked = ("--op", "RESIZE_BILINEAR", "--op", "SHAPE", "--op", "QUANTIZE", "--most", "1")
    lines = _sweep(path, *asked)
    by_case = {(line["op"], line["kind"]): line for line in lines}
    for kind, dtype in (("float32", "float32"), ("s8w8", "int8"), ("s16w8", "int16")):
        line = by_case["RESIZE_BILINEAR", kind]
        assert (line["status"], line["outcome"], line["proven"]) == ("taken", "compiled", True)
        assert [each["dtype"] for each in line["operands"]] == [dtype, "int32"]
        size = line["operands"][1]
        assert ("values" in size) == size["constant"]
        assert (line["front_end"], line["opset"]) == ("litert", 1)
        assert line["versions"].keys() == {"ai-edge-litert", "onnxruntime-qnn"}
    shape = by_case["SHAPE", "float32"]
    assert shape["status"] == "refused"
    assert "is not supported in Qualcomm Compiler" in shape["reasons"][0]
    assert by_case["QUANTIZE", "s8w8"]["status"] == "taken"
    # Nothing is asked twice, and a line that broke off is asked again.
    assert _sweep(path, *asked) == lines
    text = path.read_text(encoding="utf-8")
    path.write_text(text[:-20], encoding="utf-8")
    capsys.readouterr()
    again = _sweep(path, *asked)
    assert capsys.readouterr().out.startswith(f"qnn-htp-v73: 1 of {len(lines)} cases to ask\n")
    assert [line["case"] for line in again] == [line["case"] for line in lines]
