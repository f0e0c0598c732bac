"""The tables of the HTP: that they are what their answers come to, and what they say."""

from __future__ import annotations

import math
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from sweep_answers import Line, line, operand

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import qnn_agreement
import qnn_answers
import qnn_making
import qnn_tables
from qnn_entries import JUMPS, OFF

import npulint
from npulint.cli import main
from npulint.host import ask
from npulint.judging import node_verdicts
from npulint.model import Dialect
from npulint.opsets import load_target
from npulint.opsets.loader import read_bytes, read_table
from npulint.opsets.registry import open_table
from npulint.verdict import Verdict, judge
from tests.formats import tflite_building as build

DIALECTS: tuple[Dialect, ...] = ("onnx", "tflite")
CHIPS = {68, 69, 73, 75, 79, 81}


@pytest.fixture(scope="module", params=DIALECTS)
def evidence(request: pytest.FixtureRequest) -> qnn_answers.Evidence:
    return qnn_answers.read_condensed(qnn_tables.kept(request.param))


def _dialect(evidence: qnn_answers.Evidence) -> Dialect:
    return qnn_answers.DIALECTS[evidence.front_end]


def test_a_table_is_what_the_command_makes_of_the_answers(evidence: qnn_answers.Evidence) -> None:
    dialect = _dialect(evidence)
    text, contradictions = qnn_making.make_table(evidence, qnn_tables.frame_of(dialect))
    assert contradictions == []
    assert qnn_tables.table_of(dialect).read_text(encoding="utf-8") == text, (
        "run benchmarks/qnn_tables.py"
    )


def test_the_answers_are_small_and_of_all_chips(evidence: qnn_answers.Evidence) -> None:
    kept = qnn_tables.kept(_dialect(evidence))
    assert len(kept.read_bytes()) < 1_000_000
    asked = Counter(arch for case in evidence.cases for arch in case.answers)
    assert set(asked) == CHIPS
    assert min(asked[73], asked[75]) >= 600
    assert min(asked.values()) >= 300


def test_a_table_agrees_with_the_answers_that_it_is_made_of(
    evidence: qnn_answers.Evidence,
) -> None:
    targets = qnn_agreement.targets_of(_dialect(evidence))
    met = Counter(each.outcome for each in qnn_agreement.compare(evidence.cases, targets))
    assert met["false yes"] == met["false no"] == 0
    assert met["unknown"] <= 0.01 * met.total()


def test_sources_name_the_versions_and_the_day(evidence: qnn_answers.Evidence) -> None:
    table = open_table(qnn_tables.table_of(_dialect(evidence)))
    for target in table.targets():
        for version in evidence.versions:
            assert version in target.sources["answers"]
        assert evidence.days[1] in target.sources["answers"]
        assert target.date >= evidence.days[1]


def test_wrong_numbers_are_told_apart_by_a_gap() -> None:
    """Hardly anything lies just below the bound: what is wrong is wrong by far."""
    evidence = qnn_answers.read_condensed(qnn_tables.kept("onnx"))
    off = [
        answer.off
        for case in evidence.cases
        if case.op not in JUMPS
        for answer in case.answers.values()
        if answer.label == "taken" and answer.off is not None and math.isfinite(answer.off)
    ]
    near = sum(OFF * 0.75 < each <= OFF for each in off)
    assert near <= 0.005 * len(off)
    assert sum(each > OFF for each in off) < 0.1 * len(off)


def _of(asked: Line, chip: str = "qnn-htp-v73") -> Verdict:
    target = load_target(chip)
    own = target if target.dialect == "onnx" else target.twin
    assert own is not None
    return judge(qnn_answers.operation_of("onnx", asked), own)


IMAGE = operand(1, 8, 16, 16)
CHANNELS = operand(8, stored=True)
IMAGE_16 = operand(1, 8, 16, 16, dtype="uint16")


def _conv(side: int, *, dilated: bool, kind: str = "float32") -> Line:
    image, stored = (IMAGE, "float32") if kind == "float32" else (IMAGE_16, "int8")
    kernel = operand(16, 8, side, side, dtype=stored, stored=True)
    more = {"dilations": [2, 2]} if dilated else {}
    attributes = {"kernel_shape": [side, side], "strides": [2, 2], "group": 1, **more}
    return line("Conv", [image, kernel], kind=kind, attributes=attributes)


def _einsum(one: tuple[int, ...], other: tuple[int, ...]) -> Line:
    equation = {"equation": "bhid,bhjd->bhij"}
    return line("Einsum", [operand(*one), operand(*other)], attributes=equation)


def _gru(*outputs: int) -> Line:
    weights = [operand(1, 24, 8, dtype="int8", stored=True) for _ in range(2)]
    asked = line("GRU", [operand(4, 1, 8, dtype="uint16"), *weights], kind="a16w8",
                 attributes={"hidden_size": 8})  # fmt: skip
    return {**asked, "outputs": list(outputs)}


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        (line("Relu", [IMAGE]), "supported", ""),
        (_conv(3, dilated=False), "supported", ""),
        (line("Erf", [IMAGE]), "unsupported", "not supported by QNN"),
        (line("Mish", [IMAGE]), "unsupported", "ONNX Runtime takes it apart"),
        (line("GroupNormalization", [IMAGE, CHANNELS, CHANNELS], attributes={"num_groups": 2}),
         "supported", ""),
        (_einsum((2, 4, 5, 3), (1, 4, 6, 3)), "supported", ""),
        (_einsum((1, 4, 5, 3), (2, 4, 6, 3)), "unsupported", "found 1 and 2 of b"),
        (_einsum((2, 4, 5, 1), (2, 4, 6, 3)), "unsupported", "found 1 and 3 of d"),
        (_gru(0, 1), "supported", ""),
        (_gru(1), "unknown", "dies"),
        (_conv(1, dilated=True, kind="a16w8"), "unsupported", "then cannot be compiled"),
        (line("Celu", [operand(1, 8, dtype="float64")], kind="float64"), "unsupported", ""),
        (line("STFT", [IMAGE]), "unknown", ""),
        (line("Relu", [operand(1, None, 4, 4)]), "unsupported", "of sizes known beforehand"),
    ],
    ids=["Relu", "Conv", "Erf", "Mish", "GroupNormalization", "Einsum that repeats the second",
         "Einsum that repeats the first", "Einsum that repeats what it sums", "GRU",
         "GRU without its sequence", "1x1 dilated", "Celu in float64",
         "STFT", "sizes left open"],
)  # fmt: skip
def test_what_the_table_says(asked: Line, status: str, words: str) -> None:
    verdict = _of(asked)
    said = "; ".join(reason.message for reason in verdict.reasons)
    assert verdict.status == status, said
    assert words in said


def test_one_name_has_two_tables() -> None:
    target = load_target("qnn-htp-v75")
    assert target.twin is not None
    assert {target.dialect, target.twin.dialect} == {"onnx", "tflite"}
    assert target.settings == target.twin.settings == {"arch": 75}


def test_explain_gives_the_compiler_s_own_answer(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "qnn-htp-v73:Erf"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "not supported by QNN" in out
    assert "answers of Qualcomm's HTP compiler to single operators" in out


def test_check_does_not_say_yes_by_the_name_alone(tmp_path: Path) -> None:
    """Each of these is in a list of operators somewhere, and none of them is compiled."""
    shape = [1, 2, 3, 4, 5]
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Erf", ["a"], ["b"]),
        helper.make_node("Mish", ["b"], ["c"]),
        helper.make_node("Cos", ["c"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy"]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:])
    path = tmp_path / "model.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    path.write_bytes(model.SerializeToString())
    (result,) = npulint.check(path, ["qnn-htp-v73"]).models
    (target,) = result.targets
    assert result.error is None
    statuses = [verdict.status for verdict in target.verdicts[0]]
    assert statuses == ["supported", "unsupported", "unsupported", "unsupported"]


def test_changes_are_told_operator_by_operator() -> None:
    before = "head\noperators:\n  - op: Abs\n    inputs: [X]\n\n  - op: Erf\n    source: a\n"
    after = "head\noperators:\n  - op: Abs\n    inputs: [X, Y]\n\n  - op: Tan\n    source: a\n"
    assert list(qnn_tables.changes(before, after)) == [
        "other: Abs (1 lines new, 1 gone)", "gone: Erf", "new: Tan",
    ]  # fmt: skip


def test_a_compiled_form_lies_beside_each_table() -> None:
    for dialect in DIALECTS:
        path = qnn_tables.table_of(dialect)
        assert len(read_bytes(path)) > 100_000
        assert read_table(path).document.data
        assert path.with_suffix(".json").exists()


@pytest.mark.parametrize("shape", [(1, 2, 2, 4, 16), (1, 2, 2, 2, 2, 16), (1, 1, 2, 2, 2, 2, 16)])
def test_how_many_axes_a_reshape_of_tflite_may_make(shape: tuple[int, ...], tmp_path: Path) -> None:
    sizes = np.frombuffer(np.array(shape, np.int32).tobytes(), np.uint8)
    made = build.chain()
    made.main.tensors = [
        build.tensor("x", (1, 4, 4, 16)),
        build.tensor("shape", (len(shape),), "INT32", buffer=1),
        build.tensor("a", shape),
        build.tensor("y", shape),
    ]
    options = build.table("ReshapeOptions", new_shape=list(shape))
    made.main.inputs, made.main.outputs = [0], [3]
    made.main.operators = [
        build.operator(0, [0, 1], [2], options=options),
        build.operator(1, [2], [3]),
    ]
    made.model.operatorCodes = [build.code("RESHAPE"), build.code("RELU")]
    made.model.subgraphs = [made.main]
    made.model.buffers = [build.table("Buffer"), build.table("Buffer", data=sizes)]
    path = build.write(tmp_path, made.model)
    target = qnn_agreement.targets_of("tflite")[73]
    said = [verdict.status for verdict in node_verdicts(npulint.load(path), target)[0]]
    real = [node.status for node in ask(path, "qnn-htp-v73", run=False).nodes]
    assert said == ["supported" if each == "taken" else "unsupported" for each in real]
    assert ("taken" in real) == (len(shape) <= 5)
