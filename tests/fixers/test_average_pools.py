"""Average pooling rewritten: the same bits of integers, no more rounding else, in the runtimes."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from single import (
    Call,
    Case,
    agrees,
    integers,
    onnx_case,
    reading,
    rewritten,
    run,
    settled,
    tflite,
    tflite_case,
)

from npulint.fixers.convolutions.average_pools import FAMILY
from npulint.fixers.convolutions.average_pools_reading import AveragePool
from npulint.fixers.record import Refusal
from npulint.formats import load, save

SAMPLE, ALL = 12, 200


def onnx_pool(folder: Path, seed: int) -> Case | None:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    opset = draw.choice((7, 8, 10, 13, 19, 21))
    image = [draw.randint(1, 7) for _ in range(2)]
    window = [draw.randint(1, 4) for _ in range(2)]
    strides = [draw.randint(1, 3) for _ in range(2)]
    dilations = [draw.choice((1, 2))] * 2 if opset >= 19 and draw.random() < 0.3 else [1, 1]
    pads = [draw.randint(0, size - 1) for size in window * 2]
    counted = draw.choice((0, 0, 1))
    said = {"kernel_shape": window, "strides": strides, "pads": pads, "count_include_pad": counted}
    upwards = opset >= 10 and draw.random() < 0.5
    if opset >= 10:
        said["ceil_mode"] = int(upwards)
    if opset >= 19:
        said["dilations"] = dilations
    size = []
    for a in (0, 1):
        left = image[a] + pads[a] + pads[2 + a] - (window[a] - 1) * dilations[a] - 1
        if left < 0:
            return None
        count = -(-left // strides[a]) if upwards else left // strides[a]
        if upwards and count * strides[a] >= image[a] + pads[a]:
            count -= 1
        size.append(count + 1)
    call = Call("AveragePool", ["x"], {"y": [1, 2, *size]}, said)
    return onnx_case(folder, {"x": integers(rng, 1, 2, *image)}, [call], opset)


def tflite_pool(folder: Path, seed: int, *, dtype: Any = np.float32) -> Case | None:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    image = [draw.randint(1, 7) for _ in range(2)]
    window = [draw.randint(1, 4) for _ in range(2)]
    strides = [draw.randint(1, 3) for _ in range(2)]
    padding = draw.choice(("SAME", "SAME", "SAME", "VALID"))
    steps = list(zip(image, window, strides, strict=True))
    size = [-(-each // step) for each, _, step in steps]
    if padding == "VALID":
        size = [(each - reach) // step + 1 for each, reach, step in steps]
        if min(size) < 1 or any(each < reach for each, reach, _ in steps):
            return None
    active = tflite.schema.ActivationFunctionType.RELU if dtype is np.float32 else 0
    options = {
        "table": "Pool2DOptions", "padding": getattr(tflite.schema.Padding, padding),
        "stride_h": strides[0], "stride_w": strides[1], "filter_height": window[0],
        "filter_width": window[1], "fused_activation_function": draw.choice((0, active)),
    }  # fmt: skip
    call = Call("AVERAGE_POOL_2D", ["x"], {"y": [1, *size, 2]}, options, 2)
    x = (integers(rng, 1, *image, 2) * (1 if dtype is np.float32 else 13)).astype(dtype)
    grid = None if dtype is np.float32 else (0.5, 3)
    return tflite_case(folder, {"x": x}, [call], quantised=grid)


MAKERS: dict[str, Any] = {
    "onnx": onnx_pool,
    "tflite": tflite_pool,
    "int8": partial(tflite_pool, dtype=np.int8),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_pieces_make_the_same_bits(kind: str, full: bool, tmp_path: Path) -> None:
    wanted = ALL if full else SAMPLE
    applied = 0
    for seed in range(30 * wanted):
        case = MAKERS[kind](tmp_path, seed)
        if case is not None and isinstance(reading(case.path, FAMILY), AveragePool):
            applied += agrees(case, FAMILY, FAMILY.ways[0])
        if applied == wanted:
            return
    pytest.fail("hardly any instance is in the way's domain")


def mean(pool: AveragePool, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Of `[N, C, H, W]`, by the definition, in float64."""
    made = np.zeros((*x.shape[:2], *pool.output))
    for row, column in np.ndindex(*pool.output):
        rows, columns = (
            [
                place
                for tap in range(pool.window[axis])
                if 0
                <= (
                    place := at * pool.strides[axis]
                    - pool.sides[axis][0]
                    + tap * pool.dilations[axis]
                )
                < pool.sizes[2 + axis]
            ]
            for axis, at in ((0, row), (1, column))
        )
        total = x[:, :, rows][:, :, :, columns].astype(np.float64).sum(axis=(2, 3))
        made[:, :, row, column] = total / (pool.counts[0][row] * pool.counts[1][column])
    return np.maximum(made, 0) if pool.activation == "RELU" else made


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
@pytest.mark.parametrize("way", FAMILY.ways, ids=lambda way: way.name)
def test_no_more_rounding_than_the_pool_itself(
    way: Any, kind: str, full: bool, tmp_path: Path
) -> None:
    wanted = ALL if full else SAMPLE
    applied = 0
    for seed in range(30 * wanted):
        case = MAKERS[kind](tmp_path, seed)
        if case is None:
            continue
        x = np.random.default_rng(seed).normal(1, 2, case.xs["x"].shape).astype(np.float32)
        model, pool = load(case.path), reading(case.path, FAMILY)
        made = rewritten(model, FAMILY, way)
        if isinstance(made, Refusal):
            assert made.reason
            continue
        other = tmp_path / f"rewritten{case.path.suffix}"
        save(made, other)
        (before,), (after,) = run(case.path, {"x": x}), run(other, {"x": x})
        last = kind == "tflite"
        truth = mean(pool, x.transpose(0, 3, 1, 2) if last else x)
        truth = truth.transpose(0, 2, 3, 1) if last else truth
        own = max(float(np.abs(before - truth).max()), 2.0**-23 * float(np.abs(x).max()))
        assert after.shape == before.shape
        assert np.abs(after - truth).max() <= 4 * own, case.label
        if last:
            assert {node.op for node in load(other).graphs[0].nodes} <= {*way.uses}
        applied += 1
        if applied == wanted:
            return
    pytest.fail("hardly any instance is in the way's domain")


GIVEN = AveragePool(
    0, (1, 1, 4, 4), (2, 2), (3, 3), (2, 2), (1, 1), ((0, 1), (0, 1)), ((3, 2), (3, 2)),
    inside=True, is_float=True, activation="NONE",
)  # fmt: skip


@pytest.mark.parametrize(
    ("way", "change", "said"),
    [
        ("pieces", {"sides": ((0, 0), (0, 0))}, "no window"),
        ("pieces", {"dilations": (2, 2)}, "holes"),
        ("pieces", {"inside": False}, "counts what it adds"),
        (
            "pieces",
            {"sizes": (1, 1, 9, 9), "output": (9, 9), "strides": (1, 1), "window": (17, 17),
             "sides": ((8, 8), (8, 8))},
            "81 pools",
        ),
        ("zeros-around", {"sides": ((0, 0), (0, 0))}, "no window"),
        ("zeros-around", {"is_float": False}, "quantised"),
        ("depthwise", {"is_float": False}, "quantised"),
        ("axis-by-axis", {"is_float": False}, "rounded twice"),
        ("axis-by-axis", {"window": (1, 3)}, "along one axis"),
        ("axis-by-axis", {"dilations": (2, 2)}, "holes"),
        ("axis-by-axis", {"inside": False}, "parts of one"),
    ],
)  # fmt: skip
def test_a_broken_precondition_is_refused_with_its_reason(
    way: str, change: dict[str, Any], said: str
) -> None:
    (chosen,) = (each for each in FAMILY.ways if each.name == f"average-pool/{way}")
    assert chosen.accepts(GIVEN) is None
    refusal = chosen.accepts(replace(GIVEN, **change))
    assert refusal is not None
    assert said in refusal.reason


def test_a_window_beyond_the_map_is_refused(tmp_path: Path) -> None:
    said = {"kernel_shape": [2, 1], "strides": [3, 1], "pads": [0, 0, 1, 0], "dilations": [2, 1]}
    call = Call("AveragePool", ["x"], {"y": [1, 1, 1, 1]}, said | {"count_include_pad": 1})
    case = onnx_case(tmp_path, {"x": np.ones((1, 1, 2, 1), np.float32)}, [call], 19)
    assert isinstance(reading(case.path, FAMILY), AveragePool)
    said = {"kernel_shape": [1, 1], "strides": [1, 1], "pads": [1, 0, 0, 0]}
    call = Call("AveragePool", ["x"], {"y": [1, 1, 3, 1]}, said)
    case = onnx_case(tmp_path, {"x": np.ones((1, 1, 2, 1), np.float32)}, [call], 13)
    found = reading(case.path, FAMILY)
    assert isinstance(found, Refusal)
    assert "altogether" in found.reason


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    case = tflite_pool(tmp_path, 5)
    assert case is not None
    assert "DEPTHWISE_CONV_2D" in settled(case, FAMILY, "AVERAGE_POOL_2D")
