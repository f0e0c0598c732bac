"""The graphs of an ONNX file with their places in it and the names of their values as bytes.

A `Model` knows values by position and has their names fit to be shown. What is taken over from a
file has to be found in it, under its very name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from npulint.formats.onnx_attributes import GRAPH, GRAPHS, read_attribute
from npulint.formats.onnx_types import text
from npulint.model import OMITTED

if TYPE_CHECKING:
    from npulint.formats.protobuf_build import Field, WireFile
    from npulint.model import Graph, Model, Node

# Keys are field number << 3 | wire type, as `protobuf.fields` yields them.
GRAPH_KEY, FUNCTION_KEY = 0x3A, 0xCA
NODE, INITIALIZER, SPARSE, INPUT, OUTPUT, VALUE_INFO = 0x0A, 0x2A, 0x7A, 0x5A, 0x62, 0x6A
FUNCTION_INPUT, FUNCTION_OUTPUT, FUNCTION_NODE, FUNCTION_VALUE_INFO = 0x22, 0x2A, 0x3A, 0x62
NODE_INPUT, NODE_OUTPUT, NODE_ATTRIBUTE = 0x0A, 0x12, 0x2A
ATTRIBUTE_NAME, ATTRIBUTE_KIND = 0x0A, 0xA0
_VALUE_NAME, _TENSOR_NAME, _SPARSE_VALUES = 0x0A, 0x42, 0x0A


@dataclass(slots=True)
class Bound:
    """One graph of a file.

    Attributes:
        begin: Where its message begins.
        end: Where it ends.
        nodes: Its nodes.
        named: Its inputs, outputs, initializers and descriptions of values, each with the name
            of the value that it is about, by the keys that they have in a GraphProto.
        names: The names of its values, by position.
        positions: The positions of its values, by name.
    """

    begin: int = 0
    end: int = 0
    nodes: list[Field] = field(default_factory=list)
    named: dict[int, list[tuple[Field, bytes]]] = field(default_factory=dict)
    names: list[bytes] = field(default_factory=list)
    positions: dict[bytes, int] = field(default_factory=dict)


def attached(file: WireFile, attribute: Field) -> list[tuple[int, int]]:
    """Where the graphs of an attribute are; none in one of another type."""
    found = read_attribute(file.data, attribute.first, attribute.end)
    return found.messages.get(found.kind, []) if found.kind in (GRAPH, GRAPHS) else []


def bind(file: WireFile, source: Model) -> dict[int, Bound]:
    """Find the graphs of a model in its file.

    Args:
        file: The file.
        source: What was read from it.

    Returns:
        The graphs by their positions in the model.
    """
    binder = _Binder(file, source)
    functions = 0
    for part in file.fields(0, len(file.data)):
        if part.key == GRAPH_KEY:
            binder.graph(0, part.first, part.end)
        elif part.key == FUNCTION_KEY:
            functions += 1
            binder.function(functions, part.first, part.end)
    return binder.bound


class _Binder:
    def __init__(self, file: WireFile, source: Model) -> None:
        self._file = file
        self._source = source
        self.bound: dict[int, Bound] = {}

    def graph(self, index: int, begin: int, end: int) -> None:
        """Bind a GraphProto and the graphs attached to its nodes."""
        bound = self.bound[index] = Bound(begin, end)
        for part in self._file.fields(begin, end):
            if part.key == NODE:
                bound.nodes.append(part)
            elif part.key in (INPUT, OUTPUT, VALUE_INFO):
                self._note(bound, part, self._text(part.first, part.end, _VALUE_NAME))
            elif part.key == INITIALIZER:
                self._note(bound, part, self._text(part.first, part.end, _TENSOR_NAME))
            elif part.key == SPARSE:
                inner = self._first(part.first, part.end, _SPARSE_VALUES)
                name = b"" if inner is None else self._text(inner.first, inner.end, _TENSOR_NAME)
                self._note(bound, part, name)
        self._bind_names(self._source.graphs[index], bound)

    def function(self, index: int, begin: int, end: int) -> None:
        """Bind a FunctionProto and the graphs attached to its nodes."""
        bound = self.bound[index] = Bound(begin, end)
        for part in self._file.fields(begin, end):
            if part.key == FUNCTION_NODE:
                bound.nodes.append(part)
            elif part.key == FUNCTION_VALUE_INFO:
                name = self._text(part.first, part.end, _VALUE_NAME)
                bound.named.setdefault(VALUE_INFO, []).append((part, name))
            elif part.key in (FUNCTION_INPUT, FUNCTION_OUTPUT):
                key = INPUT if part.key == FUNCTION_INPUT else OUTPUT
                bound.named.setdefault(key, []).append((part, self._file.bytes(part)))
        self._bind_names(self._source.graphs[index], bound)

    def _note(self, bound: Bound, part: Field, name: bytes) -> None:
        bound.named.setdefault(part.key, []).append((part, name))

    def _bind_names(self, graph: Graph, bound: Bound) -> None:
        """Give each value its name, in the order in which the reader met them."""
        names: dict[int, bytes] = {}
        # The reader takes the inputs first, also those with an initializer, which are no inputs
        # of `Graph`; what no node reads comes last.
        for index, (_, name) in enumerate(bound.named.get(INPUT, ())):
            names[index] = name
        for node, part in zip(graph.nodes, bound.nodes, strict=True):
            self._bind_node(node, part, names)
        outputs = bound.named.get(OUTPUT, ())
        for index, (_, name) in zip(graph.outputs, outputs, strict=True):
            names.setdefault(index, name)
        known = set(names.values())
        stored = (*bound.named.get(INITIALIZER, ()), *bound.named.get(SPARSE, ()))
        rest = [name for name in dict.fromkeys(name for _, name in stored) if name not in known]
        spare = {text(name): name for name in rest}
        for value in graph.values:
            bound.names.append(names.get(value.index) or spare.get(value.name, b""))
        bound.positions = {name: index for index, name in enumerate(bound.names)}

    def _bind_node(self, node: Node, part: Field, names: dict[int, bytes]) -> None:
        operands, results = iter(node.inputs), iter(node.outputs)
        bodies = iter([index for name, index in node.bodies if name != "function"])
        has_bodies = bool(node.bodies)
        for item in self._file.fields(part.first, part.end):
            if item.key in (NODE_INPUT, NODE_OUTPUT):
                index = next(operands if item.key == NODE_INPUT else results)
                if index != OMITTED and index not in names:
                    names[index] = self._file.bytes(item)
            elif has_bodies and item.key == NODE_ATTRIBUTE:
                for begin, end in attached(self._file, item):
                    self.graph(next(bodies), begin, end)

    def _text(self, begin: int, end: int, key: int) -> bytes:
        part = self._first(begin, end, key)
        return b"" if part is None else self._file.bytes(part)

    def _first(self, begin: int, end: int, key: int) -> Field | None:
        """The field of a key; the last one counts, as in every parser."""
        found = None
        for part in self._file.fields(begin, end):
            if part.key == key:
                found = part
        return found
