"""Circumstances of a whole model, for cautions that no single operator brings about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from npulint.model import Graph, Value
from npulint.opsets.relations import RELATIONS
from npulint.opsets.situations import Clause, Pattern, Scene, opposite
from npulint.opsets.vocabulary import Truth, conjunction

Circumstance: TypeAlias = "Clause[Sequence[Scene]]"
"""A condition on all graphs of a model, the main one first."""


@dataclass(frozen=True, slots=True)
class InputPixels:
    """The positions of the largest feature map that is handed in, height times width."""

    relation: str
    bound: int

    def test(self, at: Sequence[Scene]) -> Truth:
        """Compare; unknown where a model has no such input or one without a size."""
        graph = at[0].graph
        sizes = [pixels_of(graph, graph.values[index]) for index in graph.inputs]
        known = [size for size in sizes if size is not None]
        return self.holds(max(known)) if known else None

    def holds(self, pixels: int) -> Truth:
        """Compare a number of positions."""
        return RELATIONS[self.relation].test(pixels, self.bound)

    def clause(self) -> str:
        """`the input has at least 2073600 pixels`."""
        return f"the input has {RELATIONS[self.relation].wording.format(f'{self.bound:,}')} pixels"


def pixels_of(graph: Graph, value: Value) -> int | None:
    """Height times width of a feature map by its dialect's layout; None where unknown."""
    if value.shape is None or len(value.shape) != 4:
        return None
    height, width = value.shape[1:3] if graph.dialect == "tflite" else value.shape[2:4]
    return height * width if isinstance(height, int) and isinstance(width, int) else None


@dataclass(frozen=True, slots=True)
class Contains:
    """Whether a model has an operation of a pattern."""

    pattern: Pattern

    def test(self, at: Sequence[Scene]) -> Truth:
        """Look at every node; unknown where one cannot be decided and none is sure."""
        found: Truth = False
        for scene in at:
            for index in range(len(scene.graph.nodes)):
                truth = self._at(scene, index)
                if truth is True:
                    return True
                found = None if truth is None else found
        return found

    def clause(self) -> str:
        """`the model has PRELU in float`."""
        return f"the model has {self.pattern.clause()}"

    def _at(self, scene: Scene, index: int) -> Truth:
        names = scene.names(index)
        if names is None:
            return None
        if names.isdisjoint(self.pattern.ops):
            return False
        failing = conjunction(opposite(self.pattern.test(spot)) for spot in scene.spots(index))
        return opposite(failing)
