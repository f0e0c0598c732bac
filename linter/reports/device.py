"""What `npulint device` finds, as text; `npulint.reports.device_json` draws the same as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from npulint.reports.wording import columns, plural, printable, ranges, share
from npulint.reports.wrapping import Layout, wrapped

if TYPE_CHECKING:
    from npulint.device.records import Log, Memory, ProfileRow, Refusal, Session, Statistics

_ROWS = 12
"""Rows of a table that are listed without -v."""

_APPLIED = {"whole": "all of the model", "partly": "some of the model", "not": "nothing of it"}


def render_logs(logs: Sequence[Log], layout: Layout) -> str:
    """Draw logs as text, ending in a newline."""
    return "\n".join(line for log in logs for line in (*_log(log, layout), ""))


def _log(log: Log, layout: Layout) -> Iterator[str]:
    told = [plural(log.lines, "line")]
    if log.unknown:
        told.append(f"{log.unknown:,} of other formats")
    yield layout.style.bold(f"{printable(str(log.path))}: {', '.join(told)}")
    if log.lost:
        yield layout.style.warn(
            f"  the phone's logger dropped {plural(log.lost, 'line')}: what follows is not all"
        )
    for session in log.sessions:
        yield from session_lines(session, layout)


def session_lines(session: Session, layout: Layout) -> Iterator[str]:
    """What one session tells, indented by two blanks."""
    names = [name for name in (session.model, _process(session)) if name]
    head = printable(", ".join(names)) or "a run that is not named"
    yield f"  {layout.style.bold(head)}  ({', '.join(session.formats)})"
    yield from speed_lines(session)
    if session.accelerators:
        devices = f"NNAPI devices: {', '.join(map(printable, session.accelerators))}"
        yield wrapped(devices, layout, "    ", "      ")
    yield from placing_lines(session, layout)
    yield from _results(session, layout)
    for fault in session.faults:
        yield layout.style.error(wrapped(f"failed: {printable(fault)}", layout, "    ", "      "))


def speed_lines(session: Session) -> Iterator[str]:
    """Latency and memory."""
    yield from columns(list(_latency(session)), "    ")
    for memory in session.memory:
        yield f"    {_memory(memory)}"


def placing_lines(session: Session, layout: Layout) -> Iterator[str]:
    """Who took what, who refused what, and how long each operator took."""
    yield from _delegations(session)
    yield from _choices(session, layout)
    yield from _placed(session, layout)
    yield from _refusals(session.refusals, layout)
    yield from _profile(session, layout)


def _process(session: Session) -> str:
    return "" if session.process is None else f"process {session.process}"


def milliseconds(microseconds: float) -> str:
    """A time in ms, to four figures."""
    scaled = microseconds / 1000
    return f"{scaled:,.0f} ms" if abs(scaled) >= 9999.5 else f"{scaled:.4g} ms"


def _latency(session: Session) -> Iterator[tuple[str, str]]:
    latency = session.latency
    for name, found in (("inference", latency.inference), ("warm-up", latency.warm_up)):
        if found is not None:
            yield (name, statistics(found))
    for name, time in (("first", latency.first), ("loading", latency.initialisation)):
        if time is not None:
            yield (name, milliseconds(time))


def statistics(found: Statistics) -> str:
    """Latencies in one line."""
    told = [] if found.average is None else [f"{milliseconds(found.average)} on average"]
    if found.runs is not None:
        told.append(f"of {plural(found.runs, 'run')}")
    if found.runs == 1:
        return " ".join(told)
    parts = [
        f"{name} {milliseconds(value)}"
        for name, value in (("median", found.median), ("deviation", found.deviation))
        if value is not None
    ]
    if found.minimum is not None and found.maximum is not None:
        parts.append(f"{milliseconds(found.minimum)} to {milliseconds(found.maximum)}")
    return " ".join(told) + (f" ({', '.join(parts)})" if parts else "")


def _memory(memory: Memory) -> str:
    what = "more than at the start" if memory.kind == "delta" else "at the peak"
    loaded = memory.initialisation
    after = "" if loaded is None else f", {loaded:.4g} MB once loaded"
    return f"memory: {memory.overall:.4g} MB {what}{after}"


def _delegations(session: Session) -> Iterator[str]:
    for told, times in session.delegations.items():
        total = "" if told.total is None else f" of {told.total}"
        pieces = "" if told.pieces is None else f", in {plural(told.pieces, 'piece')}"
        where = f" of graph {told.graph}" if told.graph else ""
        many = f" (told {times} times)" if times > 1 else ""
        nodes = "node" if total == "" and told.taken == 1 else "nodes"
        yield f"    {printable(told.to)}: takes {told.taken}{total} {nodes}{where}{pieces}{many}"
    for delegate, how in session.applied.items():
        yield f"    {printable(delegate)} delegate executes {_APPLIED[how]}"


def _choices(session: Session, layout: Layout) -> Iterator[str]:
    by_device: dict[str, dict[str, int]] = {}
    for choice, times in session.choices.items():
        device = choice.device or f"device {choice.number} (the log has no name)"
        ops = by_device.setdefault(device, {})
        ops[choice.op] = ops.get(choice.op, 0) + times
    for device, ops in by_device.items():
        listed = ", ".join(f"{op} ×{times}" if times > 1 else op for op, times in ops.items())
        text = f"NNAPI chose {printable(device)} for {printable(listed)}"
        yield wrapped(text, layout, "    ", "      ")
    for device in session.only:
        yield f"    NNAPI chose {printable(device)} alone for a whole model"
    if session.steps:
        steps = ", ".join(f"{printable(name)} ×{times}" for name, times in session.steps.items())
        yield wrapped(f"NNAPI's execution steps: {steps}", layout, "    ", "      ")
    for text, times in session.fallbacks.items():
        yield layout.style.warn(f"    NNAPI says {printable(text)!r}, ×{times}")


def _placed(session: Session, layout: Layout) -> Iterator[str]:
    for placed in session.placed:
        counts: dict[str, int] = {}
        for op, _ in placed.nodes:
            counts[op] = counts.get(op, 0) + 1
        ops = ", ".join(f"{op} ×{times}" if times > 1 else op for op, times in counts.items())
        text = f"{printable(placed.on)} has {plural(placed.count, 'node')}"
        listed = f": {printable(ops)}" if ops else ""
        yield wrapped(text + listed, layout, "    ", "      ")


def _refusals(refusals: dict[Refusal, int], layout: Layout) -> Iterator[str]:
    grouped: dict[tuple[str, str, str], int] = {}
    numbers: dict[tuple[str, str, str], list[int]] = {}
    for refusal, times in refusals.items():
        key = (refusal.op, refusal.by, refusal.reason)
        grouped[key] = grouped.get(key, 0) + times
        if refusal.number is not None:
            numbers.setdefault(key, []).append(refusal.number)
    for key, times in grouped.items():
        op, by, reason = map(printable, key)
        many = f" ×{times}" if times > 1 else ""
        which = f" ({ranges(numbers[key], 8)} in its own count)" if key in numbers else ""
        why = f": {reason}" if reason else ""
        text = f"{layout.style.error('refused')}  {op}{many}  by {by}{which}{why}"
        yield wrapped(text, layout, "    ", "      ")


def _profile(session: Session, layout: Layout) -> Iterator[str]:
    if not session.profile:
        return
    rows = sorted(session.profile, key=lambda row: -row.average)
    yield f"    time by operator, {plural(len(rows), 'row')}"
    shown = rows if layout.verbose else rows[:_ROWS]
    yield from columns(
        [
            (
                printable(row.op),
                f"{row.average:.4g} ms",
                share(row.share),
                _whose(row, session),
                "within a delegate" if row.inside else "",
            )
            for row in shown
        ],
        "      ",
    )
    if len(shown) < len(rows):
        yield f"      and {len(rows) - len(shown)} more (-v lists all)"


def _whose(row: ProfileRow, session: Session) -> str:
    """Which node a row is of; ONNX Runtime's have names, and numbers of another graph."""
    if "onnxruntime-profile" in session.formats and row.name != row.op:
        return printable(row.name)
    return "" if row.node is None else f"node {row.node}"


def _results(session: Session, layout: Layout) -> Iterator[str]:
    shown = session.results if layout.verbose else session.results[:_ROWS]
    yield from columns(
        [
            (
                printable(result.model),
                milliseconds(result.latency),
                "" if result.deviation is None else f"deviation {milliseconds(result.deviation)}",
                "" if result.psnr is None else f"{result.psnr:g} dB",
            )
            for result in shown
        ],
        "    ",
    )
    if len(shown) < len(session.results):
        yield f"    and {len(session.results) - len(shown)} more (-v lists all)"
