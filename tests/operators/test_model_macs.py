"""Multiply-accumulates of a whole model: what is not known to run once has no figure."""

from __future__ import annotations

from pathlib import Path

import pytest

from npulint.cost import summarise
from npulint.model import Constant, Graph, Model, Node, Value

IMAGE = (1, 8, 8, 3)
FILTER = Constant("float32", (4, 1, 1, 3), None, None, 48)
CONVOLUTION = 8 * 8 * 4 * 3


def _graph(index: int, *ops: str, runs: tuple[int, ...] = ()) -> Graph:
    """Nodes that all read one image; the last of them runs other graphs."""
    values = (
        Value(0, "x", "float32", IMAGE),
        Value(1, "w", "float32", (4, 1, 1, 3), FILTER),
        *(Value(2 + i, f"y{i}", "float32", (1, 8, 8, 4)) for i in range(len(ops))),
    )
    bodies = tuple((f"body{place}", place) for place in runs)
    nodes = tuple(
        Node(index, i, op, 1, (0, 1), (2 + i,), {}, bodies=bodies if i == len(ops) - 1 else ())
        for i, op in enumerate(ops)
    )
    return Graph(index, f"g{index}", "tflite", values, nodes, (0,), (1 + len(ops),))


@pytest.mark.parametrize(
    ("graphs", "expected"),
    [
        ([_graph(0, "CONV_2D", "RELU")], CONVOLUTION),
        ([_graph(0, "CONV_2D"), _graph(1, "CONV_2D")], CONVOLUTION),
        ([_graph(0, "CONV_2D", "IF", runs=(1,)), _graph(1, "RELU")], CONVOLUTION),
        ([_graph(0, "IF", runs=(1,)), _graph(1, "CONV_2D")], None),
        ([_graph(0, "IF", runs=(1,)), _graph(1, "IF", runs=(2,)), _graph(2, "CONV_2D")], None),
        ([_graph(0, "WHILE", runs=(1,)), _graph(1, "WHILE", runs=(1,))], 0),
    ],
    ids=["alone", "beside", "idle branch", "branch", "nested branch", "runs itself"],
)
def test_only_what_runs_once_for_certain_is_counted(
    graphs: list[Graph], expected: int | None
) -> None:
    model = Model(Path("m.tflite"), "tflite", 0, "", tuple(graphs), 0)
    assert summarise(model).macs == expected
