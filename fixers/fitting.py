"""Chosen replacements fitted one behind the other, to what the rewritten part before each makes.

Fitted one by one to what the original network makes, each would be right alone and wrong behind
the others, whose errors it never saw. So they are taken in the order in which they run: what
each is to make stays what the original makes, and what it is given is what comes out of those
before it, as in layer by layer reconstruction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from npulint.fixers.building.builder import Samples
from npulint.fixers.surgery import apply
from npulint.model import OMITTED

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Activations
    from npulint.fixers.surgery import Patch
    from npulint.model import Graph

Again: TypeAlias = "Callable[[Samples], Patch]"
"""Builds a replacement again, fitted to samples."""


class Passage(Protocol):
    """Samples on their way through a graph that is rewritten meanwhile."""

    def at(self, graph: Graph, place: Mapping[int, int], later: frozenset[int]) -> Activations:
        """What values hold.

        Args:
            graph: The graph as it is now; what has been asked for before hangs on nothing that
                changed since.
            place: Where the values of the graph that the passage began in are now.
            later: Those of them that may be asked for.
        """


Begin: TypeAlias = "Callable[[Graph], Passage]"
"""A new passage from the inputs of a graph on."""


def fit_in_turn(
    graph: Graph,
    patches: Sequence[Patch],
    again: Mapping[int, Again],
    begin: Begin,
    keep: frozenset[int] = frozenset(),
) -> list[Patch]:
    """Build patches again, each fitted to what those before it hand over.

    Args:
        graph: The graph.
        patches: What takes the place of which nodes.
        again: How those that are not exact are built again, by their places among the patches.
            As given they read and make what they will, but what they store counts for nothing.
        begin: Sends samples through a graph.
        keep: Values that something outside the graph refers to.

    Returns:
        All patches. The samples have gone twice through the whole graph at most: as it was, and
        as it is rewritten.
    """
    inexact = {number: patches[number] for number in again}
    before, now = begin(graph), begin(graph)
    where = {value.index: value.index for value in graph.values}
    order = _in_order(graph, inexact, keep)
    for number, position in enumerate(order):
        later = frozenset().union(*(_read(graph, inexact[each]) for each in order[number:]))
        new, moved = apply(graph, inexact.values(), keep | later)
        samples = Samples(before.at(graph, where, later), now.at(new, moved, later))
        inexact[position] = again[position](samples)
    return [inexact.get(number, patch) for number, patch in enumerate(patches)]


def _in_order(graph: Graph, patches: Mapping[int, Patch], keep: frozenset[int]) -> list[int]:
    """The patches' places, each behind those whose results it may hang on."""
    new, moved = apply(graph, patches.values(), keep)

    def last(number: int) -> int:
        fragment = patches[number].fragment
        made = (moved[fragment.outer[each]] for each in fragment.graph.outputs)
        return max(node.index for value in made for node in new.uses[value].makers)

    return sorted(patches, key=last)


def _read(graph: Graph, patch: Patch) -> frozenset[int]:
    """What the nodes that a patch covers take from others."""
    nodes = [graph.nodes[index] for index in patch.covers]
    made = {value for node in nodes for value in node.outputs}
    return frozenset(
        value
        for node in nodes
        for value in node.inputs
        if value != OMITTED and value not in made and graph.values[value].constant is None
    )
