"""Convolutions in other windows: dense instead of grouped, 3x3, without dilation or strides."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.bounds import zeros
from npulint.fixers.building.builder import Feature, Margins
from npulint.fixers.building.moves import moves
from npulint.fixers.building.windows import (
    Convolution,
    Sliding,
    dense,
    recognise,
    stuffed,
    windows,
)
from npulint.fixers.convolutions.batch_blocks import in_batch
from npulint.fixers.convolutions.conv_products import (
    by_blocks,
    by_matrix,
    by_taps,
    few_blocks,
    few_taps,
    side_by_side,
)
from npulint.fixers.convolutions.decoupled import CALIBRATED as POOLED_CALIBRATED
from npulint.fixers.convolutions.decoupled import WAY as POOLED
from npulint.fixers.record import TIMES_ZERO, Family, Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array, Builder

_SIDE = 3
"""Side of the one window that every target was seen to take."""

_MOST_TILES = 36
"""Windows into which a larger one is cut at most."""


def _how(c: Convolution) -> Sliding:
    return Sliding(c.strides, c.dilations, c.pads, c.groups, c.activation)


def _x(c: Convolution) -> Feature:
    return Feature(c.source, c.sizes)


def _dense(builder: Builder, c: Convolution) -> list[int]:
    how = Sliding(c.strides, c.dilations, c.pads, 1, c.activation)
    return [windows(builder).conv(_x(c), dense(c.kernel, c.groups), c.bias, how).value]


def _by_group(builder: Builder, c: Convolution) -> list[int]:
    make, m = windows(builder), moves(builder, c.source)
    axis = 3 if builder.graph.dialect == "tflite" else 1
    how = Sliding(c.strides, c.dilations, c.pads, 1, c.activation)
    batch, channels, height, width = c.sizes
    each = channels // c.groups
    biases: list[Array | None] = [None] * c.groups
    if c.bias is not None:
        biases = list(np.split(c.bias, c.groups))
    made = []
    for group, (part, bias) in enumerate(zip(np.split(c.kernel, c.groups), biases, strict=True)):
        alone = m.cut(c.source, axis, group * each, (group + 1) * each)
        made.append(make.conv(Feature(alone, (batch, each, height, width)), part, bias, how).value)
    return [m.join(made, axis)]


def _stuffed(builder: Builder, c: Convolution) -> list[int]:
    how = Sliding(c.strides, (1, 1), c.pads, c.groups, c.activation)
    return [windows(builder).conv(_x(c), stuffed(c.kernel, c.dilations), c.bias, how).value]


def _three_by_three(builder: Builder, c: Convolution) -> list[int]:
    """A sum of 3x3 convolutions at every place, of which those at the strides are taken."""
    m = moves(builder, c.source)
    tiles = _tiles(c)
    kernel = _tiled(c)
    fuse = c.activation if len(tiles) == 1 and c.strides == (1, 1) else "NONE"
    total: Feature | None = None
    for (i, j), around in tiles:
        x = _x(c)
        if any(around.cut.sides):
            x = builder.cut_margins(x, around.cut)
        bias = c.bias if total is None else None
        how = Sliding(pads=around.added.sides, activation=fuse)
        made = windows(builder).conv(x, kernel[:, :, i, :, j], bias, how)
        total = made if total is None else Feature(m.add(total.value, made.value), made.sizes)
    if total is None:
        raise AssertionError("only accepted where a window meets the input")
    if fuse == "NONE":
        total = builder.activate(total, c.activation)
    return [total.value if c.strides == (1, 1) else _every(builder, total, c.strides)]


def _tiled(c: Convolution) -> Array:
    """The filter among zeros as `[Cout, Cin, tiles, 3, tiles, 3]`."""
    kernel = stuffed(dense(c.kernel, c.groups), c.dilations)
    rows, columns = c.reach
    tall, wide = (-(-size // _SIDE) for size in c.reach)
    whole = zeros((*kernel.shape[:2], tall * _SIDE, wide * _SIDE), kernel.dtype)
    top, left = map(_lead, c.reach)
    whole[:, :, top : top + rows, left : left + columns] = kernel
    split: Array = whole.reshape(*kernel.shape[:2], tall, _SIDE, wide, _SIDE)
    return split


def _tiles(c: Convolution) -> list[tuple[tuple[int, int], Margins]]:
    """The 3x3 windows that meet the input, and the margins at which each of them sees it.

    Tile (i, j) of the window sees the padded input shifted by 3i and 3j.
    """
    counts = [-(-size // _SIDE) for size in c.reach]
    span = [(c.output[2 + axis] - 1) * c.strides[axis] + 1 for axis in (0, 1)]
    tiles = []
    for place in itertools.product(*map(range, counts)):
        sides = []
        for axis in (0, 1):
            before = c.pads[2 * axis] + _lead(c.reach[axis]) - place[axis] * _SIDE
            after = span[axis] + _SIDE - 1 - before - c.sizes[2 + axis]
            sides += [before, after]
        height, width = c.sizes[2:]
        if min(sides[:2]) > -height and min(sides[2:]) > -width:
            tiles.append(((place[0], place[1]), Margins(*sides)))
    return tiles


def _lead(size: int) -> int:
    """Zeros in front of a window: one that is narrower than a tile lies in its middle."""
    return (_SIDE - size) // 2 if size < _SIDE else 0


def _every(builder: Builder, x: Feature, strides: tuple[int, int]) -> int:
    m = moves(builder, x.value)
    axes = (1, 2) if builder.graph.dialect == "tflite" else (2, 3)
    steps = dict(zip(axes, strides, strict=True))
    sizes = m.shape(x.value)
    return m.take(x.value, [(0, size, steps.get(axis, 1)) for axis, size in enumerate(sizes)])


def _grouped(c: Convolution) -> Refusal | None:
    if c.groups == 1:
        return Refusal("there are no groups")
    return None


def _few_groups(c: Convolution) -> Refusal | None:
    if c.groups > _MOST_TILES:
        return Refusal(f"{c.groups} groups would need as many convolutions; {_MOST_TILES} at most")
    return _grouped(c)


def _dilated(c: Convolution) -> Refusal | None:
    if c.dilations == (1, 1):
        return Refusal("there is no dilation")
    return None


def _dilated_alone(c: Convolution) -> Refusal | None:
    if c.strides != (1, 1):
        return Refusal(f"strides {c.strides} skip some of the samples that go together")
    return _dilated(c)


def _other_window(c: Convolution) -> Refusal | None:
    if c.op == "DEPTHWISE_CONV_2D" or c.groups == c.sizes[1] > 1:
        return Refusal("depthwise convolutions have their own operator")
    if (c.window, c.dilations, c.strides, c.groups) == ((_SIDE, _SIDE), (1, 1), (1, 1), 1):
        return Refusal("it is 3x3 at stride 1 as it is")
    tiles = math.prod(-(-size // _SIDE) for size in c.reach)
    if tiles > _MOST_TILES:
        return Refusal(f"its window is {tiles} windows of 3x3; {_MOST_TILES} at most")
    if not _tiles(c):
        return Refusal("its window meets nothing but padding")
    return None


FAMILY = Family(
    "conv",
    recognise,
    (
        Realisation(
            name="conv/matrix",
            uses=("STRIDED_SLICE", "RESHAPE", "TRANSPOSE", "FULLY_CONNECTED"),
            exactness="exact",
            argument=(
                "where windows of one sample, or as large as the strides, are put side by side, "
                "the convolution is the product of the matrix of all windows by that of the weights"
            ),
            accepts=side_by_side,
            build=by_matrix,
        ),
        Realisation(
            name="conv/stuffed",
            uses=("CONV_2D", "DEPTHWISE_CONV_2D", "PAD"),
            exactness="exact",
            argument="a dilated window is a larger one with zeros between its samples",
            accepts=_dilated,
            build=_stuffed,
            limits=TIMES_ZERO,
        ),
        Realisation(
            name="conv/batch-blocks",
            uses=(
                "SPACE_TO_BATCH_ND",
                "CONV_2D",
                "DEPTHWISE_CONV_2D",
                "BATCH_TO_SPACE_ND",
                "STRIDED_SLICE",
            ),
            exactness="exact",
            argument=(
                "a dilated window meets only every n-th sample, so with those moved into the "
                "batch it is a plain one; strides of 1; in ONNX by reshapes and transpositions"
            ),
            accepts=_dilated_alone,
            build=in_batch,
        ),
        Realisation(
            name="conv/dense",
            uses=("CONV_2D", "PAD"),
            exactness="exact",
            argument="a grouped convolution is one of all channels, 0 from one group to another",
            accepts=_grouped,
            build=_dense,
            limits=TIMES_ZERO,
        ),
        Realisation(
            name="conv/by-group",
            uses=("STRIDED_SLICE", "CONV_2D", "CONCATENATION", "PAD"),
            exactness="exact",
            argument="each group is a convolution of its own channels; at most 36 groups",
            accepts=_few_groups,
            build=_by_group,
        ),
        Realisation(
            name="conv/taps",
            uses=("STRIDED_SLICE", "PAD", "RESHAPE", "TRANSPOSE", "FULLY_CONNECTED", "ADD"),
            exactness="exact",
            argument=(
                "each place in the window adds the product of the samples that all windows have "
                "there by its weights; windows of at most 16 samples that do not touch every place"
            ),
            accepts=few_taps,
            build=by_taps,
        ),
        Realisation(
            name="conv/blocks",
            uses=("PAD", "STRIDED_SLICE", "RESHAPE", "TRANSPOSE", "CONV_2D"),
            exactness="exact",
            argument=(
                "with the samples of blocks as large as the strides as channels, a window is 3x3 "
                "blocks, zeros where it ends before, and moves on by one"
            ),
            accepts=few_blocks,
            build=by_blocks,
            limits=TIMES_ZERO,
        ),
        Realisation(
            name="conv/3x3",
            uses=("CONV_2D", "ADD", "STRIDED_SLICE", "PAD"),
            exactness="exact",
            argument=(
                "with zeros around it any window is a square of 3x3 windows, each the convolution "
                "of the input shifted by its place, and a stride takes every n-th place of their "
                "sum; at most 36 windows"
            ),
            accepts=_other_window,
            build=_three_by_three,
            limits=TIMES_ZERO,
        ),
        POOLED_CALIBRATED,
        POOLED,
    ),
)
