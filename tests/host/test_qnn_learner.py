"""How tables of the HTP are made of answers: on answers of a compiler that was never asked."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sweep_answers import Line, evidence, line, operand, table, targets

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import qnn_answers

from npulint.verdict import Verdict, judge

TYPES = ("float32", "float16", "int32")


def _ranks(op: str = "Relu", most: int = 7, *, taken_to: int = 4, **more: Any) -> list[Line]:
    """An operator asked in each rank, and taken up to one of them."""
    return [
        line(op, [operand(*[2] * rank)], "taken" if rank <= taken_to else "refused", **more)
        for rank in range(1, most + 1)
    ]


def _verdict(lines: list[Line], asked: Line, folder: Path, chip: int = 1) -> Verdict:
    operation = qnn_answers.operation_of("onnx", asked)
    return judge(operation, targets(lines, folder)[chip])


def _said(verdict: Verdict) -> str:
    return "; ".join(reason.message for reason in verdict.reasons)


def test_a_rank_is_a_bound(tmp_path: Path) -> None:
    lines = _ranks()
    eight = line("Relu", [operand(*[1] * 8)])
    assert _verdict(lines, lines[3], tmp_path).status == "supported"
    assert _verdict(lines, lines[4], tmp_path).validation == "refused"
    verdict = _verdict(lines, eight, tmp_path)
    assert (verdict.status, _said(verdict)) == (
        "unsupported",
        "the rank of X must be at most 4 (It said no.); found 8",
    )


def test_sizes_between_and_beyond_those_asked_are_like_them(tmp_path: Path) -> None:
    lines = _ranks()
    assert _verdict(lines, line("Relu", [operand(5, 700)]), tmp_path).status == "supported"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (line("Relu", [operand(2, 2, dtype="int8")]), "the type of X must be float32"),
        (line("Relu", [operand(None, 2)]), "X must be of sizes known beforehand"),
        (line("Relu", [operand(2, 2)], opset=1), "the operator version must be at least 6"),
        (line("Elu", [operand(2, 2)]), "Elu: the compiler was not asked about it"),
    ],
    ids=["type", "sizes left open", "opset", "operator"],
)
def test_what_was_never_asked_is_unknown(asked: Line, words: str, tmp_path: Path) -> None:
    verdict = _verdict(_ranks(), asked, tmp_path)
    assert (verdict.status, verdict.validation) == ("unknown", "unknown")
    assert words in _said(verdict)


def test_a_mode_is_a_choice_and_other_choices_are_unknown(tmp_path: Path) -> None:
    lines = [
        line("Pad", [operand(1, 2, 4, 4), operand(8, dtype="int64", stored=True)], status,
             attributes={"mode": mode})
        for mode, status in (("constant", "taken"), ("wrap", "refused"), ("edge", "taken"))
    ]  # fmt: skip
    assert [_verdict(lines, each, tmp_path).status for each in lines] == [
        "supported", "unsupported", "supported",
    ]  # fmt: skip
    other = {**lines[0], "attributes": {"mode": "reflect"}}
    verdict = _verdict(lines, other, tmp_path)
    assert (verdict.status, _said(verdict)) == (
        "unknown",
        "cannot be decided: mode must be constant or edge (no others were taken); found reflect",
    )


def test_two_conditions_together(tmp_path: Path) -> None:
    """Refused with five dimensions, but in quantised types only."""
    lines = [
        line("Gelu", [operand(*[2] * rank, dtype=dtype)],
             "refused" if rank > 4 and quantised else "taken", kind=kind)
        for rank in range(2, 6)
        for kind, dtype, quantised in (("float32", "float32", False), ("a8w8", "uint8", True))
    ]  # fmt: skip
    statuses = {
        (len(each["operands"][0]["shape"]), each["kind"]): _verdict(lines, each, tmp_path).status
        for each in lines
    }
    assert statuses.pop((5, "a8w8")) == "unsupported"
    assert set(statuses.values()) == {"supported"}


def test_what_passes_and_breaks_is_unsupported_with_that_reason(tmp_path: Path) -> None:
    lines = [line("Tan", [operand(*[2] * rank)], "taken" if rank < 5 else "failed")
             for rank in range(1, 8)]  # fmt: skip
    verdict = _verdict(lines, lines[-1], tmp_path)
    assert (verdict.status, verdict.validation) == ("unsupported", "accepted")
    assert _said(verdict) == (
        "the rank of X must be at most 4 (passes the checks and then cannot be compiled: "
        "It broke (1002).); found 7"
    ).replace("of X", "of input")


def test_few_cases_speak_for_their_own_types_and_ranks_only(tmp_path: Path) -> None:
    """One refusal in a mode: whether its type, its rank or the mode was to blame is open."""
    lines = [
        *(line("Resize", [operand(*[2] * rank, dtype=dtype)], kind=dtype,
               attributes={"mode": "linear"}) for rank in (3, 4) for dtype in TYPES),
        line("Resize", [operand(2, 2, 2)], "refused", attributes={"mode": "cubic"}),
    ]  # fmt: skip
    other = line("Resize", [operand(2, 2, 2, 2, dtype="int32")], attributes={"mode": "cubic"})
    assert _verdict(lines, lines[-1], tmp_path).status == "unsupported"
    verdict = _verdict(lines, other, tmp_path)
    assert verdict.status == "unknown"
    assert "the few cases that differ in this were not compiled" in _said(verdict)


def test_two_cases_in_a_mode_speak_for_all_types_and_sizes(tmp_path: Path) -> None:
    lines = [
        *(line("Resize", [operand(*[2] * rank, dtype=dtype)], kind=dtype,
               attributes={"mode": "linear"}) for rank in (3, 4) for dtype in TYPES),
        *(line("Resize", [operand(2, 2, size)], "refused", attributes={"mode": "cubic"})
          for size in (2, 3)),
    ]  # fmt: skip
    other = line("Resize", [operand(2, 2, 2, 2, dtype="int32")], attributes={"mode": "cubic"})
    assert _verdict(lines, other, tmp_path).status == "unsupported"


def test_a_size_that_tells_a_few_cases_apart_is_no_reason_to_refuse(tmp_path: Path) -> None:
    """Some bound on a size tells any few cases from others: these are left open, and no more."""
    lines = [
        line("LRN", [operand(1, channels, 8, 8)], "refused" if channels > 40 else "taken",
             attributes={"size": 3})
        for channels in (3, 8, 12, 16, 24, 41, 43, 47)
    ]  # fmt: skip
    statuses = [_verdict(lines, each, tmp_path).status for each in lines]
    assert statuses == ["supported"] * 5 + ["unknown"] * 3
    many = [*lines, *(line("LRN", [operand(1, channels, 8, 8)], "refused",
                           attributes={"size": 3}) for channels in (50, 60, 70))]  # fmt: skip
    assert _verdict(many, lines[-1], tmp_path).status == "unsupported"


def test_what_one_type_alone_is_taken_with_tells_nothing_of_types_never_asked(
    tmp_path: Path,
) -> None:
    refused = [("float16", "float16"), ("int32", "int32"), ("bool", "bool")]
    lines = [
        *(line("Erf", [operand(*[2] * rank)]) for rank in (1, 2, 3)),
        *(line("Erf", [operand(*[2] * rank, dtype=dtype)], "refused", kind=kind)
          for dtype, kind in refused for rank in (1, 2, 3)),
    ]  # fmt: skip
    asked = line("Erf", [operand(2, 2, dtype="int64")], kind="int64")
    assert _verdict(lines, lines[-1], tmp_path).status == "unsupported"
    assert _verdict(lines, asked, tmp_path).status == "unknown"


def test_limits_are_compared_as_the_numbers_that_they_stand_for(tmp_path: Path) -> None:
    frame = (
        "operators:\n  - op: Clip\n    inputs: [input, min, max]\n    require:\n"
        "      - {predicate: limits-in-order, of: [min, max], when: {present: max}, source: code}\n"
    )

    def clip(low: float, high: float, status: str) -> Line:
        bounds = (operand(dtype="uint8", stored=True, values=[each]) for each in (low, high))
        return line("Clip", [operand(2, 2, dtype="uint8"), *bounds], status, kind="a8w8")

    lines = [clip(0.0, 6.0, "taken"), clip(-1.0, 1.0, "taken"), clip(4.0, 1.0, "refused")]
    made = targets(lines, tmp_path, frame)[1]
    other = [clip(-4.0, -1.0, "taken"), clip(2.5, 2.0, "refused")]
    statuses = [
        judge(qnn_answers.operation_of("onnx", each), made).status for each in [*lines, *other]
    ]
    assert statuses == ["supported", "supported", "unsupported", "supported", "unsupported"]


def test_what_is_refused_always_is_refused_in_types_never_asked(tmp_path: Path) -> None:
    lines = [line("Erf", [operand(*[2] * rank)], "refused") for rank in (1, 2)]
    asked = line("Erf", [operand(2, 2, dtype="bfloat16")])
    assert _said(_verdict(lines, asked, tmp_path)) == "It said no.; found Erf"


def test_cases_that_nothing_tells_apart_are_unknown(tmp_path: Path) -> None:
    """Answered both ways on account of numbers that no condition looks at."""
    lines = [line("Mul", [operand(4, 4), operand(4, 4, stored=True, note=place)], status)
             for place, status in enumerate(("taken", "refused", "taken"))]  # fmt: skip
    for each in lines:
        verdict = _verdict(lines, each, tmp_path)
        assert verdict.status == "unknown"
        assert "1 were refused and 2 taken that nothing here tells apart" in _said(verdict)


def test_operands_that_are_left_out_ask_for_nothing(tmp_path: Path) -> None:
    """A condition on an optional operand leaves what does without it alone."""
    bound = operand(dtype="float32", stored=True, values=[1.0])
    fed = operand()
    lines = [
        line("Clip", [operand(4, 4)]),
        line("Clip", [operand(4, 4), bound]),
        line("Clip", [operand(4, 4), fed], "refused"),
        line("Clip", [operand(4, 4), bound, bound]),
    ]
    statuses = [_verdict(lines, each, tmp_path).status for each in lines]
    assert statuses == ["supported", "supported", "unsupported", "supported"]


def test_several_operands_of_a_kind(tmp_path: Path) -> None:
    lines = [
        line("Concat", [operand(2, 2, dtype=one), operand(2, 2, dtype=one)], status,
             attributes={"axis": 1})
        for one, status in (("float32", "taken"), ("int8", "refused"), ("int32", "taken"))
    ]  # fmt: skip
    assert [_verdict(lines, each, tmp_path).status for each in lines] == [
        "supported", "unsupported", "supported",
    ]  # fmt: skip


def test_chips_that_agree_share_what_they_know(tmp_path: Path) -> None:
    lines = [*_ranks(), line("Relu", [operand(2, 2)], chip=2)]
    assert _verdict(lines, lines[4], tmp_path, chip=2).status == "unsupported"
    assert "arch" not in table(lines, tmp_path)[0].partition("operators:")[2]


def test_chips_that_disagree_have_conditions_of_their_own(tmp_path: Path) -> None:
    lines = [*_ranks(), *_ranks(taken_to=2, chip=2)]
    three = line("Relu", [operand(2, 2, 2)])
    assert _verdict(lines, three, tmp_path, chip=1).status == "supported"
    assert _verdict(lines, three, tmp_path, chip=2).status == "unsupported"


def test_a_chip_that_was_not_asked_is_unknown(tmp_path: Path) -> None:
    verdict = _verdict(_ranks(), line("Relu", [operand(2, 2)]), tmp_path, chip=2)
    assert verdict.status == "unknown"
    assert "it was not asked of other chips" in _said(verdict)


def test_a_kind_that_a_chip_was_not_asked_is_unknown_there(tmp_path: Path) -> None:
    """That two chips agree on one type tells nothing of another."""
    lines = [*_ranks(), line("Relu", [operand(2, 2, dtype="float16")], kind="float16"),
             line("Relu", [operand(2, 2)], chip=2)]  # fmt: skip
    half = line("Relu", [operand(2, 2, dtype="float16")])
    assert _verdict(lines, half, tmp_path, chip=1).status == "supported"
    assert _verdict(lines, half, tmp_path, chip=2).status == "unknown"


def test_wrong_numbers_are_a_caution_where_they_were_seen(tmp_path: Path) -> None:
    lines = [
        line("AveragePool", [operand(1, 2, 8, 8)], kind=kind, off=0.4 if up else 0.004,
             attributes={"kernel_shape": [2, 2], "ceil_mode": up})
        for up in (0, 1)
        for kind in ("float32", "float16")
    ]  # fmt: skip
    verdicts = [_verdict(lines, each, tmp_path) for each in lines]
    assert {verdict.status for verdict in verdicts} == {"supported"}
    said = [[(caution.kind, caution.message) for caution in each.cautions] for each in verdicts]
    words = (
        "the compiler's emulator is off by up to 40 % of the output's range beside the CPU "
        "(2 cases)"
    )
    assert said == [[], [], [("wrong", words)], [("wrong", words)]]


def test_results_that_jump_are_not_called_wrong(tmp_path: Path) -> None:
    lines = [line("Floor", [operand(*[4] * rank)], off=0.3) for rank in (1, 2)]
    assert _verdict(lines, lines[0], tmp_path).cautions == ()


def test_the_front_end_s_own_conditions_come_first(tmp_path: Path) -> None:
    """They explain a refusal with their source, hold beyond it, and may be contradicted."""
    frame = (
        "operators:\n  - op: Tile\n    inputs: [input, repeats]\n    require:\n"
        "      - {constant: repeats, source: code 12-13}\n"
        "  - op: Einsum\n    require:\n      - {inputs: {at_most: 2}, source: code 20}\n"
    )
    stored, fed = operand(2, dtype="int64", stored=True), operand(2, dtype="int64")
    lines = [line("Tile", [operand(2, 2), stored]),
             line("Tile", [operand(2, 2), fed], "refused")]  # fmt: skip
    made = targets(lines, tmp_path, frame)[1]
    verdict = judge(qnn_answers.operation_of("onnx", lines[1]), made)
    assert [reason.source for reason in verdict.reasons if "constant" in reason.message] == [
        "somebody/something front.cc 12-13 @0123456"
    ]
    unasked = judge(qnn_answers.operation_of("onnx", line("Einsum", [operand(2)])), made)
    assert (unasked.status, _said(unasked)) == (
        "unknown",
        "cannot be decided: the compiler was not asked about it; found Einsum",
    )
    assert table(lines, tmp_path, frame)[1] == []
    contradicted = [*lines[:1], line("Tile", [operand(2, 2), fed])]
    (said,) = table(contradicted, tmp_path, frame)[1]
    assert said.endswith("was compiled for v1, against Tile/constant-repeats")


def test_what_is_demanded_of_every_operand_is_left_out_where_answers_contradict(
    tmp_path: Path,
) -> None:
    frame = "every:\n  - {static: OPERAND, source: code 1}\noperators: []\n"
    lines = [
        *(line(op, [operand(2, 2)]) for op in ("Relu", "Identity")),
        line("Relu", [operand(None, 2)], "refused"),
        line("Identity", [operand(None, 2)]),
    ]
    made = targets(lines, tmp_path, frame)[1]
    asked = [qnn_answers.operation_of("onnx", each) for each in lines[2:]]
    assert [judge(each, made).status for each in asked] == ["unsupported", "supported"]
    assert "code 1" in table(lines, tmp_path, frame)[0]


def test_where_all_that_was_asked_breaks_what_is_written_by_hand_the_rest_is_unknown(
    tmp_path: Path,
) -> None:
    demand = "      - {rank: X, at_most: 2, source: code 1}\n"
    head = "operators:\n  - op: Relu\n    inputs: [X]\n    require:\n"
    lines = [line("Relu", [operand(*[2] * rank)], "refused") for rank in (3, 4)]
    flat = line("Relu", [operand(2, 2)])
    verdict = judge(
        qnn_answers.operation_of("onnx", flat), targets(lines, tmp_path, head + demand)[1]
    )
    assert (verdict.status, _said(verdict)) == (
        "unknown",
        "cannot be decided: no form of it that meets the other conditions was asked; found Relu",
    )
    reach = "      - {dtype: X, equals: float32, note: no others were asked, else: unknown}\n"
    made = targets(lines, tmp_path, head + demand + reach)[1]
    other = line("Relu", [operand(2, 2, dtype="float16")], kind="float16")
    asked = [qnn_answers.operation_of("onnx", each) for each in (flat, lines[0], other)]
    assert [judge(each, made).status for each in asked] == ["supported", "unsupported", "unknown"]


def test_a_result_has_no_more_axes_than_any_that_was_compiled(tmp_path: Path) -> None:
    """Seen of many operators, it holds for one that was never asked for so many."""
    ops = ("Abs", "Ceil", "Cos", "Exp", "Floor", "Neg", "Relu", "Round", "Sigmoid", "Sin", "Tanh")
    lines = [each for op in ops for each in _ranks(op, 6)]
    added = operand(1, dtype="int64", stored=True, values=[0])
    lines += [line("Unsqueeze", [operand(*[2] * rank), added]) for rank in (1, 2, 3)]
    four = line("Unsqueeze", [operand(2, 2, 2, 2), added])
    verdict = _verdict(lines, four, tmp_path)
    assert verdict.status == "unsupported"
    assert "the rank of expanded must be at most 4 (nothing of more axes was ever compiled)" in (
        _said(verdict)
    )
    assert _verdict(lines, lines[-1], tmp_path).status == "supported"
    few = [*_ranks("Abs", 6), *lines[-3:]]
    assert "ever compiled" not in table(few, tmp_path)[0]


def test_operators_that_are_gone_beforehand_are_taken(tmp_path: Path) -> None:
    folded = line("Identity", [operand(2, 2)]) | {"status": "merged"}
    assert _verdict([folded], folded, tmp_path).status == "supported"


def test_functions_that_are_taken_apart_are_not_taken_themselves(tmp_path: Path) -> None:
    whole = line("Mish", [operand(2, 2)]) | {"status": "merged"}
    part = line("Mish", [operand(2, 2, 2, 2, 2)]) | {
        "status": "merged", "strays": ["Softplus: no such rank"], "outcome": "compiled",
    }  # fmt: skip
    for lines in ([whole], [whole, part]):
        assert _verdict(lines, whole, tmp_path).status == "unsupported"
    assert "asks about its parts" in _said(_verdict([whole], whole, tmp_path))


def test_lines_that_tell_nothing_are_left_out(tmp_path: Path) -> None:
    lines = [
        line("Relu", [operand(2)]),
        line("Relu", [operand(3)]) | {"status": "invalid"},
        line("Relu", [operand(4)]) | {"status": "validated", "outcome": "unknown"},
        line("Relu", [operand(5)]) | {"proven": False},
        line("Relu", [operand(6)]) | {"domain": "com.microsoft"},
        line("Unheard", [operand(7)]),
    ]
    assert [case.operation.inputs[0].shape for case in evidence(lines, tmp_path).cases] == [(2,)]


def test_what_is_kept_is_all_that_a_table_needs(tmp_path: Path) -> None:
    lines = [*_ranks(), line("Relu", [operand(2, 2)], chip=2, off=None, mismatched=3),
             line("Clip", [operand(2, 2), operand(stored=True, values=[0.5])])]  # fmt: skip
    read = evidence(lines, tmp_path)
    kept = tmp_path / "kept.jsonl.gz"
    qnn_answers.write_condensed(read, kept)
    once = kept.read_bytes()
    assert qnn_answers.read_condensed(kept).cases == read.cases
    qnn_answers.write_condensed(qnn_answers.read_condensed(kept), kept)
    assert kept.read_bytes() == once


_lines = st.lists(
    st.builds(
        lambda rank, dtype, axis, status, chip: line(
            "Softmax",
            [operand(*[2] * rank, dtype=dtype)],
            status,
            attributes={"axis": axis},
            kind=dtype,
            chip=chip,
        ),
        st.integers(1, 6),
        st.sampled_from(TYPES),
        st.integers(-1, 2),
        st.sampled_from(["taken", "refused", "failed"]),
        st.sampled_from([1, 2]),
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda each: (each["case"], each["target"]),
)


@settings(max_examples=60, deadline=None)
@given(_lines, st.randoms())
def test_no_yes_to_what_was_not_compiled(lines: list[Line], chance: random.Random) -> None:
    """Whatever the answers: no false yes on them, and one table in whatever order they come."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        made = targets(lines, folder)
        for each in lines:
            chip = qnn_answers.arch_of(each["target"])
            status = judge(qnn_answers.operation_of("onnx", each), made[chip]).status
            if each["status"] != "taken":
                assert status != "supported"
            else:
                assert status != "unsupported"
        text = table(lines, folder)[0]
        shuffled = list(lines)
        chance.shuffle(shuffled)
        assert table(shuffled, folder)[0] == text
