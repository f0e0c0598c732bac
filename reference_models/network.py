"""A reference network: a named sequence of layers, each fed by earlier results."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from npulint.reference_models.layers import (
    Activation,
    Arithmetic,
    ChannelScale,
    Conv2D,
    Layer,
    LayerNormalization,
    Shape,
    Split,
    TransposedConv2D,
)
from npulint.reference_models.weights import DRAWN, Filling


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
        inputs: Positions of the results it takes: 0 is the network's input, the results of all
            steps follow in order.
        input_shapes: Their shapes.
        gain: By how much a kernel in this place is to multiply the variance of what it takes.
    """

    name: str
    layer: Layer
    inputs: tuple[int, ...]
    input_shapes: tuple[Shape, ...]
    gain: float = 2

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of the results."""
        return self.layer.results(*self.input_shapes)

    @property
    def weights(self) -> Mapping[str, tuple[int, ...]]:
        """The shapes of the trainable weights by name."""
        return self.layer.weights(*self.input_shapes)

    @property
    def statistics(self) -> Mapping[str, tuple[int, ...]]:
        """The shapes of what is stored beside the weights."""
        return self.layer.statistics(*self.input_shapes)

    @property
    def parameters(self) -> int:
        """All trainable scalars."""
        return sum(math.prod(shape) for shape in self.weights.values())

    @property
    def fan_in(self) -> float:
        """How many products each output element is the sum of, on average."""
        return self.layer.macs(*self.input_shapes) / sum(shape.elements for shape in self.shapes)


@dataclass(frozen=True, slots=True)
class Network:
    """A network at one input size.

    Attributes:
        name: What it is called.
        image: The shape of its input.
        steps: Its layers; the last one's result is the output.
        filling: Where its weights are from.
    """

    name: str
    image: Shape
    steps: tuple[Step, ...]
    filling: Filling = DRAWN

    @property
    def output(self) -> Shape:
        """The shape of the output."""
        return self.steps[-1].shapes[-1]

    @property
    def parameters(self) -> int:
        """All trainable scalars."""
        return sum(step.parameters for step in self.steps)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(step.layer.macs(*step.input_shapes) for step in self.steps)

    @property
    def thop_parameters(self) -> int:
        """The parameters that the profiler thop sees: not those outside modules it knows."""
        return sum(step.parameters for step in self.steps if step.layer.counted_by_thop)

    @property
    def thop(self) -> int:
        """Multiply-accumulates as the profiler thop counts them.

        Unlike `macs`, transposed convolutions count at the resolution of their output, and
        bilinear resizing and average pooling count too.
        """
        return sum(step.layer.thop(*step.input_shapes) for step in self.steps)


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
        self._steps: dict[str, Step] = {}
        self._results = 1

    def add(self, name: str, layer: Layer, *inputs: Tensor) -> Tensor:
        """Write one layer with one result.

        Args:
            name: Unique in the network.
            layer: What is computed.
            *inputs: What it is computed from, in the layer's own order.

        Returns:
            The layer's result.

        Raises:
            ValueError: The name is taken, or the layer cannot take such inputs.
        """
        (result,) = self._write(name, layer, inputs)
        return result

    def split(self, name: str, parts: tuple[int, ...], whole: Tensor) -> tuple[Tensor, ...]:
        """Divide a map along its channels.

        Args:
            name: Unique in the network.
            parts: How many channels each part has.
            whole: What is divided.

        Returns:
            The parts.

        Raises:
            ValueError: The name is taken, or the parts are not the whole.
        """
        return self._write(name, Split(parts), (whole,))

    def _write(self, name: str, layer: Layer, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        if name in self._steps:
            raise ValueError(f"{self.name}: two layers are called {name!r}")
        step = Step(name, layer, tuple(t.position for t in inputs), tuple(t.shape for t in inputs))
        try:
            shapes = step.shapes
        except ValueError as error:
            raise ValueError(f"{self.name}, layer {name!r}: {error}") from error
        self._steps[name] = step
        results = tuple(Tensor(self._results + i, shape) for i, shape in enumerate(shapes))
        self._results += len(results)
        return results

    def finish(self) -> Network:
        """The network as written so far."""
        steps = tuple(self._steps.values())
        made_by: list[Layer | None] = [None]
        users: dict[int, list[Step]] = {}
        for step in steps:
            made_by.extend([step.layer] * len(step.shapes))
            for position in step.inputs:
                users.setdefault(position, []).append(step)
        placed: list[Step] = []
        position = 1
        for step in steps:
            gains = [
                _gain(user.layer, [made_by[i] for i in user.inputs])
                for user in users.get(position, [])
            ]
            placed.append(replace(step, gain=min(gains, default=step.gain)))
            position += len(step.shapes)
        return Network(self.name, self.image.shape, tuple(placed))


def _gain(user: Layer, operands: list[Layer | None]) -> float:
    """What keeps numbers within bounds, from who uses a layer's result and with what else.

    A rectifier halves the variance, so a kernel before it doubles it. Between linear layers
    nothing has to be made up for, and what is added to a trunk again and again is to be small:
    otherwise float16 overflows. Products of small factors vanish, and a function with bounds
    passes large numbers on as its bounds.
    """
    if isinstance(user, Activation) and user.function in ("tanh", "sigmoid"):
        return 0.25
    if isinstance(user, Arithmetic) and user.operation != "multiply":
        return 1 if all(isinstance(o, (Conv2D, TransposedConv2D)) for o in operands) else 0.25
    return 1 if isinstance(user, (Conv2D, ChannelScale, LayerNormalization)) else 2
