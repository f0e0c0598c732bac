"""Models by targets: how much of each model each target takes, at a glance."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from npulint.reports.wording import columns, plural, printable, share

if TYPE_CHECKING:
    from npulint.finding import ModelResult, Report, TargetResult
    from npulint.reports.wrapping import Layout

_NOT_ASKED = "-"

LEGEND = "share of nodes / of multiply-accumulates handed over, pieces on the accelerator"
"""What stands in a cell."""


def render_text(report: Report, layout: Layout, fixed: Report | None = None) -> str:
    """Draw one row a model and one column a target, ending in a newline.

    Args:
        report: The models as they are.
        layout: For what it is drawn.
        fixed: The same models rewritten, to be shown beside them.
    """
    names = target_names(report)
    rows = [["model", *names]]
    for before, after in _pairs(report, fixed):
        cells = {each.target.name: cell(each) for each in before.targets}
        for each in after.targets if after else ():
            old, new = cells[each.target.name], cell(each)
            cells[each.target.name] = old if old == new else f"{old} -> {new}"
        rows.append([printable(str(before.path)), *(cells.get(n, _NOT_ASKED) for n in names)])
    table = columns(rows, indent="")
    lines = [layout.style.dim(table[0]), *table[1:], ""]
    lines.append(LEGEND)
    lines += [f"note: {note}" for note in report.notes]
    return "\n".join(lines) + "\n"


def render_json(report: Report, fixed: Report | None = None) -> str:
    """Draw one object a model, ending in a newline; `fixed` is what a rewrite makes of it."""
    later = {} if fixed is None else {each.path: each for each in fixed.models}
    rows = [_row(result) for result in report.models]
    for row, before in zip(rows, report.models, strict=True):
        after = later.get(before.path)
        if fixed is not None:
            row["fixed"] = None if after is None else shares(after)
    return json.dumps(rows) + "\n"


def _pairs(
    report: Report, fixed: Report | None
) -> Iterator[tuple[ModelResult, ModelResult | None]]:
    """Each readable model, and the same rewritten."""
    later = {} if fixed is None else {each.path: each for each in fixed.models}
    for result in report.models:
        if result.error is None:
            yield result, later.get(result.path)


def target_names(report: Report) -> list[str]:
    """The targets that any model was asked about, in the order asked."""
    return list(dict.fromkeys(each.target.name for r in report.models for each in r.targets))


def pieces(result: TargetResult) -> int:
    """How many pieces the accelerator gets."""
    return sum(piece.handed_over and piece.runs_on != "cpu" for piece in result.partitions)


def cell(result: TargetResult) -> str:
    """What one target makes of one model, in a few words."""
    if result.target.partitioning is None:
        verdicts = [verdict for graph in result.verdicts for verdict in graph]
        taken = sum(verdict.status == "supported" for verdict in verdicts)
        return f"takes {taken:,} of {len(verdicts):,}, cut unknown"
    perhaps = "perhaps " if result.in_doubt else ""
    count = f"{perhaps}{plural(pieces(result), 'piece')}"
    return f"{share(result.node_share)} / {share(result.coverage.macs)}, {count}"


def _row(result: ModelResult) -> dict[str, Any]:
    return {
        "path": str(result.path),
        "error": result.error,
        "targets": shares(result),
    }


def shares(result: ModelResult) -> dict[str, Any]:
    """What each target makes of one model, in numbers."""
    return {
        each.target.name: {
            "nodes": each.coverage.nodes,
            "macs": each.coverage.macs,
            "pieces": pieces(each),
        }
        for each in result.targets
    }
