"""What recognisers ask of single nodes and values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from npulint.model import OMITTED

if TYPE_CHECKING:
    from npulint.model import Graph, Node

Floats: TypeAlias = npt.NDArray[np.float32]

_DEPTH = 8
"""How far up a graph a bound is looked for."""

_FUSED = "fused_activation_function"

_MOVES = frozenset({
    "MEAN", "ReduceMean", "AVERAGE_POOL_2D", "AveragePool", "GlobalAveragePool", "RESHAPE",
    "Reshape", "TRANSPOSE", "Transpose", "ReduceMax", "REDUCE_MAX", "MAX_POOL_2D", "MaxPool",
})  # fmt: skip
"""Operators whose results lie between the least and the largest of what they are given."""


def data(graph: Graph, index: int) -> Floats | None:
    """The elements of a stored float32 constant; None where there is none."""
    if index == OMITTED:
        return None
    value = graph.values[index]
    if value.constant is None or value.constant.sparse or value.dtype != "float32":
        return None
    return np.asarray(value.constant.read(), np.float32)


def integers(graph: Graph, index: int) -> tuple[int, ...] | None:
    """The elements of a small stored constant of whole numbers."""
    if index == OMITTED or graph.values[index].constant is None:
        return None
    value = graph.values[index]
    if value.dtype not in {"int32", "int64"} or value.constant is None:
        return None
    return tuple(int(each) for each in np.ravel(value.constant.read()))


def fixed_shape(graph: Graph, index: int) -> tuple[int, ...] | None:
    """The shape of a float32 value, all of whose sizes are fixed."""
    value = graph.values[index]
    if value.shape is None or value.dtype != "float32":
        return None
    sizes = tuple(size for size in value.shape if isinstance(size, int) and size > 0)
    return sizes if len(sizes) == len(value.shape) else None


def maker(graph: Graph, index: int) -> Node | None:
    """The node that makes a value."""
    makers = graph.uses[index].makers if index != OMITTED else ()
    return makers[0] if len(makers) == 1 else None


def only_reader(graph: Graph, index: int) -> Node | None:
    """The one node that reads a value, which nothing else refers to and it reads once."""
    readers = graph.uses[index].readers
    return readers[0] if len(readers) == 1 and index not in graph.outputs else None


def lower_bound(graph: Graph, index: int, depth: int = _DEPTH) -> float:
    """A number that no element of a value falls below, as far as its makers tell."""
    held = data(graph, index)
    if held is not None:
        return float(held.min()) if held.size else -math.inf
    node = maker(graph, index)
    if node is None or not depth:
        return -math.inf
    if node.op in _NEVER_NEGATIVE or node.attributes.get(_FUSED) in _NEVER_NEGATIVE:
        return 0.0
    bounds = [lower_bound(graph, each, depth - 1) for each in node.inputs[:2]]
    rule = _BOUNDS.get(node.op)
    return -math.inf if rule is None or not bounds else rule(graph, node, bounds)


def _of_first(_: Graph, __: Node, bounds: Sequence[float]) -> float:
    return bounds[0]


def _of_sum(_: Graph, __: Node, bounds: Sequence[float]) -> float:
    return sum(bounds)


def _of_product(_: Graph, node: Node, bounds: Sequence[float]) -> float:
    """A square, or a product of what is not negative."""
    same = node.inputs[0] == node.inputs[1]
    return 0.0 if same or min(bounds) >= 0 else -math.inf


def _of_power(graph: Graph, node: Node, _: Sequence[float]) -> float:
    exponent = data(graph, node.inputs[1])
    even = exponent is not None and bool(np.all(exponent % 2 == 0))
    return 0.0 if even else -math.inf


def _of_convolution(graph: Graph, node: Node, bounds: Sequence[float]) -> float:
    """Weights and inputs that are not negative leave at least the bias."""
    weights = data(graph, node.inputs[1])
    if weights is None or bounds[0] < 0 or weights.min() < 0:
        return -math.inf
    if len(node.inputs) < 3 or node.inputs[2] == OMITTED:
        return 0.0
    bias = data(graph, node.inputs[2])
    return -math.inf if bias is None else float(bias.min())


_NEVER_NEGATIVE = frozenset(
    {
        "SQUARE", "SQUARED_DIFFERENCE", "RELU", "RELU6", "Relu", "ABS", "Abs", "EXP", "Exp",
        "LOGISTIC", "Sigmoid", "SOFTMAX", "Softmax", "RELU_0_TO_1",
    }
)  # fmt: skip

_BOUNDS: Mapping[str, Callable[[Graph, Node, Sequence[float]], float]] = MappingProxyType(
    dict.fromkeys(_MOVES, _of_first)
    | dict.fromkeys(("MUL", "Mul"), _of_product)
    | dict.fromkeys(("POW", "Pow"), _of_power)
    | dict.fromkeys(("ADD", "Add"), _of_sum)
    | dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "Conv"), _of_convolution)
)
