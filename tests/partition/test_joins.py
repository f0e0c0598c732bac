"""The nodes whose cure joins the pieces: enough, and none too many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from hypothesis import given
from sketch import chain, dags, rows, sketch, verdicts

from npulint.joins import joining_set
from npulint.model import Graph
from npulint.opsets import load_target
from npulint.partition import Partition, delegate
from npulint.pieces import cut


def partitions(graph: Graph, handed: Sequence[bool]) -> tuple[Partition, ...]:
    letters = "".join("a" if taken else "r" for taken in handed)
    return delegate(graph, verdicts(letters), load_target("nnapi-1.2")).partitions


def pieces_after(graph: Graph, handed: Sequence[bool], cured: Iterable[int]) -> int:
    better = [taken or index in set(cured) for index, taken in enumerate(handed)]
    return sum(piece.handed for piece in cut(graph, better))


@given(dags())
def test_the_set_joins_and_no_smaller_one_does(case: tuple[Graph, list[bool]]) -> None:
    graph, handed = case
    join = joining_set(graph, partitions(graph, handed))
    if join is None:
        assert pieces_after(graph, handed, ()) <= 1
        return
    assert pieces_after(graph, handed, join.nodes) == 1
    refused = [index for index, taken in enumerate(handed) if not taken]
    for smaller in combinations(refused, len(join.nodes) - 1):
        assert pieces_after(graph, handed, smaller) > 1


def test_refused_ends_may_stay() -> None:
    graph, handed = chain(6), [False, True, True, False, True, False]
    join = joining_set(graph, partitions(graph, handed))
    assert join is not None
    assert (join.nodes, join.pieces) == ((3,), 2)
    # Two pieces, of which each reads and hands on one float32 [1, 4].
    assert join.border_bytes == 4 * 16


def test_one_piece_needs_nothing() -> None:
    graph = chain(3)
    assert joining_set(graph, partitions(graph, [False, True, True])) is None
    assert joining_set(graph, partitions(graph, [False, False, False])) is None


def test_a_side_branch_that_starts_on_the_accelerator() -> None:
    # Node 0 opens on the accelerator; node 2 waits for node 1 on the CPU, which nothing before
    # it keeps apart, and still comes in a second piece.
    graph = sketch(*rows("RELU 0 > 3; ELU 1 > 4; ADD 3 4 > 5"))
    join = joining_set(graph, partitions(graph, [True, False, True]))
    assert join is not None
    assert join.nodes == (1,)
