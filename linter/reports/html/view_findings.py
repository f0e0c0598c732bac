"""Findings as the page shows them: rule by rule, alike ones as one."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeAlias

from npulint.reports import citation
from npulint.reports.grouping import Group, grouped
from npulint.reports.rule_pages import advice
from npulint.reports.wording import printable
from npulint.rules import find_rule

if TYPE_CHECKING:
    from npulint.finding import Evidence, Finding, Severity
    from npulint.reports.html.gather import Gathered

Source: TypeAlias = "tuple[citation.Part, ...]"

_PLACES_SHOWN = 12
_OPERATORS_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows a finding, and where it is written down."""

    message: str
    source: Source


@dataclass(frozen=True, slots=True)
class Entry:
    """Findings that say the same.

    Attributes:
        code: Their rule's code.
        rule: Its name.
        severity: How grave they are.
        unknown: Whether the rule cannot tell.
        ops: The operators that they are about, with how many findings are about each.
        more_ops: How many further operators there are.
        number: How many findings.
        message: What they say.
        where: Which nodes they are about, in words.
        targets: Names of the targets that they are about.
        keys: Positions of those in the whole report.
        who: Who runs the nodes.
        places: Graph, node and target of each finding that is about a node.
        proofs: What shows it.
        fixes: Names of cures.
        command: The command that rewrites the model, None where there is nothing to cure.
        by: What has silenced them, empty where nothing has.
        reason: Why.
        until: The last day on which they are silenced, empty for ever.
    """

    code: str
    rule: str
    severity: Severity
    unknown: bool
    ops: tuple[tuple[str, int], ...]
    more_ops: int
    number: int
    message: str
    where: str
    targets: tuple[str, ...]
    keys: tuple[int, ...]
    who: tuple[str, ...]
    places: tuple[tuple[int, int, int], ...]
    proofs: tuple[Proof, ...]
    fixes: tuple[str, ...]
    command: str | None
    by: str = ""
    reason: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class RuleView:
    """One rule and all that it found.

    Attributes:
        code: Its code.
        name: Its name.
        severity: The gravest severity among its findings.
        summary: What it finds.
        why: Why that matters.
        advice: What to do.
        number: How many findings.
        entries: The findings.
    """

    code: str
    name: str
    severity: Severity
    summary: str
    why: str
    advice: str
    number: int
    entries: tuple[Entry, ...]


def by_rule(findings: Iterable[Finding]) -> dict[tuple[str, str], list[Group]]:
    """Groups of findings by code and name of their rule, the gravest first."""
    rules: dict[tuple[str, str], list[Group]] = {}
    for group in _alike(findings):
        rules.setdefault((group.first.code, group.first.rule), []).append(group)
    return rules


def _alike(findings: Iterable[Finding]) -> Iterator[Group]:
    """Findings that say the same, of whichever operators they say it."""
    joined: dict[tuple[str, str, str, bool], list[Group]] = {}
    for group in grouped(findings):
        first = group.first
        key = (first.severity, first.code, _without_op(first), first.unknown)
        joined.setdefault(key, []).append(group)
    for groups in joined.values():
        those = tuple(each for group in groups for each in group.findings)
        targets = dict.fromkeys(target for group in groups for target in group.targets)
        yield Group(those, tuple(targets))


def _without_op(finding: Finding) -> str:
    return finding.message.removeprefix(f"{finding.op}: ")


def rule_views(
    rules: dict[tuple[str, str], list[Group]], gathered: Gathered, targets: Sequence[str]
) -> tuple[RuleView, ...]:
    """Say what each rule found."""
    return tuple(
        RuleView(
            code,
            name,
            groups[0].first.severity,
            *_about(code),
            sum(len(group.findings) for group in groups),
            tuple(_entry(group, gathered, targets) for group in groups),
        )
        for (code, name), groups in rules.items()
    )


def _about(code: str) -> tuple[str, str, str]:
    """What a rule finds, why it matters and what to do."""
    rule = find_rule(code)
    return ("", "", "") if rule is None else advice(rule)


def silenced(gathered: Gathered, targets: Sequence[str]) -> tuple[Entry, ...]:
    """The findings that the user has accepted, those with one reason together."""
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for each in gathered.result.silenced:
        alike.setdefault((each.by, each.reason, each.until or ""), []).append(each.finding)
    return tuple(
        _entry(group, gathered, targets, by, printable(reason), until)
        for (by, reason, until), findings in alike.items()
        for group in _alike(findings)
    )


def _entry(
    group: Group, gathered: Gathered, targets: Sequence[str], by: str = "", *told: str
) -> Entry:
    first = group.first
    ops = Counter(printable(each.op) for each in group.findings if each.op)
    places = tuple(_places(group, gathered))
    reason, until = told or ("", "")
    return Entry(
        first.code,
        first.rule,
        first.severity,
        first.unknown,
        tuple(ops.most_common(_OPERATORS_SHOWN)),
        max(len(ops) - _OPERATORS_SHOWN, 0),
        len(group.findings),
        printable(_without_op(first)),
        group.where(_PLACES_SHOWN),
        tuple(map(printable, group.targets)),
        tuple(targets.index(printable(each)) for each in group.targets),
        tuple(sorted({gathered.targets[t].who[g][n] for g, n, t in places if t >= 0})),
        places,
        tuple(_proofs(group)),
        tuple(dict.fromkeys(printable(fix) for each in group.findings for fix in each.fixes)),
        None if by else _command(group, gathered),
        by,
        reason,
        until,
    )


def _places(group: Group, gathered: Gathered) -> Iterator[tuple[int, int, int]]:
    numbers = {each.result.target.name: n for n, each in enumerate(gathered.targets)}
    for each in group.findings:
        target = -1 if each.target is None else numbers[each.target]
        if each.graph is not None:
            nodes = each.nodes if each.index is None else (each.index,)
            yield from ((each.graph, index, target) for index in nodes)


def _proofs(group: Group) -> Iterator[Proof]:
    shown: dict[Evidence, None] = dict.fromkeys(
        proof for each in group.findings for proof in each.evidence
    )
    for proof in shown:
        told = proof.message in group.first.message
        yield Proof(
            "" if told else printable(proof.message), citation.parts(printable(proof.source))
        )


def _command(group: Group, gathered: Gathered) -> str | None:
    """The command line that looks for a cure; None where none is called for."""
    path = PurePath(gathered.result.path)
    curable = any(each.fixes or _refused(each, gathered) for each in group.findings)
    if not curable or not str(path).isprintable():
        return None
    written = path.with_name(f"{path.stem}.fixed{path.suffix}")
    words = ["npulint", "fix", str(path), "-o", str(written)]
    for target in group.targets:
        words += ["-t", target]
    return shlex.join(words)


def _refused(finding: Finding, gathered: Gathered) -> bool:
    """Whether it is about a node that its target refuses, which `npulint fix` is for."""
    if finding.graph is None or finding.index is None:
        return False
    return any(
        each.result.verdicts[finding.graph][finding.index].status == "unsupported"
        for each in gathered.targets
        if each.result.target.name == finding.target
    )
