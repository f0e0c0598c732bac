"""What several parts of the page ask of one model, worked out once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.cost import alive_bytes, node_macs
from npulint.reports.html.standing import Standing, standings

if TYPE_CHECKING:
    from npulint.cost import Summary
    from npulint.finding import ModelResult, TargetResult
    from npulint.model import Model
    from npulint.partition import Partition


@dataclass(frozen=True, slots=True)
class GatheredTarget:
    """What one target makes of each node, graph by graph.

    Attributes:
        result: All that it says.
        who: Who runs each node.
        pieces: The piece of each node, -1 where it belongs to none.
    """

    result: TargetResult
    who: tuple[tuple[Standing, ...], ...]
    pieces: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Gathered:
    """A model that could be read, and what the targets make of it.

    Attributes:
        result: What was found.
        model: The model.
        summary: Its figures.
        macs: Multiply-accumulates of each node, graph by graph.
        alive: Bytes of activations alive while each node runs, graph by graph; None where a size
            is unknown.
        targets: What each target makes of it.
    """

    result: ModelResult
    model: Model
    summary: Summary
    macs: tuple[tuple[int | None, ...], ...]
    alive: tuple[tuple[int, ...] | None, ...]
    targets: tuple[GatheredTarget, ...]


def gather(result: ModelResult) -> Gathered | None:
    """Work out what the page needs of a model; None for one that could not be read."""
    model, summary = result.model, result.summary
    if model is None or summary is None:
        return None
    return Gathered(
        result,
        model,
        summary,
        tuple(map(node_macs, model.graphs)),
        tuple(map(alive_bytes, model.graphs)),
        tuple(_target(each) for each in result.targets),
    )


def _target(result: TargetResult) -> GatheredTarget:
    pieces = tuple(_pieces(len(part.delegated), part.partitions) for part in result.delegations)
    return GatheredTarget(result, standings(result), pieces)


def _pieces(nodes: int, partitions: Sequence[Partition]) -> tuple[int, ...]:
    found = [-1] * nodes
    for number, piece in enumerate(partitions):
        for index in piece.nodes:
            found[index] = number
    return tuple(found)
