"""Moving values in TFLite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.builder import Feature, conv_sizes
from npulint.fixers.building.moves import Moves, lengths

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array
    from npulint.fixers.building.moves import Range


class TFLiteMoves(Moves):
    """Adds TFLite builtin operators, in their oldest forms."""

    def take(self, value: int, ranges: Sequence[Range]) -> int:
        """STRIDED_SLICE, which NNAPI has one level earlier than SLICE."""
        mask = 0
        stops = []
        for axis, (_, stop, _) in enumerate(ranges):
            # As a number -1 would be the last sample.
            mask |= (stop < 0) << axis
            stops.append(max(stop, 0))
        bounds = [start for start, _, _ in ranges], stops, [step for _, _, step in ranges]
        return self.made(
            "STRIDED_SLICE", (value, *map(self._whole, bounds)), lengths(ranges),
            begin_mask=0, end_mask=mask, ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0,
            offset=False,
        )  # fmt: skip

    def box(self, value: int, starts: Sequence[int], sizes: Sequence[int]) -> int:
        """SLICE."""
        return self.made("SLICE", (value, self._whole(starts), self._whole(sizes)), sizes)

    def split(self, value: int, axis: int, count: int) -> list[int]:
        """SPLIT, whose axis stands in front of what it cuts."""
        shape = list(self.shape(value))
        shape[axis] //= count
        where = self.builder.constant(np.array(axis, np.int32), "axis")
        return self.made_many(
            "SPLIT", (where, value), [shape] * count, {"num_splits": count}, source=1
        )

    def join(self, values: Sequence[int], axis: int) -> int:
        """CONCATENATION."""
        shape = self.joined_shape(values, axis)
        return self.made(
            "CONCATENATION", values, shape, axis=axis, fused_activation_function="NONE"
        )

    def widen(self, value: int, margins: Sequence[tuple[int, int]]) -> int:
        """PAD."""
        amount = self.builder.constant(np.array(margins, np.int32), "paddings")
        return self.made("PAD", (value, amount), self.widened_shape(value, margins))

    def copy(self, value: int, shape: Sequence[int]) -> int:
        """RESHAPE."""
        return self.made("RESHAPE", (value, self._whole(shape)), shape, new_shape=tuple(shape))

    def transpose(self, value: int, order: Sequence[int]) -> int:
        """TRANSPOSE."""
        if list(order) == sorted(order):
            return value
        before = self.shape(value)
        shape = [before[axis] for axis in order]
        return self.made("TRANSPOSE", (value, self._whole(order)), shape)

    def add(self, a: int, b: int) -> int:
        """ADD."""
        return self.made("ADD", (a, b), self.shape(a), fused_activation_function="NONE")

    def depthwise(self, x: Feature, kernel: Array) -> Feature:
        """DEPTHWISE_CONV_2D with a bias of zeros, which NNAPI does not take it without."""
        channels, each, rows, columns = kernel.shape
        weights = kernel.transpose(2, 3, 0, 1).reshape(1, rows, columns, channels * each)
        bias = np.zeros(channels * each, kernel.dtype)
        stored = [self.builder.constant(weights, "filter"), self.builder.constant(bias, "bias")]
        batch, _, height, width = conv_sizes(x, kernel)
        sizes = batch, channels * each, height, width
        return self.builder.node(
            "DEPTHWISE_CONV_2D",
            (x.value, *stored),
            sizes,
            padding="VALID", stride_w=1, stride_h=1, depth_multiplier=each,
            fused_activation_function="NONE", dilation_w_factor=1, dilation_h_factor=1,
        )  # fmt: skip

    def _whole(self, numbers: Sequence[int]) -> int:
        return self.builder.constant(np.array(numbers, np.int32), "whole")
