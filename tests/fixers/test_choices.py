"""Choices by stored masks and rounding up or down rewritten: the same bits in the runtimes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from single import Call, Case, agrees, integers, onnx_case, reading, settled, tflite_case

from npulint.fixers.pointwise.choices import ROUNDING, WHERE
from npulint.fixers.record import Refusal

SAMPLE, ALL = 20, 200


def chosen(folder: Path, seed: int, dialect: str) -> Case:
    """Of two values, one of which may be stored; masks and values broadcast."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    rank = draw.randint(1, 4)
    shape = [draw.randint(1, 4) for _ in range(rank)]

    def part(*, whole: bool) -> list[int]:
        return shape if whole else [draw.choice((1, size)) for size in shape]

    same = dialect == "tflite" and draw.random() < 0.5
    whole = draw.randrange(3)
    mask = rng.random(part(whole=same or whole == 0)) < draw.choice((0.0, 0.5, 0.5, 1.0))
    xs = {"x": integers(rng, *part(whole=same or whole == 1))}
    operands: list[Any] = ["x"]
    other = integers(rng, *part(whole=same or whole == 2))
    infinite = "infinite" if dialect == "onnx" else "stored"
    kind = draw.choice(("stored", "zeros", infinite, "computed"))
    if kind == "computed":
        xs["z"] = other
        operands.append("z")
    else:
        low = np.float32(-np.inf)
        operands.append({"zeros": other * 0, "infinite": other * 0 + low}.get(kind, other))
    draw.shuffle(operands)
    sizes = [mask.shape, *(xs[each].shape if isinstance(each, str) else each.shape
                           for each in operands)]  # fmt: skip
    made = list(np.broadcast_shapes(*sizes))
    if dialect == "onnx":
        call = Call("Where", [mask, *operands], {"y": made}, {})
        return onnx_case(folder, xs, [call], draw.choice((9, 13, 21)))
    return tflite_case(
        folder, xs, [Call("SELECT" if same else "SELECT_V2", [mask, *operands], {"y": made}, {})]
    )


@pytest.mark.parametrize("dialect", ["onnx", "tflite"])
def test_a_stored_mask_multiplies(dialect: str, full: bool, tmp_path: Path) -> None:
    for seed in range(ALL if full else SAMPLE):
        assert agrees(chosen(tmp_path, seed, dialect), WHERE, WHERE.ways[0]), seed


def test_stored_infinities_are_left_where_sums_end(tmp_path: Path) -> None:
    low = np.full(2, -np.inf, np.float32)
    call = Call("SELECT_V2", [np.array([True, False]), "x", low], {"y": [2]}, {})
    case = tflite_case(tmp_path, {"x": np.ones(2, np.float32)}, [call])
    found = reading(case.path, WHERE)
    assert isinstance(found, Refusal)
    assert "infinite" in found.reason


def rounded(folder: Path, seed: int, dialect: str) -> Case:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.randint(1, 4) for _ in range(draw.randint(1, 4))]
    x = {"x": (rng.normal(0, 3, shape)).astype(np.float32)}
    x["x"].flat[0] = draw.choice((0.0, -0.0, 2.0, -3.0, 2.0**23, 1e9))
    op = draw.choice(("Floor", "Ceil"))
    if dialect == "onnx":
        return onnx_case(folder, x, [Call(op, ["x"], {"y": shape}, {})], draw.choice((7, 13)))
    return tflite_case(folder, x, [Call(op.upper(), ["x"], {"y": shape}, {})])


@pytest.mark.parametrize("dialect", ["onnx", "tflite"])
def test_above_is_below_of_the_negated(dialect: str, full: bool, tmp_path: Path) -> None:
    for seed in range(ALL if full else SAMPLE):
        case = rounded(tmp_path, seed, dialect)
        assert agrees(case, ROUNDING, ROUNDING.ways[0]), seed
    op = "Ceil" if dialect == "onnx" else "CEIL"
    assert op not in settled(case, ROUNDING, op)


@pytest.mark.parametrize(
    ("operands", "said"),
    [
        ([np.array([True, False]), np.zeros(2, np.float32), np.ones(2, np.float32)], "constants"),
        (["m", "x", "x"], "while the model runs"),
    ],
)
def test_other_choices_are_left(operands: list[Any], said: str, tmp_path: Path) -> None:
    calls = [Call("Greater", ["x", np.zeros(2, np.float32)], {"m": [2]}, {})]
    calls = [*calls, Call("Where", operands, {"y": [2]}, {})]
    case = onnx_case(tmp_path, {"x": np.ones(2, np.float32)}, calls, 13)
    found = reading(case.path, WHERE)
    assert isinstance(found, Refusal)
    assert said in found.reason
