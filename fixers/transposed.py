"""Exact ways to compute a transposed convolution without that operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.fixers.builder import Feature, Margins
from npulint.fixers.record import Family, Realisation, Refusal
from npulint.fixers.transposed_reading import TransposedConvolution, recognise

if TYPE_CHECKING:
    from npulint.fixers.builder import Array, Builder

_T: TypeAlias = TransposedConvolution


def _always(_: _T) -> None:
    return None


def _strided(t: _T) -> Refusal | None:
    if t.strides == (1, 1):
        return Refusal("the strides are 1: there is nothing to spread")
    return None


def _phased(t: _T) -> Refusal | None:
    if t.strides[0] != t.strides[1]:
        return Refusal(f"strides {t.strides} differ, and depth to space has one block size")
    if t.groups != 1:
        return Refusal("grouped weights would have to be interleaved across groups")
    return _strided(t)


def _built(build: Callable[[Builder, Feature, _T], Feature]) -> Callable[[Builder, _T], list[int]]:
    """The whole of a way: from its activation to the fused function."""

    def whole(builder: Builder, t: _T) -> list[int]:
        made = build(builder, Feature(t.source, t.sizes), t)
        return [builder.activate(made, t.activation).value]

    return whole


def _zero_insert(builder: Builder, x: Feature, t: _T) -> Feature:
    return _convolve_spread(builder, builder.spread(x, t.strides), t)


def _resize_mask(builder: Builder, x: Feature, t: _T) -> Feature:
    large = builder.enlarge(x, t.strides)
    mask = np.zeros((1, 1, *large.sizes[2:]), t.kernel.dtype)
    mask[:, :, :: t.strides[0], :: t.strides[1]] = 1
    return _convolve_spread(builder, builder.multiply(large, mask), t)


def _convolve_spread(builder: Builder, spread: Feature, t: _T) -> Feature:
    """The stride-1 convolution, with the kernel flipped, over the spread samples."""
    sides = []
    for axis in (0, 1):
        window = int(t.kernel.shape[2 + axis])
        before = window - 1 - t.before[axis]
        after = t.output[axis] + window - 1 - before - spread.sizes[2 + axis]
        sides += [before, after]
    padded = builder.margins(spread, Margins(*sides))
    return builder.conv(
        padded, _as_convolution(t.kernel[:, :, ::-1, ::-1], t.groups), t.bias, t.groups
    )


def _as_convolution(kernel: Array, groups: int) -> Array:
    """`[Cin, Cout/g, kH, kW]` of a transposed convolution -> `[Cout, Cin/g, kH, kW]`."""
    inputs, outputs, rows, columns = kernel.shape
    grouped: Array = kernel.reshape(groups, inputs // groups, outputs, rows, columns)
    swapped: Array = grouped.transpose(0, 2, 1, 3, 4)
    return swapped.reshape(groups * outputs, inputs // groups, rows, columns)


def _sub_pixel(builder: Builder, x: Feature, t: _T) -> Feature:
    """Phase (a, c) of the output holds the taps t with t = a (mod s); its samples are m = o div s.

    Only the phases' samples from `p div s` to the last one needed are computed.
    """
    stride = t.strides[0]
    taps = [-(-int(size) // stride) for size in t.kernel.shape[2:]]
    sides = []
    for axis in (0, 1):
        first = t.before[axis] // stride
        last = -(-(t.before[axis] + t.output[axis]) // stride)
        sides += [taps[axis] - 1 - first, last - t.sizes[2 + axis]]
    padded = builder.margins(x, Margins(*sides))
    bias = None if t.bias is None else np.tile(t.bias, stride * stride)
    phases = builder.conv(padded, _phase_kernel(t.kernel, stride, taps), bias)
    full = builder.depth_to_space(phases, stride)
    cut = []
    for axis in (0, 1):
        top = t.before[axis] % stride
        cut += [-top, t.output[axis] + top - full.sizes[2 + axis]]
    return builder.margins(full, Margins(*cut))


def _phase_kernel(kernel: Array, stride: int, taps: list[int]) -> Array:
    """`[Cin, Cout, kH, kW]` -> `[s*s*Cout, Cin, ceil(kH/s), ceil(kW/s)]`, phases outermost."""
    inputs, outputs, rows, columns = kernel.shape
    whole = np.zeros((inputs, outputs, taps[0] * stride, taps[1] * stride), kernel.dtype)
    whole[:, :, :rows, :columns] = kernel
    split = whole.reshape(inputs, outputs, taps[0], stride, taps[1], stride)[:, :, ::-1, :, ::-1]
    ordered = split.transpose(3, 5, 1, 0, 2, 4)
    return np.ascontiguousarray(ordered.reshape(stride * stride * outputs, inputs, *taps))


REALISATIONS: tuple[Realisation[TransposedConvolution], ...] = (
    Realisation(
        name="transpose-conv/sub-pixel",
        uses=("PAD", "CONV_2D", "DEPTH_TO_SPACE", "STRIDED_SLICE"),
        exactness="exact",
        argument=(
            "output sample o lies at phase (o + p) mod s and sums only taps of that phase, so one "
            "convolution at the input's resolution makes all phases and depth to space "
            "interleaves them; strides equal, no groups"
        ),
        accepts=_phased,
        build=_built(_sub_pixel),
    ),
    Realisation(
        name="transpose-conv/zero-insert-conv",
        uses=("RESHAPE", "PAD", "CONV_2D"),
        exactness="exact",
        argument=(
            "a transposed convolution is the stride-1 convolution, kernel flipped, over its input "
            "with s - 1 zeros after each sample"
        ),
        accepts=_always,
        build=_built(_zero_insert),
    ),
    Realisation(
        name="transpose-conv/resize-mask-conv",
        uses=("RESIZE_NEAREST_NEIGHBOR", "MUL", "PAD", "CONV_2D"),
        exactness="exact",
        argument=(
            "a nearest-neighbour resize by s times a mask that keeps one sample in s x s inserts "
            "the zeros of zero-insert-conv"
        ),
        accepts=_strided,
        build=_built(_resize_mask),
    ),
)
"""From the cheapest in multiply-accumulates to the dearest."""

FAMILY = Family("transpose-conv", recognise, REALISATIONS)
