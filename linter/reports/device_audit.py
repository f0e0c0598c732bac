"""What `npulint device audit` finds: as text, and as JSON (`audit.schema.json` beside this)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from npulint.reports.device_json import Json, head, text
from npulint.reports.wording import columns, plural, printable, ranges, share
from npulint.reports.wrapping import Layout, wrapped

if TYPE_CHECKING:
    from npulint.device.audit import Audit, Tally

_WRONG = {"yes": "false yes", "no": "false no"}


def render_text(audit: Audit, layout: Layout) -> str:
    """Draw an audit as text, ending in a newline."""
    return "\n".join([*_lines(audit, layout), ""])


def _lines(audit: Audit, layout: Layout) -> Iterator[str]:
    style, prediction, tally = layout.style, audit.prediction, audit.tally()
    yield style.bold(
        f"{printable(str(prediction.model))}: what {prediction.target} was said to take"
    )
    for run in audit.runs:
        yield wrapped(f"beside {printable(run)}", layout, "  ", "    ")
    yield from columns(
        [
            ("", "on the accelerator", "on the CPU"),
            ("said yes", str(tally.true_yes), str(tally.false_yes)),
            ("said no", str(tally.false_no), str(tally.true_no)),
        ],
        "  ",
    )
    if tally.abstained:
        yield f"  of {plural(tally.abstained, 'node')} nothing was predicted"
    if tally.unobserved:
        yield f"  of {plural(tally.unobserved, 'node')} it is not proved who ran them"
    yield (
        f"  precision {share(tally.precision)}, recall {share(tally.recall)}, "
        f"false yes {share(tally.false_yes_rate)}"
    )
    groups: dict[tuple[str, str], list[int]] = {}
    for held in audit.wrong:
        groups.setdefault((held.says, held.node.op), []).append(held.node.index)
    for (says, op), indexes in groups.items():
        text = (
            f"{_WRONG[says]}  {printable(op)}  {plural(len(indexes), 'node')} {ranges(indexes, 8)}"
        )
        yield style.error(wrapped(text, layout, "  ", "    "))
    if layout.verbose:
        yield from columns([_HEADER, *_operators(audit)], "  ")


_HEADER = ("operator", "true yes", "false yes", "false no", "true no", "not said", "not seen")


def _operators(audit: Audit) -> Iterator[tuple[str, ...]]:
    for op, tally in audit.by_operator().items():
        yield (printable(op), *map(str, asdict(tally).values()))


def render_json(audit: Audit, observations: str | None) -> str:
    """Draw an audit as one JSON object, ending in a newline.

    Args:
        audit: The audit.
        observations: Where observations were written, None where none were.
    """
    prediction = audit.prediction
    return text(
        {
            **head(),
            "model": str(prediction.model),
            "target": prediction.target,
            "runs": list(audit.runs),
            "total": _tally(audit.tally()),
            "operators": [{"op": op, **_tally(tally)} for op, tally in audit.by_operator().items()],
            "nodes": [
                {
                    "graph": held.node.graph,
                    "index": held.node.index,
                    "op": held.node.op,
                    "said": held.says,
                    "on": held.on,
                    "run": held.run,
                    "wrong": held.wrong,
                }
                for held in audit.held
            ],
            "observations": observations,
        }
    )


def _tally(tally: Tally) -> Json:
    return {
        **asdict(tally),
        "precision": tally.precision,
        "recall": tally.recall,
        "false_yes_rate": tally.false_yes_rate,
    }
