"""Pieces that change the rank: masks of slices, single positions, pieces without their axis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from single import Call, Case, cured, onnx_case, reading, tflite_case

from npulint.fixers.moving.pieces import FAMILY
from npulint.fixers.record import Refusal


def masked_case(folder: Path, entries: Any, result: list[int], **masks: int) -> Case:
    bounds = [np.array(each, np.int32) for each in zip(*entries, strict=True)]
    options = {"table": "StridedSliceOptions", **masks}
    call = Call("STRIDED_SLICE", ["x", *bounds], {"y": result}, options)
    return tflite_case(folder, {"x": np.zeros((2, 3, 4), np.float32)}, [call])


WHOLE = (0, 2, 1), (0, 3, 1), (0, 4, 1)


@pytest.mark.parametrize(
    ("entries", "masks", "result", "said"),
    [
        (WHOLE, {"ellipsis_mask": 5}, [2, 3, 4], "more than one ellipsis"),
        (WHOLE, {"ellipsis_mask": 1, "offset": True}, [2, 3, 4], "ends counted from its starts"),
        ((*WHOLE, (0, 1, 1)), {"ellipsis_mask": 1}, [2, 3, 1], "leave no axis of 3"),
        ((*WHOLE, (0, 1, 1)), {"shrink_axis_mask": 1}, [3, 4], "leave no axis of 3"),
        (((0, 2, 0),), {"shrink_axis_mask": 2}, [2, 3, 4], "steps of 0"),
        (((0, 2, -1),), {"shrink_axis_mask": 1}, [3, 4], "cut at 0 in steps of -1"),
        (((2, 3, 1),), {"shrink_axis_mask": 1}, [3, 4], "cut at 2 in steps of 1"),
        (((1, 2, 1),), {"shrink_axis_mask": 1, "begin_mask": 1}, [3, 4], "elsewhere too"),
        (((1, 2, 1),), {"shrink_axis_mask": 1}, [4, 3], "not of the sizes that the file says"),
        (((0, 1, 1),) * 3, {"shrink_axis_mask": 7}, [], "a scalar"),
    ],
)
def test_masks_that_cannot_be_read_are_refused(
    entries: Any, masks: dict[str, int], result: list[int], said: str, tmp_path: Path
) -> None:
    refusal = reading(masked_case(tmp_path, entries, result, **masks).path, FAMILY)
    assert isinstance(refusal, Refusal)
    assert said in refusal.reason


@pytest.mark.parametrize(
    ("positions", "said"),
    [
        ([0, 1, 3], "at one distance"), ([2, 2], "at one distance"), ([1, 0, 2], "at one distance"),
        ([4], "within the 4 samples"), ([-1], "within the 4 samples"),
        ([0, 1, 2, 3], "the whole"),
    ],
)  # fmt: skip
def test_positions_that_are_no_range_are_refused(
    positions: list[int], said: str, tmp_path: Path
) -> None:
    x = {"x": np.zeros((2, 4), np.float32)}
    operands = ["x", np.array(positions, np.int32)]
    options = {"table": "GatherOptions", "axis": 1}
    call = Call("GATHER", operands, {"y": [2, len(positions)]}, options)
    refusal = reading(tflite_case(tmp_path, x, [call]).path, FAMILY)
    assert isinstance(refusal, Refusal)
    assert said in refusal.reason


def test_positions_known_only_at_run_time_are_refused(tmp_path: Path) -> None:
    x = {"x": np.zeros((2, 4), np.float32), "i": np.zeros(1, np.int32)}
    call = Call("GATHER", ["x", "i"], {"y": [2, 1]}, {"table": "GatherOptions", "axis": 1})
    refusal = reading(tflite_case(tmp_path, x, [call]).path, FAMILY)
    assert isinstance(refusal, Refusal)
    assert "while the model runs" in refusal.reason


def test_positions_that_run_backwards_need_steps(tmp_path: Path) -> None:
    x = {"x": np.zeros((2, 4), np.float32)}
    call = Call("Gather", ["x", np.array([2, 1])], {"y": [2, 2]}, {"axis": 1})
    refusal = reading(onnx_case(tmp_path, x, [call], 9).path, FAMILY)
    assert isinstance(refusal, Refusal)
    assert "from opset 10 on" in refusal.reason


@pytest.mark.parametrize(
    ("kind", "target", "ops"),
    [
        ("masked", "tflite-gpu", ["STRIDED_SLICE", "RESHAPE"]),
        ("new axis", "tflite-gpu", ["RESHAPE"]),
        ("GATHER", "tflite-gpu", ["STRIDED_SLICE", "RESHAPE"]),
        ("GATHER", "nnapi-1.2", ["STRIDED_SLICE", "RESHAPE"]),
        ("GATHER", "neuron", ["STRIDED_SLICE", "RESHAPE"]),
        ("GATHER", "hexagon-nn", ["STRIDED_SLICE", "RESHAPE"]),
        ("UNPACK", "hexagon-nn", ["SPLIT", "RESHAPE", "RESHAPE"]),
        ("UNPACK", "nnapi-1.2", ["SPLIT", "RESHAPE", "RESHAPE"]),
    ],
)
def test_shipped_targets_take_what_comes_of_it(
    kind: str, target: str, ops: list[str], tmp_path: Path
) -> None:
    x = {"x": np.zeros((1, 2, 8), np.float32)}
    if kind == "masked":
        bounds = [np.array(each, np.int32) for each in ([0, 1], [0, 2], [1, 1])]
        options = {
            "table": "StridedSliceOptions", "begin_mask": 1, "end_mask": 1, "shrink_axis_mask": 2,
        }  # fmt: skip
        call = Call("STRIDED_SLICE", ["x", *bounds], {"y": [1, 8]}, options)
    elif kind == "new axis":
        bounds = [np.array(each, np.int32) for each in ([0, 0], [0, 0], [1, 1])]
        options = {"table": "StridedSliceOptions", "ellipsis_mask": 1, "new_axis_mask": 2}
        call = Call("STRIDED_SLICE", ["x", *bounds], {"y": [1, 2, 8, 1]}, options)
    elif kind == "GATHER":
        options = {"table": "GatherOptions", "axis": 1}
        call = Call("GATHER", ["x", np.array(1, np.int32)], {"y": [1, 8]}, options)
    else:
        options = {"table": "UnpackOptions", "axis": 1, "num": 2}
        call = Call("UNPACK", ["x"], {"a": [1, 8], "b": [1, 8]}, options)
    grid = None
    if target == "hexagon-nn":
        x, grid = {"x": x["x"].astype(np.int8)}, (0.5, 3)
    made = cured(tflite_case(tmp_path, x, [call], quantised=grid), (FAMILY,), target)
    assert sorted(made) == sorted(ops)
