"""Padding of int8 maps, the same bits in LiteRT, and what is said of joins on different grids."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from single import Call, Case, agrees, integers, reading, tflite, tflite_case

from npulint.fixers.convolutions import same_padding
from npulint.fixers.moving import joins
from npulint.fixers.record import Refusal
from npulint.operators.emit_windows import same_pads

SAMPLE, ALL = 20, 200
WAYS = {way.name: way for way in same_padding.FAMILY.ways}


def padded(folder: Path, seed: int, *, apart: bool) -> Case:
    """A window with SAME padding, or with a PAD or PADV2 before it that adds as much of the zero.

    Some add one row more, which SAME would not.
    """
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    size, stride, grid = draw.randint(1, 4), draw.randint(1, 3), (0.25, draw.choice((-2, 0, 5)))
    image, deep = [draw.randint(1, 7), draw.randint(1, 7)], draw.random() < 0.5
    sides = [list(same_pads(length, size, stride, 1)) for length in image]
    sides[0][0] += apart and draw.random() < 0.2
    wide = [length + sum(pair) for length, pair in zip(image, sides, strict=True)]
    made = [1, *((length - size) // stride + 1 for length in wide), 2]
    options: dict[str, Any] = {
        "table": "Conv2DOptions", "stride_h": stride, "stride_w": stride, "dilation_h_factor": 1,
        "dilation_w_factor": 1,
        "padding": tflite.schema.Padding.VALID if apart else tflite.schema.Padding.SAME,
    }  # fmt: skip
    weights = integers(rng, *((1, size, size, 2) if deep else (2, size, size, 2)))
    if deep:
        options |= {"table": "DepthwiseConv2DOptions", "depth_multiplier": 1}
    calls = []
    if apart:
        amounts = np.array([(0, 0), *sides, (0, 0)], np.int32)
        zero = [np.array([grid[1]], np.int8)] if draw.random() < 0.3 else []
        op = "PADV2" if zero else "PAD"
        calls.append(Call(op, ["x", amounts, *zero], {"p": [1, *wide, 2]}, {}, 2))
    operands = ["p" if apart else "x", weights.astype(np.int8), integers(rng, 2).astype(np.int32)]
    op = "DEPTHWISE_CONV_2D" if deep else "CONV_2D"
    calls.append(Call(op, operands, {"y": made}, options, 3))
    x = integers(rng, 1, *image, 2).astype(np.int8)
    return tflite_case(folder, {"x": x}, calls, quantised=grid)


@pytest.mark.parametrize("way", WAYS)
def test_the_same_bits(way: str, full: bool, tmp_path: Path) -> None:
    applied = seed = 0
    while applied < (ALL if full else SAMPLE):
        assert seed < 1000, "hardly any instance is in the way's domain"
        case = padded(tmp_path, seed, apart=way == "padding/same")
        applied += agrees(case, same_padding.FAMILY, WAYS[way])
        seed += 1


def test_another_number_than_the_zero_point_is_no_padding_of_a_window(tmp_path: Path) -> None:
    sizes = np.array([(0, 0), (1, 1), (1, 1), (0, 0)], np.int32)
    options = {"table": "Conv2DOptions", "stride_h": 1, "stride_w": 1, "padding": 1}
    calls = [
        Call("PADV2", ["x", sizes, np.array([7], np.int8)], {"p": [1, 5, 5, 2]}, {}, 2),
        Call(
            "CONV_2D", ["p", np.ones((2, 3, 3, 2), np.int8), np.zeros(2, np.int32)],
            {"y": [1, 3, 3, 2]}, options, 3,
        ),
    ]  # fmt: skip
    x = {"x": np.zeros((1, 3, 3, 2), np.int8)}
    case = tflite_case(tmp_path, x, calls, quantised=(0.25, -2))
    refusal = WAYS["padding/same"].accepts(reading(case.path, same_padding.FAMILY))
    assert isinstance(refusal, Refusal)
    assert "not 2.25" in refusal.reason


def test_pools_of_what_is_quantised_are_left_alone(tmp_path: Path) -> None:
    sizes = np.array([(0, 0), (1, 1), (1, 1), (0, 0)], np.int32)
    pool = {
        "table": "Pool2DOptions", "filter_height": 3, "filter_width": 3, "stride_h": 1,
        "stride_w": 1, "padding": 1,
    }  # fmt: skip
    calls = [
        Call("PAD", ["x", sizes], {"p": [1, 5, 5, 2]}, {}, 2),
        Call("MAX_POOL_2D", ["p"], {"y": [1, 3, 3, 2]}, pool, 2),
    ]
    x = {"x": np.zeros((1, 3, 3, 2), np.int8)}
    found = reading(tflite_case(tmp_path, x, calls, quantised=(0.25, -2)).path, same_padding.FAMILY)
    assert isinstance(found, Refusal)
    assert "pools what is quantised" in found.reason


@pytest.mark.parametrize(("grid", "said"), [((0.5, -2), "one scale and zero point"), (None, "")])
def test_joins_on_different_grids_get_advice(grid: Any, said: str, tmp_path: Path) -> None:
    """Of two inputs and the result the second has a scale of its own, or the same."""
    same = tflite.table("QuantizationParameters", scale=[0.25], zero_point=[-2])
    scale, zero = grid or (0.25, -2)
    other = tflite.table("QuantizationParameters", scale=[scale], zero_point=[zero])
    tensors = [
        tflite.tensor("a", (1, 2), "INT8", quantization=same),
        tflite.tensor("b", (1, 2), "INT8", quantization=other),
        tflite.tensor("y", (1, 4), "INT8", quantization=same),
    ]
    options = tflite.table("ConcatenationOptions", axis=1)
    graph = tflite.table(
        "SubGraph", tensors=tensors, inputs=[0, 1], outputs=[2], name=b"main",
        operators=[tflite.operator(0, [0, 1], [2], options=options)],
    )  # fmt: skip
    model = tflite.table(
        "Model", version=3, subgraphs=[graph], operator_codes=[tflite.code("CONCATENATION", 2)],
        buffers=[tflite.table("Buffer")],
    )  # fmt: skip
    found = reading(tflite.write(tmp_path, model, "m.tflite"), joins.FAMILY)
    assert isinstance(found, Refusal)
    assert (said or "rewrite the float model") in found.reason
