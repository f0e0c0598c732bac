"""GraphProto, NodeProto and FunctionProto, taken apart but not yet resolved.

Names stay bytes and nothing is checked against anything else: that is `onnx_scopes`' work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from npulint.formats.onnx_attributes import (
    GRAPH,
    GRAPHS,
    SPARSE_TENSOR,
    SPARSE_TENSORS,
    STRING,
    TENSOR,
    TENSORS,
    TYPE_PROTO,
    TYPE_PROTOS,
    read_attribute,
)
from npulint.formats.onnx_types import TypeReader, text
from npulint.formats.protobuf import WireError, fields, signed
from npulint.model import REFERENCE_MARK, Constant, Storage

if TYPE_CHECKING:
    from pathlib import Path

    from npulint.formats.onnx_tensors import TensorReader
    from npulint.formats.protobuf_skim import Skeleton
    from npulint.model import Attribute, Shape

MAXIMUM_GRAPH_DEPTH = 32
"""Graphs within graphs: with three messages a level, the official parser stops here too."""

_REPEATED = 64
"""Bytes of an attribute that is likely to come again, like the strides of a convolution."""

# Keys are field number << 3 | wire type, as `protobuf.fields` yields them.
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_OP, _NODE_ATTRIBUTE = 0x0A, 0x12, 0x1A, 0x22, 0x2A
_NODE_DOMAIN, _NODE_OVERLOAD = 0x3A, 0x42
_GRAPH_NODE, _GRAPH_NAME, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 0x0A, 0x12, 0x2A, 0x7A
_GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_VALUE_INFO = 0x5A, 0x62, 0x6A
_FUNCTION_NAME, _FUNCTION_INPUT, _FUNCTION_OUTPUT, _FUNCTION_NODE = 0x0A, 0x22, 0x2A, 0x3A
_FUNCTION_OPSET, _FUNCTION_DOMAIN, _FUNCTION_OVERLOAD = 0x4A, 0x52, 0x6A
_FUNCTION_VALUE_INFO = 0x62
_OPSET_DOMAIN, _OPSET_VERSION = 0x0A, 0x10


@dataclass(slots=True)
class RawNode:
    """One NodeProto."""

    op: str
    domain: str
    overload: bytes
    name: bytes
    inputs: list[bytes]
    outputs: list[bytes]
    attributes: dict[str, Attribute]
    bodies: list[tuple[str, RawGraph]]


@dataclass(slots=True)
class RawGraph:
    """One GraphProto, or the graph that a FunctionProto is.

    Attributes:
        types: Dtype and shape by name, of what the file describes: inputs, outputs, value_info.
        inferred: The same, of what shape inference found.
    """

    name: str = ""
    nodes: list[RawNode] = field(default_factory=list)
    inputs: list[bytes] = field(default_factory=list)
    outputs: list[bytes] = field(default_factory=list)
    constants: dict[bytes, Constant] = field(default_factory=dict)
    types: dict[bytes, tuple[str | None, Shape | None]] = field(default_factory=dict)
    inferred: dict[bytes, tuple[str | None, Shape | None]] = field(default_factory=dict)


@dataclass(slots=True)
class RawFunction:
    """One FunctionProto: its identity, its own imports and its graph."""

    domain: str
    name: str
    overload: bytes
    opsets: dict[str, int]
    graph: RawGraph


def standard_domain(domain: str) -> str:
    """The domain with the two spellings of the standard one brought together."""
    return "" if domain == "ai.onnx" else domain


def opset(data: bytes, begin: int, end: int) -> tuple[str, int]:
    """An OperatorSetIdProto: domain and version."""
    domain, version = "", 0
    for key, first, second in fields(data, begin, end):
        if key == _OPSET_DOMAIN:
            domain = standard_domain(text(data[first:second]))
        elif key == _OPSET_VERSION:
            version = signed(first)
    return domain, version


class GraphReader:
    """Takes the graphs of one model apart."""

    def __init__(self, skeleton: Skeleton, path: Path, tensors: TensorReader) -> None:
        data = skeleton.data
        self._path = path
        self._skeleton = skeleton
        self._data = data
        self._tensors = tensors
        self._types = TypeReader(data)
        self._plain: dict[bytes, tuple[str, Attribute]] = {}

    def graph(self, begin: int, end: int, depth: int = 0) -> RawGraph:
        """A GraphProto and the graphs within it."""
        if depth > MAXIMUM_GRAPH_DEPTH:
            raise WireError(begin, f"graphs nest deeper than {MAXIMUM_GRAPH_DEPTH}")
        data, graph = self._data, RawGraph()
        for key, first, second in fields(data, begin, end):
            if key == _GRAPH_NODE:
                graph.nodes.append(self._node(first, second, depth))
            elif key == _GRAPH_VALUE_INFO:
                name, kind = self._types.value_info(first, second)
                graph.types.setdefault(name, kind)
            elif key in (_GRAPH_INPUT, _GRAPH_OUTPUT):
                name, kind = self._types.value_info(first, second)
                (graph.inputs if key == _GRAPH_INPUT else graph.outputs).append(name)
                graph.types[name] = kind
            elif key == _GRAPH_INITIALIZER:
                name, constant = self._tensors.tensor(first, second)
                graph.constants[name] = constant
            elif key == _GRAPH_SPARSE:
                name, constant = self._tensors.sparse(first, second)
                graph.constants[name] = constant
            elif key == _GRAPH_NAME:
                graph.name = text(data[first:second])
        return graph

    def function(self, begin: int, end: int) -> RawFunction:
        """A FunctionProto."""
        data, graph = self._data, RawGraph()
        function = RawFunction("", "", b"", {}, graph)
        for key, first, second in fields(data, begin, end):
            if key == _FUNCTION_NODE:
                graph.nodes.append(self._node(first, second, 0))
            elif key == _FUNCTION_INPUT:
                graph.inputs.append(data[first:second])
            elif key == _FUNCTION_OUTPUT:
                graph.outputs.append(data[first:second])
            elif key == _FUNCTION_NAME:
                function.name = text(data[first:second])
            elif key == _FUNCTION_DOMAIN:
                function.domain = standard_domain(text(data[first:second]))
            elif key == _FUNCTION_OVERLOAD:
                function.overload = data[first:second]
            elif key == _FUNCTION_OPSET:
                domain, version = opset(data, first, second)
                function.opsets[domain] = version
            elif key == _FUNCTION_VALUE_INFO:
                name, kind = self._types.value_info(first, second)
                graph.types[name] = kind
        if not function.name:
            raise WireError(begin, "a function has no name")
        called = f"{function.domain}::{function.name}" if function.domain else function.name
        graph.name = f"{called}:{text(function.overload)}" if function.overload else called
        return function

    def _node(self, begin: int, end: int, depth: int) -> RawNode:
        data = self._data
        op = domain = b""
        node = RawNode("", "", b"", b"", [], [], {}, [])
        attributes: list[tuple[int, int]] = []
        for key, first, second in fields(data, begin, end):
            if key == _NODE_INPUT:
                node.inputs.append(data[first:second])
            elif key == _NODE_OUTPUT:
                node.outputs.append(data[first:second])
            elif key == _NODE_NAME:
                node.name = data[first:second]
            elif key == _NODE_OP:
                op = data[first:second]
            elif key == _NODE_ATTRIBUTE:
                attributes.append((first, second))
            elif key == _NODE_DOMAIN:
                domain = data[first:second]
            elif key == _NODE_OVERLOAD:
                node.overload = data[first:second]
        if not op:
            raise WireError(begin, "a node names no operator")
        node.op = text(op)
        if domain:
            node.domain = standard_domain(text(domain))
        for first, second in attributes:
            self._attribute(node, first, second, depth)
        return node

    def _attribute(self, node: RawNode, begin: int, end: int, depth: int) -> None:
        """Add an AttributeProto to its node: a value, or attached graphs."""
        raw = self._data[begin:end] if end - begin <= _REPEATED else b""
        known = self._plain.get(raw)
        if known is not None:
            node.attributes[known[0]] = known[1]
            return
        found = read_attribute(self._data, begin, end)
        kind, name = found.kind, found.name
        places = found.messages.get(kind, [])
        if kind in (GRAPH, GRAPHS):
            node.bodies.extend((name, self.graph(*place, depth + 1)) for place in places)
        elif found.reference:
            node.attributes[name] = REFERENCE_MARK + found.reference
        elif kind in (TENSOR, TENSORS, SPARSE_TENSOR, SPARSE_TENSORS):
            what = f"attribute {name} of {node.op} {text(node.name)}"
            read = self._tensors.tensor if kind in (TENSOR, TENSORS) else self._tensors.sparse
            tensors = tuple(read(*place, what)[1] for place in places)
            if kind in (TENSORS, SPARSE_TENSORS):
                node.attributes[name] = tensors
            elif tensors:
                node.attributes[name] = tensors[-1]
            else:
                raise WireError(begin, f"{what} holds no tensor")
        elif kind in (TYPE_PROTO, TYPE_PROTOS):
            types = tuple(self._types.type(*place)[0] or "" for place in places)
            node.attributes[name] = types if kind == TYPE_PROTOS else "".join(types[-1:])
        elif kind == STRING and places and places[-1][0] in self._skeleton.payloads:
            offset, length = self._skeleton.payloads[places[-1][0]]
            blob = Storage(self._path, offset, length)
            node.attributes[name] = Constant("uint8", (length,), None, blob, length)
        else:
            node.attributes[name] = value = found.plain()
            if raw:
                self._plain[raw] = (name, value)
