"""Resizes rewritten: the same bits where weights are dyadic, in the real runtimes."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from single import Call, Case, agrees, integers, onnx_case, reading, settled, tflite_case

from npulint.fixers.moving import resizes
from npulint.fixers.moving.resizes_reading import Resampling
from npulint.fixers.record import Refusal

SAMPLE, ALL = 8, 200


def drawn(draw: random.Random, factors: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """Sizes `[N, C, H, W]` and factors."""
    image = [draw.randint(1, 4) for _ in range(2)]
    both = [draw.choice(factors)] * 2 if draw.random() < 0.6 else draw.choices((1, *factors), k=2)
    return [draw.choice((1, 1, 2)), draw.randint(1, 3), *image], both


def onnx_resize(folder: Path, seed: int, *, mode: str = "linear") -> Case | None:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    sizes, factors = drawn(draw, (2, 4) if mode == "linear" else (2, 3, 4))
    x = {"x": integers(rng, *sizes)}
    opset = draw.choice((7, 9, 10, 11, 13, 19))
    result = [*sizes[:2], sizes[2] * factors[0], sizes[3] * factors[1]]
    scales = [1.0, 1.0, *map(float, factors)]
    if opset < 9:
        call = Call("Upsample", ["x"], {"y": result}, {"mode": mode, "scales": scales})
        return onnx_case(folder, x, [call], opset)
    stored = np.array(scales, np.float32)
    if opset < 11:
        name = "Upsample" if opset == 9 else "Resize"
        return onnx_case(
            folder, x, [Call(name, ["x", stored], {"y": result}, {"mode": mode})], opset
        )
    way = draw.choice(("half_pixel", "half_pixel", "asymmetric", "align_corners"))
    said: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": way}
    if mode == "nearest":
        said["nearest_mode"] = draw.choice(("floor", "round_prefer_floor", "round_prefer_ceil"))
    if way == "align_corners":
        if min(sizes[2:]) < 2:
            return None
        steps = zip(sizes[2:], factors, strict=True)
        result = [*sizes[:2], *((size - 1) * factor + 1 for size, factor in steps)]
    operands = ["x", np.zeros(0, np.float32), np.zeros(0, np.float32), np.array(result)]
    return onnx_case(folder, x, [Call("Resize", operands, {"y": result}, said)], opset)


def tflite_resize(
    folder: Path, seed: int, *, mode: str = "linear", dtype: Any = np.float32
) -> Case | None:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    sizes, factors = drawn(draw, (2, 4) if mode == "linear" else (2, 3, 4))
    kind = draw.choice(("half", "half", "align", "plain"))
    if kind == "align" and min(sizes[2:]) < 2:
        return None
    result = [
        (size - 1) * factor + 1 if kind == "align" else size * factor
        for size, factor in zip(sizes[2:], factors, strict=True)
    ]
    op, table = {
        "linear": ("RESIZE_BILINEAR", "ResizeBilinearOptions"),
        "nearest": ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions"),
    }[mode]
    options = {
        "table": table, "align_corners": kind == "align", "half_pixel_centers": kind == "half",
    }  # fmt: skip
    operands = ["x", np.array(result, np.int32)]
    call = Call(op, operands, {"y": [sizes[0], *result, sizes[1]]}, options, 3)
    x = integers(rng, sizes[0], *sizes[2:], sizes[1]).astype(dtype)
    grid = None if dtype is np.float32 else (0.5, 3)
    return tflite_case(folder, {"x": x}, [call], quantised=grid)


MAKERS: dict[str, Any] = {
    "onnx linear": onnx_resize,
    "tflite linear": tflite_resize,
    "onnx nearest": lambda folder, seed: onnx_resize(folder, seed, mode="nearest"),
    "tflite nearest": lambda folder, seed: tflite_resize(folder, seed, mode="nearest"),
    "int8 nearest": lambda f, seed: tflite_resize(f, seed, mode="nearest", dtype=np.int8),
}
LINEAR = ("onnx linear", "tflite linear")
NEAREST = ("onnx nearest", "tflite nearest")
SERVED = {
    "resize/oldest-linear": LINEAR,
    "resize/depthwise-phases": LINEAR + NEAREST,
    "resize/conv-phases": LINEAR + NEAREST,
    "resize/oldest-nearest": (*NEAREST, "int8 nearest"),
    "resize/copies": (*NEAREST, "int8 nearest"),
    "resize/broadcast": NEAREST,
    "resize/matrix": LINEAR + NEAREST,
}


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        pytest.param(way, kind, id=f"{way.name}-{kind}")
        for way in resizes.FAMILY.ways
        if way.exactness == "exact"
        for kind in SERVED[way.name]
    ],
)
def test_the_same_bits(way: Any, kind: str, full: bool, tmp_path: Path) -> None:
    wanted = ALL if full else SAMPLE
    applied = 0
    for seed in range(30 * wanted):
        case = MAKERS[kind](tmp_path, seed)
        if case is not None:
            applied += agrees(case, resizes.FAMILY, way)
        if applied == wanted:
            return
    pytest.fail("hardly any instance is in the way's domain")


GIVEN = Resampling(0, (1, 2, 4, 4), (8, 8), True, "half_pixel", "floor", False)
NEAR = replace(GIVEN, linear=False, nearest="round_prefer_floor")


@pytest.mark.parametrize(
    ("way", "good", "change", "said"),
    [
        ("oldest-linear", GIVEN, {"linear": False}, "nearest sample"),
        ("oldest-linear", GIVEN, {"coordinates": "asymmetric"}, "as they are"),
        ("oldest-linear", GIVEN, {"output": (8, 9)}, "no whole factor"),
        ("oldest-linear", GIVEN, {"coordinates": "align_corners"}, "no whole steps"),
        ("depthwise-phases", GIVEN, {"coordinates": "align_corners"}, "sample to sample"),
        ("depthwise-phases", GIVEN, {"output": (36, 36)}, "too many phases"),
        ("depthwise-phases", GIVEN, {"output": (4, 4)}, "changes nothing"),
        ("conv-phases", NEAR, {"is_float": False}, "quantised"),
        ("oldest-nearest", NEAR, {"plain": True}, "what is there"),
        ("oldest-nearest", NEAR, {"linear": True}, "interpolates"),
        ("copies", NEAR, {"nearest": "ceil", "coordinates": "asymmetric"}, "equally often"),
        ("broadcast", NEAR, {"is_float": False}, "quantised"),
        ("matrix", GIVEN, {"is_float": False}, "quantised"),
        ("moved", GIVEN, {"linear": False}, "nearest sample"),
        ("moved", GIVEN, {"coordinates": "asymmetric"}, "as they are"),
        ("moved", GIVEN, {"output": (8, 9)}, "no whole factor"),
    ],
)
def test_a_broken_precondition_is_refused_with_its_reason(
    way: str, good: Resampling, change: dict[str, Any], said: str
) -> None:
    (chosen,) = (each for each in resizes.FAMILY.ways if each.name == f"resize/{way}")
    assert chosen.accepts(good) is None
    refusal = chosen.accepts(replace(good, **change))
    assert refusal is not None
    assert said in refusal.reason


@pytest.mark.parametrize(
    ("scales", "result", "said"),
    [((1, 1, 2.3, 2), (1, 1, 4, 4), "not those"), ((2, 1, 2, 2), (2, 1, 4, 4), "batch")],
)
def test_odd_scales_are_refused(
    scales: tuple[float, ...], result: tuple[int, ...], said: str, tmp_path: Path
) -> None:
    stored = np.array(scales, np.float32)
    said_so = {"mode": "nearest", "nearest_mode": "floor"}
    call = Call("Resize", ["x", np.zeros(0, np.float32), stored], {"y": result}, said_so)
    case = onnx_case(tmp_path, {"x": np.zeros((1, 1, 2, 2), np.float32)}, [call], 13)
    found = reading(case.path, resizes.FAMILY)
    assert isinstance(found, Refusal)
    assert said in found.reason


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    ops = "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "Resize", "Upsample"
    for seed in range(4):
        for kind in LINEAR + NEAREST:
            case = MAKERS[kind](tmp_path, seed)
            if case is not None:
                assert not {*settled(case, resizes.FAMILY, *ops)} & {*ops}
