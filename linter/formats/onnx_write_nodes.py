"""Nodes of a model -> NodeProto messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from npulint.errors import InvalidModelError
from npulint.formats.checks import where
from npulint.formats.onnx_attributes import GRAPH, GRAPHS
from npulint.formats.onnx_constants import constant_of
from npulint.formats.onnx_scopes import FUNCTION
from npulint.formats.onnx_types import text
from npulint.formats.onnx_write_attributes import AttributeWriter
from npulint.formats.onnx_write_source import (
    ATTRIBUTE_KIND,
    ATTRIBUTE_NAME,
    NODE_ATTRIBUTE,
    NODE_INPUT,
    NODE_OUTPUT,
    attached,
)
from npulint.formats.onnx_write_weights import ATTRIBUTE
from npulint.formats.protobuf_build import Field, Message, WireFile, field, integer
from npulint.model import Constant

if TYPE_CHECKING:
    from npulint.formats.onnx_write_scopes import Scope
    from npulint.formats.onnx_write_weights import Weights
    from npulint.model import Node

Bodies: TypeAlias = "Callable[[int, tuple[Scope, int]], Message]"
"""Writes the GraphProto of a body: its position, the scope around it and its node's position."""

_INPUT, _OUTPUT, _NAME, _OP, _ATTRIBUTE, _DOMAIN = 1, 2, 3, 4, 5, 7
_NAME_KEY, _OP_KEY, _DOMAIN_KEY = 0x1A, 0x22, 0x3A
_A_NAME, _A_GRAPH, _A_GRAPHS, _A_KIND = 1, 6, 11, 20


@dataclass(slots=True)
class _Stated:
    """An attribute as the file states it."""

    part: Field
    name: str = ""
    kind: int = 0


class NodeWriter:
    """Writes the nodes of one model.

    Args:
        file: The file that the model was read from.
        weights: Says where data goes.
        bodies: Writes attached graphs.
    """

    def __init__(self, file: WireFile, weights: Weights, bodies: Bodies) -> None:
        self._file = file
        self._weights = weights
        self._bodies = bodies

    def node(self, scope: Scope, node: Node, key: int) -> Message:
        """The field of a node.

        Args:
            scope: Its graph.
            node: The node.
            key: The key of nodes in that kind of graph.

        Raises:
            InvalidModelError: It says what ONNX cannot.
        """
        was = old = None
        if node.origin is not None and scope.was is not None:
            was, old = scope.was.nodes[node.origin], scope.bound.nodes[node.origin]
        _check(scope, node, was)
        lists: dict[int, list[Message]] = {}
        for number, wire, operands, before in (
            (_INPUT, NODE_INPUT, node.inputs, was.inputs if was else None),
            (_OUTPUT, NODE_OUTPUT, node.outputs, was.outputs if was else None),
        ):
            names = [scope.name(index) for index in operands]
            if before is None or names != [_name(scope, index) for index in before]:
                lists[wire] = [field(number, name) for name in names]
        for number, wire, now, then in (
            (_NAME, _NAME_KEY, node.name, was.name if was else ""),
            (_OP, _OP_KEY, node.op, was.op if was else ""),
            (_DOMAIN, _DOMAIN_KEY, node.domain, was.domain if was else ""),
        ):
            if now != then:
                lists[wire] = [field(number, now.encode())] if now else []
        if was is None or old is None or self._needs_attributes(node, was):
            lists[NODE_ATTRIBUTE] = self._attributes(scope, node, was, old)
        if old is None:
            return field(key >> 3, self._file.rebuilt(0, 0, lists))
        if not lists:
            return self._file.whole(old)
        return self._file.with_body(old, self._file.rebuilt(old.first, old.end, lists))

    def _needs_attributes(self, node: Node, was: Node) -> bool:
        """Whether attributes changed, or may hold tensors or graphs that did."""
        return (
            bool(node.bodies or was.bodies)
            or dict(node.attributes) != dict(was.attributes)
            or any(_holds_tensors(value) for value in node.attributes.values())
        )

    def _attributes(
        self, scope: Scope, node: Node, was: Node | None, old: Field | None
    ) -> list[Message]:
        """The attributes: those of the file in their order, then new ones."""
        graphs: dict[str, list[int]] = {}
        for name, index in node.bodies:
            if name != FUNCTION:
                graphs.setdefault(name, []).append(index)
        before = dict(was.attributes) if was else {}
        read = {*before, *(name for name, _ in (was.bodies if was else ()))}
        made, met = [], set()
        for part in self._file.fields(old.first, old.end) if old else ():
            if part.key != NODE_ATTRIBUTE:
                continue
            stated = self._read(part)
            met.add(stated.name)
            places = attached(self._file, part) if graphs.get(stated.name) else []
            if places:
                # One attribute of a name holds all of its graphs; in a file there may be two.
                indexes = graphs[stated.name][: len(places)]
                del graphs[stated.name][: len(places)]
                made.append(self._attached(scope, node, stated, indexes, places))
            elif stated.name in node.attributes:
                made.append(self._stated(scope, node, stated, before))
            elif stated.name not in read:
                # The reader has no word for it, as for a graph that a function's caller gives.
                made.append(self._file.whole(part))
        for name in node.attributes:
            if name not in met:
                made.append(field(_ATTRIBUTE, self._new(scope, node, name, 0)))
        for name, indexes in graphs.items():
            if indexes:
                made.append(self._newly_attached(scope, node, name, indexes))
        return made

    def _stated(self, scope: Scope, node: Node, stated: _Stated, before: dict[str, Any]) -> Message:
        """An attribute that the file states and the node still has, changed or not."""
        name, part = stated.name, stated.part
        value = node.attributes[name]
        if name not in before or before[name] != value:
            body = self._new(scope, node, name, stated.kind)
        elif _holds_tensors(value):
            body = self._weights.copied(part.first, part.end, ATTRIBUTE)
        else:
            return self._file.whole(part)
        return self._file.with_body(part, body)

    def _new(self, scope: Scope, node: Node, name: str, kind: int) -> Message:
        writer = AttributeWriter(self._weights, in_function=scope.graph.kind == "function")
        return writer.body(node, name, node.attributes[name], kind)

    def _attached(
        self,
        scope: Scope,
        node: Node,
        stated: _Stated,
        indexes: list[int],
        places: list[tuple[int, int]],
    ) -> Message:
        """An attribute of the file that holds graphs, changed or not."""
        if len(indexes) != len(places):
            return self._newly_attached(scope, node, stated.name, indexes)
        graphs = dict(zip(places, indexes, strict=True))
        made = Message()
        for item in self._file.fields(stated.part.first, stated.part.end):
            index = graphs.get((item.first, item.end))
            if index is None:
                made.extend(self._file.whole(item))
            else:
                graph = self._bodies(index, (scope, node.index))
                made.extend(self._file.with_body(item, graph))
        return self._file.with_body(stated.part, made)

    def _newly_attached(self, scope: Scope, node: Node, name: str, indexes: list[int]) -> Message:
        several = len(indexes) > 1
        body = field(_A_NAME, name.encode())
        for index in indexes:
            graph = self._bodies(index, (scope, node.index))
            body.extend(field(_A_GRAPHS if several else _A_GRAPH, graph))
        body.extend(integer(_A_KIND, GRAPHS if several else GRAPH))
        return field(_ATTRIBUTE, body)

    def _read(self, part: Field) -> _Stated:
        """Name and type of an attribute in the file."""
        stated = _Stated(part)
        for item in self._file.fields(part.first, part.end):
            if item.key == ATTRIBUTE_NAME:
                stated.name = text(self._file.bytes(item))
            elif item.key == ATTRIBUTE_KIND:
                stated.kind = item.first
        return stated


def _name(scope: Scope, index: int) -> bytes:
    return b"" if index < 0 else scope.bound.names[index]


def _holds_tensors(value: Any) -> bool:
    return isinstance(value, Constant) or (
        isinstance(value, tuple) and bool(value) and isinstance(value[0], Constant)
    )


def _check(scope: Scope, node: Node, was: Node | None) -> None:
    """Check that a Constant node and its output agree, and that nothing else makes a constant."""
    if not node.op:
        raise InvalidModelError(f"{where(node)} names no operator")
    stated = constant_of(node.attributes) if (node.op, node.domain) == ("Constant", "") else None
    for index in node.outputs:
        constant = scope.graph.values[index].constant if index >= 0 else None
        if constant != stated:
            raise InvalidModelError(
                f"{where(node)} makes value {index}, whose constant is not what the node "
                "computes; an output is constant only where a Constant node states it"
            )
