"""A graph while it is being changed as ONNX Runtime changes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from npulint.model import Operation
from npulint.operators.onnx_signatures import since_version

if TYPE_CHECKING:
    from npulint.model import Constant, Graph, Node, Value

STANDARD = frozenset({"", "ai.onnx"})
"""The names of the domain that the ONNX standard is about."""

Place: TypeAlias = "tuple[int, int]"
"""Where a node stands: a node of the file, and which part of it. In this order they can run."""


class Draft:
    """The nodes and values of a graph under way.

    Values go by their positions, new ones behind those of the file.

    Args:
        graph: The graph as the file has it.

    Attributes:
        graph: The same.
        values: The values by position.
        nodes: The nodes by place.
        origins: The nodes of the file that each of them stands for.
        why: Why nodes were taken out, by the position in the file of what they stood for.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.values = list(graph.values)
        self.nodes: dict[Place, Node] = {(node.index, 0): node for node in graph.nodes}
        self.origins: dict[Place, tuple[int, ...]] = {place: place[:1] for place in self.nodes}
        self.why: dict[int, str] = {}
        self._results = frozenset(graph.outputs)
        self._readers: dict[int, list[Place]] = {}
        self._makers: dict[int, Place] = {}
        for place in self.nodes:
            self._link(place)

    def order(self) -> Iterator[Place]:
        """The places of all nodes, in an order in which they can run, while these change."""
        for place in sorted(self.nodes):
            if place in self.nodes:
                yield place

    def operation(self, place: Place) -> Operation:
        """A node with its operands resolved."""
        node, values = self.nodes[place], self.values
        return Operation(
            dialect="onnx",
            op=node.op,
            version=node.version,
            inputs=tuple(None if i < 0 else values[i] for i in node.inputs),
            outputs=tuple(None if i < 0 else values[i] for i in node.outputs),
            attributes=node.attributes,
            domain=node.domain,
            custom=node.custom,
        )

    def is_op(self, place: Place, op: str, *since: int) -> bool:
        """Whether a node is of an operator of the standard, in one of the versions, if any."""
        node = self.nodes[place]
        if node.op != op or node.domain not in STANDARD or node.bodies:
            return False
        return not since or since_version(node.op, node.version) in since

    def constant(self, value: int) -> Constant | None:
        """What a value holds for certain: what is stored, unless callers may give another."""
        if value < 0 or self.values[value].overridable:
            return None
        return self.values[value].constant

    def maker(self, value: int) -> Place | None:
        """The node that makes a value."""
        return self._makers.get(value)

    def readers(self, value: int) -> tuple[Place, ...]:
        """The nodes that read a value, one entry for each operand."""
        return tuple(self._readers.get(value, ()))

    def is_result(self, value: int) -> bool:
        """Whether the graph hands a value back."""
        return value in self._results

    def made_inputs(self, place: Place) -> tuple[int, ...]:
        """The operands of a node that other nodes make."""
        return tuple(value for value in self.nodes[place].inputs if value in self._makers)

    def used_outputs(self, place: Place) -> tuple[int, ...]:
        """The results of a node that other nodes read."""
        return tuple(v for v in self.nodes[place].outputs if v >= 0 and self._readers.get(v))

    def gives_result(self, place: Place) -> bool:
        """Whether a node makes something that the graph hands back."""
        return not self._results.isdisjoint(self.nodes[place].outputs)

    def only_reader(self, value: int) -> Place | None:
        """The node that alone reads a value, once; None where the graph hands it back."""
        readers = self._readers.get(value, [])
        return readers[0] if len(readers) == 1 and value not in self._results else None

    def change(self, place: Place, node: Node) -> None:
        """Put another node in a node's place."""
        self._unlink(place)
        self.nodes[place] = node
        self._link(place)

    def bypass(self, place: Place, source: int, why: str) -> None:
        """Take a node out: whoever reads what it makes reads another value."""
        for made in self.used_outputs(place):
            for reader in set(self.readers(made)):
                node = self.nodes[reader]
                inputs = tuple(source if value == made else value for value in node.inputs)
                self.change(reader, replace(node, inputs=inputs))
        self.drop(place, why)

    def drop(self, place: Place, why: str) -> None:
        """Take a node out."""
        self._unlink(place)
        del self.nodes[place]
        for origin in self.origins.pop(place):
            self.why.setdefault(origin, why)

    def absorb(self, place: Place, other: Place) -> None:
        """Take a node out that has become part of another."""
        self._unlink(other)
        del self.nodes[other]
        merged = {*self.origins[place], *self.origins.pop(other)}
        self.origins[place] = tuple(sorted(merged))

    def expand(self, place: Place, parts: Iterable[Node]) -> set[Place]:
        """Put several nodes in the place of one. They stand for what it stood for.

        Returns:
            Their places.
        """
        self._unlink(place)
        del self.nodes[place]
        origins = self.origins.pop(place)
        places = set()
        for number, part in enumerate(parts, place[1] + 1):
            within = (place[0], number)
            self.nodes[within] = part
            self.origins[within] = origins
            self._link(within)
            places.add(within)
        return places

    def repeat(self, place: Place, node: Node) -> None:
        """Put a copy of a node beside it, which stands for the same."""
        number = max(part for first, part in self.nodes if first == place[0])
        beside = (place[0], number + 1)
        self.nodes[beside] = node
        self.origins[beside] = self.origins[place]
        self._link(beside)

    def add_value(self, value: Value) -> int:
        """Add a value.

        Returns:
            Its position.
        """
        index = len(self.values)
        self.values.append(replace(value, index=index, origin=None))
        return index

    def hold(self, value: int, constant: Constant) -> None:
        """Note that a value is a stored one from now on."""
        old = self.values[value]
        self.values[value] = replace(
            old, dtype=constant.dtype, shape=constant.shape, constant=constant
        )

    def _link(self, place: Place) -> None:
        node = self.nodes[place]
        for value in node.inputs:
            if value >= 0:
                self._readers.setdefault(value, []).append(place)
        for value in node.outputs:
            if value >= 0:
                self._makers[value] = place

    def _unlink(self, place: Place) -> None:
        node = self.nodes[place]
        for value in node.inputs:
            if value >= 0:
                self._readers[value].remove(place)
        for value in node.outputs:
            if self._makers.get(value) == place:
                del self._makers[value]
