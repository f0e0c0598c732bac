"""Running sums and local means by integral images: bit-identical on integers, in the runtimes."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from integral_images import Image
from numpy.lib.stride_tricks import sliding_window_view
from single import (
    Call,
    Case,
    agrees,
    integers,
    onnx_case,
    reading,
    rewritten,
    run,
    tflite_case,
)

from npulint.fixers.convolutions import local_means
from npulint.fixers.convolutions.local_means import LocalMean
from npulint.fixers.moving import running_sums
from npulint.fixers.record import Realisation, Refusal
from npulint.formats import load, save

SAMPLE, ALL = 15, 150
(DOUBLING,) = running_sums.FAMILY.ways


def summed(folder: Path, dialect: str, seed: int) -> Case:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.randint(1, 9) for _ in range(draw.choice((1, 2, 3, 4, 4)))]
    axis = draw.randrange(len(shape)) - draw.choice((0, len(shape)))
    exclusive, reverse = draw.random() < 0.4, draw.random() < 0.4
    xs = {"x": integers(rng, *shape)}
    if dialect == "tflite":
        options = {"table": "CumsumOptions", "exclusive": exclusive, "reverse": reverse}
        call = Call("CUMSUM", ["x", np.array(axis, np.int32)], {"y": shape}, options)
        return tflite_case(folder, xs, [call])
    options = {"exclusive": int(exclusive), "reverse": int(reverse)}
    axes = np.array(axis, np.int64) if draw.random() < 0.5 else np.array([axis], np.int32)
    call = Call("CumSum", ["x", axes], {"y": shape}, options)
    return onnx_case(folder, xs, [call], draw.choice((11, 14, 18)))


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
def test_running_sums_by_doubling(dialect: str, full: bool, tmp_path: Path) -> None:
    applied = seed = 0
    while applied < (ALL if full else SAMPLE):
        applied += agrees(summed(tmp_path, dialect, seed), running_sums.FAMILY, DOUBLING)
        seed += 1
        assert seed < 20 * ALL


def test_what_cannot_be_summed_otherwise_says_so(tmp_path: Path) -> None:
    options = {"table": "CumsumOptions"}
    one = Call("CUMSUM", ["x", np.array(0, np.int32)], {"y": [1, 3]}, options)
    case = tflite_case(tmp_path, {"x": np.zeros((1, 3), np.float32)}, [one])
    assert DOUBLING.accepts(reading(case.path, running_sums.FAMILY)) == Refusal(
        "there is one sample along the axis"
    )
    case = tflite_case(tmp_path, {"x": np.zeros((1, 3), np.int32)}, [one])
    found = reading(case.path, running_sums.FAMILY)
    assert isinstance(found, Refusal)
    assert "int32" in found.reason


def made(folder: Path, dialect: str, seed: int, *, small: bool = True) -> tuple[Case, Image]:
    draw = random.Random(seed)
    window = [draw.choice((1, 2, 4)) if small else draw.randint(2, 7) for _ in range(2)]
    image = Image(
        dialect,
        sizes=(window[0] + draw.randint(0, 4), window[1] + draw.randint(1, 4)),
        window=(window[0], window[1]),
        rows_first=draw.random() < 0.5,
        one_slice=dialect == "tflite" or draw.random() < 0.5,
        paired=draw.random() < 0.5,
        division=draw.choice(("", "mul", "div")) if small else draw.choice(("mul", "div")),
    )
    rng = np.random.default_rng(seed)
    x = integers(rng, *image.stored(*image.sizes))
    if not small:
        x = rng.uniform(-1, 1, x.shape).astype(np.float32)
    return image.case(folder, x), image


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
@pytest.mark.parametrize("way", local_means.FAMILY.ways, ids=lambda way: way.name)
def test_windows_of_powers_of_2_are_bit_identical(
    way: Realisation[LocalMean], dialect: str, full: bool, tmp_path: Path
) -> None:
    applied = seed = 0
    while applied < (ALL if full else SAMPLE):
        case, image = made(tmp_path, dialect, seed)
        found = reading(case.path, local_means.FAMILY)
        assert isinstance(found, LocalMean)
        assert found.window == image.window
        assert found.factor == (1.0 if image.division else np.prod(image.window))
        applied += agrees(case, local_means.FAMILY, way)
        seed += 1
        assert seed < 20 * ALL


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
@pytest.mark.parametrize("way", local_means.FAMILY.ways, ids=lambda way: way.name)
def test_other_windows_are_no_less_exact(
    way: Realisation[LocalMean], dialect: str, full: bool, tmp_path: Path
) -> None:
    for seed in range(ALL if full else SAMPLE):
        case, image = made(tmp_path, dialect, seed, small=False)
        x = case.xs["x"].astype(np.float64)
        truth = sliding_window_view(x, image.window, image.spatial).mean((-2, -1))
        result = rewritten(load(case.path), local_means.FAMILY, way)
        assert not isinstance(result, Refusal)
        path = tmp_path / f"other.{dialect}"
        save(result, path)
        (before,), (after,) = run(case.path, case.xs), run(path, case.xs)
        own = max(float(np.abs(before - truth).max()), 2.0**-23)
        assert np.abs(after - truth).max() <= 4 * own, case.label


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
@pytest.mark.parametrize(
    "change",
    [
        {"signs": "+-+"}, {"cut": 1}, {"lead": 0}, {"exclusive": True}, {"axes": "same"},
        {"also": "corner"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_local_mean_is_not_found(
    change: dict[str, Any], dialect: str, tmp_path: Path
) -> None:
    image = Image(dialect, (6, 7), (2, 4), True, True, False, "mul")
    x = integers(np.random.default_rng(0), *image.stored(6, 7))
    assert len([*local_means.FAMILY.recognise(load(image.case(tmp_path, x).path).graphs[0])]) == 1
    case = replace(image, **change).case(tmp_path, x)
    assert not [*local_means.FAMILY.recognise(load(case.path).graphs[0])]


def test_a_window_along_one_axis_is_one_pool(tmp_path: Path) -> None:
    image = Image("tflite", (6, 7), (1, 4), True, True, False, "mul")
    case = image.case(tmp_path, integers(np.random.default_rng(0), 2, 6, 7, 3))
    (_, twice) = local_means.FAMILY.ways
    assert twice.accepts(reading(case.path, local_means.FAMILY)) == Refusal(
        "its windows lie along one axis"
    )
