"""Node by node, what became of a model that was handed to ONNX Runtime's QNN provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from npulint.host.records import Identity, NodeAnswer, Piece, Status

if TYPE_CHECKING:
    from npulint.host.qnn_provider_log import ProviderLog
    from npulint.model import Graph, Model

Assignment: TypeAlias = "Sequence[tuple[str, Sequence[Identity]]]"
"""Which execution provider got which nodes, one entry a piece."""

PROVIDER = "QNNExecutionProvider"

BOUNDARY = "QNN EP is configured to not take"
"""Begins the reason for quantisations at the model's inputs and outputs, which stay on the CPU."""

UNSAID = "ONNX Runtime left it to the CPU and gives no reason."
"""What stands for a reason where none is given."""


def pieces_of(assignment: Assignment | None, log: ProviderLog, *, died: bool) -> tuple[Piece, ...]:
    """The pieces that were handed to the compiler.

    Args:
        assignment: Who got which nodes, None where no session came to be.
        log: The provider's log.
        died: Whether the compiler came to its end by itself, rather than by ours.
    """
    if assignment is not None:
        return tuple(
            Piece(tuple(nodes), compiled=True) for name, nodes in assignment if name == PROVIDER
        )
    pieces = []
    for place, nodes in enumerate(log.pieces):
        compiled = True if place < log.compiled else False if died else None
        pieces.append(Piece(tuple(nodes), compiled))
    return tuple(pieces)


def node_answers(
    model: Model,
    assignment: Assignment | None,
    log: ProviderLog,
    pieces: Sequence[Piece],
    reasons: Mapping[Identity, str],
) -> Iterator[NodeAnswer]:
    """What became of each node, in the order of the file."""
    if assignment is not None:
        taken = {node for name, nodes in assignment if name == PROVIDER for node in nodes}
        left = {node for name, nodes in assignment if name != PROVIDER for node in nodes}
        known = {node: _placed(node, taken, left) for node in taken | left}
    else:
        known = _checked(log, pieces)
    for graph in model.graphs:
        for node in graph.nodes:
            place = (node.graph, node.index)
            status = known.get(place) or _unseen(model, graph, known, assignment is not None)
            reason = reasons.get(place)
            if status == "refused" and reason is not None and reason.startswith(BOUNDARY):
                status = "boundary"
            told = (reason or _unsaid(model, graph),) if status in {"refused", "boundary"} else ()
            yield NodeAnswer(node.graph, node.index, node.op, node.name, status, told)


def _unsaid(model: Model, graph: Graph) -> str:
    """What stands for a reason where none is given."""
    if graph.parent is None:
        return UNSAID
    index, place = graph.parent
    runner = model.graphs[index].nodes[place]
    return f"It is within {runner.op} ({index}:{place}), which stays on the CPU."


def _placed(node: Identity, taken: set[Identity], left: set[Identity]) -> Status:
    """Where a function is called twice, its nodes are there twice: one refusal is a refusal."""
    return "refused" if node in left or node not in taken else "taken"


def _checked(log: ProviderLog, pieces: Sequence[Piece]) -> dict[Identity, Status]:
    """What is known of nodes where compilation did not come to its end."""
    known: dict[Identity, Status] = dict.fromkeys(log.passed, "validated")
    known.update(dict.fromkeys(log.refused, "refused"))
    for piece in pieces:
        if piece.compiled is not None:
            known.update(dict.fromkeys(piece.nodes, "taken" if piece.compiled else "failed"))
    return known


def _unseen(model: Model, graph: Graph, known: Mapping[Identity, Status], placed: bool) -> Status:
    """What became of a node that was spoken of nowhere.

    Where all that remained has been placed, it is gone: folded, or fused into another. Bodies go
    where the node goes that runs them. What functions hold is known under their callers' names.
    """
    if not placed or graph.kind == "function":
        return "unknown"
    parent = graph.parent
    while parent is not None:
        if parent in known:
            return "taken" if known[parent] == "taken" else "merged"
        parent = model.graphs[parent[0]].parent
    return "merged"
