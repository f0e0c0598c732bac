"""The vocabulary that reference networks are written in: one record a kind of layer.

A record says how a layer changes a shape, which weights it has and what it costs. How it is
computed is said once per framework, in `torch_builder` and `keras_builder`. Batch is 1 and
left out; spatial padding is TensorFlow's SAME throughout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol


class Shape(NamedTuple):
    """A feature map: [H, W, C]."""

    height: int
    width: int
    channels: int


class Layer(Protocol):
    """What every kind of layer can say of itself, given the shapes of its inputs."""

    __slots__ = ()

    def result(self, *inputs: Shape) -> Shape:
        """The shape of the layer's output."""
        ...

    def weights(self, *inputs: Shape) -> Mapping[str, tuple[int, ...]]:
        """The shapes of the layer's trainable weights by name.

        Kernels are [kH, kW, Cin, Cout], those of transposed convolutions [kH, kW, Cout, Cin].
        """
        del inputs
        return {}

    def macs(self, *inputs: Shape) -> int:
        """Multiply-accumulates: convolutions only, without bias."""
        del inputs
        return 0


@dataclass(frozen=True, slots=True)
class Conv2D(Layer):
    """A convolution with a square kernel and a bias: [H, W, C] -> [H/s, W/s, features]."""

    features: int
    kernel: int = 3
    stride: int = 1

    def result(self, *inputs: Shape) -> Shape:
        """Sizes are divided by the stride and rounded up."""
        (image,) = inputs
        return Shape(-(-image.height // self.stride), -(-image.width // self.stride), self.features)

    def weights(self, *inputs: Shape) -> Mapping[str, tuple[int, ...]]:
        """One kernel over all input channels, and one bias a feature."""
        (image,) = inputs
        return {
            "kernel": (self.kernel, self.kernel, image.channels, self.features),
            "bias": (self.features,),
        }

    def macs(self, *inputs: Shape) -> int:
        """Each output element takes one kernel."""
        (image,) = inputs
        output = self.result(image)
        return output.height * output.width * self.features * image.channels * self.kernel**2


@dataclass(frozen=True, slots=True)
class TransposedConv2D(Layer):
    """A transposed convolution with a bias: [H, W, C] -> [H*s, W*s, features]."""

    features: int
    kernel: int = 2
    stride: int = 2

    def result(self, *inputs: Shape) -> Shape:
        """Exactly stride times the input."""
        (image,) = inputs
        return Shape(image.height * self.stride, image.width * self.stride, self.features)

    def weights(self, *inputs: Shape) -> Mapping[str, tuple[int, ...]]:
        """One kernel over all input channels, and one bias a feature."""
        (image,) = inputs
        return {
            "kernel": (self.kernel, self.kernel, self.features, image.channels),
            "bias": (self.features,),
        }

    def macs(self, *inputs: Shape) -> int:
        """Each input element spreads one kernel."""
        (image,) = inputs
        return image.height * image.width * image.channels * self.features * self.kernel**2


@dataclass(frozen=True, slots=True)
class Activation(Layer):
    """An elementwise function without weights."""

    function: Literal["relu", "tanh"]

    def result(self, *inputs: Shape) -> Shape:
        """The shape of the input."""
        (image,) = inputs
        return image


@dataclass(frozen=True, slots=True)
class PRelu(Layer):
    """A rectifier whose negative side has one trainable slope a channel."""

    def result(self, *inputs: Shape) -> Shape:
        """The shape of the input."""
        (image,) = inputs
        return image

    def weights(self, *inputs: Shape) -> Mapping[str, tuple[int, ...]]:
        """One slope a channel."""
        (image,) = inputs
        return {"slope": (image.channels,)}


@dataclass(frozen=True, slots=True)
class DepthToSpace(Layer):
    """Channels to pixels, depth outermost (DCR): [H, W, C] -> [H*b, W*b, C/b^2]."""

    block: int = 2

    def result(self, *inputs: Shape) -> Shape:
        """Block times the height and width.

        Raises:
            ValueError: The channels do not divide into blocks.
        """
        (image,) = inputs
        channels, rest = divmod(image.channels, self.block**2)
        if rest:
            raise ValueError(f"{image.channels} channels, not a multiple of {self.block**2}")
        return Shape(image.height * self.block, image.width * self.block, channels)


@dataclass(frozen=True, slots=True)
class MaxPool2D(Layer):
    """The largest element of each square: [H, W, C] -> [H/size, W/size, C]."""

    size: int = 2

    def result(self, *inputs: Shape) -> Shape:
        """Sizes are divided by that of the square and rounded up."""
        (image,) = inputs
        return Shape(-(-image.height // self.size), -(-image.width // self.size), image.channels)


@dataclass(frozen=True, slots=True)
class Concatenation(Layer):
    """Feature maps of one size behind each other along the channels."""

    def result(self, *inputs: Shape) -> Shape:
        """The channels add up.

        Raises:
            ValueError: The maps differ in height or width.
        """
        if len({image[:2] for image in inputs}) != 1:
            raise ValueError(f"heights and widths differ: {', '.join(map(str, inputs))}")
        return Shape(*inputs[0][:2], sum(image.channels for image in inputs))
