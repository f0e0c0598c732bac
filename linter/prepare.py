"""Nodes that TFLite's CPU kernels refuse to prepare, so that the model does not run at all.

A delegate does not cure that: the runtime prepares every node on the CPU first. What the
kernels demand is written down in `npulint.opsets.tflite_kernels`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.obstacle import Obstacle
from npulint.opsets import tflite_kernels as kernels

if TYPE_CHECKING:
    from npulint.model import Graph, Node, Value


def refusal(graph: Graph, node: Node) -> Obstacle | None:
    """Say why no CPU kernel prepares a node, where that is written down.

    Told are missing and mistyped biases of convolutions, operands whose element types differ
    where they must agree, types that a kernel does not take, and int16 with a zero point. Such
    a model does not run at all, delegate or not.

    Args:
        graph: A TFLite graph.
        node: One of its nodes, of a builtin operator.

    Returns:
        The obstacle; None where no reason is known.
    """
    for test in (_missing_bias, _foreign_type, _mixed_types, _asymmetric):
        found = test(graph, node)
        if found is not None:
            why, lines = found
            message = f"{node.op} (node {node.index}) cannot be prepared on the CPU: {why}"
            return Obstacle("prepare", node.index, None, message, kernels.source(lines))
    return None


def _missing_bias(graph: Graph, node: Node) -> tuple[str, str] | None:
    position = kernels.BIAS_AT.get(node.op)
    if position is None:
        return None
    given = node.inputs[position] if position < len(node.inputs) else None
    if given is None or given < 0:
        lines = kernels.BIAS_MISSING.get(node.op)
        if lines is None or (given is None and node.op != "CONV_2D"):
            return None
        return "it has no bias, and its kernel demands one", lines
    by_input, lines = kernels.BIAS_TYPES[node.op]
    source = node.inputs[_data_input(node)]
    taken = by_input.get(graph.values[source].dtype or "") if source >= 0 else None
    found = graph.values[given].dtype
    if taken is None or found in taken:
        return None
    return f"its bias is {found}; {' or '.join(taken)} is taken", lines


def _data_input(node: Node) -> int:
    """Position of the input that carries the data (TRANSPOSE_CONV reads its shape first)."""
    return 2 if node.op == "TRANSPOSE_CONV" else 0


def _foreign_type(graph: Graph, node: Node) -> tuple[str, str] | None:
    types = kernels.INPUT_TYPES.get(node.op)
    values = _operands(graph, node, (_data_input(node),), ())
    if types is None or not values or values[0].dtype in types[0]:
        return None
    return f"its input is {values[0].dtype}; {', '.join(types[0])} are taken", types[1]


def _mixed_types(graph: Graph, node: Node) -> tuple[str, str] | None:
    demand = kernels.SAME_TYPE.get(node.op)
    if demand is None:
        return None
    inputs = (2,) if node.op == "TRANSPOSE_CONV" else demand.inputs
    found = [v.dtype or "" for v in _operands(graph, node, inputs, demand.outputs)]
    types = list(dict.fromkeys(found))
    if len(types) < 2:
        return None
    return f"its operands mix {' and '.join(types)}; one type is taken", demand.lines


def _asymmetric(graph: Graph, node: Node) -> tuple[str, str] | None:
    demand = kernels.SYMMETRIC_INT16.get(node.op)
    if demand is None:
        return None
    inputs = (2,) if node.op == "TRANSPOSE_CONV" else demand.inputs
    values = _operands(graph, node, inputs, demand.outputs)
    if not values or values[0].dtype != "int16":
        return None
    for value in values:
        if value.quantisation is not None and value.quantisation.zero_point:
            return "an int16 operand has a zero point other than 0", demand.lines
    return None


def _operands(
    graph: Graph, node: Node, inputs: tuple[int, ...] | None, outputs: tuple[int, ...]
) -> list[Value]:
    """Operands by position, those that are there."""
    chosen = (
        node.inputs if inputs is None else [node.inputs[p] for p in inputs if p < len(node.inputs)]
    )
    made = [node.outputs[p] for p in outputs if p < len(node.outputs)]
    return [graph.values[index] for index in (*chosen, *made) if index >= 0]
