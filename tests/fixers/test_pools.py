"""Max pooling rewritten: the same bits, in the real runtimes."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from single import Call, Case, agrees, integers, onnx_case, settled, tflite, tflite_case

from npulint.fixers.convolutions.pools import FAMILY, MaxPool

SAMPLE, ALL = 12, 200


def onnx_pool(folder: Path, seed: int) -> Case | None:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    opset = draw.choice((7, 8, 10, 13, 21))
    image = [draw.randint(1, 6) for _ in range(2)]
    window = [draw.randint(1, 4) for _ in range(2)]
    strides = [draw.randint(1, 3) for _ in range(2)]
    dilations = [draw.choice((1, 2))] * 2 if opset >= 10 and draw.random() < 0.3 else [1, 1]
    pads = [draw.randint(0, size - 1) for size in window * 2]
    said = {"kernel_shape": window, "strides": strides, "pads": pads}
    upwards = opset >= 10 and draw.random() < 0.3
    if opset >= 10:
        said |= {"dilations": dilations, "ceil_mode": int(upwards)}
    size = []
    for a in (0, 1):
        reach = (window[a] - 1) * dilations[a] + 1
        left = image[a] + pads[a] + pads[2 + a] - reach
        if left < 0:
            return None
        count = -(-left // strides[a]) if upwards else left // strides[a]
        if upwards and count * strides[a] >= image[a] + pads[a]:
            count -= 1
        size.append(count + 1)
    call = Call("MaxPool", ["x"], {"y": [1, 2, *size]}, said)
    return onnx_case(folder, {"x": integers(rng, 1, 2, *image)}, [call], opset)


def tflite_pool(folder: Path, seed: int, *, dtype: Any = np.float32) -> Case | None:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    image = [draw.randint(1, 6) for _ in range(2)]
    window = [draw.randint(1, 4) for _ in range(2)]
    strides = [draw.randint(1, 3) for _ in range(2)]
    padding = draw.choice(("SAME", "SAME", "VALID"))
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
    call = Call("MAX_POOL_2D", ["x"], {"y": [1, *size, 2]}, options, 2)
    x = integers(rng, 1, *image, 2).astype(dtype)
    grid = None if dtype is np.float32 else (0.5, 3)
    return tflite_case(folder, {"x": x}, [call], quantised=grid)


MAKERS: dict[str, Any] = {
    "onnx": onnx_pool,
    "tflite": tflite_pool,
    "int8": lambda folder, seed: tflite_pool(folder, seed, dtype=np.int8),
}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("way", FAMILY.ways, ids=lambda way: way.name)
def test_the_same_bits(way: Any, kind: str, full: bool, tmp_path: Path) -> None:
    wanted = ALL if full else SAMPLE
    applied = 0
    for seed in range(30 * wanted):
        case = MAKERS[kind](tmp_path, seed)
        if case is not None:
            applied += agrees(case, FAMILY, way)
        if applied == wanted:
            return
    pytest.fail("hardly any instance is in the way's domain")


@pytest.mark.parametrize(
    ("way", "change", "said"),
    [
        (0, {"sides": ((0, 0), (0, 0))}, "no window"),
        (0, {"dilations": (2, 2)}, "holes"),
        (1, {"window": (9, 1)}, "9 samples"),
        (1, {"dilations": (2, 2)}, "the sample at the border"),
        (1, {"window": (1, 1), "strides": (1, 1)}, "one sample"),
    ],
)
def test_a_broken_precondition_is_refused_with_its_reason(
    way: int, change: dict[str, Any], said: str
) -> None:
    given = MaxPool(0, (1, 1, 4, 4), (2, 2), (3, 3), (2, 2), (1, 1), ((0, 1), (0, 1)), "NONE")
    assert FAMILY.ways[way].accepts(given) is None
    refusal = FAMILY.ways[way].accepts(replace(given, **change))
    assert refusal is not None
    assert said in refusal.reason


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    case = tflite_pool(tmp_path, 5)
    assert case is not None
    assert "MAXIMUM" in settled(case, FAMILY, "MAX_POOL_2D")
