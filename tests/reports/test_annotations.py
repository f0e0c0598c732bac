"""GitHub annotations: one command a line, whatever a message holds."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from made import hostile, real

from npulint.finding import Finding, ModelResult, Report
from npulint.reports.annotations import render
from npulint.reports.wording import printable

_COMMAND = re.compile(
    r"::(error|warning|notice) file=([^,:]*)(?:,line=[0-9]+)?,title=([^,:]*)::(.*)"
)


def read(text: str) -> list[tuple[str, str, str, str]]:
    """Commands as GitHub's runner reads them (actions/runner, ActionCommand.cs)."""
    found = []
    for line in text.splitlines():
        match = _COMMAND.fullmatch(line)
        if match is None:
            assert line.startswith("GitHub shows"), line
            continue
        command, path, title, message = match.groups()
        found.append((command, _property(path), _property(title), _data(message)))
    return found


def _data(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def _property(text: str) -> str:
    return _data(text.replace("%3A", ":").replace("%2C", ","))


def test_the_gravest_come_first() -> None:
    commands = [command for command, *_ in read(render(real(), "error"))]
    assert commands == sorted(commands, key=["error", "warning", "notice"].index)
    assert commands.count("error") > 1


def test_equal_findings_are_one_annotation() -> None:
    messages = [message for *_, message in read(render(real("nnapi-1.1"), "error"))]
    assert any("(nodes 28, 34, 40, 46)" in message for message in messages)


def test_what_github_does_not_show_is_named() -> None:
    findings = tuple(
        Finding("NPU101", "refused-operator", "error", f"message {n}") for n in range(14)
    )
    text = render(Report((ModelResult(Path("m.onnx"), findings=findings),)), "error")
    assert text.splitlines()[-1] == "GitHub shows 10 of each kind; 4 errors more are above"
    assert len(read(text)) == 14


def test_nothing_found_is_nothing_said() -> None:
    assert render(Report((ModelResult(Path("m.onnx")),)), "error") == ""


@given(st.text(), st.text())
def test_every_text_comes_through(message: str, name: str) -> None:
    finding = replace(hostile_finding(), message=message)
    text = render(Report((ModelResult(Path(name), findings=(finding,)),)), "error")
    ((command, path, title, said),) = read(text)
    assert (command, title) == ("error", "NPU101 refused-operator")
    assert path == printable(str(Path(name)))
    assert said == printable(message)


def hostile_finding() -> Finding:
    return Finding("NPU101", "refused-operator", "error", "")


def test_hostile_names_stay_on_their_line() -> None:
    text = render(hostile(), "error")
    assert len(read(text)) == 4
    assert ",line=3,title=NPU902 expired-suppression::" in text
