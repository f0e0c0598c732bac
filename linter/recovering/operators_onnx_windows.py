"""ONNX's convolutions, pools and resizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import torch

from npulint.recovering.operators_resize import (
    COORDINATES,
    ROUNDINGS,
    Taps,
    cubic,
    linear,
    nearest,
    positions,
    resampled,
)
from npulint.recovering.operators_site import (
    NoWayError,
    given,
    optional,
    settled,
    windows_of,
)
from npulint.recovering.operators_windows import (
    Window,
    average,
    convolution,
    maximum,
    root_of_powers,
    shared,
    transposed,
)

if TYPE_CHECKING:
    from npulint.recovering.operators_site import Compute, Maker, Operands, Site

_AUTOMATIC = {"SAME_UPPER", "SAME_LOWER"}


def _window(site: Site, kernel: Sequence[int] | None) -> Window:
    rank = site.rank() - 2
    sizes = site.integers("kernel_shape") or kernel
    if sizes is None:
        raise NoWayError("the sizes of its window are not known")
    auto = site.word("auto_pad", "NOTSET")
    pads = site.integers("pads") if auto == "NOTSET" else None
    sides = windows_of(pads, 2 * rank, 0)
    return Window(
        kernel=windows_of(sizes, rank),
        strides=windows_of(site.integers("strides"), rank),
        dilations=windows_of(site.integers("dilations"), rank),
        pads=tuple(zip(sides[:rank], sides[rank:], strict=True)),
        auto=auto if auto in _AUTOMATIC else "",
        ceil=bool(site.integer("ceil_mode")),
    )


def _kernel_sizes(site: Site) -> tuple[int, ...] | None:
    """The sizes of a stored kernel, where it is stored."""
    value = site.value(1)
    if value is None or value.shape is None:
        return None
    sizes = [each for each in value.shape[2:] if isinstance(each, int)]
    return tuple(sizes) if len(sizes) == len(value.shape) - 2 else None


def _conv(site: Site) -> Compute:
    window, groups = _window(site, _kernel_sizes(site)), site.integer("group", 1)
    return lambda operands: convolution(
        given(operands, 0), given(operands, 1), optional(operands, 2), window, groups
    )


def _conv_transpose(site: Site) -> Compute:
    window, groups = _window(site, _kernel_sizes(site)), site.integer("group", 1)
    more = windows_of(site.integers("output_padding"), len(window.kernel), 0)
    stated = site.integers("output_shape")
    shape = None if stated is None else stated[-len(window.kernel) :]

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        cut = _cut(window, x.shape[2:], more, shape)
        return transposed(
            x, given(operands, 1), optional(operands, 2), window, groups=groups, cut=cut
        )

    return compute


def _cut(
    window: Window, sizes: Sequence[int], more: Sequence[int], shape: Sequence[int] | None
) -> list[tuple[int, int]]:
    """What is cut off all that the kernel reaches, as ConvTranspose says."""
    found = []
    for axis, size in enumerate(sizes):
        stride = window.strides[axis]
        reached = (size - 1) * stride + window.extents[axis]
        if shape is None and not window.auto:
            before, after = window.pads[axis]
        else:
            wanted = size * stride if shape is None else shape[axis]
            total = max(reached + more[axis] - wanted, 0)
            before, after = shared(total, upper=window.auto == "SAME_UPPER")
            after += reached + more[axis] - wanted - total
        found.append((before, after - more[axis]))
    return found


def _max_pool(site: Site) -> Compute:
    site.alone()
    window = _window(site, None)
    return lambda operands: maximum(given(operands, 0), window)


def _refuse_dilations(window: Window) -> None:
    if any(each != 1 for each in window.dilations):
        raise NoWayError("windows with dilations are computed for maxima only")


def _average_pool(site: Site) -> Compute:
    window, counts = _window(site, None), bool(site.integer("count_include_pad"))
    _refuse_dilations(window)
    return lambda operands: average(given(operands, 0), window, padding_counts=counts)


def _lp_pool(site: Site) -> Compute:
    window, p = _window(site, None), site.integer("p", 2)
    _refuse_dilations(window)
    if window.ceil:
        raise NoWayError("norms over partial windows are not computed")
    return lambda operands: root_of_powers(given(operands, 0), window, p)


def _global(function: Callable[..., torch.Tensor]) -> Maker:
    """What is made of all samples of each channel."""

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        return function(x, tuple(range(2, x.ndim)), keepdim=True)

    return lambda _: compute


_MODES = frozenset({"nearest", "linear", "bilinear", "cubic"})
"""How samples between samples are made; the first opset of Upsample said bilinear."""

_SINCE_SIZES, _SIZES = 11, 3
"""Opset from which Resize is told coordinates; the position of the sizes that it may be told."""


def _resize(site: Site) -> Compute:
    if site.integer("antialias"):
        raise NoWayError("resizes that widen their kernel (antialias) are not computed")
    if site.word("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise NoWayError("resizes that keep the aspect ratio are not computed")
    old = site.opset < _SINCE_SIZES
    scales_at = 1 if old else 2
    scales = site.numbers("scales") or site.elements(scales_at) or ()
    sizes = site.whole(_SIZES) or ()
    if not scales and not sizes and not (site.value(scales_at) or site.value(_SIZES)):
        raise NoWayError("it says neither scales nor sizes")
    axes = site.integers("axes")
    taps = _sampler(site, old=old)

    def compute(operands: Operands) -> torch.Tensor:
        x = given(operands, 0)
        every = range(x.ndim) if axes is None else axes
        wanted = () if old else settled(sizes or None, operands, _SIZES) or ()
        factors = scales or (() if wanted else given(operands, scales_at).tolist())
        for place, axis in enumerate(every):
            size = x.shape[axis]
            made = wanted[place] if wanted else int(np.floor(size * np.float32(factors[place])))
            scale = np.float32(made / size if wanted else factors[place])
            if made != size or scale != 1:
                x = resampled(x, axis % x.ndim, taps(size, made, scale))
        return x

    return compute


def _sampler(site: Site, *, old: bool) -> Callable[[int, int, np.float32], Taps]:
    """Which samples make a resize, by the sizes of an axis and the scale."""
    mode = site.word("mode", "nearest")
    name = site.word("coordinate_transformation_mode", "asymmetric" if old else "half_pixel")
    if name not in COORDINATES:
        raise NoWayError(f"resizes by the coordinates {name} are not computed")
    coordinates = COORDINATES[name]
    rounding = site.word("nearest_mode", "floor" if old else "round_prefer_floor")
    if mode not in _MODES or rounding not in ROUNDINGS:
        raise NoWayError(f"resizes by the modes {mode} and {rounding} are not computed")
    coefficient = site.number("cubic_coeff_a", -0.75)
    inside = bool(site.integer("exclude_outside"))

    def taps(size: int, made: int, scale: np.float32) -> Taps:
        places = coordinates(positions(made), size, made, scale)
        if mode == "nearest":
            return nearest(ROUNDINGS[rounding](places), size)
        if mode in ("linear", "bilinear"):
            return linear(places, size)
        return cubic(places, size, coefficient, inside=inside)

    return taps


OPERATORS: Mapping[str, Maker] = MappingProxyType(
    {
        "AveragePool": _average_pool,
        "Conv": _conv,
        "ConvTranspose": _conv_transpose,
        "GlobalAveragePool": _global(torch.mean),
        "GlobalMaxPool": _global(torch.amax),
        "LpPool": _lp_pool,
        "MaxPool": _max_pool,
        "Resize": _resize,
        "Upsample": _resize,
    }
)
"""Makers by operator name."""
