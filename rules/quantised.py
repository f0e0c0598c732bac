"""What quantised operands are, in either dialect: grids, and the biases that rest on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.model import Quantisation
from npulint.opsets.tflite_grids import QUANTISED, STEPS

if TYPE_CHECKING:
    from npulint.model import Node, Value
    from npulint.rules.facts import GraphFacts

_TFLITE_BIAS = {"CONV_2D": (0, 1, 2), "DEPTHWISE_CONV_2D": (0, 1, 2), "TRANSPOSE_CONV": (2, 1, 3)}
_ONNX_BIAS = {"Conv": (0, 1, 2), "ConvTranspose": (0, 1, 2), "Gemm": (0, 1, 2)}
_OPERANDS = {**_TFLITE_BIAS, "FULLY_CONNECTED": (0, 1, 2), **_ONNX_BIAS}

BIASED = tuple(_OPERANDS)
"""Operators of both dialects that have a bias beside an input and weights."""

_ROUNDING = 2.0**-22
"""Share by which a product of two float32 scales, itself stored as float32, may be off."""


@dataclass(frozen=True, slots=True)
class Bias:
    """A bias that was quantised on another grid than the sums that it is added to.

    Attributes:
        scale: Its scale, of the channel that is off most.
        product: The scale of the sums there: input scale times weight scale.
        steps: Steps of the result by which the most affected channel is off; None where the
            bias's elements are not in memory.
    """

    scale: float
    product: float
    steps: float | None


def one_grid(first: Quantisation, other: Quantisation, dtype: str) -> bool:
    """Whether no number of the range moves by half a step from one grid to the other."""
    if first.scale is None or other.scale is None:
        return True
    if first.zero_point != other.zero_point:
        return False
    larger = max(first.scale, other.scale)
    return abs(first.scale - other.scale) * STEPS[dtype] < larger / 2


def foreign_bias(facts: GraphFacts, node: Node) -> Bias | None:
    """The bias of an operator of `BIASED`, if it does not fit the sums that it is added to."""
    data, weights, bias = (_stored(facts, node, position) for position in _OPERANDS[node.op])
    result = _result(facts, node)
    if data is None or weights is None or bias is None or result is None:
        return None
    scales = _broadcast(weights[1].scales, bias[1].scales)
    # A scale of 0, which only a damaged file has, makes no steps to count in.
    if data[1].scale is None or not result.scale or not scales:
        return None
    held = bias[0].constant.elements() if bias[0].constant is not None else None
    off = [
        Bias(own, product, _steps(held, channel, len(scales), abs(product - own) / result.scale))
        for channel, (product, own) in enumerate((data[1].scale * w, own) for w, own in scales)
        if abs(product - own) > _ROUNDING * product
    ]
    return max(off, key=lambda each: each.steps or 0.0, default=None)


def _steps(
    held: tuple[int | float | bool, ...] | None, channel: int, count: int, step: float
) -> float | None:
    """By how many steps of the result a channel is off, one step of its bias being off by some."""
    if held is None:
        return None
    meant = held if count == 1 else held[channel : channel + 1]
    return step * max((abs(each) for each in meant), default=0)


def _broadcast(weights: tuple[float, ...], bias: tuple[float, ...]) -> list[tuple[float, float]]:
    """Scales of weights and bias channel by channel; none where they do not fit."""
    count = max(len(weights), len(bias))
    if not weights or not bias or {len(weights), len(bias)} - {1, count}:
        return []
    return [(weights[i % len(weights)], bias[i % len(bias)]) for i in range(count)]


def _stored(facts: GraphFacts, node: Node, position: int) -> tuple[Value, Quantisation] | None:
    """An operand as it is stored, and its grid."""
    value = facts.operand(node, position)
    if value is None:
        return None
    if facts.graph.dialect == "tflite":
        return None if value.quantisation is None else (value, value.quantisation)
    makers = facts.graph.uses[value.index].makers
    if len(makers) != 1 or makers[0].op != "DequantizeLinear":
        return None
    return _of_linear(facts, makers[0])


def _result(facts: GraphFacts, node: Node) -> Quantisation | None:
    """The grid of a node's result, None where it stays in floating point."""
    value = facts.result(node)
    if value is None:
        return None
    if facts.graph.dialect == "tflite":
        return value.quantisation if value.dtype in QUANTISED else None
    readers = facts.graph.uses[value.index].readers
    if len(readers) != 1 or readers[0].op != "QuantizeLinear":
        return None
    found = _of_linear(facts, readers[0])
    return None if found is None else found[1]


def _of_linear(facts: GraphFacts, node: Node) -> tuple[Value, Quantisation] | None:
    """What QuantizeLinear or DequantizeLinear reads, and the grid that it states."""
    value, scale = facts.operand(node, 0), facts.operand(node, 1)
    if value is None or scale is None or scale.constant is None:
        return None
    scales = scale.constant.elements()
    return None if not scales else (value, Quantisation(tuple(map(float, scales))))


def is_eight_bit(facts: GraphFacts, value: Value) -> bool:
    """Whether a value holds 8-bit numbers, or floats that were 8-bit numbers just before."""
    if value.dtype in ("int8", "uint8"):
        return facts.graph.dialect == "onnx" or value.quantisation is not None
    makers = facts.graph.uses[value.index].makers
    if len(makers) != 1 or makers[0].op not in ("DEQUANTIZE", "DequantizeLinear"):
        return False
    source = facts.operand(makers[0], 0)
    return source is not None and source.dtype in ("int8", "uint8") and source.constant is None
