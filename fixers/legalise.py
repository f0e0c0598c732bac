"""Choosing for what the chosen targets refuse the realisations that they take, at least cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from npulint.fixers.building.bounds import TooLargeError
from npulint.fixers.building.builder_onnx import OnnxBuilder
from npulint.fixers.building.builder_tflite import TFLiteBuilder
from npulint.fixers.catalogue import FAMILIES
from npulint.fixers.choice import (
    Alternative,
    Answers,
    Choice,
    closeness,
    gain,
    left,
    no_worse,
    objection,
    outcome,
    ranked,
    relieves,
    runs_left,
    standing,
    taken,
)
from npulint.fixers.fitting import fit_in_turn
from npulint.fixers.memory import Ask
from npulint.fixers.reading import empty
from npulint.fixers.record import EXACTNESSES, Policy, Refusal
from npulint.fixers.surgery import Fragment, Patch, apply, make_fragment
from npulint.model import OMITTED
from npulint.operators.macs import macs

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder, Samples
    from npulint.fixers.fitting import Again, Begin
    from npulint.fixers.record import Criterion, Family, Occurrence, Realisation
    from npulint.model import Graph
    from npulint.verdict import Status

_DEPTH = 3
"""Realisations within realisations: deeper ones have not been seen to serve anything."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What does not change between one place and the next.

    Attributes:
        ask: The chosen targets.
        opset: ONNX: the version of the standard operator set.
        policy: What a choice goes by.
        begin: Sends the user's samples through a graph; None where there are none.
        families: The catalogue.
        little: Multiply-accumulates that are always worth a lifted doubt: those of the whole
            model by a hundred, so that what has none of its own may get some.
        step: Called with how many occurrences have been looked at, and of how many.
        samples: What the user's come to at a place that is being fitted; None before that.
    """

    ask: Ask
    opset: int
    policy: Policy = field(default_factory=Policy)
    begin: Begin | None = None
    families: tuple[Family[Any], ...] = FAMILIES
    little: int = 0
    step: Callable[[int, int], None] | None = None
    samples: Samples | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where ways are weighed: an occurrence, how far it gets, and what encloses it."""

    graph: Graph
    occurrence: Occurrence[Any]
    before: Mapping[str, Status]
    standing: Mapping[str, int]
    left: Mapping[str, int]
    within: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Weighed:
    way: Realisation[Any]
    alternative: Alternative
    fragment: Fragment | None = None
    gain: int = 0
    cost: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A place, all that was weighed there, and what is taken."""

    place: _Place
    family: str
    weighed: Sequence[_Weighed]
    best: _Weighed

    def fitted(self, setting: Setting) -> _Chosen:
        """The same with what is taken built again in another setting."""
        best = _weigh(self.best.way, self.place, setting, self.family)
        weighed = [best if each is self.best else each for each in self.weighed]
        return replace(self, weighed=weighed, best=best)


def legalise(
    graph: Graph,
    setting: Setting,
    keep: frozenset[int] = frozenset(),
    within: tuple[str, ...] = (),
) -> tuple[tuple[Patch, ...], tuple[Choice, ...]]:
    """Choose patches for what some target does not take.

    A way is taken when it is better on some target and worse on none; of those the one that is
    better on most, then the cheapest. Patterns of several nodes come before single nodes. What a
    way builds is legalised in its turn, by families that it is not itself within.

    Args:
        graph: The graph.
        setting: Targets, policy, samples and catalogue.
        keep: Values that something outside the graph refers to.
        within: Families whose realisations the graph is made by.

    Returns:
        The patches, and what was decided about every occurrence that some target refuses or
        cannot be decided about.
    """
    answers = setting.ask(graph)
    chosen: list[_Chosen] = []
    choices: list[Choice] = []
    covered: set[int] = set()
    met = _occurrences(graph, setting.families, within)
    for number, (family, occurrence) in enumerate(met):
        if setting.step is not None:
            setting.step(number, len(met))
        if covered.intersection(occurrence.nodes):
            continue
        before = outcome(answers, occurrence.nodes)
        if taken(before):
            continue
        place = _Place(
            graph=graph,
            occurrence=occurrence,
            before=before,
            standing=standing(answers, occurrence.nodes),
            left=left(answers, occurrence.nodes),
            within=within,
        )
        refusal = _refusal(place, keep)
        if refusal is not None:
            choices.append(_choice(place, None, refusal.reason, ()))
            continue
        weighed = [_weigh(way, place, setting, family.name) for way in family.ways]
        best = min(
            (each for each in weighed if each.gain > 0),
            key=lambda each: (-each.gain, each.cost),
            default=None,
        )
        if best is None:
            choices.append(_decided(place, weighed, None))
        else:
            chosen.append(_Chosen(place, family.name, weighed, best))
            covered.update(occurrence.nodes)
    patches = _fitted(graph, chosen, setting, keep)
    choices += (_decided(each.place, each.weighed, each.best) for each in chosen)
    return tuple(patches), tuple(sorted(choices, key=lambda choice: choice.nodes))


def _fitted(
    graph: Graph, chosen: list[_Chosen], setting: Setting, keep: frozenset[int]
) -> list[Patch]:
    """The patches chosen, and where there are samples those that are not exact fitted to them.

    Those among `chosen` come to be what they are after that.
    """
    patches = [_patch(each.best, each.place) for each in chosen]
    if setting.begin is None:
        return patches

    def again(number: int) -> Again:
        def build(samples: Samples) -> Patch:
            chosen[number] = chosen[number].fitted(replace(setting, samples=samples))
            return _patch(chosen[number].best, chosen[number].place)

        return build

    inexact = [n for n, each in enumerate(chosen) if each.best.alternative.exactness != "exact"]
    if not inexact:
        return patches
    ways = {number: again(number) for number in inexact}
    return fit_in_turn(graph, patches, ways, setting.begin, keep)


def _patch(weighed: _Weighed, place: _Place) -> Patch:
    if weighed.fragment is None:
        raise AssertionError("only chosen where it can be built")
    return Patch(weighed.fragment, place.occurrence.nodes)


def weigh(
    way: Realisation[Any],
    graph: Graph,
    occurrence: Occurrence[Any],
    before: Mapping[str, Status],
    setting: Setting,
) -> Alternative:
    """Say what one realisation of an occurrence would come to, without choosing it.

    Args:
        way: The realisation; its preconditions hold.
        graph: The graph.
        occurrence: Where in the graph.
        before: What becomes of the occurrence on each target as it is.
        setting: The targets, and what a choice would go by.

    Returns:
        The realisation as an alternative, without an outcome where it cannot be built.
    """
    place = _Place(graph, occurrence, before, ranked(before), {}, ())
    refusal = _refusal(place, frozenset())
    if refusal is not None:
        return Alternative(way.name, way.exactness, lost=refusal.reason)
    return _weigh(way, place, setting, way.name.partition("/")[0]).alternative


def _occurrences(
    graph: Graph, families: Sequence[Family[Any]], within: tuple[str, ...]
) -> list[tuple[Family[Any], Occurrence[Any]]]:
    """All occurrences, the largest first."""
    met = [
        (family, occurrence)
        for family in families
        if family.name not in within
        for occurrence in family.recognise(graph)
    ]
    return sorted(met, key=lambda pair: (-len(pair[1].nodes), pair[1].nodes))


def _refusal(place: _Place, keep: frozenset[int]) -> Refusal | None:
    """Why nothing can take the place of these nodes."""
    if isinstance(place.occurrence.found, Refusal):
        return place.occurrence.found
    graph, nodes = place.graph, set(place.occurrence.nodes)
    if any(empty(graph, graph.nodes[index]) for index in nodes):
        return Refusal("it computes nothing: a value of it has no elements")
    outside = keep | {*graph.outputs}
    for index in place.occurrence.nodes:
        for value in graph.nodes[index].outputs:
            if value == OMITTED or value in place.occurrence.results:
                continue
            if value in outside or any(r.index not in nodes for r in graph.uses[value].readers):
                return Refusal("what it computes on the way is used elsewhere too")
    return None


def _weigh(way: Realisation[Any], place: _Place, setting: Setting, family: str) -> _Weighed:
    """Build a realisation, legalise what it is made of, and ask the targets about it."""
    base = Alternative(way.name, way.exactness)
    refusal = _unwanted(way, place, setting) or way.accepts(place.occurrence.found)
    if refusal is not None:
        return _Weighed(way, replace(base, lost=refusal.reason))
    try:
        fragment, note = build_fragment(place.graph, place.occurrence, way, setting)
    except TooLargeError as error:
        return _Weighed(way, replace(base, lost=str(error)))
    # What it builds within has other names, and is as its own place may be.
    policy = setting.policy
    bears = None if policy.bears(_names(place)) else frozenset[str]()
    own = replace(setting, policy=replace(policy, inexact_for=bears))
    fragment, inner = _legalised(fragment, own, (*place.within, family))
    answers = setting.ask(fragment.graph)
    nodes = range(len(fragment.graph.nodes))
    states = outcome(answers, nodes)
    alternative = replace(
        base,
        name=" + ".join(dict.fromkeys((way.name, *(each.name for each in inner)))),
        exactness=max((way.exactness, *(each.exactness for each in inner)), key=EXACTNESSES.index),
        macs=sum(macs(fragment.graph.operation(node)) or 0 for node in fragment.graph.nodes),
        nodes=len(nodes),
        bytes=_bytes(fragment.graph),
        outcome=states,
        note=note,
        limits=_limits(way, inner),
        lost=objection(place.standing, answers),
    )
    cost = tuple(_COSTS[criterion](alternative, answers) for criterion in setting.policy.order)
    far = standing(answers, nodes)
    better = gain(place.standing, far)
    if not better and way.partial and no_worse(place.standing, far):
        better = int(relieves(place.left, left(answers, nodes)))
    dear = _too_dear(place, alternative, setting) if better else ""
    if dear:
        return _Weighed(way, replace(alternative, lost=dear))
    return _Weighed(way, alternative, fragment, better, (*cost, alternative.nodes))


def _limits(way: Realisation[Any], inner: Sequence[Alternative]) -> Mapping[str, str]:
    """What a way and those within it are not the same for."""
    own = {way.name: way.limits} if way.limits else {}
    return own | {name: said for each in inner for name, said in each.limits.items()}


def _too_dear(place: _Place, alternative: Alternative, setting: Setting) -> str:
    """Why a way is not worth what it costs: nothing is refused, and the arithmetic explodes."""
    if "unsupported" in place.before.values():
        return ""
    if not setting.policy.doubt:
        return "it would only lift a doubt, which makes this model worse elsewhere"
    before, after = _macs(place) or 0, alternative.macs or 0
    if after <= max(before * setting.policy.doubt, before + setting.little):
        return ""
    growth = f"{after / before:.1f} times the" if before else f"{after:,}"
    return f"it would only lift a doubt, for {growth} multiply-accumulates"


def _unwanted(way: Realisation[Any], place: _Place, setting: Setting) -> Refusal | None:
    if way.name in setting.policy.without:
        return Refusal("tried, it puts this model too far off")
    if not setting.policy.allows(way.exactness):
        return Refusal(f"it is {way.exactness}: it needs `--allow {way.exactness}`")
    if way.exactness != "exact" and not setting.policy.bears(_names(place)):
        return Refusal(f"it is {way.exactness}, and more of those exceed the bounds")
    if way.exactness == "calibrated" and setting.begin is None:
        return Refusal("it is fitted to samples: it needs `--calibration`")
    return None


def _names(place: _Place) -> tuple[str, ...]:
    return tuple(place.graph.values[index].name for index in place.occurrence.results)


def _legalised(
    fragment: Fragment, setting: Setting, within: tuple[str, ...]
) -> tuple[Fragment, list[Alternative]]:
    """The fragment with its own nodes realised otherwise where that helps, and the ways used."""
    if len(within) >= _DEPTH:
        return fragment, []
    # What a fragment takes is not what the samples are known for.
    inner = replace(setting, begin=None, samples=None, step=None)
    patches, choices = legalise(fragment.graph, inner, within=within)
    used = [each for each in (choice.chosen for choice in choices) if each is not None]
    if not patches:
        return fragment, []
    keep = frozenset(fragment.outer)
    graph, place = apply(fragment.graph, patches, keep)
    outer = {place[own]: other for own, other in fragment.outer.items()}
    return Fragment(graph, outer), used


def build_fragment(
    graph: Graph, occurrence: Occurrence[Any], way: Realisation[Any], setting: Setting
) -> tuple[Fragment, str]:
    """Build one realisation of an occurrence in its graph's dialect.

    Returns:
        The new nodes, and what the realisation has to say of itself.
    """
    name = f"{graph.values[occurrence.results[0]].name}/{way.name.rpartition('/')[2]}"
    builder: Builder = (
        TFLiteBuilder(graph, name)
        if graph.dialect == "tflite"
        else OnnxBuilder(graph, name, setting.opset)
    )
    builder.samples = setting.samples
    made = way.build(builder, occurrence.found)
    fragment = make_fragment(graph, builder.nodes, builder.values, made, occurrence.results)
    return fragment, builder.note


def _bytes(graph: Graph) -> int:
    return sum(graph.values[index].nbytes or 0 for node in graph.nodes for index in node.outputs)


_COSTS: Mapping[Criterion, Callable[[Alternative, Answers], int]] = {
    "partitions": lambda _, answers: runs_left(answers),
    "error": lambda each, _: EXACTNESSES.index(each.exactness),
    "macs": lambda each, _: each.macs or 0,
    "bytes": lambda each, _: each.bytes,
}


def _decided(place: _Place, weighed: Sequence[_Weighed], best: _Weighed | None) -> Choice:
    alternatives = tuple(
        replace(each.alternative, lost="")
        if each is best
        else replace(each.alternative, lost=each.alternative.lost or _dearer(each, best))
        for each in weighed
    )
    if best is not None:
        return _choice(place, best.alternative.name, "", alternatives)
    return _choice(place, None, _blocked(place, alternatives), alternatives)


def _blocked(place: _Place, alternatives: Sequence[Alternative]) -> str:
    """Why nothing serves: by the way that comes closest, if any can be built at all."""
    why = "no way in the catalogue is better on any chosen target"
    built = [each for each in alternatives if each.outcome is not None]
    if not built:
        return why
    closest = max(built, key=lambda each: closeness(place.before, each.outcome or {}))
    said = f"; {closest.note}" if closest.note else ""
    return f"{why}; the closest is {closest.name}, but {closest.lost}{said}"


def _dearer(each: _Weighed, best: _Weighed | None) -> str:
    if best is None:
        return "no better than what is there"
    mine, other = each.alternative, best.alternative
    return (
        f"taken as well, but with {mine.macs or 0:,} MACs in {mine.nodes:,} nodes it costs more "
        f"than {other.name} with {other.macs or 0:,} in {other.nodes:,}"
    )


def _choice(
    place: _Place, name: str | None, why: str, alternatives: tuple[Alternative, ...]
) -> Choice:
    graph, occurrence = place.graph, place.occurrence
    return Choice(
        graph=graph.index,
        nodes=tuple(
            origin
            for origin in (graph.nodes[index].origin for index in occurrence.nodes)
            if origin is not None
        ),
        op=occurrence.op,
        macs=_macs(place),
        before=place.before,
        realisation=name,
        why=why,
        alternatives=alternatives,
        results=_names(place),
    )


def _macs(place: _Place) -> int | None:
    graph = place.graph
    counts = [macs(graph.operation(graph.nodes[index])) for index in place.occurrence.nodes]
    return None if None in counts else sum(count or 0 for count in counts)
