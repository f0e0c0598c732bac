"""What operations made from an entry's own conditions must be told by its target."""

from __future__ import annotations

from table_operations import Search

from npulint.opsets.reduction import reduced
from npulint.opsets.table import Entry, Rule, Target
from npulint.opsets.vocabulary import All, Never
from npulint.verdict import Verdict, judge


def check_meeting(target: Target, op: str) -> None:
    """What meets every condition is supported, unless the table says that nothing is."""
    entry = target.entries[op]
    operation = Search(entry).meeting_all()
    if any(rule.when is None and reduced(rule.condition) is False for rule in entry.require):
        assert operation is None, f"{target.name} has no {op} at all"
        return
    assert operation is not None, f"nothing meets {target.name}:{op}"
    verdict = judge(operation, target)
    refused, unbuildable = _closing(entry.require), _closing(entry.build)
    expected = ("unsupported", "refused") if refused else ("unsupported", "accepted")
    if not refused and not unbuildable:
        expected = ("supported", "accepted")
    assert (verdict.status, verdict.validation) == expected
    assert [reason.constraint for reason in verdict.reasons] == (refused or unbuildable)


def check_breaking(target: Target, op: str) -> None:
    """What breaks one condition is refused for it, and for nothing else where that can be."""
    entry = target.entries[op]
    for rule in entry.require:
        verdict, alone = _broken(target, entry, rule)
        assert verdict.validation == ("refused" if rule.refuses else "unknown")
        _check_reasons(verdict, rule, alone)
    for rule in entry.build if not _closing(entry.require) else ():
        verdict, alone = _broken(target, entry, rule)
        if not alone:
            assert verdict.status != "supported"
            continue
        assert verdict.validation == "accepted"
        assert verdict.status == ("unsupported" if rule.refuses else "unknown")
        _check_reasons(verdict, rule, alone)


def check_cautions(target: Target, op: str) -> None:
    """Each caution is given where it applies, and not where it does not."""
    entry = target.entries[op]
    for advice in entry.cautions if not _closing((*entry.require, *entry.build)) else ():
        where = All(()) if advice.when is None else advice.when
        operation = Search(entry).meeting_also(where)
        assert operation is not None, f"{target.name}:{op} never cautions: {advice.say}"
        given = {caution.message: caution.source for caution in judge(operation, target).cautions}
        assert given[advice.say] == advice.source
        if advice.when is not None:
            operation = Search(entry).meeting_also(advice.when.negated())
            assert operation is not None, f"{target.name}:{op} always cautions: {advice.say}"
            assert advice.say not in {c.message for c in judge(operation, target).cautions}


def _broken(target: Target, entry: Entry, rule: Rule) -> tuple[Verdict, bool]:
    found = Search(entry).breaking(rule)
    assert found is not None, f"nothing breaks {target.name}: {rule.identity}"
    operation, alone = found
    return judge(operation, target), alone


def _check_reasons(verdict: Verdict, rule: Rule, alone: bool) -> None:
    reasons = {reason.constraint: reason for reason in verdict.reasons}
    assert rule.identity in reasons
    assert reasons[rule.identity].source == rule.source
    assert reasons[rule.identity].kind == rule.kind
    if alone:
        assert list(reasons) == [rule.identity]


def _closing(rules: tuple[Rule, ...]) -> list[str]:
    """The rules that no operation meets, in the table's own words."""
    return [rule.identity for rule in rules if isinstance(rule.condition, Never)]
