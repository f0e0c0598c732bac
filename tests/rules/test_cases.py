"""Every rule on its cases: what fires, what stays silent, and what cannot be told."""

from __future__ import annotations

import pytest
from case_files import CASES, Case, always_known, cases_of

from npulint.rules import RULES

ALL = [case for rule in RULES for case in cases_of(rule.code)]


def of_kind(kind: str) -> list[object]:
    return [pytest.param(case, id=str(case)) for case in ALL if case.kind == kind]


@pytest.mark.parametrize("case", of_kind("fires"))
def test_fires(case: Case) -> None:
    found = [each for each in case.findings() if not each.unknown]
    assert found, "nothing was found"
    if case.nodes is not None:
        assert [each.nodes for each in found] == list(case.nodes)
    for words in case.says:
        assert any(words in each.message for each in found), [each.message for each in found]


@pytest.mark.parametrize("case", of_kind("silent"))
def test_stays_silent(case: Case) -> None:
    assert case.findings() == []


@pytest.mark.parametrize("case", of_kind("unknown"))
def test_says_that_it_cannot_tell(case: Case) -> None:
    found = case.findings()
    assert found, "nothing was said"
    assert all(each.unknown and each.severity == "info" for each in found)
    if case.nodes is not None:
        assert [each.nodes for each in found] == list(case.nodes)
    for words in case.says:
        assert any(words in each.message for each in found), [each.message for each in found]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_has_cases_of_each_kind(rule: object) -> None:
    code = getattr(rule, "code", "")
    kinds = {case.kind for case in ALL if case.code == code}
    assert kinds >= {"fires", "silent"}
    assert "unknown" in kinds or always_known(code)


def test_no_case_file_is_left_over() -> None:
    assert {path.stem for path in CASES.glob("*.yaml")} == {rule.code for rule in RULES}


def test_codes_and_names_are_unique_and_in_order() -> None:
    codes = [rule.code for rule in RULES]
    assert codes == sorted(set(codes))
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_page_has_its_five_parts(rule: object) -> None:
    page = getattr(rule, "page", "")
    starts = [paragraph.split(": ")[0] for paragraph in page.split("\n\n")]
    assert starts[0].startswith("Finds ")
    assert starts[1:] == ["Why it matters", "Example", "What to do", "Limits"]
