"""Nodes whose results hang on nothing but what the file stores: found here, and taken out.

They are computed by the dialect's own runtime, which is somebody else's to start: what is found
is handed out as a graph of its own, and what it computes is handed back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.fixers.surgery import make_fragment
from npulint.model import OMITTED, Constant
from npulint.operators.effects import ACTS, DRAWS
from npulint.operators.no_ops import is_static

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array
    from npulint.model import Graph, Node, Value

Evaluate: TypeAlias = "Callable[[Graph], Sequence[Array]]"
"""The outputs of a graph that takes nothing."""

_LEFT = frozenset({
    "DEQUANTIZE", "DequantizeLinear", "QUANTIZE", "QuantizeLinear", "DENSIFY", "Constant",
})  # fmt: skip
"""Operators by which files say how weights are stored: folded, they would take more room."""

_GROWING = frozenset({"ConstantOfShape", "Expand", "Tile", "Range", "FILL", "TILE", "RANGE",
                      "BROADCAST_TO"})  # fmt: skip
"""Operators of small operands that may make large results."""

_ROOM = 1 << 16
"""Bytes that a folded result may always take: shapes, masks, tables."""


def fold(graph: Graph, evaluate: Evaluate) -> Graph:
    """Store what constant nodes compute in place of the nodes.

    Values keep their positions; the nodes whose results are stored are gone, and what only they
    used is left for `tidy` to sweep up.

    Args:
        graph: The graph.
        evaluate: Runs a part of it.

    Returns:
        The new graph, the same object where there was nothing to fold.
    """
    values = list(graph.values)
    sized = {node.index for node in graph.nodes if _sizes_stored(node, values)}
    nodes = [node for node in graph.nodes if node.index not in sized]
    computed = _computed(nodes, values)
    if computed:
        gone = {node.index for node in computed}
        made = {index for node in computed for index in node.outputs if index != OMITTED}
        rest = [node for node in nodes if node.index not in gone]
        wanted = sorted(made & ({i for node in rest for i in node.inputs} | {*graph.outputs}))
        known = replace(graph, values=tuple(values))
        part = make_fragment(known, computed, (), wanted, wanted).graph
        for index, array in zip(wanted, evaluate(part), strict=True):
            values[index] = stored(values[index], array)
        nodes = rest
    if len(nodes) == len(graph.nodes):
        return graph
    numbered = tuple(replace(node, index=place) for place, node in enumerate(nodes))
    return replace(graph, values=tuple(values), nodes=numbered)


def stored(value: Value, array: Array) -> Value:
    """The value with its elements stored."""
    shape = tuple(int(size) for size in array.shape)
    payload = array.astype(array.dtype.newbyteorder("<")).tobytes()
    constant = Constant(str(array.dtype), shape, payload, None, len(payload))
    return replace(
        value, dtype=constant.dtype, shape=shape, shape_signature=None, constant=constant
    )


def _sizes_stored(node: Node, values: list[Value]) -> bool:
    """Store the result of a node that asks for sizes which the file fixes."""
    if node.op not in {"Shape", "SHAPE"} or node.custom or node.domain:
        return False
    x, y = values[node.inputs[0]], values[node.outputs[0]]
    if not is_static(x) or x.shape is None:
        return False
    first, last = (node.attributes.get(name) for name in ("start", "end"))
    sizes = np.array(x.shape, np.int32 if y.dtype == "int32" else np.int64)
    values[y.index] = stored(y, sizes[slice(_place(first), _place(last))])
    return True


def _place(stated: object) -> int | None:
    return stated if isinstance(stated, int) else None


def _computed(nodes: Sequence[Node], values: Sequence[Value]) -> list[Node]:
    """Nodes that hang on stored values only, directly or by way of one another."""
    room = {value.index: value.constant.nbytes for value in values if value.constant is not None}
    found = []
    for node in nodes:
        if node.op in DRAWS | ACTS | _LEFT or node.custom or node.domain or node.bodies:
            continue
        taken = [index for index in node.inputs if index != OMITTED]
        if not taken or node.stateful or not all(index in room for index in taken):
            continue
        if any(values[index].variable for index in taken):
            continue
        given = sum(room[index] for index in taken)
        sizes = _needs(node, values, given)
        if sizes is not None:
            room |= sizes
            found.append(node)
    return found


def _needs(node: Node, values: Sequence[Value], given: int) -> Mapping[int, int] | None:
    """Bytes of each result; None where they would be too many, or where nobody knows."""
    sizes = {}
    for index in node.outputs:
        if index == OMITTED:
            continue
        size = values[index].nbytes
        if size is None:
            if node.op in _GROWING or given > _ROOM:
                return None
            size = given
        if size > max(given, _ROOM):
            return None
        sizes[index] = size
    return sizes
