"""Convolutions as graphs have them: strides, padding, dilation, groups, fused activation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.bounds import zeros
from npulint.fixers.reading import fixed, meaning, not_float, padding
from npulint.fixers.record import Occurrence, Refusal
from npulint.operators.semantics import Conv

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array, Builder, Feature, Margins, Sizes
    from npulint.model import Graph, Node, Value


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution of a feature map by stored weights, which are read when they are needed.

    Attributes:
        op: The operator that it was read from.
        source: Position of the activation.
        result: Position of the output.
        sizes: The activation, `[N, C, H, W]`.
        output: The output, likewise.
        weights: The filter as stored.
        offsets: The bias, or None.
        window: Kernel sizes along H and W.
        strides: Along H and W.
        dilations: Along H and W.
        pads: Samples of padding: top, bottom, left, right.
        groups: Groups of channels.
        activation: TFLite name of a fused activation.
    """

    op: str
    source: int
    result: int
    sizes: Sizes
    output: Sizes
    weights: Value
    offsets: Value | None
    window: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    pads: tuple[int, int, int, int]
    groups: int
    activation: str

    @property
    def kernel(self) -> Array:
        """The filter, `[Cout, Cin/groups, kH, kW]`."""
        held = _data(self.weights)
        if self.op == "Conv":
            return held
        order = (3, 0, 1, 2) if self.op == "DEPTHWISE_CONV_2D" else (0, 3, 1, 2)
        turned: Array = held.transpose(order)
        return turned

    @property
    def bias(self) -> Array | None:
        """The bias, `[Cout]`."""
        return None if self.offsets is None else _data(self.offsets)

    @property
    def reach(self) -> tuple[int, int]:
        """Samples from the first to the last of the window along H and W."""
        rows, columns = (
            (size - 1) * step + 1 for size, step in zip(self.window, self.dilations, strict=True)
        )
        return rows, columns


def recognise(graph: Graph) -> Iterator[Occurrence[Convolution]]:
    """Find every convolution of a graph."""
    for node in graph.nodes:
        found = read(graph, node)
        if found is not None:
            yield Occurrence(node.op, (node.index,), (node.outputs[0],), found)


def read(graph: Graph, node: Node, *, kept: bool = False) -> Convolution | Refusal | None:
    """Read a node: what it computes, why that cannot be rewritten, or None where it is no such.

    Args:
        graph: The graph.
        node: The node.
        kept: Whether its weights are kept as they are, and may be of any type.
    """
    if node.domain or node.op not in ("CONV_2D", "DEPTHWISE_CONV_2D", "Conv"):
        return None
    record = meaning(graph, node)
    if not isinstance(record, Conv):
        return record if isinstance(record, Refusal) else None
    x, weights, *rest = graph.operation(node).inputs
    bias = rest[0] if rest else None
    if x is None or weights is None:
        return Refusal("an operand is left out")
    refusal = not_float(graph, x.index) or _unread(weights) or (bias and _unread(bias))
    if refusal and not kept:
        return refusal
    return _convolution(graph, node, record, (x, weights, bias))


def _convolution(
    graph: Graph, node: Node, record: Conv, operands: tuple[Value, Value, Value | None]
) -> Convolution | Refusal:
    x, weights, bias = operands
    found, made = fixed(x), fixed(graph.values[node.outputs[0]])
    if found is None or made is None or len(found) != 4:
        return Refusal("the sizes of its input and output are not all fixed, or are not 4")
    sizes, output = _planes(graph, found), _planes(graph, made)
    window = record.window
    pads = padding(graph, window, sizes[2:])
    if isinstance(pads, Refusal):
        return pads
    return Convolution(
        op=node.op,
        source=x.index,
        result=node.outputs[0],
        sizes=sizes,
        output=output,
        weights=weights,
        offsets=bias,
        window=(window.kernel[0], window.kernel[1]),
        strides=(window.strides[0], window.strides[1]),
        dilations=(window.dilations[0], window.dilations[1]),
        pads=(*pads[0], *pads[1]),
        groups=record.groups,
        activation=str(node.attributes.get("fused_activation_function", "NONE"))
        if graph.dialect == "tflite"
        else "NONE",
    )


def _unread(value: Value) -> Refusal | None:
    if value.constant is None or value.constant.sparse:
        return Refusal("its weights are computed at run time, or stored sparsely")
    if value.dtype != "float32":
        return Refusal(f"its weights are {value.dtype}: rewrite the float model, then quantise")
    return None


def _data(value: Value) -> Array:
    if value.constant is None:
        raise AssertionError("only asked for after `_unread`")
    return value.constant.read()


def _planes(graph: Graph, shape: tuple[int, ...]) -> Sizes:
    if graph.dialect == "tflite":
        batch, height, width, channels = shape
        return batch, channels, height, width
    batch, channels, height, width = shape
    return batch, channels, height, width


@dataclass(frozen=True, slots=True)
class Sliding:
    """How a window slides.

    Attributes:
        strides: Along H and W.
        dilations: Along H and W.
        pads: Samples of padding: top, bottom, left, right.
        groups: Groups of channels.
        activation: TFLite name of a fused activation.
    """

    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1
    activation: str = "NONE"


class Windows(ABC):
    """Adds convolutions with all that they may have.

    Args:
        builder: Where the nodes go.
    """

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    @abstractmethod
    def conv(self, x: Feature, kernel: Array, bias: Array | None, how: Sliding) -> Feature:
        """Convolve; `kernel` is `[Cout, Cin/groups, kH, kW]`."""

    @abstractmethod
    def dense(self, value: int, matrix: Array, bias: Array | None, activation: str) -> int:
        """Multiply the rows of `[N, Cin]` by a matrix `[Cout, Cin]`."""


def slid(x: Feature, kernel: Array, how: Sliding) -> Sizes:
    """Sizes after a convolution."""
    sizes = []
    for axis in (0, 1):
        reach = (int(kernel.shape[2 + axis]) - 1) * how.dilations[axis] + 1
        padded = x.sizes[2 + axis] + how.pads[2 * axis] + how.pads[2 * axis + 1]
        sizes.append((padded - reach) // how.strides[axis] + 1)
    return x.sizes[0], int(kernel.shape[0]), sizes[0], sizes[1]


def stuffed(kernel: Array, dilations: tuple[int, int]) -> Array:
    """A kernel with the holes of its dilation filled with zeros."""
    *lead, rows, columns = kernel.shape
    sizes = [(size - 1) * step + 1 for size, step in zip((rows, columns), dilations, strict=True)]
    whole = zeros((*lead, *sizes), kernel.dtype)
    whole[:, :, :: dilations[0], :: dilations[1]] = kernel
    return whole


def dense(kernel: Array, groups: int) -> Array:
    """`[Cout, Cin/g, kH, kW]` -> `[Cout, Cin, kH, kW]`, zeros from one group to another."""
    outputs, inputs, *window = kernel.shape
    whole = zeros((outputs, groups * inputs, *window), kernel.dtype)
    for group, part in enumerate(np.split(kernel, groups)):
        first = group * outputs // groups
        whole[first : first + len(part), group * inputs : (group + 1) * inputs] = part
    return whole


def margins_of(pads: tuple[int, int, int, int]) -> Margins:
    """Padding as margins."""
    from npulint.fixers.building.builder import Margins

    return Margins(*pads)


def windows(builder: Builder) -> Windows:
    """Convolutions in the dialect of a builder's graph."""
    from npulint.fixers.building.windows_onnx import OnnxWindows
    from npulint.fixers.building.windows_tflite import TFLiteWindows

    made = TFLiteWindows if builder.graph.dialect == "tflite" else OnnxWindows
    return made(builder)
