"""What has to hold of a model before a file is made of it, whatever its format."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NoReturn

from npulint.errors import InvalidModelError
from npulint.formats.flatbuffer import shown
from npulint.model import ITEM_BITS, OMITTED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from npulint.model import Constant, Graph, Model, Node, Value


def check_model(model: Model) -> None:
    """Check that positions are what they say and that nodes run in an order that works.

    Raises:
        InvalidModelError: Something contradicts itself.
    """
    if not model.graphs:
        raise InvalidModelError("the model has no graph; a model has at least its main one")
    for position, graph in enumerate(model.graphs):
        if graph.index != position or graph.dialect != model.dialect:
            raise InvalidModelError(
                f"graph {position} says that it is {graph.dialect} graph {graph.index} of this "
                f"{model.dialect} model; positions and dialect have to agree"
            )
        _check_positions(graph)
        _check_order(graph)
        for node in graph.nodes:
            for name, body in node.bodies:
                if not 0 <= body < len(model.graphs):
                    _fail(node, f"`{name}` is graph {body}, but the model has {len(model.graphs)}")


def where(node: Node) -> str:
    """A node as messages show it."""
    return f"graph {node.graph}, node {node.index} ({shown(node.op)})"


def place(graph: Graph, value: Value) -> str:
    """A value as messages show it."""
    return f"graph {graph.index}, value {value.index} ({shown(value.name)})"


def check_constant(at: str, value: Value, constant: Constant) -> None:
    """Check that a constant is what its value says and that it has all its bytes.

    Args:
        at: The value, for messages.
        value: The value.
        constant: Its elements.

    Raises:
        InvalidModelError: Type, shape and bytes do not agree, or there are no bytes to write.
    """
    if constant.dtype != value.dtype or constant.shape != value.shape:
        raise InvalidModelError(
            f"{at} is {value.dtype} of shape {value.shape}, but its constant is {constant.dtype} "
            f"of shape {constant.shape}; they have to be the same"
        )
    if constant.sparse or (constant.payload is None and constant.storage is None):
        raise InvalidModelError(
            f"{at} has a constant without dense elements, which can be kept as it was in the file "
            "but not be written anew"
        )
    bits = ITEM_BITS.get(constant.dtype)
    if bits is None or (constant.storage is not None and constant.storage.encoding != "raw"):
        return
    stored = constant.storage.length if constant.payload is None and constant.storage else 0
    stored = len(constant.payload) if constant.payload is not None else stored
    needed = (prod(constant.shape) * bits + 7) // 8
    if stored != needed:
        raise InvalidModelError(
            f"{at} of type {constant.dtype} and shape {constant.shape} needs {needed} bytes, but "
            f"its constant has {stored}"
        )


def _check_positions(graph: Graph) -> None:
    count = len(graph.values)
    for position, value in enumerate(graph.values):
        if value.index != position:
            raise InvalidModelError(
                f"graph {graph.index}: value {shown(value.name)} says that it is value "
                f"{value.index}, but it stands at position {position}"
            )
    for position, node in enumerate(graph.nodes):
        if (node.graph, node.index) != (graph.index, position):
            raise InvalidModelError(
                f"graph {graph.index}: the node at position {position} ({shown(node.op)}) says "
                f"that it is node {node.index} of graph {node.graph}"
            )
        for role, indexes in (("inputs", node.inputs), ("outputs", node.outputs)):
            wrong = _outside(indexes, count, OMITTED)
            if wrong is not None:
                _fail(node, f"its {role} name value {wrong}, but the graph has {count} values")
    for role, indexes in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        wrong = _outside(indexes, count, 0)
        if wrong is not None:
            raise InvalidModelError(
                f"graph {graph.index}: its {role} name value {wrong}, but it has {count} values"
            )


def _outside(indexes: Iterable[int], count: int, first: int) -> int | None:
    return next((index for index in indexes if not first <= index < count), None)


def _check_order(graph: Graph) -> None:
    """Each value has one maker, which runs before those who read it."""
    maker: dict[int, Node] = {}
    for node in graph.nodes:
        for value in node.outputs:
            if value != OMITTED and maker.setdefault(value, node) is not node:
                _fail(
                    node,
                    f"it makes value {value} ({shown(graph.values[value].name)}), as node "
                    f"{maker[value].index} does; a value has one maker",
                )
    for node in graph.nodes:
        for value in node.inputs:
            if value in maker and maker[value].index >= node.index:
                _fail(
                    node,
                    f"it reads value {value} ({shown(graph.values[value].name)}), which only "
                    f"node {maker[value].index} makes; nodes run in the order of the graph",
                )


def unmade(graph: Graph) -> list[Value]:
    """The values that nodes or the graph's outputs read although nothing provides them."""
    provided = {value for node in graph.nodes for value in node.outputs}
    provided.update(graph.inputs, (index for index, _ in graph.captured), (OMITTED,))
    read = {value for node in graph.nodes for value in node.inputs}.union(graph.outputs)
    return [
        value
        for value in map(graph.values.__getitem__, sorted(read - provided))
        if value.constant is None and not value.variable
    ]


def _fail(node: Node, message: str) -> NoReturn:
    raise InvalidModelError(f"{where(node)}: {message}")
