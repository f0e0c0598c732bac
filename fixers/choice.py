"""What was decided about a place in a graph, and what every way there came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from npulint.fixers.record import Exactness
    from npulint.verdict import Status, Verdict

Answers: TypeAlias = "Mapping[str, Sequence[Verdict]]"
"""What each chosen target says about every node of a graph, by the target's name."""

_RANK: Mapping[Status, int] = {"unsupported": 0, "unknown": 1, "supported": 3}
_SEEN = 2
"""Between what nothing is known of and what is taken: the path takes it, the phone may not."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One realisation that was weighed.

    Attributes:
        name: The realisation, and those that it needed for its own nodes.
        exactness: How exact it is.
        macs: Multiply-accumulates of what it builds, None where it builds nothing.
        nodes: How many nodes it builds.
        bytes: Bytes of the activations that it makes.
        outcome: For each target what becomes of what it builds.
        note: What it said of itself, such as the residual of a fit.
        limits: Of each realisation in it that has any, by name.
        lost: Why it was not chosen; empty for the one that was.
    """

    name: str
    exactness: Exactness
    macs: int | None = None
    nodes: int = 0
    bytes: int = 0
    outcome: Mapping[str, Status] | None = None
    note: str = ""
    limits: Mapping[str, str] = field(default_factory=dict)
    lost: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was decided about one place.

    Attributes:
        graph: Index of its graph.
        nodes: Positions of its nodes in the file; none for what other realisations brought.
        op: What was met there: an operator, or a pattern of several.
        macs: Its multiply-accumulates before.
        before: What becomes of it on each target.
        realisation: The way chosen, None where no way is better.
        why: Why there is none; empty where there is.
        alternatives: Every way that was weighed.
        results: Names of the values that it makes.
    """

    graph: int
    nodes: tuple[int, ...]
    op: str
    macs: int | None
    before: Mapping[str, Status]
    realisation: str | None
    why: str
    alternatives: tuple[Alternative, ...]
    results: tuple[str, ...] = ()

    @property
    def chosen(self) -> Alternative | None:
        """The alternative that was taken."""
        return next((each for each in self.alternatives if each.name == self.realisation), None)


def _rank(target: str, verdict: Verdict) -> int:
    """How far a node gets: what a phone was seen to refuse perhaps is ahead of the unknown."""
    observed = all(each.constraint.startswith(f"{target}/") for each in verdict.reasons)
    if verdict.status == "unknown" and verdict.reasons and observed:
        return _SEEN
    return _RANK[verdict.status]


def worst(target: str, verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict that decides over nodes that only serve together."""
    return min(verdicts, key=lambda verdict: _rank(target, verdict))


def outcome(answers: Answers, nodes: Sequence[int]) -> dict[str, Status]:
    """What becomes of some nodes, taken together, on each target."""
    return {
        target: worst(target, [verdicts[index] for index in nodes]).status
        for target, verdicts in answers.items()
    }


def standing(answers: Answers, nodes: Sequence[int]) -> dict[str, int]:
    """How far some nodes get, taken together, on each target: the higher, the better."""
    return {
        target: min(_rank(target, verdicts[index]) for index in nodes)
        for target, verdicts in answers.items()
    }


def ranked(states: Mapping[str, Status]) -> dict[str, int]:
    """How far something gets at least of which only the statuses are known."""
    return {target: _RANK[state] for target, state in states.items()}


def taken(states: Mapping[str, Status]) -> bool:
    """Whether every target takes it."""
    return all(state == "supported" for state in states.values())


def gain(before: Mapping[str, int], after: Mapping[str, int]) -> int:
    """By how much further something gets; 0 where it gets less far on any target."""
    if not no_worse(before, after):
        return 0
    return sum(after[target] - far for target, far in before.items())


def no_worse(before: Mapping[str, int], after: Mapping[str, int]) -> bool:
    """Whether something gets at least as far on every target."""
    return all(after[target] >= far for target, far in before.items())


def left(answers: Answers, nodes: Sequence[int]) -> dict[str, int]:
    """How many of some nodes each target does not take."""
    return {
        target: sum(verdicts[index].status != "supported" for index in nodes)
        for target, verdicts in answers.items()
    }


def relieves(before: Mapping[str, int], after: Mapping[str, int]) -> bool:
    """Whether some target is left with fewer nodes, and none with more."""
    fewer = [count - after[target] for target, count in before.items()]
    return min(fewer, default=0) >= 0 and any(fewer)


def closeness(before: Mapping[str, Status], after: Mapping[str, Status]) -> tuple[int, int]:
    """On how many targets a way is no worse than what is there, and how much of it is taken."""
    fine = sum(_RANK[after[target]] >= _RANK[before[target]] for target in before)
    return fine, sum(_RANK[state] for state in after.values())


def objection(before: Mapping[str, int], answers: Answers) -> str:
    """What keeps new nodes from being taken, empty where all are; what is worse comes first."""
    said = []
    for target, verdicts in answers.items():
        verdict = worst(target, verdicts)
        reason = verdict.reasons[0].message if verdict.reasons else verdict.status
        if _rank(target, verdict) < before[target]:
            return f"worse on {target}: {reason}"
        if verdict.status != "supported":
            said.append(f"{target}: {reason}")
    return said[0] if said else ""


def runs_left(answers: Answers) -> int:
    """Runs of neighbouring nodes that some target does not take, summed over the targets."""
    count = 0
    for verdicts in answers.values():
        left = [verdict.status != "supported" for verdict in verdicts]
        count += sum(now and not before for before, now in zip([False, *left], left, strict=False))
    return count
