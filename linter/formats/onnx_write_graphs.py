"""Graphs of a model -> GraphProto and FunctionProto messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.errors import InvalidModelError
from npulint.formats.checks import check_constant, place
from npulint.formats.flatbuffer import shown
from npulint.formats.onnx_write_nodes import NodeWriter
from npulint.formats.onnx_write_scopes import Scope, open_scope
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
from npulint.formats.protobuf_build import Field, Message, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from npulint.formats.onnx_write_weights import Weights
    from npulint.formats.protobuf_build import WireFile
    from npulint.model import Graph, Model, Value

_NAME, _NAME_KEY, _INITIALIZER = 2, 0x12, 5
_ANNOTATION, _ANNOTATED, _ANNOTATED_KEY = 0x72, 1, 0x0A
_PARAMETER_KEY, _TENSOR_NAME, _TENSOR_NAME_KEY = 0x12, 2, 0x12


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
        scope = self._scope(self._model.graphs[index], outer)
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
            lists[_NAME_KEY] = [field(_NAME, graph.name.encode())]
        return self._file.rebuilt(bound.begin, bound.end, lists)

    def function(self, index: int) -> Message:
        """The FunctionProto of a function.

        Raises:
            InvalidModelError: It is none of the file's, or has what functions cannot have.
        """
        scope = self._scope(self._model.graphs[index], None)
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
                lists[key] = [field(key >> 3, name) for name in names]
        return self._file.rebuilt(bound.begin, bound.end, lists)

    def _scope(self, graph: Graph, outer: tuple[Scope, int] | None) -> Scope:
        if graph.origin is None or self._source is None:
            return open_scope(graph, None, Bound(), outer)
        return open_scope(
            graph, self._source.graphs[graph.origin], self._bound[graph.origin], outer
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
            part = None if value.origin is None else old.get(scope.old_name(value))
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
        for part, name in scope.bound.named.get(VALUE_INFO, ()):
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
                lists[INITIALIZER].append(field(_INITIALIZER, body))
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
        return [
            note
            for part in self._file.fields(scope.bound.begin, scope.bound.end)
            if part.key == _ANNOTATION
            for note in self._annotation(scope, part)
        ]

    def _annotation(self, scope: Scope, part: Field) -> list[Message]:
        inner = list(self._file.fields(part.first, part.end))
        about = [item for item in inner if item.key == _ANNOTATED_KEY]
        name = self._file.bytes(about[-1]) if about else b""
        entries = [self._entry(scope, item) for item in inner if item.key == _PARAMETER_KEY]
        made = []
        for now in scope.names_now(name):
            lists = {_PARAMETER_KEY: entries}
            if now != name:
                lists[_ANNOTATED_KEY] = [field(_ANNOTATED, now)]
            body = self._file.rebuilt(part.first, part.end, lists)
            made.append(self._file.with_body(part, body))
        return made

    def _entry(self, scope: Scope, part: Field) -> Message:
        """A parameter of an annotation, which names a tensor."""
        lists = {}
        for item in self._file.fields(part.first, part.end):
            if item.key == _TENSOR_NAME_KEY:
                name = self._file.bytes(item)
                now = next(iter(scope.names_now(name)), name)
                if now != name:
                    lists[_TENSOR_NAME_KEY] = [field(_TENSOR_NAME, now)]
        return self._file.with_body(part, self._file.rebuilt(part.first, part.end, lists))


def _has_become_an_end(scope: Scope, value: Value) -> bool:
    """Whether a value between nodes is now an input or output, which is described as such."""
    graph, was = scope.graph, scope.was
    ends = was is not None and value.origin in (*was.inputs, *was.outputs)
    return not ends and value.index in (*graph.inputs, *graph.outputs)
