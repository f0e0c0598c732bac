"""Every condition of the NNAPI table decides something: operations made from its own entries."""

from __future__ import annotations

import pytest
from table_operations import Search

from npulint.opsets import load_target
from npulint.opsets.reduction import reduced
from npulint.verdict import judge

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
        target = load_target(name)
        entry = target.entries[op]
        closed = any(
            rule.when is None and reduced(rule.condition) is False for rule in entry.require
        )
        operation = Search(entry).meeting_all()
        if closed:
            assert operation is None, f"{name} has no {op} at all"
            continue
        assert operation is not None, f"nothing meets {name}:{op}"
        verdict = judge(operation, target)
        assert (verdict.status, verdict.validation) == ("supported", "accepted")
        assert verdict.reasons == ()


@pytest.mark.parametrize("op", OPERATORS)
def test_what_breaks_a_condition_is_refused_for_it(op: str, full: bool) -> None:
    for name in _targets(full):
        target = load_target(name)
        entry = target.entries[op]
        for rule in entry.require:
            found = Search(entry).breaking(rule)
            assert found is not None, f"nothing breaks {name}: {rule.identity}"
            operation, alone = found
            verdict = judge(operation, target)
            assert verdict.validation == "refused"
            reasons = {reason.constraint: reason for reason in verdict.reasons}
            assert rule.identity in reasons
            assert reasons[rule.identity].source == rule.source
            assert reasons[rule.identity].kind == rule.kind
            if alone:
                assert list(reasons) == [rule.identity]
