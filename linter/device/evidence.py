"""What runs have shown of each node: reports of `device run` and `host run`, and logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from npulint.device.documents import imported
from npulint.device.importing import read_log
from npulint.device.litert_benchmark import is_result
from npulint.device.placing import Place, merged, place, place_onnx
from npulint.device.predictions import Prediction, identified, read_json
from npulint.device.records import Log, Session
from npulint.errors import UsageError

_KINDS: Mapping[str, str] = MappingProxyType(
    {"nnapi": "nnapi", "tflite-gpu": "gpu", "hexagon": "hexagon"}
)
"""Beginnings of targets' names, and the backends of `device run` that they are of."""

_ONNX = frozenset({"onnxruntime", "onnxruntime-profile"})
"""Formats of logs of ONNX Runtime."""

_HOST: Mapping[str, Place] = MappingProxyType({"taken": "accelerator", "refused": "cpu"})


@dataclass(frozen=True, slots=True)
class Seen:
    """One node in one run.

    Attributes:
        graph: Index of its graph.
        index: Position there.
        op: Its operator.
        on: Who ran it, or would.
    """

    graph: int
    index: int
    op: str
    on: Place


@dataclass(frozen=True, slots=True)
class Evidence:
    """One run.

    Attributes:
        what: What was run where, in words.
        nodes: What it shows of the nodes.
        compiled: Whether a compiler was asked what it takes, and nothing was handed over by a
            runtime that has pieces and limits.
    """

    what: str
    nodes: tuple[Seen, ...]
    compiled: bool = False


def gather(
    paths: Sequence[Path], prediction: Prediction, backends: Sequence[str]
) -> list[Evidence]:
    """Read reports and logs of runs of one model.

    Args:
        paths: JSON reports of `device run` and `host run`; all other files, and what reports of
            `device import` have, are logs of one run.
        prediction: What they are to be held against.
        backends: Names of the backends or chips that count; empty for those that the prediction's
            target is about.

    Raises:
        UsageError: A file cannot be read, is of another model, or has no run that counts.
    """
    found: list[Evidence] = []
    logs: list[Log] = []
    for path in paths:
        document = read_json(path)
        if not isinstance(document, dict) or is_result(document):
            logs.append(read_log(path))
            continue
        try:
            if "logs" in document:
                logs += _of_import(document, path)
            else:
                found += _of_report(document, path, prediction, backends)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(
                f"{path}: is no JSON report of `npulint device run`, `npulint device import` or "
                f"`npulint host run`: {type(error).__name__} {error}"
            ) from error
    if logs:
        found.append(_of_logs(logs, prediction))
    for each in found:
        _see_same(each, prediction)
    return found


def _of_report(
    document: Mapping[str, Any], path: Path, prediction: Prediction, backends: Sequence[str]
) -> Iterator[Evidence]:
    if document.get("error") is not None and "runs" not in document:
        raise UsageError(f"{path}: tells of no run: {document['error']}")
    if "answers" in document:
        told = {each["target"]: _host_nodes(each) for each in document["answers"]}
        fit = [name for name in told if name == prediction.path]
        start, end = "compiled for ", " here"
    elif "runs" in document:
        runs = [each for each in document["runs"] if each["kind"] != "cpu"]
        told = {each["backend"]: tuple(map(_on_phone, each["nodes"])) for each in runs}
        wanted = next(
            (kind for start, kind in _KINDS.items() if prediction.path.startswith(start)),
            "external",
        )
        fit = [each["backend"] for each in runs if each["kind"] == wanted]
        phone = document["phone"]
        start, end = f"run on {phone['maker']} {phone['model']} ({phone['build']}) by ", ""
    else:
        raise UsageError(
            f"{path}: give the logs themselves, or a report of `npulint device run`, "
            "`device import` or `host run`"
        )
    chosen = [name for name in told if name in backends] if backends else fit
    if not chosen:
        raise UsageError(
            f"{path}: has no run for {prediction.target}; name one by --backend: "
            f"{', '.join(told) or 'there is none'}"
        )
    model = Path(document["model"]).name
    for name in chosen:
        yield Evidence(f"{model} {start}{name}{end}", told[name], "answers" in document)


def _host_nodes(answer: Mapping[str, Any]) -> tuple[Seen, ...]:
    """Nodes of an answer of the compiler. Which node of a piece made it fail is not told."""
    alone = {
        (piece["nodes"][0]["graph"], piece["nodes"][0]["index"])
        for piece in answer["pieces"]
        if piece["compiled"] is False and len(piece["nodes"]) == 1
    }
    return tuple(
        _seen(
            node,
            "cpu"
            if node["status"] == "failed" and (node["graph"], node["index"]) in alone
            else _HOST.get(node["status"], "unknown"),
        )
        for node in answer["nodes"]
    )


def _on_phone(node: Mapping[str, Any]) -> Seen:
    if node["on"] not in get_args(Place):
        raise ValueError(f"a node on {node['on']!r}")
    return _seen(node, node["on"])


def _seen(node: Mapping[str, Any], on: Place) -> Seen:
    return Seen(*identified(node), on)


def _of_import(document: Mapping[str, Any], path: Path) -> list[Log]:
    """The logs of a report of `device import`."""
    logs = imported(document)
    if not logs:
        raise UsageError(f"{path}: tells of no run: none of its logs could be read")
    return logs


def _of_logs(logs: Sequence[Log], prediction: Prediction) -> Evidence:
    """Several logs of one run."""
    names = ", ".join(log.path.name for log in logs)
    sessions = [session for log in logs for session in log.sessions]
    runs = _with_profile([each for each in sessions if _is_run(each)])
    apart = [each for each in sessions if not any(each is run for run in runs)]
    chosen = [each for each in apart if each.choices or each.steps or each.only]
    for what, several in (("runs", runs), ("processes that NNAPI logged", chosen)):
        if len(several) > 1:
            raise UsageError(f"{names}: tell of {len(several)} {what}; give the logs of one run")
    session = runs[0] if runs else Session()
    complete = not any(log.lost for log in logs)
    main = [node for node in prediction.nodes if node.graph == 0]
    if session.formats.keys() & _ONNX:
        inside = [node.name for node in prediction.nodes if node.graph]
        placed = place_onnx([(node.op, node.name) for node in main], session, inside)
    else:
        merged(session, chosen)
        placed = place([node.op for node in main], session, complete=complete)
    nodes = tuple(Seen(0, node.index, node.op, node.on) for node in placed)
    if all(node.on == "unknown" for node in nodes):
        _see_as_many(session, len(main), names, prediction)
    return Evidence(f"{prediction.model.name}, according to {names}", nodes)


def _see_as_many(session: Session, count: int, names: str, prediction: Prediction) -> None:
    """See that a log that proves nothing is at least of a model with as many nodes.

    Raises:
        UsageError: It is of another.
    """
    told = [each.total for each in session.delegations if each.total and not each.graph]
    if told and count not in told and "tflite" in session.formats:
        raise UsageError(
            f"{names}: is of another model than {prediction.model}: it tells of {told[0]} nodes, "
            f"and {count} are in the report"
        )


def _is_run(session: Session) -> bool:
    """Whether a session is a run of a model, and no part of a phone's own log."""
    ours = session.profile or session.delegations or session.placed
    return bool(ours) or "onnxruntime" in session.formats


def _with_profile(runs: list[Session]) -> list[Session]:
    """Runs, of which ONNX Runtime's log and its profile are one, where there is one of each."""
    told = [next(iter(_ONNX & run.formats.keys()), None) for run in runs]
    if sorted(map(str, told)) != sorted(_ONNX):
        return runs
    log, profile = sorted(runs, key=lambda run: "onnxruntime-profile" in run.formats)
    log.placed += profile.placed
    return [log]


def _see_same(evidence: Evidence, prediction: Prediction) -> None:
    """See that a run was of the model that was predicted.

    Raises:
        UsageError: It was not.
    """
    known = {(node.graph, node.index): node.op for node in prediction.nodes}
    for node in evidence.nodes:
        op = known.get((node.graph, node.index))
        if op != node.op:
            there = "nothing" if op is None else op
            raise UsageError(
                f"{evidence.what}: is of another model than {prediction.model}: node {node.index} "
                f"of graph {node.graph} is {node.op}, and {there} in the report"
            )
