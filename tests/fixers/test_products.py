"""Products of two computed values by other operators: bit-identical, in the real runtimes."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from cases import Array, Step, onnx_model, outputs, tflite_model

from npulint.cure import Wish, fix
from npulint.fixers.pointwise.products import FAMILY
from npulint.fixers.record import Refusal
from npulint.formats import load

SAMPLE, ALL = 20, 200
WAY, QUOTIENTS = "product/prelu", "product/quotients"


def instance(folder: Path, dialect: str, seed: int) -> tuple[Path, Array]:
    """A product of what ABS and NEG make of parts of x, either operand the smaller one."""
    draw = random.Random(seed)
    shape = [1, *(draw.randint(1, 4) for _ in range(draw.choice((1, 2, 3, 3, 3))))]
    names = ("MUL", "NEG", "MEAN") if dialect == "tflite" else ("Mul", "Neg", "ReduceMean")
    axes = sorted(draw.sample(range(1, len(shape)), draw.randint(0, len(shape) - 1)))
    kept = [1 if axis in axes else size for axis, size in enumerate(shape)]
    steps, constants, small = [], {}, "n"
    if axes and dialect == "tflite":
        constants["axes"] = np.array(axes, np.int32)
        steps = [Step(names[2], ["x", "axes"], "m", kept, {"keep_dims": True})]
        small = "m"
    elif axes:
        steps = [Step(names[2], ["x"], "m", kept, {"axes": axes, "keepdims": 1})]
        small = "m"
    steps.append(Step(names[1], ["x"], "n", shape))
    operands = [small, "x"] if small == "n" else [small, "n"]
    draw.shuffle(operands)
    options = {"fused_activation_function": draw.choice(("NONE", "NONE", "RELU", "RELU6"))}
    steps.append(Step(names[0], operands, "y", shape, options if dialect == "tflite" else {}))
    x = np.random.default_rng(seed).normal(0, 3, shape).astype(np.float32)
    x[np.random.default_rng(seed + 1).random(shape) < 0.2] = 0
    path = folder / f"{seed}.{dialect}"
    if dialect == "tflite":
        return tflite_model(path, shape, constants, steps), x
    return onnx_model(path, shape, constants, steps, draw.choice((7, 9, 11, 13, 17))), x


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
def test_bit_identical_on_any_numbers(dialect: str, full: bool, tmp_path: Path) -> None:
    """One of two terms is 0 and the other is rounded as the product is: no integers are needed."""
    for seed in range(ALL if full else SAMPLE):
        path, x = instance(tmp_path, dialect, seed)
        result = outputs(path, FAMILY, WAY, x)
        assert not isinstance(result, Refusal), seed
        expected, found, again = result
        assert np.array_equal(expected, found), seed
        assert not list(FAMILY.recognise(again.graphs[0])), seed


def test_a_quotient_by_a_reciprocal_rounds_twice_and_makes_0_of_0(
    full: bool, tmp_path: Path
) -> None:
    zeros = 0
    for seed in range(ALL if full else SAMPLE):
        path, x = instance(tmp_path, "onnx", seed)
        result = outputs(path, FAMILY, QUOTIENTS, x)
        assert not isinstance(result, Refusal), seed
        expected, found, again = result
        assert (np.abs(found - expected) <= 2.0**-22 * np.abs(expected)).all(), seed
        assert not list(FAMILY.recognise(again.graphs[0])), seed
        zeros += int((found == 0).sum())
    assert zeros


def test_a_factor_whose_reciprocal_is_infinite_counts_as_0(tmp_path: Path) -> None:
    """The limit that the record states: 2^-128 is beyond it, and 2^-127 is not."""
    shape = [1, 2]
    constants = {"k": np.array([[2.0**-28, 2.0**-27]], np.float32)}
    steps = [Step("Div", ["k", "x"], "v", shape), Step("Mul", ["x", "v"], "y", shape)]
    path = onnx_model(tmp_path / "m.onnx", shape, constants, steps, 13)
    result = outputs(path, FAMILY, QUOTIENTS, np.full(shape, 2.0**100, np.float32))
    assert not isinstance(result, Refusal)
    expected, found, _ = result
    assert np.array_equal(expected, constants["k"])
    assert np.array_equal(found, [[0, 2.0**-27]])


@pytest.mark.parametrize("name", ["mate30-pro-5g", "pixel-4"])
def test_phones_whose_products_are_in_doubt_take_the_quotients(name: str, tmp_path: Path) -> None:
    """Products, squares and quotients of roots: what simple gates and norms are made of."""
    shape = [1, 4, 3, 3]
    steps = [
        Step("Relu", ["x"], "a", shape),
        Step("Sigmoid", ["x"], "b", shape),
        Step("Mul", ["a", "b"], "c", shape),
        Step("Mul", ["c", "c"], "d", shape),
        Step("Add", ["d", "one"], "e", shape),
        Step("Sqrt", ["e"], "f", shape),
        Step("Div", ["b", "f"], "y", shape),
    ]
    constants = {"one": np.ones(1, np.float32)}
    path = onnx_model(tmp_path / "m.onnx", shape, constants, steps, 13)
    result = fix(path, [name], Wish(output=tmp_path / "out.onnx"))
    assert result.complete, result.choices
    assert {each.realisation for each in result.choices} == {
        QUOTIENTS,
        "square/quotients",
        "root/size",
    }
    again = fix(tmp_path / "out.onnx", [name])
    assert not again.choices


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        (([1, 2, 1, 3], [1, 1, 4, 3]), "neither of its operands"),
        (([1, 2, 2, 2, 2], [1, 2, 2, 2, 2]), "over 4 axes"),
    ],
)
def test_a_broken_precondition_is_refused(
    shapes: tuple[list[int], list[int]], said: str, tmp_path: Path
) -> None:
    whole = [max(pair) for pair in zip(*shapes, strict=True)]
    operands, steps, constants = [], [], {}
    for number, shape in enumerate(shapes):
        axes = [axis for axis, size in enumerate(shape) if size != whole[axis]]
        constants[f"a{number}"] = np.array(axes or [0], np.int32)
        step = Step("MEAN", ["x", f"a{number}"], f"v{number}", shape, {"keep_dims": True})
        steps.append(step)
        operands.append(f"v{number}")
    steps.append(Step("MUL", operands, "y", whole))
    path = tflite_model(tmp_path / "m.tflite", whole, constants, steps)
    refusal = outputs(path, FAMILY, WAY, np.zeros(whole, np.float32))
    assert isinstance(refusal, Refusal)
    assert said in refusal.reason


def test_where_slopes_are_taken_nothing_is_divided(tmp_path: Path) -> None:
    path, x = instance(tmp_path, "tflite", 0)
    refusal = outputs(path, FAMILY, QUOTIENTS, x)
    assert isinstance(refusal, Refusal)
    assert "takes computed slopes" in refusal.reason


def test_squares_and_products_with_constants_are_not_meant(tmp_path: Path) -> None:
    shape = [1, 2, 2, 3]
    steps = [Step("MUL", ["x", "x"], "z", shape), Step("MUL", ["z", "c"], "y", shape)]
    constants = {"c": np.ones(3, np.float32)}
    path = tflite_model(tmp_path / "m.tflite", shape, constants, steps)
    assert not list(FAMILY.recognise(load(path).graphs[0]))
