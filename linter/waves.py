"""How ONNX Runtime cuts a graph for a provider: greedily, in waves.

A wave takes every node that the provider takes and that has become ready, and stops where a node
that it does not take reads what the wave has made; the next wave begins there. A node that it does
not take and that reads nothing of the wave runs at once. Source: microsoft/onnxruntime
onnxruntime/core/providers/partitioning_utils.cc 57-285 (CreateSupportedPartitionNodeGroups)
@01f40e6.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from npulint.pieces import Piece

if TYPE_CHECKING:
    from npulint.model import Graph

Takes = Callable[[int, "frozenset[int] | set[int]"], bool]
"""Whether the provider takes a node, given the values that its wave has made so far."""


def cut_in_waves(graph: Graph, takes: Takes) -> tuple[Piece, ...]:
    """Cut a graph into what a provider takes and what it leaves, wave by wave.

    Args:
        graph: A graph whose nodes stand in an order in which they can run.
        takes: Whether the provider takes a node. It is asked once about each.

    Returns:
        The pieces in an order in which they can run: of each wave first what is left to other
        providers, and then what this one takes.
    """
    waits, followers = _edges(graph)
    ready = deque(index for index, count in enumerate(waits) if not count)
    later: deque[int] = deque()
    known: dict[int, bool] = {}
    waves: list[tuple[list[int], list[int]]] = [([], [])]
    made: set[int] = set()
    border: set[int] = set()
    while ready or later:
        if not ready:
            waves.append(([], []))
            made, border = set(), set()
            ready, later = later, ready
            continue
        index = ready.popleft()
        taken = known.get(index)
        if taken is None:
            taken = known[index] = takes(index, made)
        if not taken and index in border:
            later.append(index)
            continue
        waves[-1][taken].append(index)
        if taken:
            made.update(graph.nodes[index].outputs)
        for follower in followers[index]:
            if taken:
                border.add(follower)
            waits[follower] -= 1
            if not waits[follower]:
                ready.append(follower)
    parts = ((bool(kind), part) for wave in waves for kind, part in enumerate(wave))
    return pieces_of(graph, parts)


def _edges(graph: Graph) -> tuple[list[int], list[list[int]]]:
    """How many others each node waits for, and which ones wait for it.

    A node that runs graphs of its own reads what these name, which its operands do not tell: it
    waits for all before it.
    """
    maker = {value: node.index for node in graph.nodes for value in node.outputs if value >= 0}
    waits: list[int] = []
    followers: list[list[int]] = [[] for _ in graph.nodes]
    for node in graph.nodes:
        read = {maker[value] for value in node.inputs if value in maker}
        before = set(range(node.index)) if node.bodies else read
        waits.append(len(before))
        for index in before:
            followers[index].append(node.index)
    return waits, followers


def pieces_of(graph: Graph, parts: Iterable[tuple[bool, list[int]]]) -> tuple[Piece, ...]:
    """The parts that have nodes, with what crosses their borders.

    Args:
        graph: The graph.
        parts: Whether the provider takes some nodes, and these, in an order in which they can run.
    """
    held = [value.constant is not None for value in graph.values]
    readers: dict[int, set[int]] = {}
    for node in graph.nodes:
        for value in node.inputs:
            readers.setdefault(value, set()).add(node.index)
    results = set(graph.outputs)
    pieces = []
    for taken, part in parts:
        if not part:
            continue
        inside = set(part)
        read = {value for index in part for value in graph.nodes[index].inputs if value >= 0}
        made = {value for index in part for value in graph.nodes[index].outputs if value >= 0}
        pieces.append(
            Piece(
                taken,
                tuple(part),
                frozenset(value for value in read - made if not held[value]),
                frozenset(v for v in made if v in results or readers.get(v, set()) - inside),
            )
        )
    return tuple(pieces)
