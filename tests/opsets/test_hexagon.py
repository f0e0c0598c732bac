"""The Hexagon delegate's table: its own code's answers, its entries, and what cannot be built."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from answers import ANSWERS, disagreements, graph_of
from entry_checks import check_breaking, check_cautions, check_meeting

from npulint.model import Operation, Quantisation, Value
from npulint.opsets import load_target
from npulint.partition import Delegation, delegate
from npulint.verdict import Verdict, judge, judge_graph

HEXAGON = load_target("hexagon-nn")
OPERATORS = tuple(HEXAGON.entries)
PER_TENSOR = Quantisation((0.5,), (0,))


def test_every_verdict_and_every_piece_is_the_delegates_own() -> None:
    assert len(ANSWERS) == 236
    assert not list(disagreements(HEXAGON))


@pytest.mark.parametrize("op", OPERATORS)
def test_entries_keep_their_word(op: str) -> None:
    check_meeting(HEXAGON, op)
    check_breaking(HEXAGON, op)
    check_cautions(HEXAGON, op)


@pytest.mark.parametrize("op", OPERATORS)
def test_every_operator_asks_for_its_version_and_for_ranks_that_the_dsp_has(op: str) -> None:
    demands = {rule.identity for rule in HEXAGON.entries[op].require}
    if op != "SUM":
        assert {f"{op}/version", f"{op}/every_rank"} <= demands


def eight_bit(place: int, dtype: str = "int8", **more: Any) -> Value:
    return replace(Value(place, "", dtype, (1, 4, 4, 2), quantisation=PER_TENSOR), **more)


def ask(op: str, *inputs: Value | None, version: int = 1, **more: Any) -> Verdict:
    output = more.pop("output", eight_bit(9))
    return judge(Operation("tflite", op, version, inputs, (output,), more), HEXAGON)


@pytest.mark.parametrize(
    ("op", "taken"),
    [("RELU", {2}), ("RELU6", {1, 2}), ("HARD_SWISH", {1}), ("RSQRT", {2}), ("LOGISTIC", {1, 2})],
)
def test_versions_are_those_of_the_list(op: str, taken: set[int]) -> None:
    accepted = {v for v in range(1, 6) if ask(op, eight_bit(0), version=v).status == "supported"}
    assert accepted == taken


@pytest.mark.parametrize("dtype", ["float32", "float16", "int16", "int32"])
def test_only_8_bit_tensors_are_taken(dtype: str) -> None:
    verdict = ask("TANH", eight_bit(0, dtype))
    assert verdict.validation == "refused"
    assert f"found {dtype}" in verdict.reasons[0].message
    assert "utils.cc 362-369 @f6745779" in verdict.reasons[0].source


def test_one_tensor_of_rank_5_is_enough() -> None:
    verdict = ask("LOGISTIC", eight_bit(0), output=eight_bit(1, shape=(1, 1, 4, 4, 2)))
    assert [reason.constraint for reason in verdict.reasons] == ["LOGISTIC/every_rank"]


def test_a_bias_that_is_left_out_is_no_obstacle_to_a_fully_connected_layer() -> None:
    weights = eight_bit(1, shape=(3, 2))
    options: dict[str, Any] = {
        "fused_activation_function": "NONE",
        "keep_num_dims": False,
        "weights_format": "DEFAULT",
    }
    data = eight_bit(0, shape=(1, 2))
    assert ask("FULLY_CONNECTED", data, weights, None, **options).status == "supported"
    assert ask("FULLY_CONNECTED", data, weights, **options).validation == "refused"


def delegation(name: str) -> Delegation:
    graph = graph_of(name)
    return delegate(graph, judge_graph(graph, HEXAGON), HEXAGON)


@pytest.mark.parametrize(
    ("name", "node", "constraint"),
    [
        ("op_requantize_0", 4, "QUANTIZE/dtype-output"),
        ("op_tconv_u8_1", 0, "TRANSPOSE_CONV/present-bias"),
    ],
)
def test_real_files_hold_what_passes_the_check_and_cannot_be_built(
    name: str, node: int, constraint: str
) -> None:
    verdict = judge_graph(graph_of(name), HEXAGON)[node]
    assert (verdict.status, verdict.validation) == ("unsupported", "accepted")
    assert [reason.constraint for reason in verdict.reasons] == [constraint]


def test_what_cannot_be_built_takes_the_delegation_back() -> None:
    result = delegation("op_requantize_0")
    assert result.obstacle is not None
    assert (result.obstacle.kind, result.obstacle.node) == ("build", 4)
    assert not any(result.delegated)


def test_a_single_node_is_left_to_the_cpu_whatever_it_is() -> None:
    lone = [name for name, answer in ANSWERS.items() if _pieces(answer) == [1]]
    assert lone
    for name in lone:
        assert not any(piece.handed_over for piece in delegation(name).partitions), name


def _pieces(answer: Any) -> list[int]:
    pieces: list[int] = answer["targets"]["hexagon-nn"]["partitions"]
    return pieces


def test_four_pieces_of_two_nodes_at_least() -> None:
    assert HEXAGON.partitioning is not None
    assert (HEXAGON.partitioning.max_partitions, HEXAGON.partitioning.min_nodes) == (4, 2)
