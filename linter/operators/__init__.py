"""What a node computes, whatever its dialect, and what a converter makes of it.

An ONNX model runs on a TFLite delegate only after a conversion, so its nodes are judged by the
TFLite operators that the conversion makes of them. Readers turn an ONNX node into a semantic
operator (`semantics`), emitters turn that into TFLite operations, `lowering` does both for a
whole graph and keeps account of layouts and fusions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npulint.model import Graph, Node
    from npulint.operators.lowering import Lowering

CONVERSION = "onnx2tf 1.29 and TensorFlow Lite's converter 2.21 (float32, channels last)"
"""By which conversion an ONNX model is judged on a target that takes TFLite models."""

OLDEST_CONVERTED_OPSET = 11
"""The README of onnx2tf 1.29, key concept: "Only for opset=11 or higher"."""

NEWEST_CONVERTED_OPSET = 24
"""onnx2tf 1.29 comes with onnx 1.19.0 (its metadata, Requires-Dist), whose newest opset is this
one (docs/Versioning.md of onnx). What it makes of newer models nobody has written down."""


def lower_graph(graph: Graph) -> tuple[Lowering, ...]:
    """Say for each node of an ONNX graph which TFLite operations a converter makes of it.

    The lowering of a node depends on its neighbours: feature maps are stored channels last
    until something needs the ONNX order, activations are fused into the operator before them,
    and an operator has one version throughout a file. The result is kept for the graph asked
    about last, so asking again costs nothing.

    Args:
        graph: An ONNX graph.

    Returns:
        One lowering a node, by position.
    """
    from npulint.operators.lowering import lower_graph as implementation

    return implementation(graph)


def lower(graph: Graph, node: Node) -> Lowering:
    """Say which TFLite operations a converter makes of one ONNX node; see `lower_graph`."""
    return lower_graph(graph)[node.index]
