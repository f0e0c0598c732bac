"""The types that a TFLite case is built in.

A kind is a plain type, or one of the forms that converters write: `s8w8` and `s16w8` with signed
activations of 8 or 16 bits and weights of 8, `s8w4` with weights of 4, `a8w8` with everything
unsigned as the first quantisers had it, and `f32w8`, `f32w16`: activations that stay real beside
weights that are stored in 8 bits, or as float16 before a DEQUANTIZE.

Sources: LiteRT's quantisation specification
(https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec).
"""

from __future__ import annotations

from collections.abc import Mapping

from qnn_cases import Types

KINDS: Mapping[str, Types] = {
    "s8w8": Types("int8", "int8", "int32", quantised=True),
    "s16w8": Types("int16", "int8", "int64", quantised=True),
    "s8w4": Types("int8", "int4", "int32", quantised=True),
    "a8w8": Types("uint8", "uint8", "int32", quantised=True),
    "f32w8": Types("float32", "int8", "float32"),
    "f32w16": Types("float32", "float32", "float32", made=True),
}

REAL = ("float32", "s8w8", "s16w8")
FEW = ("a8w8", "float16")
NARROW = (*FEW, "f32w8", "f32w16", "s8w4")
"""Of operators that have weights."""

MOVERS = (*REAL, "int32")
FEW_MOVERS = (*FEW, "int64", "bool", "uint8", "int16", "int8")

OUTPUTS: Mapping[str, Mapping[str, tuple[float, int]]] = {
    "SOFTMAX": {"int8": (1 / 256, -128), "uint8": (1 / 256, 0), "int16": (1 / 32768, 0)},
    "LOGISTIC": {"int8": (1 / 256, -128), "uint8": (1 / 256, 0), "int16": (1 / 32768, 0)},
    "TANH": {"int8": (1 / 128, 0), "uint8": (1 / 128, 128), "int16": (1 / 32768, 0)},
    "L2_NORMALIZATION": {"int8": (1 / 128, 0), "uint8": (1 / 128, 128), "int16": (1 / 32768, 0)},
    "LOG_SOFTMAX": {"int8": (16 / 256, 127), "uint8": (16 / 256, 255)},
}
"""Scales and zero points of outputs that the specification sets, by operator and type."""

_SAME = (
    "AVERAGE_POOL_2D BATCH_TO_SPACE_ND BROADCAST_TO CONCATENATION DEPTH_TO_SPACE "
    "DYNAMIC_UPDATE_SLICE EXPAND_DIMS GATHER GATHER_ND MAXIMUM MAX_POOL_2D MINIMUM MIRROR_PAD "
    "PACK PAD PADV2 REDUCE_MAX REDUCE_MIN RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR "
    "REVERSE_V2 SCATTER_ND SELECT SELECT_V2 SLICE SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V "
    "SQUEEZE STRIDED_SLICE TILE TOPK_V2 TRANSPOSE UNPACK"
)
SAME_SCALE = frozenset(_SAME.split())
"""Operators whose outputs have the scale of their first input."""

_TRUTHS = (
    "EQUAL NOT_EQUAL LESS LESS_EQUAL GREATER GREATER_EQUAL LOGICAL_AND LOGICAL_OR LOGICAL_NOT "
    "REDUCE_ANY REDUCE_ALL"
)
TRUTHS = frozenset(_TRUTHS.split())
ALWAYS: Mapping[str, str] = {
    **dict.fromkeys(TRUTHS, "bool"),
    **dict.fromkeys(("SHAPE", "RANK"), "int32"),
    "WHERE": "int64",
    "DEQUANTIZE": "float32",
}
"""Types of outputs that are the same whatever goes in."""


def types_of(kind: str) -> Types:
    """What a kind stores activations, weights and biases as."""
    return KINDS.get(kind) or Types(kind, kind, kind)
