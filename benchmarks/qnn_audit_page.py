"""The page of `benchmarks/qnn_audit.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

from npulint.device.audit import Tally
from npulint.reports.wording import plural, share

Row: TypeAlias = Mapping[str, Any]

FORMATS = {
    "onnx": "`.onnx`, through ONNX Runtime's QNN provider",
    "tflite": "`.tflite`, through LiteRT's Qualcomm plugin",
}
COLUMNS = (
    "true yes", "false yes", "true no", "false no", "not said", "not seen",
    "precision", "recall", "false yes rate",
)  # fmt: skip

_INTRODUCTION = """\
# Predictions for Qualcomm's HTP, held against its compiler

Made by `python benchmarks/qnn_audit.py`: what [`npulint device audit`](phones.md) says of each
reference network, its predictions being those of `npulint check` and what is held against them
being what `npulint host run` was answered by Qualcomm's own [compiler](host-compilers.md). Every
network is built small, in float32, and handed over whole.

Answers of {days}: {versions}.

- *true yes* and *false yes*: nodes that npulint calls supported, and the compiler took or refused.
  *true no* and *false no*: nodes that npulint calls unsupported, refused or taken. *not said*:
  npulint calls them unknown. *not seen*: the compiler does not say, since the front end had
  folded or fused the node away before.
- *precision* is the share of yes that was right, *recall* the share of what was taken that was
  called supported, *not said* left out, the *false yes rate* the share of yes that was wrong.

A compiler's yes is not yet a phone's. Networks that are taken whole, as nearly all here are, cannot
show a false yes; [answers to single operators](qnn-agreement.md), thousands of them refusals, can.
"""


def render(kept: Mapping[str, Any]) -> str:
    """The page.

    Args:
        kept: What `qnn_audit.py` keeps: versions, days and rows.
    """
    rows: Sequence[Row] = kept["rows"]
    days = " to ".join(dict.fromkeys((kept["days"][0], kept["days"][-1])))
    head = _INTRODUCTION.format(days=days, versions=", ".join(kept["versions"]))
    lines = [head, *_totals(rows), "", *_failed(rows), *_others(rows)]
    for form, title in FORMATS.items():
        own = [row for row in rows if row["format"] == form]
        if own:
            lines += ["", f"## {title}", "", *_networks(own)]
    return "\n".join(lines).rstrip() + "\n"


def totals(rows: Iterable[Row]) -> dict[tuple[str, str], tuple[int, Tally]]:
    """How many networks there are and what they add up to, by format and chip."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["format"], row["target"]), []).append(row)
    return {key: (len(own), _sum(own)) for key, own in sorted(found.items())}


def _sum(rows: Iterable[Row]) -> Tally:
    total = asdict(Tally())
    for row in rows:
        for name, number in row["tally"].items():
            total[name] += number
    return Tally(**total)


def _totals(rows: Sequence[Row]) -> Iterator[str]:
    yield from _header("format", "chip", "networks")
    for (form, chip), (networks, tally) in totals(rows).items():
        yield f"| .{form} | {chip} | {networks} | {cells(tally)} |"


def _networks(rows: Sequence[Row]) -> Iterator[str]:
    """A row a network; chips together where nothing tells them apart."""
    yield from _header("network", "chip")
    chips: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        chips.setdefault((row["network"], cells(_sum([row]))), []).append(row["target"])
    for (name, told), targets in sorted(chips.items(), key=lambda item: (item[0][0], item[1])):
        short = ", ".join(target.rpartition("-")[2] for target in targets)
        yield f"| {name} | {short} | {told} |"


def _header(*names: str) -> Iterator[str]:
    yield f"| {' | '.join((*names, *COLUMNS))} |"
    yield "|---" * len(names) + "|---:" * len(COLUMNS) + "|"


def cells(tally: Tally) -> str:
    """The figures of an audit as cells of a table."""
    counts = (
        tally.true_yes,
        tally.false_yes,
        tally.true_no,
        tally.false_no,
        tally.abstained,
        tally.unobserved,
    )
    shares = (tally.precision, tally.recall, tally.false_yes_rate)
    return " | ".join((*map(str, counts), *("-" if s is None else share(s) for s in shares)))


def _failed(rows: Iterable[Row]) -> Iterator[str]:
    """What was not compiled, of whose nodes the compiler then proves nothing."""
    for row in rows:
        if row["outcome"] != "compiled":
            why = f": {row['fault']}" if row["fault"] else ""
            yield f"- {row['network']}.{row['format']}, {row['target']}: {row['outcome']}{why}"


def _others(rows: Iterable[Row]) -> Iterator[str]:
    """Where a prediction was wrong or missing, over all networks and chips."""
    times: dict[tuple[str, str, str, str], int] = {}
    where: dict[tuple[str, str, str, str], set[str]] = {}
    for row in rows:
        for what, op, why, count in row["others"]:
            key = (what, op, row["format"], why)
            times[key] = times.get(key, 0) + count
            where.setdefault(key, set()).add(row["network"])
    yield "## Wrong, or not said"
    yield ""
    yield "Over all networks, both formats and all chips."
    yield ""
    order = ("false yes", "false no", "not said")
    for key in sorted(times, key=lambda key: (order.index(key[0]), -times[key], key)):
        what, op, form, why = key
        names = sorted(where[key])
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield (
            f"- {what}: {plural(times[key], 'node')} `{op}` (.{form}; "
            f"{', '.join(names[:3])}{more}): {why}"
        )
    if not times:
        yield "None."
