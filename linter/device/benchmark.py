"""What TFLite's benchmark_model prints of settings, latency and memory.

Formats are those of google-ai-edge/LiteRT tflite/tools/benchmark/benchmark_model.cc,
tflite/profiling/memory_info.cc and tensorflow/core/util/stats_calculator.h, and of builds since
2019, which print the same with other words around it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from npulint.device.records import Memory, Session, Statistics
from npulint.device.text import NUMBER, bare, number

_SETTING = re.compile(r"([A-Z#][\w #&/().,'-]{1,80}?) ?: \[(.*)\]$")
_COUNT = re.compile(r"count=(\d{1,12})(?: (?:first|curr)=.*|$)")
_PAIR = re.compile(rf"(\w+)=({NUMBER})(?=$|[\s(])")
_SESSION = re.compile(rf"Initialized session in ({NUMBER}) ?ms\.?$")
_TIMINGS = re.compile(r"(?:Average inference|Inference) timings in us: (.*)$")
_TIMING = re.compile(rf"(Init|First inference|Warmup|Inference|no stats)(?: \(avg\))?: ({NUMBER})")
_MEMORY = re.compile(
    r"(Memory footprint delta from the start of the tool|Peak memory footprint) \(MB\): "
    rf"init=({NUMBER}) overall=({NUMBER})"
)
_PEAK = re.compile(rf"Overall peak memory footprint \(MB\) via periodic monitoring: ({NUMBER})")
_RUNS = "Running benchmark for at least"

_OPENINGS = ("STARTING!", _RUNS, "The input model file size (MB):")
"""Lines that nothing but benchmark_model prints."""

_FIRST_SETTINGS = {
    "Log parameter values verbosely", "Graph", "Min num runs", "Num threads", "Num runs",
    "#threads used for CPU inference", "Use NNAPI", "Use nnapi", "Use gpu", "Use Hexagon",
    "NNAPI accelerator name", "Disable NNAPI cpu",
}  # fmt: skip

_REMARKS = (
    "Loaded model", "Note: as the benchmark tool itself affects memory footprint",
    "resolved reporter", "Duplicate flags", "Initialized TensorFlow Lite runtime",
    "Tensorflow Version",
)  # fmt: skip
_FAILED = re.compile(
    r"Benchmarking failed\.?$|Failed to (?:initialize|load|allocate|construct|invoke|mmap) .*"
    r"|Unconsumed cmdline flags: .*|Aborted$|Segmentation fault$"
)
BROKEN_OFF = "breaks off before the latency of its inferences is told"

_FIELDS = {
    "first": "first", "curr": "last", "min": "minimum", "max": "maximum", "avg": "average",
    "std": "deviation", "median": "median", "p5": "p5", "p95": "p95",
}  # fmt: skip


class BenchmarkReader:
    """Reads the lines of one session."""

    def __init__(self) -> None:
        self._told: list[Statistics] = []
        self._phases = 0
        self._begun = False
        self._averages: dict[str, float] = {}

    def take(self, message: str, times: int, session: Session) -> bool:
        """Read a line; whether it is one of these."""
        line = bare(message)
        if self._numbers(line, session) or self._words(line, session):
            session.formats.setdefault("benchmark_model")
            return True
        return False

    def _numbers(self, line: str, session: Session) -> bool:
        """Latency and memory."""
        if found := _COUNT.match(line):
            self._told.append(_statistics(int(found[1]), line))
        elif found := _SESSION.match(line):
            took = number(found[1])
            took = None if took is None else took * 1000
            session.latency = replace(session.latency, initialisation=took)
        elif found := _TIMINGS.match(line):
            told = ((key, number(text)) for key, text in _TIMING.findall(found[1]))
            self._averages = {key: value for key, value in told if value is not None}
        elif found := _MEMORY.match(line):
            _remember(session, "peak" if found[1].startswith("Peak") else "delta", *found.groups())
        elif found := _PEAK.match(line):
            _remember(session, "peak", "", "", found[1])
        else:
            return False
        return True

    def _words(self, line: str, session: Session) -> bool:
        """Settings, phases, and what went wrong."""
        ours = "benchmark_model" in session.formats
        setting = _SETTING.match(line)
        if setting and (ours or setting[1].strip() in _FIRST_SETTINGS):
            session.settings[setting[1].strip()] = setting[2]
        elif line.startswith(_OPENINGS):
            self._begun = True
            self._phases += line.startswith(_RUNS)
        elif session.formats and _FAILED.match(line):
            if line not in session.faults:
                session.faults.append(line)
        else:
            return ours and line.startswith(_REMARKS)
        return True

    def close(self, session: Session) -> None:
        """Say which statistics are of the inferences that count.

        The tool prints those of the warm-up first, unless it is told to have none. Where it breaks
        off between the two, what it printed is of the warm-up.
        """
        if "benchmark_model" not in session.formats:
            return
        averages = self._averages
        average = averages.get("Inference", averages.get("no stats"))
        warm_up = inference = None
        if len(self._told) > 1:
            warm_up, inference = self._told[:2]
        elif self._told and average is not None and "Warmup" not in averages:
            inference = self._told[0]
        elif self._told:
            warm_up = self._told[0]
        if inference is None and average is not None:
            inference = Statistics(None, average=average)
        if warm_up is None and "Warmup" in averages:
            warm_up = Statistics(None, average=averages["Warmup"])
        session.latency = replace(
            session.latency,
            initialisation=averages.get("Init", session.latency.initialisation),
            first=averages.get("First inference"),
            warm_up=warm_up,
            inference=inference,
        )
        began = session.settings.get("Graph") is not None or self._begun
        if began and inference is None and not session.faults:
            session.faults.append(BROKEN_OFF)


def _remember(
    session: Session, kind: Literal["delta", "peak"], _: str, initialisation: str, overall: str
) -> None:
    total = number(overall)
    if total is not None:
        session.memory.append(Memory(kind, number(initialisation), total))


def _statistics(runs: int, line: str) -> Statistics:
    """One line of `key=value` pairs, of which some may be new."""
    told = {key: number(text) for key, text in _PAIR.findall(line)}
    named = {field: value for key, field in _FIELDS.items() if (value := told.get(key)) is not None}
    if "last" in named and "average" not in named:
        # All runs took the same time, or there was one: then that alone is printed.
        same = ("first", "minimum", "maximum", "average", "median")
        named = dict.fromkeys(same, named["last"]) | {"deviation": 0.0} | named
    return Statistics(runs, **named)
