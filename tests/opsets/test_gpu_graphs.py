"""What the GPU delegate's planner decides by a node's neighbours, or by the whole graph."""

from __future__ import annotations

from dataclasses import replace

import pytest
from answers import graph_of

from npulint.model import Attribute, Constant, Graph, Node, Value
from npulint.opsets import load_target
from npulint.partition import CPU, Delegation, delegate
from npulint.verdict import judge, judge_graph

GPU = load_target("tflite-gpu")
Row = tuple[str, tuple[int, ...], tuple[int, ...]]


def graph(*rows: Row, dtypes: dict[int, str] | None = None, stored: tuple[int, ...] = ()) -> Graph:
    """A graph whose values are float32 [1, 4, 4, 2] where nothing else is said."""
    count = 1 + max(index for _, reads, makes in rows for index in reads + makes)
    values = []
    for index in range(count):
        dtype = (dtypes or {}).get(index, "float32")
        constant = Constant(dtype, (2, 1, 1, 2), b"", None, 0) if index in stored else None
        shape = constant.shape if constant else (1, 4, 4, 2)
        values.append(Value(index, "", dtype, shape, constant))
    options: dict[str, Attribute] = {
        "fused_activation_function": "NONE",
        "stride_h": 1,
        "stride_w": 1,
        "dilation_h_factor": 1,
        "dilation_w_factor": 1,
    }
    nodes = (
        Node(0, place, op, 1, reads, makes, options)
        for place, (op, reads, makes) in enumerate(rows)
    )
    return Graph(0, "", "tflite", tuple(values), tuple(nodes), (), ())


def judged(whole: Graph) -> list[str]:
    return [verdict.validation for verdict in judge_graph(whole, GPU)]


def handed(whole: Graph) -> Delegation:
    return delegate(whole, judge_graph(whole, GPU), GPU)


LESS: Row = ("LESS", (0, 1), (2,))


@pytest.mark.parametrize(
    ("readers", "made", "taken"),
    [
        ([("CAST", (2,), (3,))], "float32", True),
        ([("CAST", (2,), (3,))], "int32", False),
        ([("SELECT_V2", (2, 0, 1), (3,))], "float32", True),
        ([("SELECT", (2, 0, 1), (3,))], "float16", True),
        ([("LOGICAL_AND", (2, 2), (3,))], "bool", False),
        ([("CAST", (2,), (3,)), ("CAST", (2,), (4,))], "float32", False),
        ([], "float32", False),
    ],
)
def test_a_comparison_is_taken_for_its_one_reader(
    readers: list[Row], made: str, taken: bool
) -> None:
    whole = graph(LESS, *readers, dtypes={2: "bool", 3: made, 4: made})
    verdict = judge_graph(whole, GPU)[0]
    assert verdict.validation == ("accepted" if taken else "refused")
    assert [reason.constraint for reason in verdict.reasons] == [] if taken else ["LESS/reader"]


@pytest.mark.parametrize(
    ("rows", "taken"),
    [
        ([LESS, ("CAST", (2,), (3,)), ("ABS", (3,), (4,))], True),
        # Nobody reads the result: it is left to the CPU.
        ([LESS, ("CAST", (2,), (3,))], False),
        ([LESS, ("CAST", (2,), (3,)), ("ABS", (3,), (4,)), ("NEG", (3,), (5,))], False),
        ([LESS, ("CAST", (2,), (3,)), ("ABS", (3,), (4,)), ("CAST", (2,), (5,))], False),
        # A graph's input has no maker.
        ([("ABS", (0,), (1,)), ("CAST", (2,), (3,)), ("ABS", (3,), (4,))], False),
    ],
)
def test_a_cast_from_bool_is_taken_as_one_link_of_a_chain(rows: list[Row], taken: bool) -> None:
    verdicts = judged(graph(*rows, dtypes={2: "bool"}))
    assert verdicts[1] == ("accepted" if taken else "refused")


def test_outside_a_graph_it_is_not_known_who_reads() -> None:
    whole = graph(LESS, ("CAST", (2,), (3,)), dtypes={2: "bool"})
    verdict = judge(replace(whole.operation(whole.nodes[0]), graph=None), GPU)
    assert (verdict.status, verdict.validation) == ("unknown", "unknown")


FLOAT16 = (
    ("DEQUANTIZE", (0,), (1,)),
    ("CONV_2D", (2, 1, 6), (3,)),
    ("ABS", (3,), (4,)),
)


def test_float16_weights_are_handed_over_with_all_the_others() -> None:
    whole = graph(*FLOAT16, dtypes={0: "float16"}, stored=(0, 6))
    assert judged(whole) == ["accepted"] * 3
    result = handed(whole)
    assert [piece.nodes for piece in result.partitions] == [(0, 1, 2)]
    assert result.delegated == (True, True, True)


def test_float16_weights_stay_on_the_cpu_where_another_node_does() -> None:
    whole = graph(*FLOAT16, ("CEIL", (4,), (5,)), dtypes={0: "float16"}, stored=(0, 6))
    assert judged(whole) == ["refused", "accepted", "accepted", "refused"]
    result = handed(whole)
    assert result.delegated == (False, True, True, False)
    (piece,) = [piece for piece in result.partitions if piece.handed_over]
    assert piece.nodes == (1, 2)
    reason = judge_graph(whole, GPU)[0].reasons[0]
    assert "all other nodes" in reason.message
    assert "delegates/utils.cc" in reason.source


def test_a_node_is_never_asked_about_as_the_file_has_it() -> None:
    whole = graph(
        FLOAT16[0],
        ("DEQUANTIZE", (5,), (6,)),
        ("CONV_2D", (2, 1, 6), (3,)),
        dtypes={0: "float16", 5: "float16"},
        stored=(0, 5),
    )
    assert judge(whole.operation(whole.nodes[2]), GPU).validation == "refused"
    assert judged(whole) == ["accepted"] * 3


def test_of_a_real_model_with_float16_weights_one_piece_is_all() -> None:
    whole = graph_of("net_prelu_f16")
    result = handed(whole)
    assert all(result.delegated)
    assert [piece.runs_on for piece in result.partitions] == ["gpu"]


def test_only_the_largest_piece_is_handed_over_and_the_first_of_equals() -> None:
    rows = (
        ("ABS", (0,), (1,)),
        ("CEIL", (1,), (2,)),
        ("ABS", (2,), (3,)),
        ("NEG", (3,), (4,)),
        ("CEIL", (4,), (5,)),
        ("ABS", (5,), (6,)),
        ("NEG", (6,), (7,)),
    )
    result = handed(graph(*rows))
    assert [piece.nodes for piece in result.partitions if piece.runs_on != CPU] == [
        (0,),
        (2, 3),
        (5, 6),
    ]
    assert result.delegated == (False, False, True, True, False, False, False)


def test_what_cannot_be_built_takes_the_whole_delegation_back() -> None:
    result = handed(graph(("ABS", (0,), (1,)), ("SUB", (1, 1), (2,)), ("NEG", (2,), (3,))))
    assert result.obstacle is not None
    assert (result.obstacle.kind, result.obstacle.node) == ("build", 1)
    assert not any(result.delegated)
    # In a piece that is not handed over it does no harm.
    whole = graph(
        ("SUB", (0, 0), (1,)), ("CEIL", (1,), (2,)), ("ABS", (2,), (3,)), ("NEG", (3,), (4,))
    )
    assert handed(whole).delegated == (False, False, True, True)
