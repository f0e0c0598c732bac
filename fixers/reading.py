"""What several families ask of the nodes that they read."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from npulint.fixers.record import Refusal
from npulint.model import OMITTED
from npulint.operators.conversions import from_onnx
from npulint.operators.emit_windows import explicit_pads
from npulint.operators.from_tflite import from_tflite
from npulint.operators.onnx_node import CONTRADICTIONS, NoConversionError
from npulint.operators.tflite_node import FEATURE_RANK, stored_axis

if TYPE_CHECKING:
    from collections.abc import Iterable

    from npulint.model import Graph, Node, Value
    from npulint.operators.rearrangements import Operator
    from npulint.operators.semantics import Pads, Window

QUANTISED = "rewrite the float model, then quantise"

_PASSED_OVER = 2
"""Samples behind the last window up to which onnxruntime's SAME begins at the first sample."""


def meaning(graph: Graph, node: Node) -> Operator | Refusal:
    """What a node computes; its axes are counted as the dialect's reader counts them."""
    operation = graph.operation(node)
    try:
        return from_tflite(operation) if graph.dialect == "tflite" else from_onnx(operation)
    except NoConversionError as error:
        return Refusal(str(error))
    except CONTRADICTIONS:
        return Refusal(f"the operands, attributes and shapes of {node.op} contradict each other")


def stored(graph: Graph, axis: int, rank: int) -> int:
    """An axis of a record as the file stores it."""
    if graph.dialect == "tflite" and rank == FEATURE_RANK:
        return stored_axis(axis, rank)
    return axis


def fixed(value: Value) -> tuple[int, ...] | None:
    """The sizes of a value, None where one of them may change."""
    shape = value.shape if value.shape_signature is None else value.shape_signature
    if shape is None:
        return None
    sizes = tuple(size for size in shape if isinstance(size, int))
    return sizes if len(sizes) == len(shape) else None


def empty(graph: Graph, node: Node) -> bool:
    """Whether a node reads or makes a value of no elements; a constant may be an empty list."""
    held = (graph.values[index] for index in (*node.inputs, *node.outputs) if index != OMITTED)
    return any(value.constant is None and 0 in (value.shape or ()) for value in held)


def immovable(graph: Graph, values: Iterable[int]) -> Refusal | None:
    """Why values cannot be moved from one to another as they are, None where they can."""
    known = [graph.values[index] for index in values]
    if any(fixed(value) is None for value in known):
        return Refusal("the sizes of its inputs and outputs are not all fixed")
    if any(value.dtype is None for value in known):
        return Refusal("the element type is not known")
    if len({(value.dtype, value.quantisation) for value in known}) > 1:
        return Refusal(f"its values are quantised differently: {QUANTISED}")
    if known[0].quantisation is not None and known[0].quantisation.per_channel:
        return Refusal(f"its values have a scale for each channel: {QUANTISED}")
    return None


def padding(graph: Graph, window: Window, space: tuple[int, ...]) -> Pads | Refusal:
    """What a window adds before and after its map, in numbers.

    TFLite's SAME never crops. By ONNX's text it does, where strides pass over samples; which ones
    is left open, and onnxruntime rounds its own way where that is more than the last two.
    """
    if window.auto and graph.dialect == "onnx":
        for size, kernel, stride, step in zip(
            space, window.kernel, window.strides, window.dilations, strict=True
        ):
            left = size - ((ceil(size / stride) - 1) * stride + (kernel - 1) * step + 1)
            if left > _PASSED_OVER:
                return Refusal("its strides pass over samples, and runtimes crop others for SAME")
    return explicit_pads(window, space)


def not_float(graph: Graph, index: int) -> Refusal | None:
    """Why sums and products of a value are not exact, None where they are."""
    value = graph.values[index]
    if value.dtype != "float32" or value.quantisation is not None:
        return Refusal(f"it computes in {value.dtype}: {QUANTISED}")
    return None
