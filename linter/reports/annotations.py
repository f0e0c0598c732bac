"""The report as GitHub annotations: commands that a workflow prints for GitHub to show.

GitHub shows ten errors, ten warnings and ten notices of a step
(https://docs.github.com/en/rest/checks/runs), so that what is said in the same words is one
annotation, the gravest come first, and a last line names what there is no room for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.reports.grouping import Group, grouped
from npulint.reports.wording import plural, printable

if TYPE_CHECKING:
    from npulint.finding import FailOn, Report, Severity

_COMMANDS: Mapping[Severity, str] = {"error": "error", "warning": "warning", "info": "notice"}
_SHOWN = 10
_NODES_SHOWN = 12


def render(report: Report, _: FailOn) -> str:
    """Draw a report as workflow commands, one a line; empty where there is nothing to say."""
    lines = []
    beyond: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for command, line in sorted(_annotations(report), key=lambda pair: _ORDER.index(pair[0])):
        said[command] += 1
        lines.append(line)
        beyond[command] += said[command] > _SHOWN
    left = [plural(number, command) for command, number in beyond.items() if number]
    if left:
        lines.append(f"GitHub shows {_SHOWN} of each kind; {' and '.join(left)} more are above")
    return "".join(f"{line}\n" for line in lines)


_ORDER = tuple(_COMMANDS.values())


def _annotations(report: Report) -> Iterator[tuple[str, str]]:
    for result in report.models:
        if result.error is not None:
            yield "error", _command("error", result.path, "npulint", result.error)
            continue
        for group in grouped(result.findings):
            first = group.first
            title = f"{first.code} {first.rule}"
            if group.targets:
                title += f" on {', '.join(group.targets)}"
            command = _COMMANDS[first.severity]
            yield command, _command(command, result.path, title, _message(group))
    for group in grouped(report.findings):
        first = group.first
        command = _COMMANDS[first.severity]
        title = f"{first.code} {first.rule}"
        yield command, _command(command, first.file, title, _message(group), first.line)


def _message(group: Group) -> str:
    first = group.first
    where = group.where(_NODES_SHOWN)
    lines = [f"{first.message}{where and f' ({where})'}"]
    lines += [f"[{each.source}]" for each in first.evidence]
    if first.fixes:
        lines.append(f"npulint fix may rewrite it: {', '.join(first.fixes)}")
    return "\n".join(map(printable, lines))


def _command(
    command: str, file: Path | None, title: str, message: str, line: int | None = None
) -> str:
    places = [] if file is None else [f"file={_property(str(file))}"]
    places += [] if line is None else [f"line={line}"]
    place = ",".join([*places, f"title={_property(title)}"])
    return f"::{command} {place}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
