"""Choosing what takes the place of a layer, by what the support tables say of its export.

The rules are those by which `fix` chooses for nodes: a way is taken when it is better on some
target and worse on none, and of those the one that is better on most, then the cheapest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.cost import node_macs
from npulint.fixers.choice import Answers, gain, objection, outcome, runs_left, standing, worst
from npulint.fixers.record import EXACTNESSES, Policy
from npulint.judging import node_verdicts
from npulint.preparing.records import Lost, Said, Standing

if TYPE_CHECKING:
    from npulint.fixers.record import Exactness
    from npulint.model import Model
    from npulint.opsets.profile import Device
    from npulint.opsets.table import Target
    from npulint.preparing.records import Opinions


@dataclass(frozen=True, slots=True)
class Form:
    """What a layer, or what may take its place, exports to: one model for each size it meets.

    Attributes:
        name: The way, or the layer's own class.
        exactness: How exact it is.
        models: What it exports to; empty where it cannot be exported, or does not apply.
        why: Why there is none.
        note: What it has to say of itself.
    """

    name: str
    exactness: Exactness
    models: tuple[Model, ...]
    why: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a choice came to.

    Attributes:
        chosen: Place of the way among those that were weighed, None where none is better.
        why: Why none is.
        before: What the targets say of the layer.
        after: What they say of the way.
        lost: The ways that were not taken, and why.
    """

    chosen: int | None
    why: str
    before: Opinions
    after: Opinions
    lost: tuple[Lost, ...]


@dataclass(frozen=True, slots=True)
class _Weighed:
    place: int
    gain: int
    cost: tuple[int, ...]


class Jury:
    """The chosen targets, and what a choice goes by.

    Args:
        asked: The targets and devices.
        policy: What a choice goes by.
        little: Multiply-accumulates that are always worth a lifted doubt: those of the whole
            network by a hundred, so that what has none of its own may get some.
    """

    def __init__(self, asked: Sequence[Target | Device], policy: Policy, little: int) -> None:
        self.asked = tuple(asked)
        self.policy = policy
        self.little = little

    def answers(self, models: Sequence[Model]) -> Answers:
        """What each target says of every node of some models, one after the other."""
        return {
            each.name: [
                verdict for model in models for graph in node_verdicts(model, each)
                for verdict in graph
            ]
            for each in self.asked
        }  # fmt: skip

    def choose(self, own: Form, ways: Sequence[Form]) -> Decision:
        """Choose among ways to do what a layer does.

        Args:
            own: The layer as it is.
            ways: What may take its place.
        """
        answers = self.answers(own.models)
        count = _count(answers)
        before, far = opinions(answers), standing(answers, range(count))
        if all(each.status == "supported" for each in before.values()):
            why = (
                "alone it is taken by every target; it is refused, or in doubt, for where it stands"
            )
            return Decision(None, why, before, {}, ())
        refused = "unsupported" in outcome(answers, range(count)).values()
        weighed: list[_Weighed] = []
        lost: dict[int, str] = {}
        for place, way in enumerate(ways):
            found = self._weigh(place, way, far, refused, macs_of(own.models))
            if isinstance(found, _Weighed):
                weighed.append(found)
            else:
                lost[place] = found
        best = min(weighed, key=lambda each: (-each.gain, each.cost), default=None)
        if best is None:
            return Decision(None, _nothing(ways, lost), before, {}, _lost(ways, lost))
        for each in weighed:
            if each is not best:
                lost[each.place] = f"{ways[best.place].name} serves the targets more, or costs less"
        after = opinions(self.answers(ways[best.place].models))
        return Decision(best.place, "", before, after, _lost(ways, lost))

    def _weigh(
        self, place: int, way: Form, far: Mapping[str, int], refused: bool, macs: int | None
    ) -> _Weighed | str:
        """What a way is worth, or why it is worth nothing."""
        if not self.policy.allows(way.exactness):
            return f"it is {way.exactness}: it needs allow={way.exactness!r}"
        if way.why or not way.models:
            return way.why or "it cannot be exported"
        answers = self.answers(way.models)
        better = gain(far, standing(answers, range(_count(answers))))
        if not better:
            return objection(far, answers) or "no better than what is there"
        grown = macs_of(way.models)
        if not refused and self._too_dear(macs or 0, grown or 0):
            return f"it would only lift a doubt, for {grown:,} multiply-accumulates"
        cost = (
            runs_left(answers),
            EXACTNESSES.index(way.exactness),
            grown or 0,
            _bytes(way.models),
            _count(answers),
        )
        return _Weighed(place, better, cost)

    def _too_dear(self, before: int, after: int) -> bool:
        return after > max(before * self.policy.doubt, before + self.little)


def opinions(answers: Answers) -> dict[str, Said]:
    """What each target says of all nodes taken together."""
    said = {}
    for target, verdicts in answers.items():
        if not verdicts:
            said[target] = Said("supported")
            continue
        verdict = worst(target, verdicts)
        reason = verdict.reasons[0] if verdict.reasons else None
        said[target] = Said(
            verdict.status, reason.message if reason else "", reason.source if reason else ""
        )
    return said


def standings(answers: Answers) -> dict[str, Standing]:
    """How many nodes each target refuses, and of how many it is not known."""
    return {
        target: Standing(
            len(verdicts),
            sum(each.status == "unsupported" for each in verdicts),
            sum(each.status == "unknown" for each in verdicts),
        )
        for target, verdicts in answers.items()
    }


def macs_of(models: Sequence[Model]) -> int | None:
    """Multiply-accumulates of some models together, None where they are not known."""
    counts = [count for model in models for count in node_macs(model.graphs[0])]
    return None if None in counts else sum(count or 0 for count in counts)


def _bytes(models: Sequence[Model]) -> int:
    graphs = [model.graphs[0] for model in models]
    return sum(
        graph.values[index].nbytes or 0
        for graph in graphs for node in graph.nodes for index in node.outputs if index >= 0
    )  # fmt: skip


def _count(answers: Answers) -> int:
    return max((len(verdicts) for verdicts in answers.values()), default=0)


def _nothing(ways: Sequence[Form], lost: Mapping[int, str]) -> str:
    if not ways:
        return "the catalogue has no way for a layer of this kind"
    built = [place for place, way in enumerate(ways) if way.models and place in lost]
    if not built:
        place = min(lost)
        return f"no way serves: {ways[place].name}, {lost[place]}"
    return f"no way is better on any target: {ways[built[0]].name}, {lost[built[0]]}"


def _lost(ways: Sequence[Form], lost: Mapping[int, str]) -> tuple[Lost, ...]:
    return tuple(Lost(ways[place].name, why) for place, why in sorted(lost.items()))
