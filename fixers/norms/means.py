"""Means over space or over channels without the operator of this name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.formula import formula
from npulint.fixers.looking import fixed_shape, integers
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.model import Graph, Node

WINDOW = 8
"""Side of the largest window of a chain of pools: what the narrowest accelerators take.

Source: MediaTek's MDLA 2 (see the cautions of the target neuron).
"""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over some axes of a feature map.

    Attributes:
        source: Position of the feature map.
        shape: As it is stored.
        axes: Axes as stored, not negative, ascending.
        channel_axis: Where the map's channels are stored.
        result: Shape of the result.
    """

    source: int
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    channel_axis: int
    result: tuple[int, ...]

    @property
    def space(self) -> tuple[int, ...]:
        """The axes of height and width."""
        return tuple(axis for axis in (1, 2, 3) if axis != self.channel_axis)


def recognise(graph: Graph) -> Iterator[Occurrence[Mean]]:
    """Find every mean of a map of 4 dimensions."""
    for node in graph.nodes:
        if node.op in {"MEAN", "ReduceMean", "GlobalAveragePool"} and not node.domain:
            found = _read(graph, node)
            if found is not None:
                yield Occurrence(node.op, (node.index,), (node.outputs[0],), found)


def _read(graph: Graph, node: Node) -> Mean | None:
    shape = fixed_shape(graph, node.inputs[0])
    result = fixed_shape(graph, node.outputs[0])
    axes = _axes(graph, node)
    if shape is None or result is None or axes is None or len(shape) != 4:
        return None
    where = 3 if graph.dialect == "tflite" else 1
    return Mean(node.inputs[0], shape, tuple(sorted(a % 4 for a in axes)), where, result)


def _axes(graph: Graph, node: Node) -> tuple[int, ...] | None:
    if node.op == "GlobalAveragePool":
        return (2, 3)
    if len(node.inputs) > 1:
        return integers(graph, node.inputs[1])
    said = node.attributes.get("axes")
    if not isinstance(said, tuple):
        return None
    axes = tuple(axis for axis in said if isinstance(axis, int))
    return axes if len(axes) == len(said) else None


def _over_space(m: Mean) -> Refusal | None:
    if not m.axes or not set(m.axes) <= set(m.space):
        return Refusal("it is not a mean over height or width")
    return None


def _in_steps(m: Mean) -> Refusal | None:
    refusal = _over_space(m)
    if refusal is not None:
        return refusal
    sizes = [m.shape[axis] for axis in m.axes]
    if max(sizes) <= WINDOW:
        return Refusal(f"one window of at most {WINDOW} x {WINDOW} holds it all")
    for size in sizes:
        if factors(size) is None:
            return Refusal(f"{size} is no product of sizes up to {WINDOW}")
    return None


def _over_channels(m: Mean) -> Refusal | None:
    return None if m.axes == (m.channel_axis,) else Refusal("it is not a mean over channels")


def factors(size: int) -> list[int] | None:
    """Few factors of at most `WINDOW` that make up a size; None where there are none."""
    found = []
    while size > 1:
        factor = max((f for f in range(2, WINDOW + 1) if size % f == 0), default=None)
        if factor is None:
            return None
        found.append(factor)
        size //= factor
    return found


def _pooled(builder: Builder, m: Mean) -> list[int]:
    a = formula(builder, m.source)
    rows, columns = (m.shape[axis] if axis in m.axes else 1 for axis in m.space)
    return [a.reshape(a.average(m.source, (rows, columns)), m.result)]


def _pooled_in_steps(builder: Builder, m: Mean) -> list[int]:
    a = formula(builder, m.source)
    rows, columns = (factors(m.shape[ax]) or [] if ax in m.axes else [] for ax in m.space)
    value = m.source
    for step in range(max(len(rows), len(columns))):
        window = tuple(each[step] if step < len(each) else 1 for each in (rows, columns))
        value = a.average(value, (window[0], window[1]))
    return [a.reshape(value, m.result)]


def _mixed(builder: Builder, m: Mean) -> list[int]:
    a = formula(builder, m.source)
    channels = m.shape[m.channel_axis]
    return [a.reshape(a.mix(m.source, np.full((1, channels), 1 / channels), None), m.result)]


REALISATIONS: tuple[Realisation[Mean], ...] = (
    Realisation(
        name="mean/average-pool",
        uses=("AVERAGE_POOL_2D", "RESHAPE"),
        exactness="exact",
        argument="a mean over space is an average pool whose window is the whole map",
        accepts=_over_space,
        build=_pooled,
    ),
    Realisation(
        name="mean/pool-chain",
        uses=("AVERAGE_POOL_2D", "RESHAPE"),
        exactness="exact",
        argument=(
            "means of equally many are averaged again: windows that divide the sizes, one after "
            f"the other, each at most {WINDOW} x {WINDOW}"
        ),
        accepts=_in_steps,
        build=_pooled_in_steps,
    ),
    Realisation(
        name="mean/convolution",
        uses=("CONV_2D", "RESHAPE"),
        exactness="exact",
        argument="a mean over channels is a 1x1 convolution with 1/C",
        accepts=_over_channels,
        build=_mixed,
    ),
)

FAMILY = Family("mean", recognise, REALISATIONS)
