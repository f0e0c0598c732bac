"""A reference network: a named sequence of layers, each fed by earlier results."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from npulint.reference_models.layers import Layer, Shape


class Tensor(NamedTuple):
    """A result while a network is being written: its position and its shape [H, W, C]."""

    position: int
    shape: Shape


@dataclass(frozen=True, slots=True)
class Step:
    """One layer in its place.

    Attributes:
        name: Unique in the network; the seed of the layer's weights.
        layer: What is computed.
        inputs: Positions of the results it takes: 0 is the network's input, n the result of
            the n-th step.
        input_shapes: Their shapes.
    """

    name: str
    layer: Layer
    inputs: tuple[int, ...]
    input_shapes: tuple[Shape, ...]

    @property
    def shape(self) -> Shape:
        """The shape of the result."""
        return self.layer.result(*self.input_shapes)

    @property
    def weights(self) -> Mapping[str, tuple[int, ...]]:
        """The shapes of the weights by name."""
        return self.layer.weights(*self.input_shapes)


@dataclass(frozen=True, slots=True)
class Network:
    """A network at one input size. The last step's result is the output."""

    name: str
    image: Shape
    steps: tuple[Step, ...]

    @property
    def output(self) -> Shape:
        """The shape of the output."""
        return self.steps[-1].shape

    @property
    def parameters(self) -> int:
        """All trainable scalars."""
        return sum(math.prod(shape) for step in self.steps for shape in step.weights.values())

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(step.layer.macs(*step.input_shapes) for step in self.steps)


class Sketch:
    """The paper that a network is written on, layer by layer."""

    def __init__(self, name: str, image: Shape) -> None:
        """Start with the network's input.

        Args:
            name: The network's name.
            image: The shape of its input.
        """
        self.name = name
        self.image = Tensor(0, image)
        self._steps: list[Step] = []

    def add(self, name: str, layer: Layer, *inputs: Tensor) -> Tensor:
        """Write one layer.

        Args:
            name: Unique in the network.
            layer: What is computed.
            *inputs: What it is computed from, in the layer's own order.

        Returns:
            The layer's result.

        Raises:
            ValueError: The name is taken, or the layer cannot take such inputs.
        """
        if any(step.name == name for step in self._steps):
            raise ValueError(f"{self.name}: two layers are called {name!r}")
        step = Step(name, layer, tuple(t.position for t in inputs), tuple(t.shape for t in inputs))
        try:
            shape = step.shape
        except ValueError as error:
            raise ValueError(f"{self.name}, layer {name!r}: {error}") from error
        self._steps.append(step)
        return Tensor(len(self._steps), shape)

    def finish(self) -> Network:
        """The network as written so far."""
        return Network(self.name, self.image.shape, tuple(self._steps))
