"""What may keep a converted graph back: tensors whose size the conversion leaves to the run.

An ONNX graph is cut over its own nodes, and its converted tensors are not followed from one node
to the next. So it can be seen that an operation asks for contents which the converted file does
not store, but not whether the CPU kernels before it compute them while they prepare: the answer
is a doubt, never a refusal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.operators import lower_graph
from npulint.opsets import tflite_kernels as kernels

if TYPE_CHECKING:
    from npulint.model import Graph, Operation


def dynamic_doubt(graph: Graph) -> str | None:
    """Why a converted graph may hold a tensor without a size, in one sentence, or None.

    Args:
        graph: An ONNX graph.
    """
    for node, lowering in zip(graph.nodes, lower_graph(graph), strict=True):
        for operation in lowering.operations:
            why = _open_result(operation)
            if why is not None:
                made = operation.op if operation.op == node.op else f"{operation.op} of {node.op}"
                return (
                    f"the result of {made} (node {node.index}) may have no size before it runs, "
                    f"for {why}, and then nothing is handed over"
                )
    return None


def _open_result(operation: Operation) -> str | None:
    """What the size of an operation's result hangs on besides the file, if it does."""
    if operation.op in kernels.UNSIZED:
        return f"only running it tells ({kernels.source(kernels.UNSIZED[operation.op].lines)})"
    sizing = kernels.SIZINGS.get(operation.op)
    if sizing is not None:
        for position in sizing.needs:
            value = operation.inputs[position] if position < len(operation.inputs) else None
            if value is not None and value.constant is None:
                return f"input {position} is not stored ({kernels.source(sizing.lines)})"
    first = operation.inputs[0] if operation.inputs else None
    if operation.op in kernels.OPEN_INPUT and first is not None and first.shape_signature:
        return f"a size of its input is free ({kernels.source(kernels.OPEN_INPUT[operation.op])})"
    return None
