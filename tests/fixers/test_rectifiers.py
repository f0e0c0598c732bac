"""PRELU and LEAKY_RELU computed otherwise: bit-identical on integers, in the real runtimes."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from cases import Array, Step, onnx_model, outputs, tflite_model
from instances import integers
from spellings import Expression, Writer, X

from npulint.fixers.pointwise.rectifiers import FAMILY, Rectifier
from npulint.fixers.record import Refusal
from npulint.formats import load

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


def composed(a: Array) -> dict[str, Expression]:
    """x where it is positive, else a times x, as people and exporters write it."""
    minus, relu = ("mul", X, -1.0), ("relu", X)
    return {
        "relus": ("sub", relu, ("mul", a, ("relu", ("neg", X)))),
        "relus-added": ("add", relu, ("mul", -a, ("relu", minus))),
        "relus-outer": ("add", relu, ("neg", ("mul", ("relu", ("neg", X)), a))),
        "absolute": ("add", relu, ("mul", ("mul", a, ("sub", X, ("abs", X))), 0.5)),
        "absolute-only": ("add", ("mul", X, (1 + a) / 2), ("mul", ("abs", X), (1 - a) / 2)),
        "limits": ("add", ("max", X, 0.0), ("mul", a, ("min", X, 0.0))),
        "difference": ("sub", relu, ("mul", ("sub", relu, X), a)),
        "quotient": ("add", relu, ("div", ("min", 0.0, X), 1 / a)),
        "choice": ("where", ("greater", X, 0.0), X, ("mul", X, a)),
        "choice-below": ("where", ("less", X, 0.0), ("mul", a, X), X),
        "choice-of-two": ("where", ("greater", minus, X), ("mul", a, X), relu),
        "maximum": ("max", X, ("mul", X, a)),
    }


NO_RECTIFIERS: tuple[Expression, ...] = (
    ("sub", ("relu", X), ("mul", 0.25, ("relu", X))),
    ("sub", ("relu", X), ("mul", 0.25, ("relu", ("sub", 1.0, X)))),
    ("add", ("relu", X), ("mul", X, ("min", X, 0.0))),
    ("where", ("greater", X, 0.5), X, ("mul", X, 0.25)),
    ("where", ("greater", X, 0.0), 1.0, ("mul", X, 0.25)),
    ("add", ("relu6", X), ("mul", 0.25, ("min", X, 0.0))),
    ("add", ("mul", 1.001, ("relu", X)), ("mul", 0.25, ("min", X, 0.0))),
    ("max", X, 0.0),
    ("max", X, ("neg", X)),
    ("add", ("relu", X), ("min", X, 0.0)),
)


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
@pytest.mark.parametrize("form", composed(np.ones(1)))
def test_every_spelling_is_read_and_written_in_every_way(
    form: str, dialect: str, full: bool, tmp_path: Path
) -> None:
    for seed in range(20 if full else 3):
        rng = np.random.default_rng(seed)
        shape = [1, *rng.integers(1, 5, 3).tolist()]
        sizes = [1, 1, 1, shape[3]] if dialect == "tflite" else [1, shape[1], 1, 1]
        slope = np.exp2(rng.integers(-3, 0, [1] * 4 if seed == 1 else sizes).astype(np.float64))
        path = Writer(dialect, seed, shape).write(composed(slope)[form], tmp_path)
        graph = load(path).graphs[0]
        whole = tuple(range(len(graph.nodes)))
        (found,) = (each for each in FAMILY.recognise(graph) if each.nodes == whole)
        assert isinstance(found.found, Rectifier)
        assert found.found.slope is not None
        assert np.array_equal(np.broadcast_to(found.found.slope, slope.shape), slope)
        x = integers(rng, *shape)
        for way in FAMILY.ways:
            result = outputs(path, FAMILY, way.name, x)
            if isinstance(result, Refusal):
                assert way.name == "prelu/leaky-relu"
                assert "not one number" in result.reason
            else:
                assert np.array_equal(result[0], np.where(x > 0, x, slope * x)), way.name
                assert np.array_equal(result[1], result[0]), way.name


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
@pytest.mark.parametrize("expression", NO_RECTIFIERS, ids=range(len(NO_RECTIFIERS)))
def test_what_computes_something_else_is_not_found(
    expression: Expression, dialect: str, tmp_path: Path
) -> None:
    graph = load(Writer(dialect, 0, [1, 3, 2, 2]).write(expression, tmp_path)).graphs[0]
    assert not list(FAMILY.recognise(graph))


def test_a_slope_for_each_image_is_no_operator_of_tflite(tmp_path: Path) -> None:
    slope = np.array([0.5, 0.25]).reshape(2, 1, 1, 1)
    path = Writer("tflite", 0, [2, 2, 2, 3]).write(composed(slope)["limits"], tmp_path)
    x = integers(np.random.default_rng(0), 2, 2, 2, 3)
    refusal = outputs(path, FAMILY, "prelu/prelu", x)
    assert isinstance(refusal, Refusal)
    assert "each image" in refusal.reason
    result = outputs(path, FAMILY, "prelu/maximum", x)
    assert not isinstance(result, Refusal)
    assert np.array_equal(result[0], result[1])
