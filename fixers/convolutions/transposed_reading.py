"""Transposed convolutions as both dialects write them, read into one record with its weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.fixers.building.bounds import TooLargeError, zeros
from npulint.fixers.reading import meaning
from npulint.fixers.record import Occurrence, Refusal
from npulint.operators.semantics import TransposeConv

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array, Sizes
    from npulint.model import Graph, Node, Operation, Shape, Value

_FLOAT = ("float32",)


@dataclass(frozen=True, slots=True, eq=False)
class TransposedConvolution:
    """out[o] = bias + sum over i, t with i*s + t = o + p of x[i] * kernel[t], per axis.

    Attributes:
        source: Position of the activation.
        result: Position of the output.
        sizes: The activation, `[N, C, H, W]`.
        kernel: `[Cin, Cout/groups, kH, kW]`, holes of a dilation filled with zeros.
        bias: `[Cout]`, or None.
        strides: Along H and W.
        before: Samples `p` of the full result that are cut away at the top and at the left.
        output: Output sizes along H and W.
        groups: Groups of channels.
        activation: TFLite name of a fused activation.
    """

    source: int
    result: int
    sizes: Sizes
    kernel: Array
    bias: Array | None
    strides: tuple[int, int]
    before: tuple[int, int]
    output: tuple[int, int]
    groups: int
    activation: str


def recognise(graph: Graph) -> Iterator[Occurrence[TransposedConvolution]]:
    """Find every transposed convolution of a graph."""
    for node in graph.nodes:
        found = read(graph, node)
        if found is not None:
            yield Occurrence(node.op, (node.index,), (node.outputs[0],), found)


def as_convolution(kernel: Array, groups: int) -> Array:
    """`[Cin, Cout/g, kH, kW]` of a transposed convolution -> `[Cout, Cin/g, kH, kW]`."""
    inputs, outputs, rows, columns = kernel.shape
    grouped: Array = kernel.reshape(groups, inputs // groups, outputs, rows, columns)
    swapped: Array = grouped.transpose(0, 2, 1, 3, 4)
    return swapped.reshape(groups * outputs, inputs // groups, rows, columns)


def read(graph: Graph, node: Node) -> TransposedConvolution | Refusal | None:
    """Read a node.

    Returns:
        What it computes; why it cannot be rewritten; or None where it is something else.
    """
    if graph.dialect == "tflite":
        return _of_tflite(graph, node) if node.op == "TRANSPOSE_CONV" else None
    return _of_onnx(graph, node) if node.op == "ConvTranspose" and not node.domain else None


def _of_tflite(graph: Graph, node: Node) -> TransposedConvolution | Refusal:
    operation = graph.operation(node)
    inputs = (*operation.inputs, None)[:4]
    _, weights, x, bias = inputs
    refusal = _unfit(x, operation.outputs[0], weights, bias)
    if refusal is not None or x is None or weights is None:
        return refusal or Refusal("an operand is left out")
    batch, height, width, channels = _fixed(x.shape)
    _, rows, columns, _ = _fixed(graph.values[node.outputs[0]].shape)
    kernel = _data(weights).transpose(3, 0, 1, 2)
    strides = _whole(operation, "stride_h"), _whole(operation, "stride_w")
    same = operation.attributes.get("padding") == "SAME"
    before = tuple(
        max((size - 1) * stride + window - out, 0) // 2 if same else 0
        for size, stride, window, out in zip(
            (height, width), strides, kernel.shape[2:], (rows, columns), strict=True
        )
    )
    return TransposedConvolution(
        source=x.index,
        result=node.outputs[0],
        sizes=(batch, channels, height, width),
        kernel=kernel,
        bias=None if bias is None else _data(bias),
        strides=strides,
        before=(before[0], before[1]),
        output=(rows, columns),
        groups=1,
        activation=str(operation.attributes.get("fused_activation_function", "NONE")),
    )


def _of_onnx(graph: Graph, node: Node) -> TransposedConvolution | Refusal:
    operation = graph.operation(node)
    x, weights, bias = (*operation.inputs, None)[:3]
    refusal = _unfit(x, operation.outputs[0], weights, bias)
    if refusal is not None or x is None or weights is None:
        return refusal or Refusal("an operand is left out")
    operator = meaning(graph, node)
    if isinstance(operator, Refusal):
        return operator
    if not isinstance(operator, TransposeConv):
        return Refusal("it is not read as a transposed convolution")
    window = operator.window
    try:
        kernel = _stuffed(_data(weights), window.dilations)
    except TooLargeError as error:
        return Refusal(str(error))
    batch, channels, height, width = _fixed(x.shape)
    _, _, rows, columns = _fixed(graph.values[node.outputs[0]].shape)
    stated = operation.attributes.get("output_shape") is not None
    before = []
    for axis, (size, out) in enumerate(((height, rows), (width, columns))):
        reach = (size - 1) * window.strides[axis] + int(kernel.shape[2 + axis])
        first = _first_kept(operator, axis, reach, out, stated=stated)
        if isinstance(first, Refusal):
            return first
        before.append(first)
    return TransposedConvolution(
        source=x.index,
        result=node.outputs[0],
        sizes=(batch, channels, height, width),
        kernel=kernel,
        bias=None if bias is None else _data(bias),
        strides=(window.strides[0], window.strides[1]),
        before=(before[0], before[1]),
        output=(rows, columns),
        groups=operator.groups,
        activation="NONE",
    )


def _first_kept(
    operator: TransposeConv, axis: int, reach: int, out: int, *, stated: bool
) -> int | Refusal:
    """How many samples of the full result go before the first that is kept.

    Where more samples are wanted than the window reaches, zeros follow it, as in onnxruntime.

    Args:
        operator: What the node says.
        axis: Of height and width.
        reach: Samples that the window reaches.
        out: Samples that are kept.
        stated: Whether the node has an `output_shape`.
    """
    window = operator.window
    if stated and out >= reach + window.strides[axis]:
        return Refusal(
            f"its output_shape asks for {out} samples where the window reaches {reach}: a stride "
            "or more beyond, for which runtimes have no input and which onnxruntime refuses"
        )
    if not window.auto:
        return window.pads[axis][0]
    cut = reach + (operator.output_padding[axis] if operator.output_padding else 0) - out
    if cut < 0 and not stated:
        return Refusal(
            f"with {window.auto} it has {out} samples by the standard, input times stride, but "
            f"{out + cut} in onnxruntime, because its window is smaller than its stride"
        )
    cut = max(cut, 0)
    return cut // 2 if window.auto == "SAME_UPPER" else cut - cut // 2


def _unfit(x: Value | None, result: Value | None, *stored: Value | None) -> Refusal | None:
    """Why a node cannot be rewritten whatever the way, None where it can."""
    for value in (x, result):
        if value is None or value.rank != 4 or value.element_count is None:
            return Refusal("the sizes of its input and output are not all fixed, or are not 4")
        if value.dtype not in _FLOAT:
            return Refusal(f"it computes in {value.dtype}: rewrite the float model, then quantise")
    for value in stored:
        if value is not None and (value.constant is None or value.constant.sparse):
            return Refusal("its weights are computed at run time, or stored sparsely")
        if value is not None and value.dtype not in _FLOAT:
            return Refusal(f"its weights are {value.dtype}: rewrite the float model, then quantise")
    return None


def _data(value: Value) -> Array:
    if value.constant is None:
        raise AssertionError("only asked for after `_unfit`")
    return value.constant.read()


def _fixed(shape: Shape | None) -> tuple[int, ...]:
    return tuple(size for size in shape or () if isinstance(size, int))


def _whole(operation: Operation, name: str) -> int:
    value = operation.attributes.get(name)
    return value if isinstance(value, int) else 1


def _stuffed(kernel: Array, dilations: tuple[int, ...]) -> Array:
    """A kernel with the holes of its dilation filled with zeros."""
    inputs, outputs, *window = kernel.shape
    sizes = [(size - 1) * step + 1 for size, step in zip(window, dilations, strict=True)]
    stuffed = zeros((inputs, outputs, *sizes), kernel.dtype)
    stuffed[:, :, :: dilations[0], :: dilations[1]] = kernel
    return stuffed
