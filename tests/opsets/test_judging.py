"""Verdicts of graphs: remembered without mixing, joined over conversions, doubts kept apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from npulint.model import Graph, Node, Operation, Value
from npulint.opsets import load_target
from npulint.opsets.table import Target
from npulint.verdict import judge, judge_graph

TABLE = """\
family: toy
title: A made-up accelerator
dialect: tflite
date: "2026-01-02"
sources:
  code: {file: someone/toy src/toy.cc, commit: abc1234}
kinds: {dtype: BadType}
otherwise: {verdict: unsupported, say: nobody wrote it, source: code 1, kind: NoSuch}
operators:
  - op: ADD
    inputs: [x, y]
    source: code 10-20
    accept:
      - {dtype: x, equals: int4, source: code 9}
    require:
      - {dtype: x, in: [float32, int8]}
      - {rank: x, at_most: 4, when: {dtype: y, equals: float32}}
    build:
      - {dtype: y, differs: int8, source: code 30}
    cautions:
      - {kind: slow, say: half as fast, when: {rank: x, equals: 4}}
  - op: SIN
    inputs: [x]
    source: code 40
    build:
      - {never: SIN is checked and then has no mapping}
  - op: COS
    inputs: [x]
    source: code 50
    require:
      - {rank: x, equals: 4, else: unknown, note: two integrations disagree}
"""


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Target:
    path: Path = tmp_path_factory.mktemp("toy") / "toy.yaml"
    path.write_text(TABLE, encoding="utf-8")
    return load_target(path)


def _operation(
    op: str, *dtypes: str | None, rank: int | None = 4, custom: bool = False
) -> Operation:
    shape = None if rank is None else (1,) * rank
    values = tuple(Value(i, "", dtype, shape) for i, dtype in enumerate(dtypes))
    return Operation("tflite", op, 1, values, (), custom=custom)


@pytest.mark.parametrize(
    ("operation", "status", "validation", "constraints"),
    [
        (_operation("ADD", "float32", "float32"), "supported", "accepted", []),
        (_operation("ADD", "int4", "float32", rank=5), "supported", "accepted", []),
        (_operation("ADD", "int32", "int32"), "unsupported", "refused", ["ADD/dtype-x"]),
        (
            _operation("ADD", "int32", "float32", rank=5),
            "unsupported",
            "refused",
            ["ADD/dtype-x", "ADD/rank-x"],
        ),
        # Whether x is int4, and so accepted whatever its rank, is not known.
        (_operation("ADD", None, "float32", rank=5), "unknown", "unknown", None),
        # Where y's type is unknown, the rank demand may not apply.
        (_operation("ADD", "int8", None, rank=5), "unknown", "unknown", ["ADD/rank-x"]),
        (_operation("ADD", "int8", None, rank=4), "unknown", "accepted", ["ADD/dtype-y"]),
        (_operation("ADD", "int8", "int8"), "unsupported", "accepted", ["ADD/dtype-y"]),
        (_operation("ADD", "int8"), "unknown", "accepted", ["ADD/dtype-y"]),
        (_operation("SIN", "float32"), "unsupported", "accepted", ["SIN/never"]),
        (_operation("COS", "float32"), "supported", "accepted", []),
        (_operation("COS", "float32", rank=3), "unknown", "unknown", ["COS/rank-x"]),
        (_operation("TAN", "float32"), "unsupported", "refused", ["TAN/unlisted"]),
        (
            _operation("ADD", "float32", "float32", custom=True),
            "unsupported",
            "refused",
            ["ADD/unlisted"],
        ),
    ],
)
def test_the_check_the_building_and_the_doubts_are_kept_apart(
    operation: Operation, status: str, validation: str, constraints: list[str] | None, toy: Target
) -> None:
    verdict = judge(operation, toy)
    assert (verdict.status, verdict.validation) == (status, validation)
    if constraints is not None:
        assert [reason.constraint for reason in verdict.reasons] == constraints
    doubtful = [r for r in verdict.reasons if r.message.startswith("cannot be decided: ")]
    assert bool(doubtful) == (status == "unknown")


def test_a_caution_comes_only_where_it_applies(toy: Target) -> None:
    for rank, cautions in ((4, [("slow", "half as fast")]), (3, []), (None, [])):
        verdict = judge(_operation("ADD", "float32", "int32", rank=rank), toy)
        assert [(each.kind, each.message) for each in verdict.cautions] == cautions


def _graph(dialect: str, *operations: Operation) -> Graph:
    values: list[Value] = []
    nodes: list[Node] = []
    for index, each in enumerate(operations):
        places = range(len(values), len(values) + len(each.inputs))
        values += [value for value in each.inputs if value is not None]
        nodes.append(Node(0, index, each.op, 1, tuple(places), (), custom=each.custom))
    return Graph(0, "", dialect, tuple(values), tuple(nodes), (), ())  # type: ignore[arg-type]


def test_remembering_mixes_no_two_forms(toy: Target) -> None:
    forms = [
        _operation(op, x, y, rank=rank, custom=custom)
        for op in ("ADD", "SIN", "TAN")
        for x in ("float32", "int8", "int32", None)
        for y in ("float32", "int8", None)
        for rank in (None, 3, 4, 5)
        for custom in (False, True)
    ]
    graph = _graph("tflite", *forms, *forms)
    expected = tuple(judge(form, toy) for form in forms)
    assert judge_graph(graph, toy) == expected * 2


def test_another_dialect_without_a_conversion_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "toy.yaml"
    onnx = TABLE.replace("dialect: tflite", "dialect: onnx")
    path.write_text(onnx.replace("inputs: [", "custom: true\n    inputs: ["), encoding="utf-8")
    graph = _graph("tflite", _operation("ADD", "float32", "float32"))
    assert [v.status for v in judge_graph(graph, load_target(path))] == ["unknown"]


def _onnx(op: str, dtype: str, opset: int = 17) -> Graph:
    values = (Value(0, "x", dtype, (1, 3, 8, 8)), Value(1, "y", dtype, (1, 3, 8, 8)))
    return Graph(0, "", "onnx", values, (Node(0, 0, op, opset, (0,), (1,)),), (0,), (1,))


def test_an_onnx_node_is_judged_by_what_it_is_converted_to() -> None:
    old, new = load_target("nnapi-1.1"), load_target("nnapi-1.2")
    graph = _onnx("Exp", "float32")
    (refused,), (accepted,) = judge_graph(graph, old), judge_graph(graph, new)
    assert (accepted.status, accepted.validation) == ("supported", "accepted")
    assert (refused.status, refused.validation) == ("unsupported", "refused")
    assert refused.reasons[0].message.startswith("EXP: the feature level must be at least")


def test_an_onnx_node_without_a_known_conversion_is_unknown() -> None:
    (verdict,) = judge_graph(_onnx("NobodyKnowsThis", "float32"), load_target("nnapi-1.3"))
    assert (verdict.status, verdict.validation) == ("unknown", "unknown")
    assert verdict.reasons[0].constraint == "conversion"
