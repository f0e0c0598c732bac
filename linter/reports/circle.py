"""The whole circle of reference networks, drawn below the rows of `npulint models validate`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from npulint.reports import matrix
from npulint.reports.device import milliseconds
from npulint.reports.wording import columns, plural, printable
from npulint.reports.wrapping import Layout, wrapped

if TYPE_CHECKING:
    from npulint.device.circle import Circle, Leg


def circles_text(circles: Sequence[Circle], layout: Layout) -> str:
    """Draw circles as text, ending in a newline."""
    return "".join(f"{line}\n" for circle in circles for line in ("", *_lines(circle, layout)))


def _lines(circle: Circle, layout: Layout) -> Iterator[str]:
    fixed = circle.fixed
    yield layout.style.bold(printable(circle.path.name))
    rows = []
    after = {} if fixed.after is None else {each.target.name: each for each in fixed.after.targets}
    for target in fixed.before.targets:
        name = target.target.name
        now = after.get(name)
        row = (name, matrix.cell(target), "" if now is None else f"then {matrix.cell(now)}")
        rows.append(row)
    yield from columns(rows, "  ")
    if fixed.held_back:
        yield wrapped(f"nothing was written: {printable(fixed.held_back)}", layout, "  ", "    ")
    elif fixed.written is None:
        yield "  nothing to rewrite"
    elif fixed.comparison is not None:
        worst = _furthest(circle)
        told = f", to {worst:.1g} of the range" if worst else ""
        yield f"  the rewritten model computes the same{told}"
    yield from columns([_row(leg) for leg in circle.legs], "  ")
    for remark in circle.remarks:
        yield layout.style.warn(wrapped(printable(remark), layout, "  ", "    "))


def _furthest(circle: Circle) -> float | None:
    """The largest difference of the rewritten model, as a share of an output's range."""
    comparison = circle.fixed.comparison
    found = [
        each.max_relative
        for output in (() if comparison is None else comparison.outputs)
        for each in output.differences
        if each is not None and math.isfinite(each.max_relative)
    ]
    return max(found, default=None)


def _row(leg: Leg) -> tuple[str, ...]:
    if leg.error is None:
        error = ""
    elif math.isfinite(leg.error):
        error = f"off by {leg.error:.2g} of the range"
    else:
        error = "another output"
    return (
        leg.which,
        printable(leg.where),
        f"{leg.taken} of {plural(leg.nodes, 'node')} there",
        "" if leg.latency is None else milliseconds(leg.latency),
        error,
        "" if leg.fault is None else f"failed: {printable(leg.fault)}",
    )


def _is_finite(number: float | None) -> bool:
    return number is not None and math.isfinite(number)


def circle_json(circle: Circle) -> dict[str, Any]:
    """One circle as plain data."""
    fixed = circle.fixed
    return {
        "before": matrix.shares(fixed.before),
        "after": None if fixed.after is None else matrix.shares(fixed.after),
        "written": fixed.written is not None,
        "held_back": fixed.held_back or None,
        "same": None if fixed.comparison is None else fixed.comparison.same,
        "max_relative": _furthest(circle),
        "legs": [
            {
                "which": leg.which,
                "where": leg.where,
                "taken": leg.taken,
                "nodes": leg.nodes,
                "latency_us": leg.latency,
                "max_relative": leg.error if _is_finite(leg.error) else None,
                "another_output": leg.error is not None and not _is_finite(leg.error),
                "fault": leg.fault,
            }
            for leg in circle.legs
        ],
        "remarks": list(circle.remarks),
    }
