"""What `npulint device list` and `device run` find, as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from npulint.reports.device import placing_lines, speed_lines
from npulint.reports.host import output_row
from npulint.reports.wording import columns, plural, printable, ranges
from npulint.reports.wrapping import Layout, wrapped

if TYPE_CHECKING:
    from npulint.device.heat import Heat
    from npulint.device.phones import Attached, Facts
    from npulint.device.placing import Place, PlacedNode
    from npulint.device.runs import BackendRun, PhoneRun

_OUTCOMES = {"failed": "failed", "late": "took too long"}


def render_list(phones: Sequence[tuple[Attached, Facts | None]], layout: Layout) -> str:
    """Draw attached phones as text, ending in a newline."""
    if not phones:
        return "no phone is attached\n"
    rows = [
        (
            printable(phone.serial),
            layout.style.good("ready") if facts is not None else phone.sentence,
            _facts(facts) if facts is not None else printable(phone.model.replace("_", " ")),
        )
        for phone, facts in phones
    ]
    return "\n".join([*columns(rows, ""), ""])


def _facts(facts: Facts) -> str:
    """A phone in one line."""
    android = f"Android {facts.android}" if facts.android else ""
    level = f"API {facts.level}" if facts.level else ""
    name = f"{facts.maker} {facts.model}".strip()
    parts = (name, android, level, facts.chip or facts.board, facts.abi)
    return printable(", ".join(part for part in parts if part))


def render_run(run: PhoneRun, layout: Layout) -> str:
    """Draw a run as text, ending in a newline."""
    return "\n".join([*_lines(run, layout), ""])


def _lines(run: PhoneRun, layout: Layout) -> Iterator[str]:
    style = layout.style
    phone = _facts(run.facts) or "a phone that says nothing of itself"
    yield style.bold(f"{printable(str(run.path))} on {phone} ({printable(run.serial)})")
    if run.reference is not None:
        inputs, runtime = map(printable, run.reference)
        yield wrapped(f"outputs are compared with {runtime} here, on {inputs}", layout, "  ", "  ")
    for remark in run.remarks:
        yield style.warn(wrapped(printable(remark), layout, "  ", "    "))
    for each in run.runs:
        yield from _backend(each, layout)
    for sentence in run.left:
        yield style.error(wrapped(printable(sentence), layout, "  ", "    "))
    if run.error is not None:
        yield style.error(wrapped(f"not all was run: {printable(run.error)}", layout, "  ", "    "))


def _backend(found: BackendRun, layout: Layout) -> Iterator[str]:
    style = layout.style
    yield f"  {style.bold(printable(str(found.backend)))}"
    if found.fault is not None:
        text = f"{_OUTCOMES[found.outcome]}: {printable(found.fault)}"
        yield style.error(wrapped(text, layout, "    ", "      "))
    if found.timed is not None:
        yield from speed_lines(found.timed)
    yield from _nodes(found.nodes, layout)
    if found.seen is not None:
        yield from placing_lines(found.seen, layout)
    if found.backend.kind == "nnapi" and found.seen is not None and not found.logged:
        yield style.warn("    NNAPI's own log is not there: the phone does not show it")
    if found.lost:
        lines = plural(found.lost, "line")
        yield style.warn(f"    the phone's logger dropped {lines} of NNAPI's log")
    yield from _outputs(found)
    told = f"    {_heat(found.before, found.after)}"
    yield style.warn(told) if found.after.slows else told


def _nodes(nodes: Sequence[PlacedNode], layout: Layout) -> Iterator[str]:
    """Who ran the nodes: how many of them, and which ones not on the accelerator."""
    counts = Counter(node.on for node in nodes)
    if not counts:
        return
    words: dict[Place, str] = {
        "accelerator": "on the accelerator",
        "cpu": "on the CPU",
        "unknown": "of which it is not proved who ran them",
    }
    told = ", ".join(f"{counts[on]} {text}" for on, text in words.items() if counts[on])
    yield wrapped(f"of {plural(len(nodes), 'node')}: {told}", layout, "    ", "      ")
    if not counts["accelerator"]:
        return
    by_op: dict[tuple[str, str], list[int]] = {}
    for node in nodes:
        if node.on != "accelerator":
            by_op.setdefault((node.on, node.op), []).append(node.index)
    yield from columns(
        [
            (on, printable(op), f"{plural(len(indexes), 'node')}  {ranges(indexes, 8)}")
            for (on, op), indexes in by_op.items()
        ],
        "      ",
    )


def _outputs(found: BackendRun) -> Iterator[str]:
    if found.outputs is None:
        yield f"    outputs are not compared: {printable(found.uncompared or '')}"
        return
    header = ("output", "largest error", "of its range", "PSNR")
    rows = [header, *(output_row(name, each) for name, each in found.outputs.items())]
    yield from columns(rows, "    ")


def _heat(before: Heat, after: Heat) -> str:
    parts = []
    if before.throttling is not None or after.throttling is not None:
        told = [heat.throttling or "not told" for heat in (before, after)]
        same = told[0] == told[1]
        parts.append(f"throttling {told[0]}" if same else f"throttling {told[0]}, then {told[1]}")
    if before.battery is not None and after.battery is not None:
        parts.append(f"battery {before.battery:g} °C, then {after.battery:g} °C")
    return f"heat: {'; '.join(parts) or 'the phone does not say'}"
