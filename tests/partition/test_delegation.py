"""From pieces to what is handed over: limits, ties, doubts, and the whole graph kept back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sketch import Row, chain, dtype, sketch, verdicts

from npulint.formats import load
from npulint.opsets import load_target
from npulint.opsets.table import Partitioning, Target
from npulint.partition import Delegation, delegate, delegate_model
from npulint.pieces import largest
from npulint.verdict import judge_graph

TRUTH = Path(__file__).parent.parent / "truth" / "models"


def target(**rules: Any) -> Target:
    """The NNAPI target with other rules for its pieces."""
    base = load_target("nnapi-1.2")
    assert base.partitioning is not None
    return replace(base, partitioning=replace(base.partitioning, **rules))


def settle(letters: str, **rules: Any) -> Delegation:
    """What is handed over of a chain of nodes with these verdicts."""
    return delegate(chain(len(letters)), verdicts(letters), target(**rules))


def fates(result: Delegation) -> str:
    """+ handed over, - kept, ? may be."""
    return "".join({True: "+", False: "-", None: "?"}[fate] for fate in result.delegated)


def survivors(result: Delegation) -> list[tuple[int, ...]]:
    return [piece.nodes for piece in result.partitions if piece.handed_over]


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("aaa", "+++"),
        ("rrr", "---"),
        ("ara", "+-+"),
        ("arara", "+-+-+"),
        ("ararara", "+-+-+--"),
        ("araraarara", "+-+-++----"),
        ("arararaa", "+-+---++"),
        ("auara", "+?+-+"),
        ("aua", "+?+"),
    ],
)
def test_at_most_three_pieces_the_largest_and_among_equals_the_first(
    letters: str, expected: str
) -> None:
    assert fates(settle(letters)) == expected


def test_all_pieces_are_told_and_which_survive() -> None:
    result = settle("arararaa")
    assert [piece.nodes for piece in result.partitions if piece.runs_on == "nnapi"] == [
        (0,),
        (2,),
        (4,),
        (6, 7),
    ]
    assert survivors(result) == [(0,), (2,), (6, 7)]
    assert result.why_not is None


def test_what_is_unknown_is_cut_as_refused_and_said() -> None:
    result = settle("aua")
    assert [piece.runs_on for piece in result.partitions] == ["nnapi", "cpu", "nnapi"]
    assert any("nothing is known" in note for note in result.notes)


def test_equals_are_left_open_where_the_order_of_a_sort_is_the_librarys() -> None:
    few, many = settle("ar" * 16), settle("ar" * 17)
    assert fates(few) == "+-+-+-" + "--" * 13
    assert fates(many) == "?-" * 17
    assert any("compete" in note for note in many.notes)
    assert not few.notes


def test_a_larger_piece_is_certain_among_many_equals() -> None:
    assert fates(settle("aar" + "ar" * 17)) == "++-" + "?-" * 17


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"max_partitions": None}, "+-++-+"),
        ({"max_partitions": 1}, "--++--"),
        ({"max_partitions": 4, "min_nodes": 2}, "--++--"),
        ({"max_partitions": 1, "min_nodes": 3}, "------"),
    ],
)
def test_other_runtimes_have_other_limits(rules: dict[str, Any], expected: str) -> None:
    assert fates(settle("araara", **rules)) == expected


@given(st.lists(st.integers(1, 5), max_size=30), st.integers(1, 5), st.integers(1, 4))
def test_limits_keep_the_largest(sizes: list[int], most: int, least: int) -> None:
    rules = Partitioning("tflite-delegate", "x", most, least, "refused", "as-is", "here")
    kept, tied = largest(sizes, rules)
    dropped = set(range(len(sizes))) - kept
    assert len(kept) <= most
    assert all(sizes[number] >= least for number in kept | tied)
    assert all(sizes[a] >= sizes[b] for a in kept for b in dropped)
    assert len(kept) == most or all(sizes[number] < least for number in dropped)


def test_what_passes_the_check_and_cannot_be_built_takes_everything_back() -> None:
    result = settle("aarb")
    assert fates(result) == "----"
    assert result.why_not is not None
    assert "node 3" in result.why_not
    assert "no mapping" in result.why_not
    assert result.obstacle is not None
    assert result.obstacle.source == "elsewhere"
    assert not survivors(result)


def test_what_is_not_handed_over_need_not_be_built() -> None:
    assert fates(settle("aarararb", max_partitions=1)) == "++------"


def test_what_may_not_be_built_puts_the_whole_delegation_in_doubt() -> None:
    result = settle("adraru")
    assert fates(result) == "??-?-?"
    assert result.why_not is None
    assert any("node 1" in note and "its bias is somewhere" in note for note in result.notes)
    assert fates(settle("aadrad", max_partitions=1)) == "???---"
    assert fates(settle("aaarad", max_partitions=1)) == "+++---"


def test_what_cannot_be_built_and_may_stay_behind_puts_the_delegation_in_doubt() -> None:
    result = settle("ar" * 17 + "b")
    assert fates(result) == "?-" * 17 + "?"
    assert result.why_not is None
    assert any("node 34" in note and "no mapping" in note for note in result.notes)
    certain = settle("aar" + "ar" * 17 + "b")
    assert fates(certain) == "??-" + "?-" * 17 + "?"


def test_a_graph_that_cannot_be_built_takes_earlier_ones_back() -> None:
    graphs = tuple(replace(chain(2), index=index) for index in range(3))
    judged = [verdicts("aa"), verdicts("ab"), verdicts("aa")]
    results = delegate_model(graphs, judged, target())
    assert [fates(result) for result in results] == ["--", "--", "--"]
    assert not any(survivors(result) for result in results)
    first, second, third = (result.why_not or "" for result in results)
    assert first.startswith("another graph takes the delegation back: RELU (node 1) passes")
    assert second.startswith("RELU (node 1) passes")
    assert third.startswith("an earlier graph stops the delegation: RELU (node 1) passes")


def test_doubt_about_one_graph_is_doubt_about_all() -> None:
    graphs = tuple(replace(chain(3), index=index) for index in range(3))
    judged = [verdicts("aar"), verdicts("ada"), verdicts("raa")]
    results = delegate_model(graphs, judged, target())
    assert [fates(result) for result in results] == ["??-", "???", "-??"]
    assert [result.doubt is None for result in results] == [True, False, True]


def test_a_dynamic_tensor_keeps_the_graph_back_but_not_its_pieces_from_view() -> None:
    graph = sketch(Row("RELU", (0,), (1,)), Row("RESHAPE", (1, 2), (3,)))
    result = delegate(graph, verdicts("aa"), target())
    assert fates(result) == "--"
    assert [piece.nodes for piece in result.partitions] == [(0, 1)]
    assert not survivors(result)
    assert result.obstacle is not None
    assert (result.obstacle.kind, result.obstacle.node) == ("dynamic", 1)
    assert "RESHAPE (node 1)" in (result.why_not or "")


def test_a_delegate_that_takes_dynamic_tensors_is_not_kept_back() -> None:
    graph = sketch(Row("RESHAPE", (0, 1), (2,)))
    assert fates(delegate(graph, verdicts("a"), target(dynamic_tensors="allowed"))) == "+"


def test_nodes_that_wait_for_each_other_are_told() -> None:
    graph = sketch(Row("RELU", (1,), (0,)), Row("RELU", (0,), (1,)), results=(1,))
    result = delegate(graph, verdicts("aa"), target())
    assert "wait for each other" in (result.why_not or "")
    assert fates(result) == "--"


def test_a_graph_after_one_that_is_kept_back_is_not_offered() -> None:
    static = sketch(Row("RELU", (0,), (1,)))
    dynamic = sketch(Row("RESHAPE", (0, 1), (2,)), index=1)
    last = replace(static, index=2)
    results = delegate_model((static, dynamic, last), [verdicts("a")] * 3, target())
    assert [fates(result) for result in results] == ["+", "-", "-"]
    assert "an earlier graph" in (results[2].why_not or "")


def test_custom_operators_that_the_application_must_bring_are_noted() -> None:
    graph = sketch(
        Row("Mfcc", (0,), (1,), custom=True),
        Row("FlexErf", (1,), (2,), custom=True),
        Row("RELU", (2,), (3,)),
    )
    result = delegate(graph, verdicts("rra"), target())
    assert fates(result) == "--+"
    assert [note for note in result.notes if "(FlexErf)" in note and "Mfcc" not in note]


def test_without_knowledge_of_the_cut_nothing_is_certain() -> None:
    silent = replace(target(), partitioning=None)
    result = delegate(chain(3), verdicts("aru"), silent)
    assert fates(result) == "?-?"
    assert result.partitions == ()


def test_bytes_are_those_of_the_activations_at_the_border() -> None:
    graph = sketch(
        Row("ADD", (0, 1), (2,)),
        Row("ADD", (2, 2), (3,)),
        Row("ADD", (3, 4), (5,)),
        stored=(1,),
        values={2: dtype("int8", (10,)), 4: dtype("float32", ("n",))},
    )
    result = delegate(graph, verdicts("ara"), target())
    assert [(piece.bytes_in, piece.bytes_out) for piece in result.partitions] == [
        (16, 10),
        (10, 16),
        (None, 16),
    ]


THROUGH = (
    Row("Identity", (0,), (1,)),
    Row("Relu", (1,), (2,)),
    Row("Identity", (2,), (3,)),
    Row("Sigmoid", (3,), (4,)),
    Row("Identity", (4,), (5,)),
)


@pytest.mark.parametrize(
    ("letters", "expected"),
    [("aaaaa", "+++++"), ("aaara", "++---"), ("araaa", "--+++"), ("arara", "-----")],
)
def test_what_vanishes_goes_where_its_readers_go_or_its_results_come_from(
    letters: str, expected: str
) -> None:
    graph = sketch(*THROUGH, dialect="onnx")
    result = delegate(graph, verdicts(letters), target(), vanishing=frozenset({0, 2, 4}))
    assert fates(result) == expected
    assert sorted(index for piece in result.partitions for index in piece.nodes) == [1, 3]


def float16(name: str, target_name: str) -> Delegation:
    graph = load(TRUTH / f"{name}.tflite").graphs[0]
    asked = load_target(target_name)
    return delegate(graph, judge_graph(graph, asked), asked)


def test_dequantize_of_float16_weights_is_folded_when_all_else_is_taken() -> None:
    result = float16("blk_dense_f16", "nnapi-1.2")
    assert fates(result) == "++++++"
    assert survivors(result) == [(3, 4, 5)]
    assert any("folded" in note for note in result.notes)


def test_dequantize_of_float16_weights_stays_when_something_else_stays() -> None:
    result = float16("blk_se_block_f16", "nnapi-1.0")
    assert fates(result) == "-----++++"
    assert [piece.runs_on for piece in result.partitions] == ["cpu", "nnapi"]


def test_dropped_pieces_with_float16_weights_put_the_whole_delegation_in_doubt() -> None:
    result = float16("net_prelu_f16", "nnapi-1.0")
    assert fates(result) == "---------?-?---??"
    assert any("float16" in note for note in result.notes)
