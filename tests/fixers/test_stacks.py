"""PACK rewritten: bit-identical in the real runtime."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from single import Call, Case, agrees, cured, integers, reading, settled, tflite_case

from npulint.fixers.moving.stacks import FAMILY
from npulint.fixers.record import Refusal

SAMPLE, ALL = 20, 200
(WAY,) = FAMILY.ways


def stack(folder: Path, shape: list[int], axis: int, count: int, **how: Any) -> Case:
    """Values of one shape; `how` may bring another type, a result of other sizes, or a seed."""
    rng = np.random.default_rng(how.get("seed", 0))
    quantised = how.get("quantised", False)
    dtype = np.int8 if quantised else np.float32
    xs = {f"x{number}": integers(rng, *shape).astype(dtype) for number in range(count)}
    result = how.get("result", [*shape[:axis], count, *shape[axis:]])
    options = {"table": "PackOptions", "axis": how.get("said", axis), "values_count": count}
    call = Call("PACK", list(xs), {"y": result}, options, 2 if quantised else 1)
    return tflite_case(folder, xs, [call], quantised=(0.5, 3) if quantised else None)


@pytest.mark.parametrize("quantised", [False, True])
def test_the_same_bits(quantised: bool, full: bool, tmp_path: Path) -> None:
    for seed in range(ALL if full else SAMPLE):
        draw = random.Random(seed)
        shape = [draw.randint(1, 4) for _ in range(draw.randint(1, 5))]
        axis, count = draw.randint(0, len(shape)), draw.randint(1, 4)
        said = axis - draw.choice((0, len(shape) + 1))
        case = stack(tmp_path, shape, axis, count, seed=seed, said=said, quantised=quantised)
        assert agrees(case, FAMILY, WAY)


def test_sizes_that_do_not_agree_are_refused(tmp_path: Path) -> None:
    found = reading(stack(tmp_path, [2, 3], 0, 2, result=[2, 3, 2]).path, FAMILY)
    assert isinstance(found, Refusal)
    assert "sizes that the file says" in found.reason


def test_scalars_are_refused(tmp_path: Path) -> None:
    found = reading(stack(tmp_path, [], 0, 2).path, FAMILY)
    assert isinstance(found, Refusal)
    assert "scalars" in found.reason


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    made = settled(stack(tmp_path, [2, 3], 1, 2), FAMILY, "PACK")
    assert made == ["RESHAPE", "RESHAPE", "CONCATENATION"]


def test_many_axes_are_joined_as_three(tmp_path: Path) -> None:
    made = settled(stack(tmp_path, [1, 2, 3, 4], 3, 2), FAMILY, "PACK")
    assert made == ["RESHAPE", "RESHAPE", "CONCATENATION", "RESHAPE"]


def test_the_oldest_target_takes_what_comes_of_it(tmp_path: Path) -> None:
    made = cured(stack(tmp_path, [1, 8], 1, 2), (FAMILY,), "nnapi-1.2")
    assert made == ["RESHAPE", "RESHAPE", "CONCATENATION"]
