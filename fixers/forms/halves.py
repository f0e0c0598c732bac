"""Weights stored as float16 and turned into float32 when the model runs: stored as float32."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.record import Family, Occurrence, Realisation, Refusal, always
from npulint.model import OMITTED

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.model import Graph, Node, Value


@dataclass(frozen=True, slots=True)
class Halves:
    """A node some of whose operands are stored as float16.

    Attributes:
        node: The node.
        halves: Positions of the stored operands, by the place at which the node takes them.
    """

    node: Node
    halves: tuple[tuple[int, int], ...]


def recognise(graph: Graph) -> Iterator[Occurrence[Halves]]:
    """Find every node that takes unpacked float16 constants."""
    if graph.dialect != "tflite" or not any(node.op == "DEQUANTIZE" for node in graph.nodes):
        return
    for node in graph.nodes:
        makers = {place: _unpacks(graph, index) for place, index in enumerate(node.inputs)}
        found = {place: maker for place, maker in makers.items() if maker is not None}
        if not found:
            continue
        nodes = sorted({node.index, *(maker.index for maker in found.values())})
        halves = tuple((place, maker.inputs[0]) for place, maker in found.items())
        refusal = None
        if len(node.outputs) != 1 or node.bodies or node.custom:
            refusal = Refusal(f"{node.op} is not written anew")
        ops = f"DEQUANTIZE+{node.op}"
        yield Occurrence(ops, tuple(nodes), node.outputs, refusal or Halves(node, halves))


def _unpacks(graph: Graph, index: int) -> Node | None:
    """The node that unpacks a stored float16 value into this one."""
    makers = graph.uses[index].makers if index != OMITTED else ()
    if len(makers) != 1 or makers[0].op != "DEQUANTIZE":
        return None
    value: Value = graph.values[makers[0].inputs[0]]
    stored = value.constant is not None and not value.constant.sparse
    return makers[0] if stored and value.dtype == "float16" else None


def _stored(builder: Builder, h: Halves) -> list[int]:
    inputs = list(h.node.inputs)
    for place, index in h.halves:
        constant = builder.at(index).constant
        if constant is None:
            raise AssertionError("only found with a constant")
        inputs[place] = builder.constant(constant.read().astype(np.float32), "weights")
    result = builder.at(h.node.outputs[0])
    made = builder.value_node(h.node.op, inputs, result.shape or (), **h.node.attributes)
    builder.values[-1] = replace(builder.values[-1], dtype=result.dtype)
    return [made]


FAMILY: Family[Halves] = Family(
    "half-weights",
    recognise,
    (
        Realisation(
            name="half-weights/stored",
            uses=("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED"),
            exactness="exact",
            argument="every float16 is a float32, so what DEQUANTIZE makes can be stored instead",
            accepts=always,
            build=_stored,
        ),
    ),
)
