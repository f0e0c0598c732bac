"""Which nodes of many axes can be said in few, and how."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.forms.lowered import Cut, Lowered, Operand, Rebuilt, Reordered, Same
from npulint.fixers.forms.lowering_axes import AXIS_READERS, Reader, shape_of
from npulint.fixers.forms.merging import apart, broadcast_labels, merge, merged
from npulint.fixers.moving import pieces_reading
from npulint.fixers.moving.axes import canonical, plan
from npulint.fixers.reading import QUANTISED, fixed, immovable, meaning, stored
from npulint.fixers.record import Refusal
from npulint.model import OMITTED
from npulint.operators.rearrangements import MatMul, Transpose

if TYPE_CHECKING:
    from npulint.model import Graph, Node

_RESHAPES = (
    "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "Reshape", "Squeeze", "Unsqueeze", "Flatten",
)  # fmt: skip

_OF_ONE = (
    "ABS", "CAST", "CEIL", "COS", "DEQUANTIZE", "ELU", "EXP", "FLOOR", "GELU", "HARD_SWISH",
    "LEAKY_RELU", "LOG", "LOGICAL_NOT", "LOGISTIC", "NEG", "QUANTIZE", "RELU", "RELU6",
    "RELU_0_TO_1", "RELU_N1_TO_1", "ROUND", "RSQRT", "SIGN", "SIN", "SQRT", "SQUARE", "TANH",
    "Abs", "Cast", "Ceil", "Clip", "Cos", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid",
    "HardSwish", "LeakyRelu", "Log", "Mish", "Neg", "Not", "Reciprocal", "Relu", "Round", "Selu",
    "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Sqrt", "Tanh", "ThresholdedRelu",
)  # fmt: skip

_OF_SEVERAL = (
    "ADD", "DIV", "EQUAL", "FLOOR_DIV", "FLOOR_MOD", "GREATER", "GREATER_EQUAL", "LESS",
    "LESS_EQUAL", "LOGICAL_AND", "LOGICAL_OR", "MAXIMUM", "MINIMUM", "MUL", "NOT_EQUAL", "POW",
    "SELECT_V2", "SQUARED_DIFFERENCE", "SUB",
    "Add", "And", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max",
    "Mean", "Min", "Mod", "Mul", "Or", "PRelu", "Pow", "Sub", "Sum", "Where", "Xor",
)  # fmt: skip

_BROADCASTS = 8
"""ONNX's opset from which on all operators of several operands broadcast."""


def read(graph: Graph, node: Node) -> Lowered | Refusal:
    """How a node can be said in as few axes as targets take; or why it cannot."""
    reader = _READERS.get(node.op)
    if reader is None or node.domain or node.bodies or node.custom:
        return Refusal(f"{node.op} is not known in fewer axes")
    if OMITTED in node.outputs:
        return Refusal("it leaves out one of its results")
    for index in (*node.inputs, *node.outputs):
        value = graph.values[index] if index != OMITTED else None
        if value is None:
            continue
        if fixed(value) is None or value.dtype is None or 0 in (fixed(value) or ()):
            return Refusal("the sizes and types of its inputs and outputs are not all fixed")
        if value.constant is not None and value.constant.sparse:
            return Refusal("it takes what is stored sparsely")
        if value.quantisation is not None and value.quantisation.per_channel:
            return Refusal(f"its values have a scale for each channel: {QUANTISED}")
    return reader(graph, node)


def _reshape(graph: Graph, node: Node) -> Lowered | Refusal:
    source, result = node.inputs[0], node.outputs[0]
    if math.prod(shape_of(graph, source)) != math.prod(shape_of(graph, result)):
        return Refusal("it does not keep its elements")
    return immovable(graph, (source, result)) or Same(source, result)


def _transpose(graph: Graph, node: Node) -> Lowered | Refusal:
    record = meaning(graph, node)
    if not isinstance(record, Transpose):
        return record if isinstance(record, Refusal) else Refusal("it is no transposition")
    shape = shape_of(graph, node.inputs[0])
    rank = len(shape)
    order = tuple(
        stored(graph, record.permutation[axis], rank)
        for axis in sorted(range(rank), key=lambda axis: stored(graph, axis, rank))
    )
    if plan(tuple(canonical(shape, order)[1])) is None:
        return Refusal(f"no few transpositions of 4 axes are known for the order {order}")
    refusal = immovable(graph, (node.inputs[0], node.outputs[0]))
    return refusal or Reordered(node.inputs[0], node.outputs[0], shape, order)


def _pieces(graph: Graph, node: Node) -> Lowered | Refusal:
    found = pieces_reading.read(graph, node)
    if not isinstance(found, pieces_reading.Pieces):
        return found or Refusal("it takes no pieces")
    active = {
        axis
        for piece in found.ranges
        for axis, each in enumerate(piece)
        if each != (0, found.shape[axis], 1)
    }
    groups = merge(apart([found.shape], active))
    if isinstance(groups, Refusal):
        return groups
    sizes = merged(found.shape, groups)
    ranges = tuple(
        tuple(
            next((piece[axis] for axis in group if axis in active), (0, size, 1))
            for group, size in zip(groups, sizes, strict=True)
        )
        for piece in found.ranges
    )
    return Cut(found.source, node.outputs, sizes, ranges)


def _elementwise(count: int | None) -> Reader:
    """A function of the first operands, or of all, that broadcast to each other."""

    def lower(graph: Graph, node: Node) -> Lowered | Refusal:
        data = node.inputs[:count]
        shapes = [shape_of(graph, index) for index in data]
        result = shape_of(graph, node.outputs[0])
        alike = all(shape == result for shape in shapes)
        if graph.dialect == "onnx" and node.version < _BROADCASTS and not alike:
            return Refusal(f"before opset {_BROADCASTS} operands broadcast by other rules")
        if np.broadcast_shapes(*shapes) != result:
            return Refusal("its operands do not broadcast to its result")
        groups = merge(broadcast_labels(shapes, result))
        if isinstance(groups, Refusal):
            return groups
        pairs = zip(data, shapes, strict=False)
        taken = [Operand(index, merged(shape, groups)) for index, shape in pairs]
        rest = [Operand(index) for index in node.inputs[len(data) :]]
        return Rebuilt(node, (*taken, *rest), {}, (merged(result, groups),))

    return lower


def _matrices(graph: Graph, node: Node) -> Lowered | Refusal:
    if not isinstance(meaning(graph, node), MatMul):
        return Refusal("its matrices are transposed or it is no product of batches")
    shapes = [shape_of(graph, index) for index in node.inputs[:2]]
    result = shape_of(graph, node.outputs[0])
    if min(map(len, shapes)) < 2:
        return Refusal("it multiplies a vector")
    batch = broadcast_labels([shape[:-2] for shape in shapes], result[:-2])
    groups = merge([*batch, "rows", "columns"])
    if isinstance(groups, Refusal):
        return groups
    operands = tuple(
        Operand(index, merged(shape, groups))
        for index, shape in zip(node.inputs, shapes, strict=True)
    )
    return Rebuilt(node, operands, {}, (merged(result, groups),))


_READERS: Mapping[str, Reader] = MappingProxyType(
    {
        **dict.fromkeys(_RESHAPES, _reshape),
        **dict.fromkeys(_OF_ONE, _elementwise(1)),
        **dict.fromkeys(_OF_SEVERAL, _elementwise(None)),
        **dict.fromkeys(pieces_reading.OPS, _pieces),
        **dict.fromkeys(("TRANSPOSE", "Transpose"), _transpose),
        **dict.fromkeys(("BATCH_MATMUL", "MatMul"), _matrices),
        **AXIS_READERS,
    }
)
