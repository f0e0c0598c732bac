"""The portability map: what every target and device makes of the reference networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npulint.finding import ModelResult, TargetResult


@dataclass(frozen=True, slots=True)
class Cell:
    """What one target makes of one file.

    Attributes:
        nodes: Share of nodes that it gets for certain, from 0 to 1; where nobody knows how it
            cuts a graph, share of those that it supports.
        possible: Share of nodes that it may get; never less than `nodes`.
        macs: Share of multiply-accumulates that it gets for certain; None where that is not known.
        pieces: How many pieces it gets; None where nobody knows how it cuts a graph.
        refused: How many nodes of each operator it refuses.
        unknown: Of how many nodes of each operator nothing is known.
    """

    nodes: float
    possible: float
    macs: float | None
    pieces: int | None
    refused: Mapping[str, int]
    unknown: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Form:
    """One file of a network.

    Attributes:
        recipe: How it was exported, in a few words.
        operators: How many nodes of each operator it has.
        cells: What each target makes of it; empty where the exporter refused.
        refusal: Why the exporter refused, else None.
    """

    recipe: str
    operators: Mapping[str, int]
    cells: Mapping[str, Cell]
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One network, in each form that was asked for.

    Attributes:
        network: Its name.
        label: What fixes its layers.
        source: The paper that evaluates it.
        image: The input's shape [H, W, C].
        forms: Its files.
    """

    network: str
    label: str
    source: str
    image: tuple[int, int, int]
    forms: tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class Map:
    """What became of every network everywhere.

    Attributes:
        columns: The targets and devices that were asked, each with its group.
        versions: The versions of the exporters' packages.
        rows: The networks.
    """

    columns: tuple[tuple[str, str], ...]
    versions: Mapping[str, str]
    rows: tuple[Row, ...]


DEVICES = "devices"
"""The group of the columns that are phones and chips."""


def judged(result: ModelResult) -> tuple[dict[str, int], dict[str, Cell]]:
    """How many nodes of each operator a file has, and what each target makes of it."""
    assert result.model is not None, result.error
    names = [[node.op for node in graph.nodes] for graph in result.model.graphs]
    operators = Counter(name for graph in names for name in graph)
    cells = {each.target.name: _cell(each, names) for each in result.targets}
    return dict(sorted(operators.items())), cells


def _cell(result: TargetResult, names: Sequence[Sequence[str]]) -> Cell:
    statuses = [verdict.status for graph in result.verdicts for verdict in graph]
    flat = [name for graph in names for name in graph]
    refused = Counter(n for n, s in zip(flat, statuses, strict=True) if s == "unsupported")
    unknown = Counter(n for n, s in zip(flat, statuses, strict=True) if s == "unknown")
    total = len(flat) or 1
    if result.target.partitioning is None:
        taken = statuses.count("supported") / total
        possible = (total - statuses.count("unsupported")) / total
        return Cell(taken, possible, None, None, _sorted(refused), _sorted(unknown))
    delegated = [each for part in result.delegations for each in part.delegated]
    return Cell(
        nodes=result.coverage.nodes,
        possible=(total - delegated.count(False)) / total,
        macs=result.coverage.macs,
        pieces=sum(each.handed_over and each.runs_on != "cpu" for each in result.partitions),
        refused=_sorted(refused),
        unknown=_sorted(unknown),
    )


def _sorted(counted: Counter[str]) -> dict[str, int]:
    return dict(sorted(counted.items()))
