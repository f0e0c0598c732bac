"""Partitions: how the runtime cuts a model into pieces, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from npulint.finding import Finding
from npulint.rules.record import Rule, target_rule

if TYPE_CHECKING:
    from npulint.rules.view import OnTarget


@target_rule("NPU204", "left-behind-operator", "warning", since="0.1.0")
def left_behind_operator(here: OnTarget) -> Iterator[Finding]:
    """Finds operators that are accepted and still run on the CPU, because of a limit on pieces.

    Why it matters: the runtime hands over only its few largest pieces. A graph that refused
    operators cut into more pieces loses the smaller ones although every operator in them is
    accepted.

    Example: the NNAPI delegate hands over 3 pieces unless the application asks for more; a
    network with a refused operator at each of five levels loses two or three pieces.

    What to do: cure the refused operators that cut the pieces apart.

    Limits: where pieces of equal size compete, which of them survives depends on the C++
    library that the runtime was built with; the finding says so.
    """
    for graph, delegation in zip(here.model.graphs, here.result.delegations, strict=True):
        if delegation.why_not:
            continue
        behind = [
            (index, len(piece.nodes))
            for piece in delegation.partitions
            if piece.runs_on != "cpu" and not piece.handed_over
            for index in piece.nodes
        ]
        for index, size in sorted(behind):
            why = f"accepted, but its piece of {size} nodes is not handed over: {_limit(here)}"
            yield here.at(graph.nodes[index], why)


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


RULES: tuple[Rule, ...] = (left_behind_operator,)
