"""What `npulint device` finds, as JSON (`device.schema.json` beside this)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import npulint

if TYPE_CHECKING:
    from npulint.device.records import Log, Session, Statistics

SCHEMA_VERSION = 1

Json: TypeAlias = dict[str, Any]


def render_logs(logs: Sequence[Log | tuple[Path, str]]) -> str:
    """Draw logs as one JSON object, ending in a newline.

    Args:
        logs: What logs tell; or a log's path and why it could not be read.
    """
    return text({**head(), "logs": [_log(log) for log in logs]})


def text(document: Json) -> str:
    """A document as text, ending in a newline."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n"


def head() -> Json:
    """What stands at the top of every report."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "npulint", "version": npulint.__version__},
    }


def _log(log: Log | tuple[Path, str]) -> Json:
    if isinstance(log, tuple):
        return {"path": str(log[0]), "error": log[1]}
    return {
        "path": str(log.path),
        "error": None,
        "lines": log.lines,
        "unknown": log.unknown,
        "lost": log.lost,
        "sessions": [session_json(session) for session in log.sessions],
    }


def session_json(session: Session) -> Json:
    """What one session tells."""
    latency = session.latency
    return {
        "process": session.process,
        "model": session.model,
        "formats": list(session.formats),
        "settings": session.settings,
        "latency_us": {
            "initialisation": latency.initialisation,
            "first": latency.first,
            "warm_up": _statistics(latency.warm_up),
            "inference": _statistics(latency.inference),
        },
        "memory_mb": [asdict(memory) for memory in session.memory],
        "profile": [asdict(row) for row in session.profile],
        "accelerators": session.accelerators,
        "delegations": _counted(session.delegations),
        "applied": session.applied,
        "choices": [
            {**asdict(choice), "on_cpu": choice.on_cpu, "times": times}
            for choice, times in session.choices.items()
        ],
        "steps": [{"device": name, "times": times} for name, times in session.steps.items()],
        "whole_model_on": list(session.only),
        "fallbacks": [{"said": said, "times": times} for said, times in session.fallbacks.items()],
        "refusals": _counted(session.refusals),
        "acceptances": _counted(session.acceptances),
        "placed": [
            {
                "on": placed.on,
                "count": placed.count,
                "nodes": [{"op": op, "name": name} for op, name in placed.nodes],
            }
            for placed in session.placed
        ],
        "results": [_result(asdict(result)) for result in session.results],
        "faults": session.faults,
    }


def _statistics(found: Statistics | None) -> Json | None:
    return None if found is None else asdict(found)


def _counted(found: Mapping[Any, int]) -> list[Json]:
    return [{**asdict(each), "times": times} for each, times in found.items()]


def _result(found: Json) -> Json:
    times = ("latency", "deviation", "initialisation")
    return {f"{key}_us" if key in times else key: value for key, value in found.items()}
