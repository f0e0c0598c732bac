"""Sizes of the results of ONNX operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.sizing.arithmetic import (
    broadcast,
    divided,
    reduced,
)
from npulint.sizing.onnx_moves import MOVE_RULES
from npulint.sizing.onnx_products import PRODUCT_RULES
from npulint.sizing.onnx_windows import WINDOW_RULES
from npulint.sizing.site import Rule, Rules, Site, UnknownSizesError

if TYPE_CHECKING:
    from npulint.model import Shape

_SAME = """
    Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast CastLike Ceil Celu Clip Cos Cosh CumSum
    DequantizeLinear Elu Erf Exp EyeLike Floor Gelu GroupNormalization HardSigmoid HardSwish
    Hardmax Identity InstanceNormalization IsInf IsNaN LRN LeakyRelu Log LogSoftmax
    LpNormalization MeanVarianceNormalization Mish Neg Not PRelu QuantizeLinear Reciprocal Relu
    ReverseSequence Round Scatter ScatterElements ScatterND Selu Shrink Sigmoid Sign Sin Sinh
    Softmax Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu Trilu
"""

_BROADCAST = """
    Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less
    LessOrEqual Max Mean Min Mod Mul Or Pow Sub Sum Where Xor
"""

_REDUCE = """
    ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
    ReduceSum ReduceSumSquare
"""


def _same(site: Site) -> list[Shape | None]:
    return [site.shape()]


def _dropout(site: Site) -> list[Shape | None]:
    return [site.shape()] * len(site.operation.outputs)


def _batch_norm(site: Site) -> list[Shape | None]:
    """While it does not train: one result."""
    if site.integer("training_mode") or len(site.operation.outputs) > 1:
        raise UnknownSizesError
    return [site.shape()]


def _layer_norm(site: Site) -> list[Shape | None]:
    data = site.shape()
    first = site.axis(-1)
    statistics = (*data[:first], *(1 for _ in data[first:]))
    results: list[Shape | None] = [data, statistics, statistics]
    return results[: len(site.operation.outputs)]


def _broadcast(site: Site) -> list[Shape | None]:
    """Before opset 7 the second operand took the place that an attribute stated."""
    if site.version < 7:
        raise UnknownSizesError
    return [broadcast([site.shape(place) for place in range(len(site.operation.inputs))])]


def _reduce(site: Site) -> list[Shape | None]:
    data, keep = site.shape(), bool(site.integer("keepdims", 1))
    stated = site.integers("axes")
    if stated is None and site.has(1):
        stated = site.demanded(1)
    if not stated:
        if site.integer("noop_with_empty_axes"):
            return [data]
        stated = tuple(range(len(data)))
    return [reduced(data, site.axes(stated), keep=keep)]


def _arg_reduce(site: Site) -> list[Shape | None]:
    return [reduced(site.shape(), {site.axis()}, keep=bool(site.integer("keepdims", 1)))]


def _top_k(site: Site) -> list[Shape | None]:
    (count,) = site.demanded(1) if site.has(1) else (site.integer("k"),)
    shape = list(site.shape())
    shape[site.axis(-1)] = count
    return [tuple(shape)] * 2


def _recurrent(gates: int) -> Rule:
    """X [steps, batch, input], R [directions, gates * hidden, hidden]; results Y, Y_h and Y_c."""

    def rule(site: Site) -> list[Shape | None]:
        steps, batch, _ = site.shape()
        directions, rows, _ = site.shape(2)
        if site.integer("layout"):
            raise UnknownSizesError
        hidden = divided(rows, gates)
        last = (directions, batch, hidden)
        results: list[Shape | None] = [(steps, directions, batch, hidden), last, last]
        return results[: len(site.operation.outputs)]

    return rule


ONNX_RULES: Rules = {
    **WINDOW_RULES,
    **MOVE_RULES,
    **PRODUCT_RULES,
    **dict.fromkeys(_SAME.split(), _same),
    **dict.fromkeys(_BROADCAST.split(), _broadcast),
    **dict.fromkeys(_REDUCE.split(), _reduce),
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _same,
    "Dropout": _dropout,
    "ArgMax": _arg_reduce,
    "ArgMin": _arg_reduce,
    "TopK": _top_k,
    "LSTM": _recurrent(4),
    "GRU": _recurrent(3),
    "RNN": _recurrent(1),
}
"""By operator of the standard domain."""
