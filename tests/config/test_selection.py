"""Which rules some words mean, and which of several words decides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npulint.config.selection import complaint, severity_of, wanted, weight
from npulint.config.settings import PathSection, Section, Settings
from npulint.finding import SEVERITIES, Severity
from npulint.rules import RULES, find_rule
from npulint.rules.record import FAMILIES, Rule

PREFIXES = sorted({rule.code[:length] for rule in RULES for length in range(3, 7)})
WORDS = st.sampled_from(
    [*PREFIXES, *(rule.name for rule in RULES), *FAMILIES.values()]
    + [f"NPU{digit}" for digit in FAMILIES]
)
SOME = st.lists(WORDS, max_size=4)
RULE = st.sampled_from(RULES)
ABOUT_MODELS = st.sampled_from([rule for rule in RULES if rule.family != "accounts"])


def rule(code: str) -> Rule:
    found = find_rule(code)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (("NPU1", "NPU101"), "NPU101", True),
        (("NPU2",), "NPU101", False),
        (("npu1",), "NPU102", True),
        (("portability",), "NPU103", True),
        (("refused-operator",), "NPU101", True),
        (("refused-operator",), "NPU102", False),
        ((), "NPU101", False),
    ],
)
def test_selected(words: tuple[str, ...], code: str, expected: bool) -> None:
    assert wanted(rule(code), words, None) is expected


@pytest.mark.parametrize(
    ("select", "ignore", "code", "expected"),
    [
        (None, ("NPU1",), "NPU101", False),
        (None, ("NPU1",), "NPU204", True),
        (("NPU101",), ("NPU1",), "NPU101", True),  # the more precise word decides
        (("NPU1",), ("NPU101",), "NPU101", False),
        (("NPU1",), ("portability",), "NPU101", False),  # alike: what is ignored is ignored
        (("refused-operator",), ("NPU",), "NPU101", True),
        (("NPU1",), None, "NPU901", True),  # a selection is of what to look for in models
        (("NPU1",), ("NPU901",), "NPU901", False),
        (("NPU1",), ("accounts",), "NPU904", False),
        (("NPU901",), ("accounts",), "NPU901", True),
    ],
)
def test_selected_and_ignored(
    select: tuple[str, ...] | None, ignore: tuple[str, ...] | None, code: str, expected: bool
) -> None:
    assert wanted(rule(code), select, ignore) is expected


@given(RULE, SOME)
def test_a_rule_is_meant_by_its_beginnings_its_name_and_its_family_alone(
    each: Rule, words: list[str]
) -> None:
    for word in words:
        meant = word in (each.name, each.family) or each.code.startswith(word)
        assert bool(weight(word, each)) is meant
        assert weight(word.upper(), each) == weight(word, each) == weight(word.lower(), each)


@given(ABOUT_MODELS, SOME, SOME)
def test_order_and_repetition_do_not_matter(
    each: Rule, select: list[str], ignore: list[str]
) -> None:
    expected = wanted(each, select, ignore)
    assert wanted(each, [*reversed(select), *select], list(reversed(ignore))) is expected


@given(RULE, st.none() | SOME, SOME)
def test_ignoring_more_never_runs_more(
    each: Rule, select: list[str] | None, ignore: list[str]
) -> None:
    if not wanted(each, select, ignore):
        for word in PREFIXES:
            assert not wanted(each, select, [*ignore, word])


@given(WORDS)
def test_words_that_mean_something_are_known(word: str) -> None:
    assert complaint(word) is None


@given(st.text("NPU0123456789-abc", max_size=8))
def test_words_that_mean_nothing_are_not(word: str) -> None:
    meant = any(weight(word, each) for each in RULES)
    family = word.casefold() in {f"npu{digit}" for digit in FAMILIES} | set(FAMILIES.values())
    assert (complaint(word) is None) is (meant or family)


LAYERS: list[tuple[list[dict[str, Severity]], Severity]] = [
    ([], "error"),
    ([{"NPU1": "info"}], "info"),
    ([{"NPU1": "info", "NPU101": "warning"}], "warning"),
    ([{"portability": "info", "refused-operator": "warning", "NPU2": "error"}], "warning"),
    ([{"NPU1": "info"}, {"NPU101": "warning"}], "info"),  # the layer that wins decides
    ([{"NPU2": "info"}, {"NPU101": "warning"}], "warning"),
]


@pytest.mark.parametrize(("layers", "expected"), LAYERS)
def test_severities(layers: list[dict[str, Severity]], expected: Severity) -> None:
    assert severity_of(rule("NPU101"), layers) == expected


def settings(*sections: PathSection, **top: object) -> Settings:
    return Settings(everywhere=Section(**top), paths=sections)  # type: ignore[arg-type]


def test_the_last_section_wins_key_by_key() -> None:
    found = settings(
        PathSection(("a/**",), Section(fail_on="info", ignore=("NPU1",))),
        PathSection(("a/b.onnx",), Section(fail_on="never", severity=({"NPU2": "error"},))),
        PathSection(("c/**",), Section(fail_on="warning")),
        targets=("hiai",),
        severity=({"NPU1": "warning", "NPU2": "info"},),
        min_coverage={("hiai", "nodes"): 90, ("hiai", "macs"): 80},
    ).of(settings().folder / "a" / "b.onnx")
    assert found.fail_on == "never"
    assert found.ignore == ("NPU1",)
    assert found.targets == ("hiai",)
    assert found.severity_of(rule("NPU204")) == "error"
    assert found.severity_of(rule("NPU101")) == "warning"
    assert found.min_coverage == {("hiai", "nodes"): 90, ("hiai", "macs"): 80}


def test_tables_are_merged_entry_by_entry() -> None:
    over = Section(min_coverage={("hiai", "macs"): 10})
    found = settings(
        PathSection(("*.onnx",), over),
        min_coverage={("hiai", "nodes"): 90, ("hiai", "macs"): 80},
    ).of(settings().folder / "deep" / "x.onnx")
    assert found.min_coverage == {("hiai", "nodes"): 90, ("hiai", "macs"): 10}


def test_the_command_line_wins_and_its_selection_starts_afresh() -> None:
    from dataclasses import replace

    configured = settings(select=("NPU1",), ignore=("NPU204", "NPU102"), fail_on="info")
    given_select = replace(configured, given=Section(select=("NPU204",), fail_on="error"))
    section = given_select.of(None)
    assert section.wants(rule("NPU204"))
    assert not section.wants(rule("NPU101"))
    assert section.fail_on == "error"
    quiet = replace(given_select, everywhere=Section(ignore=("accounts", "NPU2")))
    assert not quiet.of(None).wants(rule("NPU904")), "a selection brings back no account"
    assert quiet.of(None).wants(rule("NPU204"))
    given_ignore = replace(configured, given=Section(ignore=("NPU101",))).of(None)
    assert not given_ignore.wants(rule("NPU101"))
    assert given_ignore.wants(rule("NPU102")), "the list is replaced"


@given(st.lists(st.sampled_from(SEVERITIES), max_size=3))
def test_nothing_said_over_something_leaves_it(said: list[Severity]) -> None:
    section = Section(severity=tuple({"NPU1": each} for each in said), fail_on="info", ignore=())
    assert section.under(Section()) == section
