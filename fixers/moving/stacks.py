"""PACK without that operator: values along an axis made for them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.fixers.building.moves import moves
from npulint.fixers.reading import fixed, immovable
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal, always

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.model import Graph, Node

_LARGEST = 4
"""Dimensions in which targets join."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Values of one shape behind one another along a new axis.

    Attributes:
        sources: Positions of the values.
        axis: The new axis.
        shape: Of the result.
    """

    sources: tuple[int, ...]
    axis: int
    shape: tuple[int, ...]


def recognise(graph: Graph) -> Iterator[Occurrence[Stack]]:
    """Find every PACK; ONNX has none and writes Unsqueeze and Concat."""
    if graph.dialect != "tflite":
        return
    for node in graph.nodes:
        if node.op == "PACK":
            yield Occurrence(node.op, (node.index,), node.outputs, _read(graph, node))


def _read(graph: Graph, node: Node) -> Stack | Refusal:
    refusal = immovable(graph, (*node.inputs, node.outputs[0]))
    if refusal is not None:
        return refusal
    shape = fixed(graph.values[node.outputs[0]]) or ()
    said = node.attributes.get("axis", 0)
    axis = (said if isinstance(said, int) else 0) % len(shape)
    rest = shape[:axis] + shape[axis + 1 :]
    if shape[axis] != len(node.inputs) or any(
        fixed(graph.values[index]) != rest for index in node.inputs
    ):
        return Refusal("its values are not of the sizes that the file says")
    if not rest:
        return Refusal("it stacks scalars, which no target takes whatever joins them")
    return Stack(node.inputs, axis, shape)


def _joined(builder: Builder, s: Stack) -> list[int]:
    """With the axes before and behind merged where there would be too many."""
    m = moves(builder, s.sources[0])
    before, behind = s.shape[: s.axis], s.shape[s.axis + 1 :]
    if len(s.shape) > _LARGEST:
        before, behind = (math.prod(before),), (math.prod(behind),)
    shaped = [m.reshape(source, (*before, 1, *behind)) for source in s.sources]
    return [m.reshape(m.join(shaped, len(before)), s.shape)]


FAMILY: Family[Stack] = Family(
    "stack",
    recognise,
    (
        Realisation(
            name="stack/join",
            uses=("RESHAPE", "CONCATENATION"),
            exactness="exact",
            argument="values with an axis of size 1 put in are joined along it",
            accepts=always,
            build=_joined,
        ),
    ),
)
