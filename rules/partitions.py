"""Partitions: how the runtime cuts a model into pieces, and what that costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from npulint.finding import Evidence, Finding
from npulint.partition import CPU
from npulint.rules.record import Rule, target_rule
from npulint.rules.words import plural, share, size

if TYPE_CHECKING:
    from npulint.model import Graph
    from npulint.partition import Delegation, Partition
    from npulint.rules.view import OnTarget

_MANY_PIECES = 3
"""Pieces on the accelerator up to which a graph does not count as fragmented: as many as TFLite's
NNAPI delegate hands over unless the application asks for more (google-ai-edge/LiteRT
tflite/delegates/nnapi/nnapi_delegate.h 88-133 @f6745779). Its authors took more to be no gain."""

_FEW = 4
"""Nodes whose cure is worth telling of although they are more than one in ten of the graph."""

_FEW_OF = 10
"""One in so many nodes at most is few, in a large graph."""

_LIGHT = 1024 * 1024
"""Bytes a run below which borders are no matter: copying them takes a tenth of a millisecond."""

_HEAVY_BORDER = 0.5
"""Share of all that the nodes write from which border traffic dominates: half of it is then
written or read once more outside, so the copies move as much memory as every second operator."""


@target_rule("NPU201", "fragmented-graph", "warning", since="0.1.0")
def fragmented_graph(here: OnTarget) -> Iterator[Finding]:
    """Finds graphs that the runtime cuts into more than 3 pieces for the accelerator.

    Why it matters: each piece is compiled, started and waited for by itself, and between two of
    them the CPU works on activations that have to be copied. A runtime may drop the smaller
    pieces altogether (NPU204).

    Example: a U-Net on `nnapi-1.1`, whose transposed convolutions, one at each of four levels,
    leave five pieces.

    What to do: cure the operators that part the pieces; NPU202 says when few are enough.

    Limits: counted are the pieces that are meant for the accelerator, whether or not the runtime
    hands all of them over. The number 3 is what TFLite's NNAPI delegate hands over by default;
    runtimes without a limit are measured by it too, since each piece costs its start there as
    well.
    """
    for graph, _, delegation in here.graphs():
        able = _able(delegation)
        if len(able) > _MANY_PIECES and not delegation.why_not:
            sizes = ", ".join(f"{len(piece.nodes)}" for piece in able[:8])
            more = ", ..." if len(able) > 8 else ""
            yield here.whole(
                f"cut into {len(able)} pieces for {able[0].runs_on} (of {sizes}{more} nodes), with "
                "work on the CPU between them",
                graph=graph,
                evidence=_cited(here),
            )


@target_rule("NPU202", "islands-worth-joining", "warning", since="0.1.0")
def islands_worth_joining(here: OnTarget) -> Iterator[Finding]:
    """Finds graphs of which a few nodes keep all accelerator pieces apart.

    Why it matters: curing these few makes one piece of all, and nothing crosses a border any
    more. It is usually the cheapest thing to do about a model.

    Example: four transposed convolutions that cut a U-Net of 53 nodes into five pieces.

    What to do: cure the nodes that the finding names, all of them; each one left leaves a cut.
    `npulint fix` tries.

    Limits: few are 4 nodes, or one in ten of the graph where that is more. A larger set is named
    in the target's section of the report only.
    """
    for join in here.result.joins:
        graph, delegation = here.model.graphs[join.graph], here.result.delegations[join.graph]
        if delegation.why_not or len(join.nodes) > max(_FEW, len(graph.nodes) // _FEW_OF):
            continue
        ops = Counter(graph.nodes[index].op for index in join.nodes)
        named = ", ".join(f"{op} x{n}" if n > 1 else op for op, n in ops.most_common())
        verb = "keeps" if len(join.nodes) == 1 else "keep"
        border = "" if join.border_bytes is None else f" that carry {size(join.border_bytes)} a run"
        yield here.whole(
            f"{len(join.nodes)} of {plural(len(graph.nodes), 'node')} ({named}) {verb} "
            f"{join.pieces} pieces apart, with borders{border}; cured, all is one piece",
            graph=graph,
            evidence=_cited(here),
            others=join.nodes,
        )


@target_rule("NPU203", "border-traffic", "warning", since="0.1.0")
def border_traffic(here: OnTarget) -> Iterator[Finding]:
    """Finds graphs whose pieces hand each other more than half of what their nodes write.

    Why it matters: what crosses a border is copied, often converted, and the accelerator waits
    for it. Where the copies move as much memory as the computation itself, a faster accelerator
    changes little.

    Example: an operator at full resolution between two pieces that stays on the CPU: 64 channels
    of 1280x720 floats go out and come back, 472 MB a run.

    What to do: cure what runs on the CPU at high resolution first; move a cheap operator that
    stays refused to where the maps are small.

    Limits: below 1 MiB a run nothing is said. The model's own inputs and outputs cross in any
    case and are taken off. Bytes are
    counted as the file has them; a runtime that keeps both sides in shared memory copies less.
    """
    for graph, _, delegation in here.graphs():
        handed = [piece for piece in _able(delegation) if piece.handed_over]
        if not handed or len(delegation.partitions) == 1:
            continue
        crossing = _crossing(graph, handed)
        written = _bytes(graph, {i for node in graph.nodes for i in node.outputs if i >= 0})
        if crossing is not None and written and crossing > max(_LIGHT, _HEAVY_BORDER * written):
            yield here.whole(
                f"{size(crossing)} a run cross the borders of {plural(len(handed), 'piece')}, "
                f"{share(crossing / written)} of the {size(written)} that all nodes write",
                graph=graph,
                evidence=_cited(here),
            )
        elif crossing is None or written is None:
            cut = [graph.nodes[index] for piece in handed for index in piece.nodes]
            yield from here.unsure(cut, "the size of some activation is not known")


@target_rule("NPU204", "left-behind-operator", "warning", since="0.1.0")
def left_behind_operator(here: OnTarget) -> Iterator[Finding]:
    """Finds pieces that are accepted and still run on the CPU, because of a limit on pieces.

    Why it matters: the runtime hands over only its few largest pieces. A graph that refused
    operators cut into more pieces loses the smaller ones although every operator in them is
    accepted.

    Example: the NNAPI delegate hands over 3 pieces unless the application asks for more; a
    network with a refused operator at each of five levels loses two or three pieces.

    What to do: cure the refused operators that cut the pieces apart.

    Limits: where pieces of equal size compete, which of them survives depends on the C++
    library that the runtime was built with; NPU105 says so.
    """
    for graph, _, delegation in here.graphs():
        if delegation.why_not:
            continue
        behind = [
            sorted(piece.nodes)
            for piece in _able(delegation)
            if not piece.handed_over
            and all(delegation.delegated[index] is False for index in piece.nodes)
        ]
        for first, *others in sorted(behind):
            piece = plural(1 + len(others), "node")
            why = f"accepted, but its piece of {piece} is not handed over: {_limit(here)}"
            yield here.at(graph.nodes[first], why, others=others, evidence=_cited(here))


def _able(delegation: Delegation) -> list[Partition]:
    """The pieces that are meant for the accelerator."""
    return [piece for piece in delegation.partitions if piece.runs_on != CPU]


def _cited(here: OnTarget) -> Iterator[Evidence]:
    """Where it is written down how the runtime cuts."""
    if here.target.partitioning is not None:
        yield Evidence(f"how pieces are cut: {_limit(here)}", here.target.partitioning.source)


def _limit(here: OnTarget) -> str:
    limits = here.target.partitioning
    said = []
    if limits is None:
        return "how the runtime cuts is not known"
    if limits.max_partitions:
        said.append(f"at most {limits.max_partitions} pieces are, the largest first")
    if limits.min_nodes > 1:
        said.append(f"a piece needs at least {limits.min_nodes} nodes")
    return " and ".join(said) or "the runtime keeps it"


def _crossing(graph: Graph, pieces: Iterable[Partition]) -> int | None:
    """Bytes that enter or leave pieces, less what enters and leaves the model in any case."""
    own = _bytes(graph, {*graph.inputs, *graph.outputs})
    total = 0
    for piece in pieces:
        if piece.bytes_in is None or piece.bytes_out is None:
            return None
        total += piece.bytes_in + piece.bytes_out
    return None if own is None else max(0, total - own)


def _bytes(graph: Graph, values: Iterable[int]) -> int | None:
    """Bytes of some values together; None where a size is unknown."""
    sizes = [graph.values[value].nbytes for value in values]
    known = [each for each in sizes if each is not None]
    return sum(known) if len(known) == len(sizes) else None


RULES: tuple[Rule, ...] = (
    fragmented_graph,
    islands_worth_joining,
    border_traffic,
    left_behind_operator,
)
