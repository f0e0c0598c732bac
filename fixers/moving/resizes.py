"""What computes resizes: older modes, phases, matrix products, copies."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.builder import Feature
from npulint.fixers.building.moves import moves
from npulint.fixers.building.windows import windows
from npulint.fixers.moving.pads import extend
from npulint.fixers.moving.resize_phases import by_dense, by_depthwise, spatial_axes, whole_factors
from npulint.fixers.moving.resizes_reading import Resampling, recognise
from npulint.fixers.record import TIMES_ZERO, Family, Realisation, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from npulint.fixers.building.builder import Builder
    from npulint.fixers.building.moves import Moves

_LARGEST_FACTOR = 8
"""Factor beyond which a phase for each place is no gain."""


def _steps(r: Resampling) -> tuple[int, int] | None:
    """For corners that stay: by how many steps one step of the input is divided."""
    found = []
    for size, out in zip(r.sizes[2:], r.output, strict=True):
        if size == out == 1:
            found.append(1)
        elif size < 2 or (out - 1) % (size - 1):
            return None
        else:
            found.append((out - 1) // (size - 1))
    return found[0], found[1]


def _asymmetric(builder: Builder, r: Resampling) -> list[int]:
    """The oldest mode, finer and with a border around, and of that the samples that are meant."""
    m, axes = moves(builder, r.source), spatial_axes(builder)
    if r.coordinates == "align_corners":
        fine = _steps(r) or (1, 1)
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
    parts = 2 if r.coordinates == "half_pixel" else 1
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


def _whole(r: Resampling) -> Refusal | None:
    if r.factors is None:
        return Refusal(f"{r.sizes[2:]} to {r.output} is no whole factor")
    if math.prod(r.factors) == 1:
        return Refusal("it changes nothing")
    return None


def _finer(r: Resampling) -> Refusal | None:
    if not r.linear:
        return Refusal("it takes the nearest sample and interpolates nothing")
    if r.coordinates == "asymmetric":
        return Refusal("its coordinates are the oldest ones as they are")
    if r.coordinates == "align_corners":
        if _steps(r) is None:
            return Refusal(f"{r.sizes[2:]} to {r.output} with fixed corners has no whole steps")
        return None
    return _whole(r)


def _elsewhere(r: Resampling) -> Refusal | None:
    if not r.linear:
        return Refusal("it takes the nearest sample and interpolates nothing")
    if r.coordinates == "asymmetric":
        return Refusal("its coordinates are the oldest ones as they are")
    return _whole(r)


def _phased(r: Resampling) -> Refusal | None:
    if not r.is_float:
        return _QUANTISED
    if r.coordinates == "align_corners":
        return Refusal("with fixed corners the phase changes from sample to sample")
    refusal = _whole(r) or (None if r.linear else _replicates(r))
    if refusal is None and max(whole_factors(r)) > _LARGEST_FACTOR:
        refusal = Refusal(f"a factor of {max(whole_factors(r))} has too many phases")
    return refusal


def _replicates(r: Resampling) -> Refusal | None:
    """Why a resize to the nearest sample is no plain repetition."""
    if r.linear:
        return Refusal("it interpolates")
    refusal = _whole(r)
    if refusal is not None:
        return refusal
    for axis, factor in enumerate(whole_factors(r)):
        if not np.array_equal(r.taken(axis), np.repeat(np.arange(r.sizes[2 + axis]), factor)):
            return Refusal("its samples are not repeated equally often")
    return None


def _older(r: Resampling) -> Refusal | None:
    if r.plain and not r.linear:
        return Refusal("it is what is there")
    return _replicates(r)


def _summed(r: Resampling) -> Refusal | None:
    return _replicates(r) if r.is_float else _QUANTISED


def _any(r: Resampling) -> Refusal | None:
    return None if r.is_float else _QUANTISED


_QUANTISED = Refusal("it is quantised, and sums would be rounded")


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
            accepts=_finer,
            build=_asymmetric,
            limits=TIMES_ZERO,
        ),
        Realisation(
            name="resize/depthwise-phases",
            uses=("STRIDED_SLICE", "CONCATENATION", "DEPTHWISE_CONV_2D", "RESHAPE", "TRANSPOSE"),
            exactness="exact",
            argument=(
                "samples of one phase of a whole factor are the same mixture of neighbours "
                "everywhere, the border being repeated: a depthwise convolution makes all phases, "
                "transpositions interleave them; factors of at most 8"
            ),
            accepts=_phased,
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
            accepts=_phased,
            build=by_dense,
            limits=TIMES_ZERO,
        ),
        Realisation(
            name="resize/oldest-nearest",
            uses=("RESIZE_NEAREST_NEIGHBOR",),
            exactness="exact",
            argument="by whole factors every mode that repeats each sample equally is the oldest",
            accepts=_older,
            build=_oldest,
        ),
        Realisation(
            name="resize/copies",
            uses=("RESHAPE", "CONCATENATION"),
            exactness="exact",
            argument="each sample is joined with copies of itself along an axis made for it",
            accepts=_replicates,
            build=_copies,
        ),
        Realisation(
            name="resize/broadcast",
            uses=("RESHAPE", "ADD"),
            exactness="exact",
            argument="zeros are added along an axis made for it, to each of which a sample goes",
            accepts=_summed,
            build=_sums,
        ),
        Realisation(
            name="resize/matrix",
            uses=("TRANSPOSE", "RESHAPE", "FULLY_CONNECTED"),
            exactness="exact",
            argument=(
                "along each axis a resize, in whatever mode, is the product by a matrix of what "
                "each sample is worth"
            ),
            accepts=_any,
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
            accepts=_elsewhere,
            build=_moved,
        ),
    ),
)  # fmt: skip
