"""Who runs each node on a target, as a reader asks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from npulint.partition import CPU

if TYPE_CHECKING:
    from npulint.finding import TargetResult
    from npulint.partition import Delegation, Partition
    from npulint.verdict import Verdict

Standing: TypeAlias = Literal["accelerator", "cpu", "left", "doubt", "unknown"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One answer to the question who runs a node.

    Attributes:
        name: Its name in the page's markup.
        letter: What stands for it in columns of many nodes.
        label: What it is called.
        meaning: What that says, in a sentence.
    """

    name: Standing
    letter: str
    label: str
    meaning: str


KINDS = (
    Kind("accelerator", "a", "accelerator", "handed over to the accelerator"),
    Kind("cpu", "c", "CPU", "runs on the CPU"),
    Kind("left", "l", "left behind", "accepted, and left behind by the limit on pieces"),
    Kind("doubt", "d", "in doubt", "accepted, but it may still run on the CPU"),
    Kind("unknown", "u", "unknown", "cannot be decided from the file"),
)
"""Every answer, from the best to the least certain."""

LETTERS: dict[Standing, str] = {kind.name: kind.letter for kind in KINDS}


def standings(result: TargetResult) -> tuple[tuple[Standing, ...], ...]:
    """Who runs each node on a target, graph by graph."""
    pairs = zip(result.verdicts, result.delegations, strict=True)
    return tuple(_of_graph(verdicts, delegation) for verdicts, delegation in pairs)


def _of_graph(verdicts: Sequence[Verdict], delegation: Delegation) -> tuple[Standing, ...]:
    behind = {
        index
        for piece in delegation.partitions
        if of_piece(piece, delegation) == "left"
        for index in piece.nodes
    }
    return tuple(
        [
            _of_node(verdict, delegated, left=index in behind)
            for index, (verdict, delegated) in enumerate(
                zip(verdicts, delegation.delegated, strict=True)
            )
        ]
    )


def of_piece(piece: Partition, delegation: Delegation) -> Standing:
    """Who runs a piece."""
    if piece.runs_on == CPU or delegation.why_not is not None:
        return "cpu"
    if not piece.handed_over:
        return "left"
    sure = all(delegation.delegated[index] is not None for index in piece.nodes)
    return "accelerator" if sure else "doubt"


def called(standing: Standing, runs_on: str) -> str:
    """What that is called in a list of pieces.

    Args:
        standing: Who runs a piece.
        runs_on: What the target calls the accelerator path that pieces are cut for.
    """
    return {"cpu": "CPU", "left": "CPU (left behind)"}.get(standing, runs_on)


def _of_node(verdict: Verdict, delegated: bool | None, *, left: bool) -> Standing:
    if delegated:
        return "accelerator"
    if delegated is None:
        return "unknown" if verdict.status == "unknown" else "doubt"
    return "left" if left else "cpu"
