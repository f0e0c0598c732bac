"""Resizes to every n-th place: windows that slide by n samples, or slices with steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.bounds import see_that_it_fits
from npulint.fixers.building.builder import Feature
from npulint.fixers.building.moves import Moves, moves
from npulint.fixers.building.windows import Sliding, windows
from npulint.fixers.moving.pads import extend
from npulint.fixers.moving.resize_phases import spatial_axes

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.moving.resizes_reading import Floats, Resampling


def divisors(r: Resampling) -> tuple[int, int]:
    """By how much H and W shrink."""
    if r.divisors is None:
        raise AssertionError("only accepted with whole divisors")
    return r.divisors


def by_window(builder: Builder, r: Resampling) -> list[int]:
    """Every sample is worth the same to its neighbours: a depthwise convolution with strides."""
    m, value, channels = moves(builder, r.source), r.source, r.sizes[1]
    strides, shares = divisors(r), []
    for place, axis in enumerate(spatial_axes(builder)):
        share, first = _share(r, strides[place])
        shares.append(share)
        value = _framed(m, value, axis, first, len(share) + strides[place] * (r.output[place] - 1))
    kernel = np.outer(*shares)
    see_that_it_fits((channels, *kernel.shape), np.float32)
    shape = m.shape(value)
    height, width = (shape[axis] for axis in spatial_axes(builder))
    x = Feature(value, (r.sizes[0], channels, height, width))
    filters = np.tile(kernel[None, None], (channels, 1, 1, 1))
    return [windows(builder).conv(x, filters, None, Sliding(strides, groups=channels)).value]


def _share(r: Resampling, step: int) -> tuple[Floats, int]:
    """What neighbours are worth to the first sample, and the first of them."""
    if r.kernel is None or step == 1:
        return np.ones(1, np.float32), 0
    at = np.array([0.0 if r.coordinates == "asymmetric" else 0.5 * step - 0.5])
    shares, first, _ = r.kernel.window(at, float(step))
    return shares[0], first


def _framed(m: Moves, value: int, axis: int, first: int, length: int) -> int:
    """Some samples of an axis from one on, the border repeated for those beyond it."""
    size = m.shape(value)[axis]
    before, after = max(-first, 0), max(first + length - size, 0)
    start, stop = max(first, 0), min(first + length, size)
    if (start, stop) != (0, size):
        value = m.cut(value, axis, start, stop)
    return extend(m, value, axis, (before, after), "edge") if before or after else value


def by_steps(builder: Builder, r: Resampling) -> list[int]:
    """Every n-th sample, by a slice with steps."""
    m = moves(builder, r.source)
    ranges = [(0, size, 1) for size in m.shape(r.source)]
    for place, axis in enumerate(spatial_axes(builder)):
        taken, step = r.taken(place), divisors(r)[place]
        ranges[axis] = int(taken[0]), int(taken[-1]) + 1, step
    return [m.take(r.source, ranges)]
