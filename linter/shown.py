"""What a provider of ONNX Runtime makes of a graph as it is shown to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import ref

from npulint.ort import see
from npulint.ort.functions import NOT_FOLLOWED, is_quantised_function
from npulint.verdict import Memory, Reason, Verdict, judge

if TYPE_CHECKING:
    from npulint.model import Graph, Node, Operation
    from npulint.opsets.table import Target
    from npulint.ort.view import View

_GONE = Verdict("supported", "accepted")


@dataclass(frozen=True, slots=True)
class Shown:
    """A graph as a provider sees it, and what it makes of that.

    Attributes:
        view: What it sees.
        verdicts: Its verdicts on the nodes that it sees.
        judged: Its verdicts on the nodes of the file: on what stands for them.
    """

    view: View
    verdicts: tuple[Verdict, ...]
    judged: tuple[Verdict, ...]

    def asked(self, index: int) -> tuple[Operation, ...]:
        """The operations that the provider is asked about for a node of the file."""
        seen = self.view.graph
        return tuple(
            seen.operation(seen.nodes[place])
            for place, origins in enumerate(self.view.origins)
            if index in origins
        )

    @property
    def apart(self) -> frozenset[int]:
        """The nodes of the file that are taken apart once the rest has been cut."""
        return frozenset(origin for place in self.view.late for origin in self.view.origins[place])


_latest: tuple[ref[Graph], Target, Shown] | None = None


def show(graph: Graph, target: Target) -> Shown:
    """Show a graph to a provider, and have it judged.

    Args:
        graph: An ONNX graph.
        target: A target that ONNX Runtime cuts graphs for.
    """
    global _latest  # noqa: PLW0603 verdicts are asked for, and then pieces
    if _latest is not None and _latest[0]() is graph and _latest[1] is target:
        return _latest[2]
    shown = _show(graph, target)
    _latest = (ref(graph), target, shown)
    return shown


def _show(graph: Graph, target: Target) -> Shown:
    memory = Memory(target)
    rules = target.partitioning
    view = see(
        graph,
        joined=rules is not None and rules.quantised_units,
        joined_too=() if rules is None else rules.joined_too,
        taken_as_one=() if rules is None else rules.taken_as_one,
        takes=lambda operation: judge(operation, target).validation == "accepted",
    )
    verdicts = tuple(_verdict(node, view.graph, memory) for node in view.graph.nodes)
    standing: list[list[int]] = [[] for _ in graph.nodes]
    for index, origins in enumerate(view.origins):
        for origin in origins:
            standing[origin].append(index)
    judged = tuple(
        _judged(graph.nodes[index].op, view, verdicts, places, memory)
        for index, places in enumerate(standing)
    )
    return Shown(view, verdicts, judged)


def _judged(
    op: str, view: View, verdicts: Sequence[Verdict], places: Sequence[int], memory: Memory
) -> Verdict:
    """The verdict on a node of the file by those on what stands for it."""
    if not places:
        return _GONE
    ops = [view.graph.nodes[place].op for place in places]
    if ops == [op]:
        return verdicts[places[0]]
    return memory.join([(each, verdicts[place]) for each, place in zip(ops, places, strict=True)])


def _verdict(node: Node, graph: Graph, memory: Memory) -> Verdict:
    operation = graph.operation(node)
    verdict = memory.judge(operation)
    called = any(name == "function" for name, _ in node.bodies)
    unfollowed = called or node.op in NOT_FOLLOWED or is_quantised_function(node)
    if verdict.validation == "accepted" or not unfollowed:
        return verdict
    # Where it is not known of what sizes a function is, those of its parts are not known either.
    values = (*operation.inputs, *operation.outputs)
    sized = all(value is None or value.shape is not None for value in values)
    return _APART if sized or called else verdict


_APART = Verdict(
    "unknown",
    "unknown",
    (
        Reason(
            "function",
            "it is a function of other operators: where the provider does not take it as it is, "
            "ONNX Runtime takes it apart, and its parts are not followed here",
            "microsoft/onnxruntime onnxruntime/core/framework/graph_partitioner.cc "
            "InlineFunctionsAOT @01f40e6",
        ),
    ),
)
