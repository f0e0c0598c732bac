"""Which stored tensors of a file are trained, and which are part of what an operator means.

A rewritten file says nowhere which of its convolutions stood in the original and which stand for
another operator: a resize, a pixel shuffle, a mean. Such kernels are known by their numbers. A
kernel is one that no training made, and stays as it is, if it is not all zeros and

- it holds only zeros and ones, both of them, or one number throughout; or
- each of its rows (what makes one channel of the result) sums to 1 and there are several, as in
  selections, means and interpolations; or
- each of its rows holds the very numbers of another row, in whatever order, as where all channels
  are filtered alike, or where a mean is subtracted.

The bias of such a kernel stays too. A vector that multiplies or is added stays if it is one
number throughout, other than what a layer begins with (1, or 0), or holds zeros and ones, both of
them, and multiplies: a mask.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from npulint.model import Constant, Graph, Node, Value

Numbers: TypeAlias = "npt.NDArray[np.float64]"

TRAINED_TYPES = frozenset({"float32", "float16"})
"""Types of stored tensors that are trained."""

_ROUNDINGS = 8
"""Units in the last place of 1 by which numbers that should sum to 1 may miss it."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """Where a node's kernel has what.

    Attributes:
        weight: The kernel's operand.
        bias: The bias's operand, or None.
        rows: Axis of the kernel along which channels of the result lie.
        grouped: That axis where each group makes one channel; else the same.
    """

    weight: int
    bias: int | None
    rows: int
    grouped: int


KERNELS: Mapping[str, Kernel] = MappingProxyType(
    {
        "Conv": Kernel(1, 2, 0, 0),
        "ConvTranspose": Kernel(1, 2, 1, 0),
        "CONV_2D": Kernel(1, 2, 0, 0),
        "CONV_3D": Kernel(1, 2, 4, 4),
        "DEPTHWISE_CONV_2D": Kernel(1, 2, 3, 3),
        "TRANSPOSE_CONV": Kernel(1, 3, 0, 0),
        "FULLY_CONNECTED": Kernel(1, 2, 0, 0),
    }
)
"""Convolutions and dense layers. Gemm and MatMul have their kernels on either side."""

_NORMS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "BatchNormalization": (1, 2),
        "GroupNormalization": (1, 2),
        "InstanceNormalization": (1, 2),
        "LayerNormalization": (1, 2),
        "RMSNormalization": (1,),
        "PRelu": (1,),
        "PRELU": (1,),
    }
)
"""Operands of which all numbers are trained: scales, shifts and slopes."""

_NEUTRAL: Mapping[str, float] = MappingProxyType(
    {"Add": 0.0, "Sub": 0.0, "Mul": 1.0, "ADD": 0.0, "SUB": 0.0, "MUL": 1.0}
)
"""Operators by a vector, and the number that changes nothing."""

_PASSING = frozenset(
    {"Cast", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze", "Constant",
     "CAST", "DEQUANTIZE", "EXPAND_DIMS", "RESHAPE", "SQUEEZE", "TRANSPOSE"}
)  # fmt: skip
"""Operators through which a stored tensor stays the weight that it is."""

_MATRICES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"Gemm": (0, 1), "MatMul": (0, 1), "BATCH_MATMUL": (0, 1)}
)


def trained_values(graph: Graph, stored: Mapping[int, int]) -> tuple[int, ...]:
    """The stored values that are trained, in the file's order.

    What any node uses as something else than a weight is not trained.

    Args:
        graph: The graph.
        stored: For each stored value the first one of those that share its bytes.

    Returns:
        Positions of values, the first of those that share their bytes.
    """
    reader = _Reader(graph, stored)
    wanted = set(reader.wanted())
    return tuple(index for index in sorted(wanted) if reader.only_as_weight(index))


def structural(kernel: Numbers, rows: int, tolerance: float) -> bool:
    """Whether a kernel is part of what an operator means, as the module's text has it.

    Args:
        kernel: The kernel.
        rows: Its axis of the result's channels.
        tolerance: By how much a sum of numbers may be off for their rounding.
    """
    present = np.unique(kernel)
    # Numbers that are none say nothing of what a kernel means.
    if not kernel.any() or kernel.size < 2 or not np.isfinite(kernel).all():
        return False
    if present.size == 1 or (present.size == 2 and set(present.tolist()) == {0.0, 1.0}):
        return True
    flat = np.moveaxis(kernel, rows, 0).reshape(kernel.shape[rows], -1)
    if len(flat) < 2:
        return False
    if np.abs(flat.sum(axis=1) - 1).max() <= tolerance:
        return True
    _, counts = np.unique(np.sort(flat, axis=1), axis=0, return_counts=True)
    return bool(counts.min() > 1)


class _Reader:
    """Looks at the stored values of one graph as its nodes use them."""

    def __init__(self, graph: Graph, stored: Mapping[int, int]) -> None:
        self._graph = graph
        self._source = self._sources(stored)
        self._weights: set[tuple[int, int]] = set()

    def _sources(self, stored: Mapping[int, int]) -> dict[int, int]:
        """The stored value that a value is, maybe in another shape or type."""
        found = dict(stored)
        for node in self._graph.nodes:
            if node.op in _PASSING and node.inputs and node.inputs[0] in found:
                found.setdefault(node.outputs[0], found[node.inputs[0]])
        return found

    def wanted(self) -> Iterator[int]:
        """Stored values that some node has as a weight."""
        for node in self._graph.nodes:
            for place in self._places(node):
                source = self._stored(node, place)
                if source is not None:
                    self._weights.add((node.index, place))
                    yield source

    def only_as_weight(self, index: int) -> bool:
        """Whether nothing uses a stored value otherwise, nor hands it back."""
        same = {each for each, source in self._source.items() if source == index}
        constants = [self._graph.values[each].constant for each in same]
        if same & set(self._graph.outputs) or not all(map(_trainable, filter(None, constants))):
            return False
        return all(
            (node.op in _PASSING and place == 0) or (node.index, place) in self._weights
            for node in self._graph.nodes
            for place, operand in enumerate(node.inputs)
            if operand in same
        )

    def _places(self, node: Node) -> Iterator[int]:
        """Operands that are weights, where they are stored."""
        if node.op in _NORMS:
            yield from _NORMS[node.op]
        elif node.op in _NEUTRAL:
            yield from (place for place in (0, 1) if self._scales(node, place))
        elif node.op in _MATRICES:
            yield from self._matrix_places(node)
        elif node.op in KERNELS:
            yield from self._kernel_places(node)

    def _kernel_places(self, node: Node) -> Iterator[int]:
        kind = KERNELS[node.op]
        kernel = self._numbers(node, kind.weight)
        if kernel is None:
            # The kernel is computed: of what its bias means nothing is known to be fixed.
            yield from () if kind.bias is None else (kind.bias,)
            return
        grouped = node.attributes.get("group", 1) != 1
        rows = kind.grouped if grouped else kind.rows
        if structural(kernel, rows, self._tolerance(node, kind.weight)):
            return
        yield kind.weight
        if kind.bias is not None:
            yield kind.bias

    def _matrix_places(self, node: Node) -> Iterator[int]:
        for place in _MATRICES[node.op]:
            matrix = self._numbers(node, place)
            if matrix is None or matrix.ndim < 2:
                continue
            flipped = bool(node.attributes.get(("transA", "transB")[place], 0)) or bool(
                node.attributes.get(("adj_x", "adj_y")[place], False)
            )
            rows = matrix.ndim - 1 if (place == 1) != flipped else matrix.ndim - 2
            if structural(matrix, rows, self._tolerance(node, place)):
                return
            yield place
        if node.op == "Gemm":
            yield 2

    def _scales(self, node: Node, place: int) -> bool:
        """Whether an operand is a scale or a shift for each channel."""
        numbers = self._numbers(node, place)
        if numbers is None or numbers.size < 2 or self._stored(node, 1 - place) is not None:
            return False
        result = self._graph.values[node.outputs[0]]
        if not _runs_along_channels(numbers, result, self._graph.dialect):
            return False
        present = np.unique(numbers)
        if present.size == 1:
            return bool(present[0] == _NEUTRAL[node.op])
        mask = set(present.tolist()) == {0.0, 1.0}
        return not (mask and _NEUTRAL[node.op] == 1)

    def _stored(self, node: Node, place: int) -> int | None:
        """The stored value behind an operand."""
        operand = node.inputs[place] if place < len(node.inputs) else -1
        return self._source.get(operand) if operand >= 0 else None

    def _numbers(self, node: Node, place: int) -> Numbers | None:
        """What a node is given of a stored operand, in its own shape."""
        if self._stored(node, place) is None:
            return None
        index, path = self._path(node.inputs[place])
        constant = self._graph.values[index].constant
        if constant is None or not _trainable(constant):
            return None
        numbers: Numbers = constant.read().astype(np.float64)
        for maker in path:
            numbers = _passed(maker, numbers, self._graph)
        return numbers

    def _path(self, index: int) -> tuple[int, list[Node]]:
        """The stored value behind a value, and the nodes that it passes through."""
        found: list[Node] = []
        while self._graph.values[index].constant is None:
            (maker,) = self._graph.uses[index].makers
            found.append(maker)
            index = maker.inputs[0]
        return index, found[::-1]

    def _tolerance(self, node: Node, place: int) -> float:
        """By how much the numbers of one channel may miss a sum of 1 for their rounding."""
        index, _ = self._path(node.inputs[place])
        half = self._graph.values[index].dtype == "float16"
        return _ROUNDINGS * float(np.finfo(np.float16 if half else np.float32).eps)


def _trainable(constant: Constant) -> bool:
    return not constant.sparse and constant.dtype in TRAINED_TYPES


def _passed(node: Node, numbers: Numbers, graph: Graph) -> Numbers:
    """A stored tensor after a node that moves it only."""
    shape = graph.values[node.outputs[0]].shape
    if node.op in ("Transpose", "TRANSPOSE"):
        order = node.attributes.get("perm")
        if order is None and len(node.inputs) > 1:
            constant = graph.values[node.inputs[1]].constant
            order = None if constant is None else constant.elements()
        stated = order if isinstance(order, tuple) else ()
        axes = [int(each) for each in stated if isinstance(each, (int, float))] or None
        return np.transpose(numbers, axes)
    sizes = [size for size in shape or () if isinstance(size, int)]
    if shape is not None and len(sizes) == len(shape) and np.prod(sizes) == numbers.size:
        return numbers.reshape(sizes)
    return numbers


def _runs_along_channels(numbers: Numbers, result: Value, dialect: str) -> bool:
    """Whether a stored operand has one number for each channel of what it is combined with."""
    rank = result.rank
    if rank is None or numbers.ndim > rank:
        return False
    axes = [place - numbers.ndim for place, size in enumerate(numbers.shape) if size > 1]
    if len(axes) != 1:
        return False
    channels = {-1} if dialect == "tflite" or rank < 3 or numbers.ndim < rank else set()
    if dialect == "onnx" and rank >= 3:
        channels.add(1 - rank)
    return axes[0] in channels
