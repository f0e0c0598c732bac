"""TFLite's builtin operators as functions of PyTorch tensors.

What they mean is read off google-ai-edge/LiteRT tflite/kernels @f6745779; their operands and
options are those of the schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from npulint.recovering import operators_tflite_moves, operators_tflite_windows
from npulint.recovering.operators_moves import reduced, running_sum
from npulint.recovering.operators_norms import local_response
from npulint.recovering.operators_pointwise import (
    ACTIVATIONS,
    BINARY,
    UNARY,
    activated,
    elu,
    gelu,
)
from npulint.recovering.operators_site import NoWayError, given, needed, optional
from npulint.recovering.operators_tflite_windows import channels_first, channels_last
from npulint.recovering.operators_types import torch_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from npulint.recovering.operators_pointwise import Elementwise
    from npulint.recovering.operators_site import Compute, Maker, Operands, Site

_UNARY = {
    "ABS": "abs", "ATAN": "atan", "CEIL": "ceil", "COS": "cos", "EXP": "exp", "FLOOR": "floor",
    "HARD_SWISH": "hard_swish", "LOG": "log", "LOGICAL_NOT": "not", "LOGISTIC": "sigmoid",
    "NEG": "negative", "RELU": "relu", "ROUND": "round", "RSQRT": "rsqrt", "SIGN": "sign",
    "SIN": "sin", "SQRT": "sqrt", "SQUARE": "square", "TANH": "tanh",
}  # fmt: skip

_BINARY = {
    "ADD": "add", "DIV": "divide", "EQUAL": "equal", "FLOOR_DIV": "floor_divide",
    "FLOOR_MOD": "floor_modulus", "GREATER": "greater", "GREATER_EQUAL": "greater_equal",
    "LESS": "less", "LESS_EQUAL": "less_equal", "LOGICAL_AND": "and", "LOGICAL_OR": "or",
    "MAXIMUM": "maximum", "MINIMUM": "minimum", "MUL": "multiply", "NOT_EQUAL": "not_equal",
    "POW": "power", "PRELU": "prelu", "SQUARED_DIFFERENCE": "square_difference",
    "SUB": "subtract",
}  # fmt: skip

_REDUCTIONS = {
    "MEAN": "mean", "REDUCE_ALL": "all", "REDUCE_ANY": "any", "REDUCE_MAX": "max",
    "REDUCE_MIN": "min", "REDUCE_PROD": "prod", "SUM": "sum",
}  # fmt: skip

_LEAST_LENGTH = 1e-6
"""By which L2_NORMALIZATION divides at least (kernels/internal/reference/l2normalization.h)."""


def _unary(function: Elementwise) -> Maker:
    return lambda _: lambda operands: function(given(operands, 0))


def _binary(kind: str) -> Maker:
    function = BINARY[kind]
    return lambda site: activated(
        site, lambda operands: function(given(operands, 0), given(operands, 1))
    )


def _reduction(kind: str) -> Maker:
    def make(site: Site) -> Compute:
        fixed, keep = site.whole(1), bool(site.integer("keep_dims"))
        return lambda operands: reduced(
            given(operands, 0), kind, needed(fixed, operands, 1, "its axes"), keep=keep
        )

    return make


def _fully_connected(site: Site) -> Compute:
    """The weights are `[outputs, inputs]`."""
    if site.word("weights_format", "DEFAULT") != "DEFAULT":
        raise NoWayError("its weights are shuffled")
    keep = bool(site.integer("keep_num_dims"))

    def compute(operands: Operands) -> torch.Tensor:
        x, weights = given(operands, 0), given(operands, 1)
        x = x if keep else x.reshape(-1, weights.shape[1])
        return functional.linear(x, weights, optional(operands, 2))

    return activated(site, compute)


def _batch_matmul(site: Site) -> Compute:
    flipped = [bool(site.integer(name)) for name in ("adj_x", "adj_y")]

    def compute(operands: Operands) -> torch.Tensor:
        one, other = (
            given(operands, place).mT if turned else given(operands, place)
            for place, turned in enumerate(flipped)
        )
        return torch.matmul(one, other)

    return compute


def _softmax(site: Site) -> Compute:
    beta = site.number("beta", 1.0)
    return lambda operands: torch.softmax(beta * given(operands, 0), -1)


def _leaky_relu(site: Site) -> Compute:
    alpha = site.number("alpha")
    return lambda operands: functional.leaky_relu(given(operands, 0), alpha)


def _gelu(site: Site) -> Compute:
    function = gelu("tanh" if site.integer("approximate") else "none")
    return lambda operands: function(given(operands, 0))


def _length(site: Site) -> Compute:
    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        length = torch.sqrt(torch.sum(x * x, -1, keepdim=True).clamp(min=_LEAST_LENGTH**2))
        return x / length

    return activated(site, compute)


def _local_response(site: Site) -> Compute:
    radius = site.integer("radius")
    alpha, beta, bias = (site.number(name) for name in ("alpha", "beta", "bias"))
    return lambda operands: channels_last(
        local_response(
            channels_first(given(operands, 0)), radius, radius, alpha=alpha, beta=beta, bias=bias
        )
    )


def _cumulative(site: Site) -> Compute:
    fixed = site.whole(1)
    exclusive, reverse = bool(site.integer("exclusive")), bool(site.integer("reverse"))

    def compute(operands: Operands) -> torch.Tensor:
        (axis,) = needed(fixed, operands, 1, "its axis")
        return running_sum(given(operands, 0), axis, exclusive=exclusive, reverse=reverse)

    return compute


def _largest(function: Callable[..., torch.Tensor]) -> Maker:
    def make(site: Site) -> Compute:
        fixed, result = site.whole(1), site.result()
        kind = torch_type(None if result is None else result.dtype)
        return lambda operands: function(
            given(operands, 0), needed(fixed, operands, 1, "its axis")[0]
        ).to(kind)

    return make


def _cast(site: Site) -> Compute:
    """Also the widening of stored numbers of 16 bits; quantised ones are refused before."""
    result = site.result()
    kind = torch_type(None if result is None else result.dtype)
    return lambda operands: given(operands, 0).to(kind)


def _add_n(_: Site) -> Compute:
    def compute(operands: Operands) -> torch.Tensor:
        made = given(operands, 0)
        for place in range(1, len(operands)):
            made = made + given(operands, place)
        return made

    return compute


def _select(_: Site) -> Compute:
    """A condition of one axis chooses whole slices of tensors that have more."""

    def compute(operands: Operands) -> torch.Tensor:
        condition, x, y = (given(operands, place) for place in range(3))
        if condition.ndim == 1 and x.ndim > 1:
            condition = condition.reshape(-1, *[1] * (x.ndim - 1))
        return torch.where(condition, x, y)

    return compute


def _select_broadcasting(_: Site) -> Compute:
    return lambda operands: torch.where(*(given(operands, place) for place in range(3)))


OPERATORS: Mapping[str, Maker] = MappingProxyType(
    {
        **{op: _unary(UNARY[kind]) for op, kind in _UNARY.items()},
        **{op: _binary(kind) for op, kind in _BINARY.items()},
        **{op: _reduction(kind) for op, kind in _REDUCTIONS.items()},
        "ADD_N": _add_n,
        "ARG_MAX": _largest(torch.argmax),
        "ARG_MIN": _largest(torch.argmin),
        "BATCH_MATMUL": _batch_matmul,
        "CAST": _cast,
        "CUMSUM": _cumulative,
        "DEQUANTIZE": _cast,
        "ELU": _unary(elu),
        "FULLY_CONNECTED": _fully_connected,
        "GELU": _gelu,
        "L2_NORMALIZATION": _length,
        "LEAKY_RELU": _leaky_relu,
        "LOCAL_RESPONSE_NORMALIZATION": _local_response,
        "LOG_SOFTMAX": _unary(lambda x: torch.log_softmax(x, -1)),
        "RELU6": _unary(ACTIVATIONS["RELU6"]),
        "RELU_0_TO_1": _unary(lambda x: torch.clamp(x, 0, 1)),
        "RELU_N1_TO_1": _unary(ACTIVATIONS["RELU_N1_TO_1"]),
        "SELECT": _select,
        "SELECT_V2": _select_broadcasting,
        "SOFTMAX": _softmax,
        **operators_tflite_moves.OPERATORS,
        **operators_tflite_windows.OPERATORS,
    }
)
"""Makers by operator name."""
