"""What the rules say beyond verdicts and pieces, as a section of the text report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from npulint.reports.grouping import Group, grouped
from npulint.reports.wording import count, plural, printable
from npulint.reports.wrapping import wrapped

if TYPE_CHECKING:
    from npulint.finding import Finding, ModelResult, Report, Severity
    from npulint.reports.wrapping import Layout

_NODES_SHOWN = 8
"""Entries of a group's node list without -v."""

_TOLD_ELSEWHERE = frozenset(
    {
        "refused-operator", "undecided-operator", "undelegated-model", "hidden-fallback",
        "possible-fallback", "slow-operator", "wrong-result", "islands-worth-joining",
        "left-behind-operator",
    }
)  # fmt: skip
"""Rules whose findings are what a target's own section says in more detail."""


def findings(result: ModelResult, layout: Layout) -> Iterator[str]:
    """Draw the findings of a model that no other section tells, equal ones as one."""
    groups = grouped(each for each in result.findings if each.rule not in _TOLD_ELSEWHERE)
    accepted = list(_accepted(result, layout))
    if not groups and not accepted:
        return
    yield ""
    yield f"  {layout.style.bold('findings')}"
    for group in groups:
        yield from _group(group, layout)
    yield from accepted


def _accepted(result: ModelResult, layout: Layout) -> Iterator[str]:
    """What suppressions silence, with the reasons; the baseline gives none."""
    reasons = [each for each in result.silenced if each.by == "suppression"]
    alike = Counter((each.finding.code, each.reason, each.until) for each in reasons)
    for (code, reason, until), number in alike.items():
        times = f" ×{count(number)}" if number > 1 else ""
        said = f"{code}{times}: {printable(reason)}{f' (until {until})' if until else ''}"
        yield wrapped(f"{layout.style.dim('accepted')}  {said}", layout, "    ", "      ")


def about_the_run(report: Report, layout: Layout) -> Iterator[str]:
    """Draw what is found of suppressions and the baseline, as a section of its own."""
    if report.findings:
        yield layout.style.bold("what was accepted")
        for group in grouped(report.findings):
            yield from _group(group, layout)
        yield ""


def _group(group: Group, layout: Layout) -> Iterator[str]:
    first = group.first
    where = group.where(None if layout.verbose else _NODES_SHOWN)
    said = f"{_word(first, layout)}  {first.code} {printable(first.message)}"
    if where:
        said += f" ({where})"
    if group.targets:
        said += f" [{', '.join(group.targets)}]"
    yield wrapped(said, layout, "    ", "      ")
    if layout.verbose:
        shown = dict.fromkeys(piece for each in group.findings for piece in each.evidence)
        for piece in shown:
            if piece.message not in first.message:
                yield wrapped(printable(piece.message), layout, "        ", "        ")
            yield layout.style.dim(f"        [{piece.source}]")


def _word(finding: Finding, layout: Layout) -> str:
    if finding.unknown:
        return layout.style.warn("unknown")
    style = {
        "error": layout.style.error,
        "warning": layout.style.warn,
        "info": layout.style.dim,
    }[finding.severity]
    return style(finding.severity)


def closing(report: Report, layout: Layout) -> str:
    """The last line: how many models, and what was found by which rules."""
    errors, warnings = _by_code(report, "error"), _by_code(report, "warning")
    unread = sum(result.error is not None for result in report.models)
    silenced = sum(len(result.silenced) for result in report.models)
    said = [plural(len(report.models), "model"), counted(errors, "error")]
    said.append(counted(warnings, "warning"))
    if silenced:
        said.append(f"{count(silenced)} accepted by suppressions or the baseline")
    if unread:
        said.append(f"{unread} unreadable")
    text = ", ".join(said)
    return layout.style.error(text) if errors or unread else layout.style.good(text)


def _by_code(report: Report, severity: Severity) -> Counter[str]:
    """How often each rule found something of a severity, by code."""
    return Counter(each.code for each in report.all_findings() if each.severity == severity)


def counted(codes: Counter[str], noun: str) -> str:
    """`4 errors (NPU101)`: the codes are what `npulint explain` takes."""
    said = plural(codes.total(), noun)
    return f"{said} ({', '.join(sorted(codes))})" if codes else said
