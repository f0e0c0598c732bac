"""Products and sums with one constant a channel, as a convolution that looks at one sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.arithmetic import arithmetic
from npulint.fixers.looking import Floats, data, fixed_shape, only_reader
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.builder import Builder
    from npulint.model import Graph, Node

_PRODUCTS, _SUMS, _DIFFERENCES = {"MUL", "Mul"}, {"ADD", "Add"}, {"SUB", "Sub"}


@dataclass(frozen=True, slots=True, eq=False)
class ScaleShift:
    """result = source * scale + shift, then an activation.

    Attributes:
        source: Position of a feature map of 4 dimensions.
        scale: One factor a channel, `[C]`.
        shift: One summand a channel, `[C]`.
        activation: TFLite name of a fused activation.
    """

    source: int
    scale: Floats
    shift: Floats
    activation: str


def recognise(graph: Graph) -> Iterator[Occurrence[ScaleShift]]:
    """Find constants that are multiplied or added a channel, and both one after the other."""
    for node in graph.nodes:
        first = _read(graph, node)
        if first is None:
            continue
        yield Occurrence(node.op, (node.index,), (node.outputs[0],), first)
        reader = only_reader(graph, node.outputs[0])
        second = _read(graph, reader) if reader is not None else None
        if reader is None or second is None or first.activation != "NONE":
            continue
        if second.source != node.outputs[0]:
            continue
        shift = first.shift * second.scale + second.shift
        both = ScaleShift(first.source, first.scale * second.scale, shift, second.activation)
        nodes = (node.index, reader.index)
        yield Occurrence(f"{node.op} + {reader.op}", nodes, (reader.outputs[0],), both)


def _read(graph: Graph, node: Node) -> ScaleShift | None:
    """One product, sum or difference with a constant."""
    if node.op not in _PRODUCTS | _SUMS | _DIFFERENCES or node.domain or len(node.inputs) != 2:
        return None
    places = [at for at in (0, 1) if data(graph, node.inputs[at]) is not None]
    if len(places) != 1:
        return None
    source = node.inputs[1 - places[0]]
    held = _per_channel(graph, node, source, data(graph, node.inputs[places[0]]))
    if held is None:
        return None
    one, zero = np.ones_like(held), np.zeros_like(held)
    if node.op in _PRODUCTS:
        scale, shift = held, zero
    elif node.op in _SUMS:
        scale, shift = one, held
    else:
        scale, shift = (one, -held) if places[0] == 1 else (-one, held)
    activation = str(node.attributes.get("fused_activation_function", "NONE"))
    return ScaleShift(source, scale, shift, activation)


def _per_channel(graph: Graph, node: Node, source: int, held: Floats | None) -> Floats | None:
    """A constant as one element a channel of a map; None where it varies otherwise."""
    shape = fixed_shape(graph, source)
    if shape is None or len(shape) != 4 or fixed_shape(graph, node.outputs[0]) != shape:
        return None
    axis = 3 if graph.dialect == "tflite" else 1
    sizes = () if held is None else (1,) * (4 - held.ndim) + held.shape
    if held is None or any(size != 1 for at, size in enumerate(sizes) if at != axis):
        return None
    return np.ascontiguousarray(np.broadcast_to(held.reshape(-1), (shape[axis],)))


def _always(_: ScaleShift) -> Refusal | None:
    return None


def _depthwise(builder: Builder, s: ScaleShift) -> list[int]:
    a = arithmetic(builder, s.source)
    made = a.scale_channels(s.source, s.scale, s.shift)
    if s.activation != "NONE":
        builder.set_attributes({"fused_activation_function": s.activation})
    return [made]


REALISATIONS: tuple[Realisation[ScaleShift], ...] = (
    Realisation(
        name="scale-shift/depthwise",
        uses=("DEPTHWISE_CONV_2D",),
        exactness="exact",
        argument="one factor and one summand a channel are a depthwise 1x1 convolution",
        accepts=_always,
        build=_depthwise,
    ),
)

FAMILY = Family("scale-shift", recognise, REALISATIONS)
