"""Refused nodes that a target would take if their operands were others: what is at fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from npulint.finding import Evidence
from npulint.operators import lower_graph
from npulint.shown import show
from npulint.verdict import Memory

if TYPE_CHECKING:
    from npulint.finding import Finding
    from npulint.model import Graph, Node, Operation, Value
    from npulint.rules.view import OnTarget
    from npulint.verdict import Reason

Change: TypeAlias = "Callable[[Operation], Operation]"


@dataclass(frozen=True, slots=True)
class Fault:
    """Nodes of one graph that a target refuses as they are and takes with operands changed.

    Attributes:
        graph: The graph.
        nodes: The nodes, in file order.
        reasons: Every condition that they break and that the change would meet.
    """

    graph: Graph
    nodes: tuple[Node, ...]
    reasons: tuple[Reason, ...]

    @property
    def ops(self) -> str:
        """Their operators, as a list in a sentence."""
        return ", ".join(sorted({node.op for node in self.nodes}))

    def finding(self, here: OnTarget, why: str) -> Finding:
        """One finding about all of them, at the first.

        Args:
            here: The rule's view.
            why: What is wrong: goes on after the operator's name and a colon.
        """
        others = len(self.nodes) - 1
        also = f" (and {others} more {'node' if others == 1 else 'nodes'})" if others else ""
        return here.at(
            self.nodes[0],
            why + also,
            evidence=tuple(dict.fromkeys(Evidence(r.message, r.source) for r in self.reasons)),
            others=[node.index for node in self.nodes],
        )


def faults(
    here: OnTarget, nodes: Callable[[Graph], Iterable[Node]], change: Change
) -> Iterator[Fault]:
    """Refused nodes that the target's table takes once they are changed.

    What only a device's observations refuse is left out: they do not say what else would run.

    Args:
        here: The rule's view of a target.
        nodes: Which nodes of a graph to look at.
        change: Makes of an operator what it might be instead.

    Yields:
        One fault for each graph that has such nodes.
    """
    table = Memory(here.target)
    for graph, verdicts in zip(here.model.graphs, here.result.verdicts, strict=True):
        found: list[Node] = []
        reasons: dict[Reason, None] = {}
        for node in nodes(graph):
            if verdicts[node.index].status != "unsupported":
                continue
            broken = _mended(table, asked(here, graph, node), change)
            if broken:
                found.append(node)
                reasons.update(dict.fromkeys(broken))
        if found:
            yield Fault(graph, tuple(found), tuple(reasons))


def _mended(table: Memory, operations: Iterable[Operation], change: Change) -> tuple[Reason, ...]:
    """What operations break and would not if changed; nothing where something else is at fault."""
    broken: list[Reason] = []
    for operation in operations:
        verdict = table.judge(operation)
        if verdict.status == "supported":
            continue
        if not taken(table, change(operation)):
            return ()
        broken += verdict.reasons
    return tuple(broken)


def asked(here: OnTarget, graph: Graph, node: Node) -> tuple[Operation, ...]:
    """What the target's table is asked about for a node."""
    rules = here.target.partitioning
    if graph.dialect == "onnx" and rules is not None and rules.strategy == "onnx-runtime":
        return show(graph, here.target).asked(node.index)
    if graph.dialect == here.target.dialect:
        return (graph.operation(node),)
    if graph.dialect == "onnx" and here.target.dialect == "tflite":
        return lower_graph(graph)[node.index].operations
    return ()


def taken(table: Memory, operation: Operation) -> bool:
    """Whether a target takes an operation for certain."""
    return table.judge(operation).status == "supported"


def operands(change: Callable[[Value], Value]) -> Change:
    """A change of each operand and result of an operator, by what it is."""

    def changed(operation: Operation) -> Operation:
        return replace(
            operation,
            inputs=tuple(None if each is None else change(each) for each in operation.inputs),
            outputs=tuple(None if each is None else change(each) for each in operation.outputs),
        )

    return changed
