"""Verdicts -> pieces, for a provider of ONNX Runtime.

ONNX Runtime offers a provider the graph that `npulint.ort` shows, the provider cuts it in waves
(`npulint.rounds`) and keeps what is worth handing over. Here the pieces come back to the nodes of
the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from npulint.obstacle import Obstacle
from npulint.partition import CPU, Delegation, Partition, fate_of_absent, total_bytes
from npulint.pieces import largest
from npulint.rounds import cut_in_rounds
from npulint.shown import show
from npulint.taken_back import doubt, unbuildable

if TYPE_CHECKING:
    from npulint.model import Graph, Node
    from npulint.opsets.table import Partitioning, Target
    from npulint.pieces import Piece
    from npulint.verdict import Verdict

_REFUSED_BODY = "the provider takes nothing of the graphs that control flow runs"
_BODY = "what the provider takes of the graphs that control flow runs is not followed here"
_LATE = (
    "functions of other operators that no provider takes ({ops}) are taken apart once all else has "
    "been cut: their parts are pieces of their own, beside which no compiled model can be written "
    "(ep.context_enable)"
)
_FUNCTION = "functions of the model are taken apart where they are called, and not followed here"


def provide(
    graph: Graph, verdicts: Sequence[Verdict], target: Target, rules: Partitioning
) -> Delegation:
    """Predict what ONNX Runtime hands a provider of one graph.

    Args:
        graph: An ONNX graph.
        verdicts: Verdicts on its nodes: the target's, or what is known better.
        target: The target.
        rules: How it cuts.

    Returns:
        The pieces, and what becomes of each node.
    """
    if graph.kind == "function":
        return Delegation((), (None,) * len(graph.nodes), notes=(_FUNCTION,))
    if graph.kind == "body":
        fate, note = (False, _REFUSED_BODY) if rules.bodies_refused else (None, _BODY)
        return Delegation((), (fate,) * len(graph.nodes), notes=(note,))
    unloaded = _unloaded(graph, target)
    if unloaded is not None:
        return Delegation((), (False,) * len(graph.nodes), unloaded.message, unloaded)
    return _Provision(graph, verdicts, target, rules).settle()


def _unloaded(graph: Graph, target: Target) -> Obstacle | None:
    """The first node of an opset that the provider is not used with."""
    if target.opsets is None:
        return None
    for node in graph.nodes:
        if not node.domain and not target.opsets.holds(node.version):
            message = f"the model states opset {node.version}; it takes {target.opsets.range}"
            return Obstacle("whole", None, None, message, target.opsets.source)
    return None


class _Provision:
    """The steps from verdicts to what is handed over, on one graph and one target."""

    def __init__(
        self, graph: Graph, verdicts: Sequence[Verdict], target: Target, rules: Partitioning
    ) -> None:
        self.graph = graph
        self.verdicts = verdicts
        self.rules = rules
        shown = show(graph, target)
        self.view = shown.view
        self.apart = shown.apart
        self.stopped = _after_stops(self.view.graph, rules)
        self.seen = tuple(
            all(verdicts[origin] == shown.judged[origin] or verdicts[origin].validation
                == "accepted" for origin in origins)
            and verdict.validation == "accepted"
            for verdict, origins in zip(shown.verdicts, self.view.origins, strict=True)
        )  # fmt: skip
        self.pieces = cut_in_rounds(self.view.graph, self._takes, self.view.late)
        offered = [n for n, piece in enumerate(self.pieces) if self._is_worth(piece)]
        kept, _ = largest([self._size(self.pieces[number]) for number in offered], rules)
        self.kept = frozenset(offered[number] for number in kept)
        self.home = self._homes()

    def _takes(self, index: int, made: frozenset[int] | set[int]) -> bool:
        """Whether the provider takes a node into a wave that has made some values so far."""
        if not self.seen[index] or index in self.stopped:
            return False
        node = self.view.graph.nodes[index]
        behind = self.rules.only_behind.get(node.op)
        if behind is not None and not self._follows(node, behind):
            return False
        if node.op not in self.rules.quantised_inside or self.view.sizes[index] > 1:
            return True
        reads = node.inputs if node.op == "Concat" else node.inputs[:1]
        quantised = any(self.view.graph.values[value].dtype == "uint8" for value in reads[:1])
        return not quantised or all(value in made for value in reads)

    def _follows(self, node: Node, ops: Sequence[str]) -> bool:
        """Whether a node reads what one of some operators made that the provider has taken."""
        makers = self.view.graph.uses[node.inputs[0]].makers if node.inputs else ()
        return any(
            each.op in ops and self.seen[each.index] and self.view.sizes[each.index] == 1
            for each in makers
        )

    def _is_worth(self, piece: Piece) -> bool:
        if not piece.handed:
            return False
        if self.rules.needs_input and not piece.inputs:
            return False
        return self._alone(piece) not in self.rules.not_alone

    def _alone(self, piece: Piece) -> str:
        """The operator of a piece of one node; empty for another."""
        return self.view.graph.nodes[piece.nodes[0]].op if self._size(piece) == 1 else ""

    def _size(self, piece: Piece) -> int:
        return sum(self.view.sizes[index] for index in piece.nodes)

    def _homes(self) -> dict[int, int]:
        """The piece of each node of the file: one that is left behind, if any of it is."""
        homes: dict[int, int] = {}
        for number, piece in enumerate(self.pieces):
            for index in piece.nodes:
                for origin in self.view.origins[index]:
                    known = homes.get(origin)
                    if known is None or (known in self.kept and number not in self.kept):
                        homes[origin] = number
        return homes

    def settle(self) -> Delegation:
        """Say what comes out."""
        handed = [index for index, number in self.home.items() if number in self.kept]
        obstacle = unbuildable(self.graph, self.verdicts, sorted(handed), self.rules)
        doubtful = doubt(self.graph, self.verdicts, sorted(handed), (), self.rules)
        delegated: list[bool | None] = [False] * len(self.graph.nodes)
        if obstacle is None:
            for index in handed:
                delegated[index] = None if doubtful else True
            for index, verdict in enumerate(self.verdicts):
                if verdict.validation == "unknown":
                    delegated[index] = None
            for index in sorted(self.view.gone, reverse=True):
                delegated[index] = fate_of_absent(self.graph, index, delegated)
        return Delegation(
            tuple(self._partitions(obstacle is None)),
            tuple(delegated),
            None if obstacle is None else obstacle.message,
            obstacle,
            doubtful if obstacle is None else None,
            tuple(self._notes(doubtful)) if obstacle is None else (),
        )

    def _partitions(self, handing_over: bool) -> Iterator[Partition]:
        members: dict[int, list[int]] = {}
        for index, number in self.home.items():
            members.setdefault(number, []).append(index)
        for number, piece in enumerate(self.pieces):
            if number in members:
                yield Partition(
                    graph=self.graph.index,
                    runs_on=self.rules.runs_on if piece.handed else CPU,
                    nodes=tuple(sorted(members[number])),
                    handed_over=handing_over and number in self.kept,
                    bytes_in=total_bytes(self.view.graph, piece.inputs),
                    bytes_out=total_bytes(self.view.graph, piece.outputs),
                )

    def _notes(self, doubtful: str | None) -> Iterator[str]:
        """What the pieces alone do not show."""
        if doubtful is not None:
            yield doubtful
        unknown = sum(verdict.validation == "unknown" for verdict in self.verdicts)
        if unknown:
            yield f"nodes of which nothing is known ({unknown}) are cut as if they were refused"
        if self.view.gone:
            yield (
                f"nodes that ONNX Runtime computes or takes out while it loads the model "
                f"({len(self.view.gone)}) belong to no piece"
            )
        if self.stopped:
            stops = ", ".join(self.rules.stops)
            yield f"{stops} and all that follows it ({len(self.stopped)}) stays behind"
        alone = {self._alone(piece) for piece in self.pieces if piece.handed}
        dropped = sorted(alone.intersection(self.rules.not_alone))
        if dropped:
            yield f"pieces of one node are not handed over where it is {', '.join(dropped)}"
        if self.apart:
            ops = ", ".join(sorted({self.graph.nodes[index].op for index in self.apart}))
            yield _LATE.format(ops=ops)
        yield from self.view.notes


def _after_stops(graph: Graph, rules: Partitioning) -> frozenset[int]:
    """The nodes that end what is handed over, and all that follow them."""
    stopped: set[int] = set()
    tainted: set[int] = set()
    for node in graph.nodes:
        if node.op in rules.stops or not tainted.isdisjoint(node.inputs):
            stopped.add(node.index)
            tainted.update(value for value in node.outputs if value >= 0)
    return frozenset(stopped)
