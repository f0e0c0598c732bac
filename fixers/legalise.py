"""Choosing for each refused node the realisation that the chosen targets take, at least cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from npulint.fixers.builder import Feature
from npulint.fixers.builder_onnx import OnnxBuilder
from npulint.fixers.builder_tflite import TFLiteBuilder
from npulint.fixers.record import Refusal
from npulint.fixers.surgery import Patch, apply, make_patch
from npulint.fixers.transposed import REALISATIONS
from npulint.fixers.transposed_reading import TransposedConvolution, read
from npulint.operators.macs import macs

if TYPE_CHECKING:
    from npulint.fixers.record import Exactness, Realisation
    from npulint.model import Graph, Node
    from npulint.verdict import Status, Verdict

Ask: TypeAlias = "Callable[[Graph], Mapping[str, Sequence[Verdict]]]"
"""What each chosen target says about every node of a graph, by the target's name."""

_RANK: Mapping[Status, int] = {"unsupported": 0, "unknown": 1, "supported": 2}


@dataclass(frozen=True, slots=True)
class Alternative:
    """One realisation that was weighed.

    Attributes:
        name: The realisation.
        exactness: How exact it is.
        macs: Multiply-accumulates of what it builds, None where it builds nothing.
        nodes: How many nodes it builds.
        outcome: For each target what becomes of what it builds.
        lost: Why it was not chosen; empty for the one that was.
    """

    name: str
    exactness: Exactness
    macs: int | None = None
    nodes: int = 0
    outcome: Mapping[str, Status] | None = None
    lost: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was decided about one node.

    Attributes:
        graph: Index of its graph.
        index: Its position before the rewrite.
        op: Its operator.
        macs: Its multiply-accumulates before.
        before: What becomes of it on each target.
        realisation: The way chosen, None where no way is better.
        why: Why there is none; empty where there is.
        alternatives: Every way that was weighed.
    """

    graph: int
    index: int
    op: str
    macs: int | None
    before: Mapping[str, Status]
    realisation: str | None
    why: str
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class _Weighed:
    alternative: Alternative
    patch: Patch | None
    gain: int
    cost: tuple[int, int]


def legalise(
    graph: Graph, ask: Ask, opset: int, keep: frozenset[int] = frozenset()
) -> tuple[Mapping[int, Patch], tuple[Choice, ...]]:
    """Choose a patch for each node that some target does not take.

    A way is taken when it is better on some target and worse on none; of those the one that is
    better on most, then the one of fewest multiply-accumulates, then of fewest nodes.

    Args:
        graph: The graph.
        ask: The chosen targets.
        opset: ONNX: the version of the standard operator set.
        keep: Values that something outside the graph refers to.

    Returns:
        The patches by node, and what was decided about every node that some target refuses or
        cannot be decided about and that the catalogue speaks of.
    """
    answers = ask(graph)
    patches: dict[int, Patch] = {}
    choices: list[Choice] = []
    for node in graph.nodes:
        before: dict[str, Status] = {name: v[node.index].status for name, v in answers.items()}
        if all(status == "supported" for status in before.values()):
            continue
        found = read(graph, node)
        if found is None:
            continue
        count = macs(graph.operation(node))
        if isinstance(found, Refusal):
            choices.append(
                Choice(graph.index, node.index, node.op, count, before, None, found.reason, ())
            )
            continue
        weighed = [
            _weigh(way, found, _Site(graph, node, before, ask, opset, keep)) for way in REALISATIONS
        ]
        choice, patch = _choose(weighed, graph, node, before, count)
        choices.append(choice)
        if patch is not None:
            patches[node.index] = patch
    return patches, tuple(choices)


@dataclass(frozen=True, slots=True)
class _Site:
    """Where a realisation is tried."""

    graph: Graph
    node: Node
    before: Mapping[str, Status]
    ask: Ask
    opset: int
    keep: frozenset[int]


def _weigh(
    way: Realisation[TransposedConvolution], found: TransposedConvolution, site: _Site
) -> _Weighed:
    """Build a realisation into a copy of the graph and ask the targets about what is new."""
    base = Alternative(way.name, way.exactness)
    refusal = way.accepts(found)
    if refusal is not None:
        return _Weighed(replace(base, lost=refusal.reason), None, 0, (0, 0))
    patch = build_patch(site.graph, site.node, way, found, site.opset)
    trial, _ = apply(site.graph, {site.node.index: patch}, site.keep)
    new = range(site.node.index, site.node.index + len(patch.nodes))
    answers = site.ask(trial)
    outcome: dict[str, Status] = {}
    blocked = ""
    for target, verdicts in answers.items():
        worst = min((verdicts[index] for index in new), key=lambda verdict: _RANK[verdict.status])
        outcome[target] = worst.status
        if _RANK[worst.status] < _RANK[site.before[target]] and not blocked:
            blocked = f"worse on {target}: {_said(worst)}"
        elif worst.status != "supported" and not blocked:
            blocked = f"{target}: {_said(worst)}"
    count = sum(macs(trial.operation(trial.nodes[index])) or 0 for index in new)
    worse = any(_RANK[outcome[name]] < _RANK[site.before[name]] for name in outcome)
    gain = 0 if worse else sum(_RANK[outcome[n]] - _RANK[site.before[n]] for n in outcome)
    alternative = replace(base, macs=count, nodes=len(patch.nodes), outcome=outcome, lost=blocked)
    return _Weighed(alternative, patch, gain, (count, len(patch.nodes)))


def build_patch(
    graph: Graph,
    node: Node,
    way: Realisation[TransposedConvolution],
    found: TransposedConvolution,
    opset: int,
) -> Patch:
    """Build one realisation of a node as a patch of its graph's dialect."""
    name = f"{node.name or node.op}/{way.name.rpartition('/')[2]}"
    builder = (
        TFLiteBuilder(graph, name) if graph.dialect == "tflite" else OnnxBuilder(graph, name, opset)
    )
    made = way.build(builder, Feature(found.source, found.sizes), found)
    made = builder.activate(made, found.activation)
    return make_patch(builder.nodes, builder.values, made.value, found.result)


def _said(verdict: Verdict) -> str:
    return verdict.reasons[0].message if verdict.reasons else verdict.status


def _choose(
    weighed: Sequence[_Weighed],
    graph: Graph,
    node: Node,
    before: Mapping[str, Status],
    count: int | None,
) -> tuple[Choice, Patch | None]:
    able = [each for each in weighed if each.gain > 0]
    best = min(able, key=lambda each: (-each.gain, each.cost), default=None)
    alternatives = tuple(
        replace(each.alternative, lost="")
        if each is best
        else replace(each.alternative, lost=each.alternative.lost or _dearer(each, best))
        for each in weighed
    )
    why = "" if best else "no way in the catalogue is better on any chosen target"
    name = best.alternative.name if best else None
    choice = Choice(graph.index, node.index, node.op, count, before, name, why, alternatives)
    return choice, best.patch if best else None


def _dearer(each: _Weighed, best: _Weighed | None) -> str:
    if best is None:
        return "no better than what is there"
    return (
        f"taken as well, but with {each.cost[0]:,} MACs in {each.cost[1]:,} nodes it costs more "
        f"than {best.alternative.name} with {best.cost[0]:,} in {best.cost[1]:,}"
    )
