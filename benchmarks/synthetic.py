"""ONNX models of any size for measurements: chains of LayerNorm2d, Conv and ConvTranspose.

A block is what exporters make of a decoder stage with a LayerNorm over channels (9 nodes),
a 3x3 convolution, a ReLU, a 2x2 transposed convolution and the max pooling that undoes it:
13 nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

NODES_PER_BLOCK = 13
OPSET = 17


def write_chain(path: Path, nodes: int, channels: int = 4, *, external: bool = False) -> None:
    """Write a chain of about `nodes` nodes whose every block has weights of its own.

    Args:
        path: Where to write; external data goes beside it.
        nodes: How many nodes, rounded up to whole blocks.
        channels: Width of each layer; the weights grow with its square.
        external: Whether the weights go into a file of their own.
    """
    blocks = -(-nodes // NODES_PER_BLOCK)
    graph = helper.make_graph([], "chain", [_image("x", channels)], [_image("y", channels)])
    rng = np.random.default_rng(0)
    current = "x"
    for block in range(blocks):
        result = "y" if block == blocks - 1 else f"b{block}.out"
        _Block(graph, f"b{block}", channels, rng).add(current, result)
        current = result
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="npulint-benchmarks"
    )
    model.ir_version = 8
    onnx.save(
        model,
        path,
        save_as_external_data=external,
        location=f"{path.name}.data" if external else None,
    )


def _image(name: str, channels: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, 32, 32])


@dataclass(frozen=True)
class _Block:
    """Adds the nodes and weights of one block to a graph."""

    graph: onnx.GraphProto
    name: str
    channels: int
    rng: np.random.Generator

    def add(self, source: str, result: str) -> None:
        node, weight, channels = self._node, self._weight, self.channels
        mean = node("ReduceMean", [source], axes=[1], keepdims=1)
        centred = node("Sub", [source, mean])
        square = node("Mul", [centred, centred])
        variance = node("ReduceMean", [square], axes=[1], keepdims=1)
        deviation = node("Sqrt", [node("Add", [variance, weight("eps")])])
        normal = node("Div", [centred, deviation])
        scaled = node("Mul", [normal, weight("gamma", channels, 1, 1)])
        shifted = node("Add", [scaled, weight("beta", channels, 1, 1)])
        kernel = weight("conv.w", channels, channels, 3, 3)
        convolved = node(
            "Conv",
            [shifted, kernel, weight("conv.b", channels)],
            kernel_shape=[3, 3],
            pads=[1, 1, 1, 1],
        )
        doubling = weight("up.w", channels, channels, 2, 2)
        up = node(
            "ConvTranspose",
            [node("Relu", [convolved]), doubling, weight("up.b", channels)],
            kernel_shape=[2, 2],
            strides=[2, 2],
        )
        node("MaxPool", [up], result, kernel_shape=[2, 2], strides=[2, 2])

    def _weight(self, suffix: str, *shape: int) -> str:
        array = self.rng.standard_normal(shape, dtype=np.float32) * np.float32(0.05)
        if suffix == "eps":  # Below 0 it would make roots of what has none.
            array = np.abs(array)
        name = f"{self.name}.{suffix}"
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(array, "<f4"), name))
        return name

    def _node(self, op: str, inputs: list[str], output: str = "", **attributes: object) -> str:
        output = output or f"{self.name}.{op}.{len(self.graph.node)}"
        self.graph.node.append(helper.make_node(op, inputs, [output], **attributes))
        return output
