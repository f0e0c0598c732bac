"""Averages over windows that lie over the border: of zeros, of pieces, by weights, axis by axis."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.bounds import see_that_it_fits
from npulint.fixers.building.builder import Feature, Margins
from npulint.fixers.building.moves import moves
from npulint.fixers.building.windows import Sliding, windows
from npulint.fixers.convolutions.average_pools_reading import AveragePool, recognise
from npulint.fixers.record import Family, Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array, Builder
    from npulint.fixers.building.moves import Moves
    from npulint.fixers.convolutions.average_pools_reading import Pair
    from npulint.model import Attribute

_MOST = 64
"""Pools that one is taken apart into at most."""


def _pool(m: Moves, value: int, p: AveragePool, window: Pair, strides: Pair) -> int:
    """A pool without padding."""
    tflite = m.builder.graph.dialect == "tflite"
    axes = (1, 2) if tflite else (2, 3)
    shape = list(m.shape(value))
    for axis, size, step in zip(axes, window, strides, strict=True):
        shape[axis] = (shape[axis] - size) // step + 1
    if tflite:
        return m.made(
            "AVERAGE_POOL_2D", (value,), shape, padding="VALID", stride_h=strides[0],
            stride_w=strides[1], filter_height=window[0], filter_width=window[1],
            fused_activation_function=p.activation,
        )  # fmt: skip
    said: dict[str, Attribute] = {"kernel_shape": window, "strides": strides}
    return m.made("AveragePool", (value,), shape, pads=(0, 0, 0, 0), **said)


def _framed(builder: Builder, p: AveragePool) -> Feature:
    """The map with zeros around."""
    (top, bottom), (left, right) = p.sides
    return builder.margins(Feature(p.source, p.sizes), Margins(top, bottom, left, right))


def _shares(p: AveragePool) -> Array:
    """What the mean over a whole window is multiplied by at each place, `[1, 1, H, W]`."""
    see_that_it_fits(p.output, np.float64)
    rows, columns = (
        size / np.array(counts) for size, counts in zip(p.window, p.counts, strict=True)
    )
    shares: Array = np.outer(rows, columns)[None, None].astype(np.float32)
    return shares


def _corrected(builder: Builder, p: AveragePool, mean: Feature) -> list[int]:
    if not p.uniform:
        mean = builder.multiply(mean, _shares(p))
    return [builder.activate(mean, p.activation).value]


def _of_zeros(builder: Builder, p: AveragePool) -> list[int]:
    framed = _framed(builder, p)
    m = moves(builder, p.source)
    plain = _pool(m, framed.value, replace(p, activation="NONE"), p.window, p.strides)
    return _corrected(builder, p, Feature(plain, (*p.sizes[:2], *p.output)))


def _by_weights(builder: Builder, p: AveragePool) -> list[int]:
    channels = p.sizes[1]
    see_that_it_fits((channels, *p.window), np.float32)
    kernel = np.full((channels, 1, *p.window), 1.0 / math.prod(p.window), np.float32)
    how = Sliding(p.strides, p.dilations, groups=channels)
    mean = windows(builder).conv(_framed(builder, p), kernel, None, how)
    return _corrected(builder, p, mean)


def _of_pieces(builder: Builder, p: AveragePool) -> list[int]:
    m = moves(builder, p.source)
    axes = (1, 2) if builder.graph.dialect == "tflite" else (2, 3)
    rows = []
    for start, stop, height in _runs(p, 0):
        band = m.cut(p.source, axes[0], start, stop)
        made = [
            _pool(m, m.cut(band, axes[1], left, right), p, (height, width), p.strides)
            for left, right, width in _runs(p, 1)
        ]
        rows.append(made[0] if len(made) == 1 else m.join(made, axes[1]))
    return [rows[0] if len(rows) == 1 else m.join(rows, axes[0])]


def _runs(p: AveragePool, axis: int) -> list[tuple[int, int, int]]:
    """Windows that lie over the border alike: their samples from one to another, and of each."""
    step, size = p.strides[axis], p.sizes[2 + axis]
    found: list[tuple[Pair, int, int]] = []
    for place in range(p.output[axis]):
        first = place * step - p.sides[axis][0]
        start, stop = max(first, 0), min(first + p.window[axis], size)
        over = start - first, first + p.window[axis] - stop
        if found and found[-1][0] == over:
            found[-1] = over, found[-1][1], stop
        else:
            found.append((over, start, stop))
    return [(start, stop, p.window[axis] - sum(over)) for over, start, stop in found]


def _axis_by_axis(builder: Builder, p: AveragePool) -> list[int]:
    rows = replace(p, window=(p.window[0], 1), strides=(p.strides[0], 1), activation="NONE")
    columns = replace(p, window=(1, p.window[1]), strides=(1, p.strides[1]))
    first = replace(rows, output=(p.output[0], p.sizes[3]), sides=(p.sides[0], (0, 0)))
    value = _padded(builder, first, p.source)
    return [_padded(builder, replace(columns, sides=((0, 0), p.sides[1])), value)]


def _padded(builder: Builder, p: AveragePool, value: int) -> int:
    """A pool with the padding that it has along one axis."""
    sizes = (*p.sizes[:2], *p.output)
    if builder.graph.dialect == "tflite":
        return builder.node(
            "AVERAGE_POOL_2D", (value,), sizes,
            padding="SAME" if any(map(any, p.sides)) else "VALID", stride_h=p.strides[0],
            stride_w=p.strides[1], filter_height=p.window[0], filter_width=p.window[1],
            fused_activation_function=p.activation,
        ).value  # fmt: skip
    (top, bottom), (left, right) = p.sides
    return builder.node(
        "AveragePool", (value,), sizes, kernel_shape=p.window, strides=p.strides,
        pads=(top, left, bottom, right), count_include_pad=int(not p.inside),
    ).value  # fmt: skip


def _over_border(p: AveragePool) -> Refusal | None:
    if not any(map(any, p.sides)):
        return Refusal("no window lies over the border")
    if p.dilations != (1, 1):
        return Refusal("its windows have holes, which no other average has")
    return None


def _zeros(p: AveragePool) -> Refusal | None:
    return _over_border(p) or _weighed(p)


def _weighed(p: AveragePool) -> Refusal | None:
    if not p.is_float:
        return Refusal("it is quantised, and products would be rounded")
    return None


def _cut(p: AveragePool) -> Refusal | None:
    refusal = _over_border(p)
    if refusal is not None:
        return refusal
    if not p.inside:
        return Refusal("it counts what it adds")
    count = len(_runs(p, 0)) * len(_runs(p, 1))
    return Refusal(f"it would be {count} pools; {_MOST} at most") if count > _MOST else None


def _two(p: AveragePool) -> Refusal | None:
    if not p.is_float:
        return Refusal("it is quantised, and would be rounded twice")
    if 1 in p.window:
        return Refusal("its windows lie along one axis")
    if p.dilations != (1, 1):
        return Refusal("its windows have holes, which no other average has")
    if not p.inside and not p.uniform:
        return Refusal("it counts some of what it adds, and its last windows are parts of one")
    return None


FAMILY: Family[AveragePool] = Family(
    "average-pool",
    recognise,
    (
        Realisation(
            name="average-pool/pieces",
            uses=("STRIDED_SLICE", "AVERAGE_POOL_2D", "CONCATENATION"),
            exactness="exact",
            argument=(
                "windows that lie over the border alike are whole windows of a smaller size over "
                "the samples that they have: a pool each, of whatever type, joined again; where "
                f"what is added does not count, at most {_MOST} pools"
            ),
            accepts=_cut,
            build=_of_pieces,
        ),
        Realisation(
            name="average-pool/zeros-around",
            uses=("PAD", "AVERAGE_POOL_2D", "MUL", "RELU", "RELU6"),
            exactness="exact",
            argument=(
                "zeros add nothing to a sum: the mean over the whole window, times its size over "
                "the samples that count, which is a constant for each place, or 1 where all do"
            ),
            accepts=_zeros,
            build=_of_zeros,
        ),
        Realisation(
            name="average-pool/depthwise",
            uses=("PAD", "DEPTHWISE_CONV_2D", "CONV_2D", "MUL", "RELU", "RELU6"),
            exactness="exact",
            argument=(
                "a mean is a depthwise convolution whose weights are all one over the window's "
                "size, zeros being added around it; holes between samples stay"
            ),
            accepts=_weighed,
            build=_by_weights,
        ),
        Realisation(
            name="average-pool/axis-by-axis",
            uses=("AVERAGE_POOL_2D",),
            exactness="exact",
            argument=(
                "the samples that a window counts are a rectangle: its mean is the mean of its "
                "rows' means, padding counting along each axis as it does along both"
            ),
            accepts=_two,
            build=_axis_by_axis,
        ),
    ),
)
