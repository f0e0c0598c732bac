"""What moves elements without computing: joining, dividing, padding and cropping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from npulint.reference_models.layers.base import Layer, Margins, OneResult, Shape


@dataclass(frozen=True, slots=True)
class Concatenation(OneResult):
    """Feature maps of one size behind each other along the channels."""

    def result(self, *inputs: Shape) -> Shape:
        """The channels add up.

        Raises:
            ValueError: The maps differ in height or width.
        """
        if len({image[:2] for image in inputs}) != 1:
            raise ValueError(f"heights and widths differ: {', '.join(map(str, inputs))}")
        return Shape(*inputs[0][:2], sum(image.channels for image in inputs))


@dataclass(frozen=True, slots=True)
class Split(Layer):
    """A map into several along the channels."""

    parts: tuple[int, ...]

    def results(self, *inputs: Shape) -> tuple[Shape, ...]:
        """One map a part.

        Raises:
            ValueError: The parts are not the whole.
        """
        (image,) = inputs
        if sum(self.parts) != image.channels:
            raise ValueError(f"{image.channels} channels are not {self.parts}")
        return tuple(Shape(*image[:2], part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Slice(OneResult):
    """The channels from one number to before another."""

    start: int
    stop: int

    def result(self, *inputs: Shape) -> Shape:
        """As many channels as were asked for.

        Raises:
            ValueError: There are none of these numbers.
        """
        (image,) = inputs
        if not 0 <= self.start < self.stop <= image.channels:
            raise ValueError(f"no channels {self.start} to {self.stop} of {image.channels}")
        return Shape(*image[:2], self.stop - self.start)


@dataclass(frozen=True, slots=True)
class Pad(OneResult):
    """A map with a border: of zeros, of its mirror image, or of its outermost pixels."""

    margins: Margins
    mode: Literal["zero", "reflect", "replicate"]

    def result(self, *inputs: Shape) -> Shape:
        """The border is added.

        Raises:
            ValueError: The map is too small for its mirror image.
        """
        (image,) = inputs
        rows, columns = self.margins
        if self.mode == "reflect" and (max(rows) >= image.height or max(columns) >= image.width):
            raise ValueError(f"{tuple(image[:2])} cannot be mirrored into {tuple(self.margins)}")
        return Shape(image.height + sum(rows), image.width + sum(columns), image.channels)


@dataclass(frozen=True, slots=True)
class Crop(OneResult):
    """A map without its border."""

    margins: Margins

    def result(self, *inputs: Shape) -> Shape:
        """The border is taken away.

        Raises:
            ValueError: Nothing would be left.
        """
        (image,) = inputs
        rows, columns = self.margins
        if sum(rows) >= image.height or sum(columns) >= image.width:
            raise ValueError(f"nothing of {tuple(image[:2])} is left within {tuple(self.margins)}")
        return Shape(image.height - sum(rows), image.width - sum(columns), image.channels)
