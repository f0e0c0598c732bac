"""What the catalogue of realisations knows that would cure refused nodes.

Rules do not know the catalogue and the catalogue knows no rules; the engine brings the two
together here, for refused nodes only and within bounds that do not grow with the model.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from npulint import phone
from npulint.errors import ModelFileError
from npulint.finding import Remedy
from npulint.fixers.catalogue import FAMILIES
from npulint.fixers.legalise import Setting, weigh
from npulint.fixers.memory import Memory
from npulint.fixers.record import Policy, Refusal
from npulint.fixers.window import Window, form, giant, window_at
from npulint.opsets.table import Target
from npulint.verdict import judge_graph

if TYPE_CHECKING:
    from collections.abc import Hashable

    from npulint.finding import TargetResult
    from npulint.fixers.record import Family, Occurrence
    from npulint.model import Graph, Model
    from npulint.opsets.profile import Device
    from npulint.verdict import Status, Verdict

Place: TypeAlias = tuple[int, int]
"""A node: its graph and its position there."""

LOOKED_AT = 600
"""Nodes of a graph among which occurrences are looked for, from shortly before the first one that
is refused. What lies beyond, or is not asked about for the limits below, gets the names of what
is refused alike before it: the same operator, for the same reasons."""

WEIGHED = 96
"""Realisations that are built to ask the targets about them, in one model."""

WEIGHED_OF_ONE = 32
"""The same, of one family."""

QUESTIONS = 400
"""Times that a target is asked about what is built, in one model."""

_FAULTS = (
    ModelFileError, ArithmeticError, LookupError, ValueError, TypeError, MemoryError, struct.error,
)  # fmt: skip
"""What looking at a damaged model ends in, or at one whose weights are not where it says. That
is for the rules and the tables to say; here it only means that no cure is known."""

_MOVES = frozenset({
    "RESHAPE", "TRANSPOSE", "PAD", "SLICE", "STRIDED_SLICE", "SPLIT", "SPLIT_V", "CONCATENATION",
    "PACK", "UNPACK", "SQUEEZE", "EXPAND_DIMS", "DEPTH_TO_SPACE", "SPACE_TO_DEPTH",
})  # fmt: skip
"""Operators that move values about and compute nothing."""

_POLICY = Policy(allow="lossy")

_Kind: TypeAlias = "tuple[Hashable, ...]"
"""An operator and why a target refuses it."""


def remedies(
    model: Model, results: Sequence[TargetResult], asked: Sequence[Target | Device]
) -> dict[str, dict[Place, tuple[Remedy, ...]]]:
    """Name for each target what would cure the nodes that it refuses.

    A realisation is named when its reader finds the node, its preconditions hold, and the target
    takes all that it builds. Exact ones are named, others only where there is none.

    Args:
        model: The model.
        results: What each target makes of it, of those that refuse something.
        asked: These targets and devices.

    Returns:
        For each target's name the remedies by place; places without any are left out.
    """
    found: dict[str, dict[Place, tuple[Remedy, ...]]] = {each.target.name: {} for each in results}
    search = _Search(_Panel({each.name: each for each in asked}, model.opsets.get("", 0)))
    for graph in model.graphs:
        columns = [_Column(each, graph.index) for each in results]
        if any(column.refused for column in columns):
            for name, index, ways in search.through(graph, columns):
                found[name][graph.index, index] = ways
    return found


def _judged(graph: Graph, asked: Target | Device) -> Sequence[Verdict]:
    """What a target or a device makes of the nodes of a graph that stands for itself."""
    if isinstance(asked, Target):
        return judge_graph(graph, asked)
    verdicts = judge_graph(graph, asked.start.target)
    seen = phone.observe(graph, asked)
    return [phone.combine(*pair, asked) for pair in zip(verdicts, seen, strict=True)]


@dataclass(slots=True)
class _Panel:
    """The targets, asked in those groups that refuse the same thing."""

    asked: Mapping[str, Target | Device]
    opset: int
    settings: dict[frozenset[str], Setting] = field(default_factory=dict)

    def of(self, names: frozenset[str]) -> Setting:
        """The setting in which some of them are asked.

        It is without families of its own, so that each realisation is named for what it does
        alone.
        """
        known = self.settings.get(names)
        if known is None:
            some = [each for name, each in self.asked.items() if name in names]
            ask = Memory(lambda graph: {each.name: _judged(graph, each) for each in some})
            known = self.settings[names] = Setting(ask, self.opset, _POLICY, families=())
        return known


class _Column:
    """What one target says about the nodes of a graph."""

    def __init__(self, result: TargetResult, graph: int) -> None:
        self.name = result.target.name
        self.verdicts = result.verdicts[graph]
        self.refused = [i for i, v in enumerate(self.verdicts) if v.status == "unsupported"]

    def status(self, nodes: Iterable[int]) -> Status:
        """What becomes of some nodes, taken together."""
        states = {self.verdicts[index].status for index in nodes}
        return next((s for s in _WORST_FIRST if s in states), "supported")


@dataclass(slots=True)
class _Search:
    """One search through a model, with what is known of occurrences that were weighed before."""

    panel: _Panel
    spent: Counter[str] = field(default_factory=Counter)
    questions: int = 0
    skipped: set[int] = field(default_factory=set)
    known: dict[Hashable, Mapping[str, Status]] = field(default_factory=dict)

    def through(
        self, graph: Graph, columns: Sequence[_Column]
    ) -> Iterator[tuple[str, int, tuple[Remedy, ...]]]:
        """Each target's name with a node that it refuses and what would cure it."""
        refused = {index for column in columns for index in column.refused}
        window = window_at(graph, max(0, min(refused) - LOOKED_AT // 10), LOOKED_AT)
        self.skipped.clear()
        ways: dict[tuple[str, int], dict[Remedy, None]] = {}
        for family, occurrence in _occurrences(window.graph):
            places = window.places(occurrence)
            if refused.isdisjoint(places):
                continue
            with suppress(*_FAULTS):
                for name, remedy in self._cures(family, occurrence, window, columns):
                    for index in places:
                        ways.setdefault((name, index), {})[remedy] = None
        asked = {*range(window.start, window.start + len(window.graph.nodes))} - self.skipped
        for column in columns:
            alike: dict[_Kind, tuple[Remedy, ...]] = {}
            for index in column.refused:
                kind: _Kind = graph.nodes[index].op, column.verdicts[index].reasons
                own = _best(ways.get((column.name, index), ()))
                if not own and index not in asked:
                    own = alike.get(kind, ())
                if own:
                    alike.setdefault(kind, own)
                    yield column.name, index, own

    def _cures(
        self,
        family: Family[Any],
        occurrence: Occurrence[Any],
        window: Window,
        columns: Sequence[_Column],
    ) -> Iterator[tuple[str, Remedy]]:
        """What cures an occurrence on which target."""
        places = window.places(occurrence)
        states = {column.name: column.status(places) for column in columns}
        before = {name: state for name, state in states.items() if state == "unsupported"}
        kind = (frozenset(before), form(window.graph, occurrence))
        for way in family.ways if before else ():
            if way.exactness == "calibrated" or way.accepts(occurrence.found) is not None:
                continue
            key = (way.name, kind)
            if key not in self.known:
                if not self._affordable(family, len(before)):
                    self.skipped.update(places)
                    continue
                setting = self.panel.of(frozenset(before))
                found = weigh(way, window.graph, occurrence, before, setting)
                self.known[key] = found.outcome or {}
            moves = bool(way.uses) and _MOVES.issuperset(way.uses)
            for name, after in self.known[key].items():
                if after == "supported":
                    yield name, Remedy(way.name, way.exactness, moves=moves)

    def _affordable(self, family: Family[Any], questions: int) -> bool:
        """Whether one more realisation of a family may be built, which is then counted."""
        if self.spent[family.name] >= WEIGHED_OF_ONE or self.spent.total() >= WEIGHED:
            return False
        if self.questions >= QUESTIONS:
            return False
        self.spent[family.name] += 1
        self.questions += questions
        return True


def _occurrences(graph: Graph) -> Iterator[tuple[Family[Any], Occurrence[Any]]]:
    """All occurrences that can be rewritten, family by family."""
    for family in FAMILIES:
        with suppress(*_FAULTS):
            for occurrence in family.recognise(graph):
                if not isinstance(occurrence.found, Refusal) and not giant(graph, occurrence):
                    yield family, occurrence


_WORST_FIRST: tuple[Status, ...] = ("unsupported", "unknown")


def _best(ways: Iterable[Remedy]) -> tuple[Remedy, ...]:
    """The exact ones, or all where none is exact."""
    everything = tuple(ways)
    return tuple(way for way in everything if way.exactness == "exact") or everything
