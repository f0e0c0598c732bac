"""Pooling: over windows padded as SAME pads them, over the whole map, and locally."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from npulint.reference_models.layers.base import Margins, OneResult, Shape, same


@dataclass(frozen=True, slots=True)
class MaxPool2D(OneResult):
    """The largest element of each square: [H, W, C] -> [H/s, W/s, C]; s is the size at first."""

    size: int = 2
    stride: int | None = None

    @property
    def step(self) -> int:
        """How far the square moves."""
        return self.stride or self.size

    def margins(self, image: Shape) -> Margins:
        """What surrounds the input; no element of it is ever the result."""
        return same(image, (self.size, self.size), self.step)

    def result(self, *inputs: Shape) -> Shape:
        """Sizes are divided by the stride and rounded up."""
        (image,) = inputs
        return Shape(-(-image.height // self.step), -(-image.width // self.step), image.channels)


@dataclass(frozen=True, slots=True)
class AveragePool2D(OneResult):
    """The mean of each square, padding left out: [H, W, C] -> [H/s, W/s, C]."""

    size: int = 2
    stride: int | None = None

    @property
    def step(self) -> int:
        """How far the square moves."""
        return self.stride or self.size

    def margins(self, image: Shape) -> Margins:
        """What surrounds the input; no element of it counts."""
        return same(image, (self.size, self.size), self.step)

    def result(self, *inputs: Shape) -> Shape:
        """Sizes are divided by the stride and rounded up."""
        (image,) = inputs
        return Shape(-(-image.height // self.step), -(-image.width // self.step), image.channels)

    def thop(self, *inputs: Shape) -> int:
        """One for each output element."""
        return self.result(*inputs).elements


@dataclass(frozen=True, slots=True)
class GlobalAveragePool(OneResult):
    """The mean of each channel: [H, W, C] -> [1, 1, C]."""

    def result(self, *inputs: Shape) -> Shape:
        """One pixel."""
        (image,) = inputs
        return Shape(1, 1, image.channels)

    def thop(self, *inputs: Shape) -> int:
        """One for each input element."""
        (image,) = inputs
        return image.elements


@dataclass(frozen=True, slots=True)
class LocalAveragePool(OneResult):
    """The mean of a square around each pixel, as in test-time local conversion (arXiv 2112.04491).

    Squares lie wholly inside the map: near its border the nearest one is taken. A square that
    covers the map is a `GlobalAveragePool`.

    Attributes:
        size: Rows and columns of the square; what the map lacks of them is left out.
        form: As one pooling operator, or by differences of running sums.
    """

    size: int
    form: Literal["avgpool", "cumsum"]

    def covers(self, image: Shape) -> bool:
        """Whether the square is the whole map."""
        return self.size >= max(image[:2])

    def window(self, image: Shape) -> tuple[int, int]:
        """Rows and columns of the square in a map."""
        return min(self.size, image.height), min(self.size, image.width)

    def margins(self, image: Shape) -> Margins:
        """How often the outermost means are repeated, to give every pixel one."""
        height, width = self.window(image)
        rows, columns = height - 1, width - 1
        return Margins((rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2))

    def result(self, *inputs: Shape) -> Shape:
        """One mean a pixel, or one pixel where the square covers the map."""
        (image,) = inputs
        return Shape(1, 1, image.channels) if self.covers(image) else image
