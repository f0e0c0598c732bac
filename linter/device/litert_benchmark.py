"""What LiteRT's `litert-benchmark` prints, and writes by `--result_json`.

Formats are those of `ai_edge_litert/tools/benchmark_litert_model.py` of ai-edge-litert 2.3.0. It
says of `fully_accelerated` that all is on accelerators among which the CPU is one: who ran a node
is not told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from npulint.device.benchmark import BROKEN_OFF
from npulint.device.records import Latency, Session, Statistics
from npulint.device.text import NUMBER, finite, number

_LOGGED = re.compile(
    r"(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d )?(?:DEBUG|INFO|WARNING|ERROR) "
    r"benchmark_litert_model: (.*)$"
)
_ERROR = re.compile(r"(?:\S+ \S+ )?ERROR ")
_TOLD = re.compile(r"(Model|Model size|Accelerators|Num threads): +(.*)$")
_RESULT = re.compile(
    rf"(Model initialization|Warmup \((?:first|avg)\)|Inference \((?:avg|min|max|median|std|p5|p95)"
    rf"\)): +({NUMBER}) ms(?: \((\d{{1,9}}) runs\))?$"
)
_END = re.compile(r"Fully accelerated: +(True|False)$")
_BEGUN = re.compile(r"Running \d+ (?:warmup|benchmark) iterations\.\.\.$")

OPENING = re.compile(r"(?:\S+ \S+ )?INFO benchmark_litert_model: Model: |Model initialization: ")
"""With what a run begins, as far as a log has it."""

_NAMES = {
    "Model initialization": "init",
    "Warmup (first)": "warmup_first",
    "Warmup (avg)": "warmup_avg",
}
_FIELDS = {
    "avg": "average", "min": "minimum", "max": "maximum", "median": "median",
    "std": "deviation", "p5": "p5", "p95": "p95",
}  # fmt: skip
_KEYS = ("init", "warmup_first", "warmup_avg", *_FIELDS)


class LitertReader:
    """Reads the lines of one session."""

    def __init__(self) -> None:
        self._times: dict[str, float] = {}
        self._runs: dict[str, int] = {}
        self._begun = False

    def take(self, message: str, times: int, session: Session) -> bool:
        """Read a line; whether it is one of these."""
        logged = _LOGGED.match(message)
        if logged:
            self._hear(logged[1], session, wrong=bool(_ERROR.match(message)))
        elif found := _RESULT.match(message):
            name = _NAMES.get(found[1], found[1].removeprefix("Inference (").rstrip(")"))
            time = number(found[2])
            self._times |= {} if time is None else {name: time}
            self._runs |= {} if found[3] is None else {name: int(found[3])}
        elif found := _END.match(message) if self._times else None:
            session.settings["Fully accelerated"] = found[1]
        else:
            return False
        session.formats.setdefault("litert-benchmark")
        return True

    def _hear(self, line: str, session: Session, *, wrong: bool) -> None:
        """What its logger says."""
        self._begun |= bool(_BEGUN.match(line))
        if wrong and line not in session.faults:
            session.faults.append(line)
        elif found := _TOLD.match(line):
            session.settings["Graph" if found[1] == "Model" else found[1]] = found[2]

    def close(self, session: Session) -> None:
        """Tell how long it took."""
        if self._times:
            runs = self._runs
            session.latency = _latency(self._times, runs.get("warmup_avg"), runs.get("avg"))
        began = self._begun or bool(self._times)
        if began and "avg" not in self._times and not session.faults:
            session.faults.append(BROKEN_OFF)


def is_result(document: object) -> bool:
    """Whether a JSON document is what `--result_json` writes."""
    return (
        isinstance(document, dict)
        and isinstance(document.get("model"), str)
        and isinstance(document.get("latency"), dict)
        and "num_warmup_runs" in document["latency"]
    )


def read_result(document: Mapping[str, Any]) -> Session:
    """Read what `--result_json` writes."""
    told = document["latency"]
    times = {key: time for key in _KEYS if (time := finite(told.get(f"{key}_ms"))) is not None}
    session = Session(formats={"litert-benchmark": None})
    session.settings = {"Graph": document["model"]}
    accelerators = document.get("accelerators")
    if isinstance(accelerators, list):
        session.settings["Accelerators"] = " | ".join(map(str, accelerators))
    for key, name in (("num_threads", "Num threads"), ("fully_accelerated", "Fully accelerated")):
        if isinstance(document.get(key), bool | int):
            session.settings[name] = str(document[key])
    session.latency = _latency(times, _count(told["num_warmup_runs"]), _count(told.get("num_runs")))
    if "avg" not in times:
        session.faults.append(BROKEN_OFF)
    return session


def _latency(times: Mapping[str, float], warm_ups: int | None, runs: int | None) -> Latency:
    """Times in milliseconds as latency. Without a warm-up the tool says that it took 0 ms."""
    found = {name: time * 1e3 for name, time in times.items()}
    warmed = warm_ups != 0 and "warmup_avg" in found
    return Latency(
        initialisation=found.get("init"),
        first=found.get("warmup_first") if warmed else None,
        warm_up=Statistics(warm_ups, average=found["warmup_avg"]) if warmed else None,
        inference=Statistics(
            runs, **{field: found[key] for key, field in _FIELDS.items() if key in found}
        )
        if "avg" in found
        else None,
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
