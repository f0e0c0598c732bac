"""Which chips of the HTP stand for one another: on answers of a compiler that was never asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from sweep_answers import line, operand

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import qnn_answers
from qnn_groups import ENOUGH, shared

OPERATION = qnn_answers.operation_of("onnx", line("Relu", [operand(2, 2)]))


def _case(name: str, labels: Mapping[int, qnn_answers.Label]) -> qnn_answers.Case:
    answers = {arch: qnn_answers.Answer(label) for arch, label in labels.items()}
    return qnn_answers.Case(name, "float32", OPERATION, answers)


def _alike(count: int, old: qnn_answers.Label = "taken") -> Iterator[qnn_answers.Case]:
    """Cases that three chips were asked, taken by the newer two."""
    for number in range(count):
        yield _case(f"taken {number}", {1: old, 2: "taken", 3: "taken"})


def _refused(count: int) -> Iterator[qnn_answers.Case]:
    for number in range(count):
        yield _case(f"refused {number}", {1: "refused", 2: "refused", 3: "refused"})


def _labels(cases: list[qnn_answers.Case], name: str) -> dict[int, str]:
    (found,) = (case for case in cases if case.name == name)
    return {arch: answer.label for arch, answer in found.answers.items()}


def test_chips_that_never_disagreed_count_as_one() -> None:
    asked = [*_alike(ENOUGH), _case("other", {3: "failed"})]
    cases, kin = shared(asked)
    assert kin.alike == ((1, 2, 3),)
    assert _labels(cases, "other") == {1: "failed", 2: "failed", 3: "failed"}


def test_too_few_cases_tell_nothing() -> None:
    cases, kin = shared([*_alike(ENOUGH - 1), _case("other", {3: "failed"})])
    assert kin.alike == ((1,), (2,), (3,))
    assert _labels(cases, "other") == {3: "failed"}


def test_one_disagreement_tells_chips_apart_unless_a_condition_explains_it() -> None:
    old = _case("sixteen bits", {1: "refused", 2: "taken", 3: "taken"})
    unasked = _case("sixteen bits as well", {3: "taken"})
    asked = [*_alike(ENOUGH), old, unasked, _case("other", {3: "taken"})]
    cases, kin = shared(asked)
    assert kin.alike == ((1,), (2, 3))
    assert _labels(cases, "other") == {2: "taken", 3: "taken"}
    told = frozenset({("sixteen bits", 1), ("sixteen bits as well", 1)})
    cases, kin = shared(asked, told)
    assert kin.alike == ((1, 2, 3),)
    assert _labels(cases, "other") == {1: "taken", 2: "taken", 3: "taken"}
    assert _labels(cases, "sixteen bits as well") == {2: "taken", 3: "taken"}


def test_an_older_chip_refuses_what_newer_ones_refuse() -> None:
    """It may fail where they do not: of what they take it says nothing, and they nothing of it."""
    asked = [*_alike(3, "failed"), *_refused(ENOUGH),
             _case("refused by the new", {3: "refused"}),
             _case("taken by the new", {3: "taken"}),
             _case("refused by the old", {1: "refused"})]  # fmt: skip
    cases, kin = shared(asked)
    assert kin.alike == ((1,), (2, 3))
    assert kin.refusing[1] == (2, 3)
    assert _labels(cases, "refused by the new") == {1: "refused", 2: "refused", 3: "refused"}
    assert _labels(cases, "taken by the new") == {2: "taken", 3: "taken"}
    assert _labels(cases, "refused by the old") == {1: "refused"}


def test_a_chip_that_takes_what_another_refuses_refuses_nothing_for_it() -> None:
    asked = [*_refused(ENOUGH), _case("other", {1: "taken", 2: "refused", 3: "refused"}),
             _case("unasked", {3: "refused"})]  # fmt: skip
    cases, kin = shared(asked)
    assert 1 not in kin.refusing
    assert _labels(cases, "unasked") == {2: "refused", 3: "refused"}
