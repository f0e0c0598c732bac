"""Local responses and means with deviations rewritten, in the real runtimes and in float64."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from norm_instances import Array, Instance, Step, sample, write_onnx, write_tflite
from proving import prove
from single import Call, onnx_case, reading, rewritten, run, settled

from npulint.fixers.norms.local_responses import LOCAL_RESPONSE, STANDARDISED, LocalResponse
from npulint.fixers.record import Family, Refusal
from npulint.formats import load, save
from npulint.operators.semantics import LocalResponseNorm

SAMPLE, ALL = 12, 200


def local_response(folder: Path, seed: int, dialect: str) -> Instance:
    """Windows of any odd size, ones beyond all channels among them."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    channels = draw.randint(1, 7)
    shape = [draw.choice((1, 2)), channels, draw.randint(1, 4), draw.randint(1, 4)]
    size = draw.choice((1, 3, 5, 9, 17))
    if dialect == "tflite":
        shape = [shape[0], *shape[2:], channels]
    # A band of such numbers is stored without rounding.
    alpha, beta = (
        size * draw.choice((2.0**-13, 0.25)),
        draw.choice((0.75, 0.75, 0.5, 1.0, 0.25, 0.6)),
    )
    bias, path = draw.choice((1.0, 0.5)), folder / f"{seed}.{dialect}"
    if dialect == "tflite":
        given: dict[str, Any] = {"radius": size // 2, "alpha": alpha / size}
        op = "LOCAL_RESPONSE_NORMALIZATION"
    else:
        given, op = {"size": size, "alpha": alpha}, "LRN"
    step: Step = (op, ("x",), "y", {**given, "beta": beta, "bias": bias})
    if dialect == "tflite":
        write_tflite(path, {"x": shape, "y": shape}, [step], {})
    else:
        write_onnx(path, {"x": shape, "y": shape}, [step], {}, draw.choice((7, 13, 21)))

    def truth(x: Array) -> Array:
        squares = np.moveaxis(x.astype(np.float64), 3 if dialect == "tflite" else 1, 0) ** 2
        total = np.zeros_like(squares)
        for at in range(channels):
            first = max(at - (size - 1) // 2, 0)
            total[at] = squares[first : at + size // 2 + 1].sum(axis=0)
        below = np.moveaxis(total, 0, 3 if dialect == "tflite" else 1)
        # The constants of a file are float32.
        factor, base, power = (float(np.float32(item)) for item in (alpha / size, bias, beta))
        return np.asarray(x / (base + factor * below) ** power)

    return Instance(path, sample(rng, shape), truth, f"{step} {shape}")


def standardised(folder: Path, seed: int, dialect: str) -> Instance:
    assert dialect == "onnx", "TFLite has no such operator"
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.randint(1, 2), draw.randint(1, 4), draw.randint(2, 5), draw.randint(2, 5)]
    axes = draw.choice((None, [0, 1, 2, 3], [2, 3], [1], [0, 2, 3]))
    if axes == [1]:
        shape[1] += 1
    step: Step = ("MeanVarianceNormalization", ("x",), "y", {} if axes is None else {"axes": axes})
    path = folder / f"{seed}.onnx"
    # Inference of shapes by onnx fails over the function's body from opset 13 on.
    write_onnx(path, {"x": shape, "y": shape}, [step], {}, 9)
    over = tuple(axes or (0, 2, 3))

    def truth(x: Array) -> Array:
        centred = x.astype(np.float64) - x.astype(np.float64).mean(axis=over, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=over, keepdims=True))
        return np.asarray(centred / deviation)

    return Instance(path, sample(rng, shape), truth, f"{axes} {shape}")


PROVED: list[tuple[Family[Any], Any, Any, str]] = [
    *(
        (LOCAL_RESPONSE, way, local_response, dialect)
        for way in LOCAL_RESPONSE.ways
        for dialect in ("onnx", "tflite")
    ),
    (STANDARDISED, STANDARDISED.ways[0], standardised, "onnx"),
]


@pytest.mark.parametrize("case", PROVED, ids=lambda each: f"{each[1].name}-{each[3]}")
def test_the_same_function_and_no_more_rounding(
    case: tuple[Family[Any], Any, Any, str], full: bool, tmp_path: Path
) -> None:
    family, way, make, dialect = case
    applied = seed = 0
    while applied < (ALL if full else SAMPLE):
        applied += prove(make(tmp_path, seed, dialect), family, way, tmp_path)
        seed += 1
        assert seed < 40 * ALL, "hardly any instance is in the way's domain"


def test_other_powers_have_no_roots() -> None:
    whole = LocalResponse(0, 4, LocalResponseNorm(3, 1.0, 0.75, 1.0))
    assert LOCAL_RESPONSE.ways[0].accepts(whole) is None
    refusal = LOCAL_RESPONSE.ways[0].accepts(replace(whole, norm=replace(whole.norm, beta=0.6)))
    assert isinstance(refusal, Refusal)
    assert "beta is 0.6" in refusal.reason


@pytest.mark.parametrize(
    ("shape", "size", "said"), [([1, 4, 3], 3, "4 dimensions"), ([1, 4, 3, 3], 2, "even size")]
)
def test_what_is_left(shape: list[int], size: int, said: str, tmp_path: Path) -> None:
    x = {"x": np.ones(shape, np.float32)}
    case = onnx_case(tmp_path, x, [Call("LRN", ["x"], {"y": shape}, {"size": size})], 13)
    found = reading(case.path, LOCAL_RESPONSE)
    assert isinstance(found, Refusal)
    assert said in found.reason


def test_nothing_is_left_of_what_is_all_alike(tmp_path: Path) -> None:
    """The standard adds 1e-9 to the deviation; onnxruntime does not, and makes NaN."""
    shape = [1, 2, 4, 4]
    x = {"x": np.ones(shape, np.float32)}
    case = onnx_case(tmp_path, x, [Call("MeanVarianceNormalization", ["x"], {"y": shape}, {})], 9)
    made = rewritten(load(case.path), STANDARDISED, STANDARDISED.ways[0])
    assert not isinstance(made, Refusal)
    save(made, tmp_path / "rewritten.onnx")
    for path in (case.path, tmp_path / "rewritten.onnx"):
        assert np.isnan(run(path, x)[0]).all()
    assert STANDARDISED.ways[0].limits


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    x = {"x": np.ones((1, 4, 3, 3), np.float32)}
    case = onnx_case(tmp_path, x, [Call("LRN", ["x"], {"y": [1, 4, 3, 3]}, {"size": 3})], 13)
    assert "Conv" in settled(case, LOCAL_RESPONSE, "LRN")
