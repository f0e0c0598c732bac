"""Samples on their way through a graph, piece by piece, while it is rewritten before them.

What a piece needs is held from the pieces before it, so that every node is run once on every
sample, however many values of the graph are asked for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.fixers.surgery import make_fragment
from npulint.formats import save
from npulint.model import OMITTED
from npulint.runtimes import Runner

if TYPE_CHECKING:
    from npulint.model import Dialect, Graph, Model, Value
    from npulint.runtimes import Array, Key

MOST_BYTES = 1 << 29
"""Values held at a time, of all samples; the samples after those that fill this are left out."""


class Passage:
    """Samples that have come some way through the main graph of a model.

    Args:
        model: The model. Only its main graph may be another one when it is asked for values.
        graph: Its main graph as the samples enter it.
        samples: For each sample an array for each input, in the graph's order.
        most_bytes: What may be held.
    """

    def __init__(
        self,
        model: Model,
        graph: Graph,
        samples: Sequence[Sequence[Array]],
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._model = model
        self._most = most_bytes
        self._inputs = graph.inputs
        self._count = len(samples)
        self._reached: set[int] = set()
        self._held: dict[int, list[Array]] = {
            value: [sample[place] for sample in samples] for place, value in enumerate(graph.inputs)
        }

    def at(
        self, graph: Graph, place: Mapping[int, int], later: frozenset[int]
    ) -> Callable[[int], Sequence[Array]]:
        """What values hold; they are computed when they are first asked for.

        Args:
            graph: The main graph as it is now. What has been asked for before must hang on
                nothing that changed since.
            place: Where the values of the graph that the samples entered are now.
            later: Those of them that may be asked for, now or later: they are held.
        """

        def ask(value: int) -> Sequence[Array]:
            stored = graph.values[place[value]].constant
            if stored is not None:
                return [stored.read()] * self._count
            if value not in self._held:
                self._advance(graph, place, later, value)
            return self._held[value]

        return ask

    def _advance(
        self, graph: Graph, place: Mapping[int, int], later: frozenset[int], value: int
    ) -> None:
        """Run what a value hangs on, and hold of all values those that are still needed."""
        held = {place[each] for each in self._held if each in place}
        self._reached.add(value)
        behind = _before(graph, (place[each] for each in self._reached if each in place), ())
        needed = {place[each] for each in {*later, value} if each in place}
        needed.update(v for node in graph.nodes if node.index not in behind for v in node.inputs)
        nodes = _before(graph, (place[value],), held)
        made = {v for index in nodes for v in graph.nodes[index].outputs}
        stays = {old: new for old, new in place.items() if new in needed and new != OMITTED}
        found = [old for old, new in stays.items() if new in made and new not in held]
        self._held = {
            old: arrays for old, arrays in self._held.items() if old in stays or old in self._inputs
        } | self._run(graph, place, nodes, found)
        self._held = {old: arrays[: self._count] for old, arrays in self._held.items()}

    def _run(
        self, graph: Graph, place: Mapping[int, int], nodes: Collection[int], found: Sequence[int]
    ) -> dict[int, list[Array]]:
        """What some nodes make of what is held, on as many samples as there is room for."""
        wanted = [place[old] for old in found]
        keys: list[Key] = []
        watch: list[Key] = []
        if _in_pieces(self._model, graph):
            alone, taken = self._piece(graph, place, nodes, wanted)
        else:
            taken = list(self._inputs)
            graphs = (graph, *self._model.graphs[1:])
            alone = replace(self._model, graphs=graphs, signatures=())
            onnx = graph.dialect == "onnx"
            keys = [graph.values[each].name if onnx else each for each in wanted]
            told = {graph.values[each].name for each in graph.outputs} if onnx else set()
            watch = [key for key in keys if key not in told]
        made: list[list[Array]] = []
        with tempfile.TemporaryDirectory(prefix="npulint-") as folder:
            path = Path(folder) / f"part.{graph.dialect}"
            save(alone, path)
            with Runner(path, graph.dialect, watch=watch) as runner:
                keys = keys or [slot.key for slot in runner.outputs]
                size = 0
                for number in range(self._count):
                    runner.run([self._held[old][number] for old in taken])
                    made.append([runner.fetch(key) for key in keys])
                    size += sum(each.nbytes for each in made[-1])
                    size += sum(arrays[number].nbytes for arrays in self._held.values())
                    if size > self._most:
                        break
        self._count = len(made)
        return {old: [arrays[number] for arrays in made] for number, old in enumerate(found)}

    def _piece(
        self, graph: Graph, place: Mapping[int, int], nodes: Collection[int], wanted: Sequence[int]
    ) -> tuple[Model, list[int]]:
        """Some nodes as a model of their own, and what it takes."""
        origin = {new: old for old, new in place.items()}
        run = [graph.nodes[each] for each in sorted(nodes)]
        cut = make_fragment(graph, run, (), wanted, wanted)
        taken = [origin[cut.outer[each]] for each in cut.graph.inputs]
        values = list(cut.graph.values)
        for each, old in zip(cut.graph.inputs, taken, strict=True):
            values[each] = _as_held(values[each], self._held[old], graph.dialect)
        alone = replace(cut.graph, values=tuple(values), kind="main")
        return replace(self._model, graphs=(alone,), signatures=(), metadata={}), taken


def _in_pieces(model: Model, graph: Graph) -> bool:
    """Whether nodes can be run apart: no other graph belongs to them, and nothing is remembered."""
    return (
        len(model.graphs) == 1
        and not any(node.stateful or node.bodies for node in graph.nodes)
        and not any(value.variable or value.dtype == "resource" for value in graph.values)
    )


def _before(graph: Graph, values: Iterable[int], held: Collection[int]) -> set[int]:
    """The nodes that some values hang on, but for those that only make what is held."""
    found: set[int] = set()
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if value == OMITTED or value in held:
            continue
        for node in graph.uses[value].makers:
            if node.index not in found:
                found.add(node.index)
                waiting += node.inputs
    return found


def _as_held(value: Value, arrays: Sequence[Array], dialect: Dialect) -> Value:
    """A value with the type and the sizes that it has on samples."""
    shapes = [each.shape for each in arrays]
    sizes = zip(*shapes, strict=True)
    shape = tuple(size[0] if len({*size}) == 1 else None for size in sizes)
    value = replace(value, dtype=str(arrays[0].dtype), shape=shape, shape_signature=None)
    if dialect == "tflite" and None in shape:
        return replace(value, shape=shapes[0], shape_signature=shape)
    return value
