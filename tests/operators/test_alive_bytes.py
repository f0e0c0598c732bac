"""The memory curve: what is alive while each node runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from npulint import load, reference_models
from npulint.cost import alive_bytes, peak_activation_bytes
from npulint.model import Constant, Graph, Node, Shape, Value

EXPORTS = sorted((Path(reference_models.__file__).parent / "exports").glob("*.*"))
WEIGHTS = Constant("float32", (10,), None, None, 40)
BYTE: Shape = (1,)


def _graph(
    edges: list[tuple[tuple[int, ...], tuple[int, ...]]],
    sizes: dict[int, Shape | None],
    outputs: tuple[int, ...],
) -> Graph:
    """Nodes by what they read and write; values of bytes; value 0 is the input, 1 a constant."""
    last = max(index for pair in edges for side in pair for index in side) if edges else 1
    values = tuple(
        Value(i, f"v{i}", "int8", sizes.get(i, BYTE), WEIGHTS if i == 1 else None)
        for i in range(last + 1)
    )
    nodes = tuple(Node(0, i, "ADD", 1, *pair) for i, pair in enumerate(edges))
    return Graph(0, "g", "tflite", values, nodes, (0,), outputs)


CURVES = {
    "a chain frees what it has read": (
        [((0, 1), (2,)), ((2,), (3,)), ((3,), (4,))],
        (4,),
        [2, 2, 2],
    ),
    "a skip lives until its reader": (
        [((0,), (2,)), ((2,), (3,)), ((0, 3), (4,))],
        (4,),
        [2, 3, 3],
    ),
    "outputs live to the end": ([((0,), (2,)), ((0,), (3,)), ((3,), (4,))], (2, 4), [2, 3, 3]),
    "what nobody reads dies at once": ([((0,), (2, 3)), ((2,), (4,))], (4,), [3, 2]),
    "an operand left out": ([((0, -1), (2,)), ((2,), (3,))], (3,), [2, 2]),
}


@pytest.mark.parametrize("case", CURVES)
def test_alive(case: str) -> None:
    edges, outputs, expected = CURVES[case]
    graph = _graph(edges, {}, outputs)
    assert alive_bytes(graph) == tuple(expected)
    assert peak_activation_bytes(graph) == max(expected)


def test_sizes_count() -> None:
    graph = _graph([((0,), (2,)), ((2,), (3,))], {0: (5,), 2: (100,), 3: (7,)}, (3,))
    assert alive_bytes(graph) == (105, 107)


@pytest.mark.parametrize("value", [0, 2])
def test_an_unknown_size_leaves_nothing_known(value: int) -> None:
    graph = _graph([((0,), (2,))], {value: (None,)}, (2,))
    assert alive_bytes(graph) is None
    assert peak_activation_bytes(graph) is None


def test_a_graph_without_nodes_holds_its_inputs() -> None:
    graph = _graph([], {0: (6,)}, (0,))
    assert alive_bytes(graph) == ()
    assert peak_activation_bytes(graph) == 6


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.name)
def test_the_peak_is_the_highest_of_the_curve(path: Path) -> None:
    graph = load(path).graphs[0]
    curve = alive_bytes(graph)
    assert curve is not None
    assert len(curve) == len(graph.nodes)
    assert max(curve) == peak_activation_bytes(graph)
