"""What a recipe takes, and what it says of what it does not."""

from __future__ import annotations

import math
from typing import Any

import pytest

from npulint.errors import UsageError
from npulint.recovering.recipe import Recipe, Term, read_term


@pytest.mark.parametrize(
    ("given", "term"),
    [
        ("charbonnier", Term("charbonnier")),
        ("frequency:0.1", Term("frequency", 0.1)),
        ("psnr:2e-3", Term("psnr", 0.002)),
    ],
)
def test_a_part_of_a_loss_is_read_and_shown(given: str, term: Term) -> None:
    assert read_term(given) == term
    assert read_term(str(term)) == term


@pytest.mark.parametrize(
    "given", ["l1", "", "psnr:", "psnr:x", "psnr:0", "psnr:-1", "psnr:nan", "psnr:inf", "psnr:1:2"]
)
def test_what_is_no_part_of_a_loss(given: str) -> None:
    if given == "psnr:":
        assert read_term(given) == Term("psnr")
        return
    with pytest.raises(UsageError, match="give one of charbonnier, frequency, psnr"):
        read_term(given)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, "steps 0: give a whole number from 1"),
        ({"batch": -1}, "batch -1"),
        ({"patience": 0}, "patience 0"),
        ({"patch": 0}, "patch 0: give a whole number from 1"),
        ({"rate": 0.0}, "rate 0.0: give a number above 0"),
        ({"rate": math.nan}, "rate nan"),
        ({"minutes": math.inf}, "minutes inf"),
        ({"clip": -1.0}, "clip -1.0"),
        ({"truth_weight": 1.5}, "truth weight 1.5: give a share from 0 to 1"),
        ({"average": 1.0}, "average 1.0: give a share from 0, below 1"),
        ({"seed": -1}, "seed -1"),
        ({"device": "tpu"}, "device 'tpu': give one of auto, cpu, cuda"),
        ({"losses": (Term("psnr"), Term("psnr", 2))}, "loss psnr psnr:2: give each kind once"),
        ({"losses": (Term("psnr", 0),)}, "loss psnr:0"),
    ],
)
def test_numbers_that_make_no_sense(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Recipe(**wrong)


@pytest.mark.parametrize(
    ("steps", "warmup", "interval"),
    [(1, 0, 1), (19, 0, 1), (39, 1, 2), (100, 5, 5), (4000, 50, 200)],
)
def test_warm_up_and_measurements_go_with_the_steps(steps: int, warmup: int, interval: int) -> None:
    recipe = Recipe(steps=steps)
    assert (recipe.warmup, recipe.interval) == (warmup, interval)
