"""Exact ways to compute a transposed convolution without that operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.fixers.building.bounds import zeros
from npulint.fixers.building.builder import Feature, Margins
from npulint.fixers.convolutions import resize_conv
from npulint.fixers.convolutions.transposed_reading import (
    TransposedConvolution,
    as_convolution,
    recognise,
)
from npulint.fixers.record import TIMES_ZERO, Family, Realisation, Refusal, always

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array, Builder

_T: TypeAlias = TransposedConvolution


def _strided(t: _T) -> Refusal | None:
    if t.strides == (1, 1):
        return Refusal("the strides are 1: there is nothing to spread")
    return None


def _phased(t: _T) -> Refusal | None:
    if t.strides[0] != t.strides[1]:
        return Refusal(f"strides {t.strides} differ, and depth to space has one block size")
    return _strided(t)


def _phased_3x3(t: _T) -> Refusal | None:
    refusal = _phased(t)
    if refusal is None and (max(_taps(t)) > 3 or _taps(t) == (3, 3)):
        rows, columns = _taps(t)
        refusal = Refusal(f"a phase has {rows}x{columns} taps, which do not pad up to 3x3")
    return refusal


def _below_3x3(t: _T) -> Refusal | None:
    rows, columns = (int(size) for size in t.kernel.shape[2:])
    if max(rows, columns) > 3 or (rows, columns) == (3, 3):
        return Refusal(f"the kernel is {rows}x{columns}, which does not pad up to 3x3")
    return None


def _phased_by_group(t: _T) -> Refusal | None:
    if t.groups == 1:
        return Refusal("there are no groups: the phases are in order as they are")
    return _phased(t)


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
    mask = zeros((1, 1, *large.sizes[2:]), t.kernel.dtype)
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
        padded, as_convolution(t.kernel[:, :, ::-1, ::-1], t.groups), t.bias, t.groups
    )


def _sub_pixel(builder: Builder, x: Feature, t: _T) -> Feature:
    return _phase_by_phase(builder, x, t, _taps(t), shuffle=False)


def _sub_pixel_3x3(builder: Builder, x: Feature, t: _T) -> Feature:
    return _phase_by_phase(builder, x, t, (3, 3), shuffle=False)


def _zero_insert_3x3(builder: Builder, x: Feature, t: _T) -> Feature:
    """Taps of zeros behind the kernel's own reach further and change nothing."""
    padded = zeros((*t.kernel.shape[:2], 3, 3), t.kernel.dtype)
    padded[:, :, : t.kernel.shape[2], : t.kernel.shape[3]] = t.kernel
    return _zero_insert(builder, x, replace(t, kernel=padded))


def _sub_pixel_shuffle(builder: Builder, x: Feature, t: _T) -> Feature:
    return _phase_by_phase(builder, x, t, _taps(t), shuffle=True)


def _taps(t: _T) -> tuple[int, int]:
    """Size of the kernel that makes a phase."""
    rows, columns = (-(-int(size) // t.strides[0]) for size in t.kernel.shape[2:])
    return rows, columns


def _phase_by_phase(
    builder: Builder, x: Feature, t: _T, taps: tuple[int, int], *, shuffle: bool
) -> Feature:
    """Phase (a, c) of the output holds the taps t with t = a (mod s); its samples are m = o div s.

    Only the phases' samples from `p div s` to the last one needed are computed.
    """
    stride = t.strides[0]
    sides = []
    for axis in (0, 1):
        first = t.before[axis] // stride
        last = -(-(t.before[axis] + t.output[axis]) // stride)
        sides += [taps[axis] - 1 - first, last - t.sizes[2 + axis]]
    padded = builder.margins(x, Margins(*sides))
    phases = (
        _phases_by_group(builder, padded, t, taps)
        if shuffle
        else builder.conv(
            padded,
            phase_kernel(ungrouped(t.kernel, t.groups), stride, taps),
            None if t.bias is None else np.tile(t.bias, stride * stride),
        )
    )
    full = builder.depth_to_space(phases, stride)
    cut = []
    for axis in (0, 1):
        top = t.before[axis] % stride
        cut += [-top, t.output[axis] + top - full.sizes[2 + axis]]
    return builder.margins(full, Margins(*cut))


def _phases_by_group(builder: Builder, x: Feature, t: _T, taps: tuple[int, int]) -> Feature:
    """The phases of each group side by side, then each phase of all groups side by side."""
    stride, parts = t.strides[0], t.strides[0] ** 2
    kernels = [phase_kernel(part, stride, taps) for part in np.split(t.kernel, t.groups)]
    bias = None
    if t.bias is not None:
        bias = np.tile(t.bias.reshape(t.groups, 1, -1), (1, parts, 1)).reshape(-1)
    made = builder.conv(x, np.concatenate(kernels), bias, t.groups)
    return builder.interleave(made, t.groups, parts)


def ungrouped(kernel: Array, groups: int) -> Array:
    """`[Cin, Cout/g, kH, kW]` -> `[Cin, Cout, kH, kW]`, zeros from one group to another."""
    inputs, outputs, *window = kernel.shape
    dense = zeros((inputs, groups * outputs, *window), kernel.dtype)
    for group, part in enumerate(np.split(kernel, groups)):
        first = group * inputs // groups
        dense[first : first + len(part), group * outputs : (group + 1) * outputs] = part
    return dense


def phase_kernel(kernel: Array, stride: int, taps: tuple[int, int]) -> Array:
    """`[Cin, Cout, kH, kW]` -> `[s*s*Cout, Cin, *taps]`, phases outermost."""
    inputs, outputs, rows, columns = kernel.shape
    whole = zeros((inputs, outputs, taps[0] * stride, taps[1] * stride), kernel.dtype)
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
            "interleaves them; strides equal; groups become one dense convolution, whose weights "
            "from one group to another are 0"
        ),
        accepts=_phased,
        build=_built(_sub_pixel),
        limits=TIMES_ZERO,
    ),
    Realisation(
        name="transpose-conv/sub-pixel-shuffle",
        uses=("PAD", "CONV_2D", "RESHAPE", "TRANSPOSE", "DEPTH_TO_SPACE", "STRIDED_SLICE"),
        exactness="exact",
        argument=(
            "sub-pixel with a grouped convolution, which makes all phases of a group side by "
            "side; a transposition puts all groups of a phase side by side instead"
        ),
        accepts=_phased_by_group,
        build=_built(_sub_pixel_shuffle),
        limits=TIMES_ZERO,
    ),
    Realisation(
        name="transpose-conv/sub-pixel-3x3",
        uses=("PAD", "CONV_2D", "DEPTH_TO_SPACE", "STRIDED_SLICE"),
        exactness="exact",
        argument=(
            "sub-pixel with zeros around the taps of each phase up to a 3x3 kernel, for what "
            "takes no other; strides equal, at most 3x3 taps a phase"
        ),
        accepts=_phased_3x3,
        build=_built(_sub_pixel_3x3),
        limits=TIMES_ZERO,
    ),
    Realisation(
        name="transpose-conv/zero-insert-conv",
        uses=("RESHAPE", "PAD", "CONV_2D"),
        exactness="exact",
        argument=(
            "a transposed convolution is the stride-1 convolution, kernel flipped, over its input "
            "with s - 1 zeros after each sample"
        ),
        accepts=always,
        build=_built(_zero_insert),
    ),
    Realisation(
        name="transpose-conv/zero-insert-conv-3x3",
        uses=("RESHAPE", "PAD", "STRIDED_SLICE", "CONV_2D"),
        exactness="exact",
        argument=(
            "zero-insert-conv with zeros behind the kernel's taps up to a 3x3 kernel, for what "
            "takes no other; at most 3x3 taps"
        ),
        accepts=_below_3x3,
        build=_built(_zero_insert_3x3),
        limits=TIMES_ZERO,
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
        limits=TIMES_ZERO,
    ),
)
"""Those that serve any kernel."""

FAMILY = Family("transpose-conv", recognise, (*REALISATIONS, *resize_conv.WAYS))
