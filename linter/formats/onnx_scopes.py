"""Names -> positions: the graphs of an ONNX model, resolved and checked.

An ONNX value is known by its name, and a body sees the names of the graphs around it. Here each
graph gets its values by order of first appearance, and what a body takes from outside becomes a
value of its own, recorded in `Graph.captured`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from npulint.errors import ModelFileError
from npulint.formats.onnx_constants import constant_of
from npulint.formats.onnx_quantisation import OPERATORS as QUANTISING
from npulint.formats.onnx_quantisation import parameters
from npulint.formats.onnx_types import text
from npulint.model import OMITTED, Graph, Node, Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from npulint.formats.onnx_graphs import RawFunction, RawGraph, RawNode
    from npulint.model import Constant, GraphKind, Shape

STANDARD_DOMAINS = frozenset(
    {"", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview", "ai.onnx.preview.training"}
)
"""The domains whose operators ONNX itself defines."""

_IR_WITH_OVERRIDING = 4
"""Before, every stored tensor had to be listed as an input, and that said nothing (onnx/onnx
docs/IR.md, Graphs)."""

FUNCTION = "function"
"""Under this name `Node.bodies` gives the graph of the function that a node calls."""


@dataclass(slots=True)
class _Scope:
    """One graph while it is resolved: its values so far, by name and by position."""

    raw: RawGraph
    index: int
    kind: GraphKind
    outer: _Scope | None
    values: list[Value] = field(default_factory=list)
    known: dict[bytes, int] = field(default_factory=dict)
    captured: dict[int, str] = field(default_factory=dict)

    def __str__(self) -> str:
        named = f" {self.raw.name!r}" if self.raw.name else ""
        return f"{'function' if self.kind == 'function' else 'graph'}{named}"

    def add(self, name: bytes, constant: Constant | None = None) -> int:
        """Give a name its position."""
        index = self.known[name] = len(self.values)
        inferred = False
        if constant is not None:
            dtype: str | None = constant.dtype
            shape: Shape | None = constant.shape
        else:
            dtype, shape = self.described(name)
            inferred = self.raw.types.get(name, (None, None))[1] is None
        self.values.append(
            Value(index, text(name), dtype, shape, constant, inferred=inferred, origin=index)
        )
        return index

    def described(self, name: bytes) -> tuple[str | None, Shape | None]:
        """Dtype and shape: as the file says, and as inferred where it does not."""
        stated = self.raw.types.get(name, (None, None))
        if is_complete(stated):
            return stated
        inferred = self.raw.inferred.get(name, (None, None))
        return inferred[0] or stated[0], stated[1] if inferred[1] is None else inferred[1]

    def find(self, name: bytes) -> int | None:
        """The position of a name that this graph or one around it defines so far."""
        index = self.known.get(name)
        if index is not None:
            return index
        constant = self.raw.constants.get(name)
        if constant is not None:
            return self.add(name, constant)
        source = self.outer.find(name) if self.outer else None
        if self.outer is None or source is None:
            return None
        index = self.known[name] = len(self.values)
        self.values.append(replace(self.outer.values[source], index=index, origin=index))
        self.captured[index] = text(name)
        return index


@dataclass(slots=True)
class _Context:
    """What the nodes of a main graph or function, and of its bodies, have in common."""

    opsets: Mapping[str, int]
    calls: set[int]


def is_complete(kind: tuple[str | None, Shape | None]) -> bool:
    """Whether dtype and every size, or the name of it, are known."""
    return kind[0] is not None and kind[1] is not None and None not in kind[1]


class Resolver:
    """Resolves the graphs of one model.

    Attributes:
        graphs: The resolved graphs by position: the main graph is 0, then come the functions,
            then the bodies in the order in which their nodes appear.
    """

    def __init__(self, path: Path, functions: list[RawFunction], ir_version: int) -> None:
        self._path = path
        self._overriding = ir_version >= _IR_WITH_OVERRIDING
        self._functions = {
            (function.domain, function.name, function.overload): position
            for position, function in enumerate(functions, 1)
        }
        self._next = 1 + len(functions)
        self._calls: dict[int, set[int]] = {}
        self.graphs: dict[int, Graph] = {}

    def resolve(
        self, raw: RawGraph, index: int, kind: GraphKind, opsets: Mapping[str, int]
    ) -> None:
        """Resolve the main graph or a function, and the bodies within it.

        Raises:
            ModelFileError: A name is used before it is defined, defined twice or not at all.
        """
        calls = self._calls[index] = set()
        context = _Context(opsets, calls)
        self._graph(_Scope(raw, index, kind, None), context, None)

    def refuse_recursion(self) -> None:
        """Check that no function calls itself, be it through others.

        Raises:
            ModelFileError: One does, which the ONNX specification forbids.
        """
        waiting = {caller: set(called) for caller, called in self._calls.items()}
        done = [caller for caller, called in waiting.items() if not called]
        callers: dict[int, list[int]] = {}
        for caller, called in waiting.items():
            for function in called:
                callers.setdefault(function, []).append(caller)
        while done:
            function = done.pop()
            for caller in callers.pop(function, []):
                waiting[caller].discard(function)
                if not waiting[caller]:
                    done.append(caller)
        endless = [caller for caller, called in waiting.items() if called and caller]
        if endless:
            name = self.graphs[endless[0]].name
            raise self._fault(f"function {name!r} calls itself; ONNX functions must not")

    def _graph(self, scope: _Scope, context: _Context, parent: tuple[int, int] | None) -> None:
        """Resolve one graph."""
        raw = scope.raw
        inputs = []
        for name in raw.inputs:
            if not name or name in scope.known:
                raise self._fault(
                    f"{scope} has two inputs called {text(name)!r}, or one without a name"
                )
            constant = raw.constants.get(name)
            position = scope.add(name, constant)
            if constant is None:
                inputs.append(position)
            elif self._overriding and scope.kind == "main":
                scope.values[position] = replace(scope.values[position], overridable=True)
        nodes = tuple(
            self._node(scope, node, position, context) for position, node in enumerate(raw.nodes)
        )
        outputs = []
        for name in raw.outputs:
            found = scope.find(name)
            if found is None:
                raise self._fault(
                    f"{scope} hands back {text(name)!r}, which nothing in it computes"
                )
            outputs.append(found)
        for name, constant in raw.constants.items():
            if name not in scope.known:
                scope.add(name, constant)
        self.graphs[scope.index] = Graph(
            scope.index,
            raw.name,
            "onnx",
            tuple(scope.values),
            nodes,
            tuple(inputs),
            tuple(outputs),
            scope.kind,
            parent,
            tuple(scope.captured.items()),
            scope.index,
        )

    def _node(self, scope: _Scope, raw: RawNode, position: int, context: _Context) -> Node:
        """Resolve one node and the bodies it carries."""
        known = scope.known
        operands = []
        for name in raw.inputs:
            found: int | None = known.get(name) if name else OMITTED
            if found is None:
                found = scope.find(name)
                if found is None:
                    raise self._undefined(scope, raw, position, name)
            operands.append(found)
        bodies = self._bodies(scope, raw, position, context) if raw.bodies else []
        domain, op = raw.domain, raw.op
        function = self._functions.get((domain, op, raw.overload)) if self._functions else None
        if function is not None:
            bodies.append((FUNCTION, function))
            context.calls.add(function)
        if op == "EPContext" and domain == "com.microsoft":
            raise self._fault(
                f"{_shown(scope, raw, position)} holds a graph that was already compiled for one "
                "accelerator (an EP context); give the original model"
            )
        constant = constant_of(raw.attributes) if op == "Constant" and not domain else None
        results = []
        for name in raw.outputs:
            if not name:
                results.append(OMITTED)
                continue
            if name in known or name in scope.raw.constants:
                raise self._fault(
                    f"{_shown(scope, raw, position)} defines {text(name)!r} a second time"
                )
            results.append(scope.add(name, constant))
        if op in QUANTISING:
            _note_quantisation(scope.values, op, operands, results, raw)
        return Node(
            scope.index,
            position,
            op,
            context.opsets.get(domain, 0),
            tuple(operands),
            tuple(results),
            raw.attributes,
            text(raw.name),
            domain,
            domain not in STANDARD_DOMAINS,
            tuple(bodies),
            origin=position,
        )

    def _bodies(
        self, scope: _Scope, raw: RawNode, position: int, context: _Context
    ) -> list[tuple[str, int]]:
        """Resolve the graphs attached to a node; they see what is defined so far."""
        bodies = []
        for name, body in raw.bodies:
            index, self._next = self._next, self._next + 1
            self._graph(_Scope(body, index, "body", scope), context, (scope.index, position))
            bodies.append((name, index))
        return bodies

    def _undefined(self, scope: _Scope, raw: RawNode, position: int, name: bytes) -> ModelFileError:
        """The fault of a node that uses what is not defined yet, or not at all."""
        around: _Scope | None = scope
        later = False
        while around is not None and not later:
            later = any(name in node.outputs for node in around.raw.nodes)
            around = around.outer
        shown = _shown(scope, raw, position)
        if later:
            return self._fault(
                f"{shown} uses {text(name)!r} before the node that computes it; ONNX wants nodes "
                "in the order in which they run"
            )
        return self._fault(f"{shown} uses {text(name)!r}, which nothing defines")

    def _fault(self, message: str) -> ModelFileError:
        return ModelFileError(self._path, message)


def _shown(scope: _Scope, raw: RawNode, position: int) -> str:
    """A node as messages name it."""
    name = f" {text(raw.name)!r}" if raw.name else ""
    return f"node {position} ({raw.op}{name}) of {scope}"


def _note_quantisation(
    values: list[Value], op: str, operands: list[int], results: list[int], raw: RawNode
) -> None:
    """Give the quantised side of a QuantizeLinear or DequantizeLinear its parameters."""
    side = results if op == "QuantizeLinear" else operands
    place = side[0] if side else OMITTED
    if place == OMITTED or values[place].quantisation is not None:
        return
    tensors = [values[operand] if operand >= 0 else None for operand in operands]
    found = parameters(tensors, raw.attributes)
    if found is not None:
        values[place] = replace(values[place], quantisation=found)
