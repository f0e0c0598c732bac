"""Stored tensors that a TFLite delegate unpacks by itself before it asks about what reads them.

XNNPACK's delegate turns float16 and 8-bit weights behind a DEQUANTIZE into float32 once, and
sparse weights behind a DENSIFY into dense ones, so that to its check the results are stored in the
model. It takes such nodes unless a node that it refuses reads them (google-ai-edge/LiteRT
tflite/delegates/xnnpack/xnnpack_delegate.cc 7299-7431, 7675-7684 @f6745779).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from npulint.model import Constant
from npulint.verdict import Memory, Reason, Verdict

if TYPE_CHECKING:
    from npulint.model import Graph, Node, Operation, Value
    from npulint.opsets.table import Target

_DENSIFIED = frozenset({"float16", "float32", "int8"})


def judge_unpacked(graph: Graph, target: Target) -> tuple[Verdict, ...]:
    """Judge every node of a graph as a delegate does that unpacks stored tensors by itself.

    Args:
        graph: A TFLite graph.
        target: The target, which says how it cuts.

    Returns:
        One verdict a node, in their order.
    """
    memory = Memory(target)
    stored: dict[int, Value] = {}
    verdicts: list[Verdict | None] = []
    for node in graph.nodes:
        operation = graph.operation(node)
        seen = replace(operation, inputs=tuple(_seen(each, stored) for each in operation.inputs))
        if _unpacks(node, seen):
            verdicts.append(None)
            stored[node.outputs[0]] = _unpacked(graph.values[node.outputs[0]])
        else:
            verdicts.append(memory.judge(seen))
    source = target.partitioning.source if target.partitioning else ""
    return tuple(
        _as_read(graph, graph.nodes[index], verdicts, source) if verdict is None else verdict
        for index, verdict in enumerate(verdicts)
    )


def _seen(value: Value | None, stored: dict[int, Value]) -> Value | None:
    return None if value is None else stored.get(value.index, value)


def _unpacks(node: Node, operation: Operation) -> bool:
    """Whether the delegate does a node's work by itself."""
    if node.custom or node.op not in {"DEQUANTIZE", "DENSIFY"}:
        return False
    if len(operation.inputs) != 1 or len(operation.outputs) != 1:
        return False
    source, result = operation.inputs[0], operation.outputs[0]
    if source is None or result is None or source.constant is None:
        return False
    if node.op == "DENSIFY":
        return (
            source.constant.sparse and source.dtype in _DENSIFIED and result.dtype == source.dtype
        )
    known = source.dtype == "float16" or (
        source.dtype == "int8" and source.quantisation is not None
    )
    return known and not source.constant.sparse and result.dtype == "float32"


def _unpacked(value: Value) -> Value:
    """A tensor that counts as stored, although its elements are in no file."""
    shape = tuple(size for size in value.shape or () if isinstance(size, int))
    return replace(value, constant=Constant(value.dtype or "float32", shape, None, None, 0))


def _as_read(graph: Graph, node: Node, verdicts: Sequence[Verdict | None], source: str) -> Verdict:
    """What becomes of a node that unpacks, by what becomes of those that read its result."""
    readers = [verdicts[reader.index] for reader in graph.uses[node.outputs[0]].readers]
    said = {verdict.validation for verdict in readers if verdict is not None}
    if said <= {"accepted"}:
        return Verdict("supported", "accepted")
    refused = "refused" in said
    message = (
        f"{node.op} of stored weights is handed over where every node that reads them is; found "
        f"one that {'is not' if refused else 'may not be'}"
    )
    reason = Reason(f"{node.op}/unpacked", message, source)
    if refused:
        return Verdict("unsupported", "refused", (reason,))
    return Verdict("unknown", "unknown", (reason,))
