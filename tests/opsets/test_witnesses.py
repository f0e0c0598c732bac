"""Tables pieced together from witnesses: verdicts by counting, sentences, cautions, strictness."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import cast

import pytest

from npulint.errors import TableError
from npulint.model import Operation, Value
from npulint.opsets import describe, load_target
from npulint.opsets.witnesses import Agreement, Poll, Stance
from npulint.verdict import Verdict, judge

TABLE = """\
family: toy
title: A made-up closed API
dialect: tflite
date: "2026-01-02"
sources:
  anna: {file: anna/lib anna/, commit: abc1234}
  bert: {file: bert/lib bert.cc, commit: abc1234}
agreement: 2
witnesses:
  anna:
    title: Anna
    source: anna gate.cc 1-9
    require:
      - {rank: input, at_most: 4}
      - {dtype: input, in: [float32, float16], when: {operator: {not_in: [RESHAPE]}}}
  bert:
    title: Bert
    source: bert 1
    domain: {dtype: input, in: [float32, float16]}
  carl: {title: Carl, source: bert 2}
operators:
  - op: [RELU, RESHAPE]
    inputs: [input]
    outputs: [output]
    witnesses:
      anna: {source: anna relu.cc 5}
      bert: {source: bert 5, require: [{dimension: input, axis: 1, at_most: 8}]}
  - op: TANH
    inputs: [input]
    outputs: [output]
    witnesses:
      carl: {source: bert 7, needs: firmware 3 or newer}
      anna: {source: anna tanh.cc 6}
  - op: MAX_POOL_2D
    inputs: [input]
    outputs: [output]
    witnesses:
      anna:
        source: anna pool.cc 1
        require:
          - dimension_product: input
            axes: [1, 2]
            at_most: 16
            else: unknown
            note: larger ones need firmware 2
      bert: {source: bert 8}
      carl:
        source: bert 9
        domain: {attribute: padding, equals: SAME}
        require:
          - {attribute: stride_w, equals: 1}
          - {attribute: stride_h, equals: 1}
    cautions:
      - kind: slow
        say: half as fast
        when: {dimension: input, axis: 1, equals: 1}
        source: bert 10
  - op: ELU
    inputs: [input]
    witnesses:
      anna: {source: anna elu.cc 1}
      bert: {source: bert 11}
    require:
      - {dimension: input, axis: 1, at_most: 2, else: unknown, source: bert 12}
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "toy.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write(tmp_path_factory.mktemp("toy"), TABLE)


def _operation(
    op: str,
    dtype: str | None = "float32",
    shape: tuple[int, ...] | None = (1, 4, 4, 2),
    **attributes: str | int,
) -> Operation:
    value = Value(0, "", dtype, shape)
    return Operation("tflite", op, 1, (value,), (value,), attributes)


POOLED = {"padding": "SAME", "stride_w": 1, "stride_h": 1}
CASES = {
    "two take it": (_operation("RELU"), "supported", Poll(("anna", "bert"), silent=("carl",))),
    "one takes it, one refuses it": (
        _operation("RELU", shape=(1, 9, 9, 2)),
        "unknown",
        Poll(("anna",), ("bert",), (), ("carl",)),
    ),
    "all that speak refuse it": (
        _operation("RELU", shape=(1, 9, 9, 2, 1)),
        "unsupported",
        Poll((), ("anna", "bert"), (), ("carl",)),
    ),
    "outside a domain silent, the other refuses": (
        _operation("RELU", "int8"),
        "unsupported",
        Poll((), ("anna",), (), ("bert", "carl")),
    ),
    "outside a domain silent, the other takes it": (
        _operation("RESHAPE", "int8"),
        "unknown",
        Poll(("anna",), (), (), ("bert", "carl")),
    ),
    "a demand of all operators that one escapes": (
        _operation("RESHAPE"),
        "supported",
        Poll(("anna", "bert"), silent=("carl",)),
    ),
    "a newer system needed": (
        _operation("TANH"),
        "unknown",
        Poll(("anna",), (), ("carl",), ("bert",)),
    ),
    "a newer system needed and nobody else": (
        _operation("TANH", "int8"),
        "unknown",
        Poll((), ("anna",), ("carl",), ("bert",)),
    ),
    "three": (
        _operation("MAX_POOL_2D", **POOLED),
        "supported",
        Poll(("anna", "bert", "carl")),
    ),
    "two and a doubt": (
        _operation("MAX_POOL_2D", shape=(1, 5, 5, 2), **POOLED),
        "supported",
        Poll(("bert", "carl"), (), ("anna",)),
    ),
    "one, a doubt and a silent one": (
        _operation("MAX_POOL_2D", shape=(1, 5, 5, 2), **POOLED | {"padding": "VALID"}),
        "unknown",
        Poll(("bert",), (), ("anna",), ("carl",)),
    ),
    "a fact that is not known": (
        _operation("RELU", shape=None),
        "unknown",
        Poll((), (), ("anna", "bert"), ("carl",)),
    ),
    "a domain that is not known": (
        _operation("RELU", None),
        "unknown",
        Poll((), (), ("anna", "bert"), ("carl",)),
    ),
    "a doubt of the entry beside the count": (
        _operation("ELU", shape=(1, 3, 3, 2)),
        "unknown",
        Poll(("anna", "bert"), silent=("carl",)),
    ),
}


def _poll(path: Path, operation: Operation) -> Poll:
    condition = load_target(path).entries[operation.op].require[0].condition
    assert isinstance(condition, Agreement)
    return condition.poll(operation)


@pytest.mark.parametrize("case", CASES)
def test_a_verdict_counts_the_witnesses(case: str, table: Path) -> None:
    operation, status, poll = CASES[case]
    assert judge(operation, load_target(table)).status == status
    assert _poll(table, operation) == poll


class _Fixed:
    """A witness that stands where it is told to."""

    def __init__(self, name: str, stance: Stance) -> None:
        self.name = name
        self._stance = stance

    def stance(self, operation: Operation) -> Stance:
        return self._stance


@pytest.mark.parametrize("needed", [1, 2, 3])
def test_every_way_to_stand_is_counted_by_the_rule(needed: int) -> None:
    stances: tuple[Stance, ...] = ("takes", "refuses", "depends", "silent")
    for combination in product(stances, repeat=4):
        panel = tuple((str(place), str(place)) for place in range(4))
        witnesses = tuple(_Fixed(str(place), each) for place, each in enumerate(combination))
        truth = Agreement(needed, panel, witnesses).test(_operation("ADD"))  # type: ignore[arg-type]
        takes, speak = combination.count("takes"), [s for s in combination if s != "silent"]
        assert (truth is True) == (takes >= needed)
        assert (truth is False) == (bool(speak) and set(speak) == {"refuses"})


def _judged(table: Path, case: str) -> Verdict:
    return judge(CASES[case][0], load_target(table))


def test_an_unknown_says_where_everybody_stands(table: Path) -> None:
    (reason,) = _judged(table, "a newer system needed").reasons
    assert reason.constraint == "TANH/agreement"
    assert reason.message.endswith(
        "at least 2 of Anna, Bert and Carl must take it; found Anna takes it, "
        "Carl may take it (it needs firmware 3 or newer), Bert does not speak of it"
    )
    assert reason.source == "anna/lib anna/tanh.cc 6 @abc1234; bert/lib bert.cc 7 @abc1234"


def test_a_refusal_names_who_refuses_and_why(table: Path) -> None:
    (reason,) = _judged(table, "outside a domain silent, the other refuses").reasons
    assert reason.message == (
        "at least 2 of Anna, Bert and Carl must take it; found Anna refuses it (the type of "
        "input must be float32 or float16; found int8), Bert and Carl do not speak of it"
    )


def test_who_does_not_agree_is_a_caution(table: Path) -> None:
    (caution,) = _judged(table, "two and a doubt").cautions
    assert caution.message == (
        "Anna may refuse this form: the product of the sizes on axes 1 and 2 of input must be at "
        "most 16 (larger ones need firmware 2)"
    )
    assert caution.source == "anna/lib anna/pool.cc 1 @abc1234"
    strided = judge(
        _operation("MAX_POOL_2D", shape=(1, 1, 4, 2), **POOLED | {"stride_w": 2}),
        load_target(table),
    )
    assert [each.message for each in strided.cautions] == [
        "half as fast",
        "Carl refuses this form: stride_w must be 1",
    ]
    assert _judged(table, "three").cautions == ()


def test_a_description_gives_each_witness_its_own_lines(table: Path) -> None:
    lines = describe(load_target(table), "RELU")
    assert [(line.kind, line.sentence) for line in lines] == [
        ("require", "at least 2 of Anna, Bert and Carl must take it"),
        ("witness", "Anna demands: the rank of input must be at most 4"),
        ("witness", "Anna demands: the type of input must be float32 or float16"),
        ("witness", "Bert speaks where the type of input is float32 or float16"),
        ("witness", "Bert demands: the size on axis 1 of input must be at most 8"),
        ("witness", "Carl does not speak of it"),
    ]
    assert lines[3].source == "bert/lib bert.cc 1 @abc1234"
    assert lines[1].source == "anna/lib anna/gate.cc 1-9 @abc1234"
    tanh = [line.sentence for line in describe(load_target(table), "TANH")]
    assert tanh[-2:] == ["Carl needs firmware 3 or newer", "Bert does not speak of it"]
    pool = [line.sentence for line in describe(load_target(table), "MAX_POOL_2D")]
    assert "caution (slow), where the size on axis 1 of input is 1: half as fast" in pool
    assert not any("refuse" in sentence for sentence in pool)


def test_the_facts_of_every_witness_are_remembered_apart(table: Path) -> None:
    entry = load_target(table).entries["MAX_POOL_2D"]
    forms = [operation for operation, _, _ in CASES.values() if operation.op == "MAX_POOL_2D"]
    assert len({entry.signature(form) for form in forms}) == len(forms)


FAULTS = {
    "nobody of that name": (("carl: {source: bert 7", "karl: {source: bert 7"), "carl"),
    "no source": (("anna: {source: anna elu.cc 1}", "anna: {}"), "missing key 'source'"),
    "dangling source": (("anna: {source: anna elu.cc", "anna: {source: hanna elu.cc"), "hanna"),
    "unknown key of a testimony": (
        ("bert: {source: bert 11}", "bert: {source: bert 11, title: x}"),
        "unknown key 'title'",
    ),
    "unknown key of a witness": (("title: Bert\n", "needs: x\n    title: Bert\n"), "needs"),
    "no title": (("title: Bert\n    source", "source"), "missing key 'title'"),
    "a count of nobody": (("agreement: 2", "agreement: 0"), "expected 1 to 3"),
    "a count beyond the witnesses": (("agreement: 2", "agreement: 4"), "expected 1 to 3"),
    "a count that is none": (("agreement: 2", "agreement: two"), "whole number"),
    "an operand that no entry has, in a demand of all": (
        ("{rank: input", "{rank: inputs"),
        "unknown operand 'inputs': .* \\(asked of RELU\\)",
    ),
    "a domain that is none": (
        ("{dtype: input, in: [float32, float16]}\n  carl", "{dtype: input}\n  carl"),
        "one comparison",
    ),
    "an unknown operand in an entry": (
        (
            "bert: {source: bert 5, require: [{dimension: input",
            "bert: {source: bert 5, require: [{dimension: first",
        ),
        "unknown operand 'first'",
    ),
    "no axes": (("axes: [1, 2]", "axes: []"), "at least one axis"),
    "an axis for axes": (("axes: [1, 2]", "axis: 1"), "unknown key 'axis'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_careless_table_is_refused_with_its_line(fault: str, tmp_path: Path) -> None:
    (old, new), message = FAULTS[fault]
    with pytest.raises(TableError, match=message) as caught:
        load_target(_write(tmp_path, TABLE.replace(old, new, 1)))
    assert str(tmp_path / "toy.yaml") in str(caught.value)
    line = TABLE[: TABLE.index(old)].count("\n") + 1
    assert caught.value.line == line - (fault == "no title")


def test_a_count_without_witnesses_and_the_reverse_are_refused(tmp_path: Path) -> None:
    head, _, rest = TABLE.partition("witnesses:\n  anna:\n    title")
    alone = head + rest[rest.index("operators:") :]
    with pytest.raises(TableError, match="needs witnesses"):
        load_target(_write(tmp_path, alone))
    with pytest.raises(TableError, match="unknown key 'anna'"):
        load_target(_write(tmp_path, alone.replace("agreement: 2\n", "")))
    with pytest.raises(TableError, match="missing key 'agreement'"):
        load_target(_write(tmp_path, TABLE.replace("agreement: 2\n", "")))


def test_the_operator_is_no_setting_of_other_tables(tmp_path: Path) -> None:
    text = TABLE[: TABLE.index("agreement")] + (
        "operators:\n  - op: ADD\n    source: bert 1\n    require: [{operator: {equals: ADD}}]\n"
    )
    with pytest.raises(TableError, match="unknown condition 'operator'"):
        load_target(_write(tmp_path, text))


def test_one_witness_is_never_enough(table: Path) -> None:
    target = load_target(table)
    dtypes = ("float32", "float16", "int8", "int32", None)
    shapes = (None, (), (1,), (1, 2, 2, 1), (1, 9, 9, 9), (1, 2, 3, 4, 5))
    paddings = ("SAME", "VALID")
    seen = set()
    for op, dtype, shape, padding in product(target.entries, dtypes, shapes, paddings):
        operation = _operation(op, dtype, cast("tuple[int, ...] | None", shape), padding=padding)
        taking = len(_poll(table, operation).takes)
        status = judge(operation, target).status
        assert taking >= 2 or status != "supported"
        seen.add((min(taking, 2), status))
    assert {(2, "supported"), (1, "unknown"), (0, "unknown"), (0, "unsupported")} <= seen
