"""How ONNX Runtime cuts a graph of which functions are taken apart: in two rounds.

The first round cuts the graph as it is, functions that the provider does not take included. Then
these are taken apart, and the provider is asked again; what it got before is one node each by then,
and what it did not get is the CPU's. Source: microsoft/onnxruntime
onnxruntime/core/framework/graph_partitioner.cc PartitionOnnxFormatModel @01f40e6.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

from npulint.waves import cut_in_waves, pieces_of

if TYPE_CHECKING:
    from npulint.model import Graph, Node
    from npulint.pieces import Piece
    from npulint.waves import Takes

_Part: TypeAlias = "tuple[bool, list[int]]"
"""Whether the provider takes some nodes, and these."""


def cut_in_rounds(graph: Graph, takes: Takes, late: Collection[int]) -> tuple[Piece, ...]:
    """Cut a graph into what a provider takes and what it leaves, round by round.

    Args:
        graph: A graph whose nodes stand in an order in which they can run, functions taken apart.
        takes: Whether the provider takes a node; see `npulint.waves.cut_in_waves`.
        late: The nodes that there are in the second round only.

    Returns:
        The pieces in an order in which they can run.
    """
    first = cut_in_waves(graph, lambda index, made: index not in late and takes(index, made))
    if not late:
        return first
    members = [nodes for piece in first for nodes in _members(piece)]
    joined = replace(
        graph, nodes=tuple(_one(graph, nodes, place) for place, nodes in enumerate(members))
    )
    taken = frozenset(node for piece in first if piece.handed for node in piece.nodes)
    second = cut_in_waves(
        joined,
        lambda place, made: members[place][0] in late and takes(members[place][0], made),
    )
    parts = [part for piece in second for part in _parts(piece, members, taken)]
    return pieces_of(graph, parts)


def _members(piece: Piece) -> Iterator[Sequence[int]]:
    """The nodes that are one by the second round."""
    if piece.handed:
        yield piece.nodes
    else:
        yield from ((index,) for index in piece.nodes)


def _one(graph: Graph, members: Sequence[int], place: int) -> Node:
    """One node that stands for several."""
    nodes = [graph.nodes[index] for index in members]
    made = {value for node in nodes for value in node.outputs}
    return replace(
        nodes[0],
        index=place,
        inputs=tuple({v: None for node in nodes for v in node.inputs if v not in made}),
        outputs=tuple(sorted(made)),
        bodies=tuple(body for node in nodes for body in node.bodies),
    )


def _parts(
    piece: Piece, members: Sequence[Sequence[int]], taken: Collection[int]
) -> Iterator[_Part]:
    """What a piece of the second round is made of; what the first round took is apart again."""
    if piece.handed:
        yield True, [index for place in piece.nodes for index in members[place]]
        return
    for is_old, places in groupby(piece.nodes, lambda place: members[place][0] in taken):
        if is_old:
            yield from ((True, list(members[place])) for place in places)
        else:
            yield False, [index for place in places for index in members[place]]
