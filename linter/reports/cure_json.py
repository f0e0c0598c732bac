"""What rewrites came to, as JSON (`cure.schema.json` beside this)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import npulint
from npulint.reports.matrix import pieces

if TYPE_CHECKING:
    from npulint.cure import FixResult
    from npulint.finding import ModelResult, TargetResult
    from npulint.fixers.choice import Alternative, Choice
    from npulint.verification.halves import Score, Scores
    from npulint.verification.records import Comparison, Difference, Output

SCHEMA_VERSION = 1

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """One model of a run: what came of it, or why nothing could.

    Attributes:
        path: The file as the user named it.
        result: What came of it.
        error: The fault in one sentence.
        diff: The nodes that went and came, where that was asked for.
    """

    path: Path
    result: FixResult | None = None
    error: str | None = None
    diff: Sequence[str] | None = None


def render_json(told: Sequence[Told]) -> str:
    """Draw a run as one JSON object, ending in a newline."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "npulint", "version": npulint.__version__},
        "models": [_model(each) for each in told],
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n"


def _model(told: Told) -> Json:
    head: Json = {"path": str(told.path), "error": told.error}
    result = told.result
    if result is None:
        return head
    return {
        **head,
        "format": result.before.dialect,
        "written": None if result.written is None else str(result.written),
        "held_back": result.held_back or None,
        "complete": result.complete,
        "exactness": result.exactness,
        "given_up": list(result.given_up),
        "input_shapes": {name: list(shape) for name, shape in result.input_shapes.items()},
        "choices": [_choice(choice, result.comparison) for choice in result.choices],
        "comparison": None if result.comparison is None else _comparison(result.comparison),
        "scores": None if result.scores is None else _scores(result.scores),
        "before": _state(result.before),
        "after": None if result.after is None else _state(result.after),
        "diff": None if told.diff is None else list(told.diff),
    }


def _choice(choice: Choice, comparison: Comparison | None) -> Json:
    chosen = choice.chosen
    return {
        "graph": choice.graph,
        "nodes": list(choice.nodes),
        "op": choice.op,
        "macs": choice.macs,
        "before": dict(choice.before),
        "realisation": choice.realisation,
        "exactness": chosen.exactness if chosen else None,
        "note": (chosen.note or None) if chosen else None,
        "limits": dict(chosen.limits) if chosen else {},
        "why": choice.why or None,
        "alternatives": [_alternative(each) for each in choice.alternatives],
        "measured": [] if comparison is None else list(_measured(choice, comparison)),
    }


def _measured(choice: Choice, comparison: Comparison) -> Iterator[Json]:
    """How far the values that a place makes are off."""
    if comparison.regions is not None:
        for each in comparison.regions.values:
            if each.name in choice.results:
                sample = comparison.regions.sample
                yield {"value": each.name, "sample": sample, **_errors([each.difference])}


def _alternative(each: Alternative) -> Json:
    return {
        "name": each.name,
        "exactness": each.exactness,
        "macs": each.macs,
        "nodes": each.nodes,
        "bytes": each.bytes,
        "note": each.note or None,
        "limits": dict(each.limits),
        "outcome": dict(each.outcome) if each.outcome is not None else None,
        "lost": each.lost or None,
    }


def _comparison(found: Comparison) -> Json:
    return {
        "same": found.same,
        "runtimes": list(found.runtimes),
        "samples": len(found.samples),
        "max_error": found.error_bound,
        "min_psnr": found.min_psnr,
        "outputs": [_output(output) for output in found.outputs],
    }


def _scores(scores: Scores) -> Json:
    return {
        "peak": scores.peak,
        "fitting": _score(scores.fitting),
        "held_out": _score(scores.held_out),
    }


def _score(score: Score) -> Json:
    told: Json = {"samples": list(score.names), "psnr": _finite(score.psnr), "truth": None}
    if score.original is not None and score.rewritten is not None:
        told["truth"] = {
            "original": _finite(score.original),
            "rewritten": _finite(score.rewritten),
        }
    return told


def _output(output: Output) -> Json:
    there = [each for each in output.differences if each is not None]
    return {"name": output.pair.a.name, "same": output.same, **_errors(there)}


def _errors(differences: Sequence[Difference]) -> Json:
    """The worst of each figure. JSON has no infinity: a PSNR without an error is null."""
    alike = [each.ssim for each in differences if each.ssim is not None]
    return {
        "max_absolute": max((each.max_absolute for each in differences), default=0.0),
        "max_relative": _finite(max((each.max_relative for each in differences), default=0.0)),
        "psnr": _finite(min((each.psnr for each in differences), default=math.inf)),
        "ssim": min(alike, default=None),
    }


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _state(result: ModelResult) -> Json:
    return {
        "summary": None if result.summary is None else asdict(result.summary),
        "targets": [_target(each) for each in result.targets],
    }


def _target(result: TargetResult) -> Json:
    verdicts = [verdict.status for graph in result.verdicts for verdict in graph]
    return {
        "target": result.target.name,
        "kind": "target" if result.device is None else "device",
        "refused": verdicts.count("unsupported"),
        "unknown": verdicts.count("unknown"),
        "coverage": {"nodes": result.coverage.nodes, "macs": result.coverage.macs},
        "partitions": None if result.target.partitioning is None else pieces(result),
    }
