"""Sizes, axes and positions that a TFLite file stores as int64: stored as int32."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.record import Family, Occurrence, Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.model import Graph, Node

_PLACES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "PAD": (1,), "PADV2": (1,), "MIRROR_PAD": (1,), "TILE": (1,), "BROADCAST_TO": (1,),
        "SLICE": (1, 2), "GATHER": (1,), "EXPAND_DIMS": (1,), "ARG_MAX": (1,), "ARG_MIN": (1,),
        "FILL": (0,), "SPLIT_V": (1,),
    }
)  # fmt: skip
"""Operators whose runtime takes either type there, and at which operands.

Source: google-ai-edge/LiteRT tflite/kernels pad.cc, mirror_pad.cc, tile.cc, broadcast_to.cc,
slice.cc, gather.cc, expand_dims.cc, arg_min_max.cc, fill.cc, split_v.cc @f6745779.
"""


@dataclass(frozen=True, slots=True)
class Indices:
    """A node with operands of int64.

    Attributes:
        node: The node.
        operands: Positions of the values, by the place at which the node takes them.
        fit: Whether all their elements are stored and are int32.
    """

    node: Node
    operands: tuple[tuple[int, int], ...]
    fit: bool


def recognise(graph: Graph) -> Iterator[Occurrence[Indices]]:
    """Find every node that takes sizes, axes or positions of int64."""
    if graph.dialect != "tflite":
        return
    for node in graph.nodes:
        wide = [
            (place, node.inputs[place])
            for place in _PLACES.get(node.op, ())
            if place < len(node.inputs)
            and node.inputs[place] >= 0
            and graph.values[node.inputs[place]].dtype == "int64"
        ]
        if wide and len(node.outputs) == 1:
            fit = all(_fits(graph, index) for _, index in wide)
            found = Indices(node, tuple(wide), fit)
            yield Occurrence(node.op, (node.index,), node.outputs, found)


def _fits(graph: Graph, index: int) -> bool:
    constant = graph.values[index].constant
    if constant is None or constant.sparse:
        return False
    held = constant.read()
    return bool(np.array_equal(held, held.astype(np.int32)))


def _stored(indices: Indices) -> Refusal | None:
    if not indices.fit:
        return Refusal("what it takes is computed at run time, or is no int32")
    return None


def _narrowed(builder: Builder, indices: Indices) -> list[int]:
    node = indices.node
    inputs = list(node.inputs)
    for place, index in indices.operands:
        constant = builder.at(index).constant
        if constant is None:
            raise AssertionError("only built after `_stored`")
        inputs[place] = builder.constant(constant.read().astype(np.int32), "indices")
    result = builder.at(node.outputs[0])
    made = builder.value_node(node.op, inputs, result.shape or (), **node.attributes)
    builder.values[-1] = replace(
        builder.values[-1], dtype=result.dtype, quantisation=result.quantisation
    )
    return [made]


FAMILY: Family[Indices] = Family(
    "indices",
    recognise,
    (
        Realisation(
            name="indices/int32",
            uses=tuple(_PLACES),
            exactness="exact",
            argument="sizes, axes and positions are the same numbers in either type",
            accepts=_stored,
            build=_narrowed,
        ),
    ),
)
