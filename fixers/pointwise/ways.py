"""What the readers of elementwise families share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.fixers.norms.constants import Readings
from npulint.fixers.record import Refusal
from npulint.operators.from_tflite import fused_activation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from npulint.model import Graph, Node

_BROADCASTING = 7
"""The opset from which on operands broadcast as in numpy."""


_last: list[Readings] = []


def readings_of(graph: Graph) -> Readings:
    """What the nodes of a graph compute; kept for the graph asked about last.

    A dozen families read the same graph one after the other.
    """
    if not _last or _last[0].graph is not graph:
        _last[:] = [Readings(graph)]
    return _last[0]


def unfit(readings: Readings, node: Node, values: Sequence[int]) -> Refusal | None:
    """Why a node cannot be rewritten whatever the way, None where it can."""
    graph = readings.graph
    if graph.dialect == "onnx" and node.version < _BROADCASTING:
        return Refusal(f"opset {node.version} broadcasts along stated axes: convert it to 7 on")
    if activation(readings, node) == "SIGN_BIT":
        return Refusal("its fused activation has no operator of its own")
    for index in values:
        value = graph.values[index]
        if value.quantisation is not None or value.dtype not in ("float32", None):
            return Refusal(f"it computes in {value.dtype}: rewrite the float model, then quantise")
        if value.dtype is None or readings.sizes(index) is None:
            return Refusal("the sizes and types of its inputs and outputs are not all fixed")
    if readings.sizes(node.outputs[0]) == ():
        return Refusal("it computes a single number")
    return None


def activation(readings: Readings, node: Node) -> str:
    """The fused activation of a node, `NONE` in ONNX."""
    if readings.graph.dialect == "onnx":
        return "NONE"
    return fused_activation(readings.graph.operation(node))


def channel_axis(readings: Readings, rank: int) -> int:
    """The stored axis along which feature maps hold their channels."""
    return rank - 1 if readings.graph.dialect == "tflite" else min(1, rank - 1)
