"""Driving the whole command line over a file, and what every answer has to keep to."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

from npulint import opsets, reports
from npulint.cli import main

CPU_SECONDS = 5.0
"""Bound on one command over one damaged file of up to 150 kB, all targets asked at once."""

SCHEMA = json.loads((Path(reports.__file__).parent / "report.schema.json").read_text())
_VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

TARGETS = opsets.targets()
ALL = [part for name in (*TARGETS, *opsets.devices()) for part in ("-t", name)]
"""Options that ask every target and every device."""

# click remembers each stream that it was ever given, so all runs share these.
_OUT, _ERR = io.StringIO(), io.StringIO()


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str
    seconds: float


def ask(*arguments: object) -> Answer:
    """Run a command in this process."""
    for stream in (_OUT, _ERR):
        stream.seek(0)
        stream.truncate()
    start = time.process_time()
    with redirect_stdout(_OUT), redirect_stderr(_ERR):
        code = main([str(each) for each in arguments])
    return Answer(code, _OUT.getvalue(), _ERR.getvalue(), time.process_time() - start)


def sane(arguments: Sequence[object], codes: Sequence[int] = (0, 1, 2)) -> Answer:
    """Run a command and hold its answer to what holds for all."""
    answer = ask(*arguments)
    shown = " ".join(map(str, arguments))
    assert answer.code in codes, f"{shown}: {answer.err}"
    assert answer.seconds < CPU_SECONDS, f"{shown}: {answer.seconds:.1f} CPU seconds"
    assert "Traceback" not in answer.err + answer.out, shown
    assert printable(answer.err), answer.err
    if "json" in arguments:
        assert answer.code == 2 or answer.out or "-o" in arguments, shown
    else:
        assert printable(answer.out), shown
    return answer


def printable(text: str) -> bool:
    """Whether a terminal shows every character of a text, and obeys none."""
    return all(line.isprintable() for line in text.split("\n"))


def report_of(answer: Answer) -> Any:
    """The JSON report of a `check`, valid against the schema and without NaN or Infinity."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    report = json.loads(answer.out, parse_constant=refuse)
    _VALIDATOR.validate(report)
    return report


def drive(path: Path, other: Path, targets: Sequence[str] = ()) -> bool:
    """Put a file through every command that reads models.

    Args:
        path: The file.
        other: A good model to compare it with.
        targets: `-t NAME` pairs; all targets and devices when empty.

    Returns:
        Whether the file was readable.
    """
    named = list(targets) or ALL
    found = sane(["check", path, "--format", "json", *named])
    (result,) = report_of(found)["models"]
    readable = result["error"] is None
    assert (found.code == 2) != readable
    assert len(found.err.splitlines()) == (0 if readable else 1)
    if readable:
        said = {finding["severity"] for finding in result["findings"]}
        assert found.code == ("error" in said)
    expected = (0, 1) if readable else (2,)
    text = sane(["check", path, "-v", *named], [found.code])
    assert bool(text.out) == readable
    sane(["inspect", path, "-v"], [0] if readable else [2])
    inspected = sane(["inspect", path, "--format", "json"], [0] if readable else [2])
    assert not readable or json.loads(inspected.out)["summary"] == result["summary"]
    two = named[:4]
    matrix = sane(["matrix", path, other, "--format", "json", *two], [0] if readable else [2])
    assert len(json.loads(matrix.out)) == 2
    sane(["diff", path, other, *two], expected)
    sane(["diff", other, path, "--format", "json", *two], expected)
    return readable
