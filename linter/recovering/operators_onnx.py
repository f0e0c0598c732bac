"""ONNX operators, from https://onnx.ai/onnx/operators/, as functions of PyTorch tensors."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from npulint.formats.onnx_types import DTYPES
from npulint.recovering import operators_onnx_moves, operators_onnx_norms, operators_onnx_windows
from npulint.recovering.operators_moves import reduced, running_sum
from npulint.recovering.operators_pointwise import BINARY, UNARY, elu, gelu
from npulint.recovering.operators_site import (
    NoWayError,
    given,
    needed,
    optional,
    plain,
    settled,
)
from npulint.recovering.operators_types import torch_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from npulint.recovering.operators_pointwise import Elementwise
    from npulint.recovering.operators_site import Compute, Maker, Operands, Site

_UNARY = {
    "Abs": "abs", "Acos": "acos", "Acosh": "acosh", "Asin": "asin", "Asinh": "asinh",
    "Atan": "atan", "Atanh": "atanh", "Ceil": "ceil", "Cos": "cos", "Cosh": "cosh", "Erf": "erf",
    "Exp": "exp", "Floor": "floor", "HardSwish": "hard_swish", "Identity": "identity",
    "IsNaN": "is_nan", "Log": "log", "Mish": "mish", "Neg": "negative", "Not": "not",
    "Reciprocal": "reciprocal", "Relu": "relu", "Round": "round", "Sigmoid": "sigmoid",
    "Sign": "sign", "Sin": "sin", "Sinh": "sinh", "Softplus": "softplus", "Softsign": "softsign",
    "Sqrt": "sqrt", "Tan": "tan", "Tanh": "tanh",
}  # fmt: skip

_BINARY = {
    "Add": "add", "And": "and", "Div": "divide", "Equal": "equal", "Greater": "greater",
    "GreaterOrEqual": "greater_equal", "Less": "less", "LessOrEqual": "less_equal",
    "Mul": "multiply", "Or": "or", "PRelu": "prelu", "Pow": "power", "Sub": "subtract",
    "Xor": "xor",
}  # fmt: skip

_REDUCTIONS = {
    "ReduceL1": "l1", "ReduceL2": "l2", "ReduceLogSum": "log_sum",
    "ReduceLogSumExp": "log_sum_exp", "ReduceMax": "max", "ReduceMean": "mean",
    "ReduceMin": "min", "ReduceProd": "prod", "ReduceSum": "sum",
    "ReduceSumSquare": "sum_square",
}  # fmt: skip

_BROADCASTS_FROM = 7
"""Opset from which operands broadcast as they do in numpy; before, an attribute says how."""

_SOFTMAX_OF_ONE_AXIS = 13


def _old_broadcast(site: Site) -> None:
    if site.opset < _BROADCASTS_FROM and site.integer("broadcast"):
        raise NoWayError("operands of opset 6 and below broadcast by an attribute")


def _binary(kind: str) -> Maker:
    function = BINARY[kind]

    def make(site: Site) -> Compute:
        _old_broadcast(site)
        return lambda operands: function(given(operands, 0), given(operands, 1))

    return make


def _unary(kind: str) -> Maker:
    function = UNARY[kind]
    return lambda _: lambda operands: function(given(operands, 0))


def _folded(function: Elementwise, *, mean: bool = False) -> Maker:
    """A function of any number of operands, two at a time."""

    def compute(operands: Operands) -> torch.Tensor:
        made = given(operands, 0)
        for position in range(1, len(operands)):
            made = function(made, given(operands, position))
        return made / len(operands) if mean else made

    return lambda _: compute


def _scaled(*names: tuple[str, float]) -> Callable[[Elementwise], Maker]:
    """A function of one element and of numbers that the node states."""

    def maker(function: Elementwise) -> Maker:
        def make(site: Site) -> Compute:
            numbers = [site.number(name, default) for name, default in names]
            return lambda operands: function(given(operands, 0), *numbers)

        return make

    return maker


def _selu(x: torch.Tensor, alpha: float, gamma: float) -> torch.Tensor:
    return gamma * elu(x, alpha)


def _clip(site: Site) -> Compute:
    """Limits are attributes before opset 11."""
    attributes = site.operation.attributes
    limits = [site.number(name) if name in attributes else None for name in ("min", "max")]

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        low, high = (
            optional(operands, place) if limit is None else limit
            for place, limit in enumerate(limits, 1)
        )
        if low is not None:
            x = torch.clamp(x, min=low)
        return x if high is None else torch.clamp(x, max=high)

    return compute


def _modulus(site: Site) -> Compute:
    function = BINARY["modulus" if site.integer("fmod") else "floor_modulus"]
    return lambda operands: function(given(operands, 0), given(operands, 1))


def _gelu(site: Site) -> Compute:
    function = gelu(site.word("approximate", "none"))
    return lambda operands: function(given(operands, 0))


def _softmax(function: Elementwise) -> Maker:
    def make(site: Site) -> Compute:
        if site.opset >= _SOFTMAX_OF_ONE_AXIS:
            axis = site.integer("axis", -1)
            return lambda operands: function(given(operands, 0), axis)
        first = site.integer("axis", 1)

        def compute(operands: Operands) -> torch.Tensor:
            x = given(operands, 0)
            flat = x.flatten(first) if first % x.ndim else x.reshape(1, -1)
            return function(flat, -1).reshape(x.shape)

        return compute

    return make


def _reduction(kind: str) -> Maker:
    def make(site: Site) -> Compute:
        fixed = site.stated("axes", 1)
        keep = bool(site.integer("keepdims", 1))
        unchanged = bool(site.integer("noop_with_empty_axes"))

        def compute(operands: Operands) -> torch.Tensor:
            axes = settled(fixed, operands, 1)
            if not axes:
                axes = () if unchanged else None
            return reduced(given(operands, 0), kind, axes, keep=keep)

        return compute

    return make


def _largest(function: Elementwise) -> Maker:
    """Where the largest or the smallest sample is."""

    def make(site: Site) -> Compute:
        if site.integer("select_last_index"):
            raise NoWayError("the last of several equal samples is not looked for")
        axis, keep = site.integer("axis"), bool(site.integer("keepdims", 1))
        return lambda operands: function(given(operands, 0), axis, keepdim=keep)

    return make


def _cumulative(site: Site) -> Compute:
    fixed = site.whole(1)
    exclusive, reverse = bool(site.integer("exclusive")), bool(site.integer("reverse"))

    def compute(operands: Operands) -> torch.Tensor:
        (axis,) = needed(fixed, operands, 1, "its axis")
        return running_sum(given(operands, 0), axis, exclusive=exclusive, reverse=reverse)

    return compute


def _gemm(site: Site) -> Compute:
    alpha, beta = site.number("alpha", 1.0), site.number("beta", 1.0)
    flipped = [bool(site.integer(name)) for name in ("transA", "transB")]

    def compute(operands: Operands) -> torch.Tensor:
        one, other = (
            given(operands, place).T if turned else given(operands, place)
            for place, turned in enumerate(flipped)
        )
        product = one @ other if alpha == 1 else alpha * (one @ other)
        added = optional(operands, 2)
        if added is None:
            return product
        return product + (added if beta == 1 else beta * added)

    return compute


def _einsum(site: Site) -> Compute:
    equation = site.word("equation")
    return lambda operands: torch.einsum(
        equation, *(given(operands, place) for place in range(len(operands)))
    )


def _cast(site: Site) -> Compute:
    kind = torch_type(DTYPES.get(site.integer("to")))
    return lambda operands: given(operands, 0).to(kind)


def _cast_like(site: Site) -> Compute:
    return lambda operands: given(operands, 0).to(given(operands, 1).dtype)


def _dropout(site: Site) -> Compute:
    """Nothing is dropped when a network is used; its mask keeps all."""
    if site.value(2) is not None and site.elements(2) != (False,):
        raise NoWayError("it drops while it runs")

    def compute(operands: Operands) -> tuple[torch.Tensor, torch.Tensor]:
        x = given(operands, 0)
        return x, torch.ones_like(x, dtype=torch.bool)

    return compute


OPERATORS: Mapping[str, Maker] = MappingProxyType(
    {
        **{op: _unary(kind) for op, kind in _UNARY.items()},
        **{op: _binary(kind) for op, kind in _BINARY.items()},
        **{op: _reduction(kind) for op, kind in _REDUCTIONS.items()},
        "ArgMax": _largest(torch.argmax),
        "ArgMin": _largest(torch.argmin),
        "Cast": _cast,
        "CastLike": _cast_like,
        "Celu": _scaled(("alpha", 1.0))(functional.celu),
        "Clip": _clip,
        "CumSum": _cumulative,
        "Dropout": _dropout,
        "Einsum": _einsum,
        "Elu": _scaled(("alpha", 1.0))(elu),
        "Gelu": _gelu,
        "Gemm": _gemm,
        "HardSigmoid": _scaled(("alpha", 0.2), ("beta", 0.5))(
            lambda x, alpha, beta: torch.clamp(alpha * x + beta, 0, 1)
        ),
        "LeakyRelu": _scaled(("alpha", 0.01))(functional.leaky_relu),
        "LogSoftmax": _softmax(torch.log_softmax),
        "MatMul": plain(torch.matmul),
        "Max": _folded(torch.maximum),
        "Mean": _folded(torch.add, mean=True),
        "Min": _folded(torch.minimum),
        "Mod": _modulus,
        "Selu": _scaled(("alpha", 1.6732632), ("gamma", 1.050701))(_selu),
        "Softmax": _softmax(torch.softmax),
        "Sum": _folded(torch.add),
        "Swish": _scaled(("alpha", 1.0))(lambda x, alpha: x * torch.sigmoid(alpha * x)),
        "ThresholdedRelu": _scaled(("alpha", 1.0))(
            lambda x, alpha: torch.where(x > alpha, x, torch.zeros_like(x))
        ),
        "Where": plain(torch.where),
        **operators_onnx_moves.OPERATORS,
        **operators_onnx_norms.OPERATORS,
        **operators_onnx_windows.OPERATORS,
    }
)
"""Makers by the names of operators of the standard domain."""
