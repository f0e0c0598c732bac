"""Which operators ONNX Runtime joins with the quantisation around them, and under what conditions.

Source: microsoft/onnxruntime onnxruntime/core/optimizer/qdq_transformer @01f40e6:
selectors_actions/shared/utils.cc 33-130 for the operators, selectors_actions/qdq_selectors.cc for
the conditions, with what the selectors allow unless they are told otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from npulint.ort.draft import Draft, Place

Neighbour: TypeAlias = "tuple[int, Place]"
"""Which operand or result of the operator a node quantises, and where that node stands."""


@dataclass(frozen=True, slots=True)
class Unit:
    """An operator that may be joined, and the nodes around it.

    Attributes:
        draft: The graph.
        target: Where the operator stands.
        dequantisers: The DequantizeLinear before it.
        clip: A Relu or Clip after it that the quantisation makes needless.
        quantisers: The QuantizeLinear after it.
    """

    draft: Draft
    target: Place
    dequantisers: tuple[Neighbour, ...]
    clip: Place | None
    quantisers: tuple[Neighbour, ...]

    @property
    def read(self) -> list[str | None]:
        """The types of what is dequantised."""
        nodes, values = self.draft.nodes, self.draft.values
        return [values[nodes[place].inputs[0]].dtype for _, place in self.dequantisers]

    @property
    def written(self) -> list[str | None]:
        """The types of what is quantised."""
        nodes, values = self.draft.nodes, self.draft.values
        return [values[nodes[place].outputs[0]].dtype for _, place in self.quantisers]

    @property
    def has_one_type(self) -> bool:
        """Whether all that is read and written is of one type."""
        return len({*self.read, *self.written}) == 1

    def is_closed(self, count: int | None = None, *, open_end: bool = False) -> bool:
        """Whether so many operands (or all) are dequantised, and every result is quantised once.

        Args:
            count: How many; None for all operands that are given.
            open_end: Whether results may also be all left as they are.
        """
        draft, node = self.draft, self.draft.nodes[self.target]
        given = sum(value >= 0 for value in node.inputs)
        if len(self.dequantisers) != (given if count is None else count):
            return False
        if not self.quantisers:
            return open_end
        last = draft.nodes[self.target if self.clip is None else self.clip]
        results = [value for value in last.outputs if value >= 0]
        read = sum(len(draft.readers(value)) for value in results)
        handed_back = draft.gives_result(self.target) or any(map(draft.is_result, results))
        return len(results) == len(self.quantisers) == read and not handed_back

    def has_one_grid(self) -> bool:
        """Whether the first operand and result have the same stored scale and zero point."""
        grids = [self._grid(each) for each in (self.dequantisers[0], self.quantisers[0])]
        return grids[0] is not None and grids[0] == grids[1]

    def has_stored_grid(self) -> bool:
        """Whether the first operand has a stored scale and zero point, one for all elements."""
        return self._grid(self.dequantisers[0]) is not None

    def _grid(self, neighbour: Neighbour) -> tuple[object, ...] | None:
        node = self.draft.nodes[neighbour[1]]
        if len(node.inputs) != _WITH_ZERO_POINT or min(node.inputs) < 0:
            return None
        found: list[object] = []
        for value in node.inputs[1:]:
            constant = self.draft.constant(value)
            elements = None if constant is None else constant.elements()
            if constant is None or elements is None or len(elements) != 1:
                return None
            found += (constant.dtype, elements)
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Rule:
    """When an operator is joined.

    Attributes:
        joins: The condition.
        since: Versions of the operator that are joined; none for all.
    """

    joins: Callable[[Unit], bool]
    since: tuple[int, ...] = ()


_WITH_ZERO_POINT = 3
_BIAS = 3
_MOST_CLIP_OPERANDS = 3
_NORM_OPERANDS = (3, 5)


def _moves(unit: Unit) -> bool:
    closed = unit.clip is None and unit.is_closed(1)
    return closed and unit.has_one_type and unit.has_one_grid()


def _asks(unit: Unit) -> bool:
    """ArgMax and ArgMin: nothing of what they say is quantised."""
    return unit.clip is None and len(unit.dequantisers) == 1 and unit.has_stored_grid()


def _unary(unit: Unit) -> bool:
    return unit.is_closed(1) and unit.has_one_type


def _clip(unit: Unit) -> bool:
    count = len(unit.dequantisers)
    fits = 1 <= count <= _MOST_CLIP_OPERANDS and unit.is_closed(count)
    return fits and unit.read[0] == unit.written[0]


def _alike(unit: Unit) -> bool:
    return unit.is_closed() and unit.has_one_type


def _split(unit: Unit) -> bool:
    return unit.clip is None and unit.is_closed(1) and unit.has_one_type


def _convolution(unit: Unit) -> bool:
    if not unit.is_closed() or unit.read[0] != unit.written[0]:
        return False
    if unit.read[0] == "int8" and unit.read[1] != "int8":
        return False
    return len(unit.read) < _BIAS or unit.read[2] == "int32"


def _open(unit: Unit) -> bool:
    if not unit.is_closed(open_end=True):
        return False
    return not unit.quantisers or unit.read[0] == unit.written[0]


def _matrix(unit: Unit) -> bool:
    if len(unit.dequantisers) != 2 or not unit.is_closed():
        return False
    if unit.read[0] == "int8" and unit.read[1] != "int8":
        return False
    return unit.read[0] == unit.written[0]


def _gemm(unit: Unit) -> bool:
    if not _open(unit) or (unit.read[0] == "int8" and unit.read[1] != "int8"):
        return False
    if len(unit.read) < _BIAS:
        return True
    beta = unit.draft.nodes[unit.target].attributes.get("beta", 1.0)
    return beta == 1.0 and unit.read[2] == "int32"


def _two(unit: Unit) -> bool:
    return unit.is_closed(2) and unit.has_one_type


def _pad(unit: Unit) -> bool:
    count = len(unit.dequantisers)
    return 1 <= count <= 2 and unit.is_closed(count) and unit.has_one_type


def _norm(unit: Unit) -> bool:
    if not unit.is_closed() or unit.read[0] != unit.written[0]:
        return False
    return len(unit.read) < _BIAS or unit.read[2] == "int32"


def _batch_norm(unit: Unit) -> bool:
    count = len(unit.dequantisers)
    if not _NORM_OPERANDS[0] <= count <= _NORM_OPERANDS[1] or not unit.is_closed(count):
        return False
    if unit.read[0] != unit.written[0]:
        return False
    return unit.read[0] != "int8" or unit.read[1] == "int8"


def _compares(unit: Unit) -> bool:
    return unit.is_closed(open_end=True) and unit.read[0] == unit.read[1]


def _top(unit: Unit) -> bool:
    """TopK: its values are quantised, its indices never."""
    if unit.clip is not None or len(unit.dequantisers) != 1 or len(unit.quantisers) != 1:
        return False
    return unit.has_one_type and unit.has_one_grid()


def _first(unit: Unit) -> bool:
    return unit.is_closed(1) and unit.read[0] == unit.written[0]


def _root_norm(unit: Unit) -> bool:
    return unit.is_closed() and unit.read[0] == unit.written[0]


UNARY = Rule(_unary)
"""The condition of operators with one operand."""

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "Gather", "GatherElements", "Reshape", "Expand", "Flatten", "Transpose", "Resize",
                "Squeeze", "Unsqueeze", "Tile",
            ),
            Rule(_moves),
        ),
        "MaxPool": Rule(_moves, since=(12,)),
        **dict.fromkeys(("ArgMax", "ArgMin"), Rule(_asks)),
        **dict.fromkeys(
            (
                "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "LeakyRelu", "ReduceMean",
                "ReduceMin", "ReduceMax", "ReduceProd", "ReduceSum", "Relu", "Gelu", "Elu",
                "HardSigmoid", "HardSwish", "Sigmoid", "Slice", "LogSoftmax", "Softmax", "Sqrt",
                "Atan", "Asin", "Sin", "Cos", "Sign", "Tanh", "Exp", "Log", "LRN", "Ceil", "Floor",
                "Round", "Abs", "Neg", "DepthToSpace", "SpaceToDepth", "LpNormalization",
            ),
            UNARY,
        ),
        "Clip": Rule(_clip),
        **dict.fromkeys(
            ("Add", "Div", "Mul", "Pow", "Sub", "PRelu", "GridSample", "Concat", "Max", "Min"),
            Rule(_alike),
        ),
        "Split": Rule(_split),
        **dict.fromkeys(("Conv", "ConvTranspose"), Rule(_convolution)),
        **dict.fromkeys(("Einsum", "Reciprocal"), Rule(_open)),
        "MatMul": Rule(_matrix),
        "Gemm": Rule(_gemm),
        **dict.fromkeys(("InstanceNormalization", "LayerNormalization"), Rule(_norm)),
        "BatchNormalization": Rule(_batch_norm),
        **dict.fromkeys(
            ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"), Rule(_compares)
        ),
        "Where": Rule(_two),
        "Pad": Rule(_pad),
        "TopK": Rule(_top),
        "CumSum": Rule(_first),
        "ScatterElements": Rule(_two),
        "RMSNormalization": Rule(_root_norm),
    }
)  # fmt: skip
"""The condition of each operator that is joined."""
