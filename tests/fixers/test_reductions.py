"""Softmax, logarithms of sums, products and minima over axes rewritten, in the real runtimes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from norm_instances import Array, Instance, Step, write_onnx, write_tflite
from proving import prove
from single import Call, Case, agrees, integers, onnx_case, reading, settled, tflite_case

from npulint.fixers.norms import exponential_sums, reductions
from npulint.fixers.norms.exponential_sums import Exponentials, LogSum
from npulint.fixers.norms.reductions import Largest, Reduction
from npulint.fixers.record import Family, Refusal

SAMPLE, ALL = 12, 200
OPSETS = (7, 11, 13, 17, 18, 21)


def softmax(folder: Path, seed: int, dialect: str) -> Instance:
    """Along the last axis in TFLite; along any in ONNX, and from one on before opset 13."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.randint(1, 5) for _ in range(draw.choice((2, 3, 4)))]
    log, opset = draw.random() < 0.5, draw.choice(OPSETS)
    axis = len(shape) - 1 if dialect == "tflite" else draw.randrange(len(shape))
    axes = tuple(range(axis, len(shape))) if opset < 13 else (axis,)
    path = folder / f"{seed}.{dialect}"
    if dialect == "tflite":
        axes = (axis,)
        step: Step = ("LOG_SOFTMAX" if log else "SOFTMAX", ("x",), "y", {} if log else {"beta": 1})
        write_tflite(path, {"x": shape, "y": shape}, [step], {})
    else:
        said = axis - draw.choice((0, len(shape))) if opset >= 13 else axis
        step = ("LogSoftmax" if log else "Softmax", ("x",), "y", {"axis": said})
        write_onnx(path, {"x": shape, "y": shape}, [step], {}, opset)

    def truth(x: Array) -> Array:
        wide = x.astype(np.float64)
        lowered = wide - wide.max(axis=axes, keepdims=True)
        logarithm = lowered - np.log(np.exp(lowered).sum(axis=axes, keepdims=True))
        return np.asarray(logarithm if log else np.exp(logarithm))

    x = (rng.normal(size=shape) * draw.choice((1, 10, 40))).astype(np.float32)
    return Instance(path, x, truth, f"{log=} {axes} {shape} {opset=}")


def log_sum(folder: Path, seed: int, dialect: str) -> Instance:
    assert dialect == "onnx", "TFLite has no such operator"
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.randint(1, 5) for _ in range(draw.choice((2, 3, 4)))]
    axes = sorted(draw.sample(range(len(shape)), draw.randint(1, len(shape))))
    raised, keep, opset = draw.random() < 0.5, draw.random() < 0.5, draw.choice(OPSETS)
    keep = keep or len(axes) == len(shape)
    result = [1 if at in axes else n for at, n in enumerate(shape) if keep or at not in axes]
    op = "ReduceLogSumExp" if raised else "ReduceLogSum"
    step: Step = (op, ("x",), "y", {"axes": axes, "keepdims": int(keep)})
    stored = {}
    if opset >= 18:
        step, stored = (op, ("x", "a"), "y", {"keepdims": int(keep)}), {"a": np.array(axes)}
    path = folder / f"{seed}.onnx"
    write_onnx(path, {"x": shape, "y": result}, [step], stored, opset)

    def truth(x: Array) -> Array:
        wide = x.astype(np.float64)
        parts = np.exp(wide) if raised else wide
        return np.asarray(np.log(parts.sum(axis=tuple(axes), keepdims=keep)))

    def whole(x: Array) -> Array:
        """The summands of the logarithm, the largest element and that of the rest."""
        return np.asarray(np.abs(x.astype(np.float64)).max() + 1.0 + np.abs(truth(x)))

    x = rng.normal(0, 5, shape) if raised else rng.uniform(0.1, 9, shape)
    return Instance(path, x.astype(np.float32), truth, f"{op} {axes} {shape} {opset=}", whole)


PROVED: list[tuple[Family[Any], Any, Any, str]] = [
    *((exponential_sums.SOFTMAX, way, softmax, "onnx") for way in exponential_sums.SOFTMAX.ways),
    (exponential_sums.SOFTMAX, exponential_sums.SOFTMAX.ways[1], softmax, "tflite"),
    *((exponential_sums.LOG_SUM, way, log_sum, "onnx") for way in exponential_sums.LOG_SUM.ways),
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


def reduced(folder: Path, seed: int, dialect: str, kind: str) -> Case:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.randint(1, 4) for _ in range(draw.choice((1, 2, 3, 4)))]
    axes = sorted(draw.sample(range(len(shape)), min(len(shape), draw.randint(1, 2))))
    keep = draw.random() < 0.5 or len(axes) == len(shape)
    result = [1 if at in axes else n for at, n in enumerate(shape) if keep or at not in axes]
    x = {"x": integers(rng, *shape) * (0.5 if kind == "Min" else 1)}
    x = {name: each.astype(np.float32) for name, each in x.items()}
    said = [axis - draw.choice((0, len(shape))) for axis in axes]
    if dialect == "tflite":
        options = {"table": "ReducerOptions", "keep_dims": keep}
        op = {"Min": "REDUCE_MIN", "Prod": "REDUCE_PROD"}[kind]
        call = Call(op, ["x", np.array(said, np.int32)], {"y": result}, options)
        return tflite_case(folder, x, [call])
    opset = draw.choice((11, 13, 17, 18, 21))
    if opset < 18:
        options = {"axes": said, "keepdims": int(keep)}
        return onnx_case(folder, x, [Call(f"Reduce{kind}", ["x"], {"y": result}, options)], opset)
    call = Call(f"Reduce{kind}", ["x", np.array(said)], {"y": result}, {"keepdims": int(keep)})
    return onnx_case(folder, x, [call], opset)


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
@pytest.mark.parametrize(
    ("family", "kind"), [(reductions.PRODUCT, "Prod"), (reductions.MINIMUM, "Min")]
)
def test_products_and_minima_are_the_same_bits(
    family: Family[Reduction], kind: str, dialect: str, full: bool, tmp_path: Path
) -> None:
    """Products of at most 16 numbers up to 4 are whole numbers that float32 holds, or powers."""
    for seed in range(ALL if full else SAMPLE):
        assert agrees(reduced(tmp_path, seed, dialect, kind), family, family.ways[0]), seed


def hardmax(folder: Path, seed: int) -> Case:
    """With several largest ones now and then: the first of them counts."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.randint(1, 5) for _ in range(draw.choice((1, 2, 3, 4)))]
    opset = draw.choice((11, 13, 21))
    axis = draw.randrange(len(shape)) if opset >= 13 else len(shape) - 1
    call = Call("Hardmax", ["x"], {"y": shape}, {"axis": axis})
    return onnx_case(folder, {"x": integers(rng, *shape)}, [call], opset)


def test_the_largest_is_found_at_its_first_place(full: bool, tmp_path: Path) -> None:
    for seed in range(ALL if full else SAMPLE):
        case = hardmax(tmp_path, seed)
        assert agrees(case, reductions.HARDMAX, reductions.HARDMAX.ways[0]), seed
    assert "ArgMax" in settled(case, reductions.HARDMAX, "Hardmax")


@pytest.mark.parametrize(
    ("way", "given", "said"),
    [
        (
            exponential_sums.SOFTMAX.ways[0],
            Exponentials(0, (1, 2, 3), (1, 2), log=False),
            "at once",
        ),
        (exponential_sums.SOFTMAX.ways[0], Exponentials(0, (1, 2, 3), (2,), log=False), "already"),
        (exponential_sums.LOG_SUM.ways[0], LogSum(0, (1,), exponentials=True, result=(1,)), "not"),
        (exponential_sums.LOG_SUM.ways[1], LogSum(0, (1,), exponentials=False, result=(1,)), "not"),
        (reductions.PRODUCT.ways[0], Reduction(0, (2, 17), (1,), (2,)), "17 samples"),
        (reductions.HARDMAX.ways[0], Largest(0, (1, 2**24 + 1), 1), "16,777,217"),
    ],
)
def test_a_broken_precondition_is_refused_with_its_reason(way: Any, given: Any, said: str) -> None:
    refusal = way.accepts(given)
    assert isinstance(refusal, Refusal)
    assert said in refusal.reason


def test_quantised_and_open_ones_are_left(tmp_path: Path) -> None:
    options = {"table": "ReducerOptions", "keep_dims": True}
    call = Call("REDUCE_MIN", ["x", np.array([1], np.int32)], {"y": [2, 1]}, options)
    x = {"x": np.zeros((2, 3), np.int8)}
    found = reading(tflite_case(tmp_path, x, [call], quantised=(0.5, 3)).path, reductions.MINIMUM)
    assert isinstance(found, Refusal)
    assert "float model" in found.reason
