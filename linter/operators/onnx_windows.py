"""Readers of ONNX operators that slide a window, resample or move depth and space."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, cast

from npulint.operators.onnx_node import NoConversionError, OnnxNode, Reader
from npulint.operators.rearrangements import Reduce
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


def _window(node: OnnxNode, kernel: tuple[int, ...] | None) -> Window:
    spatial = node.rank() - 2
    if spatial < 1:
        raise NoConversionError(f"an activation of rank {node.rank()} has no spatial axes")
    kernel = node.integers("kernel_shape") or kernel
    if kernel is None or len(kernel) != spatial:
        raise NoConversionError("the window's size is not known")
    strides = node.integers("strides") or (1,) * spatial
    dilations = node.integers("dilations") or (1,) * spatial
    flat = node.integers("pads") or (0,) * (2 * spatial)
    if not len(strides) == len(dilations) == spatial or len(flat) != 2 * spatial:
        raise NoConversionError("strides, dilations or pads do not fit the number of spatial axes")
    if min((*kernel, *strides, *dilations)) < 1:
        raise NoConversionError("a window's sizes, strides and dilations must be 1 or more")
    auto = node.word("auto_pad", "NOTSET")
    if auto not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise NoConversionError(f"auto_pad is {auto}")
    if auto != "NOTSET":
        flat = (0,) * (2 * spatial)
    return Window(
        kernel=kernel,
        strides=strides,
        dilations=dilations,
        pads=tuple((flat[axis], flat[axis + spatial]) for axis in range(spatial)),
        auto=cast("AutoPad", auto if auto.startswith("SAME") else ""),
        ceil=bool(node.integer("ceil_mode", 0)),
    )


def _filter_kernel(node: OnnxNode, position: int = 1) -> tuple[int, ...] | None:
    sizes = node.shape(position)[2:]
    known = tuple(size for size in sizes if isinstance(size, int))
    return known if len(known) == len(sizes) else None


def _conv(node: OnnxNode) -> Conv:
    return Conv(_window(node, _filter_kernel(node)), node.integer("group", 1))


def _transpose_conv(node: OnnxNode) -> TransposeConv:
    window = _window(node, _filter_kernel(node))
    extra = node.integers("output_padding") or (0,) * len(window.kernel)
    wanted = node.integers("output_shape")
    if wanted is not None and not window.auto:
        window, extra = _with_output_shape(node, window, extra, wanted)
    return TransposeConv(window, node.integer("group", 1), extra)


def _with_output_shape(
    node: OnnxNode, window: Window, extra: tuple[int, ...], wanted: tuple[int, ...]
) -> tuple[Window, tuple[int, ...]]:
    """Turn a stated output shape into the padding that yields it.

    Of an odd padding the larger half comes first, as ONNX defines it since opset 11; before, its
    text says the opposite, but onnxruntime does the same in all opsets. Where the shape is larger
    than what the window reaches, zeros follow: the padding behind is below 0.
    """
    pads = []
    spatial = len(window.kernel)
    for axis, (size, target) in enumerate(zip(node.shape()[2:], wanted[-spatial:], strict=True)):
        if not isinstance(size, int):
            raise NoConversionError("output_shape is stated and the input's size is not known")
        reach = (window.kernel[axis] - 1) * window.dilations[axis] + 1
        total = window.strides[axis] * (size - 1) + extra[axis] + reach - target
        before = total - total // 2 if total > 0 else 0
        pads.append((before, total - before))
    return (
        Window(window.kernel, window.strides, window.dilations, tuple(pads)),
        extra,
    )


def _pool(kind: Literal["max", "average", "lp"]) -> Reader:
    def read(node: OnnxNode) -> Pool:
        if len([value for value in node.operation.outputs if value is not None]) > 1:
            raise NoConversionError("the positions of the maxima have no TFLite builtin operator")
        window = _window(node, None)
        include = bool(node.integer("count_include_pad", 0))
        return Pool(kind, window, include, int(node.number("p", 2)))

    return read


_RESIZE_ROI, _RESIZE_SCALES, _RESIZE_SIZES = 1, 2, 3


def _resize(node: OnnxNode) -> Resize:
    if node.opset < 11 or node.operation.op == "Upsample":
        return _legacy_resize(node)
    coordinates = node.word("coordinate_transformation_mode", "half_pixel")
    if node.word("keep_aspect_ratio_policy", "stretch") != "stretch" and node.has(_RESIZE_SIZES):
        coordinates = "keep_aspect_ratio"
    by_sizes = node.has(_RESIZE_SIZES) and node.value(_RESIZE_SIZES) is not None
    source = _RESIZE_SIZES if by_sizes else _RESIZE_SCALES
    axes = node.integers("axes")
    return Resize(
        mode=_mode(node),
        coordinates=coordinates,
        nearest=node.word("nearest_mode", "round_prefer_floor"),
        spatial_only=_spatial_only(node, source, axes, by_sizes=by_sizes),
        antialias=bool(node.integer("antialias", 0)),
        fixed_size=_fixed_space(node),
        cubic=node.number("cubic_coeff_a", -0.75),
        inside=bool(node.integer("exclude_outside", 0)),
    )


def _legacy_resize(node: OnnxNode) -> Resize:
    """Before opset 11 positions are always asymmetric and rounded down."""
    scales = node.numbers("scales") or node.elements(1)
    spatial_only = scales is None or tuple(scales[:2]) == (1.0, 1.0)
    return Resize(_mode(node), "asymmetric", "floor", spatial_only, fixed_size=_fixed_space(node))


def _mode(node: OnnxNode) -> Literal["nearest", "linear", "cubic"]:
    mode = node.word("mode", "nearest")
    mode = "linear" if mode == "bilinear" else mode
    if mode not in ("nearest", "linear", "cubic"):
        raise NoConversionError(f"mode is {mode}")
    return cast("Literal['nearest', 'linear', 'cubic']", mode)


def _spatial_only(
    node: OnnxNode, source: int, axes: tuple[int, ...] | None, *, by_sizes: bool
) -> bool:
    """Whether batch and channels stay, as far as the file tells (exporters never touch them)."""
    rank = node.rank()
    elements = node.elements(source)
    if axes is not None:
        return all(node.wrap(axis, rank) >= 2 for axis in axes)
    if elements is None or len(elements) != rank:
        return node.shape()[:2] == node.output_shape()[:2]
    if by_sizes:
        return elements[1] == node.shape()[1]
    return tuple(elements[:2]) == (1.0, 1.0)


def _fixed_space(node: OnnxNode) -> bool:
    return all(isinstance(size, int) for size in node.output_shape()[2:])


def _depth_to_space(node: OnnxNode) -> DepthToSpace:
    mode = node.word("mode", "DCR")
    if mode not in ("DCR", "CRD"):
        raise NoConversionError(f"mode is {mode}")
    return DepthToSpace(node.required("blocksize"), cast("Literal['DCR', 'CRD']", mode))


def _space_to_depth(node: OnnxNode) -> SpaceToDepth:
    return SpaceToDepth(node.required("blocksize"))


def _global_pool(kind: str) -> Reader:
    def read(node: OnnxNode) -> Reduce:
        axes = tuple(range(2, node.rank()))
        if kind == "lp" and node.integer("p", 2) not in (1, 2):
            raise NoConversionError(f"a power of {node.integer('p', 2)} has no known conversion")
        name = kind if kind != "lp" else f"l{node.integer('p', 2)}"
        return Reduce(name, axes, keep=True)

    return read


WINDOW_READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "Conv": _conv,
        "ConvTranspose": _transpose_conv,
        "MaxPool": _pool("max"),
        "AveragePool": _pool("average"),
        "LpPool": _pool("lp"),
        "GlobalAveragePool": _global_pool("mean"),
        "GlobalMaxPool": _global_pool("max"),
        "GlobalLpPool": _global_pool("lp"),
        "Resize": _resize,
        "Upsample": _resize,
        "DepthToSpace": _depth_to_space,
        "SpaceToDepth": _space_to_depth,
    }
)
