"""A model with its refused nodes realised otherwise, as the chosen targets decide."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.bodies import kept
from npulint.cost import node_macs
from npulint.fixers.absorbing import absorb
from npulint.fixers.folding import fold
from npulint.fixers.legalise import Setting, legalise
from npulint.fixers.memory import Memory
from npulint.fixers.surgery import apply
from npulint.fixers.tidy import tidy
from npulint.formats import save
from npulint.judging import node_verdicts
from npulint.sizing.filling import filled

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array
    from npulint.fixers.choice import Choice
    from npulint.fixers.fitting import Begin
    from npulint.fixers.record import Policy
    from npulint.model import Graph, Model, Signature
    from npulint.opsets.profile import Device
    from npulint.opsets.table import Target
    from npulint.verdict import Verdict


_ROUNDS = 4
"""What is built changes what its neighbours meet: more rounds than three have not been seen."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What a rewrite made.

    Attributes:
        model: The new model; the old one itself where nothing changed.
        realised: Whether any node was realised otherwise, and not only cleaned up.
        choices: What was decided.
    """

    model: Model
    realised: bool
    choices: tuple[Choice, ...]


def rewrite(
    model: Model,
    asked: Sequence[Target | Device],
    policy: Policy,
    samples: Sequence[Sequence[Array]] = (),
    step: Callable[[int, int], None] | None = None,
) -> Rewrite:
    """Clean up, realise otherwise what some target refuses, and clean up after that.

    Args:
        model: The model.
        asked: The chosen targets and devices.
        policy: What a choice goes by.
        samples: What may be fitted to, if anything may: for each sample an array for each input
            of the main graph.
        step: Called with how many places have been looked at, and of how many.
    """
    choices: list[Choice] = []
    realised = False
    for position in range(len(model.graphs)):
        model, _ = _tidied(model, position)
        undecided: tuple[Choice, ...] = ()
        for number in range(_ROUNDS):
            graph = model.graphs[position]
            setting = Setting(
                ask=Memory(partial(_answers, model, asked)),
                opset=model.opsets.get("", 0),
                policy=policy,
                begin=None if number or position or not samples else _entry(model, samples),
                little=sum(each or 0 for each in node_macs(graph)) // 100,
                step=step,
            )
            patches, decided = legalise(graph, setting, kept(model, graph))
            choices += (each for each in decided if each.realisation is not None)
            undecided = tuple(each for each in decided if each.realisation is None)
            if not patches:
                break
            new, place = apply(graph, patches, kept(model, graph))
            model, _ = _tidied(_with_graph(model, new, place), position)
            if any(each.chosen and each.chosen.exactness != "exact" for each in decided):
                model = _with_folded(model, position)
            realised = True
        choices += undecided
    return Rewrite(model, realised, tuple(choices))


def cleaned(model: Model) -> Model:
    """The model with what has no effect taken out, and what is constant computed and stored.

    The clean-ups that a rewrite begins and ends with, and factors and summands beside convolutions
    folded into their weights: outputs stay as they are but for the rounding of those.

    Args:
        model: The model; its runtime must be installed where it computes anything of constants.

    Returns:
        The model cleaned up; the same object where there is nothing to clean up.
    """
    for position in range(len(model.graphs)):
        for _ in range(_ROUNDS):
            model, _ = _tidied(model, position)
            graph = model.graphs[position]
            new, place = absorb(graph, model.opsets.get("", 0), kept(model, graph))
            if new is graph:
                break
            model = _with_graph(model, new, place)
    return model


def _with_folded(model: Model, position: int) -> Model:
    """Constant factors and summands that were built, such as a norm's without its statistics.

    A convolution beside them does along, so that nothing remains of them.
    """
    graph = model.graphs[position]
    new, place = absorb(graph, model.opsets.get("", 0), kept(model, graph), built=True)
    return model if new is graph else _with_graph(model, new, place)


def _tidied(model: Model, position: int) -> tuple[Model, Mapping[int, int]]:
    """The model with a graph cleaned up, and where the graph's values are now."""
    graph = model.graphs[position]
    folded = _folded(model, graph)
    new, place = tidy(folded, kept(model, folded))
    if new is graph:
        return model, {value.index: value.index for value in graph.values}
    return _with_graph(model, new, place), place


def _folded(model: Model, graph: Graph) -> Graph:
    """A graph with what is constant stored: sizes too, that are known once others are."""
    while True:
        folded = fold(graph, partial(_evaluated, model))
        if folded is graph:
            return graph
        graph = filled(folded)


def _evaluated(model: Model, part: Graph) -> list[Array]:
    """What a part of the model computes that takes no input."""
    from npulint.runtimes import Runner

    alone = replace(model, graphs=(replace(part, kind="main"),), signatures=(), metadata={})
    with tempfile.TemporaryDirectory(prefix="npulint-") as folder:
        path = Path(folder) / f"part.{model.dialect}"
        save(alone, path)
        with Runner(path, model.dialect) as runner:
            runner.run(())
            return [runner.fetch(slot.key) for slot in runner.outputs]


def _entry(model: Model, samples: Sequence[Sequence[Array]]) -> Begin:
    """Samples at the inputs of a model."""
    from npulint.verification.passage import Passage

    return lambda graph: Passage(model, graph, samples)


def _answers(
    model: Model, asked: Sequence[Target | Device], graph: Graph
) -> Mapping[str, Sequence[Verdict]]:
    """What each target makes of a graph: one of the model's own, or one that stands for itself."""
    if not any(each is graph for each in model.graphs):
        model = replace(model, graphs=(graph,), signatures=())
    return {each.name: node_verdicts(model, each)[graph.index] for each in asked}


def _with_graph(model: Model, graph: Graph, place: Mapping[int, int]) -> Model:
    """The model with one graph changed, and the signatures that name its values kept right."""
    graphs = tuple(graph if each.index == graph.index else each for each in model.graphs)
    signatures = tuple(
        _moved(each, place) if each.graph == graph.index and place else each
        for each in model.signatures
    )
    return replace(model, graphs=graphs, signatures=signatures)


def _moved(signature: Signature, place: Mapping[int, int]) -> Signature:
    return replace(
        signature,
        inputs=tuple((name, place[index]) for name, index in signature.inputs),
        outputs=tuple((name, place[index]) for name, index in signature.outputs),
    )
