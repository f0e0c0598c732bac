"""Pieces as predicted, held against those that LiteRT cuts for Qualcomm's plugin here and now."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import npulint
from npulint.host import ask

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from qnn_cut_models import drawn, write

CASES = (
    "RELU x > a; ATAN2 a a > b; ABS a > c; ADD b c > y",
    "RELU x > a; NEG u > b; ATAN2 a b > c; ABS c > y | NEG x > a; ATAN2 a a > y",
    *map(drawn, range(100, 106)),
)


@pytest.mark.parametrize("text", CASES)
def test_pieces_are_those_that_litert_cuts(text: str, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(write(text))
    answer = ask(path, "qnn-htp-v73")
    assert answer.outcome == "compiled", answer.fault
    found = npulint.check(path, ["qnn-htp-v73"]).models[0].targets[0]
    predicted = [
        tuple((part.graph, index) for index in part.nodes)
        for part in found.partitions
        if part.handed_over
    ]
    assert predicted == [piece.nodes for piece in answer.pieces]


COMPOSITE = "RELU x > a; STABLEHLO_COMPOSITE[{},1] a > b; ABS b > y | {}"


@pytest.mark.parametrize(
    ("name", "body", "pieces"),
    [
        # Replaced by what it computes, of which all is taken.
        ("own.relu", "NEG x > y", [[(0, 0), (1, 0), (0, 2)]]),
        # Compiled by itself, and left on the CPU, because the model asks for it.
        ("odml.npu_call", "NEG x > y", [[(1, 0)], [(0, 0)], [(0, 2)]]),
        ("odml.cpu_call", "NEG x > y", [[(0, 0)], [(0, 2)]]),
    ],
)
def test_composites_are_read_back(
    name: str, body: str, pieces: list[list[tuple[int, int]]], tmp_path: Path
) -> None:
    """What described a composite may be gone from what the plugin writes."""
    path = tmp_path / "model.tflite"
    path.write_bytes(write(COMPOSITE.format(name, body)))
    answer = ask(path, "qnn-htp-v73")
    assert [list(piece.nodes) for piece in answer.pieces] == pieces
    status = {(node.graph, node.index): node.status for node in answer.nodes}
    handed = {node for piece in pieces for node in piece}
    assert {node for node, said in status.items() if said == "taken"} == handed
