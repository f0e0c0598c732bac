"""How a page says of which targets of a family something holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from npulint.opsets import load_target
from npulint.reports.where import Family

LEVELS = (27, 28, 29, 1000)
TARGETS = tuple(
    replace(
        load_target("neuron"),
        name=f"{level}{core}{'+' * named}",
        settings={"level": level, "core": core, "named": named},
    )
    for level in LEVELS
    for core in ("big", "small")
    for named in (False, True)
)
FAMILY = Family(
    TARGETS,
    {"level": "the level", "core": "the core", "named": "a name"},
    {27: "NPU 1", 28: "NPU 2", 29: "NPU 3"},
)
CASES = {
    "all": (lambda s: True, ""),
    "from a level on": (lambda s: s["level"] >= 28, "from NPU 2 on"),
    "up to a level": (lambda s: s["level"] <= 28, "up to NPU 2"),
    "levels between": (lambda s: 28 <= s["level"] <= 29, "NPU 2 to NPU 3"),
    "the first level": (lambda s: s["level"] == 27, "NPU 1"),
    "a level without a title": (lambda s: s["level"] == 1000, "the level 1000"),
    "levels apart": (lambda s: s["level"] in (27, 29), "NPU 1 or NPU 3"),
    "with": (lambda s: s["named"], "with a name"),
    "without": (lambda s: not s["named"], "without a name"),
    "a word": (lambda s: s["core"] == "big", "the core big"),
    "two settings": (lambda s: s["named"] and s["level"] < 29, "up to NPU 2, with a name"),
    "no product of settings": (
        lambda s: (s["level"], s["core"], s["named"]) in ((27, "big", True), (28, "small", True)),
        "27big+, 28small+",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_where(case: str) -> None:
    holds, said = CASES[case]
    assert FAMILY.where([each.name for each in TARGETS if holds(each.settings)]) == said


def test_a_table_of_one_target_needs_no_words() -> None:
    neuron = load_target("neuron")
    assert Family([neuron], {}, {}).where(["neuron"]) == ""
