"""What `npulint device` finds, as JSON (`device.schema.json` beside this)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import npulint
from npulint.reports.comparison import difference_json

if TYPE_CHECKING:
    from npulint.device.phones import Attached, Facts
    from npulint.device.records import Log, Session, Statistics
    from npulint.device.runs import BackendRun, PhoneRun

SCHEMA_VERSION = 1

Json: TypeAlias = dict[str, Any]


def render_logs(logs: Sequence[Log | tuple[Path, str]]) -> str:
    """Draw logs as one JSON object, ending in a newline.

    Args:
        logs: What logs tell; or a log's path and why it could not be read.
    """
    return text({**head(), "logs": [_log(log) for log in logs]})


def render_list(phones: Sequence[tuple[Attached, Facts | None]]) -> str:
    """Draw attached phones as one JSON object, ending in a newline."""
    listed = [
        {
            "serial": phone.serial,
            "state": phone.state,
            "meaning": phone.sentence,
            "facts": None if facts is None else asdict(facts),
        }
        for phone, facts in phones
    ]
    return text({**head(), "phones": listed})


def render_run(run: PhoneRun) -> str:
    """Draw a run as one JSON object, ending in a newline."""
    reference = None
    if run.reference is not None:
        reference = dict(zip(("inputs", "runtime"), run.reference, strict=True))
    phone = {"serial": run.serial, **asdict(run.facts)}
    return text(
        {
            **head(),
            "model": str(run.path),
            "error": run.error,
            "phone": phone,
            "reference": reference,
            "remarks": list(run.remarks),
            "left": list(run.left),
            "runs": [_run(found) for found in run.runs],
        }
    )


def render_run_error(model: Path, error: str) -> str:
    """Draw what kept a model from being run, as one JSON object."""
    return text({**head(), "model": str(model), "error": error})


def _run(found: BackendRun) -> Json:
    return {
        "backend": str(found.backend),
        "kind": found.backend.kind,
        "outcome": found.outcome,
        "fault": found.fault,
        "command": found.command,
        "timed": None if found.timed is None else _told(found.timed),
        "seen": None if found.seen is None else _told(found.seen),
        "nodes": [
            {"graph": 0, "index": node.index, "op": node.op, "on": node.on} for node in found.nodes
        ],
        "heat": {"before": asdict(found.before), "after": asdict(found.after)},
        "outputs": None
        if found.outputs is None
        else [
            {"name": name, "difference": difference_json(each)}
            for name, each in found.outputs.items()
        ],
        "uncompared": found.uncompared,
        "nnapi_log": {"there": found.logged, "lost": found.lost},
    }


def _told(session: Session) -> Json | None:
    """A session, None where it told nothing."""
    return session_json(session) if session.formats else None


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
