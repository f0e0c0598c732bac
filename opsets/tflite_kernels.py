"""What TFLite's CPU kernels do when they prepare a graph, before any delegate sees it.

A delegate that takes no dynamic-sized tensors is offered a graph only after every kernel has
prepared its node and given its results a size. So these facts decide whether anything at all
is handed over. Lines are of google-ai-edge/LiteRT tflite/kernels @f6745779.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

PREFIX = "google-ai-edge/LiteRT tflite/kernels/"
COMMIT = "@f6745779"


def source(lines: str) -> str:
    """A full citation of `file.cc 1-2`."""
    return f"{PREFIX}{lines} {COMMIT}"


@dataclass(frozen=True, slots=True)
class Sizing:
    """Inputs whose contents decide the size of a node's results.

    Attributes:
        needs: Positions of the inputs that must be known when the node is prepared. A result
            is dynamic-sized unless all of them are.
        lines: Where the kernel says so.
        outputs: Positions of the results meant; None for all.
        stored_only: Whether only a stored tensor counts as known, not a computed one.
    """

    needs: tuple[int, ...]
    lines: str
    outputs: tuple[int, ...] | None = None
    stored_only: bool = False


@dataclass(frozen=True, slots=True)
class Folding:
    """Inputs that, all known, let a kernel compute its result while it prepares.

    Attributes:
        needs: Positions of the inputs; None for all of them.
        lines: Where the kernel says so.
        most_elements: Elements above which the result is not computed ahead.
    """

    needs: tuple[int, ...] | None
    lines: str
    most_elements: int | None = None


@dataclass(frozen=True, slots=True)
class Operands:
    """Operands of a node: those that share one element type, or those that are symmetric.

    Attributes:
        inputs: Positions of inputs; None for all of them.
        outputs: Positions of results.
        lines: Where the kernel demands it.
    """

    inputs: tuple[int, ...] | None
    outputs: tuple[int, ...]
    lines: str


_REDUCE = Sizing((1,), "reduce.cc 440-443")
_NON_MAX = "non_max_suppression.cc 103-184"
_UNSORTED = Sizing((1, 2), "unsorted_segment.cc 138-141")
_RANDOM = Sizing((0,), "random_ops.cc 188-191")

SIZINGS: Mapping[str, Sizing] = MappingProxyType(
    {
        "ARG_MAX": Sizing((1,), "arg_min_max.cc 136-140"),
        "ARG_MIN": Sizing((1,), "arg_min_max.cc 136-140"),
        "BATCH_TO_SPACE_ND": Sizing((1, 2), "batch_to_space_nd.cc 120-124"),
        "BROADCAST_TO": Sizing((1,), "broadcast_to.cc 97-102"),
        "CONV_3D_TRANSPOSE": Sizing((0,), "conv3d_transpose.cc 219-224"),
        "DILATE": Sizing((1,), "dilate.cc 265-268", stored_only=True),
        "EXPAND_DIMS": Sizing((1,), "expand_dims.cc 92-100"),
        "FILL": Sizing((0,), "fill.cc 104-108"),
        "MEAN": _REDUCE,
        "MIRROR_PAD": Sizing((1,), "mirror_pad.cc 393-396"),
        "MULTINOMIAL": Sizing((0, 1), "random_ops.cc 217-221"),
        "NON_MAX_SUPPRESSION_V4": Sizing((2,), _NON_MAX, outputs=(0,)),
        "NON_MAX_SUPPRESSION_V5": Sizing((2,), _NON_MAX, outputs=(0, 1)),
        "ONE_HOT": Sizing((1,), "one_hot.cc 161-164"),
        "PAD": Sizing((1,), "pad.cc 405-428"),
        "PADV2": Sizing((1,), "pad.cc 405-428"),
        "RANDOM_STANDARD_NORMAL": _RANDOM,
        "RANDOM_UNIFORM": _RANDOM,
        "RANGE": Sizing((0, 1, 2), "range.cc 166-178"),
        "REDUCE_ALL": _REDUCE,
        "REDUCE_ANY": _REDUCE,
        "REDUCE_MAX": _REDUCE,
        "REDUCE_MIN": _REDUCE,
        "REDUCE_PROD": _REDUCE,
        "RESHAPE": Sizing((1,), "reshape.cc 135-155"),
        "RESIZE_BILINEAR": Sizing((1,), "resize_bilinear.cc 84-87"),
        "RESIZE_NEAREST_NEIGHBOR": Sizing((1,), "resize_nearest_neighbor.cc 80-83"),
        "RFFT2D": Sizing((1,), "rfft2d.cc 233-241"),
        "SCATTER_ND": Sizing((2,), "scatter_nd.cc 108-126"),
        "SEGMENT_SUM": Sizing((0, 1), "segment_sum.cc 126-130"),
        "SLICE": Sizing((1, 2), "slice.cc 146-158"),
        "SPACE_TO_BATCH_ND": Sizing((1, 2), "space_to_batch_nd.cc 121-125"),
        "SPARSE_TO_DENSE": Sizing((1,), "sparse_to_dense.cc 193-196"),
        "SPLIT": Sizing((0,), "split.cc 104-109"),
        "SPLIT_V": Sizing((1, 2), "split_v.cc 161-167"),
        "STRIDED_SLICE": Sizing((1, 2, 3), "strided_slice.cc 324-334"),
        "SUM": _REDUCE,
        "TILE": Sizing((1,), "tile.cc 325-335"),
        "TOPK_V2": Sizing((1,), "topk_v2.cc 275-286"),
        "TRANSPOSE": Sizing((1,), "transpose.cc 84-87"),
        "TRANSPOSE_CONV": Sizing((0,), "transpose_conv.cc 401-407", stored_only=True),
        "UNSORTED_SEGMENT_MAX": _UNSORTED,
        "UNSORTED_SEGMENT_MIN": _UNSORTED,
        "UNSORTED_SEGMENT_PROD": _UNSORTED,
        "UNSORTED_SEGMENT_SUM": _UNSORTED,
        "WHERE": Sizing((0,), "where.cc 65-70"),
    }
)
"""Operators whose results are sized by what their inputs hold."""

UNSIZED: Mapping[str, Sizing] = MappingProxyType(
    {
        "EMBEDDING_LOOKUP_SPARSE": Sizing((), "embedding_lookup_sparse.cc 117-121"),
        "UNIQUE": Sizing((), "unique.cc 76-78", outputs=(0,)),
    }
)
"""Operators whose results have no size until they have run."""

UNRANKED = MappingProxyType({"PAD": "pad.cc 425-428", "PADV2": "pad.cc 425-428"})
"""Operators that give no size to a result when their first input is a scalar."""

SCALAR_RESULT = MappingProxyType({"READ_VARIABLE": "read_variable.cc 48-53"})
"""Operators that give no size to a result that the file declares as a scalar."""

OPEN_INPUT = MappingProxyType({"SLICE": "slice.cc 146-158", "TOPK_V2": "topk_v2.cc 273-286"})
"""Operators that give no size to their results when a size of their first input may change.

SLICE only where the file leaves a size of its result open as well."""

FOLDINGS: Mapping[str, Folding] = MappingProxyType(
    {
        "BROADCAST_ARGS": Folding((0, 1), "broadcast_args.cc 65-70"),
        "CONCATENATION": Folding(None, "concatenation.cc 157-166, 250-254"),
        "GATHER": Folding((0, 1), "gather.cc 139-146"),
        "MUL": Folding((0, 1), "mul.cc 131-138"),
        "RANGE": Folding((0, 1, 2), "range.cc 166-175"),
        "RANK": Folding((), "rank.cc 41-57"),
        "REDUCE_PROD": Folding((0, 1), "reduce.cc 402-417, 559-577", most_elements=8),
        "RESHAPE": Folding(None, "reshape.cc 136-142"),
        "SHAPE": Folding((), "shape.cc 63-89"),
        "STRIDED_SLICE": Folding((0, 1, 2), "strided_slice.cc 335-342"),
        "TILE": Folding((0, 1), "tile.cc 325-331"),
    }
)
"""Operators whose result is known ahead when their inputs are."""

_FIRST = (0,)
_BOTH = (0, 1)
_PAIR_IN = {
    "ADD": "add.cc 109",
    "BITWISE_XOR": "bitwise_xor.cc 62",
    "DIV": "div.cc 89",
    "DYNAMIC_UPDATE_SLICE": "dynamic_update_slice.cc 73",
    "EQUAL": "comparisons.cc 59",
    "FLOOR_DIV": "floor_div.cc 71",
    "FLOOR_MOD": "floor_mod.cc 71",
    "GREATER": "comparisons.cc 59",
    "GREATER_EQUAL": "comparisons.cc 59",
    "LESS": "comparisons.cc 59",
    "LESS_EQUAL": "comparisons.cc 59",
    "LOGICAL_AND": "logical.cc 67",
    "LOGICAL_OR": "logical.cc 67",
    "MAXIMUM": "maximum_minimum.cc 63-64",
    "MINIMUM": "maximum_minimum.cc 63-64",
    "MUL": "mul.cc 102",
    "NOT_EQUAL": "comparisons.cc 59",
    "POW": "pow.cc 67",
    "RIGHT_SHIFT": "right_shift.cc 63",
    "SQUARED_DIFFERENCE": "squared_difference.cc 77",
    "SUB": "sub.cc 243",
}
_IN_OUT = {
    "ABS": "elementwise.cc 144",
    "AVERAGE_POOL_2D": "pooling.cc 79",
    "BATCH_TO_SPACE_ND": "batch_to_space_nd.cc 104",
    "BROADCAST_TO": "broadcast_to.cc 92",
    "CONV_2D": "conv.cc 379",
    "COS": "elementwise.cc 144",
    "DEPTHWISE_CONV_2D": "depthwise_conv.cc 146",
    "DEPTH_TO_SPACE": "depth_to_space.cc 61",
    "ELU": "activations.cc 208",
    "HARD_SWISH": "activations.cc 208",
    "L2_NORMALIZATION": "l2norm.cc 58",
    "L2_POOL_2D": "pooling.cc 79",
    "LEAKY_RELU": "activations.cc 305",
    "LOCAL_RESPONSE_NORMALIZATION": "local_response_norm.cc 51",
    "LOG": "elementwise.cc 144",
    "LOGICAL_NOT": "elementwise.cc 144",
    "LOGISTIC": "activations.cc 442",
    "LOG_SOFTMAX": "activations.cc 662",
    "MAX_POOL_2D": "pooling.cc 79",
    "MIRROR_PAD": "mirror_pad.cc 373",
    "PAD": "pad.cc 410-411",
    "RELU": "activations.cc 230",
    "RELU6": "activations.cc 230",
    "RELU_0_TO_1": "activations.cc 230",
    "RELU_N1_TO_1": "activations.cc 230",
    "REVERSE_SEQUENCE": "reverse_sequence.cc 66",
    "REVERSE_V2": "reverse.cc 74",
    "RSQRT": "elementwise.cc 144",
    "SIGN": "sign.cc 37",
    "SIN": "elementwise.cc 144",
    "SLICE": "slice.cc 138",
    "SPACE_TO_BATCH_ND": "space_to_batch_nd.cc 104-105",
    "SPACE_TO_DEPTH": "space_to_depth.cc 61",
    "SQRT": "elementwise.cc 144",
    "SQUARE": "elementwise.cc 144",
    "STRIDED_SLICE": "strided_slice.cc 314",
    "TANH": "activations.cc 342",
    "TILE": "tile.cc 312",
    "TOPK_V2": "topk_v2.cc 265",
    "TRANSPOSE": "transpose.cc 81-82",
    "UNPACK": "unpack.cc 77",
}

SAME_TYPE: Mapping[str, Operands] = MappingProxyType(
    {
        **{op: Operands(_BOTH, (), lines) for op, lines in _PAIR_IN.items()},
        **{op: Operands(_FIRST, _FIRST, lines) for op, lines in _IN_OUT.items()},
        "ADD_N": Operands(None, (), "add_n.cc 93"),
        "ATAN2": Operands(_BOTH, _FIRST, "atan2.cc 43-44"),
        "BROADCAST_ARGS": Operands(_BOTH, _FIRST, "broadcast_args.cc 54-55"),
        "CONCATENATION": Operands(None, _FIRST, "concatenation.cc 203, 226"),
        "PACK": Operands(None, _FIRST, "pack.cc 67, 85"),
        "PADV2": Operands((0, 2), _FIRST, "pad.cc 410-415"),
        "SELECT": Operands((1, 2), (), "select.cc 80"),
        "SELECT_V2": Operands((1, 2), (), "select.cc 80"),
        "SPARSE_TO_DENSE": Operands((2, 3), (), "sparse_to_dense.cc 182"),
        "TABLE": Operands(_BOTH, _FIRST, "table.cc 44-45"),
        "TRANSPOSE_CONV": Operands((2,), _FIRST, "transpose_conv.cc 382"),
    }
)
"""Operands that a kernel demands to have one element type."""

_SYMMETRIC_IN_OUT = {
    "BATCH_TO_SPACE_ND": "batch_to_space_nd.cc 115-118",
    "CONV_2D": "conv.cc 424-427",
    "DEPTHWISE_CONV_2D": "depthwise_conv.cc 159-162",
    "EXP": "exp.cc 77-79",
    "LEAKY_RELU": "activations.cc 323-326",
    "LOGISTIC": "activations.cc 494-502",
    "MEAN": "reduce.cc 419-422",
    "MIRROR_PAD": "mirror_pad.cc 388-391",
    "REDUCE_MAX": "reduce.cc 419-422",
    "REDUCE_MIN": "reduce.cc 419-422",
    "REDUCE_PROD": "reduce.cc 419-422",
    "RELU": "activations.cc 239-242",
    "RELU6": "activations.cc 239-242",
    "RELU_0_TO_1": "activations.cc 239-242",
    "RELU_N1_TO_1": "activations.cc 239-242",
    "SPACE_TO_BATCH_ND": "space_to_batch_nd.cc 116-119",
    "SUM": "reduce.cc 419-422",
    "TANH": "activations.cc 378-392",
}

SYMMETRIC_INT16: Mapping[str, Operands] = MappingProxyType(
    {
        **{op: Operands(_FIRST, _FIRST, lines) for op, lines in _SYMMETRIC_IN_OUT.items()},
        "BATCH_MATMUL": Operands(_BOTH, _FIRST, "batch_matmul.cc 334-338"),
        "CONCATENATION": Operands(None, _FIRST, "concatenation.cc 241-248"),
        "DEQUANTIZE": Operands(_FIRST, (), "dequantize.cc 74-76"),
        "EXPAND_DIMS": Operands(_FIRST, (), "expand_dims.cc 88-90"),
        "TABLE": Operands(_FIRST, _FIRST, "table.cc 47-50"),
        "TRANSPOSE_CONV": Operands((2,), _FIRST, "transpose_conv.cc 368-371"),
    }
)
"""Operands whose zero point must be 0 when the first input is int16."""

_QUANTISED = ("float32", "uint8", "int8", "int16")
_FLOAT_INT8_INT16 = ("float32", "int8", "int16")
_REARRANGED = ("float32", "uint8", "int8", "int32", "int64")
_SPLITTABLE = ("float32", "uint8", "int8", "int16", "int32", "int64")
_EXTREMAL = ("float32", "uint8", "int8", "int32", "bool")

INPUT_TYPES: Mapping[str, tuple[tuple[str, ...], str]] = MappingProxyType(
    {
        "ABS": (("float32", "int8", "int16", "int32"), "elementwise.cc 69-72, 145-147"),
        "ARG_MAX": (_EXTREMAL, "arg_min_max.cc 117-132"),
        "ARG_MIN": (_EXTREMAL, "arg_min_max.cc 117-132"),
        "BATCH_MATMUL": (_FLOAT_INT8_INT16, "batch_matmul.cc 340-342"),
        "CONV_2D": (_QUANTISED, "conv.cc 376-378"),
        "COS": (("float32", "float16"), "elementwise.cc 61-63, 145-147"),
        "DEPTHWISE_CONV_2D": (_QUANTISED, "depthwise_conv.cc 143-145"),
        "DEPTH_TO_SPACE": (_REARRANGED, "depth_to_space.cc 57-60"),
        "L2_NORMALIZATION": (("float32", "uint8", "int8"), "l2norm.cc 55-58"),
        "LOCAL_RESPONSE_NORMALIZATION": (("float32",), "local_response_norm.cc 50-51"),
        "LOG": (_FLOAT_INT8_INT16, "elementwise.cc 82-84, 145-147"),
        "LOGICAL_NOT": (("bool",), "elementwise.cc 65-67, 145-147"),
        "POW": (("int32", "float32"), "pow.cc 69-74"),
        "RSQRT": (_FLOAT_INT8_INT16, "elementwise.cc 74-76, 145-147"),
        "SIN": (("float32", "float16"), "elementwise.cc 61-63, 145-147"),
        "SPACE_TO_DEPTH": (_REARRANGED, "space_to_depth.cc 57-60"),
        "SPLIT_V": (_SPLITTABLE, "split_v.cc 140-148"),
        "SQRT": (_FLOAT_INT8_INT16, "elementwise.cc 78-80, 145-147"),
        "SQUARE": (("float32",), "elementwise.cc 57-59, 145-147"),
        "TABLE": (("int8", "int16"), "table.cc 42-43"),
        "TRANSPOSE_CONV": (_QUANTISED, "transpose_conv.cc 337-339"),
    }
)
"""Element types of its data that a kernel prepares for."""

_AS_FIRST = (
    "ADD", "ADD_N", "BITWISE_XOR", "CEIL", "DENSIFY", "DIV", "DYNAMIC_UPDATE_SLICE", "EXP",
    "EXPAND_DIMS", "FAKE_QUANT", "FLOOR", "FLOOR_DIV", "FLOOR_MOD", "GATHER", "GATHER_ND",
    "LOGICAL_AND", "LOGICAL_OR", "MATRIX_DIAG", "MATRIX_SET_DIAG", "MAXIMUM", "MINIMUM", "NEG",
    "POW", "PRELU", "RANGE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "RIGHT_SHIFT",
    "ROUND", "SPLIT_V", "SQUARED_DIFFERENCE", "SUB", "ZEROS_LIKE",
)  # fmt: skip
_COMPARISONS = ("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL")

RESULT_TYPE: Mapping[str, int | str] = MappingProxyType(
    {
        **dict.fromkeys(_AS_FIRST, 0),
        **dict.fromkeys(_COMPARISONS, "bool"),
        "BUCKETIZE": "int32",
        "DEQUANTIZE": "float32",
        "FILL": 1,
        "NON_MAX_SUPPRESSION_V4": "int32",
        "ONE_HOT": 2,
        "RANK": "int32",
        "RFFT2D": "complex64",
        "SCATTER_ND": 1,
        "SELECT": 1,
        "SELECT_V2": 1,
        "SPARSE_TO_DENSE": 2,
        "SPLIT": 1,
        "WHERE": "int64",
    }
)
"""Element type that a kernel gives its results, whatever the file says.

A position stands for the type of that input (the assignments to `output->type` in each file).
"""

RESULT_TYPE_OPTION = MappingProxyType(
    {"ARG_MAX": "output_type", "ARG_MIN": "output_type", "SHAPE": "out_type"}
)
"""The option that names the element type of an operator's results."""

DATA_AT = MappingProxyType({"TRANSPOSE_CONV": 2})
"""Position of the input that carries the data, where it is not the first."""

BIAS_AT = MappingProxyType({"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "TRANSPOSE_CONV": 3})
"""Position of the bias of a convolution."""

BIAS_MISSING = MappingProxyType(
    {"CONV_2D": "conv.cc 405-410", "DEPTHWISE_CONV_2D": "depthwise_conv.cc 170-171"}
)
"""Convolutions that cannot do without a bias; DEPTHWISE_CONV_2D only where its slot is there."""

_EIGHT_BIT_BIAS = {"uint8": ("int32",), "int8": ("int32",), "float32": ("float32",)}
BIAS_TYPES: Mapping[str, tuple[Mapping[str, tuple[str, ...]], str]] = MappingProxyType(
    {
        "CONV_2D": ({**_EIGHT_BIT_BIAS, "int16": ("int32", "int64")}, "conv.cc 411-420"),
        "DEPTHWISE_CONV_2D": (
            {**_EIGHT_BIT_BIAS, "int16": ("int64",)},
            "depthwise_conv.cc 172-180",
        ),
        "TRANSPOSE_CONV": (
            {**_EIGHT_BIT_BIAS, "int16": ("int32", "int64")},
            "transpose_conv.cc 350-362",
        ),
    }
)
"""Element types that a bias may have, by that of the input."""

CUSTOM = frozenset({"AudioSpectrogram", "Mfcc", "NumericVerify", "TFLite_Detection_PostProcess"})
"""Custom operators whose kernels the runtime brings itself.

google-ai-edge/LiteRT tflite/core/kernels/register.cc 399-406 @f6745779. A graph with any other
is not offered to a delegate unless the application registers its kernel
(tflite/core/subgraph.cc 1411-1427).
"""
