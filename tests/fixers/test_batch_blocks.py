"""Convolutions between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: bit-identical on integers."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from single import Call, Case, agrees, cured, integers, reading, settled, tflite, tflite_case

from npulint.fixers.convolutions import conv_forms, quantised_blocks
from npulint.fixers.convolutions.batch_blocks import FAMILY, Blocked
from npulint.fixers.record import Refusal
from npulint.formats import load

SAMPLE, ALL = 20, 200
(WAY,) = FAMILY.ways


def blocks(folder: Path, seed: int, *, quantised: bool = False, **said: Any) -> Case | None:
    """A map taken apart, convolved and put together; None where nothing is left of it."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    block = said.get("block", [draw.randint(1, 3), draw.randint(2, 3)])
    image = [draw.randint(1, 7) for _ in range(2)]
    window = [draw.randint(1, 3) for _ in range(2)]
    margins = []
    for size, step in zip(image, block, strict=True):
        before, after = draw.randint(0, 3), draw.randint(0, 3)
        margins.append((before, after + -(size + before + after) % step))
    padded = [size + sum(pair) for size, pair in zip(image, margins, strict=True)]
    small = [size // step for size, step in zip(padded, block, strict=True)]
    same = draw.random() < 0.3
    made = small if same else [n - k + 1 for n, k in zip(small, window, strict=True)]
    crops = said.get("crops", [(draw.randint(0, 2), draw.randint(0, 2)) for _ in range(2)])
    whole = [n * step - sum(c) for n, step, c in zip(made, block, crops, strict=True)]
    if min(*made, *whole) < 1:
        return None
    count, deep = block[0] * block[1], draw.random() < 0.3
    options: dict[str, Any] = {
        "table": "Conv2DOptions", "stride_h": said.get("stride", 1), "stride_w": 1,
        "padding": tflite.schema.Padding.SAME if same else tflite.schema.Padding.VALID,
        "dilation_h_factor": 1, "dilation_w_factor": 1,
        "fused_activation_function": draw.choice((0, tflite.schema.ActivationFunctionType.RELU)),
    }  # fmt: skip
    weights = integers(rng, 3, *window, 2)
    if deep:
        weights = integers(rng, 1, *window, 2)
        options |= {"table": "DepthwiseConv2DOptions", "depth_multiplier": 1}
    channels = 2 if deep else 3
    there, back = (np.array(each, np.int32) for each in (block, said.get("back", block)))
    calls = [
        Call("SPACE_TO_BATCH_ND", ["x", there, np.array(margins, np.int32)],
             {"a": [count, *small, 2]}, {}),
        Call("DEPTHWISE_CONV_2D" if deep else "CONV_2D", ["a", weights, integers(rng, channels)],
             {"b": [count, *made, channels]}, options),
        Call("BATCH_TO_SPACE_ND", ["b", back, np.array(crops, np.int32)],
             {"y": [1, *whole, channels]}, {}),
    ]  # fmt: skip
    x = integers(rng, 1, *image, 2)
    if not quantised:
        return tflite_case(folder, {"x": x}, calls)
    weights, bias = calls[1].operands[1:]
    on_grids = ["a", np.asarray(weights).astype(np.int8), np.asarray(bias).astype(np.int32)]
    calls[1] = replace(calls[1], operands=on_grids, version=3)
    return tflite_case(folder, {"x": x.astype(np.int8)}, calls, quantised=(0.25, -2))


@pytest.mark.parametrize("quantised", [False, True], ids=["float32", "int8"])
def test_the_same_bits(quantised: bool, full: bool, tmp_path: Path) -> None:
    applied = seed = 0
    while applied < (ALL if full else SAMPLE):
        assert seed < 2000, "hardly any instance is in the way's domain"
        case = blocks(tmp_path, seed, quantised=quantised)
        seed += 1
        applied += case is not None and agrees(case, FAMILY, WAY)


def found(folder: Path, **said: Any) -> Case:
    for seed in range(100):
        case = blocks(folder, seed, **{"crops": [(0, 0), (0, 0)], **said})
        if case is not None:
            return case
    pytest.fail("nothing drawn")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pads": (0, 0, -1, 0)}, "crops more"),
        ({"strides": (2, 1)}, "strides"),
        ({"dilations": (2, 2)}, "dilation of its own"),
    ],
)
def test_a_broken_precondition_is_refused(
    change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    whole = reading(found(tmp_path).path, FAMILY)
    assert isinstance(whole, Blocked)
    assert WAY.accepts(whole) is None
    if "pads" in change:
        broken = replace(whole, **change)
    else:
        broken = replace(whole, conv=replace(whole.conv, **change))
    refusal = WAY.accepts(broken)
    assert refusal is not None
    assert said in refusal.reason


def test_other_blocks_on_the_way_back_are_refused(tmp_path: Path) -> None:
    refusal = reading(found(tmp_path, block=[2, 3], back=[3, 2]).path, FAMILY)
    assert isinstance(refusal, Refusal)
    assert "the same there and back" in refusal.reason


def test_a_target_without_blocks_takes_the_dilated_one(tmp_path: Path) -> None:
    made = cured(found(tmp_path), (FAMILY,), "tflite-gpu")
    assert made[-1] in {"CONV_2D", "DEPTHWISE_CONV_2D"}
    assert set(made[:-1]) <= {"PAD"}


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    made = settled(found(tmp_path), FAMILY, "SPACE_TO_BATCH_ND")
    assert made[-1] in {"CONV_2D", "DEPTHWISE_CONV_2D"}


def dilated(folder: Path, seed: int) -> Case | None:
    """A dilated convolution of an int8 map, with weights on one grid."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    steps = [draw.randint(1, 3), draw.randint(2, 3)]
    image = [draw.randint(1, 9) for _ in range(2)]
    window = [draw.randint(1, 3) for _ in range(2)]
    reach = [(size - 1) * step + 1 for size, step in zip(window, steps, strict=True)]
    same, deep = draw.random() < 0.5, draw.random() < 0.4
    made = image if same else [n - k + 1 for n, k in zip(image, reach, strict=True)]
    if min(made) < 1:
        return None
    options: dict[str, Any] = {
        "table": "Conv2DOptions", "stride_h": 1, "stride_w": 1,
        "padding": tflite.schema.Padding.SAME if same else tflite.schema.Padding.VALID,
        "dilation_h_factor": steps[0], "dilation_w_factor": steps[1],
        "fused_activation_function": draw.choice((0, tflite.schema.ActivationFunctionType.RELU)),
    }  # fmt: skip
    weights = rng.integers(-127, 128, (1 if deep else 3, *window, 2))
    if deep:
        options |= {"table": "DepthwiseConv2DOptions", "depth_multiplier": 1}
    channels = 2 if deep else 3
    op = "DEPTHWISE_CONV_2D" if deep else "CONV_2D"
    bias = rng.integers(-999, 1000, channels).astype(np.int32)
    call = Call(op, ["x", weights.astype(np.int8), bias], {"y": [1, *made, channels]}, options, 3)
    x = rng.integers(-128, 128, (1, *image, 2)).astype(np.int8)
    return tflite_case(folder, {"x": x}, [call], quantised=(0.25, draw.choice((-128, -2, 5))))


def test_dilated_windows_of_int8_maps_make_the_same_bits(full: bool, tmp_path: Path) -> None:
    (way,), applied = quantised_blocks.FAMILY.ways, 0
    for seed in range(2000):
        case = dilated(tmp_path, seed)
        applied += case is not None and agrees(case, quantised_blocks.FAMILY, way)
        if applied == (ALL if full else SAMPLE):
            return
    pytest.fail("hardly any instance is in the way's domain")


def test_strides_of_dilated_windows_are_refused(tmp_path: Path) -> None:
    case = next(each for each in map(partial(dilated, tmp_path), range(99)) if each is not None)
    found = reading(case.path, quantised_blocks.FAMILY)
    (way,) = quantised_blocks.FAMILY.ways
    assert way.accepts(found) is None
    refusal = way.accepts(replace(found, conv=replace(found.conv, strides=(2, 1))))
    assert isinstance(refusal, Refusal)
    assert "skip" in refusal.reason


def test_there_and_back_again(tmp_path: Path) -> None:
    """What one family makes of a dilated window the other makes that window of."""
    options = {
        "table": "Conv2DOptions", "stride_h": 1, "stride_w": 1, "dilation_h_factor": 2,
        "dilation_w_factor": 3, "padding": tflite.schema.Padding.VALID,
    }  # fmt: skip
    rng = np.random.default_rng(0)
    operands = ["x", integers(rng, 3, 3, 3, 2), integers(rng, 3)]
    call = Call("CONV_2D", operands, {"y": [1, 4, 6, 3]}, options, 3)
    case = tflite_case(tmp_path, {"x": integers(rng, 1, 8, 12, 2)}, [call])
    (way,) = (way for way in conv_forms.FAMILY.ways if way.name == "conv/batch-blocks")
    assert agrees(case, conv_forms.FAMILY, way)
    graph = load(tmp_path / "rewritten.tflite").graphs[0]
    (occurrence,) = FAMILY.recognise(graph)
    assert isinstance(occurrence.found, Blocked)
    assert occurrence.found.block == (2, 3)
    assert occurrence.found.pads == (0, 0, 0, 0)
