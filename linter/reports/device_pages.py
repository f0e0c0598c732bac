"""A page of the documentation for each device: its path, what was observed, what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from npulint.reports import markdown
from npulint.reports.devices import outcome_of

if TYPE_CHECKING:
    from npulint.opsets.profile import Device, Measurement
    from npulint.reports.target_pages import Places


def page(device: Device, places: Places) -> str:
    """Draw the page of a device, ending in a newline.

    Args:
        device: The device.
        places: Where the pages of tables are.
    """
    return markdown.joined(_Page(device, places).lines())


class _Page:
    def __init__(self, device: Device, places: Places) -> None:
        self.device = device
        target = device.start.target
        self.table = places.get((target.family, target.dialect), f"{target.family}.md")

    def lines(self) -> Iterator[str]:
        device, start = self.device, self.device.start
        yield f"# {markdown.text(device.title)}"
        yield ""
        path = f"[`{start.target.name}`](../targets/{self.table})"
        yield f"`{device.name}` · {markdown.text(device.chip)} · as of {device.date}"
        yield ""
        yield (
            f"Judged as {path} ({start.known}) and by what was observed: "
            f"{self._cited(start.say, start.source)}"
        )
        yield ""
        yield from self._section("Software", self._software())
        yield from self._section("Observed", self._observed())
        yield from self._section("Cautions", self._cautions())
        findings = (self._cited(each.say, each.source) for each in device.findings)
        yield from self._section("Findings", self._listed(findings))
        yield from self._section("Measured", self._measured())
        yield from self._section("Limits", self._listed(map(markdown.text, device.limits)))
        sources = device.sources.items()
        cited = (
            f"{markdown.text(short)}: {markdown.whole_source(full)}" for short, full in sources
        )
        yield from self._section("Sources", self._listed(cited))

    def _section(self, title: str, lines: Iterable[str]) -> Iterator[str]:
        kept = list(lines)
        if kept:
            yield from (f"## {title}", "", *kept, "")

    def _listed(self, items: Iterable[str]) -> Iterator[str]:
        yield from (f"- {item}" for item in items)

    def _cited(self, say: str, source: str) -> str:
        return f"{markdown.text(say)} ({self._source(source)})"

    def _source(self, source: str) -> str:
        return markdown.source(source, self.device.sources)

    def _software(self) -> Iterator[str]:
        device = self.device
        said = [self._cited(each.say, each.source) for each in device.software]
        for name, remark in device.offers.items():
            said.append(f"also offers `{name}`: {self._cited(remark.say, remark.source)}")
        if device.drivers:
            said.append(f"NNAPI's devices: {', '.join(map(markdown.code, device.drivers))}")
        if device.reference_cpu is not None:
            cpu = device.reference_cpu
            say = f"NNAPI's CPU reference was {cpu.setting}: {cpu.say}"
            said.append(self._cited(say, cpu.source))
        return self._listed(said)

    def _observed(self) -> Iterator[str]:
        if not self.device.observed:
            return iter(())
        rows = [("operators", "what becomes of them", "what was seen", "source")]
        rows += [
            (
                markdown.text(each.pattern.clause()),
                outcome_of(each),
                markdown.text(each.say),
                self._source(each.source),
            )
            for each in self.device.observed
        ]
        return markdown.table(rows)

    def _cautions(self) -> Iterator[str]:
        for each in self.device.cautions:
            where = "" if each.when is None else f"where {each.when.clause()}: "
            word = "" if each.kind == "risky" else f"{each.kind}: "
            yield f"- {self._cited(word + where + each.say, each.source)}"

    def _measured(self) -> Iterator[str]:
        key = lambda each: (each.by, each.source)  # noqa: E731 - the grouping, named
        for number, ((by, source), rows) in enumerate(groupby(self.device.measured, key)):
            if number:
                yield ""
            yield f"{markdown.text(by)} ({self._source(source)}):"
            yield ""
            heading = ("network", "type", "latency", "memory", "note", "what happened")
            yield from markdown.table([heading, *map(_row, rows)])


def _row(each: Measurement) -> tuple[str, ...]:
    fell = f"on the CPU: {each.fell}" if each.fell else each.failed and f"failed: {each.failed}"
    return (
        markdown.text(each.network),
        markdown.text(each.type),
        "" if each.milliseconds is None else f"{each.milliseconds:,} ms",
        "" if each.megabytes is None else f"{each.megabytes:,} MB",
        markdown.text(each.note),
        markdown.text(fell),
    )
