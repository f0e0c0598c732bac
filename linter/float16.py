"""Float16 weights behind DEQUANTIZE, and how a TFLite delegate looks through them.

When a model has DEQUANTIZE nodes on stored float16 tensors, the delegate checks every other
node as if it read the float16 tensor itself, and hands the DEQUANTIZE nodes over only when it
takes all the others (google-ai-edge/LiteRT tflite/delegates/utils.cc 203-350 and
tflite/delegates/nnapi/nnapi_delegate.cc 6792-6826, 6892-6912 @f6745779).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from npulint.verdict import Reason, Verdict, judge

if TYPE_CHECKING:
    from npulint.model import Graph, Node
    from npulint.opsets.table import Target


@dataclass(frozen=True, slots=True)
class Lens:
    """A graph as the delegate sees it through its float16 weights.

    Attributes:
        verdicts: Verdicts on the nodes that read float16 weights, reading float16.
        accepted: For each node whether the delegate accepts it.
        reads: Inputs of the accepted nodes that read float16 weights directly.
        folded: The DEQUANTIZE nodes that are handed over and leave nothing behind.
    """

    verdicts: tuple[Verdict, ...]
    accepted: tuple[bool, ...]
    reads: Mapping[int, tuple[int, ...]]
    folded: frozenset[int]


def look_through(graph: Graph, verdicts: Sequence[Verdict], target: Target) -> Lens | None:
    """Look at a graph through its float16 weights.

    Args:
        graph: A TFLite graph.
        verdicts: The target's verdict on each node as the file has it.
        target: The target whose check is asked again.

    Returns:
        The graph as the delegate sees it; None where no float16 weight is dequantised.
    """
    dequantizers = {n.index: n for n in graph.nodes if dequantizes_float16(graph, n)}
    if not dequantizers:
        return None
    weights = {node.outputs[0]: node.inputs[0] for node in dequantizers.values()}
    seen = list(verdicts)
    reads: dict[int, tuple[int, ...]] = {}
    for node in graph.nodes:
        inputs = tuple(weights.get(value, value) for value in node.inputs)
        if inputs != node.inputs:
            seen[node.index] = _judge_again(graph, replace(node, inputs=inputs), target)
            reads[node.index] = inputs
    accepted = tuple(
        verdict.validation == "accepted" and index not in dequantizers
        for index, verdict in enumerate(seen)
    )
    complete = sum(accepted) + len(weights) == len(graph.nodes)
    return Lens(
        verdicts=tuple(seen),
        accepted=accepted,
        reads={index: inputs for index, inputs in reads.items() if accepted[index]},
        folded=frozenset(dequantizers) if complete else frozenset(),
    )


def see_through(graph: Graph, verdicts: Sequence[Verdict], target: Target) -> tuple[Verdict, ...]:
    """The verdicts of a delegate that never asks about a node that reads dequantised weights.

    Args:
        graph: A TFLite graph.
        verdicts: The target's verdict on each node as the file has it.
        target: The target whose check is asked again.

    Returns:
        The verdicts on the nodes as they read float16 weights directly. A DEQUANTIZE of such
        weights is accepted with all the others, and refused where one of them is.
    """
    lens = look_through(graph, verdicts, target)
    if lens is None or target.partitioning is None:
        return tuple(verdicts)
    kept = Reason(
        "DEQUANTIZE/float16-weights",
        "DEQUANTIZE of float16 weights is handed over only when all other nodes are; found that "
        "not all are",
        target.partitioning.source,
    )
    dequantizer = (
        Verdict("supported", "accepted")
        if lens.folded
        else Verdict("unsupported", "refused", (kept,))
    )
    return tuple(
        dequantizer if dequantizes_float16(graph, node) else lens.verdicts[node.index]
        for node in graph.nodes
    )


def dequantizes_float16(graph: Graph, node: Node) -> bool:
    """Whether a node turns a stored float16 tensor into float32."""
    if node.op != "DEQUANTIZE" or node.custom or not (node.inputs and node.outputs):
        return False
    if node.inputs[0] < 0:
        return False
    value = graph.values[node.inputs[0]]
    return value.dtype == "float16" and value.constant is not None


def _judge_again(graph: Graph, node: Node, target: Target) -> Verdict:
    return judge(graph.operation(node), target)
