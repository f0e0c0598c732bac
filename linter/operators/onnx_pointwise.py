"""Readers of ONNX operators that work element by element, and of normalisations."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from npulint.operators.onnx_node import NoConversionError, OnnxNode, Reader
from npulint.operators.rearrangements import Cast, Dequantize, Operator, Quantize
from npulint.operators.semantics import (
    BatchNorm,
    Binary,
    Clip,
    GroupNorm,
    Hardmax,
    InstanceNorm,
    LayerNorm,
    LocalResponseNorm,
    LpNorm,
    MeanVarianceNorm,
    PRelu,
    RmsNorm,
    Softmax,
    Unary,
    Variadic,
    Where,
)

# Functions of one element: ONNX name -> attributes with their defaults.
_UNARY: Mapping[str, tuple[tuple[str, float], ...]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "Relu", "Sigmoid", "Tanh", "HardSwish", "Softplus", "Softsign", "Exp", "Log",
                "Sqrt", "Abs", "Neg", "Floor", "Ceil", "Round", "Sign", "Sin", "Cos",
                "Reciprocal", "IsNaN", "Not", "Mish",
            ),
            (),
        ),
        "LeakyRelu": (("alpha", 0.01),),
        "Elu": (("alpha", 1.0),),
        "Celu": (("alpha", 1.0),),
        "Selu": (("alpha", 1.6732632), ("gamma", 1.0507010)),
        "HardSigmoid": (("alpha", 0.2), ("beta", 0.5)),
        "ThresholdedRelu": (("alpha", 1.0),),
        "Shrink": (("lambd", 0.5), ("bias", 0.0)),
        "Swish": (("alpha", 1.0),),
        "IsInf": (("detect_negative", 1), ("detect_positive", 1)),
    }
)  # fmt: skip

_BINARY: Mapping[str, str] = MappingProxyType(
    {
        "Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Pow": "pow",
        "Equal": "equal", "Greater": "greater", "Less": "less",
        "GreaterOrEqual": "greater_equal", "LessOrEqual": "less_equal",
        "And": "and", "Or": "or", "Xor": "xor",
    }
)  # fmt: skip

_ONNX_TYPES: Mapping[int, str] = MappingProxyType(
    {
        1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
        8: "string", 9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64",
        14: "complex64", 15: "complex128", 16: "bfloat16", 21: "uint4", 22: "int4",
    }
)  # fmt: skip


def _unary(node: OnnxNode) -> Unary:
    op = node.operation.op
    return Unary(op.lower(), tuple(node.number(name, default) for name, default in _UNARY[op]))


def _gelu(node: OnnxNode) -> Unary:
    return Unary("gelu", (float(node.word("approximate", "none") == "tanh"),))


def _clip(node: OnnxNode) -> Clip:
    if node.opset < 11:
        attributes = node.operation.attributes
        low = node.number("min", 0.0) if "min" in attributes else None
        return Clip(low, node.number("max", 0.0) if "max" in attributes else None)
    bounds: list[float | None] = []
    fixed = True
    for position in (1, 2):
        elements = node.elements(position)
        fixed = fixed and (elements is not None or not node.has(position))
        bounds.append(elements[0] if elements else None)
    return Clip(bounds[0], bounds[1], fixed)


def _binary(node: OnnxNode) -> Binary:
    if node.opset < 7 and node.integer("broadcast", 0):
        raise NoConversionError("broadcasting along a stated axis ended with opset 7")
    return Binary(_BINARY[node.operation.op])


def _mod(node: OnnxNode) -> Binary:
    return Binary("fmod" if node.integer("fmod", 0) else "mod")


def _variadic(kind: Literal["max", "min", "sum", "mean"]) -> Reader:
    return lambda node: Variadic(kind)


def _prelu(node: OnnxNode) -> PRelu:
    return PRelu()


def _where(node: OnnxNode) -> Where:
    return Where()


def _softmax(node: OnnxNode) -> Operator:
    modern = node.opset >= 13
    axis = node.axis(-1 if modern else 1)
    if node.operation.op == "Hardmax":
        if not modern and axis != node.rank() - 1:
            raise NoConversionError("Hardmax over several axes at once has no known conversion")
        return Hardmax(axis)
    trailing = node.shape()[axis + 1 :]
    flatten = not modern and any(size != 1 for size in trailing)
    return Softmax(axis, node.operation.op == "LogSoftmax", flatten)


def _batch_norm(node: OnnxNode) -> BatchNorm:
    training = node.integer("training_mode", 0)
    if node.opset < 7:
        training = not node.integer("is_test", 0)
    if training:
        raise NoConversionError("batch normalisation in training mode has no known conversion")
    return BatchNorm(node.number("epsilon", 1e-5))


def _instance_norm(node: OnnxNode) -> InstanceNorm:
    return InstanceNorm(node.number("epsilon", 1e-5))


def _group_norm(node: OnnxNode) -> GroupNorm:
    return GroupNorm(node.required("num_groups"), node.number("epsilon", 1e-5), node.opset >= 21)


def _layer_norm(node: OnnxNode) -> LayerNorm:
    if len([value for value in node.operation.outputs if value is not None]) > 1:
        raise NoConversionError(
            "the mean and deviation as further results have no known conversion"
        )
    return LayerNorm(node.axis(-1), node.number("epsilon", 1e-5))


def _rms_norm(node: OnnxNode) -> RmsNorm:
    return RmsNorm(node.axis(-1), node.number("epsilon", 1e-5))


def _lrn(node: OnnxNode) -> LocalResponseNorm:
    return LocalResponseNorm(
        node.required("size"),
        node.number("alpha", 1e-4),
        node.number("beta", 0.75),
        node.number("bias", 1.0),
    )


def _lp_norm(node: OnnxNode) -> LpNorm:
    return LpNorm(node.axis(-1), node.integer("p", 2))


def _mvn(node: OnnxNode) -> MeanVarianceNorm:
    axes = node.integers("axes") or (0, 2, 3)
    return MeanVarianceNorm(tuple(node.wrap(axis, node.rank()) for axis in axes))


def _cast(node: OnnxNode) -> Cast:
    if node.operation.op == "CastLike":
        like = node.value(1)
        if like is None or like.dtype is None:
            raise NoConversionError("the type to cast to is not known")
        return Cast(like.dtype)
    code = node.required("to")
    if code not in _ONNX_TYPES:
        raise NoConversionError(f"element type {code} has no TFLite counterpart")
    return Cast(_ONNX_TYPES[code])


def _quantise_axis(node: OnnxNode) -> int:
    """The quantised dimension, which means nothing where the scale is one number."""
    rank = max(node.rank(), 1)
    axis = node.integer("axis", 1)
    return axis + rank if axis < 0 else min(axis, rank - 1)


POINTWISE_READERS: Mapping[str, Reader] = MappingProxyType(
    {
        **dict.fromkeys(_UNARY, _unary),
        **dict.fromkeys(_BINARY, _binary),
        "Gelu": _gelu,
        "Clip": _clip,
        "Mod": _mod,
        "Max": _variadic("max"),
        "Min": _variadic("min"),
        "Sum": _variadic("sum"),
        "Mean": _variadic("mean"),
        "PRelu": _prelu,
        "Where": _where,
        "Softmax": _softmax,
        "LogSoftmax": _softmax,
        "Hardmax": _softmax,
        "BatchNormalization": _batch_norm,
        "InstanceNormalization": _instance_norm,
        "GroupNormalization": _group_norm,
        "LayerNormalization": _layer_norm,
        "RMSNormalization": _rms_norm,
        "LRN": _lrn,
        "LpNormalization": _lp_norm,
        "MeanVarianceNormalization": _mvn,
        "Cast": _cast,
        "CastLike": _cast,
        "QuantizeLinear": lambda node: Quantize(_quantise_axis(node)),
        "DequantizeLinear": lambda node: Dequantize(_quantise_axis(node)),
    }
)
