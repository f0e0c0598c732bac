"""The version that a TFLite writer gives an operator: the lowest that its features need.

Source: google-ai-edge/LiteRT tflite/converter/tools/versioning/op_version.cc 52-1130 and
op_signature.cc 100-330 @f6745779, for operators that hold one of the element types of today's
converters. Rules are tried in order; the first that holds gives the version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from npulint.model import Operation, Value

_Condition: TypeAlias = "Callable[[Operation], bool]"
_Rules: TypeAlias = "tuple[tuple[_Condition, int], ...]"


def operator_version(operation: Operation) -> int:
    """The version of a builtin TFLite operator with these operands and options.

    Args:
        operation: A TFLite operation; its own `version` is not looked at. Custom operators
            have version 1.

    Returns:
        What the converter writes for this one instance. A file has one version an operator:
        the highest of its instances.
    """
    if operation.custom:
        return 1
    for condition, version in _RULES.get(operation.op, ()):
        if condition(operation):
            return version
    return _DEFAULTS.get(operation.op, 1)


def _value(operation: Operation, position: int) -> Value | None:
    return operation.inputs[position] if position < len(operation.inputs) else None


def _dtype(value: Value | None) -> str | None:
    return None if value is None else value.dtype


def _input(*dtypes: str, at: int = 0) -> _Condition:
    return lambda operation: _dtype(_value(operation, at)) in dtypes


def _output(*dtypes: str) -> _Condition:
    return lambda operation: _dtype(operation.outputs[0]) in dtypes


def _types(first: str, second: str, result: str) -> _Condition:
    """The element types of the first two operands and of the result."""
    wanted = (first, second, result)

    def holds(operation: Operation) -> bool:
        operands = (_value(operation, 0), _value(operation, 1), operation.outputs[0])
        return tuple(_dtype(value) for value in operands) == wanted

    return holds


def _both(first: _Condition, second: _Condition) -> _Condition:
    return lambda operation: first(operation) and second(operation)


def _option(name: str, *defaults: object) -> _Condition:
    """An option that is set to something else than its default."""
    return lambda operation: operation.attributes.get(name) not in (None, *defaults)


def _rank(low: int, at: int = 0) -> _Condition:
    """More dimensions than `low`."""

    def holds(operation: Operation) -> bool:
        value = _value(operation, at)
        return value is not None and (value.rank or 0) > low

    return holds


def _high_rank_broadcast(operation: Operation) -> bool:
    """Two operands of different shapes, one of them of rank 5 or more."""
    shapes = [value.shape for value in operation.inputs if value is not None and value.shape]
    different = len(operation.inputs) > 1 and (
        _shape(operation.inputs[0]) != _shape(operation.inputs[1])
    )
    return different and max((len(shape) for shape in shapes), default=0) > 4


def _shape(value: Value | None) -> tuple[int | str | None, ...]:
    return () if value is None or value.shape is None else value.shape


def _grouped(operation: Operation) -> bool:
    activation, weights = _shape(operation.inputs[0]), _shape(operation.inputs[1])
    return len(activation) == len(weights) == 4 and activation[3] != weights[3]


def _per_channel(at: int, axis: int) -> _Condition:
    """A filter with one scale for each slice along `axis`."""

    def holds(operation: Operation) -> bool:
        value = _value(operation, at)
        shape = _shape(value)
        quantisation = None if value is None else value.quantisation
        return quantisation is not None and len(quantisation.scales) == shape[axis]

    return holds


def _several_scales(value: Value | None) -> bool:
    return value is not None and value.quantisation is not None and value.quantisation.per_channel


def _rescales_up(operation: Operation) -> bool:
    """A quantised product whose rescaling factor is 1 or more."""
    scales = [
        value.quantisation.scales[0] if value is not None and value.quantisation else 0.0
        for value in (*operation.inputs[:2], operation.outputs[0])
    ]
    return all(scales) and scales[0] * scales[1] / scales[2] >= 1.0


def _unquantised(operation: Operation) -> bool:
    return all(value is None or value.quantisation is None for value in operation.inputs[:2])


def _has_bias(operation: Operation) -> bool:
    return _value(operation, 3) is not None


_INT16_ALL = _types("int16", "int16", "int16")
_INT8_ALL = _types("int8", "int8", "int8")
_HYBRID = _types("float32", "int8", "float32")
_QUANTISED_BIAS = _both(_types("int16", "int8", "int16"), _option("quantized_bias_type", "float32"))
_INT16_MEAN: _Rules = ((_input("int16"), 3), (_input("int8"), 2))
_INT8: _Rules = ((_input("int8"), 2),)
_INT8_INT16: _Rules = ((_input("int8", "int16"), 2),)
_BLOCKS: _Rules = (
    (_input("int16"), 4),
    (lambda operation: len(_shape(operation.inputs[0])) != 4, 3),
    (_input("int8"), 2),
)
_PADS: _Rules = ((_input("bool"), 5), (_rank(4), 4), (_input("int16"), 3), (_input("int8"), 2))
_EXTREMES: _Rules = ((_input("int16"), 4), (_high_rank_broadcast, 3), (_input("int8"), 2))

_DEFAULTS: Mapping[str, int] = MappingProxyType({"BROADCAST_TO": 2, "WHERE": 2})

_RULES: Mapping[str, _Rules] = MappingProxyType(
    {
        "CONV_2D": (
            (_QUANTISED_BIAS, 8), (_grouped, 6), (_INT16_ALL, 4), (_INT8_ALL, 3),
            (_types("int8", "int4", "int8"), 7),
            (_both(_HYBRID, _per_channel(1, 0)), 5), (_HYBRID, 2),
        ),
        "DEPTHWISE_CONV_2D": (
            (_INT16_ALL, 5), (_both(_HYBRID, _per_channel(1, 3)), 6), (_HYBRID, 4),
            (_INT8_ALL, 3), (_types("int8", "int4", "int8"), 7),
            (_option("dilation_w_factor", 1), 2), (_option("dilation_h_factor", 1), 2),
        ),
        "TRANSPOSE_CONV": (
            (_option("fused_activation_function", "NONE"), 4), (_has_bias, 3),
            (_input("int8", at=1), 2),
        ),
        "FULLY_CONNECTED": (
            (_types("int16", "int4", "int16"), 13), (_both(_HYBRID, _per_channel(1, 0)), 12),
            (_QUANTISED_BIAS, 11), (_INT16_ALL, 7),
            (lambda operation: len(operation.inputs) == 2, 6),
            (_option("keep_num_dims", False), 5), (_INT8_ALL, 4),
            (_types("int8", "int4", "int8"), 10),
            (_both(_HYBRID, _option("asymmetric_quantize_inputs", False)), 9), (_HYBRID, 3),
            (_option("weights_format", "DEFAULT"), 2),
        ),
        "GATHER": (
            (_input("int4"), 7), (_input("int16", at=1), 6), (_option("batch_dims", 0), 5),
            (_input("int16"), 4), (_input("bool"), 3), (_input("int8"), 2),
        ),
        "SIGN": ((_input("int32"), 2),),
        "SIN": ((_input("float16"), 2),),
        "COS": ((_input("float16"), 2),),
        "MUL": (
            (_input("float16"), 8), (_both(_input("int16"), _unquantised), 7),
            (_input("uint32"), 7), (_input("complex64"), 6), (_input("int64"), 5),
            (_input("int16"), 4), (_rescales_up, 3), (_input("int8"), 2),
        ),
        "MAX_POOL_2D": _INT16_MEAN,
        "AVERAGE_POOL_2D": _INT16_MEAN,
        "TRANSPOSE": (
            (_input("float16"), 9), (_rank(6), 8), (_input("bfloat16"), 8), (_input("int4"), 7),
            (_rank(5), 6), (_input("int16"), 5), (_rank(4), 4), (_input("bool"), 3),
            (_input("int8"), 2),
        ),
        "SPLIT": (
            (_input("int16", at=1), 4), (_input("int32", at=1), 3), (_input("int8", at=1), 2),
        ),
        "SPLIT_V": _INT8,
        "SLICE": (
            (_input("float16"), 8), (_input("int4"), 7), (_input("uint32"), 6), (_rank(4), 5),
            (_input("int16"), 4), (_input("string"), 3), (_input("int8"), 2),
        ),
        "STRIDED_SLICE": (
            (_option("offset", False), 8), (_input("uint32"), 7), (_option("ellipsis_mask", 0), 6),
            (_option("new_axis_mask", 0), 6), (_input("string"), 5), (_rank(4), 4),
            (_input("bool"), 3), (_input("int8"), 2),
        ),
        "UNPACK": (
            (_input("int8", "uint8"), 2), (_input("bool"), 3), (_input("int16"), 4),
            (_input("float16", "bfloat16"), 5),
        ),
        "DEQUANTIZE": (
            (_input("uint4"), 8), (_input("int2"), 7), (_input("int4"), 6),
            (_input("int16", "float16"), 3),
            (lambda operation: _dtype(operation.inputs[0]) == "int8"
                and _several_scales(operation.inputs[0]), 5),
            (_input("int8"), 2),
        ),
        "QUANTIZE": (
            (_input("uint4"), 5), (_output("uint4"), 5), (_input("int4"), 4), (_output("int4"), 4),
            (lambda operation: _several_scales(operation.outputs[0]), 3), (_output("int16"), 2),
        ),
        "FLOOR_DIV": ((_input("int16", "int8"), 3), (_input("float32"), 2)),
        "FLOOR_MOD": ((_input("int16", "int8"), 2),),
        "L2_NORMALIZATION": ((_output("int8"), 2),),
        "ABS": (
            (_input("int32"), 5), (_both(_input("int16"), _unquantised), 4), (_input("int16"), 3),
            (_input("int8", "uint8"), 2),
        ),
        "RELU": ((_input("int16"), 3), (_input("int8", "uint8"), 2)),
        "REVERSE_V2": ((_input("int8"), 3), (_input("bool"), 2)),
        "RESIZE_BILINEAR": (
            (_input("int16"), 4), (_option("half_pixel_centers", False), 3), (_input("int8"), 2),
        ),
        "RESIZE_NEAREST_NEIGHBOR": (
            (_input("int16"), 4), (_option("half_pixel_centers", False), 3),
            (_option("align_corners", False), 3), (_input("int8"), 2),
        ),
        "MAXIMUM": _EXTREMES,
        "MINIMUM": _EXTREMES,
        "PACK": ((_input("int8"), 2), (_input("int16"), 3), (_input("uint32"), 4)),
        "TILE": ((_input("int8"), 3), (_input("string"), 2)),
        "SQUEEZE": ((_input("string"), 2),),
        "SPACE_TO_BATCH_ND": _BLOCKS,
        "BATCH_TO_SPACE_ND": _BLOCKS,
        "ADD": (
            (_input("float16"), 6), (_both(_input("int16"), _unquantised), 5),
            (_input("int64"), 4), (_both(_input("int16"), _option("pot_scale_int16", True)), 3),
            (_input("int8"), 2),
        ),
        "SUB": (
            (_both(_input("int16"), _option("pot_scale_int16", True)), 5), (_input("int64"), 4),
            (_high_rank_broadcast, 3), (_input("int8"), 2),
        ),
        "DIV": ((_high_rank_broadcast, 2),),
        "GATHER_ND": (
            (_input("bool"), 5), (_input("int16", at=1), 4), (_input("int16"), 3),
            (_input("string"), 2),
        ),
        "TANH": _INT16_MEAN,
        "LOGISTIC": _INT16_MEAN,
        "FILL": (
            (_input("float16", at=1), 4), (_input("int8", "int16", at=1), 3),
            (_input("bool", "string", at=1), 2),
        ),
        "EQUAL": ((_input("int16"), 5), (_input("string"), 3), (_input("int8"), 2)),
        "NOT_EQUAL": ((_input("int16"), 4), (_input("string"), 3), (_input("int8"), 2)),
        "LEAKY_RELU": ((_input("int16"), 2),),
        "RANGE": ((_input("int64"), 2),),
        "BATCH_MATMUL": (
            (_input("int16"), 3), (_input("int8"), 2),
            (_both(_HYBRID, _option("asymmetric_quantize_inputs", False)), 4),
        ),
        "PAD": _PADS,
        "PADV2": _PADS,
        "CONCATENATION": (
            (_input("float16"), 6), (_input("int4"), 5), (_input("uint32"), 4),
            (_input("int16"), 3), (_input("int8"), 2),
        ),
        "SOFTMAX": ((_input("float16"), 4), (_input("int16"), 3), (_input("int8"), 2)),
        "MEAN": _INT16_MEAN,
        "MIRROR_PAD": _INT16_MEAN,
        "REDUCE_MAX": _INT16_MEAN,
        "REDUCE_MIN": _INT16_MEAN,
        "RELU6": _INT16_MEAN,
        "RSQRT": _INT16_MEAN,
        "ARG_MAX": ((_input("bool"), 3), (_input("int8"), 2)),
        "ARG_MIN": ((_input("bool"), 3), (_input("int8"), 2)),
        "SELECT": (
            (_input("uint32"), 4),
            (lambda operation: any(len(_shape(value)) == 5 for value in operation.inputs), 3),
            (_input("int8"), 2),
        ),
        "SELECT_V2": ((_input("uint32"), 2),),
        "LESS": _INT16_MEAN,
        "GREATER_EQUAL": _INT16_MEAN,
        "GREATER": _INT8,
        "LESS_EQUAL": _INT8,
        "SUM": _INT8,
        "LOG_SOFTMAX": _INT8,
        "SQUARED_DIFFERENCE": _INT8,
        "DEPTH_TO_SPACE": _INT8,
        "SPACE_TO_DEPTH": _INT8,
        "TOPK_V2": ((_input("int16"), 3), (_input("int16", at=1), 3), (_input("int8"), 2)),
        "EXP": _INT8_INT16,
        "LOG": _INT8_INT16,
        "SQRT": _INT8_INT16,
        "REDUCE_PROD": _INT8_INT16,
        "BROADCAST_TO": ((_input("int8", "int16"), 3),),
        "CAST": (
            (_input("bfloat16"), 7), (_output("bfloat16"), 7),
            (_both(_input("int4"), _output("float32")), 6),
            (_input("float64", "float16"), 5), (_output("float64", "float16"), 5),
            (_input("uint16"), 4), (_output("uint16"), 4),
            (_input("int8"), 3), (_output("int8"), 3),
            (_input("uint32"), 2), (_output("uint32"), 2),
        ),
        "WHERE": ((_input("bool"), 1),),
        "GELU": ((_input("float16"), 3), (_input("int8", "uint8"), 2)),
    }
)  # fmt: skip
