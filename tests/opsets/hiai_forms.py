"""Forms of operators, where four integrations of HiAI stand on each, and the verdict of counting.

Stances are four signs in the order MindSpore Lite, TNN, Paddle-Lite, MNN: `+` takes the form,
`-` refuses it, `?` may take it (a newer system, a converter), `.` does not speak of it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from npulint.model import Attribute, Constant, Operation, Quantisation, Value

Options: TypeAlias = "dict[str, Attribute]"


def t(*shape: int, dtype: str = "float32") -> Value:
    """A tensor computed at run time."""
    return Value(0, "", dtype, shape)


def q(*shape: int, dtype: str = "int8") -> Value:
    """A quantised tensor."""
    return replace(t(*shape, dtype=dtype), quantisation=Quantisation((0.5,), (3,)))


def w(*shape: int, dtype: str = "float32") -> Value:
    """A weight, too large to be kept in memory."""
    return replace(t(*shape, dtype=dtype), constant=Constant(dtype, shape, None, None, 1 << 20))


def c(*elements: int, shape: tuple[int, ...] | None = None) -> Value:
    """A small constant of integers."""
    sizes = (len(elements),) if shape is None else shape
    payload = struct.pack(f"<{len(elements)}i", *elements)
    constant = Constant("int32", sizes, payload, None, len(payload))
    return replace(t(*sizes, dtype="int32"), constant=constant)


@dataclass(frozen=True)
class Form:
    op: str
    inputs: tuple[Value | None, ...]
    outputs: tuple[Value, ...]
    status: str
    stances: str
    options: Options = field(default_factory=dict)

    @property
    def operation(self) -> Operation:
        return Operation("tflite", self.op, 1, self.inputs, self.outputs, self.options)


IMAGE = t(1, 16, 16, 8)
NONE: Options = {"fused_activation_function": "NONE"}
CONV: Options = NONE | {
    "padding": "SAME", "stride_w": 1, "stride_h": 1,
    "dilation_w_factor": 1, "dilation_h_factor": 1,
}  # fmt: skip
DEPTHWISE: Options = CONV | {"depth_multiplier": 1}
POOL: Options = NONE | {
    "padding": "VALID", "stride_w": 2, "stride_h": 2, "filter_width": 2, "filter_height": 2,
}  # fmt: skip
DENSE: Options = NONE | {"keep_num_dims": False, "weights_format": "DEFAULT"}
PLAIN: Options = {"align_corners": False, "half_pixel_centers": False}
HALF: Options = {"align_corners": False, "half_pixel_centers": True}
ALIGNED: Options = {"align_corners": True, "half_pixel_centers": False}
SLICED: Options = {
    "begin_mask": 1, "end_mask": 3, "ellipsis_mask": 0, "new_axis_mask": 0, "shrink_axis_mask": 0,
}  # fmt: skip
MATRICES: Options = {"adj_x": False, "adj_y": False}


def pointwise(op: str, status: str, signs: str, **options: Attribute) -> Form:
    return Form(op, (IMAGE,), (IMAGE,), status, signs, options)


def binary(
    op: str,
    status: str,
    signs: str,
    operands: tuple[Value, Value],
    out: Value,
    *,
    fused: str = "NONE",
) -> Form:
    return Form(op, operands, (out,), status, signs, {"fused_activation_function": fused})


def conv(
    status: str, signs: str, x: Value = IMAGE, f: Value | None = None, **more: Attribute
) -> Form:
    weights = w(4, 3, 3, 8) if f is None else f
    return Form("CONV_2D", (x, weights, w(4)), (t(1, 16, 16, 4),), status, signs, CONV | more)


def depthwise(status: str, signs: str, x: Value = IMAGE, **more: Attribute) -> Form:
    channels = x.shape[-1] if x.shape else 0
    assert isinstance(channels, int)
    operands = (x, w(1, 3, 3, channels), w(channels))
    return Form("DEPTHWISE_CONV_2D", operands, (x,), status, signs, DEPTHWISE | more)


def prelu(status: str, signs: str, x: Value, alpha: Value) -> Form:
    return Form("PRELU", (x, alpha), (x,), status, signs)


def resized(op: str, status: str, signs: str, size: int, options: Options) -> Form:
    return Form(op, (IMAGE, c(size, size)), (t(1, size, size, 8),), status, signs, options)


FORMS: dict[str, Form] = {
    "relu": pointwise("RELU", "supported", "++++"),
    "relu of a vector": Form("RELU", (t(8),), (t(8),), "supported", "++++"),
    "relu of rank 5": Form("RELU", (t(1, 1, 1, 1, 8),), (t(1, 1, 1, 1, 8),), "unsupported", "-..."),
    "relu, float16": Form("RELU", (t(8, dtype="float16"),), (t(8),), "supported", "++++"),
    "relu, int8": Form("RELU", (q(1, 8),), (q(1, 8),), "unsupported", "-..."),
    "relu, uint8": Form(
        "RELU", (q(8, dtype="uint8"),), (q(8, dtype="uint8"),), "unsupported", "-..."
    ),
    "relu, int32": Form("RELU", (t(8, dtype="int32"),), (t(8, dtype="int32"),), "unknown", "-.??"),
    "relu, sizes unknown": Form(
        "RELU",
        (replace(IMAGE, shape=(None, 16, 16, 8)),),
        (replace(IMAGE, shape=(None, 16, 16, 8)),),
        "supported",
        "?+++",
    ),
    "relu, rank unknown": Form(
        "RELU", (replace(IMAGE, shape=None),), (replace(IMAGE, shape=None),), "unknown", "????"
    ),
    "elu": pointwise("ELU", "supported", "++.."),
    "leaky relu": pointwise("LEAKY_RELU", "supported", "++++", alpha=0.1),
    "hard swish": pointwise("HARD_SWISH", "supported", "-+++"),
    "gelu": pointwise("GELU", "supported", "++++", approximate=False),
    "gelu by the other formula": pointwise("GELU", "unknown", "??-?", approximate=True),
    "relu -1 to 1": pointwise("RELU_N1_TO_1", "supported", ".++."),
    "round": pointwise("ROUND", "unknown", "+..."),
    "sign": pointwise("SIGN", "unknown", ".+.."),
    "rsqrt": pointwise("RSQRT", "supported", "+..+"),
    "ceil": pointwise("CEIL", "supported", "++.."),
    "not": Form("LOGICAL_NOT", (t(4, dtype="bool"),), (t(4, dtype="bool"),), "supported", "+.+."),
    "add": binary("ADD", "supported", "++++", (IMAGE, IMAGE), IMAGE),
    "add of a scalar": binary("ADD", "supported", "++++", (IMAGE, t()), IMAGE),
    "add of other ranks": binary("ADD", "supported", "-+++", (IMAGE, w(8)), IMAGE),
    "add with relu6": binary("ADD", "supported", "+++?", (IMAGE, IMAGE), IMAGE, fused="RELU6"),
    "add with relu -1 to 1": binary(
        "ADD", "unknown", "--+?", (IMAGE, IMAGE), IMAGE, fused="RELU_N1_TO_1"
    ),
    "add with tanh": binary("ADD", "unknown", "+--?", (IMAGE, IMAGE), IMAGE, fused="TANH"),
    "add, int8": binary("ADD", "unknown", "-..?", (q(1, 8), q(1, 8)), q(1, 8)),
    "sub, int8": binary("SUB", "unsupported", "-...", (q(1, 8), q(1, 8)), q(1, 8)),
    "mul of other ranks": binary("MUL", "supported", "++++", (IMAGE, w(8)), IMAGE),
    "mul, both broadcast, small": binary(
        "MUL", "supported", "++++", (t(1, 16, 1, 8), t(1, 1, 16, 8)), IMAGE
    ),
    "mul, both broadcast, large": binary(
        "MUL", "supported", "-+++", (t(1, 64, 1, 8), t(1, 1, 32, 8)), t(1, 64, 32, 8)
    ),
    "maximum of other ranks": binary("MAXIMUM", "supported", "-+++", (IMAGE, w(8)), IMAGE),
    "squared difference": binary("SQUARED_DIFFERENCE", "unknown", "...+", (IMAGE, IMAGE), IMAGE),
    "floor div": binary("FLOOR_DIV", "unknown", "?..-", (IMAGE, IMAGE), IMAGE),
    "floor div of other ranks": binary("FLOOR_DIV", "unsupported", "-..-", (IMAGE, w(8)), IMAGE),
    "pow": Form("POW", (IMAGE, w(1)), (IMAGE,), "supported", ".+++"),
    "pow of two tensors": Form("POW", (IMAGE, IMAGE), (IMAGE,), "supported", ".-++"),
    "less": Form("LESS", (IMAGE, IMAGE), (t(1, 16, 16, 8, dtype="bool"),), "supported", "+.++"),
    "greater": Form(
        "GREATER", (IMAGE, IMAGE), (t(1, 16, 16, 8, dtype="bool"),), "supported", "+.++"
    ),
    "less of vectors": Form("LESS", (t(8), t(8)), (t(8, dtype="bool"),), "supported", "-.++"),
    "equal of matrices": Form(
        "EQUAL", (t(8, 8), t(8, 8)), (t(8, 8, dtype="bool"),), "supported", "-.++"
    ),
    "not equal": Form(
        "NOT_EQUAL", (IMAGE, IMAGE), (t(1, 16, 16, 8, dtype="bool"),), "supported", "+.+-"
    ),
    "conv": conv("supported", "++++"),
    "conv with relu6": conv("supported", "++++", fused_activation_function="RELU6"),
    "conv with tanh": conv("unknown", "+---", fused_activation_function="TANH"),
    "conv with relu -1 to 1": conv("unknown", "--+-", fused_activation_function="RELU_N1_TO_1"),
    "conv, grouped": conv("supported", "??++", f=w(4, 3, 3, 4)),
    "conv, grouped, 8-bit filter": conv("unknown", "?--+", f=w(4, 3, 3, 4, dtype="int8")),
    "conv with a computed filter": conv("unknown", "????", f=t(4, 3, 3, 8)),
    "conv with 8-bit weights": conv("supported", "+--+", f=w(4, 3, 3, 8, dtype="int8")),
    "conv with 8-bit weights, stride beyond the image": conv(
        "unknown", "---+", x=t(1, 2, 2, 8), f=w(4, 3, 3, 8, dtype="int8"), stride_w=3
    ),
    "conv, int8": conv("unknown", "-..?", x=q(1, 16, 16, 8), f=w(4, 3, 3, 8, dtype="int8")),
    "depthwise": depthwise("supported", "++++"),
    "depthwise, int8": depthwise("unknown", "-..?", x=q(1, 16, 16, 8)),
    "depthwise with a multiplier": depthwise("supported", "+++?", depth_multiplier=2),
    "transposed conv": Form(
        "TRANSPOSE_CONV",
        (c(1, 32, 32, 4), w(4, 2, 2, 8), IMAGE),
        (t(1, 32, 32, 4),),
        "supported",
        "++++",
        NONE,
    ),
    "transposed conv with a bias": Form(
        "TRANSPOSE_CONV",
        (c(1, 32, 32, 4), w(4, 2, 2, 8), IMAGE, w(4)),
        (t(1, 32, 32, 4),),
        "supported",
        "+?++",
        NONE,
    ),
    "transposed conv, int8": Form(
        "TRANSPOSE_CONV",
        (c(1, 32, 32, 4), w(4, 2, 2, 8, dtype="int8"), q(1, 16, 16, 8)),
        (q(1, 32, 32, 4),),
        "unsupported",
        "-...",
        NONE,
    ),
    "average pool": Form("AVERAGE_POOL_2D", (IMAGE,), (t(1, 8, 8, 8),), "supported", "++++", POOL),
    "average pool of a large plane": Form(
        "AVERAGE_POOL_2D", (t(1, 720, 1280, 8),), (t(1, 360, 640, 8),), "supported", "?+++", POOL
    ),
    "average pool, wide and padded": Form(
        "AVERAGE_POOL_2D",
        (IMAGE,),
        (IMAGE,),
        "supported",
        "?+++",
        POOL | {"padding": "SAME", "filter_width": 5},
    ),
    "max pool with relu": Form(
        "MAX_POOL_2D",
        (IMAGE,),
        (t(1, 8, 8, 8),),
        "supported",
        "++--",
        POOL | {"fused_activation_function": "RELU"},
    ),
    "max pool with tanh": Form(
        "MAX_POOL_2D",
        (IMAGE,),
        (t(1, 8, 8, 8),),
        "unknown",
        "+---",
        POOL | {"fused_activation_function": "TANH"},
    ),
    "dense": Form(
        "FULLY_CONNECTED", (t(1, 64), w(8, 64), w(8)), (t(1, 8),), "supported", "++++", DENSE
    ),
    "dense with relu": Form(
        "FULLY_CONNECTED",
        (t(1, 64), w(8, 64), w(8)),
        (t(1, 8),),
        "supported",
        "++-?",
        DENSE | {"fused_activation_function": "RELU"},
    ),
    "dense, dimensions kept": Form(
        "FULLY_CONNECTED",
        (t(1, 4, 64), w(8, 64), w(8)),
        (t(1, 4, 8),),
        "unknown",
        "++++",
        DENSE | {"keep_num_dims": True},
    ),
    "matrices": Form(
        "BATCH_MATMUL", (t(8, 16), t(16, 4)), (t(8, 4),), "supported", "++++", MATRICES
    ),
    "batches": Form(
        "BATCH_MATMUL",
        (t(1, 2, 8, 16), t(1, 2, 16, 4)),
        (t(1, 2, 8, 4),),
        "supported",
        "+-++",
        MATRICES,
    ),
    "batches, the first transposed": Form(
        "BATCH_MATMUL",
        (t(1, 2, 16, 8), t(1, 2, 16, 4)),
        (t(1, 2, 8, 4),),
        "supported",
        "+--+",
        MATRICES | {"adj_x": True},
    ),
    "batches of rank 3": Form(
        "BATCH_MATMUL", (t(2, 8, 16), t(2, 16, 4)), (t(2, 8, 4),), "supported", "?-++", MATRICES
    ),
    "large batches": Form(
        "BATCH_MATMUL",
        (t(1, 2, 8, 2048), t(1, 2, 2048, 4)),
        (t(1, 2, 8, 4),),
        "supported",
        "--++",
        MATRICES,
    ),
    "concatenation": Form(
        "CONCATENATION", (IMAGE, IMAGE), (t(1, 16, 16, 16),), "supported", "++++", NONE
    ),
    "concatenation of one": Form("CONCATENATION", (IMAGE,), (IMAGE,), "supported", "+-++", NONE),
    "split": Form("SPLIT", (c(3), IMAGE), (t(1, 16, 16, 4), t(1, 16, 16, 4)), "supported", "++++"),
    "split by sizes": Form(
        "SPLIT_V", (IMAGE, c(3, 5), c(3)), (t(1, 16, 16, 3), t(1, 16, 16, 5)), "supported", "+++?"
    ),
    "reshape": Form("RESHAPE", (IMAGE, c(1, 2048)), (t(1, 2048),), "supported", "+?++"),
    "reshape to rank 5": Form(
        "RESHAPE", (IMAGE, c(1, 16, 16, 4, 2)), (t(1, 16, 16, 4, 2),), "unsupported", "-..."
    ),
    "reshape, int32": Form(
        "RESHAPE", (t(4, dtype="int32"), c(2, 2)), (t(2, 2, dtype="int32"),), "unknown", "+.??"
    ),
    "squeeze": Form("SQUEEZE", (t(1, 8),), (t(8),), "supported", "++++", {"squeeze_dims": (0,)}),
    "squeeze without axes": Form(
        "SQUEEZE", (t(1, 8),), (t(8),), "supported", "+++?", {"squeeze_dims": ()}
    ),
    "expand to rank 5": Form(
        "EXPAND_DIMS", (IMAGE, c(0)), (t(1, 1, 16, 16, 8),), "unknown", "+..."
    ),
    "transpose": Form("TRANSPOSE", (IMAGE, c(0, 3, 1, 2)), (t(1, 8, 16, 16),), "unknown", "-?++"),
    "transpose of rank 3": Form(
        "TRANSPOSE", (t(1, 4, 8), c(0, 2, 1)), (t(1, 8, 4),), "unknown", "-?+-"
    ),
    "transpose, int8": Form(
        "TRANSPOSE", (q(1, 16, 16, 8), c(0, 3, 1, 2)), (q(1, 8, 16, 16),), "unsupported", "-..."
    ),
    "softmax": Form("SOFTMAX", (IMAGE,), (IMAGE,), "supported", "++++", {"beta": 1.0}),
    "softmax of classes": Form(
        "SOFTMAX", (t(1, 10),), (t(1, 10),), "supported", "+-++", {"beta": 1.0}
    ),
    "softmax, sharpened": Form("SOFTMAX", (IMAGE,), (IMAGE,), "unknown", "++++", {"beta": 2.0}),
    "mean": Form("MEAN", (IMAGE, c(1, 2)), (t(1, 8),), "supported", "++++", {"keep_dims": False}),
    "reduce max": Form("REDUCE_MAX", (IMAGE, c(1, 2)), (t(1, 8),), "supported", "-+.+"),
    "reduce min": Form("REDUCE_MIN", (IMAGE, c(1, 2)), (t(1, 8),), "unknown", "-+.-"),
    "reduce prod, int8": Form("REDUCE_PROD", (q(1, 8), c(1)), (q(1),), "unsupported", "-..."),
    "pad": Form("PAD", (IMAGE, w(4, 2, dtype="int32")), (t(1, 18, 18, 8),), "supported", "++++"),
    "pad of rank 3": Form(
        "PAD", (t(4, 4, 8), w(3, 2, dtype="int32")), (t(6, 6, 8),), "unknown", "?--+"
    ),
    "pad with a value": Form(
        "PADV2", (IMAGE, w(4, 2, dtype="int32"), w()), (t(1, 18, 18, 8),), "supported", "+++?"
    ),
    "mirror pad": Form(
        "MIRROR_PAD",
        (IMAGE, w(4, 2, dtype="int32")),
        (t(1, 18, 18, 8),),
        "supported",
        "-++-",
        {"mode": "REFLECT"},
    ),
    "mirror pad, symmetric": Form(
        "MIRROR_PAD",
        (IMAGE, w(4, 2, dtype="int32")),
        (t(1, 18, 18, 8),),
        "unsupported",
        "----",
        {"mode": "SYMMETRIC"},
    ),
    "bilinear, half pixels": resized("RESIZE_BILINEAR", "supported", "+++?", 32, HALF),
    "bilinear, aligned": resized("RESIZE_BILINEAR", "supported", "++++", 32, ALIGNED),
    "bilinear, plain": resized("RESIZE_BILINEAR", "supported", "+-++", 32, PLAIN),
    "bilinear, smaller": resized("RESIZE_BILINEAR", "unknown", "-++?", 8, HALF),
    "nearest": resized("RESIZE_NEAREST_NEIGHBOR", "supported", "++++", 32, PLAIN),
    "nearest, aligned": resized("RESIZE_NEAREST_NEIGHBOR", "supported", "?-++", 32, ALIGNED),
    "nearest, half pixels": resized("RESIZE_NEAREST_NEIGHBOR", "unknown", "????", 32, HALF),
    "nearest, smaller": resized("RESIZE_NEAREST_NEIGHBOR", "unknown", "-+++", 8, PLAIN),
    "prelu, a slope a channel": prelu("supported", ".?++", IMAGE, w(1, 1, 8)),
    "prelu, one slope": prelu("supported", ".+++", IMAGE, w(1, 1, 1)),
    "prelu, a slope a pixel": prelu("unsupported", ".---", IMAGE, w(16, 16, 8)),
    "prelu, a slope a row": prelu("unsupported", ".---", t(1, 8, 4, 8), w(8, 1, 1)),
    "prelu of rank 2": prelu("unknown", ".?-+", t(1, 8), w(8)),
    "slice": Form(
        "SLICE", (IMAGE, c(0, 0, 0, 0), c(1, 8, 8, 8)), (t(1, 8, 8, 8),), "supported", "+.++"
    ),
    "slice to the end": Form(
        "SLICE", (IMAGE, c(0, 8, 8, 0), c(-1, -1, -1, -1)), (t(1, 8, 8, 8),), "unknown", "?.+?"
    ),
    "strided slice": Form(
        "STRIDED_SLICE",
        (IMAGE, c(0, 0, 0, 0), c(1, 16, 16, 8), c(1, 2, 2, 1)),
        (t(1, 8, 8, 8),),
        "supported",
        "+++?",
        SLICED,
    ),
    "strided slice that drops an axis": Form(
        "STRIDED_SLICE",
        (IMAGE, c(0, 0, 0, 0), c(1, 16, 16, 8), c(1, 2, 2, 1)),
        (t(8, 8, 8),),
        "unknown",
        "+--?",
        SLICED | {"shrink_axis_mask": 1},
    ),
    "tile": Form("TILE", (IMAGE, c(1, 2, 2, 1)), (t(1, 32, 32, 8),), "supported", "+.++"),
    "broadcast": Form(
        "BROADCAST_TO", (t(1, 1, 1, 8), c(1, 16, 16, 8)), (IMAGE,), "unknown", "?..+"
    ),
    "gather of one": Form(
        "GATHER", (IMAGE, c(3)), (IMAGE,), "supported", "++++", {"batch_dims": 0}
    ),
    "gather of two": Form(
        "GATHER", (IMAGE, c(3, 4)), (IMAGE,), "supported", "?+++", {"batch_dims": 0}
    ),
    "gather in batches": Form(
        "GATHER", (IMAGE, c(3)), (IMAGE,), "unknown", "++++", {"batch_dims": 1}
    ),
    "arg max": Form(
        "ARG_MAX", (IMAGE, c(3)), (t(1, 16, 16),), "supported", "++++", {"output_type": "int32"}
    ),
    "arg max, int64": Form(
        "ARG_MAX", (IMAGE, c(3)), (t(1, 16, 16),), "unknown", "++++", {"output_type": "int64"}
    ),
    "arg min": Form("ARG_MIN", (IMAGE, c(3)), (t(1, 16, 16),), "unsupported", ".--."),
    "top k": Form(
        "TOPK_V2", (t(1, 8), c(3, shape=())), (t(1, 3), t(1, 3, dtype="int32")), "supported", "..++"
    ),
    "cast to int32": Form("CAST", (IMAGE,), (t(1, 16, 16, 8, dtype="int32"),), "supported", "+?++"),
    "cast from bool": Form("CAST", (t(4, dtype="bool"),), (t(4),), "supported", "+.++"),
    "cast to bool": Form("CAST", (IMAGE,), (t(1, 16, 16, 8, dtype="bool"),), "supported", "+?+-"),
    "cast of an image": Form("CAST", (t(1, 4, dtype="uint8"),), (t(1, 4),), "unknown", "-.+."),
    "select": Form("SELECT_V2", (t(4, dtype="bool"), t(4), t(4)), (t(4),), "unknown", "..+."),
    "pack": Form("PACK", (t(4), t(4)), (t(2, 4),), "unknown", "...+"),
    "unpack": Form("UNPACK", (t(2, 4),), (t(4), t(4)), "unknown", "+..."),
    "depth to space": Form("DEPTH_TO_SPACE", (IMAGE,), (t(1, 32, 32, 2),), "unknown", "...+"),
    "l2 normalisation": Form("L2_NORMALIZATION", (IMAGE,), (IMAGE,), "unknown", ".+-."),
    "local response": pointwise("LOCAL_RESPONSE_NORMALIZATION", "unknown", ".+.?"),
    "quantise": Form("QUANTIZE", (IMAGE,), (q(1, 16, 16, 8),), "unknown", "...?"),
    "float16 weights": Form("DEQUANTIZE", (w(8, dtype="float16"),), (t(8),), "unknown", "...?"),
}
