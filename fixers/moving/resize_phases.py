"""Resizes by whole factors as one convolution for each phase."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.bounds import identity, see_that_it_fits
from npulint.fixers.building.builder import Feature
from npulint.fixers.building.moves import moves
from npulint.fixers.moving.axes import reorder
from npulint.fixers.moving.pads import extend

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.moving.resizes_reading import Floats, Resampling


def spatial_axes(builder: Builder) -> tuple[int, int]:
    """Where H and W are stored."""
    return (1, 2) if builder.graph.dialect == "tflite" else (2, 3)


def whole_factors(r: Resampling) -> tuple[int, int]:
    """By how much H and W grow."""
    if r.factors is None:
        raise AssertionError("only accepted with whole factors")
    return r.factors


def _shares(r: Resampling, factor: int) -> tuple[Floats, tuple[int, int]]:
    """What the neighbours are worth to each phase, and how many of them lie on each side."""
    if factor == 1 or r.kernel is None:
        return np.ones((factor, 1), np.float32), (0, 0)
    phase = np.arange(factor)
    plain = r.coordinates == "asymmetric"
    at = phase / factor if plain else (2 * phase + 1 - factor) / (2 * factor)
    shares, first, last = r.kernel.window(at, 1.0)
    return shares, (-first, last)


def _phases(builder: Builder, r: Resampling) -> tuple[Feature, Floats]:
    """The input with its border repeated, and what makes all phases `[sH, sW, kH, kW]`."""
    m, value = moves(builder, r.source), r.source
    shares, sizes = [], list(r.sizes)
    for place, (axis, factor) in enumerate(
        zip(spatial_axes(builder), whole_factors(r), strict=True)
    ):
        share, sides = _shares(r, factor)
        shares.append(share)
        if any(sides):
            value = extend(m, value, axis, sides, "edge")
            sizes[2 + place] += sum(sides)
    kernel = shares[0][:, None, :, None] * shares[1][None, :, None, :]
    return Feature(value, (sizes[0], sizes[1], sizes[2], sizes[3])), kernel


def by_depthwise(builder: Builder, r: Resampling) -> list[int]:
    """All phases of a channel by a convolution of its own."""
    x, kernel = _phases(builder, r)
    channels = r.sizes[1]
    rows, columns, *window = kernel.shape
    see_that_it_fits((channels, *kernel.shape), np.float32)
    each = kernel.reshape(1, rows * columns, *window)
    made = moves(builder, r.source).depthwise(x, np.tile(each, (channels, 1, 1, 1)))
    return [_interleaved(builder, r, made.value, "cab")]


def by_dense(builder: Builder, r: Resampling) -> list[int]:
    """All phases by one convolution of all channels, phases outermost."""
    x, kernel = _phases(builder, r)
    channels = r.sizes[1]
    rows, columns, *window = kernel.shape
    see_that_it_fits((channels, channels, *kernel.shape), np.float32)
    eye = identity(channels, np.float32)[None, :, :, None, None]
    dense = kernel.reshape(-1, 1, 1, *window) * eye
    flat = dense.reshape(rows * columns * channels, channels, *window)
    made = builder.conv(x, flat, None)
    if rows == columns:
        return [builder.depth_to_space(made, rows).value]
    return [_interleaved(builder, r, made.value, "abc")]


def _interleaved(builder: Builder, r: Resampling, value: int, depth: str) -> int:
    """Phases from the channels, which are ordered as said, into space."""
    rows, columns = whole_factors(r)
    batch, channels, height, width = r.sizes
    size = {"n": batch, "c": channels, "h": height, "w": width, "a": rows, "b": columns}
    last = builder.graph.dialect == "tflite"
    before = f"nhw{depth}" if last else f"n{depth}hw"
    after = "nhawbc" if last else "nchawb"
    shape = [size for size in builder.stored((batch, channels, *r.output)) if isinstance(size, int)]
    order = [before.index(axis) for axis in after]
    return reorder(moves(builder, r.source), value, [size[axis] for axis in before], order, shape)
