"""The HiAI table: its verdicts are those of counting four integrations, form by form."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hiai_forms import CONV, FORMS, IMAGE, Form, depthwise, pointwise, t
from table_operations import Search

from npulint.model import Graph, Node, Operation
from npulint.opsets import describe, load_target
from npulint.opsets.table import Rule
from npulint.opsets.vocabulary import Never
from npulint.opsets.witnesses import Agreement, Stance, Witness
from npulint.partition import delegate
from npulint.verdict import Verdict, judge

HIAI = load_target("hiai")
PANEL = ("mindspore-lite", "tnn", "paddle-lite", "mnn")
SIGNS: dict[Stance, str] = {"takes": "+", "refuses": "-", "depends": "?", "silent": "."}


def stances(operation: Operation) -> str:
    poll = _agreement(operation.op).poll(operation)
    return "".join(
        next(SIGNS[stance] for stance in SIGNS if name in getattr(poll, stance)) for name in PANEL
    )


def _agreement(op: str) -> Agreement:
    condition = HIAI.entries[op].require[0].condition
    assert isinstance(condition, Agreement)
    return condition


@pytest.mark.parametrize("name", FORMS)
def test_each_form_is_counted(name: str) -> None:
    form = FORMS[name]
    assert stances(form.operation) == form.stances
    verdict = judge(form.operation, HIAI)
    assert verdict.status == form.status
    expected = {"supported": "accepted", "unsupported": "refused", "unknown": "unknown"}
    assert verdict.validation == expected[form.status]


def test_every_entry_and_every_integration_has_its_forms() -> None:
    shown = {form.op for form in FORMS.values()}
    alike = {
        "RELU": "RELU6 TANH LOGISTIC", "RELU_N1_TO_1": "RELU_0_TO_1", "CEIL": "COS SIN",
        "ADD": "DIV", "GREATER": "LESS_EQUAL", "NOT_EQUAL": "GREATER_EQUAL",
        "MAXIMUM": "MINIMUM", "MEAN": "SUM", "SELECT_V2": "SELECT",
    }  # fmt: skip
    for op, others in alike.items():
        ours = {w.name: w.require for w in HIAI.entries[op].witnesses}
        for other in others.split():
            theirs = {w.name: w.require for w in HIAI.entries[other].witnesses}
            assert [(name, len(rules)) for name, rules in ours.items()] == [
                (name, len(rules)) for name, rules in theirs.items()
            ]
            shown.add(other)
    unconditional = {"ABS", "FLOOR", "EXP", "LOG", "NEG", "SQRT", "SQUARE", "SHAPE"}
    paired = {"LOGICAL_AND", "LOGICAL_OR", "FLOOR_MOD"}
    assert set(HIAI.entries) == shown | unconditional | paired
    for op in unconditional:
        form = pointwise(op, "", "")
        names = [witness.name for witness in HIAI.entries[op].witnesses]
        assert stances(form.operation) == "".join("+" if n in names else "." for n in PANEL)


def _verdict(name: str) -> Verdict:
    return judge(FORMS[name].operation, HIAI)


def test_an_unknown_names_who_takes_it_and_what_the_others_need() -> None:
    (reason,) = _verdict("depth to space").reasons
    assert "found MNN takes it, MindSpore Lite, TNN and Paddle-Lite do not speak" in reason.message
    assert reason.source == (
        "alibaba/MNN source/backend/hiai/execution/NPUDepthToSpace.cpp 20-51 @4d40bdbd"
    )
    (reason,) = _verdict("broadcast").reasons
    assert (
        "MindSpore Lite may take it (it needs HiAI DDK 100.500.010.010 or newer)" in reason.message
    )
    (reason,) = _verdict("transpose").reasons
    assert reason.constraint == "TRANSPOSE/permute-fault"
    assert "ROM 100.500.010.012" in reason.message
    (reason,) = _verdict("bilinear, smaller").reasons
    assert reason.constraint == "RESIZE_BILINEAR/no-reduction"


def test_a_refusal_names_all_who_refuse() -> None:
    (reason,) = _verdict("mirror pad, symmetric").reasons
    for title in ("MindSpore Lite", "TNN", "Paddle-Lite", "MNN"):
        assert f"{title} refuses it" in reason.message
    (reason,) = _verdict("relu, int8").reasons
    assert "the type of input must be float32 or float16; found int8" in reason.message


CAUTIONS = {
    "depthwise": (),
    "prelu, a slope a channel": ("ROM 100.320.010.023",),
    "transposed conv with a bias": ("100.320.012.011",),
    "average pool of a large plane": ("DDK 100.330.011.032",),
    "gather of two": ("DDK 100.320.012.043",),
    "nearest, aligned": ("DDK 100.500.010.010", "TNN refuses"),
    "softmax of classes": ("TNN refuses this form: the rank of input must be 4",),
    "hard swish": ("MindSpore Lite refuses",),
}


@pytest.mark.parametrize("name", CAUTIONS)
def test_who_disagrees_and_what_rom_it_takes_are_cautions(name: str) -> None:
    messages = [caution.message for caution in _verdict(name).cautions]
    assert len(messages) == len(CAUTIONS[name])
    for part in CAUTIONS[name]:
        assert any(part in message for message in messages)


@pytest.mark.parametrize(
    ("form", "slow"),
    [
        (depthwise("supported", "++++"), False),
        (depthwise("supported", "++++", dilation_w_factor=2), True),
        (depthwise("supported", "++++", dilation_h_factor=2), True),
        (depthwise("supported", "++++", x=t(1, 16, 16, 2)), True),
        (depthwise("supported", "++++", x=t(1, 16, 16, 4)), True),
        (depthwise("supported", "++++", x=t(1, 16, 16, 1)), False),
        (depthwise("supported", "++++", x=t(1, 16, 16, 5)), False),
    ],
)
def test_dilated_and_narrow_depthwise_is_slow(form: Form, slow: bool) -> None:
    verdict = judge(form.operation, HIAI)
    assert verdict.status == form.status
    assert any("slow" in caution.message for caution in verdict.cautions) == slow


def test_operators_of_no_integration_are_unknown() -> None:
    for op in ("SPACE_TO_DEPTH", "LSTM", "CUMSUM"):
        verdict = judge(Operation("tflite", op, 1, (IMAGE,), (IMAGE,)), HIAI)
        assert (verdict.status, verdict.validation) == ("unknown", "unknown")
        assert "none of the integrations" in verdict.reasons[0].message


def test_nothing_is_said_of_how_graphs_are_cut() -> None:
    nodes = tuple(
        Node(0, place, op, 1, (place,), (place + 1,))
        for place, op in enumerate(("RELU", "ARG_MIN"))
    )
    values = tuple(replace(IMAGE, index=place) for place in range(3))
    graph = Graph(0, "", "tflite", values, nodes, (0,), (2,))
    verdicts = [judge(graph.operation(node), HIAI) for node in nodes]
    assert HIAI.partitioning is None
    assert delegate(graph, verdicts, HIAI).delegated == (None, False)
    assert any("20 at a time" in limit for limit in HIAI.limits)


def test_every_operator_is_described_with_each_integration_and_its_source() -> None:
    repositories = (
        "mindspore-ai/mindspore-lite",
        "Tencent/TNN",
        "PaddlePaddle/Paddle-Lite",
        "alibaba/MNN",
    )
    for op, entry in HIAI.entries.items():
        lines = [line for line in describe(HIAI, op) if line.kind == "witness"]
        for witness in entry.witnesses:
            home = repositories[PANEL.index(witness.name)]
            mine = [line for line in lines if line.sentence.startswith(f"{witness.title} ")]
            assert mine, (op, witness.name)
            assert all(line.source.startswith(home) for line in mine), (op, witness.name)


@pytest.mark.parametrize("op", list(HIAI.entries))
def test_every_demand_of_every_integration_decides(op: str) -> None:
    """An operation made to meet all that an integration demands, and one to break each demand."""
    entry = HIAI.entries[op]
    for witness in entry.witnesses:
        inside = () if witness.domain is None else (Rule("domain", witness.domain, None, "", ""),)
        alone = replace(entry, require=(*inside, *witness.require), cautions=())
        meeting = Search(alone).meeting_all()
        assert meeting is not None, f"nothing meets {op}: {witness.name}"
        assert witness.stance(meeting) == _at_best(witness)
        for rule in _breakable(witness):
            found = Search(alone).breaking(rule)
            assert found is not None, f"nothing breaks {rule.identity}"
            if witness.domain is None or witness.domain.test(found[0]):
                stance = witness.stance(found[0])
                assert stance == "refuses" or (stance == "depends" and not rule.refuses)


def _at_best(witness: Witness) -> Stance:
    """Where an integration stands on what meets all its demands that can be met."""
    closing = [rule.refuses for rule in witness.require if isinstance(rule.condition, Never)]
    if any(closing):
        return "refuses"
    return "depends" if closing or witness.needs else "takes"


def _breakable(witness: Witness) -> list[Rule]:
    """The demands that made-up operations break; these have all their sizes."""
    return [rule for rule in witness.require if not rule.identity.endswith("/static-output")]


def test_one_integration_alone_never_makes_a_form_supported() -> None:
    dtypes = ("float32", "float16", "int8", "uint8", "int32", "bool")
    shapes = ((8,), (1, 8), (1, 4, 8), (1, 16, 16, 8), (1, 1, 4, 4, 8))
    for op, dtype, shape in product(HIAI.entries, dtypes, shapes):
        value = t(*shape, dtype=dtype)
        operation = Operation("tflite", op, 1, (value, value, value), (value,), dict(CONV))
        signs = stances(operation)
        status = judge(operation, HIAI).status
        assert status != "supported" or signs.count("+") >= 2
        assert status != "unsupported" or set(signs) <= {"-", "."}


def test_reports_leave_open_what_runs_where() -> None:
    from npulint import check, load
    from npulint.reports import change, matrix, text

    path = Path(__file__).parent.parent / "truth" / "models" / "blk_d2s_s2d_f32.tflite"
    report = check(load(path), targets=["hiai"])
    said = text.render(report)
    assert "MNN takes it" in said
    assert "how hiai cuts a graph into pieces is not known" in said
    assert "CPU" not in said.partition("caution")[0]
    assert "%" not in said
    assert ", cut unknown" in matrix.render_text(report, text.Layout())
    (result,) = report.models
    assert change.compare(result, result).targets == (("hiai", ()),)
