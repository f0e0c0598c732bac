"""What ONNX Runtime hands a provider, by what a table says of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sketch import dtype, rows, sketch

from npulint.joins import joining_set
from npulint.model import Graph, Quantisation
from npulint.opsets import load_target
from npulint.opsets.table import Opsets
from npulint.partition import Delegation, delegate_model
from npulint.verdict import judge_graph

TARGET = load_target(Path(__file__).with_name("providers.yaml"))
SIGNS = {True: "+", False: "-", None: "?"}
GRID = Quantisation((0.5,), (0,))
BYTES = dtype("uint8", quantisation=GRID)


def delegate(*graphs: Graph, opsets: Opsets | None = None, **rules: Any) -> list[Delegation]:
    assert TARGET.partitioning is not None
    cut = replace(TARGET.partitioning, **rules)
    target = replace(TARGET, partitioning=cut, opsets=opsets)
    judged = [judge_graph(graph, target) for graph in graphs]
    return list(delegate_model(graphs, judged, target))


def drawn(text: str, **more: Any) -> Graph:
    return sketch(*rows(text), dialect="onnx", **more)


@dataclass(frozen=True)
class Case:
    """A graph, what becomes of its nodes, and the pieces: those handed over first."""

    text: str
    fates: str
    handed: list[list[int]]
    kept: list[list[int]] = field(default_factory=list)
    rules: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    notes: str = ""


CASES = {
    "whole": Case("Relu 0 > 1; Relu 1 > 2", "++", [[0, 1]]),
    "cut": Case("Relu 0 > 1; Erf 1 > 2; Relu 2 > 3", "+-+", [[0], [2]], [[1]]),
    "refused at both ends": Case("Erf 0 > 1; Relu 1 > 2; Erf 2 > 3", "-+-", [[1]], [[0], [2]]),
    "a branch around what is refused": Case(
        "Relu 0 > 1; Erf 1 > 2; Sigmoid 1 > 3; Add 2 3 > 4", "+-++", [[0, 2], [3]], [[1]]
    ),
    "what is computed beforehand": Case(
        "Erf 0 > 1; Add 1 2 > 3; Relu 3 > 4",
        "+++",
        [[1, 2]],
        more={"stored": (0,)},
        notes="computes or takes out while it loads the model (1) belong to no piece",
    ),
    "what has no effect": Case("Relu 0 > 1; Identity 1 > 2; Relu 2 > 3", "+++", [[0, 2]]),
    "what has no effect between two refused": Case(
        "Erf 0 > 1; Identity 1 > 2; Erf 2 > 3", "---", [], [[0, 2]]
    ),
    "unknown": Case(
        "Relu 0 > 1; Cos 1 > 2; Relu 2 > 3",
        "+?+",
        [[0], [2]],
        [[1]],
        notes="nothing is known (1) are cut as if they were refused",
    ),
    "not to be built": Case(
        "Relu 0 > 1; Tanh 1 > 2", "--", [], [[0, 1]], why="be built, and no session comes to be"
    ),
    "perhaps not to be built": Case(
        "Relu 0 > 1; Sin 1 > 2", "??", [[0, 1]], notes="if it cannot, no session comes to be"
    ),
    "not to be built, and dropped": Case(
        "Erf 0 > 1; Tanh 1 > 2", "--", [], [[0], [1]], {"min_nodes": 2}
    ),
    "too small": Case(
        "Relu 0 > 1; Erf 1 > 2; Relu 2 > 3; Relu 3 > 4",
        "--++",
        [[2, 3]],
        [[0], [1]],
        {"min_nodes": 2},
    ),
    "not worth it alone": Case(
        "Reshape 0 > 1; Erf 1 > 2; Relu 2 > 3",
        "--+",
        [[2]],
        [[0], [1]],
        {"not_alone": ("Reshape",)},
        notes="pieces of one node are not handed over where it is Reshape",
    ),
    "not alone": Case(
        "Reshape 0 > 1; Relu 1 > 2", "++", [[0, 1]], rules={"not_alone": ("Reshape",)}
    ),
    "nothing but what is stored": Case(
        "DequantizeLinear 0 1 > 2; Erf 2 > 3; Relu 3 > 4",
        "--+",
        [[2]],
        [[0], [1]],
        {"needs_input": True},
        {"stored": (0, 1)},
    ),
    "what stops": Case(
        "Relu 0 > 1; NonMaxSuppression 1 > 2; Relu 2 > 3; Relu 1 > 4",
        "+--+",
        [[0, 3]],
        [[1, 2]],
        {"stops": ("NonMaxSuppression",)},
        notes="NonMaxSuppression and all that follows it (2) stays behind",
    ),
    "bytes of the piece": Case(
        "QLinearConv 0 > 1; Transpose 1 > 2",
        "++",
        [[0, 1]],
        rules={"quantised_inside": ("Transpose",)},
        more={"values": {0: BYTES, 1: BYTES, 2: BYTES}},
    ),
    "bytes from outside": Case(
        "Transpose 0 > 1; Relu 1 > 2",
        "-+",
        [[1]],
        [[0]],
        {"quantised_inside": ("Transpose",)},
        {"values": {0: BYTES, 1: BYTES}},
    ),
    "floats from outside": Case(
        "Transpose 0 > 1; Relu 1 > 2", "++", [[0, 1]], rules={"quantised_inside": ("Transpose",)}
    ),
    "a join of bytes from outside and inside": Case(
        "QLinearConv 0 > 1; Concat 1 0 > 2",
        "+-",
        [[0]],
        [[1]],
        {"quantised_inside": ("Concat",)},
        {"values": {0: BYTES, 1: BYTES, 2: BYTES}},
    ),
    "behind what is taken": Case(
        "Sigmoid 0 > 1; Relu 1 > 2; Add 2 0 > 3; Relu 3 > 4; Relu 4 > 5",
        "+++--",
        [[0, 1, 2]],
        [[3, 4]],
        {"only_behind": {"Relu": ("Sigmoid",)}},
    ),
    "behind what is not taken": Case(
        "Erf 0 > 1; Relu 1 > 2", "--", [], [[0, 1]], {"only_behind": {"Relu": ("Erf",)}}
    ),
    "behind nothing": Case("Relu 0 > 1", "-", [], [[0]], {"only_behind": {"Relu": ("Add",)}}),
    "opset": Case(
        "Relu 0 > 1", "-", [], why="the model states opset 1; it takes opset 7 to 21",
        rules={"opsets": Opsets(7, 21, "somewhere")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_handed_over(name: str) -> None:
    case = CASES[name]
    (result,) = delegate(drawn(case.text, **case.more), **case.rules)
    assert "".join(SIGNS[fate] for fate in result.delegated) == case.fates
    assert [list(p.nodes) for p in result.partitions if p.handed_over] == case.handed
    assert [list(p.nodes) for p in result.partitions if not p.handed_over] == case.kept
    assert case.why in (result.why_not or "")
    assert bool(case.why) is bool(result.why_not)
    assert case.notes in " ".join(result.notes)
    assert case.notes or all("belong to no piece" in note for note in result.notes)


def quantised(last: str = "uint8") -> Graph:
    """Conv between DequantizeLinear and QuantizeLinear, and then Erf."""
    text = (
        "DequantizeLinear 0 4 5 > 1; DequantizeLinear 6 4 5 > 7; Conv 1 7 > 2;"
        "QuantizeLinear 2 4 5 > 3; Erf 3 > 8"
    )
    values = {0: BYTES, 3: dtype(last, quantisation=GRID), 6: BYTES, 4: dtype("float32", ())}
    return drawn(text, stored=(4, 5, 6), values={**values, 5: dtype("uint8", ())})


def test_a_quantised_unit_is_asked_about_as_one_and_goes_as_one() -> None:
    (result,) = delegate(quantised(), quantised_units=True)
    assert "".join(SIGNS[fate] for fate in result.delegated) == "++++-"
    assert [p.nodes for p in result.partitions if p.handed_over] == [(0, 1, 2, 3)]
    assert (result.partitions[0].bytes_in, result.partitions[0].bytes_out) == (4, 4)


def test_without_units_a_quantised_operator_is_asked_about_by_itself() -> None:
    (result,) = delegate(quantised(), quantised_units=False)
    assert "".join(SIGNS[fate] for fate in result.delegated) == "++-+-"


def test_a_unit_of_other_types_is_none() -> None:
    (result,) = delegate(quantised("int8"), quantised_units=True)
    assert "".join(SIGNS[fate] for fate in result.delegated) == "++-+-"


@pytest.mark.parametrize(
    ("refused", "fate", "words"), [(True, False, "takes nothing"), (False, None, "not followed")]
)
def test_graphs_that_control_flow_runs(refused: bool, fate: bool | None, words: str) -> None:
    """Most providers take nothing of them; of others it is not known what they take."""
    main = drawn("Relu 0 > 1; If 1 > 2")
    body = replace(drawn("Relu 0 > 1", index=1), kind="body", parent=(0, 1))
    first, second = delegate(main, body, bodies_refused=refused)
    assert first.delegated == (True, True)
    assert (second.delegated, second.partitions) == ((fate,), ())
    assert words in second.notes[0]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("ort-nnapi-1.3", "unsupported"),
        ("coreml", "unsupported"),
        # QNN's provider 2.7.0 was seen to take an If whole, that of 2.0.0 looks at no body.
        ("qnn-htp-v73", "unknown"),
        ("xnnpack", "unknown"),
    ],
)
def test_what_stands_in_a_body_is_never_sure_to_be_taken(name: str, status: str) -> None:
    sizes = dtype("float32", (1, 4, 4, 4))
    graph = drawn("Softmax 0 > 1", values={0: sizes, 1: sizes})
    target = load_target(name)
    (alone,) = judge_graph(graph, target)
    (inside,) = judge_graph(replace(graph, kind="body", parent=(0, 0)), target)
    assert alone.status == "supported"
    assert (inside.status, inside.reasons[0].constraint) == (status, "body")


def test_stored_tensors_that_callers_may_replace_are_said_to_be_no_constants() -> None:
    graph = drawn("Add 0 1 > 2", stored=(1,), values={1: {"overridable": True}})
    (result,) = delegate(graph)
    assert "that are also inputs of the graph (1) may be replaced" in result.notes[0]


@pytest.mark.parametrize(
    ("text", "cured"),
    [
        ("Relu 0 > 1; Erf 1 > 2; Relu 2 > 3", (1,)),
        ("Erf 0 > 1; Relu 1 > 2; Relu 0 > 3; Add 2 3 > 4", None),
        ("Relu 0 > 1; Erf 1 > 2; Erf 2 > 3; Sigmoid 1 > 4; Add 3 4 > 5; Erf 5 > 6", (1, 2)),
        ("Relu 0 > 1; Erf 2 > 3; Add 3 1 > 4; Erf 4 > 5; Relu 5 > 6", (3,)),
    ],
)
def test_what_joins_the_pieces_is_what_lies_between_them(
    text: str, cured: tuple[int, ...] | None
) -> None:
    graph = drawn(text)
    (result,) = delegate(graph)
    join = joining_set(graph, result.partitions, strategy="onnx-runtime")
    assert (None if join is None else join.nodes) == cured
    if cured is not None:
        rest = tuple(
            replace(each, op="Relu") if each.index in cured else each for each in graph.nodes
        )
        (after,) = delegate(replace(graph, nodes=rest))
        assert sum(piece.handed_over for piece in after.partitions) == 1
