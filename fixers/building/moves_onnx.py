"""Moving values in ONNX, in the forms of the opset that the model imports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.builder import Feature, conv_sizes
from npulint.fixers.building.moves import Moves, lengths

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array
    from npulint.fixers.building.moves import Range

_STEPS = 10
"""Opset in which Slice learned steps, and took its bounds as operands."""

_BEFORE_FIRST = -(2**31)
"""An end that no axis reaches: -1 would count from its end."""


class OnnxMoves(Moves):
    """Adds nodes of the standard ONNX domain."""

    @property
    def opset(self) -> int:
        """The version of the standard operator set."""
        return int(getattr(self.builder, "opset", 0))

    def take(self, value: int, ranges: Sequence[Range]) -> int:
        """Slice; before opset 10 it has no steps, and every n-th sample leads a row of n."""
        if self.opset < _STEPS:
            for axis, (_, _, step) in enumerate(ranges):
                if step != 1:
                    value = self._every(value, axis, ranges[axis])
                    whole = 0, self.shape(value)[axis], 1
                    ranges = [*ranges[:axis], whole, *ranges[axis + 1 :]]
        sizes = self.shape(value)
        cut = [axis for axis, each in enumerate(ranges) if each != (0, sizes[axis], 1)]
        if not cut:
            return value
        starts, stops, steps = zip(*(ranges[axis] for axis in cut), strict=True)
        ends = tuple(stop if stop >= 0 else _BEFORE_FIRST for stop in stops)
        if self.opset < _STEPS:
            return self.made(
                "Slice", (value,), lengths(ranges), starts=starts, ends=ends, axes=tuple(cut)
            )
        operands = [self._whole(numbers) for numbers in (starts, ends, cut)]
        if any(step != 1 for step in steps):
            operands.append(self._whole(steps))
        return self.made("Slice", (value, *operands), lengths(ranges))

    def _every(self, value: int, axis: int, wanted: Range) -> int:
        start, stop, step = wanted
        shape = list(self.shape(value))
        size, count = shape[axis], len(range(start, stop, step))
        shape[axis] = count
        value = self.cut(value, axis, start, min(start + count * step, size))
        missing = count * step - self.shape(value)[axis]
        if missing:
            margins = [(0, missing if each == axis else 0) for each in range(len(shape))]
            value = self.widen(value, margins)
        before, _, behind = self.flat(value, axis)
        value = self.reshape(value, (before * count, step * behind))
        return self.reshape(self.cut(value, 1, 0, behind), shape)

    def box(self, value: int, starts: Sequence[int], sizes: Sequence[int]) -> int:
        """Slice along every axis."""
        ends = [start + size for start, size in zip(starts, sizes, strict=True)]
        axes = tuple(range(len(ends)))
        if self.opset < _STEPS:
            return self.made(
                "Slice", (value,), sizes, starts=tuple(starts), ends=tuple(ends), axes=axes
            )
        operands = [self._whole(numbers) for numbers in (starts, ends, axes)]
        return self.made("Slice", (value, *operands), sizes)

    def split(self, value: int, axis: int, count: int) -> list[int]:
        """Split, whose sizes are an operand from opset 13 on."""
        shape = list(self.shape(value))
        shape[axis] //= count
        sizes = (shape[axis],) * count
        shapes = [shape] * count
        if self.opset < 13:
            return self.made_many("Split", (value,), shapes, {"axis": axis, "split": sizes})
        return self.made_many("Split", (value, self._whole(sizes)), shapes, {"axis": axis})

    def join(self, values: Sequence[int], axis: int) -> int:
        """Concat."""
        return self.made("Concat", values, self.joined_shape(values, axis), axis=axis)

    def widen(self, value: int, margins: Sequence[tuple[int, int]]) -> int:
        """Pad."""
        shape = self.widened_shape(value, margins)
        pads = tuple(int(before) for before, _ in margins) + tuple(
            int(after) for _, after in margins
        )
        if self.opset < 11:
            return self.made("Pad", (value,), shape, mode="constant", pads=pads)
        return self.made("Pad", (value, self._whole(pads)), shape, mode="constant")

    def copy(self, value: int, shape: Sequence[int]) -> int:
        """Reshape."""
        return self.made("Reshape", (value, self._whole(shape)), shape)

    def transpose(self, value: int, order: Sequence[int]) -> int:
        """Transpose."""
        if list(order) == sorted(order):
            return value
        before = self.shape(value)
        return self.made("Transpose", (value,), [before[axis] for axis in order], perm=tuple(order))

    def add(self, a: int, b: int) -> int:
        """Add."""
        return self.made("Add", (a, b), self.shape(a))

    def depthwise(self, x: Feature, kernel: Array) -> Feature:
        """Conv with a group for each channel."""
        channels, each, rows, columns = kernel.shape
        weights = kernel.reshape(channels * each, 1, rows, columns)
        return Feature(self.builder.conv(x, weights, None, channels).value, conv_sizes(x, weights))

    def _whole(self, numbers: Sequence[int]) -> int:
        return self.builder.constant(np.array(numbers, np.int64), "whole")
