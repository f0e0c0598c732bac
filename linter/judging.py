"""What one target or device makes of one model: verdicts, pieces, coverage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from npulint.cost import node_macs
from npulint.finding import Coverage, TargetResult
from npulint.joins import joining_set
from npulint.operators import CONVERSION, lower_graph
from npulint.opsets.profile import Device
from npulint.opsets.table import Target
from npulint.partition import delegate_model
from npulint.shown import show
from npulint.verdict import Caution, Verdict, judge_graph

if TYPE_CHECKING:
    from npulint.joins import Join
    from npulint.model import Dialect, Graph, Model, Operation
    from npulint.partition import Delegation


def judge_model(
    model: Model, asked: Target | Device, macs: tuple[tuple[int | None, ...], ...]
) -> TargetResult:
    """What one target or device makes of a model.

    Args:
        model: The model.
        asked: The target or the device.
        macs: Multiply-accumulates of each node, graph by graph.
    """
    target = _path_of(model, asked)
    verdicts = tuple(judge_graph(graph, target) for graph in model.graphs)
    vanishing = tuple(_vanishing(graph, target) for graph in model.graphs)
    delegations = delegate_model(model.graphs, verdicts, target, vanishing=vanishing)
    cautions = tuple(_cautions(model, target))
    if isinstance(asked, Device):
        from npulint import phone

        verdicts, delegations = phone.settle(model, asked, verdicts, delegations, vanishing)
        cautions += tuple(phone.cautions(model, asked))
    return TargetResult(
        **tables(model, asked),
        via=CONVERSION if _converted(model.dialect, target) else None,
        verdicts=tuple(
            tuple(map(_settled, judged, delegation.delegated))
            for judged, delegation in zip(verdicts, delegations, strict=True)
        ),
        delegations=delegations,
        coverage=_coverage(delegations, macs),
        cautions=cautions,
        joins=tuple(_joins(model, delegations, target)),
    )


def node_verdicts(model: Model, asked: Target | Device) -> tuple[tuple[Verdict, ...], ...]:
    """What one target or device makes of each node, graph by graph."""
    macs = tuple(node_macs(graph) for graph in model.graphs)
    return judge_model(model, asked, macs).verdicts


def tables(model: Model, asked: Target | Device) -> dict[str, Any]:
    """The tables of a result: the target that is shown, and the device that was asked."""
    path = _path_of(model, asked)
    if isinstance(asked, Target):
        return {"target": path, "device": None}
    shown = replace(path, name=asked.name, title=asked.title, date=asked.date)
    return {"target": shown, "device": asked}


def _path_of(model: Model, asked: Target | Device) -> Target:
    """The target whose table is asked about a model."""
    path = asked if isinstance(asked, Target) else asked.start.target
    target = path.side(model.dialect)
    if model.dialect != target.dialect and not _converted(model.dialect, target):
        # Of a model in a language that the target does not take nobody knows how it would be cut.
        return replace(target, partitioning=None)
    return target


def _joins(model: Model, delegations: Sequence[Delegation], target: Target) -> Iterator[Join]:
    rules = target.partitioning
    if rules is None:
        return
    for graph, delegation in zip(model.graphs, delegations, strict=True):
        waves = rules.strategy == "onnx-runtime" and graph.dialect == "onnx"
        apart = show(graph, target).apart if waves else ()
        join = joining_set(graph, delegation.partitions, strategy=rules.strategy, apart=apart)
        if join is not None:
            yield join


def _settled(verdict: Verdict, delegated: bool | None) -> Verdict:
    """The verdict once it is known what happens to the node.

    A runtime may take what its check refuses when asked about it alone: NNAPI's delegate folds
    DEQUANTIZE of float16 weights into the nodes that read them.
    """
    if delegated and verdict.status == "unsupported":
        return replace(verdict, status="supported")
    return verdict


def _cautions(model: Model, target: Target) -> Iterator[Caution]:
    """The target's warnings about itself, those with a condition where some operation meets it."""
    for advice in target.cautions:
        if advice.when is None or any(advice.when.test(each) for each in _asked(model, target)):
            yield Caution(advice.kind, advice.say, advice.source, advice.when is None)


def _asked(model: Model, target: Target) -> Iterator[Operation]:
    """The operations that the target's table is asked about."""
    rules = target.partitioning
    provided = rules is not None and rules.strategy == "onnx-runtime"
    for graph in model.graphs:
        if provided and graph.dialect == "onnx":
            seen = show(graph, target).view.graph
            yield from map(seen.operation, seen.nodes)
        elif _converted(graph.dialect, target):
            yield from (each for lowering in lower_graph(graph) for each in lowering.operations)
        elif graph.dialect == target.dialect:
            yield from map(graph.operation, graph.nodes)


def _converted(dialect: Dialect, target: Target) -> bool:
    """Whether a graph is judged by its conversion, the only one of which anything is known."""
    return dialect == "onnx" and target.dialect == "tflite"


def _vanishing(graph: Graph, target: Target) -> frozenset[int]:
    """Nodes of which a conversion or the runtime leaves nothing, so that they cut no graph."""
    rules = target.partitioning
    if rules is not None and rules.strategy == "onnx-runtime" and graph.dialect == "onnx":
        return frozenset(show(graph, target).view.gone)
    if not _converted(graph.dialect, target):
        return frozenset()
    lowered = lower_graph(graph)
    return frozenset(index for index, lowering in enumerate(lowered) if lowering.vanishes)


def _coverage(delegations: Sequence[Delegation], macs: Sequence[Sequence[int | None]]) -> Coverage:
    nodes = taken = 0
    total: int | None = 0
    covered = 0
    for delegation, counts in zip(delegations, macs, strict=True):
        for handed_over, count in zip(delegation.delegated, counts, strict=True):
            nodes += 1
            taken += handed_over is True
            if count is None or total is None:
                total = None
                continue
            total += count
            covered += count if handed_over is True else 0
    return Coverage(
        nodes=taken / nodes if nodes else 1.0,
        macs=covered / total if total else None,
    )
