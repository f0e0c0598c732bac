"""Devices as people read them: the list, a device's page, and what was seen of one operator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from npulint.opsets import Line
from npulint.opsets.table import CAUTION_WORDS
from npulint.reports.wording import columns
from npulint.reports.wrapping import Layout, wrapped

if TYPE_CHECKING:
    from npulint.opsets.profile import Device, Measurement, Observation, Remark


class _Cited(Protocol):
    @property
    def source(self) -> str: ...


_OUTCOMES = {"cpu": "runs on the CPU", "may": "may run on the CPU"}


def outcome_of(observation: Observation) -> str:
    """What becomes of the operators of an observation, in a few words."""
    if observation.kind is not None:
        return CAUTION_WORDS[observation.kind]
    return _OUTCOMES[observation.outcome]


def listing(devices: Iterable[Device], layout: Layout) -> Iterator[str]:
    """Every device on a line, under a heading."""
    rows = [("device", "judged as", "observed", "measured", "date", "what it is")]
    for device in devices:
        rows.append(
            (
                device.name,
                f"{device.start.target.name} ({device.start.known})",
                str(len(device.observed)),
                str(len(device.measured)),
                device.date,
                device.title,
            )
        )
    table = columns(rows, indent="")
    yield layout.style.dim(table[0])
    yield from table[1:]


def documents(devices: Iterable[Device]) -> Iterator[dict[str, object]]:
    """Every device as a plain dictionary."""
    for device in devices:
        yield {
            "name": device.name,
            "kind": "device",
            "title": device.title,
            "chip": device.chip,
            "path": device.start.target.name,
            "path_is": device.start.known,
            "dialect": device.start.target.dialect,
            "observed": len(device.observed),
            "measured": len(device.measured),
            "date": device.date,
        }


def page(device: Device, layout: Layout) -> Iterator[str]:
    """All that a profile says."""
    style, start = layout.style, device.start
    yield f"{style.bold(device.name)}  {device.title}"
    yield f"chip: {device.chip}; as of {device.date}"
    yield from _said(f"judged as {start.target.name}, {start.known}: {start.say}", start, layout)
    for name, remark in device.offers.items():
        yield from _said(f"also offers {name}: {remark.say}", remark, layout)
    if device.drivers:
        yield wrapped(f"NNAPI's devices: {', '.join(device.drivers)}", layout, "", "  ")
    if device.reference_cpu is not None:
        cpu = device.reference_cpu
        yield from _said(f"NNAPI's CPU reference was {cpu.setting}: {cpu.say}", cpu, layout)
    for remark in device.software:
        yield from _said(f"software: {remark.say}", remark, layout)
    yield from _section("observed", _observations(device.observed, layout))
    yield from _section("cautions", _model_cautions(device, layout))
    yield from _section("findings", _remarks(device.findings, layout))
    yield from _section("measured", _measured(device.measured, layout))
    yield ""
    for limit in device.limits:
        yield wrapped(f"limit: {limit}", layout, "", "  ")


def on_operator(device: Device, op: str, layout: Layout) -> Iterator[str]:
    """What was observed of one operator, to stand before what the path demands of it."""
    yield layout.style.bold(f"{op} on {device.name}")
    found = tuple(each for each in device.observed if op in each.pattern.ops)
    yield from _observations(found, layout)
    if not found:
        yield "  nothing was observed of it"
    yield ""


def lines_on(device: Device, op: str) -> Iterator[Line]:
    """What was observed of one operator, as lines to stand beside a table's."""
    for each in device.observed:
        if op in each.pattern.ops:
            yield Line(f"observed of {_sentence(each)}", each.source)


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    """Lines under a heading, neither where there are none."""
    kept = list(lines)
    if kept:
        yield ""
        yield title
        yield from kept


def _said(text: str, cited: _Cited, layout: Layout, indent: str = "") -> Iterator[str]:
    yield wrapped(text, layout, indent, f"{indent}  ")
    yield layout.style.dim(f"{indent}  [{cited.source}]")


def _sentence(observation: Observation) -> str:
    return f"{observation.pattern.clause()}: {outcome_of(observation)}; {observation.say}"


def _observations(observed: tuple[Observation, ...], layout: Layout) -> Iterator[str]:
    for each in observed:
        yield from _said(_sentence(each), each, layout, "  ")


def _model_cautions(device: Device, layout: Layout) -> Iterator[str]:
    for each in device.cautions:
        where = "" if each.when is None else f"where {each.when.clause()}: "
        word = "" if each.kind == "risky" else f"{each.kind}: "
        yield from _said(f"{word}{where}{each.say}", each, layout, "  ")


def _remarks(remarks: tuple[Remark, ...], layout: Layout) -> Iterator[str]:
    for each in remarks:
        yield from _said(each.say, each, layout, "  ")


def _measured(measured: tuple[Measurement, ...], layout: Layout) -> Iterator[str]:
    for (by, source), rows in groupby(measured, key=lambda each: (each.by, each.source)):
        yield f"  {by}"
        yield layout.style.dim(f"    [{source}]")
        yield from columns([_row(each) for each in rows], indent="    ")


def _row(each: Measurement) -> tuple[str, ...]:
    fell = f"on the CPU: {each.fell}" if each.fell else each.failed and f"failed: {each.failed}"
    return (
        each.network,
        each.type,
        "" if each.milliseconds is None else f"{each.milliseconds:,} ms",
        "" if each.megabytes is None else f"{each.megabytes:,} MB",
        f"note {each.note}" if each.note else "",
        fell,
    )
