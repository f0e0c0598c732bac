"""What recognisers ask of single nodes and values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.model import OMITTED

if TYPE_CHECKING:
    from npulint.fixers.builder import Array
    from npulint.model import Graph, Node

_DEPTH = 8
"""How far up a graph a bound is looked for."""

_MOVES = frozenset({
    "MEAN", "ReduceMean", "AVERAGE_POOL_2D", "AveragePool", "GlobalAveragePool", "RESHAPE",
    "Reshape", "TRANSPOSE", "Transpose", "ReduceMax", "REDUCE_MAX", "MAX_POOL_2D", "MaxPool",
})  # fmt: skip
"""Operators whose results lie between the least and the largest of what they are given."""

Ranges: TypeAlias = "tuple[int, ...]"


def data(graph: Graph, index: int) -> Array | None:
    """The elements of a stored float32 constant; None where there is none."""
    if index == OMITTED:
        return None
    value = graph.values[index]
    if value.constant is None or value.constant.sparse or value.dtype != "float32":
        return None
    return value.constant.read()


def integers(graph: Graph, index: int) -> Ranges | None:
    """The elements of a small stored constant of whole numbers."""
    if index == OMITTED or graph.values[index].constant is None:
        return None
    value = graph.values[index]
    if value.dtype not in {"int32", "int64"} or value.constant is None:
        return None
    return tuple(int(each) for each in np.atleast_1d(value.constant.read()))


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
    bounds = [lower_bound(graph, each, depth - 1) for each in node.inputs[:2]]
    if node.op in {"SQUARE", "SQUARED_DIFFERENCE", "RELU", "RELU6", "Relu", "ABS", "Abs"}:
        return 0.0
    if node.op in {"MUL", "Mul"}:
        same = node.inputs[0] == node.inputs[1]
        return 0.0 if same or min(bounds) >= 0 else -math.inf
    if node.op in {"Pow", "POW"}:
        exponent = data(graph, node.inputs[1])
        even = exponent is not None and bool(np.all(exponent % 2 == 0))
        return 0.0 if even else -math.inf
    if node.op in {"ADD", "Add"}:
        return sum(bounds)
    if node.op in {"CONV_2D", "Conv"}:
        return _of_convolution(graph, node, bounds[0])
    return bounds[0] if node.op in _MOVES and bounds else -math.inf


def _of_convolution(graph: Graph, node: Node, least: float) -> float:
    """Weights and inputs that are not negative leave at least the bias."""
    weights = data(graph, node.inputs[1])
    if weights is None or least < 0 or weights.min() < 0:
        return -math.inf
    if len(node.inputs) < 3 or node.inputs[2] == OMITTED:
        return 0.0
    bias = data(graph, node.inputs[2])
    return -math.inf if bias is None else float(bias.min())
