"""Logs read: whose lines are these, and what does each process tell?"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from npulint.device.benchmark import BenchmarkReader
from npulint.device.delegates import DelegateReader
from npulint.device.documents import read_document
from npulint.device.litert_benchmark import OPENING, LitertReader
from npulint.device.logcat import Entry, entries
from npulint.device.nnapi import NnapiReader
from npulint.device.onnx_log import OnnxReader
from npulint.device.profile import ProfileReader
from npulint.device.records import Log, Session
from npulint.device.results import read_results
from npulint.device.text import bare, read_whole, split_lines
from npulint.errors import UsageError

_NOTHING = (
    "nothing in it is of a format that is read: benchmark_model with its operator profile, "
    "litert-benchmark, logcat with lines of NNAPI or TFLite, LiteRT's compiler, ONNX Runtime and "
    "its profile, or a table of models and runtimes with units"
)


class Reader(Protocol):
    """Reads one format's lines of one session."""

    def take(self, message: str, times: int, session: Session) -> bool:
        """Read a line that was said so many times; whether it is of this format."""

    def close(self, session: Session) -> None:
        """Tell what only the end of a log tells."""


def read_log(path: Path | str) -> Log:
    """Read a log of any format.

    Raises:
        UsageError: It cannot be read, or nothing in it is of a format that is.
    """
    path = Path(path)
    text = read_whole(path)
    document = read_document(path, text)
    return _read(path, text) if document is None else document


def read_text(text: str, name: str) -> Log:
    """Read what a tool printed.

    Args:
        text: What it printed; nothing of it need be known.
        name: What to call it.
    """
    return _sorted_out(Path(name), split_lines(text))


def _read(path: Path, text: str) -> Log:
    lines = split_lines(text)
    log = _sorted_out(path, lines)
    if log.sessions:
        return log
    results = read_results(lines)
    if not results:
        raise UsageError(f"{path}: {_NOTHING if text.strip() else 'is empty'}")
    session = Session(formats={"results": None}, results=results)
    filled = sum(bool(line.strip()) for line in lines)
    return Log(path, len(lines), filled - 1 - len(results), 0, (session,))


def _sorted_out(path: Path, lines: list[str]) -> Log:
    """A log by its processes."""
    running: dict[int | None, _Reading] = {}
    done: list[_Reading] = []
    unknown = lost = 0
    for entry in entries(lines):
        lost += entry.lost
        if not entry.message.strip():
            continue
        reading = running.get(entry.process)
        if reading is None or reading.is_over(entry):
            reading = running[entry.process] = _Reading(entry.process)
            done.append(reading)
        unknown += not reading.take(entry)
    sessions = (reading.close() for reading in done)
    told = tuple(session for session in sessions if session.formats)
    return Log(path, len(lines), unknown, lost, told)


class _Reading:
    """One session while it is read."""

    def __init__(self, process: int | None) -> None:
        self._session = Session(process)
        self._readers: tuple[Reader, ...] = (
            ProfileReader(),
            NnapiReader(),
            # Before the settings of benchmark_model, among which some of its lines would pass.
            DelegateReader(),
            LitertReader(),
            BenchmarkReader(),
            OnnxReader(),
        )

    def is_over(self, entry: Entry) -> bool:
        """Whether another run of benchmark_model or litert-benchmark begins here."""
        line = bare(entry.message)
        if OPENING.match(entry.message):
            return "Fully accelerated" in self._session.settings
        if line == "STARTING!":
            return "benchmark_model" in self._session.formats
        return line.startswith("Graph: [") and "Graph" in self._session.settings

    def take(self, entry: Entry) -> bool:
        """Read a line; whether anybody knows it."""
        return any(
            reader.take(entry.message, entry.times, self._session) for reader in self._readers
        )

    def close(self) -> Session:
        """What was told."""
        for reader in self._readers:
            reader.close(self._session)
        return self._session
