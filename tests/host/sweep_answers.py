"""Answers of a compiler that was never asked, as the sweep writes them down, and tables of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import qnn_answers
import qnn_making

from npulint.opsets.registry import open_table
from npulint.opsets.table import Target

Line = dict[str, Any]

FRAME = """\
family: invented
title: An accelerator that nobody makes
dialect: onnx
date: "2026-01-02"
sources:
  code: {file: somebody/something front.cc, commit: "0123456"}
settings:
  arch: the architecture
variants:
  - {name: invented-v1, title: First, settings: {arch: 1}}
  - {name: invented-v2, title: Second, settings: {arch: 2}}
otherwise: {verdict: unknown, say: the compiler was not asked about it, source: answers}
"""


def operand(
    *shape: int | None, dtype: str = "float32", stored: bool = False, **more: Any
) -> dict[str, Any]:
    """An operand as a line describes it."""
    told = {"shape": list(shape), "dtype": dtype, "constant": stored, "omitted": False}
    return {**told, **more}


def line(
    op: str,
    operands: Sequence[Mapping[str, Any]],
    status: str = "taken",
    *,
    attributes: Mapping[str, Any] | None = None,
    kind: str = "float32",
    opset: int = 21,
    chip: int = 1,
    off: float | None = 0.001,
    **more: Any,
) -> Line:
    """One line of a sweep: `taken`, `refused` or `failed`."""
    outcomes = {"taken": "compiled", "refused": "nothing", "failed": "failed"}
    stated = {"op": op, "opset": opset, "kind": kind, "attributes": dict(attributes or {})}
    return {
        "case": json.dumps([stated, list(operands)]),
        **stated,
        "operands": list(operands),
        "outputs": [0],
        "target": f"invented-v{chip}",
        "front_end": "onnx-runtime",
        "status": status,
        "reasons": ["It said no."] if status == "refused" else [],
        "strays": [],
        "outcome": outcomes[status],
        "fault": "It broke (1002)." if status == "failed" else None,
        "proven": status == "taken",
        "qnn": "9.9",
        "max_relative": off if status == "taken" else None,
        "versions": {"onnxruntime": "1.0"},
        "date": "2026-02-03",
        **more,
    }


def evidence(lines: Iterable[Line], folder: Path) -> qnn_answers.Evidence:
    """Lines, read as the command reads them."""
    path = folder / "lines.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
    return qnn_answers.read_lines([path])


def table(
    lines: Iterable[Line], folder: Path, operators: str = "operators: []\n"
) -> tuple[str, list[str]]:
    """The text of a table that is made of lines, and what contradicts its frame."""
    frame = folder / "frame.yaml"
    frame.write_text(FRAME + operators, encoding="utf-8")
    return qnn_making.make_table(evidence(lines, folder), frame)


def targets(
    lines: Iterable[Line], folder: Path, operators: str = "operators: []\n"
) -> dict[int, Target]:
    """The targets of such a table by the numbers of their chips."""
    path = folder / "table.yaml"
    path.write_text(table(lines, folder, operators)[0], encoding="utf-8")
    return {int(each.settings["arch"]): each for each in open_table(path).targets()}
