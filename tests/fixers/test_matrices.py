"""Products with a matrix computed otherwise: bit-identical on integers, in the real runtimes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import Array, Step, onnx_model, outputs, tflite_model
from instances import integers

from npulint.fixers.convolutions.matrices import FAMILY
from npulint.fixers.record import Refusal

SAMPLE, ALL = 20, 200


def tflite_product(folder: Path, seed: int) -> tuple[Path, Array]:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.randint(1, 3) for _ in range(draw.choice((2, 3, 4)))]
    inputs, outs = shape[-1], draw.randint(1, 4)
    constants: dict[str, Array] = {}
    path = folder / f"{seed}.tflite"
    if draw.random() < 0.5:
        swapped = draw.random() < 0.5
        constants["w"] = integers(rng, *((outs, inputs) if swapped else (inputs, outs)))
        options: dict[str, Any] = {"adj_x": False, "adj_y": swapped}
        step = Step("BATCH_MATMUL", ["x", "w"], "y", [*shape[:-1], outs], options)
        return tflite_model(path, shape, constants, [step]), integers(rng, *shape)
    keep = draw.random() < 0.5
    rows = int(np.prod(shape[:-1]))
    constants["w"] = integers(rng, outs, inputs)
    names = ["x", "w", ""]
    if draw.random() < 0.5:
        constants["b"], names[2] = integers(rng, outs), "b"
    fused = draw.choice(("NONE", "RELU"))
    options = {"keep_num_dims": keep, "fused_activation_function": fused}
    result = [*shape[:-1], outs] if keep else [rows, outs]
    step = Step("FULLY_CONNECTED", names, "y", result, options, 5)
    return tflite_model(path, shape, constants, [step]), integers(rng, *shape)


def onnx_product(folder: Path, seed: int) -> tuple[Path, Array]:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    path, opset = folder / f"{seed}.onnx", draw.choice((7, 11, 13, 21))
    if draw.random() < 0.5:
        shape = [draw.randint(1, 3) for _ in range(draw.choice((2, 3, 4)))]
        outs = draw.randint(1, 4)
        constants = {"w": integers(rng, shape[-1], outs)}
        step = Step("MatMul", ["x", "w"], "y", [*shape[:-1], outs])
        return onnx_model(path, shape, constants, [step], opset), integers(rng, *shape)
    shape, outs, swapped = [draw.randint(1, 3), draw.randint(1, 3)], draw.randint(1, 4), seed % 2
    constants = {"w": integers(rng, *((outs, shape[1]) if swapped else (shape[1], outs)))}
    constants["b"] = integers(rng, *draw.choice(((outs,), (1, outs), (1,), (shape[0], outs))))
    options = {"transB": swapped, "alpha": draw.choice((1.0, 0.5)), "beta": draw.choice((1.0, 2.0))}
    step = Step("Gemm", ["x", "w", "b"], "y", [shape[0], outs], options)
    return onnx_model(path, shape, constants, [step], opset), integers(rng, *shape)


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
@pytest.mark.parametrize("way", [way.name for way in FAMILY.ways])
def test_bit_identical_on_integers(way: str, dialect: str, full: bool, tmp_path: Path) -> None:
    make = tflite_product if dialect == "tflite" else onnx_product
    wanted = ALL if full else SAMPLE
    applied = seed = 0
    while applied < wanted:
        path, x = make(tmp_path, seed)
        seed += 1
        assert seed < 20 * wanted
        result = outputs(path, FAMILY, way, x)
        if isinstance(result, Refusal):
            assert any(part in result.reason for part in ("what is there", "one number for each"))
            continue
        assert np.array_equal(result[0], result[1]), seed - 1
        applied += 1


@pytest.mark.parametrize(
    ("operands", "sizes", "options", "said"),
    [
        (["x", "x"], (2, 2), {}, "computed at run time"),
        (["x", "w"], (2, 2), {"adj_x": True}, "transposed first"),
        (["x", "w"], (3, 2, 2), {}, "one matrix for all"),
    ],
)
def test_broken_preconditions_are_refused(
    operands: list[str], sizes: tuple[int, ...], options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    shape = [*sizes[:-2], 2, 2]
    constants = {"w": np.ones(sizes, np.float32)}
    step = Step("BATCH_MATMUL", operands, "y", shape, options)
    path = tflite_model(tmp_path / "m.tflite", shape, constants, [step])
    for way in FAMILY.ways:
        refusal = outputs(path, FAMILY, way.name, np.ones(shape, np.float32))
        assert isinstance(refusal, Refusal)
        assert said in refusal.reason
