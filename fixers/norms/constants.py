"""What the nodes of a graph compute, read once, and constants that are computed of constants."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.model import Constant
from npulint.operators.conversions import from_onnx
from npulint.operators.from_tflite import from_tflite
from npulint.operators.onnx_node import CONTRADICTIONS, NoConversionError
from npulint.operators.rearrangements import (
    Cast,
    Dequantize,
    Expand,
    Gather,
    Miscellaneous,
    Reduce,
    Reshape,
    ShapeOf,
    Squeeze,
)
from npulint.operators.semantics import Binary, Unary

if TYPE_CHECKING:
    import numpy.typing as npt

    from npulint.model import Graph, Node
    from npulint.operators.rearrangements import Operator

Numbers: TypeAlias = "npt.NDArray[np.float64]"

_FUNCTIONS: Mapping[str, Callable[..., Numbers]] = MappingProxyType(
    {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
        "pow": np.power, "sqrt": np.sqrt, "neg": np.negative, "reciprocal": np.reciprocal,
        "rsqrt": lambda x: 1.0 / np.sqrt(x),
    }
)  # fmt: skip

_REAL = ("float16", "float32", "float64")
_NUMERIC = (*_REAL, "int32", "int64")


_MOVED = (Reshape, Squeeze, Expand, Cast, Dequantize)

_LARGEST = 1 << 24
"""Elements of a computed constant at most: a file of some bytes can ask for terabytes."""

_WHOLE = ("add", "sub", "mul", "neg")
"""Functions that integers share with real numbers."""

_OPERANDS: Mapping[type, int] = MappingProxyType({Binary: 2, Unary: 1, Gather: 2, Reduce: 1})


class Readings:
    """Nodes and constants of one graph, each read when it is first asked for."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._operators: dict[int, Operator | str] = {}
        self._numbers: dict[int, Numbers | None] = {}

    def operator(self, node: Node) -> Operator | str:
        """What a node computes, or why that is not known."""
        found = self._operators.get(node.index)
        if found is None:
            found = self._operators[node.index] = self._read(node)
        return found

    def _read(self, node: Node) -> Operator | str:
        read = from_tflite if self.graph.dialect == "tflite" else from_onnx
        if node.bodies:
            return f"{node.op} runs other graphs"
        try:
            return read(self.graph.operation(node))
        except CONTRADICTIONS:
            return f"the operands, attributes and shapes of {node.op} contradict each other"
        except NoConversionError as error:
            known = node.op == "Reshape" and self.target(node) is not None
            return Reshape() if known else str(error)

    def sizes(self, index: int) -> tuple[int, ...] | None:
        """A value's sizes, None unless all are fixed."""
        if index < 0:
            return None
        value = self.graph.values[index]
        shape = value.shape if value.shape_signature is None else value.shape_signature
        fixed = tuple(size for size in shape or () if isinstance(size, int))
        return fixed if shape is not None and len(fixed) == len(shape) else None

    def target(self, node: Node) -> tuple[int, ...] | None:
        """The sizes that a reshape gives its result, None unless all are fixed.

        Where inference has not found them, the operand that says them may be another value's
        shape.
        """
        known = self.sizes(node.outputs[0])
        if known is not None or len(node.inputs) < 2 or node.inputs[1] < 0:
            return known
        makers = self.graph.uses[node.inputs[1]].makers
        if len(makers) == 1 and self.operator(makers[0]) == ShapeOf(0, None):
            return self.sizes(makers[0].inputs[0])
        return None

    def numbers(self, index: int) -> Numbers | None:
        """The elements of a constant, stored or computed of such, None for anything else."""
        if index < 0:
            return None
        if index not in self._numbers:
            self._numbers[index] = self._constant(index)
        return self._numbers[index]

    def _constant(self, index: int) -> Numbers | None:
        value = self.graph.values[index]
        if value.constant is not None:
            plain = value.constant.dtype in _NUMERIC and not value.constant.sparse
            fits = value.quantisation is None or value.constant.dtype in _REAL
            return value.constant.read().astype(np.float64) if plain and fits else None
        makers = self.graph.uses[index].makers
        if len(makers) != 1 or len(makers[0].outputs) != 1:
            return None
        try:
            with np.errstate(all="ignore"):
                return self._computed(makers[0])
        except CONTRADICTIONS:
            return None

    def _computed(self, node: Node) -> Numbers | None:
        operator = self.operator(node)
        if isinstance(operator, ShapeOf):
            shape = self.sizes(node.inputs[0])
            if shape is None or operator.count:
                return None
            return np.array(shape[operator.start : operator.end], np.float64)
        if isinstance(operator, _MOVED) or operator == Miscellaneous("identity"):
            operand = self.numbers(node.inputs[0])
            return None if operand is None else self._moved(node, operand)
        if operator == Miscellaneous("fill"):
            return self._filled(node)
        count = _OPERANDS.get(type(operator), 0)
        given = [self.numbers(index) for index in node.inputs[:count]]
        operands = [each for each in given if each is not None]
        if isinstance(operator, str) or not operands or len(operands) != len(given):
            return None
        real = self.graph.values[node.outputs[0]].dtype in _REAL
        return _evaluated(operator, operands, real=real)

    def _filled(self, node: Node) -> Numbers | None:
        """One number in a shape: ONNX states it as an attribute, TFLite as an operand."""
        shape = self.numbers(node.inputs[0])
        stated = node.attributes.get("value")
        number: Numbers | None = np.zeros(1)
        if isinstance(stated, Constant):
            number = stated.read().astype(np.float64)
        elif self.graph.dialect == "tflite":
            number = self.numbers(node.inputs[1])
        if shape is None or number is None or number.size != 1:
            return None
        sizes = shape.astype(np.int64)
        return None if _too_many(sizes) else np.full(sizes, number.reshape(()))

    def _moved(self, node: Node, numbers: Numbers) -> Numbers | None:
        """A constant in another shape or type, None where that changes its elements."""
        result = self.graph.values[node.outputs[0]]
        source = self.graph.values[node.inputs[0]]
        shape = tuple(size for size in result.shape or () if isinstance(size, int))
        if result.shape is None or len(shape) != len(result.shape):
            return None
        if result.dtype not in _NUMERIC or source.quantisation is not None:
            return None
        if result.dtype != source.dtype and result.dtype not in ("float32", "float64"):
            return None
        if numbers.size == np.prod(shape, dtype=int):
            return numbers.reshape(shape)
        return None if _too_many(shape) else np.broadcast_to(numbers, shape)


def _too_many(sizes: Sequence[int] | npt.NDArray[np.int64]) -> bool:
    """Whether a shape has more elements than any constant that is worth computing."""
    return math.prod(map(int, sizes)) > _LARGEST


def _evaluated(operator: Operator, operands: list[Numbers], *, real: bool) -> Numbers | None:
    """What an operator makes of constants, None where it is none of the few that are known."""
    match operator:
        case Gather():
            return np.take(operands[0], operands[1].astype(np.int64), operator.axis)
        case Reduce(kind="prod"):
            return np.asarray(operands[0].prod(operator.axes, keepdims=operator.keep))
        case Binary(kind=kind) | Unary(kind=kind) if real or kind in _WHOLE:
            function = _FUNCTIONS.get(kind)
            if _too_many(np.broadcast_shapes(*(operand.shape for operand in operands))):
                return None
            return None if function is None else np.asarray(function(*operands), np.float64)
    return None
