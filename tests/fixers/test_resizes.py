"""Resizes rewritten: the same bits where weights are dyadic, in the real runtimes."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
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
    tflite_case,
)

from npulint.fixers.moving import resizes
from npulint.fixers.moving.resize_weights import Interpolation
from npulint.fixers.moving.resizes_reading import Resampling
from npulint.fixers.record import Refusal
from npulint.formats import load, save

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


def halves(draw: random.Random) -> tuple[list[int], list[int]]:
    """Sizes `[N, C, H, W]` of which one or both of the last two are halved, and what is made."""
    steps = draw.choice(((2, 2), (2, 2), (1, 2), (2, 1)))
    image = [draw.randint(1, 4) for _ in range(2)]
    lead = [draw.choice((1, 1, 2)), draw.randint(1, 3)]
    return [*lead, *(a * b for a, b in zip(image, steps, strict=True))], [*lead, *image]


def onnx_weighed(folder: Path, seed: int, *, halved: bool) -> Case:
    """By 2 or 1/2, so that the weights are dyadic; antialiased ones among them."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    sizes, result = halves(draw)
    mode = draw.choice(("linear", "cubic")) if halved else "cubic"
    if not halved:
        sizes, result = result, sizes
    opset = draw.choice((11, 13, 19))
    said: dict[str, Any] = {
        "mode": mode,
        "coordinate_transformation_mode": draw.choice(("half_pixel", "asymmetric")),
    }
    if mode == "cubic":
        said["cubic_coeff_a"] = draw.choice((-0.75, -0.5))
    if opset > 17 and draw.random() < 0.7:
        said["antialias"] = 1
    operands = ["x", np.zeros(0, np.float32), np.zeros(0, np.float32), np.array(result)]
    x = {"x": integers(rng, *sizes)}
    return onnx_case(folder, x, [Call("Resize", operands, {"y": result}, said)], opset)


def halved_by_name(folder: Path, seed: int, *, dialect: str, mode: str, dtype: Any) -> Case:
    """Every second sample or the mean of two, in the words of either dialect."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    sizes, result = halves(draw)
    kind = draw.choice(("half", "plain"))
    x = integers(rng, *sizes).astype(dtype)
    if dialect == "onnx":
        said = {
            "mode": mode, "nearest_mode": draw.choice(("floor", "ceil", "round_prefer_floor")),
            "coordinate_transformation_mode": "half_pixel" if kind == "half" else "asymmetric",
        }  # fmt: skip
        operands = ["x", np.zeros(0, np.float32), np.zeros(0, np.float32), np.array(result)]
        return onnx_case(folder, {"x": x}, [Call("Resize", operands, {"y": result}, said)], 13)
    op = "RESIZE_BILINEAR" if mode == "linear" else "RESIZE_NEAREST_NEIGHBOR"
    table = "ResizeBilinearOptions" if mode == "linear" else "ResizeNearestNeighborOptions"
    options = {"table": table, "align_corners": False, "half_pixel_centers": kind == "half"}
    shape = [result[0], *result[2:], result[1]]
    call = Call(op, ["x", np.array(result[2:], np.int32)], {"y": shape}, options, 3)
    grid = None if dtype is np.float32 else (0.5, 3)
    x = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    return tflite_case(folder, {"x": x}, [call], quantised=grid)


def halving(dialect: str, mode: str, dtype: Any = np.float32) -> Any:
    return partial(halved_by_name, dialect=dialect, mode=mode, dtype=dtype)


MAKERS: dict[str, Any] = {
    "onnx cubic": partial(onnx_weighed, halved=False),
    "onnx halved": partial(onnx_weighed, halved=True),
    "tflite halved": halving("tflite", "linear"),
    "onnx every second": halving("onnx", "nearest"),
    "tflite every second": halving("tflite", "nearest"),
    "int8 every second": halving("tflite", "nearest", np.int8),
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
    "resize/depthwise-phases": (*LINEAR, *NEAREST, "onnx cubic"),
    "resize/conv-phases": (*LINEAR, *NEAREST, "onnx cubic"),
    "resize/strided-window": ("onnx halved", "tflite halved"),
    "resize/every-nth": ("onnx every second", "tflite every second", "int8 every second"),
    "resize/oldest-nearest": (*NEAREST, "int8 nearest"),
    "resize/copies": (*NEAREST, "int8 nearest"),
    "resize/broadcast": NEAREST,
    "resize/matrix": (*LINEAR, *NEAREST, "onnx cubic", "onnx halved", "onnx every second"),
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


def test_any_weights_round_no_more_than_the_operator_does(full: bool, tmp_path: Path) -> None:
    """Sizes, modes, coordinates, borders and coefficients of all kinds, held against onnx's own.

    The reference of onnx has another place for PyTorch's one sample than the standard and
    onnxruntime: it is left out.
    """
    ways = [each for each in resizes.FAMILY.ways if each.exactness == "exact"]
    applied = set()
    for seed in range(ALL if full else 4 * SAMPLE):
        draw, rng = random.Random(seed), np.random.default_rng(seed)
        sizes = [1, 2, draw.randint(2, 9), draw.randint(2, 9)]
        result = [1, 2, draw.randint(2, 9), draw.randint(2, 9)]
        if draw.random() < 0.3:
            result[2:] = [sizes[2] * 3, sizes[3] * 3]
        said: dict[str, Any] = {
            "mode": draw.choice(("linear", "cubic", "cubic")),
            "antialias": draw.choice((0, 1)),
            "cubic_coeff_a": draw.choice((-0.75, -0.6)),
            "coordinate_transformation_mode": draw.choice(
                ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners")
            ),
        }
        if said["mode"] == "cubic":
            said["exclude_outside"] = draw.choice((0, 1))
        operands = ["x", np.zeros(0, np.float32), np.zeros(0, np.float32), np.array(result)]
        xs = {"x": rng.normal(size=sizes).astype(np.float32)}
        case = onnx_case(tmp_path, xs, [Call("Resize", operands, {"y": result}, said)], 19)
        model = onnx.load(case.path)
        for info in (*model.graph.input, *model.graph.output):
            info.type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
        (truth,) = ReferenceEvaluator(model).run(None, {"x": xs["x"].astype(np.float64)})
        (before,) = run(case.path, xs)
        own = max(float(np.abs(before - truth).max()), 2.0**-23 * float(np.abs(truth).max()))
        for way in ways:
            made = rewritten(load(case.path), resizes.FAMILY, way)
            if isinstance(made, Refusal):
                continue
            save(made, tmp_path / "rewritten.onnx")
            (after,) = run(tmp_path / "rewritten.onnx", xs)
            assert np.abs(after - truth).max() <= 4 * own, (way.name, case.label)
            applied.add(way.name)
    assert applied >= {"resize/matrix", "resize/depthwise-phases", "resize/conv-phases"}


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_one_sample_of_pytorch_s_half_pixels_is_the_first(mode: str, tmp_path: Path) -> None:
    shape, result = [1, 1, 5, 4], [1, 1, 1, 4]
    said = {"mode": mode, "coordinate_transformation_mode": "pytorch_half_pixel"}
    operands = ["x", np.zeros(0, np.float32), np.zeros(0, np.float32), np.array(result)]
    x = np.arange(20, dtype=np.float32).reshape(shape)
    case = onnx_case(tmp_path, {"x": x}, [Call("Resize", operands, {"y": result}, said)], 13)
    for way in resizes.FAMILY.ways:
        if way.name in ("resize/matrix", "resize/every-nth"):
            assert agrees(case, resizes.FAMILY, way) is (mode == "nearest" or "matrix" in way.name)
        else:
            assert not agrees(case, resizes.FAMILY, way)


LINEARLY, CUBICALLY = Interpolation("linear"), Interpolation("cubic")
GIVEN = Resampling(0, (1, 2, 4, 4), (8, 8), LINEARLY, "half_pixel", "floor", False)
NEAR = replace(GIVEN, kernel=None, nearest="round_prefer_floor")
FEWER = replace(GIVEN, sizes=(1, 2, 8, 8), output=(4, 4))


@pytest.mark.parametrize(
    ("way", "good", "change", "said"),
    [
        ("oldest-linear", GIVEN, {"kernel": None}, "no linear interpolation"),
        ("oldest-linear", GIVEN, {"kernel": CUBICALLY}, "no linear interpolation"),
        ("oldest-linear", GIVEN, {"coordinates": "asymmetric"}, "as they are"),
        ("oldest-linear", GIVEN, {"output": (8, 9)}, "no whole factor"),
        ("oldest-linear", GIVEN, {"coordinates": "align_corners"}, "no whole steps"),
        ("depthwise-phases", GIVEN, {"coordinates": "align_corners"}, "sample to sample"),
        ("depthwise-phases", GIVEN, {"output": (36, 36)}, "too many phases"),
        ("depthwise-phases", GIVEN, {"output": (4, 4)}, "changes nothing"),
        ("conv-phases", NEAR, {"is_float": False}, "quantised"),
        ("oldest-nearest", NEAR, {"plain": True}, "what is there"),
        (
            "depthwise-phases",
            GIVEN,
            {"kernel": replace(CUBICALLY, inside=True)},
            "beyond the border",
        ),
        ("strided-window", FEWER, {"kernel": replace(CUBICALLY, inside=True)}, "beyond the border"),
        ("strided-window", FEWER, {"kernel": None}, "nearest sample"),
        ("strided-window", FEWER, {"is_float": False}, "quantised"),
        ("strided-window", FEWER, {"output": (4, 3)}, "every n-th place"),
        ("strided-window", FEWER, {"output": (8, 8)}, "changes nothing"),
        ("strided-window", FEWER, {"coordinates": "align_corners"}, "n apart"),
        ("strided-window", FEWER, {"coordinates": "pytorch_half_pixel"}, "the first"),
        ("every-nth", replace(FEWER, kernel=None), {"kernel": LINEARLY}, "interpolates"),
        ("every-nth", replace(FEWER, kernel=None), {"output": (3, 3)}, "every n-th place"),
        ("oldest-nearest", NEAR, {"kernel": LINEARLY}, "interpolates"),
        ("copies", NEAR, {"nearest": "ceil", "coordinates": "asymmetric"}, "equally often"),
        ("broadcast", NEAR, {"is_float": False}, "quantised"),
        ("matrix", GIVEN, {"is_float": False}, "quantised"),
        ("moved", GIVEN, {"kernel": None}, "no linear interpolation"),
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
