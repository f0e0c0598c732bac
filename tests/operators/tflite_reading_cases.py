"""TFLite nodes as data, with the record that each is to be read into.

A case is `OP operands -> results; option=value ...`. An operand is `dtype[sizes]`, for a
constant followed by `=` and its elements; `_` is one left out. A size `?` may change.
"""

from __future__ import annotations

from npulint.operators.rearrangements import (
    ArgReduce,
    Cast,
    Concat,
    CumSum,
    Dense,
    Dequantize,
    Expand,
    Gather,
    GatherNd,
    MatMul,
    Miscellaneous,
    Operator,
    Pad,
    Quantize,
    Reduce,
    Reshape,
    ReverseSequence,
    ShapeOf,
    Slice,
    Split,
    Squeeze,
    Tile,
    TopK,
    Transpose,
)
from npulint.operators.semantics import (
    Binary,
    Clip,
    Conv,
    DepthToSpace,
    LocalResponseNorm,
    LpNorm,
    Pool,
    PRelu,
    Resize,
    Softmax,
    SpaceToDepth,
    TransposeConv,
    Unary,
    Variadic,
    Where,
    Window,
)

X = "float32[1,8,10,6]"

_UNARY = {
    "RELU": "relu", "LOGISTIC": "sigmoid", "TANH": "tanh", "HARD_SWISH": "hardswish",
    "EXP": "exp", "LOG": "log", "SQRT": "sqrt", "RSQRT": "rsqrt", "SQUARE": "square",
    "ABS": "abs", "NEG": "neg", "FLOOR": "floor", "CEIL": "ceil", "ROUND": "round",
    "SIGN": "sign", "SIN": "sin", "COS": "cos", "LOGICAL_NOT": "not",
}  # fmt: skip
_BINARY = {
    "ADD": "add", "SUB": "sub", "MUL": "mul", "DIV": "div", "POW": "pow",
    "SQUARED_DIFFERENCE": "squared_difference", "FLOOR_DIV": "floor_div", "FLOOR_MOD": "mod",
    "EQUAL": "equal", "NOT_EQUAL": "not_equal", "GREATER": "greater", "LESS": "less",
    "GREATER_EQUAL": "greater_equal", "LESS_EQUAL": "less_equal", "LOGICAL_AND": "and",
    "LOGICAL_OR": "or",
}  # fmt: skip
_REDUCE = {
    "MEAN": "mean", "SUM": "sum", "REDUCE_MAX": "max", "REDUCE_MIN": "min",
    "REDUCE_PROD": "prod", "REDUCE_ANY": "any", "REDUCE_ALL": "all",
}  # fmt: skip

_SAME3 = Window((3, 5), (1, 2), (1, 1), ((0, 0), (0, 0)), "SAME_UPPER")
_VALID2 = Window((2, 2), (2, 2), (1, 1), ((0, 0), (0, 0)))
_DILATED = Window((3, 3), (1, 1), (2, 4), ((0, 0), (0, 0)), "SAME_UPPER")
_POOL = "stride_h=2 stride_w=2 filter_height=2 filter_width=2"
_W = "float32[4,3,5,6]"

CASES: tuple[tuple[str, Operator], ...] = (
    *((f"{op} {X} -> {X}", Unary(kind)) for op, kind in _UNARY.items()),
    *((f"{op} {X} float32[6] -> {X}", Binary(kind)) for op, kind in _BINARY.items()),
    *(
        (f"{op} {X} int32[2]=-1,1 -> float32[1,1,10,1]; keep_dims=True", Reduce(kind, (1, 2), True))
        for op, kind in _REDUCE.items()
    ),
    (f"MEAN {X} int32[]=3 -> float32[1,8,10]; keep_dims=False", Reduce("mean", (1,), False)),
    ("MEAN float32[2,3,4,5,6] int32[2]=1,4 -> float32[2,4,5]", Reduce("mean", (1, 4), False)),
    ("MEAN float32[2,7,5] int32[1]=-2 -> float32[2,5]", Reduce("mean", (1,), False)),
    (f"RELU6 {X} -> {X}", Clip(0.0, 6.0)),
    (f"RELU_N1_TO_1 {X} -> {X}", Clip(-1.0, 1.0)),
    (f"RELU_0_TO_1 {X} -> {X}", Clip(0.0, 1.0)),
    (f"LEAKY_RELU {X} -> {X}; alpha=0.25", Unary("leakyrelu", (0.25,))),
    (f"ELU {X} -> {X}", Unary("elu", (1.0,))),
    (f"GELU {X} -> {X}; approximate=True", Unary("gelu", (1.0,))),
    (f"PRELU {X} float32[1,1,6] -> {X}", PRelu()),
    (f"MAXIMUM {X} {X} -> {X}", Variadic("max")),
    (f"MINIMUM {X} {X} -> {X}", Variadic("min")),
    (f"ADD_N {X} {X} {X} -> {X}", Variadic("sum")),
    (f"SELECT bool[1,8,10,6] {X} {X} -> {X}", Where()),
    (f"SELECT_V2 bool[1] {X} {X} -> {X}", Where()),
    (f"SOFTMAX {X} -> {X}; beta=1.0", Softmax(1)),
    ("SOFTMAX float32[5,7] -> float32[5,7]; beta=1.0", Softmax(1)),
    ("LOG_SOFTMAX float32[3,5,7] -> float32[3,5,7]", Softmax(2, log=True)),
    (f"L2_NORMALIZATION {X} -> {X}", LpNorm(1, 2)),
    (
        f"LOCAL_RESPONSE_NORMALIZATION {X} -> {X}; radius=2 alpha=0.5 beta=0.75 bias=1.5",
        LocalResponseNorm(5, 2.5, 0.75, 1.5),
    ),
    (f"CAST {X} -> int32[1,8,10,6]", Cast("int32")),
    (f"QUANTIZE {X} -> int8[1,8,10,6]", Quantize(0)),
    (f"DEQUANTIZE float16[1,8,10,6] -> {X}", Dequantize(0)),
    (f"ARG_MAX {X} int32[]=3 -> int64[1,8,10]", ArgReduce("max", 1, keep=False)),
    (f"ARG_MIN {X} int32[1]=1 -> int64[1,10,6]", ArgReduce("min", 2, keep=False)),
    ("TOPK_V2 float32[5,7] int32[]=2 -> float32[5,2] int32[5,2]", TopK(1)),
    (f"CUMSUM {X} int32[]=2 -> {X}; exclusive=True", CumSum(3, exclusive=True)),
    (f"CUMSUM {X} int32[] -> {X}; reverse=True", CumSum(None, reverse=True)),
    (f"RESHAPE {X} int32[2]=8,60 -> float32[8,60]", Reshape()),
    ("RESHAPE float32[?,6] int32[3] -> float32[?,?,2]", Reshape(fixed=False)),
    (f"EXPAND_DIMS {X} int32[]=0 -> float32[1,1,8,10,6]", Reshape()),
    (f"TRANSPOSE {X} int32[4]=0,3,1,2 -> float32[1,6,8,10]", Transpose((0, 3, 1, 2))),
    (f"TRANSPOSE {X} int32[4]=0,2,1,3 -> float32[1,10,8,6]", Transpose((0, 1, 3, 2))),
    ("TRANSPOSE float32[2,3,4] int32[3]=2,0,1 -> float32[4,2,3]", Transpose((2, 0, 1))),
    ("SQUEEZE float32[2,1,1,6] -> float32[2,6]; squeeze_dims=(1,2)", Squeeze((2, 3))),
    ("SQUEEZE float32[1,5,1] -> float32[5]", Squeeze((0, 2))),
    ("SQUEEZE float32[?,5,1] -> float32[?,5]", Squeeze(None)),
    (f"CONCATENATION {X} {X} -> float32[1,8,10,12]; axis=-1", Concat(1)),
    ("CONCATENATION float32[2,3] float32[2,3] -> float32[4,3]; axis=0", Concat(0)),
    (f"SPLIT int32[]=3 {X} -> float32[1,8,10,3] float32[1,8,10,3]; num_splits=2", Split(1, None)),
    (
        f"SPLIT_V {X} int32[2]=2,4 int32[]=-1 -> float32[1,8,10,2] float32[1,8,10,4]",
        Split(1, (2, 4)),
    ),
    (
        f"SLICE {X} int32[4]=0,1,0,2 int32[4]=1,3,-1,-1 -> float32[1,3,10,4]",
        Slice(((1, 2, 6, 1), (2, 1, 4, 1))),
    ),
    (f"SLICE {X} int32[4] int32[4] -> {X}", Slice(None)),
    (
        f"STRIDED_SLICE {X} int32[4]=0,1,9,0 int32[4]=1,7,0,6 int32[4]=1,2,-1,1 -> "
        "float32[1,3,10,6]; end_mask=4",
        Slice(((2, 1, 7, 2), (3, 9, -(2**31) + 1, -1))),
    ),
    (
        f"STRIDED_SLICE {X} int32[4]=0,0,0,1 int32[4]=1,8,10,3 int32[4]=1,1,1,1 -> "
        "float32[1,8,10,3]; offset=True begin_mask=7",
        Slice(((1, 1, 4, 1),)),
    ),
    (f"STRIDED_SLICE {X} int32[4] int32[4] int32[4]=1,1,1,1 -> {X}", Slice(None)),
    (
        f"PAD {X} int32[4,2]=0,0,1,2,3,4,5,6 -> float32[1,11,17,17]",
        Pad(((0, 0), (5, 6), (1, 2), (3, 4))),
    ),
    (f"PAD {X} int32[4,2] -> {X}", Pad(None)),
    ("PADV2 float32[2,3] int32[2,2]=0,1,2,0 float32[]=7 -> float32[3,5]", Pad(((0, 1), (2, 0)),
     value=7.0)),
    (
        f"MIRROR_PAD {X} int32[4,2]=0,0,1,1,2,2,0,0 -> float32[1,10,14,6]; mode='REFLECT'",
        Pad(((0, 0), (0, 0), (1, 1), (2, 2)), "reflect"),
    ),
    (f"BROADCAST_TO {X} int32[4]=2,8,10,6 -> float32[2,8,10,6]", Expand()),
    (f"TILE {X} int32[4]=1,2,3,4 -> float32[1,16,30,24]", Tile((1, 4, 2, 3))),
    (f"TILE {X} int32[4] -> {X}", Tile(None)),
    (f"GATHER {X} int32[3] -> float32[1,8,10,3]; axis=3", Gather(1)),
    ("GATHER_ND float32[4,5] int32[3,2] -> float32[3]", GatherNd()),
    ("REVERSE_SEQUENCE float32[4,5] int32[4] -> float32[4,5]; seq_dim=1 batch_dim=0",
     ReverseSequence(0, 1)),
    (f"SHAPE {X} -> int32[4]", ShapeOf(0, None)),
    ("FILL int32[2] float32[] -> float32[?,?]", Miscellaneous("fill")),
    ("RANGE int32[] int32[] int32[] -> int32[?]", Miscellaneous("range")),
    ("BATCH_MATMUL float32[2,3,4] float32[2,4,5] -> float32[2,3,5]", MatMul()),
    ("BATCH_MATMUL float32[3,4] float32[5,4] -> float32[3,5]; adj_y=True", Dense(False, True)),
    ("FULLY_CONNECTED float32[3,4] float32[5,4] _ -> float32[3,5]", Dense(transpose_b=True)),
    (
        f"CONV_2D {X} {_W} float32[4] -> float32[1,8,5,4]; padding='SAME' stride_h=1 stride_w=2",
        Conv(_SAME3),
    ),
    (
        "CONV_2D float32[1,8,10,6] float32[4,3,3,3] float32[4] -> float32[1,8,10,4]; "
        "padding='SAME' stride_h=1 stride_w=1 dilation_h_factor=2 dilation_w_factor=4",
        Conv(_DILATED, groups=2),
    ),
    (
        f"DEPTHWISE_CONV_2D {X} float32[1,2,2,12] float32[12] -> float32[1,4,5,12]; "
        "padding='VALID' stride_h=2 stride_w=2 depth_multiplier=2",
        Conv(_VALID2, groups=6),
    ),
    (
        f"TRANSPOSE_CONV int32[4]=1,16,20,4 float32[4,3,3,6] {X} -> float32[1,16,20,4]; "
        "padding='SAME' stride_h=2 stride_w=2",
        TransposeConv(Window((3, 3), (2, 2), (1, 1), ((0, 1), (0, 1))), 1, (0, 0)),
    ),
    (
        f"TRANSPOSE_CONV int32[4]=1,17,32,4 float32[4,3,2,6] {X} float32[4] -> "
        "float32[1,17,32,4]; padding='VALID' stride_h=2 stride_w=3",
        TransposeConv(Window((3, 2), (2, 3), (1, 1), ((0, 0), (0, 0))), 1, (0, 3)),
    ),
    (f"MAX_POOL_2D {X} -> float32[1,4,5,6]; padding='VALID' {_POOL}", Pool("max", _VALID2)),
    (f"AVERAGE_POOL_2D {X} -> float32[1,4,5,6]; padding='VALID' {_POOL}",
     Pool("average", _VALID2)),
    (
        f"RESIZE_BILINEAR {X} int32[2]=16,20 -> float32[1,16,20,6]; half_pixel_centers=True",
        Resize("linear", "half_pixel", "round_prefer_floor"),
    ),
    (
        f"RESIZE_BILINEAR {X} int32[2] -> float32[1,?,?,6]; align_corners=True",
        Resize("linear", "align_corners", "round_prefer_floor", fixed_size=False),
    ),
    (
        f"RESIZE_NEAREST_NEIGHBOR {X} int32[2]=16,20 -> float32[1,16,20,6]",
        Resize("nearest", "asymmetric", "floor"),
    ),
    (
        f"RESIZE_NEAREST_NEIGHBOR {X} int32[2]=16,20 -> float32[1,16,20,6]; align_corners=True",
        Resize("nearest", "align_corners", "round_prefer_ceil"),
    ),
    ("DEPTH_TO_SPACE float32[1,2,2,8] -> float32[1,4,4,2]; block_size=2", DepthToSpace(2)),
    ("SPACE_TO_DEPTH float32[1,4,4,2] -> float32[1,2,2,8]; block_size=2", SpaceToDepth(2)),
)  # fmt: skip

REFUSED: tuple[tuple[str, str], ...] = (
    (f"MEAN {X} int32[2] -> float32[1]", "computed while the model runs"),
    (f"MEAN {X} int32[1]=4 -> float32[1]", "outside of rank 4"),
    (f"SOFTMAX {X} -> {X}; beta=2.0", "multiplies by 2.0"),
    (f"STRIDED_SLICE {X} int32[1]=0 int32[1]=1 int32[1]=1 -> float32[8]; shrink_axis_mask=1",
     "changes the rank"),
    (f"MIRROR_PAD {X} int32[4,2]=0,0,1,1,1,1,0,0 -> {X}; mode='SYMMETRIC'", "repeats the border"),
    (f"PAD {X} int32[1,2]=0,1 -> {X}", "do not fit rank 4"),
    (f"TILE {X} int32[1]=2 -> {X}", "do not fit rank 4"),
    (f"TRANSPOSE {X} int32[4]=0,1,1,2 -> {X}", "does not order rank 4"),
    (f"GATHER {X} int32[1,3] -> {X}; axis=1 batch_dims=1", "batch_dims"),
    ("BATCH_MATMUL float32[2,4,3] float32[2,4,5] -> float32[2,3,5]; adj_x=True", "transposed"),
    ("FULLY_CONNECTED float32[3,4] float32[5,4] -> float32[3,5]; "
     "weights_format='SHUFFLED4x16INT8'", "shuffled"),
    (f"CONV_2D {X} {_W} float32[4] -> {X}; padding='FULL'", "padding is FULL"),
    (f"CONV_2D {X} {_W} float32[4] -> {X}; padding='SAME' stride_h=0", "1 or more"),
    (f"CONV_2D {X} float32[4,6] float32[4] -> {X}; padding='SAME'", "a filter has rank 4"),
    ("CONV_2D float32[8,6] float32[4,3,5,6] float32[4] -> float32[8,4]; padding='SAME'",
     "a feature map has rank 4"),
    (f"MAX_POOL_2D {X} -> {X}; padding='SAME'", "1 or more"),
    ("TRANSPOSE_CONV int32[4] float32[4,3,3,6] float32[1,?,10,6] -> float32[1,?,20,4]; "
     "padding='SAME' stride_h=2 stride_w=2", "not all fixed"),
    (f"RESIZE_BILINEAR {X} int32[2]=9,9 -> {X}; align_corners=True half_pixel_centers=True",
     "exclude each other"),
    (f"SPLIT_V {X} int32[2] int32[]=3 -> {X} {X}", "operand 1"),
    (f"MEAN {X} -> {X}", "operand 1"),
)  # fmt: skip
