"""What every kind of layer can say of itself, and the arithmetic of padding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple, Protocol


class Shape(NamedTuple):
    """A feature map: [H, W, C]."""

    height: int
    width: int
    channels: int

    @property
    def elements(self) -> int:
        """How many numbers the map holds."""
        return self.height * self.width * self.channels


class Margins(NamedTuple):
    """Rows and columns around a map: before and after, per axis."""

    rows: tuple[int, int]
    columns: tuple[int, int]


def same(image: Shape, window: tuple[int, int], stride: int) -> Margins:
    """What TensorFlow's SAME adds around a map: the odd row and column come after.

    Args:
        image: The map.
        window: Rows and columns that one result looks at.
        stride: How far the window moves.
    """
    totals = (
        max((-(-size // stride) - 1) * stride + extent - size, 0)
        for size, extent in zip(image[:2], window, strict=True)
    )
    return Margins(*((total // 2, total - total // 2) for total in totals))


class Layer(Protocol):
    """What every kind of layer can say of itself, given the shapes of its inputs."""

    __slots__ = ()

    counted_by_thop: ClassVar[bool] = True
    """Whether the profiler thop sees the weights: it looks at modules of kinds that it knows."""

    def results(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shapes of the layer's outputs."""
        ...

    def weights(self, *inputs: Shape) -> Mapping[str, tuple[int, ...]]:
        """The shapes of the layer's trainable weights by name.

        Kernels are [kH, kW, Cin / groups, Cout], of transposed convolutions [kH, kW, Cout, Cin].
        """
        del inputs
        return {}

    def statistics(self, *inputs: Shape) -> Mapping[str, tuple[int, ...]]:
        """The shapes of what is stored with the weights but not trained by gradients."""
        del inputs
        return {}

    def macs(self, *inputs: Shape) -> int:
        """Multiply-accumulates: convolutions only, without bias."""
        del inputs
        return 0

    def thop(self, *inputs: Shape) -> int:
        """Multiply-accumulates as the profiler thop counts them, pooling and resizing included."""
        return self.macs(*inputs)


class OneResult(Layer, Protocol):
    """A layer with one output."""

    __slots__ = ()

    def result(self, *inputs: Shape) -> Shape:
        """The shape of the layer's output."""
        ...

    def results(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of the layer's output, alone."""
        return (self.result(*inputs),)


class Elementary(OneResult, Protocol):
    """A layer whose output has the shape of its only input."""

    __slots__ = ()

    def result(self, *inputs: Shape) -> Shape:
        """The shape of the input."""
        (image,) = inputs
        return image
