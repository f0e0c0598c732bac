"""Sizes of ONNX operators that slide a window, resample or move depth and space."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

from npulint.sizing.arithmetic import divided, halved, scaled, windowed
from npulint.sizing.site import Rule, Rules, Site, UnfitSizesError, UnknownSizesError, all_known

if TYPE_CHECKING:
    from npulint.model import Dimension, Shape


class _Windows:
    """The window of a node along each spatial axis."""

    def __init__(self, site: Site, kernel: Sequence[int]) -> None:
        count = len(kernel)
        flat = site.integers("pads") or (0,) * (2 * count)
        self.auto = site.word("auto_pad", "NOTSET")
        if self.auto not in {"NOTSET", ""}:
            flat = (0,) * (2 * count)
        self.kernel = tuple(kernel)
        self.strides = site.integers("strides") or (1,) * count
        self.dilations = site.integers("dilations") or (1,) * count
        self.ceil = bool(site.integer("ceil_mode"))
        if not len(self.strides) == len(self.dilations) == count or len(flat) != 2 * count:
            raise UnknownSizesError
        if min((*self.kernel, *self.strides, *self.dilations), default=1) < 1:
            raise UnknownSizesError
        self.pads = tuple((flat[axis], flat[axis + count]) for axis in range(count))

    def places(self, space: Shape) -> Shape:
        """How many places the window has."""
        if len(space) != len(self.kernel):
            raise UnfitSizesError(
                f"its window has {len(self.kernel)} axes, and what it slides over {len(space)}"
            )
        if self.auto.startswith("SAME"):
            return tuple(map(halved, space, self.strides))
        return tuple(
            windowed(size, kernel, stride, dilation, sum(pads), ceil=self.ceil, before=pads[0])
            for size, kernel, stride, dilation, pads in zip(
                space, self.kernel, self.strides, self.dilations, self.pads, strict=True
            )
        )


def _convolution(weights: int) -> Rule:
    def rule(site: Site) -> list[Shape | None]:
        data, filters = site.shape(), site.shape(weights)
        kernel = site.integers("kernel_shape") or all_known(filters[2:])
        _see_channels(data, filters[1], site.integer("group", 1))
        return [(data[0], filters[0], *_Windows(site, kernel).places(data[2:]))]

    return rule


def _see_channels(data: Shape, depth: Dimension, groups: int) -> None:
    channels = data[1] if len(data) > 1 else None
    wanted = scaled(depth, groups)
    if isinstance(channels, int) and isinstance(wanted, int) and channels != wanted:
        raise UnfitSizesError(f"its filters are for {wanted} channels; it is given {channels}")


def _transposed(site: Site) -> list[Shape | None]:
    data, filters = site.shape(), site.shape(1)
    windows = _Windows(site, site.integers("kernel_shape") or all_known(filters[2:]))
    channels = scaled(filters[1], site.integer("group", 1))
    _see_channels(data, filters[0], 1)
    wanted = site.integers("output_shape")
    if wanted is not None:
        return [(data[0], channels, *wanted[-len(windows.kernel) :])]
    extra = site.integers("output_padding") or (0,) * len(windows.kernel)
    space: list[Dimension] = []
    for axis, size in enumerate(data[2:]):
        stride, (before, after) = windows.strides[axis], windows.pads[axis]
        if not isinstance(size, int):
            space.append(None)
        elif windows.auto.startswith("SAME"):
            space.append(size * stride)
        else:
            reach = (windows.kernel[axis] - 1) * windows.dilations[axis] + 1
            made = stride * (size - 1) + extra[axis] + reach - before - after
            if made < 1:
                raise UnfitSizesError(f"nothing is left of {size} samples")
            space.append(made)
    return [(data[0], channels, *space)]


def _pool(site: Site) -> list[Shape | None]:
    data, kernel = site.shape(), site.integers("kernel_shape")
    if kernel is None:
        raise UnknownSizesError
    shape = (*data[:2], *_Windows(site, kernel).places(data[2:]))
    return [shape] * len(site.operation.outputs)


def _global_pool(site: Site) -> list[Shape | None]:
    data = site.shape()
    return [(*data[:2], *(1 for _ in data[2:]))]


def _resize(site: Site) -> list[Shape | None]:
    """By factors or to sizes; roi matters to what is sampled, and to sizes when cropping."""
    if site.operation.op == "Upsample" or site.version < 11:
        factors = site.operation.attributes.get("scales") or site.elements(1)
        return [_enlarged(site.shape(), factors)]
    data = site.shape()
    named = site.integers("axes")
    axes = tuple(range(len(data))) if named is None else site.axes(named)
    if _is_given(site, 3):
        return [_resized(site, data, axes, site.demanded(3))]
    factors = site.elements(2)
    if site.word("coordinate_transformation_mode") == "tf_crop_and_resize" or factors is None:
        raise UnknownSizesError
    by_axis = dict(zip(axes, factors, strict=True))
    return [_enlarged(data, tuple(by_axis.get(axis, 1.0) for axis in range(len(data))))]


def _is_given(site: Site, position: int) -> bool:
    value = site.value(position)
    return value is not None and value.shape != (0,)


def _resized(site: Site, data: Shape, axes: Sequence[int], sizes: Sequence[int]) -> Shape:
    if site.word("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise UnknownSizesError
    wanted = dict(zip(axes, sizes, strict=True))
    return tuple(wanted.get(axis, size) for axis, size in enumerate(data))


def _enlarged(data: Shape, factors: object) -> Shape:
    if not isinstance(factors, tuple) or len(factors) != len(data):
        raise UnknownSizesError
    return tuple(map(_times, data, factors))


def _times(size: Dimension, factor: object) -> Dimension:
    """A size times a factor, as runtimes work it out: in single precision, rounded down."""
    if factor == 1 or not isinstance(size, int):
        return size if factor == 1 else None
    if not isinstance(factor, (int, float)) or not factor > 0:
        raise UnknownSizesError
    (single,) = struct.unpack("f", struct.pack("f", factor))
    (product,) = struct.unpack("f", struct.pack("f", single * size))
    return math.floor(float(product))


def _depth_to_space(site: Site) -> list[Shape | None]:
    batch, channels, *space = site.shape()
    block = site.integer("blocksize", 1)
    return [(batch, divided(channels, block**2), *(scaled(size, block) for size in space))]


def _space_to_depth(site: Site) -> list[Shape | None]:
    batch, channels, *space = site.shape()
    block = site.integer("blocksize", 1)
    return [(batch, scaled(channels, block**2), *(divided(size, block) for size in space))]


def _grid_sample(site: Site) -> list[Shape | None]:
    return [(*site.shape()[:2], *site.shape(1)[1:-1])]


WINDOW_RULES: Rules = {
    "Conv": _convolution(1),
    "ConvInteger": _convolution(1),
    "QLinearConv": _convolution(3),
    "ConvTranspose": _transposed,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "LpPool": _pool,
    "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "GlobalLpPool": _global_pool,
    "Resize": _resize,
    "Upsample": _resize,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "GridSample": _grid_sample,
}
