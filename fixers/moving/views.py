"""Axes of one sample put in or left out, and axes put together: a RESHAPE by another name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.fixers.building.moves import moves
from npulint.fixers.reading import fixed, immovable
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal, always
from npulint.model import OMITTED

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.model import Graph, Node

_OPS = ("SQUEEZE", "EXPAND_DIMS", "Squeeze", "Unsqueeze", "Flatten")


@dataclass(frozen=True, slots=True)
class View:
    """The same elements in another shape.

    Attributes:
        source: Position of the value.
        shape: The new shape.
    """

    source: int
    shape: tuple[int, ...]


def recognise(graph: Graph) -> Iterator[Occurrence[View]]:
    """Find every operator that does nothing but change the shape, but for RESHAPE."""
    for node in graph.nodes:
        if not node.domain and node.op in _OPS:
            yield Occurrence(node.op, (node.index,), node.outputs, _read(graph, node))


def _read(graph: Graph, node: Node) -> View | Refusal:
    ends = node.inputs[0], node.outputs[0]
    if OMITTED in ends:
        return Refusal("an operand is left out")
    refusal = immovable(graph, ends)
    before, after = (fixed(graph.values[index]) or () for index in ends)
    if refusal is not None:
        return refusal
    if math.prod(before) != math.prod(after):
        return Refusal("its result is not of the sizes that the file says")
    if not after:
        return Refusal("its result is a scalar, which no target takes whatever makes it")
    return View(ends[0], after)


def _reshaped(builder: Builder, v: View) -> list[int]:
    return [moves(builder, v.source).copy(v.source, v.shape)]


FAMILY: Family[View] = Family(
    "view",
    recognise,
    (
        Realisation(
            name="view/reshape",
            uses=("RESHAPE",),
            exactness="exact",
            argument="an axis of size 1 more or less, or axes as one, is another shape",
            accepts=always,
            build=_reshaped,
        ),
    ),
)
