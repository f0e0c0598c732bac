"""Maxima over axes by pools: bit-identical, in float and on 8-bit grids, in the real runtimes."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from single import Call, Case, agrees, integers, onnx_case, reading, tflite_case

from npulint.fixers.convolutions.maxima import FAMILY, Maximum
from npulint.fixers.record import Realisation, Refusal

SAMPLE, ALL = 15, 150


def instance(folder: Path, dialect: str, seed: int) -> Case:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.choice((1, 1, 2)), *(draw.randint(1, 5) for _ in range(3))]
    axes = draw.choice(([1], [2], [3], [1, 2], [2, 3], [1, 3]))
    keep = draw.random() < 0.6
    result = [1 if axis in axes else size for axis, size in enumerate(shape)]
    if not keep:
        result = [size for axis, size in enumerate(shape) if axis not in axes]
    asked = [axis - draw.choice((0, 4)) for axis in axes]
    x = integers(rng, *shape)
    if dialect == "tflite":
        options = {"table": "ReducerOptions", "keep_dims": keep}
        call = Call("REDUCE_MAX", ["x", np.array(asked, np.int32)], {"y": result}, options)
        if draw.random() < 0.3:
            return tflite_case(folder, {"x": x.astype(np.int8)}, [call], quantised=(0.5, 3))
        return tflite_case(folder, {"x": x}, [call])
    opset = draw.choice((13, 17, 21))
    if opset < 18:
        options = {"axes": asked, "keepdims": int(keep)}
        return onnx_case(
            folder, {"x": x}, [Call("ReduceMax", ["x"], {"y": result}, options)], opset
        )
    call = Call("ReduceMax", ["x", np.array(asked)], {"y": result}, {"keepdims": int(keep)})
    return onnx_case(folder, {"x": x}, [call], opset)


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
@pytest.mark.parametrize("way", FAMILY.ways, ids=lambda way: way.name)
def test_bit_identical(way: Realisation[Maximum], dialect: str, full: bool, tmp_path: Path) -> None:
    applied = seed = 0
    while applied < (ALL if full else SAMPLE):
        applied += agrees(instance(tmp_path, dialect, seed), FAMILY, way)
        seed += 1
        assert seed < 40 * ALL


@pytest.mark.parametrize(
    ("axes", "place", "said"),
    [([1, 3], 0, "height or width alone"), ([1, 3], 1, "channels alone"), ([1], 1, "channels")],
)
def test_a_broken_precondition_is_refused(
    axes: list[int], place: int, said: str, tmp_path: Path
) -> None:
    shape = [1, 2, 3, 4]
    result = [1 if axis in axes else size for axis, size in enumerate(shape)]
    options = {"table": "ReducerOptions", "keep_dims": True}
    call = Call("REDUCE_MAX", ["x", np.array(axes, np.int32)], {"y": result}, options)
    case = tflite_case(tmp_path, {"x": np.zeros(shape, np.float32)}, [call])
    refusal = FAMILY.ways[place].accepts(reading(case.path, FAMILY))
    assert isinstance(refusal, Refusal)
    assert said in refusal.reason


def test_other_ranks_are_left(tmp_path: Path) -> None:
    options = {"table": "ReducerOptions", "keep_dims": True}
    call = Call("REDUCE_MAX", ["x", np.array([1], np.int32)], {"y": [2, 1]}, options)
    case = tflite_case(tmp_path, {"x": np.zeros((2, 3), np.float32)}, [call])
    assert reading(case.path, FAMILY) == Refusal(
        "it is no maximum of a feature map of 4 dimensions"
    )
