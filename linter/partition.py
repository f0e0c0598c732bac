"""Verdicts -> partitions: what of a graph a runtime hands over, and in which pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from npulint.bodies import Bodies
from npulint.dynamic import first_obstacle
from npulint.float16 import Lens, look_through
from npulint.obstacle import Obstacle
from npulint.opsets.tflite_kernels import CUSTOM
from npulint.pieces import DependencyError, Piece, cut, largest
from npulint.taken_back import doubt, incomplete, incompleteness, unbuildable

if TYPE_CHECKING:
    from npulint.model import Graph
    from npulint.opsets.table import Partitioning, Target
    from npulint.verdict import Verdict

_VALIDATION = "VALIDATION:"
"""How the names begin of graphs that the interpreter skips: google-ai-edge/LiteRT
tflite/core/interpreter.cc 440-446 and tflite/util.h 93-95 @f6745779."""

CPU = "cpu"
"""`Partition.runs_on` of a piece that the runtime keeps."""


@dataclass(frozen=True, slots=True)
class Partition:
    """One piece of a graph.

    Attributes:
        graph: Index of the graph.
        runs_on: What the piece is cut for: an accelerator path's short name, or `cpu`.
        nodes: Positions of its nodes, in an order in which they can run.
        handed_over: Whether the runtime hands it over, its limits and whole-model conditions
            applied.
        bytes_in: Bytes of the activations that it reads from outside, each tensor once and
            constants not counted; None where a size is unknown.
        bytes_out: Bytes of its results that are read outside; None where a size is unknown.
    """

    graph: int
    runs_on: str
    nodes: tuple[int, ...]
    handed_over: bool
    bytes_in: int | None
    bytes_out: int | None


@dataclass(frozen=True, slots=True)
class Delegation:
    """What one runtime hands over of one graph.

    Attributes:
        partitions: All pieces as cut, in the order in which they run. Nodes that are gone once
            the graph is handed over (DEQUANTIZE of float16 weights, what vanishes in a
            conversion) belong to none.
        delegated: For each node whether it is handed over; None where it may be.
        why_not: Why nothing of the graph is handed over, in one sentence; None where that is
            not the matter.
        obstacle: What `why_not` says, with its place.
        doubt: Why the delegation of the whole model may be taken back, in one sentence.
        notes: What else to know about this graph on this target, in sentences.
    """

    partitions: tuple[Partition, ...]
    delegated: tuple[bool | None, ...]
    why_not: str | None = None
    obstacle: Obstacle | None = None
    doubt: str | None = None
    notes: tuple[str, ...] = ()


def delegate_model(
    graphs: Sequence[Graph],
    verdicts: Sequence[Sequence[Verdict]],
    target: Target,
    *,
    vanishing: Sequence[frozenset[int]] = (),
) -> tuple[Delegation, ...]:
    """Predict what a runtime hands over of each graph of a model.

    TFLite offers the graphs to the delegate one after the other and stops at the first that
    cannot be offered (google-ai-edge/LiteRT tflite/core/interpreter.cc 433-451 @f6745779). Where
    a piece cannot be built, it takes back what it has handed over before (see
    `npulint.taken_back`). A compiler plugin is offered every graph but those that only describe
    a composite (see `npulint.plugged`).

    Args:
        graphs: The graphs of the model.
        verdicts: The target's verdicts, graph by graph.
        target: The target.
        vanishing: For each graph the nodes that are gone after its conversion.

    Returns:
        One delegation a graph.
    """
    gone = vanishing or (frozenset[int](),) * len(graphs)
    bodies = Bodies(graphs)
    never = dict(_never_offered(graphs, verdicts, target))
    results: list[Delegation] = []
    stop: Obstacle | None = None
    for graph, judged, absent in zip(graphs, verdicts, gone, strict=True):
        if graph.index in never:
            results.append(never[graph.index])
            continue
        result = delegate(graph, judged, target, vanishing=absent, bodies=bodies)
        if stop is not None and result.obstacle is None:
            result = _held_back(result, stop, "an earlier graph stops the delegation")
        stop = stop or result.obstacle
        results.append(result)
    if stop is not None and stop.kind in {"build", "whole"}:
        why = "another graph takes the delegation back"
        return tuple(r if r.obstacle else _held_back(r, stop, why) for r in results)
    doubts = any(result.doubt for result in results)
    return tuple(_in_doubt(result) for result in results) if doubts else tuple(results)


def _never_offered(
    graphs: Sequence[Graph], verdicts: Sequence[Sequence[Verdict]], target: Target
) -> Iterator[tuple[int, Delegation]]:
    """The graphs of which nothing is offered, by their positions.

    TFLite keeps those from delegates that serve to test the model on a phone.
    """
    rules = target.partitioning
    if rules is not None and rules.strategy == "litert-plugin":
        from npulint.plugged import described

        yield from described(graphs, verdicts).items()
        return
    note = f"graphs named {_VALIDATION}... test the model and are never offered to a delegate"
    for graph in graphs:
        if graph.dialect == "tflite" and graph.name.startswith(_VALIDATION):
            yield graph.index, Delegation((), (False,) * len(graph.nodes), notes=(note,))


def delegate(
    graph: Graph,
    verdicts: Sequence[Verdict],
    target: Target,
    *,
    vanishing: frozenset[int] = frozenset(),
    bodies: Bodies | None = None,
) -> Delegation:
    """Predict what a runtime hands over of one graph.

    Args:
        graph: The graph.
        verdicts: The target's verdict on each node.
        target: The target.
        vanishing: Nodes that are gone after the conversion by which the graph was judged.
        bodies: The graphs that control flow runs, which can have dynamic results.

    Returns:
        The pieces and what becomes of each node.
    """
    target = target.side(graph.dialect)
    rules = target.partitioning
    if rules is None:
        return _uncut(verdicts, target)
    if rules.strategy == "onnx-runtime":
        from npulint.provided import provide

        return provide(graph, verdicts, target, rules)
    if rules.strategy == "litert-plugin":
        from npulint.plugged import plug

        return plug(graph, verdicts, rules, vanishing)
    try:
        return _Handover(graph, verdicts, target, rules, vanishing).settle(bodies)
    except DependencyError as error:
        obstacle = Obstacle("order", None, None, str(error), rules.source)
        return Delegation((), (False,) * len(graph.nodes), obstacle.message, obstacle)


def _held_back(result: Delegation, stop: Obstacle, why: str) -> Delegation:
    """A graph that is not handed over because of another one."""
    obstacle = replace(stop, message=f"{why}: {stop.message}")
    return Delegation(
        tuple(replace(piece, handed_over=False) for piece in result.partitions),
        (False,) * len(result.delegated),
        obstacle.message,
        obstacle,
        notes=result.notes,
    )


def _in_doubt(result: Delegation) -> Delegation:
    """A graph of a model whose delegation may be taken back."""
    return replace(result, delegated=tuple(None if fate else fate for fate in result.delegated))


def _uncut(verdicts: Sequence[Verdict], target: Target) -> Delegation:
    """A target of which it is not known how it cuts a graph, so accepted nodes may be taken."""
    return Delegation(
        (),
        tuple(False if verdict.validation == "refused" else None for verdict in verdicts),
        notes=(f"how {target.name} cuts a graph into pieces is not known",),
    )


class _Handover:
    """The steps from verdicts to what is handed over, on one graph and one target."""

    def __init__(
        self,
        graph: Graph,
        verdicts: Sequence[Verdict],
        target: Target,
        rules: Partitioning,
        vanishing: frozenset[int],
    ) -> None:
        self.graph = graph
        self.verdicts = verdicts
        self.rules = rules
        self.vanishing = vanishing
        self.converted = graph.dialect == "onnx" and target.dialect == "tflite"
        self.notes: list[str] = []
        self.lens: Lens | None = None
        if rules.float16_constants == "look-through" and graph.dialect == "tflite":
            self.lens = look_through(graph, verdicts, target)
        if self.lens is None:
            accepted = tuple(verdict.validation == "accepted" for verdict in verdicts)
            self.pieces = cut(graph, accepted, vanishing=vanishing)
        else:
            self.verdicts = self.lens.verdicts
            self.pieces = cut(
                graph, self.lens.accepted, vanishing=self.lens.folded, reads=self.lens.reads
            )
        offered = [number for number, piece in enumerate(self.pieces) if piece.handed]
        kept, tied = largest([len(self.pieces[number].nodes) for number in offered], rules)
        self.kept = frozenset(offered[number] for number in kept)
        self.tied = frozenset(offered[number] for number in tied)
        self.doubt = self._doubt(dropped=len(kept) < len(offered))

    def _doubt(self, *, dropped: bool) -> str | None:
        """Why the whole delegation may be taken back, if it may."""
        if dropped and self.lens is not None and self.lens.reads:
            return (
                "float16 weights and more pieces than are handed over: the nodes left behind keep "
                "reading float16 on the CPU, and where a CPU kernel refuses that the runtime takes "
                "the whole delegation back"
            )
        if self.converted and self.rules.dynamic_tensors == "refused":
            from npulint.converted import dynamic_doubt

            dynamic = dynamic_doubt(self.graph)
            if dynamic is not None:
                return dynamic
        whole = incompleteness(self.verdicts, self.rules)
        if whole is not None:
            return whole
        sure, perhaps = self._nodes(self.kept - self.tied), self._nodes(self.tied)
        return doubt(self.graph, self.verdicts, sure, perhaps, self.rules)

    def settle(self, bodies: Bodies | None) -> Delegation:
        """Apply the conditions on the whole graph, and say what comes out."""
        obstacle = self._obstacle(bodies)
        delegated: list[bool | None] = [False] * len(self.graph.nodes)
        if obstacle is None:
            self._hand_over(delegated)
            self._explain()
        return Delegation(
            tuple(
                self._partition(piece, handed_over=obstacle is None and number in self.kept)
                for number, piece in enumerate(self.pieces)
            ),
            tuple(delegated),
            None if obstacle is None else obstacle.message,
            obstacle,
            self.doubt if obstacle is None else None,
            tuple(self.notes),
        )

    def _obstacle(self, bodies: Bodies | None) -> Obstacle | None:
        """What keeps the whole graph back, if anything does."""
        if self.graph.dialect == "tflite" and self.rules.dynamic_tensors == "refused":
            found = first_obstacle(self.graph, bodies)
            if found is not None:
                return found
        absent = self.vanishing if self.lens is None else self.lens.folded
        found = incomplete(self.graph, self.verdicts, self.rules, absent)
        if found is not None:
            return found
        kept = self._nodes(self.kept - self.tied)
        return unbuildable(self.graph, self.verdicts, kept, self.rules)

    def _nodes(self, numbers: Iterable[int]) -> Iterator[int]:
        """The nodes of some pieces."""
        for number in sorted(numbers):
            yield from self.pieces[number].nodes

    def _hand_over(self, delegated: list[bool | None]) -> None:
        """Say of each node what becomes of it."""
        for number in self.kept | self.tied:
            fate = None if self.doubt or number in self.tied else True
            for index in self.pieces[number].nodes:
                delegated[index] = fate
        for index, verdict in enumerate(self.verdicts):
            if verdict.validation == "unknown":
                delegated[index] = None
        if self.lens is not None:
            for index in self.lens.folded:
                delegated[index] = None if self.doubt else True
        for index in sorted(self.vanishing, reverse=True):
            delegated[index] = fate_of_absent(self.graph, index, delegated)

    def _explain(self) -> None:
        """Note what the pieces alone do not show."""
        if self.doubt is not None:
            self.notes.append(self.doubt)
        unknown = sum(verdict.validation == "unknown" for verdict in self.verdicts)
        if unknown:
            self.notes.append(
                f"nodes of which nothing is known ({unknown}) are cut as if they were refused"
            )
        if self.vanishing:
            self.notes.append(
                f"nodes that the conversion fuses into others or drops ({len(self.vanishing)}) "
                "belong to no piece"
            )
        if self.lens is not None and self.lens.folded:
            self.notes.append(
                f"DEQUANTIZE of float16 weights ({len(self.lens.folded)}) is folded into the "
                "nodes that read it, and belongs to no piece"
            )
        foreign = {n.op for n in self.graph.nodes if n.custom} - CUSTOM
        if foreign and self.graph.dialect == "tflite":
            self.notes.append(
                f"custom operators ({', '.join(sorted(foreign))}) need kernels that the "
                "application registers; without them nothing is handed over"
            )
        if self.tied:
            self.notes.append(
                f"{len(self.tied)} pieces of equal size compete for the last places; which of "
                "them are handed over depends on the C++ library of the runtime"
            )

    def _partition(self, piece: Piece, *, handed_over: bool) -> Partition:
        return Partition(
            graph=self.graph.index,
            runs_on=self.rules.runs_on if piece.handed else CPU,
            nodes=piece.nodes,
            handed_over=handed_over,
            bytes_in=total_bytes(self.graph, piece.inputs),
            bytes_out=total_bytes(self.graph, piece.outputs),
        )


def fate_of_absent(graph: Graph, index: int, delegated: Sequence[bool | None]) -> bool | None:
    """A vanished node goes where its readers go, or where its results come from."""
    network = graph.network
    around = list(network.successors(index)) or list(network.predecessors(index))
    fates = {delegated[other] for other in around}
    if True in fates:
        return True
    return None if None in fates else False


def total_bytes(graph: Graph, values: Iterable[int]) -> int | None:
    """Bytes that some activations take together, None where a size is unknown."""
    total = 0
    for value in values:
        size = graph.values[value].nbytes
        if size is None:
            return None
        total += size
    return total
