"""Products and sums with constants, one or several in a row, read into one factor and summand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.fixers.norms.constants import Readings
from npulint.fixers.pointwise.ways import activation, channel_axis, unfit
from npulint.fixers.record import Refusal
from npulint.operators.semantics import BatchNorm, Binary, Unary

if TYPE_CHECKING:
    from npulint.fixers.norms.constants import Numbers
    from npulint.model import Graph, Node

_LONGEST = 8
"""Nodes in a row that are read as one; exporters write two."""


@dataclass(frozen=True, slots=True, eq=False)
class ScaleShift:
    """result = scale * source + shift, then an activation.

    Attributes:
        nodes: Positions of the nodes, in order.
        kinds: What each of them does: `add`, `sub`, `mul`, `div`, `neg`, or `normalise` by stored
            statistics.
        source: Position of the data.
        result: Position of what is made.
        scale: All axes of the result given, each of size 1 or the result's; None where it is 1.
        shift: Like `scale`; None where it is 0.
        shape: Of the source and the result.
        channel_axis: Where feature maps hold their channels.
        activation: TFLite name of a fused activation.
    """

    nodes: tuple[int, ...]
    kinds: tuple[str, ...]
    source: int
    result: int
    scale: Numbers | None
    shift: Numbers | None
    shape: tuple[int, ...]
    channel_axis: int
    activation: str

    def by_channel(self) -> tuple[Numbers, Numbers] | None:
        """Factors and summands, one a channel; None where they differ along another axis."""
        channels = self.shape[self.channel_axis]
        scale = _along(self.scale, self.channel_axis, channels, 1.0)
        shift = _along(self.shift, self.channel_axis, channels, 0.0)
        return None if scale is None or shift is None else (scale, shift)


def rows(readings: Readings) -> Iterator[ScaleShift | tuple[Node, Refusal]]:
    """Every node that multiplies by or adds constants, and every row of such nodes."""
    graph = readings.graph
    made: dict[int, ScaleShift] = {}
    for node in graph.nodes:
        one = _normalised(readings, node) or read(readings, node)
        if isinstance(one, Refusal):
            yield node, one
        elif one is not None:
            yield one
            row = _continued(graph, made, one)
            if row is not None:
                yield row
            made[one.result] = row or one


def read(readings: Readings, node: Node) -> ScaleShift | Refusal | None:
    """One node; None where it is something else."""
    operator = readings.operator(node)
    if isinstance(operator, Unary) and operator.kind == "neg":
        position, item = 0, None
    elif isinstance(operator, Binary) and operator.kind in ("add", "sub", "mul", "div"):
        found = _constant_operand(readings, node)
        if found is None:
            return None
        position, item = found
        if operator.kind == "div" and position == 1:
            return None
    else:
        return None
    result, source = node.outputs[0], node.inputs[position]
    shape = readings.sizes(result)
    if shape != readings.sizes(source):
        return None
    refusal = unfit(readings, node, (*node.inputs, result))
    if refusal is not None or shape is None:
        return refusal
    if item is not None:
        item = item.reshape((1,) * (len(shape) - item.ndim) + item.shape)
    scale, shift = _parts(operator.kind, position, item)
    return ScaleShift(
        nodes=(node.index,),
        kinds=(operator.kind,),
        source=source,
        result=result,
        scale=scale,
        shift=shift,
        shape=shape,
        channel_axis=channel_axis(readings, len(shape)),
        activation=activation(readings, node),
    )


def _normalised(readings: Readings, node: Node) -> ScaleShift | Refusal | None:
    """A batch normalisation by statistics that are stored."""
    norm = readings.operator(node)
    if not isinstance(norm, BatchNorm) or len(node.outputs) != 1:
        return None
    source, result = node.inputs[0], node.outputs[0]
    shape = readings.sizes(result)
    parts = [readings.numbers(index) for index in node.inputs[1:]]
    gain, offset, mean, variance = parts
    if gain is None or offset is None or mean is None or variance is None:
        return None
    if shape is None or len(shape) < 2 or shape != readings.sizes(source):
        return None
    if any(part is None or part.shape != shape[1:2] for part in parts):
        return None
    refusal = unfit(readings, node, (*node.inputs, result))
    if refusal is not None:
        return refusal
    sizes = (1, shape[1], *(1 for _ in shape[2:]))
    scale = gain / np.sqrt(variance + norm.epsilon)
    return ScaleShift(
        nodes=(node.index,),
        kinds=("normalise",),
        source=source,
        result=result,
        scale=scale.reshape(sizes),
        shift=(offset - mean * scale).reshape(sizes),
        shape=shape,
        channel_axis=channel_axis(readings, len(shape)),
        activation="NONE",
    )


def composed(first: ScaleShift, then: ScaleShift) -> ScaleShift:
    """Both as one; nothing but the first feeds the second, and it has no activation."""
    scale, shift = first.scale, first.shift
    if then.scale is not None:
        scale = then.scale if scale is None else scale * then.scale
        shift = None if shift is None else shift * then.scale
    if then.shift is not None:
        shift = then.shift if shift is None else shift + then.shift
    return ScaleShift(
        nodes=(*first.nodes, *then.nodes),
        kinds=(*first.kinds, *then.kinds),
        source=first.source,
        result=then.result,
        scale=scale,
        shift=shift,
        shape=then.shape,
        channel_axis=then.channel_axis,
        activation=then.activation,
    )


_Found: TypeAlias = "tuple[int, Numbers] | None"


def _constant_operand(readings: Readings, node: Node) -> _Found:
    """Which operand the data is, and the elements of the other one."""
    if len(node.inputs) != 2 or min(node.inputs) < 0:
        return None
    known = [_small(readings, index) for index in node.inputs]
    if known[1] is not None and known[0] is None:
        return 0, known[1]
    if known[0] is not None and known[1] is None:
        return 1, known[0]
    return None


def _small(readings: Readings, index: int) -> Numbers | None:
    numbers = readings.numbers(index)
    return None if numbers is None or numbers.size == 0 else numbers


def _parts(kind: str, position: int, item: Numbers | None) -> tuple[Numbers | None, Numbers | None]:
    """The factor and the summand of one node."""
    one = np.ones((1,) * (1 if item is None else item.ndim))
    if item is None:
        return -one, None
    if kind == "mul":
        return item, None
    if kind == "div":
        return 1.0 / item, None
    if kind == "add":
        return None, item
    return (None, -item) if position == 0 else (-one, item)


def _along(item: Numbers | None, axis: int, channels: int, default: float) -> Numbers | None:
    if item is None:
        return np.full(channels, default)
    if item.ndim and all(size == 1 for at, size in enumerate(item.shape) if at != axis):
        wide: Numbers = np.resize(item, channels)
        return wide
    uniform = bool(item.min() == item.max())
    return np.full(channels, float(item.flat[0])) if uniform else None


def _continued(graph: Graph, made: dict[int, ScaleShift], one: ScaleShift) -> ScaleShift | None:
    """The row that ends with a node, where there are several nodes in it."""
    before = made.get(one.source)
    if before is None or before.activation != "NONE" or len(before.nodes) >= _LONGEST:
        return None
    if len(graph.uses[one.source].readers) != 1 or one.source in graph.outputs:
        return None
    return composed(before, one)
