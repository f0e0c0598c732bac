"""PRELU and LEAKY_RELU computed otherwise: bit-identical on integers, in the real runtimes."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from cases import Array, Step, onnx_model, outputs, tflite_model
from instances import integers

from npulint.fixers.pointwise.rectifiers import FAMILY
from npulint.fixers.record import Refusal

SAMPLE, ALL = 20, 200


def instance(folder: Path, dialect: str, seed: int) -> tuple[Path, Array]:
    """One rectifier; slopes are multiples of 1/8, so that products are exact."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    rank = draw.choice((2, 3, 4, 4, 4))
    shape = [draw.randint(1, 4) for _ in range(rank)]
    x = integers(rng, *shape)
    leaky = draw.random() < 0.35
    lowest = draw.choice((-8, 0, 0))
    if leaky:
        alpha = draw.randint(lowest, 8) / 8
    if dialect == "tflite":
        if leaky:
            step = Step("LEAKY_RELU", ["x"], "y", shape, {"alpha": alpha})
            return tflite_model(folder / f"{seed}.tflite", shape, {}, [step]), x
        sizes = [draw.choice((1, size)) for size in shape[1:]]
        sizes = sizes if draw.random() < 0.3 else [1] * (rank - 2) + [shape[-1]]
        slope = rng.integers(lowest, 9, sizes).astype(np.float32) / 8
        step = Step("PRELU", ["x", "slope"], "y", shape)
        return tflite_model(folder / f"{seed}.tflite", shape, {"slope": slope}, [step]), x
    opset = draw.choice((7, 9, 11, 13, 16, 21))
    path = folder / f"{seed}.onnx"
    if leaky:
        return onnx_model(
            path, shape, {}, [Step("LeakyRelu", ["x"], "y", shape, {"alpha": alpha})], opset
        ), x
    drawn = [draw.choice((1, size)) for size in shape][draw.randint(0, rank - 1) :]
    sizes = drawn if draw.random() < 0.5 else [shape[1]] + [1] * (rank - 2)
    slope = rng.integers(lowest, 9, sizes).astype(np.float32) / 8
    step = Step("PRelu", ["x", "slope"], "y", shape)
    return onnx_model(path, shape, {"slope": slope}, [step], opset), x


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
@pytest.mark.parametrize("way", [way.name for way in FAMILY.ways])
def test_bit_identical_on_integers(way: str, dialect: str, full: bool, tmp_path: Path) -> None:
    wanted = ALL if full else SAMPLE
    applied = seed = 0
    while applied < wanted:
        path, x = instance(tmp_path, dialect, seed)
        seed += 1
        assert seed < 20 * wanted
        result = outputs(path, FAMILY, way, x)
        if not isinstance(result, Refusal):
            assert np.array_equal(result[0], result[1]), seed
            applied += 1


def test_a_computed_slope_is_a_factor(tmp_path: Path) -> None:
    steps = [Step("ABS", ["x"], "s", [1, 2, 2, 3]), Step("PRELU", ["x", "s"], "y", [1, 2, 2, 3])]
    path = tflite_model(tmp_path / "m.tflite", [1, 2, 2, 3], {}, steps)
    x = integers(np.random.default_rng(0), 1, 2, 2, 3)
    refusal = outputs(path, FAMILY, "prelu/maximum", x)
    assert isinstance(refusal, Refusal)
    assert "run time" in refusal.reason
    assert isinstance(outputs(path, FAMILY, "prelu/leaky-relu", x), Refusal)
    result = outputs(path, FAMILY, "prelu/relu-difference", x)
    assert not isinstance(result, Refusal)
    assert np.array_equal(result[0], result[1])


@pytest.mark.parametrize(
    ("op", "slopes", "way", "said"),
    [
        ("PRELU", [0.5, 0.25], "prelu/leaky-relu", "not one number"),
        ("PRELU", [0.5, 1.5], "prelu/maximum", "0.5 to 1.5"),
        ("PRELU", [-0.5, 0.5], "prelu/maximum", "-0.5 to 0.5"),
        ("PRELU", [0.5, 0.5], "prelu/prelu", "what is there"),
        ("LEAKY_RELU", [0.5], "prelu/leaky-relu", "what is there"),
    ],
)
def test_a_broken_precondition_is_refused(
    op: str, slopes: list[float], way: str, said: str, tmp_path: Path
) -> None:
    shape = [1, 2, 2, 2]
    inputs = ["x", "slope"] if op == "PRELU" else ["x"]
    options = {"alpha": slopes[0]} if op == "LEAKY_RELU" else {}
    constants = {"slope": np.array([[slopes]], np.float32)} if op == "PRELU" else {}
    step = Step(op, inputs, "y", shape, options)
    path = tflite_model(tmp_path / "m.tflite", shape, constants, [step])
    refusal = outputs(path, FAMILY, way, np.zeros(shape, np.float32))
    assert isinstance(refusal, Refusal)
    assert said in refusal.reason
