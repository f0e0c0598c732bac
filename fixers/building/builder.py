"""Adds nodes to a graph, in either dialect, from what they compute.

A feature map is known by its sizes in the order `[N, C, H, W]`, however its dialect stores it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from npulint.fixers.building.bounds import see_that_it_fits, see_that_nodes_suffice
from npulint.model import Constant, Node, Value

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from npulint.model import Attribute, Graph, Shape

Array: TypeAlias = "npt.NDArray[np.generic]"
Sizes: TypeAlias = "tuple[int, int, int, int]"
"""`[N, C, H, W]`."""

Activations: TypeAlias = "Callable[[int], Sequence[Array]]"
"""What a value of the graph, by its position, holds on each of the user's samples."""


@dataclass(frozen=True, slots=True)
class Samples:
    """What a replacement is fitted to.

    Attributes:
        before: What values hold in the graph as it was: what comes out is to be near that.
        now: What they hold behind all that was replaced before them: what goes in.
    """

    before: Activations
    now: Activations


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature map of the graph under construction.

    Attributes:
        value: Its position among the graph's values.
        sizes: `[N, C, H, W]`.
    """

    value: int
    sizes: Sizes


@dataclass(frozen=True, slots=True)
class Margins:
    """Samples added (or, where negative, cut away) at the four sides of a feature map."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def added(self) -> Margins:
        """Only what is added."""
        return Margins(*(max(side, 0) for side in self.sides))

    @property
    def cut(self) -> Margins:
        """Only what is cut away, as counts."""
        return Margins(*(max(-side, 0) for side in self.sides))

    @property
    def sides(self) -> tuple[int, int, int, int]:
        """Top, bottom, left, right."""
        return self.top, self.bottom, self.left, self.right


class Builder(ABC):
    """Collects the nodes and values of one replacement.

    Args:
        graph: The graph that is rewritten; its values keep their positions.
        name: Prefix for the names of what is added.

    Attributes:
        samples: What is fitted to; None where there are none, and where a replacement is built
            to be asked about only.
        note: What a realisation has to say of itself, such as the residual of a fit.
    """

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph = graph
        self.name = name
        self.values: list[Value] = []
        self.nodes: list[Node] = []
        self.samples: Samples | None = None
        self.note = ""

    @abstractmethod
    def stored(self, sizes: Sizes) -> Shape:
        """The shape in which the dialect stores a feature map of some sizes."""

    @abstractmethod
    def spread(self, x: Feature, strides: tuple[int, int]) -> Feature:
        """Insert `stride - 1` zeros after each sample along H and W: `[N, C, H*s, W*s]`."""

    @abstractmethod
    def conv(self, x: Feature, kernel: Array, bias: Array | None, groups: int = 1) -> Feature:
        """Convolve without padding and with stride 1; `kernel` is `[Cout, Cin/groups, kH, kW]`."""

    @abstractmethod
    def enlarge(self, x: Feature, factors: tuple[int, int]) -> Feature:
        """Repeat each sample: nearest-neighbour resize by whole factors."""

    @abstractmethod
    def interpolate(self, x: Feature, factors: tuple[int, int]) -> Feature:
        """Resize linearly by whole factors; sample i of the input is sample i*s of the result.

        This is the oldest coordinate mode there is, the one that targets take.
        """

    @abstractmethod
    def interleave(self, x: Feature, groups: int, parts: int) -> Feature:
        """Reorder channels from `[groups, parts, C/groups/parts]` to `[parts, groups, ...]`."""

    @abstractmethod
    def planes(self, array: Array) -> Array:
        """What a feature map holds, as `[N, C, H, W]`."""

    @abstractmethod
    def multiply(self, x: Feature, constant: Array) -> Feature:
        """Multiply by a constant that broadcasts over `[N, C, H, W]`."""

    @abstractmethod
    def depth_to_space(self, x: Feature, block: int) -> Feature:
        """Move channels into space, the block offset at the slow end of the channels."""

    @abstractmethod
    def add_margins(self, x: Feature, margins: Margins) -> Feature:
        """Pad with zeros; no margin is negative."""

    @abstractmethod
    def cut_margins(self, x: Feature, margins: Margins) -> Feature:
        """Crop; margins are counts of samples cut away."""

    @abstractmethod
    def activate(self, x: Feature, function: str) -> Feature:
        """Apply a fused activation by its TFLite name (`RELU`); `NONE` leaves all as it is."""

    @abstractmethod
    def version_of(self, node: Node) -> int:
        """The version that a node needs, or lives in."""

    def margins(self, x: Feature, margins: Margins) -> Feature:
        """Pad and crop: each side by its own sign, nothing where all are 0."""
        if any(margins.cut.sides):
            x = self.cut_margins(x, margins.cut)
        if any(margins.added.sides):
            x = self.add_margins(x, margins.added)
        return x

    def constant(self, array: Array, name: str) -> int:
        """Store a constant and hand back its position."""
        see_that_it_fits(array.shape, array.dtype)
        shape = tuple(int(size) for size in array.shape)
        dtype = array.dtype.name
        payload = array.astype(array.dtype.newbyteorder("<")).tobytes()
        stored = Constant(dtype, shape, payload, None, len(payload))
        return self._value(name, dtype, shape, stored)

    def node(
        self,
        op: str,
        inputs: Sequence[int],
        sizes: Sizes,
        shape: Shape | None = None,
        **attributes: Attribute,
    ) -> Feature:
        """Add a node that makes one feature map.

        Args:
            op: The dialect's operator name.
            inputs: Positions of values.
            sizes: What it makes.
            shape: How that is stored, where it is not stored as a feature map.
            attributes: By the names of the dialect's schema.
        """
        return Feature(
            self.value_node(op, inputs, shape or self.stored(sizes), **attributes), sizes
        )

    def value_node(
        self, op: str, inputs: Sequence[int], shape: Shape, **attributes: Attribute
    ) -> int:
        """Add a node that makes one value, of whatever rank, and hand back its position."""
        dtype = self.at(inputs[0]).dtype or "float32"
        output = self._value(op.lower(), dtype, shape, None)
        added = Node(
            self.graph.index, 0, op, 1, tuple(inputs), (output,), dict(attributes),
            name=f"{self.name}/{op.lower()}_{len(self.nodes)}",
        )  # fmt: skip
        see_that_nodes_suffice(len(self.nodes) + 1)
        self.nodes.append(replace(added, version=self.version_of(added)))
        return output

    def at(self, index: int) -> Value:
        """A value of the graph, old or new."""
        known = len(self.graph.values)
        return self.graph.values[index] if index < known else self.values[index - known]

    def set_attributes(self, attributes: Mapping[str, Attribute]) -> None:
        """Change attributes of the node added last."""
        last = self.nodes[-1]
        changed = replace(last, attributes={**last.attributes, **attributes})
        self.nodes[-1] = replace(changed, version=self.version_of(changed))

    def _value(self, name: str, dtype: str, shape: Shape, constant: Constant | None) -> int:
        index = len(self.graph.values) + len(self.values)
        self.values.append(Value(index, f"{self.name}/{name}_{index}", dtype, shape, constant))
        return index


def conv_sizes(x: Feature, kernel: Array) -> Sizes:
    """Sizes after a convolution without padding and with stride 1."""
    batch, _, height, width = x.sizes
    features, _, rows, columns = kernel.shape
    return batch, features, height - rows + 1, width - columns + 1


def with_margins(x: Feature, margins: Margins) -> Sizes:
    """Sizes after padding."""
    batch, channels, height, width = x.sizes
    return (
        batch,
        channels,
        height + margins.top + margins.bottom,
        width + margins.left + margins.right,
    )


def scaled(x: Feature, factors: tuple[int, int]) -> Sizes:
    """Sizes after enlarging H and W."""
    batch, channels, height, width = x.sizes
    return batch, channels, height * factors[0], width * factors[1]


def element_count(sizes: Sequence[int]) -> int:
    """How many elements a shape holds."""
    return math.prod(sizes)
