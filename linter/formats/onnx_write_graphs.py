"""Graphs of a model -> GraphProto and FunctionProto messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from npulint.errors import InvalidModelError
from npulint.formats.checks import check_constant, place, unmade
from npulint.formats.flatbuffer import shown
from npulint.formats.onnx_write_nodes import NodeWriter
from npulint.formats.onnx_write_source import (
    FUNCTION_INPUT,
    FUNCTION_NODE,
    FUNCTION_OUTPUT,
    FUNCTION_VALUE_INFO,
    INITIALIZER,
    INPUT,
    NODE,
    OUTPUT,
    SPARSE,
    VALUE_INFO,
    Bound,
)
from npulint.formats.onnx_write_types import ValueInfos
from npulint.formats.protobuf_build import Field, Message
from npulint.formats.protobuf_build import field as new_field
from npulint.model import OMITTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from npulint.formats.onnx_write_weights import Weights
    from npulint.formats.protobuf_build import WireFile
    from npulint.model import Graph, Model, Value

_NAME, _NAME_KEY, _NODE, _INITIALIZER = 2, 0x12, 1, 5
_ANNOTATION, _ANNOTATED, _ANNOTATED_KEY = 0x72, 1, 0x0A


@dataclass(slots=True)
class Scope:
    """One graph while it is written.

    Attributes:
        graph: The graph.
        was: What it was in the file.
        bound: Where it is there.
        outer: The scope of the node that it is attached to, and how many nodes run before that.
        names: The names of its values as they are written.
        makers: The node that makes each value.
        owners: The values of the graph by what they were in the file.
        shown: The positions of the values by the names that they have in the model.
        known: The same by their names as they are written.
    """

    graph: Graph
    was: Graph | None
    bound: Bound
    outer: tuple[Scope, int] | None
    names: list[bytes] = field(default_factory=list)
    makers: dict[int, int] = field(default_factory=dict)
    owners: dict[int, list[Value]] = field(default_factory=dict)
    shown: dict[str, int] = field(default_factory=dict)
    known: dict[bytes, int] = field(default_factory=dict)

    def before(self, value: Value) -> Value | None:
        """What a value was in the file."""
        if value.origin is None or self.was is None:
            return None
        return self.was.values[value.origin]

    def name(self, index: int) -> bytes:
        """The name of an operand; empty for one that is left out."""
        return b"" if index == OMITTED else self.names[index]


class GraphWriter:
    """Writes the graphs of one model.

    Args:
        model: The model.
        source: What its file holds.
        file: The file.
        bound: Where in it the graphs are.
        weights: Says where data goes.
    """

    def __init__(
        self,
        model: Model,
        source: Model | None,
        file: WireFile,
        bound: Mapping[int, Bound],
        weights: Weights,
    ) -> None:
        self._model = model
        self._source = source
        self._file = file
        self._bound = bound
        self._weights = weights
        self._value_infos = ValueInfos(file)
        self._nodes = NodeWriter(file, weights, self.graph)

    def graph(self, index: int, outer: tuple[Scope, int] | None = None) -> Message:
        """The GraphProto of the main graph or a body.

        Args:
            index: Its position in the model.
            outer: For a body, the scope around it and the position of its node there.

        Raises:
            InvalidModelError: Its names or constants are not what ONNX can say.
        """
        scope = self._scope(index, outer)
        graph, bound = scope.graph, scope.bound
        lists = {
            NODE: [self._nodes.node(scope, node, NODE) for node in graph.nodes],
            INPUT: self._inputs(scope),
            OUTPUT: self._infos(scope, OUTPUT, [graph.values[i] for i in graph.outputs]),
            VALUE_INFO: self._descriptions(scope, VALUE_INFO),
            _ANNOTATION: self._annotations(scope),
            **self._initializers(scope),
        }
        if scope.was is None or graph.name != scope.was.name:
            lists[_NAME_KEY] = [new_field(_NAME, graph.name.encode())]
        return self._file.rebuilt(bound.begin, bound.end, lists)

    def function(self, index: int) -> Message:
        """The FunctionProto of a function.

        Raises:
            InvalidModelError: It is none of the file's, or has what functions cannot have.
        """
        scope = self._scope(index, None)
        graph, was, bound = scope.graph, scope.was, scope.bound
        if was is None or was.kind != "function":
            raise InvalidModelError(
                f"graph {index} ({shown(graph.name)}) is a function that its file does not have; "
                "functions can be changed, not added"
            )
        stored = [v for v in graph.values if v.constant is not None and v.index not in scope.makers]
        if stored:
            raise InvalidModelError(
                f"{place(graph, stored[0])} is a constant of a function, which has no "
                "initializers; let a Constant node make it"
            )
        lists = {
            FUNCTION_NODE: [self._nodes.node(scope, n, FUNCTION_NODE) for n in graph.nodes],
            FUNCTION_VALUE_INFO: self._descriptions(scope, FUNCTION_VALUE_INFO),
        }
        for key, now in ((FUNCTION_INPUT, graph.inputs), (FUNCTION_OUTPUT, graph.outputs)):
            old = bound.named.get(INPUT if key == FUNCTION_INPUT else OUTPUT, [])
            names = [scope.names[value] for value in now]
            if names != [name for _, name in old]:
                lists[key] = [new_field(key >> 3, name) for name in names]
        return self._file.rebuilt(bound.begin, bound.end, lists)

    def _scope(self, index: int, outer: tuple[Scope, int] | None) -> Scope:
        graph = self._model.graphs[index]
        was, bound = None, Bound()
        if graph.origin is not None and self._source is not None:
            was, bound = self._source.graphs[graph.origin], self._bound[graph.origin]
        scope = Scope(graph, was, bound, outer)
        for node in graph.nodes:
            scope.makers.update((value, node.index) for value in node.outputs)
        captured = dict(graph.captured)
        for value in graph.values:
            scope.shown[value.name] = value.index
            if value.index in captured:
                scope.names.append(self._captured(scope, captured[value.index]))
            else:
                scope.names.append(_own_name(scope, value))
            if value.origin is not None:
                scope.owners.setdefault(value.origin, []).append(value)
        _check_names(scope)
        _check_values(scope)
        return scope

    def _captured(self, scope: Scope, name: str) -> bytes:
        """The name of a value that a body takes from around it, as it is written there."""
        outer = scope.outer
        while outer is not None:
            around, position = outer
            index = around.shown.get(name)
            if index is not None:
                maker = around.makers.get(index, -1)
                if maker < position:
                    return around.names[index]
                raise InvalidModelError(
                    f"graph {scope.graph.index} captures {shown(name)} of graph "
                    f"{around.graph.index} before node {maker} makes it"
                )
            outer = around.outer
        raise InvalidModelError(
            f"graph {scope.graph.index} captures {shown(name)}, which no graph around it has"
        )

    def _inputs(self, scope: Scope) -> list[Message]:
        """The inputs, among them initializers that the file lets callers override."""
        graph = scope.graph
        inputs = [graph.values[index] for index in graph.inputs]
        old = [
            scope.owners.get(scope.bound.positions[name], [])
            for _, name in scope.bound.named.get(INPUT, ())
        ]
        kept = [
            value
            for values in old
            for value in values
            if value.index in graph.inputs or self._overridable(scope, value)
        ]
        if [value.index for value in kept if value.constant is None] != list(graph.inputs):
            kept = inputs + [value for value in kept if value.constant is not None]
        return self._infos(scope, INPUT, kept)

    def _overridable(self, scope: Scope, value: Value) -> bool:
        before = scope.before(value)
        return value.constant is not None and before is not None and before.constant is not None

    def _infos(self, scope: Scope, key: int, values: list[Value]) -> list[Message]:
        """The fields of inputs or outputs, each with its own description where it had one."""
        old = {name: part for part, name in scope.bound.named.get(key, ())}
        made = []
        for value in values:
            part = None if value.origin is None else old.get(_old_name(scope, value))
            before = scope.before(value)
            if key == INPUT and part is None and value.dtype is None:
                raise InvalidModelError(
                    f"{place(scope.graph, value)} is an input without an element type"
                )
            name = scope.names[value.index]
            made.append(self._value_infos.field(key, name, value, before, part))
        return made

    def _descriptions(self, scope: Scope, key: int) -> list[Message]:
        """What the file says of values between nodes, and what is to be said of new ones."""
        made, said = [], set()
        names = set(scope.names)
        for part, name in scope.bound.named.get(key, ()):
            position = scope.bound.positions.get(name)
            if position is None and name not in names:
                made.append(self._file.whole(part))
            for value in scope.owners.get(-1 if position is None else position, ()):
                before, now = scope.before(value), scope.names[value.index]
                if _has_become_an_end(scope, value):
                    continue
                said.add(value.index)
                made.append(self._value_infos.field(key, now, value, before, part))
        known = {*scope.graph.inputs, *scope.graph.outputs, *said}
        known.update(index for index, _ in scope.graph.captured)
        for value in scope.graph.values:
            before = scope.before(value)
            unsaid = value.index in scope.makers and value.index not in known
            if before is not None and (value.dtype, value.shape) == (before.dtype, before.shape):
                unsaid = False
            if unsaid and value.dtype is not None:
                name = scope.names[value.index]
                made.append(self._value_infos.field(key, name, value, None, None))
        return made

    def _initializers(self, scope: Scope) -> dict[int, list[Message]]:
        """The stored tensors: those of the file in their order, then new ones."""
        lists: dict[int, list[Message]] = {INITIALIZER: [], SPARSE: []}
        done = {index for index, _ in scope.graph.captured} | scope.makers.keys()
        for key in (INITIALIZER, SPARSE):
            for part, name in scope.bound.named.get(key, ()):
                for value in scope.owners.get(scope.bound.positions[name], ()):
                    before = scope.before(value)
                    if value.index in done or value.constant is None or before is None:
                        continue
                    if value.constant == before.constant:
                        lists[key].append(self._kept(scope, key, part, value, before))
                        done.add(value.index)
        for value in scope.graph.values:
            if value.index not in done and value.constant is not None:
                at = place(scope.graph, value)
                check_constant(at, value, value.constant)
                body = self._weights.new(scope.names[value.index], value.constant)
                lists[INITIALIZER].append(new_field(_INITIALIZER, body))
        return lists

    def _kept(self, scope: Scope, key: int, part: Field, value: Value, before: Value) -> Message:
        """A stored tensor of the file, perhaps under another name."""
        name = None if value.name == before.name else scope.names[value.index]
        if key == INITIALIZER:
            body = self._weights.tensor(part.first, part.end, name)
        else:
            body = self._weights.sparse(part.first, part.end, name)
        return self._file.with_body(part, body)

    def _annotations(self, scope: Scope) -> list[Message]:
        """Notes on how values are quantised, by the names that the values now have."""
        made = []
        for part in self._file.fields(scope.bound.begin, scope.bound.end):
            if part.key != _ANNOTATION:
                continue
            made += self._annotation(scope, part)
        return made

    def _annotation(self, scope: Scope, part: Field) -> list[Message]:
        named = [p for p in self._file.fields(part.first, part.end) if p.key == _ANNOTATED_KEY]
        name = self._file.bytes(named[-1]) if named else b""
        position = scope.bound.positions.get(name)
        if position is None:
            return [self._file.whole(part)]
        made = []
        for value in scope.owners.get(position, ()):
            now = scope.names[value.index]
            lists = {} if now == name else {_ANNOTATED_KEY: [new_field(_ANNOTATED, now)]}
            body = self._file.rebuilt(part.first, part.end, lists)
            made.append(self._file.with_body(part, body))
        return made


def _has_become_an_end(scope: Scope, value: Value) -> bool:
    """Whether a value between nodes is now an input or output, which is described as such."""
    graph, was = scope.graph, scope.was
    ends = was is not None and value.origin in (*was.inputs, *was.outputs)
    return not ends and value.index in (*graph.inputs, *graph.outputs)


def _old_name(scope: Scope, value: Value) -> bytes:
    return scope.bound.names[value.origin] if value.origin is not None else b""


def _own_name(scope: Scope, value: Value) -> bytes:
    """The name of a value: the file's own bytes where it has not been renamed."""
    before = scope.before(value)
    if before is not None and before.name == value.name:
        return _old_name(scope, value)
    return value.name.encode("utf-8", "surrogatepass")


def _check_names(scope: Scope) -> None:
    """Check that each name stands for one value, here and in the graphs around."""
    known = scope.known
    for index, name in enumerate(scope.names):
        if not name or known.setdefault(name, index) != index:
            raise InvalidModelError(
                f"{place(scope.graph, scope.graph.values[index])} has no name of its own; in ONNX "
                "a value is known by its name"
            )
    captured = {index for index, _ in scope.graph.captured}
    outer = scope.outer
    while outer is not None:
        around = outer[0]
        for name in known.keys() & around.known.keys():
            value = scope.graph.values[known[name]]
            before = scope.before(value)
            if value.index not in captured and (before is None or before.name != value.name):
                raise InvalidModelError(
                    f"{place(scope.graph, value)} has the name of a value of graph "
                    f"{around.graph.index} around it; names must be distinct"
                )
        outer = around.outer


def _check_values(scope: Scope) -> None:
    """Check that what is read is there, and that no value comes from two places."""
    for value in unmade(scope.graph):
        raise InvalidModelError(
            f"{place(scope.graph, value)} is read, but nothing makes it; it has to be an input, a "
            "constant, captured or the output of a node"
        )
    captured = {index for index, _ in scope.graph.captured}
    for value in scope.graph.values:
        inner = value.index in scope.graph.inputs
        if inner + (value.index in captured) + (value.index in scope.makers) > 1 or (
            inner and value.constant is not None
        ):
            raise InvalidModelError(
                f"{place(scope.graph, value)} is given from two sides; it can be an input, a "
                "constant, captured or the output of a node"
            )
