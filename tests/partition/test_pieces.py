"""Cutting, against the algorithm as its own documentation describes it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sketch import Row, chain, dags, sketch

from npulint.model import Graph
from npulint.pieces import DependencyError, cut, side_effect_chain


def described(graph: Graph, handed: Sequence[bool]) -> list[tuple[bool, set[int]]]:
    """The cut in the words of graph_info.h: fill a piece with all of one kind that can run."""
    makers = {value: node.index for node in graph.nodes for value in node.outputs}
    waits = {
        node.index: {makers[value] for value in node.inputs if value in makers}
        for node in graph.nodes
    }
    for later, earlier in side_effect_chain(graph).items():
        waits[later].add(earlier)
    pieces: list[tuple[bool, set[int]]] = []
    done: set[int] = set()
    while len(done) < len(graph.nodes):
        kind = next(handed[i] for i in waits if i not in done and waits[i] <= done)
        piece: set[int] = set()
        while more := {
            i for i in waits if i not in done and waits[i] <= done and handed[i] == kind
        }:
            piece |= more
            done |= more
        pieces.append((kind, piece))
    return pieces


@given(dags())
def test_pieces_are_those_described(case: tuple[Graph, list[bool]]) -> None:
    graph, handed = case
    pieces = cut(graph, handed)
    assert [(piece.handed, set(piece.nodes)) for piece in pieces] == described(graph, handed)


@given(dags())
def test_nodes_keep_their_file_order_within_a_piece(case: tuple[Graph, list[bool]]) -> None:
    for piece in cut(*case):
        assert list(piece.nodes) == sorted(piece.nodes)


@given(dags(), st.randoms(use_true_random=False))
def test_file_order_does_not_change_the_pieces_of_a_graph_without_side_effects(
    case: tuple[Graph, list[bool]], random: object
) -> None:
    graph, handed = case
    order = list(range(len(graph.nodes)))
    random.shuffle(order)  # type: ignore[attr-defined]
    plain = [replace(node, op="RELU") for node in graph.nodes]
    values = tuple(replace(value, dtype="float32") for value in graph.values)
    graph = replace(graph, nodes=tuple(plain), values=values)
    mixed = tuple(replace(plain[old], index=new) for new, old in enumerate(order))
    shuffled = replace(graph, nodes=mixed)
    moved = [handed[old] for old in order]
    assert [(p.handed, set(p.nodes)) for p in cut(shuffled, moved)] == described(shuffled, moved)


@given(dags())
def test_pieces_are_a_schedule_of_disjoint_pieces_that_cover_all(
    case: tuple[Graph, list[bool]],
) -> None:
    graph, handed = case
    pieces = cut(graph, handed)
    assert sorted(index for piece in pieces for index in piece.nodes) == list(range(len(handed)))
    place = {index: number for number, piece in enumerate(pieces) for index in piece.nodes}
    assert all(place[before] <= place[after] for before, after, _ in graph.network.edges)
    kinds = [piece.handed for piece in pieces]
    assert all(one != two for one, two in pairwise(kinds))


@given(dags())
def test_borders_are_what_is_read_across_them(case: tuple[Graph, list[bool]]) -> None:
    graph, handed = case
    for piece in cut(graph, handed):
        inside = [graph.nodes[index] for index in piece.nodes]
        outside = [node for node in graph.nodes if node.index not in piece.nodes]
        made = {value for node in inside for value in node.outputs}
        wanted = {value for node in outside for value in node.inputs} | set(graph.outputs)
        read = {value for node in inside for value in node.inputs if value > 0}
        assert piece.inputs == read - made
        assert piece.outputs == made & wanted


@given(dags(), st.data())
def test_vanishing_nodes_cut_as_if_their_readers_read_through_them(
    case: tuple[Graph, list[bool]], data: st.DataObject
) -> None:
    graph, handed = case
    gone = frozenset(
        node.index
        for node in graph.nodes
        if node.op == "RELU" and len(node.outputs) == 1 and data.draw(st.booleans())
    )
    values = tuple(replace(value, dtype="float32") for value in graph.values)
    graph = replace(graph, values=values)
    stands_for: dict[int, tuple[int, ...]] = {}
    kept = []
    for node in graph.nodes:
        reads = tuple(v for value in node.inputs for v in stands_for.get(value, (value,)))
        if node.index in gone:
            stands_for[node.outputs[0]] = reads
        else:
            kept.append(replace(node, index=len(kept), inputs=reads))
    spliced = replace(graph, nodes=tuple(kept))
    back = [index for index in range(len(graph.nodes)) if index not in gone]
    expected = cut(spliced, [handed[index] for index in back])
    found = cut(graph, handed, vanishing=gone)
    assert [(p.handed, set(p.nodes)) for p in found] == [
        (p.handed, {back[index] for index in p.nodes}) for p in expected
    ]


DIAMOND = (
    Row("RELU", (0,), (1,)),
    Row("RELU", (1,), (2,)),
    Row("ELU", (2,), (3,)),
    Row("ELU", (3,), (4,)),
    Row("RELU", (2,), (5,)),
    Row("ADD", (4, 5), (6,)),
)


def nodes_of(graph: Graph, letters: str) -> list[tuple[int, ...]]:
    return [piece.nodes for piece in cut(graph, [letter == "a" for letter in letters])]


def test_a_node_is_taken_early_when_it_can_run_early() -> None:
    assert nodes_of(sketch(*DIAMOND), "rraarr") == [(0, 1, 4), (2, 3), (5,)]


def test_nodes_that_might_have_side_effects_keep_their_order() -> None:
    rows = [replace(row, op="WHILE") if i in (3, 4) else row for i, row in enumerate(DIAMOND)]
    assert nodes_of(sketch(*rows), "rraarr") == [(0, 1), (2, 3), (4, 5)]


def test_the_first_ready_node_opens() -> None:
    rows = (Row("RELU", (0,), (1,)), Row("ELU", (2,), (3,)), Row("ADD", (1, 3), (4,)))
    assert nodes_of(sketch(*rows), "ara") == [(0,), (1,), (2,)]
    assert nodes_of(sketch(*rows), "rar") == [(0,), (1,), (2,)]
    assert nodes_of(sketch(*rows), "raa") == [(0,), (1, 2)]


def test_constants_and_graph_inputs_are_ready_from_the_start() -> None:
    graph = sketch(Row("ADD", (0, 1), (2,)), stored=(1,))
    (piece,) = cut(graph, [True])
    assert piece.inputs == {0}
    assert piece.outputs == {2}


def test_a_graph_whose_nodes_wait_for_each_other_is_told() -> None:
    graph = sketch(Row("RELU", (1,), (0,)), Row("RELU", (0,), (1,)), results=(1,))
    with pytest.raises(DependencyError, match="wait for each other"):
        cut(graph, [True, True])


def test_an_empty_graph_has_no_pieces() -> None:
    assert cut(sketch(), []) == ()


def test_fifty_thousand_nodes_are_cut_in_a_blink() -> None:
    graph = chain(50_000)
    handed = [index % 3 != 0 for index in range(50_000)]
    start = time.process_time()
    pieces = cut(graph, handed)
    assert time.process_time() - start < 1.0
    assert len(pieces) == 33_334
