"""What the rules say beyond verdicts and pieces, as a section of the text report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from npulint.reports.wording import count, plural, printable, ranges
from npulint.reports.wrapping import wrapped

if TYPE_CHECKING:
    from npulint.finding import Finding, ModelResult, Report, Severity
    from npulint.reports.wrapping import Layout

_NODES_SHOWN = 8
"""Entries of a group's node list without -v."""

_TOLD_ELSEWHERE = frozenset(
    {"refused-operator", "undecided-operator", "undelegated-model", "left-behind-operator"}
)
"""Rules whose findings are what a target's own section says in more detail."""


def findings(result: ModelResult, layout: Layout) -> Iterator[str]:
    """Draw the findings of a model that no other section tells, equal ones as one."""
    groups: dict[tuple[str, str, str, bool], list[Finding]] = {}
    for each in result.findings:
        if each.rule not in _TOLD_ELSEWHERE:
            key = (each.code, each.severity, each.message, each.unknown)
            groups.setdefault(key, []).append(each)
    if not groups:
        return
    yield ""
    yield f"  {layout.style.bold('findings')}"
    for alike in groups.values():
        yield from _group(alike, layout)


def _group(alike: list[Finding], layout: Layout) -> Iterator[str]:
    first = alike[0]
    places = sorted({(each.graph, index) for each in alike for index in each.nodes})
    targets = list(dict.fromkeys(each.target for each in alike if each.target is not None))
    said = f"{_word(first, layout)}  {first.code} {printable(first.message)}"
    if places:
        said += f" ({_where(places, layout)})"
    if targets:
        said += f" [{', '.join(targets)}]"
    yield wrapped(said, layout, "    ", "      ")
    if layout.verbose:
        shown = dict.fromkeys(piece for each in alike for piece in each.evidence)
        for piece in shown:
            if piece.message not in first.message:
                yield wrapped(printable(piece.message), layout, "        ", "        ")
            yield layout.style.dim(f"        [{piece.source}]")


def _where(places: list[tuple[int | None, int]], layout: Layout) -> str:
    """`nodes 3, 7-9`, and of which graph where it is not the main one."""
    said = []
    for graph in dict.fromkeys(graph for graph, _ in places):
        indexes = [index for number, index in places if number == graph]
        limit = None if layout.verbose else _NODES_SHOWN
        where = f"{'node' if len(indexes) == 1 else 'nodes'} {ranges(indexes, limit)}"
        said.append(f"{where} of graph {graph}" if graph else where)
    return "; ".join(said)


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
    said = [plural(len(report.models), "model"), _counted(errors, "error")]
    said.append(_counted(warnings, "warning"))
    if silenced:
        said.append(f"{count(silenced)} accepted by suppressions or the baseline")
    if unread:
        said.append(f"{unread} unreadable")
    text = ", ".join(said)
    return layout.style.error(text) if errors or unread else layout.style.good(text)


def _by_code(report: Report, severity: Severity) -> Counter[str]:
    """How often each rule found something of a severity, by code."""
    return Counter(f.code for r in report.models for f in r.findings if f.severity == severity)


def _counted(codes: Counter[str], noun: str) -> str:
    """`4 errors (NPU101)`: the codes are what `npulint explain` takes."""
    said = plural(codes.total(), noun)
    return f"{said} ({', '.join(sorted(codes))})" if codes else said
