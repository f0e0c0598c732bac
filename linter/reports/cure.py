"""What a rewrite came to: the choices, the proof, and each target before and after."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from npulint.reports import change as comparing
from npulint.reports.text import Layout, wrapped
from npulint.reports.wording import of_unit, plural, printable, ranges

if TYPE_CHECKING:
    from npulint.cure import FixResult
    from npulint.fixers.choice import Alternative, Choice
    from npulint.verification import Comparison

_NODES_SHOWN = 8


def render_text(result: FixResult, layout: Layout) -> str:
    """Draw the result for a terminal, ending in a newline."""
    lines = [layout.style.bold(printable(str(result.before.path)))]
    lines += _choices(result, layout)
    if result.comparison is not None:
        lines.append(wrapped(_proof(result.comparison), layout, "  ", "    "))
    if result.after is not None:
        text = comparing.render_text(comparing.compare(result.before, result.after), layout)
        lines += ["", *text.rstrip("\n").split("\n")[1:]]
    lines += ["", _closing(result, layout)]
    return "\n".join(lines) + "\n"


def _choices(result: FixResult, layout: Layout) -> Iterator[str]:
    """Nodes that were decided alike, and the ways that lost with their reasons."""
    groups: dict[tuple[str, str | None, str], list[Choice]] = {}
    for choice in result.choices:
        groups.setdefault((choice.op, choice.realisation, choice.why), []).append(choice)
    for (op, way, why), choices in groups.items():
        limit = None if layout.verbose else _NODES_SHOWN
        shown = ranges((index for choice in choices for index in choice.nodes), limit)
        where = f"{printable(op)} ×{len(choices)} (nodes {shown})"
        if way is None:
            yield wrapped(f"left as it is: {where}: {printable(why)}", layout, "  ", "    ")
        else:
            yield wrapped(
                f"{where} -> {layout.style.good(way)} ({_described(choices[0].chosen)})",
                layout,
                "  ",
                "    ",
            )
        lost = Counter((a.name, a.lost) for c in choices for a in c.alternatives if a.lost)
        for name, reason in dict(lost):
            if layout.verbose or way is None or not reason.startswith("taken as well"):
                yield wrapped(f"not {name}: {printable(reason)}", layout, "    ", "      ")


def _described(chosen: Alternative | None) -> str:
    if chosen is None:
        return ""
    return f"{chosen.exactness}; {chosen.note}" if chosen.note else chosen.exactness


def _proof(comparison: Comparison) -> str:
    worst = max(
        (d.max_relative for output in comparison.outputs for d in output.differences if d),
        default=0.0,
    )
    verdict = "computes the same" if comparison.same else "does not compute the same"
    return (
        f"run against the original on {plural(len(comparison.samples), 'sample')} in "
        f"{comparison.runtimes[1]}: it {verdict}; the largest error is {worst:.2g} of the range"
    )


def _closing(result: FixResult, layout: Layout) -> str:
    if result.held_back:
        return layout.style.error(f"nothing written: {result.held_back}")
    if result.written is not None:
        state = "nothing is refused any more" if result.complete else "some stays refused"
        return layout.style.good(f"written to {printable(str(result.written))}; {state}")
    if result.after is None:
        return "nothing to rewrite" if result.complete else "nothing that the catalogue can rewrite"
    return "nothing written, as asked"


def render_json(result: FixResult) -> str:
    """Draw the result as one JSON object, ending in a newline."""
    change = None
    if result.after is not None:
        change = json.loads(comparing.render_json(comparing.compare(result.before, result.after)))
    document: dict[str, Any] = {
        "path": str(result.before.path),
        "written": str(result.written) if result.written else None,
        "held_back": result.held_back or None,
        "complete": result.complete,
        "choices": [_choice(choice) for choice in result.choices],
        "comparison": _comparison(result.comparison),
        "change": change,
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n"


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "graph": choice.graph,
        "nodes": list(choice.nodes),
        "op": choice.op,
        "macs": choice.macs,
        "before": dict(choice.before),
        "realisation": choice.realisation,
        "why": choice.why or None,
        "alternatives": [
            {
                "name": each.name,
                "exactness": each.exactness,
                "macs": each.macs,
                "nodes": each.nodes,
                "bytes": each.bytes,
                "note": each.note or None,
                "outcome": dict(each.outcome) if each.outcome is not None else None,
                "lost": each.lost or None,
            }
            for each in choice.alternatives
        ],
    }


def _comparison(found: Comparison | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "same": found.same,
        "runtimes": list(found.runtimes),
        "samples": len(found.samples),
        "outputs": [
            {
                "name": output.pair.a.name,
                "same": output.same,
                "max_absolute": max((d.max_absolute for d in output.differences if d), default=0.0),
                "max_relative": _finite(
                    max((d.max_relative for d in output.differences if d), default=0.0)
                ),
                "psnr": _finite(min((d.psnr for d in output.differences if d), default=0.0)),
            }
            for output in found.outputs
        ],
    }


def _finite(number: float) -> float | None:
    """JSON has no infinity: an error without range and a PSNR without error are null."""
    return number if abs(number) < float("inf") else None


def summary(result: FixResult) -> str:
    """One line for a list of files."""
    ways = Counter(choice.realisation for choice in result.choices if choice.realisation)
    said = ", ".join(f"{name} ×{number}" for name, number in ways.most_common()) or "nothing"
    macs = result.result.summary.macs if result.result.summary else None
    return f"{printable(str(result.before.path))}: {said}; {of_unit(macs, 'MAC')}"
