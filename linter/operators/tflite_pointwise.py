"""Readers of TFLite operators that work element by element, and of normalisations."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from npulint.operators.onnx_node import NoConversionError
from npulint.operators.rearrangements import Cast, Dequantize, Quantize
from npulint.operators.semantics import (
    Binary,
    Clip,
    LocalResponseNorm,
    LpNorm,
    PRelu,
    Softmax,
    Unary,
    Variadic,
    Where,
)
from npulint.operators.tflite_node import TFLiteNode, TFLiteReader

_UNARY: Mapping[str, str] = MappingProxyType(
    {
        "RELU": "relu", "LOGISTIC": "sigmoid", "TANH": "tanh", "HARD_SWISH": "hardswish",
        "EXP": "exp", "LOG": "log", "SQRT": "sqrt", "RSQRT": "rsqrt", "SQUARE": "square",
        "ABS": "abs", "NEG": "neg", "FLOOR": "floor", "CEIL": "ceil", "ROUND": "round",
        "SIGN": "sign", "SIN": "sin", "COS": "cos", "LOGICAL_NOT": "not",
    }
)  # fmt: skip

_BINARY: Mapping[str, str] = MappingProxyType(
    {
        "ADD": "add", "SUB": "sub", "MUL": "mul", "DIV": "div", "POW": "pow",
        "SQUARED_DIFFERENCE": "squared_difference", "FLOOR_DIV": "floor_div",
        "FLOOR_MOD": "mod", "EQUAL": "equal", "NOT_EQUAL": "not_equal", "GREATER": "greater",
        "LESS": "less", "GREATER_EQUAL": "greater_equal", "LESS_EQUAL": "less_equal",
        "LOGICAL_AND": "and", "LOGICAL_OR": "or",
    }
)  # fmt: skip

_LIMITS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0), "RELU_0_TO_1": (0.0, 1.0)}
)


def _unary(node: TFLiteNode) -> Unary:
    return Unary(_UNARY[node.operation.op])


def _binary(node: TFLiteNode) -> Binary:
    return Binary(_BINARY[node.operation.op])


def _clip(node: TFLiteNode) -> Clip:
    return Clip(*_LIMITS[node.operation.op])


def _variadic(kind: Literal["max", "min", "sum"]) -> TFLiteReader:
    return lambda node: Variadic(kind)


def _softmax(node: TFLiteNode) -> Softmax:
    if node.operation.op == "SOFTMAX" and node.number("beta", 1.0) != 1.0:
        raise NoConversionError(f"a softmax that first multiplies by {node.number('beta')}")
    return Softmax(node.axis(-1), log=node.operation.op == "LOG_SOFTMAX")


def _local_response_norm(node: TFLiteNode) -> LocalResponseNorm:
    size = 2 * node.integer("radius") + 1
    return LocalResponseNorm(
        size, node.number("alpha") * size, node.number("beta"), node.number("bias")
    )


def _cast(node: TFLiteNode) -> Cast:
    dtype = node.result().dtype
    if dtype is None:
        raise NoConversionError("the type to cast to is not known")
    return Cast(dtype)


def _quantised_axis(node: TFLiteNode) -> int:
    """The dimension along which the integers' scales differ, 0 where there is one scale."""
    for value in (node.value(0), node.result()):
        held = value.quantisation if value is not None else None
        if held is not None and held.per_channel:
            return node.axis(held.axis)
    return 0


POINTWISE_READERS: Mapping[str, TFLiteReader] = MappingProxyType(
    {
        **dict.fromkeys(_UNARY, _unary),
        **dict.fromkeys(_BINARY, _binary),
        **dict.fromkeys(_LIMITS, _clip),
        "LEAKY_RELU": lambda node: Unary("leakyrelu", (node.number("alpha"),)),
        "ELU": lambda node: Unary("elu", (1.0,)),
        "GELU": lambda node: Unary("gelu", (float(node.flag("approximate")),)),
        "PRELU": lambda node: PRelu(),
        "MAXIMUM": _variadic("max"),
        "MINIMUM": _variadic("min"),
        "ADD_N": _variadic("sum"),
        "SELECT": lambda node: Where(),
        "SELECT_V2": lambda node: Where(),
        "SOFTMAX": _softmax,
        "LOG_SOFTMAX": _softmax,
        "L2_NORMALIZATION": lambda node: LpNorm(node.axis(-1), 2),
        "LOCAL_RESPONSE_NORMALIZATION": _local_response_norm,
        "CAST": _cast,
        "QUANTIZE": lambda node: Quantize(_quantised_axis(node)),
        "DEQUANTIZE": lambda node: Dequantize(_quantised_axis(node)),
    }
)
