"""What is said to have no exact way has none in the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from single import Call, onnx_case

from npulint.fixers.catalogue import FAMILIES
from npulint.fixers.record import Refusal
from npulint.fixers.without import ELSEWHERE, WITHOUT
from npulint.formats import load
from npulint.operators.onnx_signatures import is_standard

GRID = np.zeros((1, 2, 2, 2), np.float32)
BOXES = np.array([[0, 0, 1, 1]], np.float32)
NAMED = {op for ops, _ in WITHOUT for op in ops}

CALLS: dict[str, Call] = {
    **{op: Call(op, ["x"], {"y": [1, 2, 2, 2]}, {}) for op in ("Exp", "Log", "Sin", "Cos")},
    "GridSample": Call("GridSample", ["x", GRID], {"y": [1, 2, 2, 2]}, {}),
    "RoiAlign": Call("RoiAlign", ["x", BOXES, np.zeros(1, np.int64)], {"y": [1, 2, 1, 1]}, {}),
}


def test_every_name_is_an_operator_and_has_a_reason() -> None:
    assert all(map(is_standard, NAMED))
    assert all(why and not why.endswith(".") for why in (*(why for _, why in WITHOUT), *ELSEWHERE))
    assert len(NAMED) == sum(len(ops) for ops, _ in WITHOUT)


@pytest.mark.parametrize("op", CALLS)
def test_no_family_has_a_way(op: str, tmp_path: Path) -> None:
    assert op in NAMED
    x: dict[str, Any] = {"x": np.ones((1, 2, 2, 2), np.float32)}
    graph = load(onnx_case(tmp_path, x, [CALLS[op]], 16).path).graphs[0]
    for family in FAMILIES:
        for occurrence in family.recognise(graph):
            found = occurrence.found
            exact = [way for way in family.ways if way.exactness == "exact"]
            assert isinstance(found, Refusal) or all(way.accepts(found) for way in exact)
