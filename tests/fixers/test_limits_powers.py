"""Limits, powers, squared differences and quotients computed otherwise, in the real runtimes."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import Array, Step, onnx_model, outputs, tflite_model
from instances import integers

from npulint.fixers.pointwise import limits, powers
from npulint.fixers.record import Family, Refusal

SAMPLE, ALL = 20, 200
Made = tuple[Path, Array]


def write(path: Path, shape: list[int], steps: list[Step], constants: dict[str, Array]) -> Path:
    if path.suffix == ".tflite":
        return tflite_model(path, shape, constants, steps)
    opset = random.Random(path.stem).choice((8, 11, 13, 21))
    return onnx_model(path, shape, constants, steps, opset)


def limited(folder: Path, dialect: str, seed: int) -> Made:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [1, *(draw.randint(1, 4) for _ in range(draw.choice((1, 2, 3))))]
    x = integers(rng, *shape) * draw.choice((1, 4))
    low, high = sorted(draw.sample((-7, -4, -1, 0, 0, 1, 3, 6, 2000), 2))
    kinds = draw.choice((("max",), ("min",), ("max", "min"), ("min", "max"), ("named",)))
    if kinds == ("named",):
        if dialect == "tflite":
            step = Step(draw.choice(("RELU6", "RELU_N1_TO_1")), ["x"], "y", shape)
            return write(folder / f"{seed}.{dialect}", shape, [step], {}), x
        bounds = {"lo": np.array(low, np.float32), "hi": np.array(high, np.float32)}
        names = draw.choice((["lo", "hi"], ["lo"], ["", "hi"]))
        step = Step("Clip", ["x", *names], "y", shape)
        bounds = {name: bounds[name] for name in names if name}
        path = folder / f"{seed}.onnx"
        return onnx_model(path, shape, bounds, [step], draw.choice((11, 13, 21))), x
    steps, constants, value = [], {}, "x"
    for number, kind in enumerate(kinds):
        item = low if kind == "max" else high
        constants[f"c{number}"] = np.full(draw.choice(((), (1,))), item, np.float32)
        op = f"{kind.upper()}IMUM" if dialect == "tflite" else kind.capitalize()
        operands = [value, f"c{number}"]
        draw.shuffle(operands)
        value = "y" if number == len(kinds) - 1 else "z"
        steps.append(Step(op, operands, value, shape))
    return write(folder / f"{seed}.{dialect}", shape, steps, constants), x


def raised(folder: Path, dialect: str, seed: int) -> Made:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [1, 2, draw.randint(1, 4), 3]
    exponent = draw.choice((0.5, -0.5, 1.0, 2.0, 3.0, 4.0, 7.0, -1.0, -2.0, -3.0, 1.5))
    constants = {"e": np.full(draw.choice(((), (1,))), exponent, np.float32)}
    op = "POW" if dialect == "tflite" else "Pow"
    path = write(folder / f"{seed}.{dialect}", shape, [Step(op, ["x", "e"], "y", shape)], constants)
    return path, rng.uniform(0.5, 3, shape).astype(np.float32)


def differed(folder: Path, dialect: str, seed: int) -> Made:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [1, 2, draw.randint(1, 4), 3]
    other = [draw.choice((1, size)) for size in shape]
    steps = [Step("SQUARED_DIFFERENCE", ["x", "c"], "y", shape)]
    constants = {"c": integers(rng, *other)}
    steps = [
        Step("MUL", ["x", "c"], "z", shape),
        Step("SQUARED_DIFFERENCE", ["x", "z"], "y", shape),
    ]
    return write(folder / f"{seed}.{dialect}", shape, steps, constants), integers(rng, *shape)


def divided(folder: Path, dialect: str, seed: int) -> Made:
    """A quotient by 1 + logistic(x), or by x itself, which is not known to be above 0."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [1, 2, draw.randint(1, 4), 3]
    names = ("LOGISTIC", "ADD", "DIV") if dialect == "tflite" else ("Sigmoid", "Add", "Div")
    constants = {"one": np.ones((1,), np.float32)}
    steps, below = [], "x"
    if draw.random() < 0.6:
        steps = [Step(names[0], ["x"], "s", shape), Step(names[1], ["s", "one"], "z", shape)]
        below = "z"
    if draw.random() < 0.3 and dialect == "onnx":
        steps.append(Step("Reciprocal", [below], "y", shape))
    else:
        steps.append(Step(names[2], [draw.choice(("one", "x")), below], "y", shape))
    path = write(folder / f"{seed}.{dialect}", shape, steps, constants)
    return path, rng.uniform(0.5, 3, shape).astype(np.float32)


Maker = Callable[[Path, str, int], Made]

CASES: list[tuple[Family[Any], Maker, bool]] = [
    (limits.FAMILY, limited, True),
    (powers.POWER, raised, False),
    (powers.SQUARED_DIFFERENCE, differed, True),
    (powers.QUOTIENT, divided, False),
]


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
@pytest.mark.parametrize(
    ("case", "way"),
    [pytest.param(case, way.name, id=way.name) for case in CASES for way in case[0].ways],
)
def test_the_same_function(
    case: tuple[Family[Any], Maker, bool], way: str, dialect: str, full: bool, tmp_path: Path
) -> None:
    family, make, whole = case
    if dialect == "onnx" and family is powers.SQUARED_DIFFERENCE:
        return  # ONNX has no such operator.
    wanted = ALL if full else SAMPLE
    applied = seed = 0
    while applied < wanted:
        path, x = make(tmp_path, dialect, seed)
        seed += 1
        assert seed < 40 * wanted
        result = outputs(path, family, way, x)
        if isinstance(result, Refusal):
            continue
        expected, found, _ = result
        if whole:
            assert np.array_equal(expected, found), seed - 1
        else:
            assert np.allclose(expected, found, rtol=2e-6, atol=0), seed - 1
        applied += 1


@pytest.mark.parametrize(
    ("family", "make", "said"),
    [
        (limits.FAMILY, limited, {"what is there", "no RELU has", "beyond 1024"}),
        (powers.POWER, raised, {"neither 1/2", "no whole number", "nothing to compute"}),
        (powers.QUOTIENT, divided, {"no reciprocal", "not known to be above 0"}),
    ],
)
def test_refusals_have_their_reasons(
    family: Family[Any], make: Maker, said: set[str], tmp_path: Path
) -> None:
    reasons = set()
    for seed in range(60):
        path, x = make(tmp_path, "tflite", seed)
        for way in family.ways:
            result = outputs(path, family, way.name, x)
            reasons |= {result.reason} if isinstance(result, Refusal) else set()
    assert all(any(part in reason for reason in reasons) for part in said), reasons


def test_limits_that_cut_each_other_away_stay_two(tmp_path: Path) -> None:
    shape = [1, 4]
    constants = {"a": np.array([3], np.float32), "b": np.array([1], np.float32)}
    steps = [Step("MAXIMUM", ["x", "a"], "z", shape), Step("MINIMUM", ["z", "b"], "y", shape)]
    path = write(tmp_path / "m.tflite", shape, steps, constants)
    x = np.array([[-2, 0, 2, 5]], np.float32)
    result = outputs(path, limits.FAMILY, "limits/relu", x)
    assert not isinstance(result, Refusal)
    assert np.array_equal(result[0], result[1])
