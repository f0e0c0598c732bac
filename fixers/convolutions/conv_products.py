"""Strided convolutions as products of matrices, or of blocks of samples."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from npulint.fixers.building.bounds import zeros
from npulint.fixers.building.builder import Feature, Margins
from npulint.fixers.building.moves import moves
from npulint.fixers.building.windows import Convolution, Sliding, dense, stuffed, windows
from npulint.fixers.moving.axes import reorder
from npulint.fixers.record import Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.building.moves import Moves

_SIDE = 3
"""Side of the one window that every target was seen to take."""

_MOST_TAPS = 16
"""Samples of a window for each of which there is a product."""


def by_matrix(builder: Builder, c: Convolution) -> list[int]:
    """One product of all windows."""
    m, last = moves(builder, c.source), builder.graph.dialect == "tflite"
    batch, outputs, height, width = c.output
    kernel = c.kernel.transpose(0, 2, 3, 1) if last else c.kernel
    matrix = kernel.reshape(outputs, -1)
    made = windows(builder).dense(_patches(m, c, last=last), matrix, c.bias, c.activation)
    if last:
        return [m.reshape(made, (batch, height, width, outputs))]
    return [reorder(m, made, (batch, height * width, outputs), (0, 2, 1), c.output)]


def _patches(m: Moves, c: Convolution, *, last: bool) -> int:
    """One row for each place of the output, of all that its window sees."""
    batch, channels, *_ = c.sizes
    _, _, height, width = c.output
    single = c.window == (1, 1)
    ranges = [(0, size, 1) for size in m.shape(c.source)]
    for number, axis in enumerate((1, 2) if last else (2, 3)):
        stride, out = c.strides[number], c.output[2 + number]
        whole = ranges[axis][1]
        ranges[axis] = (0, whole, stride) if single else (0, out * stride, 1)
    value = c.source
    if ranges != [(0, size, 1) for size in m.shape(value)]:
        value = m.take(value, ranges)
    rows, columns = c.window
    size = {"n": batch, "c": channels, "h": height, "w": width, "a": rows, "b": columns}
    before, after = ("nhawbc", "nhwabc") if last else ("nchawb", "nhwcab")
    view, order = [size[axis] for axis in before], [before.index(axis) for axis in after]
    row = channels * rows * columns
    return reorder(m, value, view, order, (batch * height * width, row))


def by_taps(builder: Builder, c: Convolution) -> list[int]:
    """A product for each place in the window, of the samples that the window has there."""
    m, last = moves(builder, c.source), builder.graph.dialect == "tflite"
    batch, outputs, height, width = c.output
    kernel, padded = c.kernel, builder.margins(Feature(c.source, c.sizes), Margins(*c.pads))
    total = None
    for row, column in itertools.product(range(c.window[0]), range(c.window[1])):
        ranges = [(0, size, 1) for size in m.shape(padded.value)]
        for number, axis in enumerate((1, 2) if last else (2, 3)):
            start = (row, column)[number] * c.dilations[number]
            stop = start + (c.output[2 + number] - 1) * c.strides[number] + 1
            ranges[axis] = start, stop, c.strides[number]
        alone = m.take(padded.value, ranges)
        size = {"n": batch, "c": c.sizes[1], "h": height, "w": width}
        before = "nhwc" if last else "nchw"
        rows = reorder(
            m, alone, [size[axis] for axis in before], [before.index(axis) for axis in "nhwc"],
            (batch * height * width, c.sizes[1]),
        )  # fmt: skip
        bias = c.bias if total is None else None
        made = windows(builder).dense(rows, kernel[:, :, row, column], bias, "NONE")
        total = made if total is None else m.add(total, made)
    if total is None:
        raise AssertionError("a window has a place")
    total = builder.activate(Feature(total, (0, 0, 0, 0)), c.activation).value
    if last:
        return [m.reshape(total, (batch, height, width, outputs))]
    return [reorder(m, total, (batch, height * width, outputs), (0, 2, 1), c.output)]


def by_blocks(builder: Builder, c: Convolution) -> list[int]:
    """A 3x3 convolution of blocks as large as the strides, whose samples are channels."""
    m, last = moves(builder, c.source), builder.graph.dialect == "tflite"
    (high, wide), (height, width) = c.strides, c.output[2:]
    sides = []
    for axis, (stride, out) in enumerate(zip(c.strides, c.output[2:], strict=True)):
        before = c.pads[2 * axis]
        sides += [before, (out + _SIDE - 1) * stride - before - c.sizes[2 + axis]]
    padded = builder.margins(Feature(c.source, c.sizes), Margins(*sides)).value
    batch, channels, *_ = c.sizes
    rows, columns = height + _SIDE - 1, width + _SIDE - 1
    size = {"n": batch, "c": channels, "h": rows, "w": columns, "a": high, "b": wide}
    axes, after = ("nhawbc", "nhwabc") if last else ("nchawb", "ncabhw")
    sizes = batch, channels * high * wide, rows, columns
    shape = [each for each in builder.stored(sizes) if isinstance(each, int)]
    view, order = [size[axis] for axis in axes], [axes.index(axis) for axis in after]
    x = Feature(reorder(m, padded, view, order, shape), sizes)
    kernel = stuffed(dense(c.kernel, c.groups), c.dilations)
    outputs = c.output[1]
    whole = zeros((outputs, channels, _SIDE * high, _SIDE * wide), kernel.dtype)
    whole[:, :, : c.reach[0], : c.reach[1]] = kernel
    split = whole.reshape(outputs, channels, _SIDE, high, _SIDE, wide)
    turned = split.transpose((0, 3, 5, 1, 2, 4) if last else (0, 1, 3, 5, 2, 4))
    filters = turned.reshape(outputs, -1, _SIDE, _SIDE)
    how = Sliding(activation=c.activation)
    return [windows(builder).conv(x, filters, c.bias, how).value]


def few_blocks(c: Convolution) -> Refusal | None:
    """Why a window is no 3x3 blocks as large as the strides, None where it is."""
    if c.strides == (1, 1):
        return Refusal("without strides a block is a sample")
    if c.op == "DEPTHWISE_CONV_2D" or c.groups == c.sizes[1] > 1:
        return Refusal("depthwise convolutions have their own operator")
    if any(reach > _SIDE * step for reach, step in zip(c.reach, c.strides, strict=True)):
        return Refusal("its window reaches over more than 3x3 blocks as large as the strides")
    return None


def side_by_side(c: Convolution) -> Refusal | None:
    """Why the windows of a convolution are no rows of a matrix, None where they are."""
    if any(c.pads) or c.groups != 1:
        return Refusal("a matrix product sees no padding and no groups")
    if c.window != (1, 1) and (c.window != c.strides or c.dilations != (1, 1)):
        return Refusal("its windows lie over one another, so that they are no rows of a matrix")
    return None


def few_taps(c: Convolution) -> Refusal | None:
    """Why a product for each sample of the window is no way, None where it is."""
    if c.groups != 1:
        return Refusal("a matrix product sees no groups")
    if c.strides == (1, 1) or c.window == (1, 1):
        return Refusal("its windows begin at every place, or hold one sample")
    if math.prod(c.window) > _MOST_TAPS:
        return Refusal(f"{math.prod(c.window)} products would be added; {_MOST_TAPS} at most")
    return None
