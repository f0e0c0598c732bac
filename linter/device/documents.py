"""Logs that are JSON documents: profiles, results of tools, and reports of `device import`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from npulint.device import litert_benchmark, onnx_profile
from npulint.device.records import (
    Acceptance,
    Applied,
    Choice,
    Delegation,
    Format,
    Latency,
    Log,
    Memory,
    Placed,
    ProfileRow,
    Refusal,
    Result,
    Session,
    Statistics,
)
from npulint.errors import UsageError

_Record = TypeVar("_Record")
_TRACE = '"cat"'


def read_document(path: Path, text: str) -> Log | None:
    """Read a log that is one JSON document.

    Args:
        path: Its file.
        text: What the file has.

    Returns:
        What it tells; None where this is no JSON of a kind that is read.

    Raises:
        UsageError: It is a profile that breaks off, or a report of npulint.
    """
    start = text.lstrip()
    if start[:1] not in {"[", "{"}:
        return None
    try:
        document = json.loads(start)
    except (ValueError, RecursionError):
        if start[0] == "[" and start[1:].lstrip()[:1] == "{" and _TRACE in start[:1000]:
            raise UsageError(
                f"{path}: is a profile of ONNX Runtime that breaks off: end it by the session's "
                "end_profiling()"
            ) from None
        return None
    if onnx_profile.is_profile(document):
        session = onnx_profile.read_profile(document)
    elif litert_benchmark.is_result(document):
        session = litert_benchmark.read_result(document)
    elif is_report(document):
        raise UsageError(f"{path}: is a report of npulint, no log")
    else:
        return None
    return Log(path, len(text.splitlines()), 0, 0, (session,))


def is_report(document: object) -> bool:
    """Whether a JSON document is a report of npulint."""
    tool = document.get("tool") if isinstance(document, dict) else None
    return isinstance(tool, dict) and tool.get("name") == "npulint"


def imported(document: Mapping[str, Any]) -> list[Log]:
    """The logs of a report of `npulint device import`; those that could not be read are left out.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: It is no such report.
    """
    return [
        Log(
            Path(_text(log["path"])),
            _count(log["lines"]),
            _count(log["unknown"]),
            _count(log["lost"]),
            tuple(_session(session) for session in log["sessions"]),
        )
        for log in document["logs"]
        if log["error"] is None
    ]


def _session(told: Mapping[str, Any]) -> Session:
    """One session, as `npulint.reports.device_json` writes it."""
    latency = told["latency_us"]
    return Session(
        told["process"] if told["process"] is None else _count(told["process"]),
        formats=dict.fromkeys(_one_of(each, Format) for each in told["formats"]),
        settings={_text(name): _text(value) for name, value in told["settings"].items()},
        latency=Latency(
            _time(latency["initialisation"]),
            _time(latency["first"]),
            _statistics(latency["warm_up"]),
            _statistics(latency["inference"]),
        ),
        memory=[_record(Memory, each) for each in told["memory_mb"]],
        profile=[_record(ProfileRow, each) for each in told["profile"]],
        accelerators=[_text(each) for each in told["accelerators"]],
        delegations={_record(Delegation, each): _times(each) for each in told["delegations"]},
        applied={_text(name): _one_of(how, Applied) for name, how in told["applied"].items()},
        choices={_record(Choice, each): _times(each) for each in told["choices"]},
        steps={_text(each["device"]): _times(each) for each in told["steps"]},
        only=dict.fromkeys(map(_text, told["whole_model_on"])),
        fallbacks={_text(each["said"]): _times(each) for each in told["fallbacks"]},
        refusals={_record(Refusal, each): _times(each) for each in told["refusals"]},
        acceptances={_record(Acceptance, each): _times(each) for each in told["acceptances"]},
        placed=[
            Placed(
                _text(each["on"]),
                _count(each["count"]),
                tuple((_text(node["op"]), _text(node["name"])) for node in each["nodes"]),
            )
            for each in told["placed"]
        ],
        results=[_result(each) for each in told["results"]],
        faults=[_text(each) for each in told["faults"]],
    )


def _statistics(told: Mapping[str, Any] | None) -> Statistics | None:
    return None if told is None else _record(Statistics, told)


def _result(told: Mapping[str, Any]) -> Result:
    latency = _time(told["latency_us"])
    return Result(
        _text(told["model"]),
        _wrong(latency) if latency is None else latency,
        _time(told["deviation_us"]),
        _time(told["initialisation_us"]),
        _time(told["psnr"]),
        {_text(name): _text(value) for name, value in told["others"].items()},
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else _wrong(value)


def _count(value: object) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if whole else _wrong(value)  # type: ignore[return-value]


def _times(told: Mapping[str, Any]) -> int:
    return _count(told["times"])


def _time(value: object) -> float | None:
    return value if _fits(value, float | None) else _wrong(value)  # type: ignore[return-value]


def _one_of(value: object, names: Any) -> Any:
    return value if value in get_args(names) else _wrong(value)


def _wrong(value: object) -> NoReturn:
    raise ValueError(f"{value!r:.60}")


def _record(kind: type[_Record], told: Mapping[str, Any]) -> _Record:
    """A record of which each field stands under its own name.

    Raises:
        ValueError: A value is not of its field's type.
    """
    values = {}
    for name, hint in _hints(kind).items():  # type: ignore[arg-type]
        value = told[name]
        if not _fits(value, hint):
            _wrong(value)
        values[name] = value
    return kind(**values)


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


def _fits(value: object, hint: Any) -> bool:
    if get_origin(hint) in {Union, UnionType}:
        return any(_fits(value, each) for each in get_args(hint))
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)
