"""Readers of TFLite operators that slide a window, resample or move depth and space."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from npulint.operators.onnx_node import NoConversionError
from npulint.operators.semantics import (
    AutoPad,
    Conv,
    DepthToSpace,
    Pool,
    Resize,
    SpaceToDepth,
    TransposeConv,
    Window,
)
from npulint.operators.tflite_node import FEATURE_RANK, TFLiteNode, TFLiteReader

_NO_PADS = ((0, 0), (0, 0))


def _window(node: TFLiteNode, kernel: tuple[int, int]) -> Window:
    strides = node.integer("stride_h", 1), node.integer("stride_w", 1)
    dilations = node.integer("dilation_h_factor", 1), node.integer("dilation_w_factor", 1)
    if min((*kernel, *strides, *dilations)) < 1:
        raise NoConversionError("a window's sizes, strides and dilations must be 1 or more")
    return Window(kernel, strides, dilations, _NO_PADS, _padding(node))


def _padding(node: TFLiteNode) -> AutoPad:
    """SAME puts the odd sample of padding behind, which ONNX calls upper."""
    padding = node.word("padding")
    if padding not in ("SAME", "VALID"):
        raise NoConversionError(f"padding is {padding or 'not stated'}")
    return "SAME_UPPER" if padding == "SAME" else ""


def _filter_space(node: TFLiteNode) -> tuple[int, int]:
    shape = node.shape(1)
    if len(shape) != FEATURE_RANK:
        raise NoConversionError(f"a filter has rank 4, this one has {len(shape)}")
    rows, columns = shape[1:3]
    if not isinstance(rows, int) or not isinstance(columns, int):
        raise NoConversionError("the window's size is not known")
    return rows, columns


def _conv(node: TFLiteNode) -> Conv:
    node.space()
    window = _window(node, _filter_space(node))
    channels, depth = node.shape()[3], node.shape(1)[3]
    if not isinstance(channels, int) or not isinstance(depth, int) or depth < 1:
        raise NoConversionError("the number of channels is not known")
    return Conv(window, channels // depth)


def _depthwise(node: TFLiteNode) -> Conv:
    """A group for every input channel; the filter is `[1, h, w, Cout]`."""
    node.space()
    channels = node.shape()[3]
    if not isinstance(channels, int):
        raise NoConversionError("the number of channels is not known")
    return Conv(_window(node, _filter_space(node)), channels)


def _transpose_conv(node: TFLiteNode) -> TransposeConv:
    """Whatever the padding is called, the output's sizes say how much is cut away or added."""
    kernel = _filter_space(node)
    auto = _padding(node)
    strides = node.integer("stride_h", 1), node.integer("stride_w", 1)
    pads, extra = [], []
    sizes = zip(kernel, strides, node.space(2), node.output_shape()[1:3], strict=True)
    for window, stride, size, out in sizes:
        if not isinstance(size, int) or not isinstance(out, int):
            raise NoConversionError("the sizes of the input and the output are not all fixed")
        cut = (size - 1) * stride + window - out
        before = max(cut, 0) // 2 if auto else 0
        pads.append((before, max(cut - before, 0)))
        extra.append(max(-cut, 0))
    return TransposeConv(Window(kernel, strides, (1, 1), tuple(pads)), 1, tuple(extra))


def _pool(kind: Literal["max", "average"]) -> TFLiteReader:
    def read(node: TFLiteNode) -> Pool:
        node.space()
        kernel = node.integer("filter_height"), node.integer("filter_width")
        return Pool(kind, _window(node, kernel))

    return read


def _resize(node: TFLiteNode) -> Resize:
    """Nearest sampling rounds halves up, and without half pixel centres always down."""
    node.space()
    align, half = node.flag("align_corners"), node.flag("half_pixel_centers")
    if align and half:
        raise NoConversionError("align_corners and half_pixel_centers exclude each other")
    coordinates = "align_corners" if align else "half_pixel" if half else "asymmetric"
    fixed = None not in node.output_shape()[1:3]
    if node.operation.op == "RESIZE_BILINEAR":
        return Resize("linear", coordinates, "round_prefer_floor", fixed_size=fixed)
    nearest = "round_prefer_ceil" if align or half else "floor"
    return Resize("nearest", coordinates, nearest, fixed_size=fixed)


WINDOW_READERS: Mapping[str, TFLiteReader] = MappingProxyType(
    {
        "CONV_2D": _conv,
        "DEPTHWISE_CONV_2D": _depthwise,
        "TRANSPOSE_CONV": _transpose_conv,
        "MAX_POOL_2D": _pool("max"),
        "AVERAGE_POOL_2D": _pool("average"),
        "RESIZE_BILINEAR": _resize,
        "RESIZE_NEAREST_NEIGHBOR": _resize,
        "DEPTH_TO_SPACE": lambda node: DepthToSpace(node.integer("block_size")),
        "SPACE_TO_DEPTH": lambda node: SpaceToDepth(node.integer("block_size")),
    }
)
