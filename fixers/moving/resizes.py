"""What computes resizes: older modes, phases, matrix products, copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.builder import Feature
from npulint.fixers.building.moves import moves
from npulint.fixers.building.windows import windows
from npulint.fixers.moving.pads import extend
from npulint.fixers.moving.resize_domains import (
    elsewhere,
    finer,
    older,
    phased,
    replicates,
    stepped,
    steps,
    summed,
    unquantised,
    weighed,
)
from npulint.fixers.moving.resize_phases import by_dense, by_depthwise, spatial_axes, whole_factors
from npulint.fixers.moving.resize_strides import by_steps, by_window
from npulint.fixers.moving.resizes_reading import Resampling, recognise
from npulint.fixers.record import TIMES_ZERO, Family, Realisation

if TYPE_CHECKING:
    from collections.abc import Callable

    from npulint.fixers.building.builder import Builder
    from npulint.fixers.building.moves import Moves


def _asymmetric(builder: Builder, r: Resampling) -> list[int]:
    """The oldest mode, finer and with a border around, and of that the samples that are meant."""
    m, axes = moves(builder, r.source), spatial_axes(builder)
    if r.coordinates == "align_corners":
        fine = steps(r) or (1, 1)
        wanted = [(0, out, 1) for out in r.output]
        value = r.source
    else:
        fine, wanted, value = _half_pixel(m, r, axes)
    shape = m.shape(value)
    sizes = (*r.sizes[:2], shape[axes[0]], shape[axes[1]])
    made = builder.interpolate(Feature(value, sizes), fine)
    ranges = [(0, size, 1) for size in m.shape(made.value)]
    for axis, each in zip(axes, wanted, strict=True):
        ranges[axis] = each
    if [len(range(*each)) for each in ranges] == list(m.shape(made.value)):
        return [made.value]
    return [m.take(made.value, ranges)]


def _half_pixel(
    m: Moves, r: Resampling, axes: tuple[int, int]
) -> tuple[tuple[int, int], list[tuple[int, int, int]], int]:
    """Factors, ranges and the input with a border of one sample.

    Output o lies at (2o + 1 - s) / 2s of the input, so behind one more sample it is number
    2o + 1 + s of those at steps of 1/2s, and for odd s number o + (s + 1)/2 at steps of 1/s.
    """
    fine, wanted, value = [], [], r.source
    for axis, factor, out in zip(axes, whole_factors(r), r.output, strict=True):
        if factor == 1:
            fine.append(1)
            wanted.append((0, out, 1))
            continue
        value = extend(m, value, axis, (1, 1), "edge")
        if factor % 2:
            start, step = (factor + 1) // 2, 1
        else:
            start, step = factor + 1, 2
        fine.append(factor * step)
        wanted.append((start, start + step * (out - 1) + 1, step))
    return (fine[0], fine[1]), wanted, value


def _matrix(builder: Builder, r: Resampling) -> list[int]:
    """One product along each axis, which is the last one for it."""
    m, make, last = moves(builder, r.source), windows(builder), builder.graph.dialect == "tflite"
    batch, channels, height, width = r.sizes
    rows, columns = r.output
    value = m.transpose(r.source, (0, 3, 1, 2)) if last else r.source
    flat = m.reshape(value, (batch * channels * height, width))
    value = m.reshape(
        make.dense(flat, r.matrix(1), None, "NONE"), (batch, channels, height, columns)
    )
    value = m.transpose(value, (0, 1, 3, 2))
    flat = m.reshape(value, (batch * channels * columns, height))
    value = m.reshape(make.dense(flat, r.matrix(0), None, "NONE"), (batch, channels, columns, rows))
    return [m.transpose(value, (0, 3, 2, 1) if last else (0, 1, 3, 2))]


def _oldest(builder: Builder, r: Resampling) -> list[int]:
    return [builder.enlarge(Feature(r.source, r.sizes), whole_factors(r)).value]


def _moved(builder: Builder, r: Resampling) -> list[int]:
    # Half pixels lie so far before everywhere; corners that stay, at the far border.
    parts = 1 if r.coordinates == "align_corners" else 2
    shift = max((factor - 1) / (parts * factor) for factor in whole_factors(r))
    builder.note = (
        f"it takes its samples up to {shift:.3g} of a sample behind where they were: fine-tune the "
        "network afterwards"
    )
    return [builder.interpolate(Feature(r.source, r.sizes), whole_factors(r)).value]


def _copies(builder: Builder, r: Resampling) -> list[int]:
    return [_repeated(builder, r, lambda m, value, times: m.join([value] * times, 1))]


def _sums(builder: Builder, r: Resampling) -> list[int]:
    def spread(m: Moves, value: int, times: int) -> int:
        zeros = m.builder.constant(np.zeros((1, times, 1), np.float32), "zeros")
        before, _, behind = m.shape(value)
        if m.builder.graph.dialect != "tflite":
            return m.made("Add", (value, zeros), (before, times, behind))
        return m.made(
            "ADD", (value, zeros), (before, times, behind), fused_activation_function="NONE"
        )

    return [_repeated(builder, r, spread)]


def _repeated(builder: Builder, r: Resampling, repeat: Callable[[Moves, int, int], int]) -> int:
    m, value = moves(builder, r.source), r.source
    for axis, factor in zip(spatial_axes(builder), whole_factors(r), strict=True):
        if factor > 1:
            shape = list(m.shape(value))
            before, size, behind = m.flat(value, axis)
            grown = repeat(m, m.reshape(value, (before * size, 1, behind)), factor)
            shape[axis] *= factor
            value = m.reshape(grown, shape)
    return value


FAMILY = Family(
    "resize",
    recognise,
    (
        Realisation(
            name="resize/oldest-linear",
            uses=("STRIDED_SLICE", "CONCATENATION", "RESIZE_BILINEAR"),
            exactness="exact",
            argument=(
                "the samples lie at whole steps of a finer linear resize in the oldest mode: with "
                "half pixels, of the input with its border repeated, at twice the factor where it "
                "is even; with fixed corners where their distance is divided into whole steps"
            ),
            accepts=finer,
            build=_asymmetric,
            limits=TIMES_ZERO,
        ),
        Realisation(
            name="resize/depthwise-phases",
            uses=("STRIDED_SLICE", "CONCATENATION", "DEPTHWISE_CONV_2D", "RESHAPE", "TRANSPOSE"),
            exactness="exact",
            argument=(
                "samples of one phase of a whole factor are the same mixture of neighbours "
                "everywhere, linear or cubic, the border being repeated: a depthwise convolution "
                "makes all phases, transpositions interleave them; factors of at most 8"
            ),
            accepts=phased,
            build=by_depthwise,
            limits=TIMES_ZERO,
        ),
        Realisation(
            name="resize/conv-phases",
            uses=(
                "STRIDED_SLICE", "CONCATENATION", "CONV_2D", "DEPTH_TO_SPACE", "RESHAPE",
                "TRANSPOSE",
            ),
            exactness="exact",
            argument=(
                "depthwise-phases with a dense convolution whose weights between different "
                "channels are 0, and depth to space"
            ),
            accepts=phased,
            build=by_dense,
            limits=TIMES_ZERO,
        ),
        Realisation(
            name="resize/strided-window",
            uses=("STRIDED_SLICE", "CONCATENATION", "DEPTHWISE_CONV_2D", "CONV_2D"),
            exactness="exact",
            argument=(
                "every n-th place has the same neighbours at the same distances, the border being "
                "repeated: a depthwise convolution with strides, whose kernel antialiasing widens"
            ),
            accepts=weighed,
            build=by_window,
            limits=TIMES_ZERO,
        ),
        Realisation(
            name="resize/every-nth",
            uses=("STRIDED_SLICE",),
            exactness="exact",
            argument="the nearest samples of every n-th place are n apart: a slice with steps",
            accepts=stepped,
            build=by_steps,
        ),
        Realisation(
            name="resize/oldest-nearest",
            uses=("RESIZE_NEAREST_NEIGHBOR",),
            exactness="exact",
            argument="by whole factors every mode that repeats each sample equally is the oldest",
            accepts=older,
            build=_oldest,
        ),
        Realisation(
            name="resize/copies",
            uses=("RESHAPE", "CONCATENATION"),
            exactness="exact",
            argument="each sample is joined with copies of itself along an axis made for it",
            accepts=replicates,
            build=_copies,
        ),
        Realisation(
            name="resize/broadcast",
            uses=("RESHAPE", "ADD"),
            exactness="exact",
            argument="zeros are added along an axis made for it, to each of which a sample goes",
            accepts=summed,
            build=_sums,
        ),
        Realisation(
            name="resize/matrix",
            uses=("TRANSPOSE", "RESHAPE", "FULLY_CONNECTED"),
            exactness="exact",
            argument=(
                "along each axis a resize, in whatever mode, cubic and antialiased ones too, is "
                "the product by a matrix of what each sample is worth"
            ),
            accepts=unquantised,
            build=_matrix,
            limits=TIMES_ZERO,
        ),
        Realisation(
            name="resize/moved",
            uses=("RESIZE_BILINEAR",),
            exactness="lossy",
            argument=(
                "the oldest mode in the place of half pixels or fixed corners, by the same whole "
                "factors: the same samples are interpolated a little off where they were"
            ),
            accepts=elsewhere,
            build=_moved,
        ),
    ),
)  # fmt: skip
