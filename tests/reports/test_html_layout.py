"""Drawings of a few nodes: nothing overlaps, edges run down, alike places look alike."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npulint import load, reference_models
from npulint.model import Graph
from npulint.reports.html.layers import Layout, lay_out
from npulint.reports.html.surroundings import Sketch, Surroundings

EXPORTS = sorted((Path(reference_models.__file__).parent / "exports").glob("*.*"))
NEAR = 1e-2
"""Columns are written to two places."""

GRAPHS = st.integers(1, 14).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.lists(
            st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(
                lambda pair: pair[0] < pair[1]
            ),
            unique=True,
            max_size=30,
        ),
    )
)


def _rows(layout: Layout, edges: list[tuple[int, int]]) -> dict[int, list[tuple[float, float]]]:
    """Of each rank what stands in it: column, and width."""
    rows: dict[int, list[tuple[float, float]]] = {}
    for rank, column in zip(layout.ranks, layout.columns, strict=True):
        rows.setdefault(rank, []).append((column, 1.0))
    for (source, _), route in zip(edges, layout.routes, strict=True):
        for step, column in enumerate(route, start=1):
            rows.setdefault(layout.ranks[source] + step, []).append((column, 0.6))
    return rows


@given(GRAPHS)
def test_edges_run_down_and_nothing_overlaps(graph: tuple[int, list[tuple[int, int]]]) -> None:
    count, edges = graph
    layout = lay_out(count, edges)
    for (source, reader), route in zip(edges, layout.routes, strict=True):
        assert layout.ranks[reader] - layout.ranks[source] == len(route) + 1
    for row in _rows(layout, edges).values():
        for (left, one), (right, other) in pairwise(sorted(row)):
            assert right - left >= (one + other) / 2 - NEAR
    assert min((*layout.columns, *(c for route in layout.routes for c in route))) == 0
    assert min(layout.ranks) == 0


def test_a_chain_is_straight() -> None:
    layout = lay_out(4, [(0, 1), (1, 2), (2, 3)])
    assert layout == Layout((0, 1, 2, 3), (0.0, 0.0, 0.0, 0.0), ((), (), ()))


def test_what_has_nothing_above_stands_just_above_its_reader() -> None:
    assert lay_out(4, [(0, 1), (1, 2), (3, 2)]).ranks == (0, 1, 2, 1)


def test_ends_of_two_edges_do_not_cross() -> None:
    layout = lay_out(4, [(0, 3), (1, 2)])
    top, bottom = layout.columns[:2], (layout.columns[3], layout.columns[2])
    assert (top[0] < top[1]) == (bottom[0] < bottom[1])


def test_nodes_that_wait_for_each_other_are_drawn_all_the_same() -> None:
    layout = lay_out(3, [(0, 1), (1, 2), (2, 0)])
    assert layout.ranks == (0, 1, 2)
    assert layout.routes == ((), (), ())


def _sketches(graph: Graph) -> list[Sketch]:
    surroundings = Surroundings(graph, {})
    return [surroundings.of(node.index) for node in graph.nodes]


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.name)
def test_a_sketch_shows_every_edge_among_its_nodes_and_counts_the_others(path: Path) -> None:
    graph = load(path).graphs[0]
    network = graph.network
    for index, sketch in enumerate(_sketches(graph)):
        nodes = [index + offset for offset in sketch.offsets]
        assert index in nodes
        drawn = {(nodes[a], nodes[b]) for a, b, _ in sketch.edges}
        assert drawn == set(network.subgraph(nodes).to_directed().edges()) & set(network.edges())
        for node, (above, below) in zip(nodes, sketch.left_out, strict=True):
            assert above == len(set(network.predecessors(node)) - set(nodes))
            assert below == len(set(network.successors(node)) - set(nodes))
        for a, b, slot in sketch.edges:
            value = graph.nodes[nodes[a]].outputs[slot]
            assert value in graph.nodes[nodes[b]].inputs


def test_the_neighbours_are_there() -> None:
    graph = load(EXPORTS[0].with_name("unet_small.tflite")).graphs[0]
    for index, sketch in enumerate(_sketches(graph)):
        nodes = {index + offset for offset in sketch.offsets}
        assert set(graph.network.predecessors(index)) <= nodes
        assert set(graph.network.successors(index)) <= nodes
