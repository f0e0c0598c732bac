"""What several families ask of the nodes that they read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.fixers.record import Refusal
from npulint.operators.conversions import from_onnx
from npulint.operators.from_tflite import from_tflite
from npulint.operators.onnx_node import NoConversionError
from npulint.operators.tflite_node import FEATURE_RANK, stored_axis

if TYPE_CHECKING:
    from collections.abc import Iterable

    from npulint.model import Graph, Node, Value
    from npulint.operators.rearrangements import Operator

QUANTISED = "rewrite the float model, then quantise"


def meaning(graph: Graph, node: Node) -> Operator | Refusal:
    """What a node computes; its axes are counted as the dialect's reader counts them."""
    operation = graph.operation(node)
    try:
        return from_tflite(operation) if graph.dialect == "tflite" else from_onnx(operation)
    except NoConversionError as error:
        return Refusal(str(error))


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


def not_float(graph: Graph, index: int) -> Refusal | None:
    """Why sums and products of a value are not exact, None where they are."""
    value = graph.values[index]
    if value.dtype != "float32" or value.quantisation is not None:
        return Refusal(f"it computes in {value.dtype}: {QUANTISED}")
    return None
