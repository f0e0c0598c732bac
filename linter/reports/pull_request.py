"""The report as Markdown, made for a comment on a pull request or for a job's summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from npulint.finding import fails
from npulint.reports import markdown
from npulint.reports.grouping import Group, grouped
from npulint.reports.text_findings import counted
from npulint.reports.wording import of_unit, plural, printable, share, size

if TYPE_CHECKING:
    from npulint.finding import FailOn, ModelResult, Report, TargetResult

_NODES_SHOWN = 8
_LONGEST = 65_000
"""Characters of a comment: GitHub takes 65,536 (the API refuses a longer body)."""


def render(report: Report, fail_on: FailOn) -> str:
    """Draw a report as Markdown, ending in a newline.

    What would not fit into a comment is left out from the end, and a last line says how much.
    """
    blocks = ["## npulint", _closing(report, fail_on), *(f"> {note}" for note in report.notes)]
    if len(report.models) > 1:
        blocks.append("\n".join(markdown.table(list(_overview(report)))))
    for result in report.models:
        blocks += _model(result, result.fail_on or fail_on)
    if report.findings:
        groups = grouped(report.findings)
        blocks += ["### What was accepted", "\n".join(line for g in groups for line in _group(g))]
    return _cut(blocks)


def _cut(blocks: Sequence[str]) -> str:
    kept: list[str] = []
    length = 0
    for number, block in enumerate(blocks):
        length += len(block) + 2
        if length > _LONGEST:
            left = len(blocks) - number
            kept.append(f"*{plural(left, 'section')} more would not fit into a comment.*")
            break
        kept.append(block)
    return "\n\n".join(kept) + "\n"


def _closing(report: Report, fail_on: FailOn) -> str:
    found = list(report.all_findings())
    mark = ":x:" if report.fails(fail_on) or report.failed else ":white_check_mark:"
    codes = {
        noun: Counter(each.code for each in found if each.severity == severity)
        for severity, noun in (("error", "error"), ("warning", "warning"))
    }
    said = [counted(those, noun) for noun, those in codes.items()]
    silenced = sum(len(result.silenced) for result in report.models)
    if silenced:
        said.append(f"{silenced} accepted")
    unread = sum(result.error is not None for result in report.models)
    if unread:
        said.append(f"{unread} unreadable")
    return f"{mark} **{plural(len(report.models), 'model')}**: {', '.join(said)}"


def _overview(report: Report) -> Iterator[list[str]]:
    """Models against targets: the share of nodes that is handed over."""
    names = list(dict.fromkeys(t.target.name for r in report.models for t in r.targets))
    yield ["model", *(markdown.code(name) for name in names)]
    for result in report.models:
        by_name = {each.target.name: each for each in result.targets}
        cells = [_share(by_name[name]) if name in by_name else "" for name in names]
        yield [_path(result), *(cells if result.error is None else ["unreadable"] * len(names))]


def _share(result: TargetResult) -> str:
    return "?" if result.target.partitioning is None else share(result.node_share)


def _path(result: ModelResult) -> str:
    return markdown.code(printable(str(result.path)))


def _model(result: ModelResult, fail_on: FailOn) -> Iterator[str]:
    yield f"### {_path(result)}"
    if result.error is not None or result.summary is None:
        yield f":x: {markdown.text(printable(result.error or ''))}"
        return
    summary = result.summary
    yield (
        f"{plural(summary.nodes, 'node')}, {of_unit(summary.macs, 'MAC')}, "
        f"{plural(summary.parameters, 'parameter')}, "
        f"peak activations {size(summary.peak_activation_bytes)}"
    )
    yield "\n".join(markdown.table(list(_targets(result))))
    groups = grouped(result.findings)
    bad = [each for each in groups if fails(each.first, fail_on)]
    mild = [each for each in groups if not fails(each.first, fail_on)]
    if bad:
        yield "\n".join(line for group in bad for line in _group(group))
    if mild:
        inside = "\n".join(line for group in mild for line in _group(group))
        noun = "further finding" if bad else "finding"
        title = f"{plural(len(mild), noun)} that {'fails' if len(mild) == 1 else 'fail'} nothing"
        yield f"<details><summary>{title}</summary>\n\n{inside}\n\n</details>"
    if result.silenced:
        reasons = Counter(each.reason or "in the baseline" for each in result.silenced)
        inside = "\n".join(f"- {markdown.text(printable(why))}: {n}" for why, n in reasons.items())
        yield (
            f"<details><summary>{len(result.silenced)} accepted</summary>\n\n{inside}\n\n</details>"
        )


def _targets(result: ModelResult) -> Iterator[list[str]]:
    yield ["target", "handed over", "MACs there", "pieces", "refused", "unknown"]
    for each in result.targets:
        verdicts = [verdict for graph in each.verdicts for verdict in graph]
        known = each.target.partitioning is not None
        pieces = sum(piece.handed_over and piece.runs_on != "cpu" for piece in each.partitions)
        yield [
            markdown.code(each.target.name),
            _share(each),
            share(each.coverage.macs) if known else "?",
            str(pieces) if known else "?",
            str(sum(verdict.status == "unsupported" for verdict in verdicts)),
            str(sum(verdict.status == "unknown" for verdict in verdicts)),
        ]


def _group(group: Group) -> Iterator[str]:
    first = group.first
    word = "unknown" if first.unknown else first.severity
    where = group.where(_NODES_SHOWN)
    about = f" on {', '.join(map(markdown.code, group.targets))}" if group.targets else ""
    message = markdown.text(printable(first.message))
    yield f"- **{word}** {first.code}{about}: {message}{where and f' ({where})'}"
    for each in dict.fromkeys(each.source for each in first.evidence):
        yield f"  <br><sub>{markdown.source(printable(each))}</sub>"
    if first.fixes:
        yield f"  <br>`npulint fix` may rewrite it: {', '.join(map(markdown.code, first.fixes))}"
