"""Sizes of the results of TFLite operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.sizing.arithmetic import (
    broadcast,
    divided,
    halved,
    multiplied,
    reduced,
    scaled,
    windowed,
)
from npulint.sizing.site import Rules, Site, UnfitSizesError, UnknownSizesError, told
from npulint.sizing.tflite_moves import MOVE_RULES
from npulint.sizing.tflite_recurrent import RECURRENT_RULES

if TYPE_CHECKING:
    from npulint.model import Dimension, Shape

_SAME = """
    ABS BITCAST CAST CEIL COS CUMSUM DEQUANTIZE DYNAMIC_UPDATE_SLICE ELU EXP FAKE_QUANT FLOOR GELU
    HARD_SWISH L2_NORMALIZATION LEAKY_RELU LOCAL_RESPONSE_NORMALIZATION LOG LOGICAL_NOT LOGISTIC
    LOG_SOFTMAX NEG PRELU QUANTIZE RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1 REVERSE_SEQUENCE REVERSE_V2
    ROUND RSQRT SELECT SIGN SIN SOFTMAX SQRT SQUARE TANH ZEROS_LIKE
"""

_BROADCAST = """
    ADD ADD_N ATAN2 BITWISE_XOR DIV EQUAL FLOOR_DIV FLOOR_MOD GREATER GREATER_EQUAL LESS
    LESS_EQUAL LOGICAL_AND LOGICAL_OR MAXIMUM MINIMUM MUL NOT_EQUAL POW RIGHT_SHIFT SELECT_V2
    SQUARED_DIFFERENCE SUB
"""

_REDUCE = "MEAN REDUCE_ALL REDUCE_ANY REDUCE_MAX REDUCE_MIN REDUCE_PROD SUM"


def _same(site: Site) -> list[Shape | None]:
    return [site.shape(1 if site.operation.op == "SELECT" else 0)]


def _broadcast(site: Site) -> list[Shape | None]:
    return [broadcast([site.shape(place) for place in range(len(site.operation.inputs))])]


def _reduce(site: Site) -> list[Shape | None]:
    axes = site.axes(site.demanded(1))
    return [reduced(site.shape(), axes, keep=bool(site.integer("keep_dims")))]


def _arg_reduce(site: Site) -> list[Shape | None]:
    return [reduced(site.shape(), site.axes(site.demanded(1)), keep=False)]


def _places(site: Site, space: Shape, kernel: Shape, axes: str = "hw") -> Shape:
    """How many places a window has along its axes."""
    strides = tuple(site.integer(f"stride_{axis}", 1) for axis in axes)
    dilations = tuple(site.integer(f"dilation_{axis}_factor", 1) for axis in axes)
    if len(space) != len(axes) or min((*strides, *dilations)) < 1:
        raise UnknownSizesError
    if site.word("padding") == "SAME":
        return tuple(map(halved, space, strides))
    found: list[Dimension] = []
    for size, window, stride, dilation in zip(space, kernel, strides, dilations, strict=True):
        if not isinstance(window, int):
            raise UnknownSizesError
        found.append(windowed(size, window, stride, dilation))
    return tuple(found)


def _convolution(site: Site) -> list[Shape | None]:
    batch, *space, channels = site.shape()
    filters, *kernel, depth = site.shape(1)
    if isinstance(channels, int) and isinstance(depth, int) and depth and channels % depth:
        raise UnfitSizesError(f"its filters are for {depth} channels; it is given {channels}")
    return [(batch, *_places(site, tuple(space), tuple(kernel)), filters)]


def _convolution_3d(site: Site) -> list[Shape | None]:
    """The filter is `[depth, height, width, in, out]`."""
    batch, *space, channels = site.shape()
    *kernel, depth, filters = site.shape(1)
    if isinstance(channels, int) and isinstance(depth, int) and channels != depth:
        raise UnfitSizesError(f"its filters are for {depth} channels; it is given {channels}")
    return [(batch, *_places(site, tuple(space), tuple(kernel), "dhw"), filters)]


def _transposed_3d(site: Site) -> list[Shape | None]:
    return [site.demanded(0)]


def _depthwise(site: Site) -> list[Shape | None]:
    batch, *space, _ = site.shape()
    _, *kernel, channels = site.shape(1)
    return [(batch, *_places(site, tuple(space), tuple(kernel)), channels)]


def _transposed(site: Site) -> list[Shape | None]:
    """As the constant says, which must be what a convolution turns into the sizes that are given.

    The runtime itself does not look: it would compute something else.
    """
    wanted, data = site.demanded(0), site.shape(2)
    kernel = site.shape(1)[1:3]
    ends = (wanted[0], *_places(site, wanted[1:3], kernel))
    given = data[:3]
    if any(
        isinstance(one, int) and isinstance(other, int) and one != other
        for one, other in zip(ends, given, strict=True)
    ):
        raise UnfitSizesError(
            f"its output_shape {told(wanted)} goes with an input of {told(ends)}, and it is given "
            f"{told(given)}"
        )
    return [wanted]


def _pool(site: Site) -> list[Shape | None]:
    batch, *space, channels = site.shape()
    kernel = site.integer("filter_height", 1), site.integer("filter_width", 1)
    return [(batch, *_places(site, tuple(space), kernel), channels)]


def _resize(site: Site) -> list[Shape | None]:
    batch, _, _, channels = site.shape()
    return [(batch, *site.demanded(1), channels)]


def _fully_connected(site: Site) -> list[Shape | None]:
    data, (units, depth) = site.shape(), site.shape(1)
    last = data[-1] if data else None
    if site.integer("keep_num_dims"):
        if isinstance(last, int) and last != depth:
            raise UnfitSizesError(f"its filters are for {depth} channels; it is given {last}")
        return [(*data[:-1], units)]
    if len(data) == 2 and last == depth:
        return [(data[0], units)]
    count: Dimension = 1
    for size in site.known():
        count = scaled(count, size)
    if not isinstance(depth, int):
        raise UnknownSizesError
    return [(divided(count, depth), units)]


def _batch_matmul(site: Site) -> list[Shape | None]:
    sides = []
    for place, name in enumerate(("adj_x", "adj_y")):
        shape = site.shape(place)
        turned = (*shape[:-2], *shape[-2:][::-1])
        sides.append(turned if site.integer(name) else shape)
    return [multiplied(*sides)]


def _top_k(site: Site) -> list[Shape | None]:
    (count,) = site.demanded(1)
    return [(*site.shape()[:-1], count)] * 2


TFLITE_RULES: Rules = {
    **MOVE_RULES,
    **RECURRENT_RULES,
    **dict.fromkeys(_SAME.split(), _same),
    **dict.fromkeys(_BROADCAST.split(), _broadcast),
    **dict.fromkeys(_REDUCE.split(), _reduce),
    "ARG_MAX": _arg_reduce,
    "ARG_MIN": _arg_reduce,
    "CONV_2D": _convolution,
    "CONV_3D": _convolution_3d,
    "CONV_3D_TRANSPOSE": _transposed_3d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transposed,
    "AVERAGE_POOL_2D": _pool,
    "MAX_POOL_2D": _pool,
    "L2_POOL_2D": _pool,
    "RESIZE_BILINEAR": _resize,
    "RESIZE_NEAREST_NEIGHBOR": _resize,
    "FULLY_CONNECTED": _fully_connected,
    "BATCH_MATMUL": _batch_matmul,
    "TOPK_V2": _top_k,
}
"""By builtin operator."""
