"""What makes TFLite take a whole delegation back: nodes that pass a check and cannot be built.

Where a delegate cannot build one of its pieces, the runtime restores every graph of the model,
those that it has handed over before included, and offers no more (google-ai-edge/LiteRT
tflite/delegates/utils/simple_delegate.cc 57-59, tflite/core/subgraph.cc 1156-1166, 2508-2517 and
tflite/core/interpreter.cc 451-456 @f6745779).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING

from npulint.obstacle import Obstacle

if TYPE_CHECKING:
    from npulint.model import Graph
    from npulint.opsets.table import Partitioning
    from npulint.verdict import Verdict

NOT_COMPILED = "nothing of the model is compiled"
"""What LiteRT makes of anything that goes wrong in one of its compiler plugins."""


def unbuildable(
    graph: Graph, verdicts: Sequence[Verdict], nodes: Iterable[int], rules: Partitioning
) -> Obstacle | None:
    """The first node that its check accepts and that cannot be built.

    Args:
        graph: The graph.
        verdicts: The target's verdict on each node.
        nodes: Positions of the nodes that are handed over.
        rules: How the target cuts.
    """
    for index in nodes:
        verdict = verdicts[index]
        if verdict.validation == "accepted" and verdict.status == "unsupported":
            reason = verdict.reasons[0]
            message = (
                f"{graph.nodes[index].op} (node {index}) passes the check and then cannot be "
                f"built, and {_then(rules)}: {reason.message}"
            )
            return Obstacle("build", index, None, message, reason.source)
    return None


def _then(rules: Partitioning) -> str:
    """What the runtime does when a piece cannot be built.

    ONNX Runtime fails (microsoft/onnxruntime onnxruntime/core/framework/graph_partitioner.cc,
    PartitionOnnxFormatModelImpl @01f40e6), and so does a compiler plugin of LiteRT, once for all
    pieces (see `npulint.plugged`). TFLite goes on without, unless the delegate is one that
    takes dynamic tensors: its pieces are only prepared when everything is (google-ai-edge/LiteRT
    tflite/core/subgraph.cc 2566-2619 @f6745779).
    """
    if rules.strategy == "onnx-runtime":
        return "no session comes to be"
    if rules.strategy == "litert-plugin":
        return NOT_COMPILED
    if rules.dynamic_tensors == "allowed":
        return "the runtime finds out too late to go on without it, and runs nothing"
    return "the runtime takes the whole delegation back"


def incomplete(
    graph: Graph, verdicts: Sequence[Verdict], rules: Partitioning, absent: Container[int]
) -> Obstacle | None:
    """The first node that keeps a model from a target that takes it whole or not at all.

    Args:
        graph: The graph.
        verdicts: The target's verdict on each node.
        rules: How the target cuts.
        absent: Positions of nodes that are gone once the graph is handed over.
    """
    if rules.strategy != "whole-model":
        return None
    for node, verdict in zip(graph.nodes, verdicts, strict=True):
        if verdict.validation == "refused" and node.index not in absent:
            message = (
                f"{node.op} (node {node.index}) is refused, and {rules.runs_on} takes a model "
                "whole or not at all"
            )
            return Obstacle("whole", node.index, None, message, rules.source)
    return None


def incompleteness(verdicts: Sequence[Verdict], rules: Partitioning) -> str | None:
    """Why a target that takes a model whole may not take it: nodes of which nothing is known."""
    unknown = sum(verdict.validation == "unknown" for verdict in verdicts)
    if rules.strategy != "whole-model" or not unknown:
        return None
    return (
        f"{rules.runs_on} takes a model whole or not at all, and nothing is known of some of its "
        f"nodes ({unknown})"
    )


def doubt(
    graph: Graph,
    verdicts: Sequence[Verdict],
    sure: Iterable[int],
    perhaps: Iterable[int],
    rules: Partitioning,
) -> str | None:
    """Why the whole delegation may be taken back.

    Args:
        graph: The graph.
        verdicts: The target's verdict on each node.
        sure: Positions of the nodes that are handed over.
        perhaps: Positions of the nodes that may be handed over.
        rules: How the target cuts.

    Returns:
        One sentence about the first node that may be handed over and may not be built, or None.
    """
    for index in sure:
        verdict = verdicts[index]
        if verdict.validation == "accepted" and verdict.status == "unknown":
            return (
                f"whether {graph.nodes[index].op} (node {index}) can be built is not known, and "
                f"if it cannot, {_then(rules)}: {verdict.reasons[0].message}"
            )
    for index in perhaps:
        verdict = verdicts[index]
        if verdict.validation == "accepted" and verdict.status != "supported":
            return (
                f"{graph.nodes[index].op} (node {index}) may be handed over and may not be built, "
                "and then the runtime takes the whole delegation back: "
                f"{verdict.reasons[0].message}"
            )
    return None
