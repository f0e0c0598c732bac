"""The Neuron delegate's table: its own code's answers, its entries, and what has no mapping."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from answers import ANSWERS, disagreements, graph_of
from entry_checks import check_breaking, check_cautions, check_meeting

from npulint.model import Constant, Operation, Value
from npulint.opsets import load_target
from npulint.partition import delegate
from npulint.verdict import Verdict, judge, judge_graph

NEURON = load_target("neuron")
OPERATORS = tuple(NEURON.entries)
UNMAPPED = ("SIN", "SVDF", "LSTM", "REDUCE_PROD", "ELU", "FILL")


def test_every_verdict_kind_and_piece_is_the_delegates_own() -> None:
    assert len(ANSWERS) == 236
    assert not list(disagreements(NEURON))


@pytest.mark.parametrize("op", OPERATORS)
def test_entries_keep_their_word(op: str) -> None:
    check_meeting(NEURON, op)
    check_breaking(NEURON, op)
    check_cautions(NEURON, op)


def tensor(place: int, dtype: str = "float32", **more: Any) -> Value:
    return replace(Value(place, "", dtype, (1, 4, 4, 2)), **more)


def stored(place: int, dtype: str, payload: bytes, shape: tuple[int, ...]) -> Value:
    constant = Constant(dtype, shape, payload, None, len(payload))
    return tensor(place, dtype, shape=shape, constant=constant)


def ask(op: str, *inputs: Value | None, output: str = "float32", **options: Any) -> Verdict:
    return judge(Operation("tflite", op, 1, inputs, (tensor(9, output),), options), NEURON)


def test_exactly_six_operators_are_validated_and_mapped_to_nothing() -> None:
    unmapped = {
        op
        for op, entry in NEURON.entries.items()
        if any(rule.identity == f"{op}/mapping" for rule in entry.build)
    }
    assert unmapped == set(UNMAPPED)


@pytest.mark.parametrize("op", ["SIN", "SVDF", "LSTM", "ELU"])
def test_what_has_no_mapping_is_accepted_and_unsupported(op: str) -> None:
    verdict = ask(op, tensor(0))
    assert (verdict.status, verdict.validation) == ("unsupported", "accepted")
    (reason,) = verdict.reasons
    assert reason.constraint == f"{op}/mapping"
    assert "neuron_delegate_kernel.cc 963-967 @0a1ab0fa" in reason.source
    assert reason.kind == ""


def test_what_has_no_mapping_takes_the_delegation_of_a_real_model_back() -> None:
    offered = {
        name
        for name, answer in ANSWERS.items()
        if answer["delegated_at_all"] and {node[1] for node in answer["nodes"]} & set(UNMAPPED)
    }
    assert len(offered) > 2
    for name in offered:
        graph = graph_of(name)
        verdicts = judge_graph(graph, NEURON)
        result = delegate(graph, verdicts, NEURON)
        if all(v.validation == "refused" for v in verdicts if v.status == "unsupported"):
            continue
        assert result.obstacle is not None, name
        assert result.obstacle.kind == "build", name
        assert not any(result.delegated), name


@pytest.mark.parametrize(("output", "status"), [("int32", "supported"), ("int64", "unsupported")])
def test_an_index_of_64_bits_passes_the_check_and_cannot_be_handed_over(
    output: str, status: str
) -> None:
    axis = stored(1, "int32", b"\3\0\0\0", ())
    verdict = ask("ARG_MAX", tensor(0), axis, output=output)
    assert (verdict.status, verdict.validation) == (status, "accepted")


@pytest.mark.parametrize("op", ["ABS", "EXP", "LOG", "POW"])
def test_float16_passes_the_check_and_cannot_be_handed_over(op: str) -> None:
    verdict = ask(op, tensor(0, "float16"))
    assert (verdict.status, verdict.validation) == ("unsupported", "accepted")
    assert [reason.constraint for reason in verdict.reasons] == [f"{op}/tensor-types"]


def test_stacking_whole_numbers_passes_the_check_and_cannot_be_handed_over() -> None:
    whole, real = tensor(0, "int32"), tensor(0)
    assert ask("PACK", real, real, axis=0).status == "supported"
    verdict = ask("PACK", whole, whole, output="int32", axis=0)
    assert (verdict.status, verdict.validation) == ("unsupported", "accepted")


def test_weights_without_a_bias_are_a_doubt_where_the_delegate_adds_none() -> None:
    options: dict[str, Any] = {"stride_h": 1, "stride_w": 1, "depth_multiplier": 1}
    verdict = ask("DEPTHWISE_CONV_2D", tensor(0), tensor(1), **options)
    assert (verdict.status, verdict.validation) == ("unknown", "accepted")
    assert ask("FULLY_CONNECTED", tensor(0), tensor(1), keep_num_dims=False).status == "supported"


def test_what_the_later_plugin_does_not_list_is_a_caution_and_no_refusal() -> None:
    verdict = ask("DEPTH_TO_SPACE", tensor(0), block_size=2)
    assert verdict.status == "supported"
    assert any("LiteRT plugin" in caution.message for caution in verdict.cautions)
    assert not ask("RELU", tensor(0)).cautions


def test_pieces_are_handed_over_without_a_limit() -> None:
    assert NEURON.partitioning is not None
    assert (NEURON.partitioning.max_partitions, NEURON.partitioning.min_nodes) == (None, 1)
