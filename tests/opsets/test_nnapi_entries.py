"""Every condition of the NNAPI table decides something: operations made from its own entries."""

from __future__ import annotations

import pytest
from entry_checks import check_breaking, check_meeting

from npulint.opsets import load_target

SAMPLED = ("nnapi-1.1", "nnapi-1.3", "nnapi-fl7+accelerator")
ALL = tuple(
    f"nnapi-{level}{named}"
    for level in ("1.0", "1.1", "1.2", "1.3", "fl5", "fl6", "fl7")
    for named in ("", "+accelerator")
)
OPERATORS = tuple(load_target("nnapi-1.3").entries)


def _targets(full: bool) -> tuple[str, ...]:
    return ALL if full else SAMPLED


@pytest.mark.parametrize("op", OPERATORS)
def test_what_meets_every_condition_is_accepted(op: str, full: bool) -> None:
    for name in _targets(full):
        check_meeting(load_target(name), op)


@pytest.mark.parametrize("op", OPERATORS)
def test_what_breaks_a_condition_is_refused_for_it(op: str, full: bool) -> None:
    for name in _targets(full):
        check_breaking(load_target(name), op)
