"""One graph of an ONNX model while it is written: its values' names, checked.

An ONNX value is known by its name, and a body sees the names of the graphs around it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from npulint.errors import InvalidModelError
from npulint.formats.checks import place, unmade
from npulint.formats.flatbuffer import shown
from npulint.formats.onnx_write_source import Bound
from npulint.model import OMITTED

if TYPE_CHECKING:
    from npulint.model import Graph, Value


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

    def old_name(self, value: Value) -> bytes:
        """The name of a value in the file; empty if it was not there."""
        return b"" if value.origin is None else self.bound.names[value.origin]

    def is_renamed(self, value: Value) -> bool:
        """Whether a value does not have the name that it has in the file."""
        before = self.before(value)
        return before is None or before.name != value.name

    def names_now(self, name: bytes) -> list[bytes]:
        """The names of what a name of the file has become; itself where it names no value."""
        position = self.bound.positions.get(name)
        if position is None:
            return [name]
        return [self.names[value.index] for value in self.owners.get(position, ())]

    def name(self, index: int) -> bytes:
        """The name of an operand; empty for one that is left out."""
        return b"" if index == OMITTED else self.names[index]


def open_scope(
    graph: Graph, was: Graph | None, bound: Bound, outer: tuple[Scope, int] | None
) -> Scope:
    """Give each value of a graph the name under which it is written.

    Args:
        graph: The graph.
        was: What it was in the file, if it was there.
        bound: Where it is there.
        outer: For a body, the scope around it and the position of its node there.

    Raises:
        InvalidModelError: A value has no name of its own, or comes from nowhere or two places.
    """
    scope = Scope(graph, was, bound, outer)
    for node in graph.nodes:
        scope.makers.update((value, node.index) for value in node.outputs)
    captured = dict(graph.captured)
    for value in graph.values:
        scope.shown[value.name] = value.index
        if value.index in captured:
            scope.names.append(_captured_name(scope, captured[value.index]))
        else:
            scope.names.append(_own_name(scope, value))
        if value.origin is not None:
            scope.owners.setdefault(value.origin, []).append(value)
    _check_names(scope)
    _check_values(scope)
    return scope


def _captured_name(scope: Scope, name: str) -> bytes:
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


def _own_name(scope: Scope, value: Value) -> bytes:
    """The name of a value: the file's own bytes where it has not been renamed."""
    if scope.is_renamed(value):
        return value.name.encode("utf-8", "surrogatepass")
    return scope.old_name(value)


def _check_names(scope: Scope) -> None:
    """Check that each name stands for one value, here and in the graphs around."""
    known = scope.known
    for index, name in enumerate(scope.names):
        if not name and not scope.is_renamed(scope.graph.values[index]):
            continue  # A tensor that nobody can refer to, which the file has all the same.
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
            hidden = around.graph.values[around.known[name]]
            if value.index in captured:
                continue
            # Where the file has it so already, somebody has lived with it.
            if scope.is_renamed(value) or around.is_renamed(hidden):
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
