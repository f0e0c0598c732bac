"""The report as JSON, schema version 1 (`report.schema.json` beside this file)."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

import npulint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from npulint.finding import Finding, ModelResult, Remedy, Report, TargetResult
    from npulint.partition import Partition
    from npulint.verdict import Caution, Verdict

SCHEMA_VERSION = 1

Json: TypeAlias = dict[str, Any]


def render(report: Report) -> str:
    """Draw a report as JSON text, one line, ending in a newline."""
    return json.dumps(document(report), allow_nan=False) + "\n"


def document(report: Report) -> Json:
    """The report as plain dictionaries and lists."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "npulint", "version": npulint.__version__},
        "notes": list(report.notes),
        "models": [_model(result) for result in report.models],
        "findings": [
            {
                **_finding(each),
                "file": None if each.file is None else str(each.file),
                "line": each.line,
            }
            for each in report.findings
        ],
    }


def _model(result: ModelResult) -> Json:
    model, summary = result.model, result.summary
    if model is None or summary is None:
        return {"path": str(result.path), "error": result.error}
    return {
        "path": str(result.path),
        "format": model.dialect,
        "size": model.size,
        "digest": model.digest,
        "error": None,
        "summary": {
            "nodes": summary.nodes,
            "parameters": summary.parameters,
            "macs": summary.macs,
            "peak_activation_bytes": summary.peak_activation_bytes,
            "weight_bytes": summary.weight_bytes,
        },
        "nodes": [
            {"graph": node.graph, "index": node.index, "op": node.op, "name": node.name}
            for graph in model.graphs
            for node in graph.nodes
        ],
        "targets": [_target(each) for each in result.targets],
        "findings": [_finding(each) for each in result.findings],
        "silenced": [
            {**_finding(each.finding), "by": each.by, "reason": each.reason, "until": each.until}
            for each in result.silenced
        ],
    }


def _target(result: TargetResult) -> Json:
    entries = [
        (graph, index, verdict, delegation.delegated[index])
        for graph, (verdicts, delegation) in enumerate(
            zip(result.verdicts, result.delegations, strict=True)
        )
        for index, verdict in enumerate(verdicts)
    ]
    otherwise = _commonest([(v.status, v.validation, d) for _, _, v, d in entries])
    return {
        "target": result.target.name,
        "kind": "target" if result.device is None else "device",
        "path": None if result.device is None else result.device.start.target.name,
        "via": result.via,
        "date": result.target.date,
        "otherwise": otherwise,
        "verdicts": [
            _verdict(graph, index, verdict, delegated, result.remedies.get((graph, index), ()))
            for graph, index, verdict, delegated in entries
            if verdict.reasons
            or verdict.cautions
            or _outcome(verdict.status, verdict.validation, delegated) != otherwise
        ],
        "partitions": [_partition(piece) for piece in result.partitions],
        "joins": [
            {
                "graph": join.graph,
                "nodes": list(join.nodes),
                "pieces": join.pieces,
                "border_bytes": join.border_bytes,
            }
            for join in result.joins
        ],
        "coverage": {"nodes": result.coverage.nodes, "macs": result.coverage.macs},
        "why_not": [d.why_not for d in result.delegations if d.why_not],
        "cautions": list(map(_caution, result.cautions)),
    }


def _commonest(outcomes: list[tuple[str, str, bool | None]]) -> Json:
    if not outcomes:
        return _outcome("supported", "accepted", True)
    return _outcome(*Counter(outcomes).most_common(1)[0][0])


def _outcome(status: str, validation: str, delegated: bool | None) -> Json:
    return {"verdict": status, "validation": validation, "delegated": delegated}


def _verdict(
    graph: int, index: int, verdict: Verdict, delegated: bool | None, cures: Sequence[Remedy]
) -> Json:
    return {
        "graph": graph,
        "index": index,
        **_outcome(verdict.status, verdict.validation, delegated),
        "reasons": [
            {
                "constraint": reason.constraint,
                "message": reason.message,
                "source": reason.source,
            }
            for reason in verdict.reasons
        ],
        "cautions": list(map(_caution, verdict.cautions)),
        "fixes": [cure.name for cure in cures],
    }


def _caution(caution: Caution) -> Json:
    return {"kind": caution.kind, "message": caution.message, "source": caution.source}


def _partition(piece: Partition) -> Json:
    return {
        "graph": piece.graph,
        "runs_on": piece.runs_on,
        "nodes": list(piece.nodes),
        "handed_over": piece.handed_over,
        "bytes_in": piece.bytes_in,
        "bytes_out": piece.bytes_out,
    }


def _finding(finding: Finding) -> Json:
    return {
        "code": finding.code,
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "target": finding.target,
        "graph": finding.graph,
        "index": finding.index,
        "op": finding.op,
        "fingerprint": finding.fingerprint,
        "fixes": list(finding.fixes),
        "nodes": list(finding.nodes),
        "evidence": [{"message": each.message, "source": each.source} for each in finding.evidence],
        "unknown": finding.unknown,
    }
