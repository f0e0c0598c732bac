"""TFLite's convolutions, pools and resizes: feature maps are stored `[N, H, W, C]`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import torch

from npulint.recovering.operators_pointwise import activated
from npulint.recovering.operators_resize import (
    Places,
    Taps,
    linear,
    nearest,
    positions,
    resampled,
)
from npulint.recovering.operators_site import NoWayError, given, optional, settled
from npulint.recovering.operators_windows import (
    Window,
    average,
    convolution,
    maximum,
    shared,
    transposed,
)

if TYPE_CHECKING:
    from npulint.recovering.operators_site import Compute, Maker, Operands, Site

_HALF, _NOTHING = np.float32(0.5), np.float32(0)
_ROOM, _PLANE = ("d", "h", "w"), ("h", "w")


def channels_first(x: torch.Tensor) -> torch.Tensor:
    """`[N, spatial..., C]` as `[N, C, spatial...]`."""
    return x.movedim(-1, 1)


def channels_last(x: torch.Tensor) -> torch.Tensor:
    """`[N, C, spatial...]` as `[N, spatial..., C]`."""
    return x.movedim(1, -1)


def _window(site: Site, kernel: tuple[int, ...], axes: tuple[str, ...] = _PLANE) -> Window:
    padding = site.word("padding")
    if padding not in ("SAME", "VALID"):
        raise NoWayError(f"padding is {padding or 'not stated'}")
    return Window(
        kernel=kernel,
        strides=tuple(site.integer(f"stride_{axis}", 1) for axis in axes),
        dilations=tuple(site.integer(f"dilation_{axis}_factor", 1) for axis in axes),
        pads=((0, 0),) * len(axes),
        auto="SAME_UPPER" if padding == "SAME" else "",
    )


def _sizes(site: Site, places: slice) -> tuple[int, ...]:
    """Sizes of a filter along the spatial axes."""
    value = site.value(1)
    shape = () if value is None or value.shape is None else value.shape[places]
    sizes = tuple(size for size in shape if isinstance(size, int))
    if not sizes:
        raise NoWayError("the sizes of its filter are not known")
    return sizes


def _conv(site: Site) -> Compute:
    """The filter is `[Cout, h, w, Cin / groups]`."""
    window = _window(site, _sizes(site, slice(1, 3)))

    def compute(operands: Operands) -> torch.Tensor:
        x, kernel = channels_first(given(operands, 0)), channels_first(given(operands, 1))
        groups = x.shape[1] // kernel.shape[1]
        return channels_last(convolution(x, kernel, optional(operands, 2), window, groups))

    return activated(site, compute)


def _depthwise(site: Site) -> Compute:
    """The filter is `[1, h, w, Cout]`; each channel makes `Cout / Cin` of them in a row."""
    window = _window(site, _sizes(site, slice(1, 3)))

    def compute(operands: Operands) -> torch.Tensor:
        x, kernel = channels_first(given(operands, 0)), given(operands, 1).permute(3, 0, 1, 2)
        return channels_last(convolution(x, kernel, optional(operands, 2), window, x.shape[1]))

    return activated(site, compute)


def _conv_3d(site: Site) -> Compute:
    """The filter is `[d, h, w, Cin / groups, Cout]`."""
    window = _window(site, _sizes(site, slice(0, 3)), _ROOM)

    def compute(operands: Operands) -> torch.Tensor:
        x, kernel = channels_first(given(operands, 0)), given(operands, 1).permute(4, 3, 0, 1, 2)
        groups = x.shape[1] // kernel.shape[1]
        return channels_last(convolution(x, kernel, optional(operands, 2), window, groups))

    return activated(site, compute)


def _transpose_conv(site: Site) -> Compute:
    """Operands: the result's sizes, the filter `[Cout, h, w, Cin]`, the tensor, a bias.

    What is cut off is what a convolution back from the result would be padded with, as
    google-ai-edge/LiteRT tflite/kernels/transpose_conv.cc @f6745779 has it.
    """
    window, fixed = _window(site, _sizes(site, slice(1, 3))), site.whole(0)

    def compute(operands: Operands) -> torch.Tensor:
        x, kernel = channels_first(given(operands, 2)), given(operands, 1).permute(3, 0, 1, 2)
        sizes = settled(fixed, operands, 0) or ()
        cut = []
        for size, made, stride, extent in zip(
            x.shape[2:], sizes[1:3], window.strides, window.extents, strict=True
        ):
            total = (ceil(made / stride) - 1) * stride + extent - made if window.auto else 0
            before, _ = shared(max(total, 0), upper=True)
            cut.append((before, (size - 1) * stride + extent - before - made))
        return channels_last(
            transposed(x, kernel, optional(operands, 3), window, groups=1, cut=cut)
        )

    return activated(site, compute)


def _pool(function: Callable[[torch.Tensor, Window], torch.Tensor]) -> Maker:
    def make(site: Site) -> Compute:
        window = _window(site, (site.integer("filter_height"), site.integer("filter_width")))
        return activated(
            site,
            lambda operands: channels_last(function(channels_first(given(operands, 0)), window)),
        )

    return make


def _linear_places(made: int, size: int, *, corners: bool, half: bool) -> Places:
    """As tflite/kernels/internal/reference/resize_bilinear.h ComputeInterpolationValues."""
    offset = _HALF if half else _NOTHING
    places: Places = (positions(made) + offset) * _scale(made, size, corners=corners) - offset
    return places


def _nearest_places(made: int, size: int, *, corners: bool, half: bool) -> Places:
    """As tflite/kernels/internal/reference/resize_nearest_neighbor.h GetNearestNeighbor."""
    offset = _HALF if half else _NOTHING
    places: Places = (positions(made) + offset) * _scale(made, size, corners=corners)
    # Halves are rounded away from zero, and no place is below it.
    whole: Places = np.floor(places + _HALF if corners else places)
    return whole


def _scale(made: int, size: int, *, corners: bool) -> np.float32:
    less = 1 if corners and made > 1 else 0
    scale: np.float32 = np.float32(size - less) / np.float32(made - less)
    return scale


def _resize(taps: Callable[..., Taps]) -> Maker:
    def make(site: Site) -> Compute:
        fixed = site.whole(1)
        corners = bool(site.integer("align_corners"))
        half = bool(site.integer("half_pixel_centers"))
        if corners and half:
            raise NoWayError("align_corners and half_pixel_centers exclude each other")

        def compute(operands: Operands) -> torch.Tensor:
            x = given(operands, 0)
            for axis, made in enumerate(settled(fixed, operands, 1) or (), 1):
                size = x.shape[axis]
                if made != size:
                    x = resampled(x, axis, taps(made, size, corners=corners, half=half))
            return x

        return compute

    return make


def _nearest(made: int, size: int, *, corners: bool, half: bool) -> Taps:
    return nearest(_nearest_places(made, size, corners=corners, half=half), size)


def _linear(made: int, size: int, *, corners: bool, half: bool) -> Taps:
    return linear(_linear_places(made, size, corners=corners, half=half), size)


OPERATORS: Mapping[str, Maker] = MappingProxyType(
    {
        "AVERAGE_POOL_2D": _pool(lambda x, window: average(x, window, padding_counts=False)),
        "CONV_2D": _conv,
        "CONV_3D": _conv_3d,
        "DEPTHWISE_CONV_2D": _depthwise,
        "L2_POOL_2D": _pool(
            lambda x, window: torch.sqrt(average(x * x, window, padding_counts=False))
        ),
        "MAX_POOL_2D": _pool(maximum),
        "RESIZE_BILINEAR": _resize(_linear),
        "RESIZE_NEAREST_NEIGHBOR": _resize(_nearest),
        "TRANSPOSE_CONV": _transpose_conv,
    }
)
"""Makers by operator name."""
