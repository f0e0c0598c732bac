"""Positions of the largest and smallest as int32: the same numbers, in the real runtime."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import Step, finds, outputs, rewritten, tflite, tflite_model
from single import Case, cured, integers, settled

from npulint.fixers.forms.positions import FAMILY
from npulint.fixers.record import Refusal
from npulint.formats import load

SAMPLE, ALL = 15, 150
Type = tflite.schema.TensorType


def search(folder: Path, seed: int, *, casts: tuple[str, ...], op: str = "ARG_MAX") -> Any:
    """A search along some axis, and its result, or the sum of what casts make of it."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.randint(1, 4) for _ in range(draw.randint(2, 4))]
    axis = draw.randrange(len(shape))
    made = [size for place, size in enumerate(shape) if place != axis]
    wide = draw.choice((np.int32, np.int64))
    constants = {"axis": np.array(axis - draw.choice((0, len(shape))), wide)}
    last = "y" if not casts else "at"
    steps = [Step(op, ["x", "axis"], last, made, {"output_type": Type.INT64}, 1, "INT64")]
    for number, dtype in enumerate(casts):
        name = f"c{number}" if len(casts) > 1 else "y"
        steps.append(Step("CAST", ["at"], name, made, {}, 1, dtype))
    if len(casts) > 1:
        steps.append(Step("ADD", ["c0", "c1"], "y", made, {}, 1, casts[0]))
    path = tflite_model(folder / f"{seed}.tflite", shape, constants, steps)
    return path, integers(rng, *shape)


KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("positions/cast", ()),
    ("positions/int32", ("INT32",)),
    ("positions/int32", ("FLOAT32",)),
    ("positions/int32", ("INT32", "INT32")),
    ("positions/int32", ("FLOAT32", "FLOAT32")),
)


@pytest.mark.parametrize("op", ["ARG_MAX", "ARG_MIN"])
@pytest.mark.parametrize(("way", "casts"), KINDS)
def test_the_same_numbers(
    way: str, casts: tuple[str, ...], op: str, full: bool, tmp_path: Path
) -> None:
    for seed in range(ALL if full else SAMPLE):
        path, x = search(tmp_path, seed, casts=casts, op=op)
        result = outputs(path, FAMILY, way, x)
        assert not isinstance(result, Refusal)
        expected, found, model = result
        assert expected.dtype == found.dtype
        assert np.array_equal(expected, found)
        assert not finds(model, FAMILY)


@pytest.mark.parametrize(
    ("way", "casts", "said"),
    [
        ("positions/cast", ("INT32",), "take int32 as well"),
        ("positions/int32", (), "something else than casts"),
    ],
)
def test_the_other_pattern_is_refused(
    way: str, casts: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    model = load(search(tmp_path, 0, casts=casts)[0])
    refusal = rewritten(model, FAMILY, way)
    assert isinstance(refusal, Refusal)
    assert said in refusal.reason


def test_a_result_of_int32_is_left_alone(tmp_path: Path) -> None:
    step = Step("ARG_MAX", ["x", "a"], "y", [2], {"output_type": Type.INT32}, 1, "INT32")
    path = tflite_model(tmp_path / "m.tflite", [2, 3], {"a": np.array(1, np.int32)}, [step])
    assert not finds(load(path), FAMILY)


@pytest.mark.parametrize("target", ["nnapi-1.2", "neuron"])
def test_shipped_targets_take_what_comes_of_it(target: str, tmp_path: Path) -> None:
    path, x = search(tmp_path, 0, casts=("INT32",))
    assert cured(Case(path, {"x": x}, "search"), (FAMILY,), target) == ["ARG_MAX"]
    path, x = search(tmp_path, 1, casts=("FLOAT32",))
    assert cured(Case(path, {"x": x}, "search"), (FAMILY,), target) == ["ARG_MAX", "CAST"]


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    path, x = search(tmp_path, 0, casts=("FLOAT32",))
    made = settled(Case(path, {"x": x}, "search"), FAMILY, "ARG_MAX")
    assert made == ["ARG_MAX", "CAST"]
