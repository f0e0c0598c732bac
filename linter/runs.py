"""How LiteRT cuts a graph for a compiler plugin: into runs of nodes, in the order of the file.

Neighbours in the file of which the plugin takes all are one piece, whether or not one reads the
other, and each node that it does not take ends a piece: a branch that could have gone on in the
same piece does not. So no piece can wait for itself. There is no least size and, unless an
application sets one, no limit to the number of pieces. Source: google-ai-edge/LiteRT
litert/compiler/plugin/algo.cc 400-455 (GetPartitionsFromFlatListV2) and compiler_plugin.cc 510-551,
725-737 @f6745779. Until November 2025 connected nodes were joined instead (dc59868), which an
option still asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from npulint.pieces import Piece

if TYPE_CHECKING:
    from npulint.model import Graph

_OUTSIDE = -1


def cut_in_runs(
    graph: Graph, handed: Sequence[bool], *, vanishing: frozenset[int] = frozenset()
) -> tuple[Piece, ...]:
    """Cut a graph into runs of one kind.

    Args:
        graph: The graph.
        handed: For each node whether the plugin takes it.
        vanishing: Nodes that join no piece and end none; their readers read through them.

    Returns:
        The pieces in the order of the file, neighbours of different kinds.
    """
    runs: list[list[int]] = []
    inputs: list[set[int]] = []
    outputs: list[set[int]] = []
    home = [_OUTSIDE] * len(graph.values)
    fixed = [value.constant is not None for value in graph.values]
    for node in graph.nodes:
        read = [value for value in node.inputs if value >= 0]
        made = [value for value in node.outputs if value >= 0]
        if node.index in vanishing:
            at = max((home[value] for value in read), default=_OUTSIDE)
            for value in made:
                home[value], fixed[value] = at, all(fixed[each] for each in read)
            continue
        if not runs or handed[runs[-1][0]] != handed[node.index]:
            runs.append([])
            inputs.append(set())
            outputs.append(set())
        at = len(runs) - 1
        runs[at].append(node.index)
        for value in read:
            if home[value] != at and not fixed[value]:
                inputs[at].add(value)
                if home[value] != _OUTSIDE:
                    outputs[home[value]].add(value)
        for value in made:
            home[value] = at
    for value in graph.outputs:
        if home[value] != _OUTSIDE:
            outputs[home[value]].add(value)
    return tuple(
        Piece(handed[run[0]], tuple(run), frozenset(read), frozenset(made))
        for run, read, made in zip(runs, inputs, outputs, strict=True)
    )
