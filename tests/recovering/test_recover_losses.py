"""Losses by their algebra, and what may be asked of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from npulint.errors import UsageError
from npulint.recovering.losses import FLOOR, Objective, charbonnier, frequency, psnr
from npulint.recovering.recipe import IMAGES, KINDS, OTHERS, Kind, Term

SIDES = (2, 3)

images = arrays(np.float64, (2, 3, 4, 5), elements=st.floats(-1, 1, width=16))


def loss(kind: Kind, made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    if kind == "frequency":
        return frequency(made, wanted, SIDES)
    return (charbonnier if kind == "charbonnier" else psnr)(made, wanted)


@given(images, images)
@pytest.mark.parametrize("kind", KINDS)
def test_a_loss_is_symmetric_and_least_at_equality(
    kind: Kind, one: np.ndarray, other: np.ndarray
) -> None:
    a, b = torch.from_numpy(one), torch.from_numpy(other)
    assert float(loss(kind, a, b)) == float(loss(kind, b, a))
    assert float(loss(kind, a, a)) <= float(loss(kind, a, b))


@pytest.mark.parametrize("kind", ["charbonnier", "frequency"])
def test_equal_images_cost_nothing(kind: Kind) -> None:
    image = torch.rand(1, 3, 8, 8)
    assert float(loss(kind, image, image)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_finite_where_there_is_no_difference(kind: Kind) -> None:
    made = torch.rand(2, 3, 4, 4, requires_grad=True)
    loss(kind, made, made.detach().clone()).backward()
    assert bool(torch.isfinite(made.grad).all())


@given(images, images)
def test_charbonnier_lies_just_below_the_mean_absolute_error(
    one: np.ndarray, other: np.ndarray
) -> None:
    absolute = float(np.abs(one - other).mean())
    found = float(charbonnier(torch.from_numpy(one), torch.from_numpy(other)))
    assert absolute - 1e-3 <= found <= absolute


@given(images, images)
def test_the_psnr_loss_is_the_negative_of_psnr(one: np.ndarray, other: np.ndarray) -> None:
    squares = ((one - other) ** 2).reshape(2, -1).mean(1)
    wanted = np.mean([-10 * math.log10(each + FLOOR) for each in squares])
    found = float(psnr(torch.from_numpy(one), torch.from_numpy(other)))
    assert found == pytest.approx(-wanted, abs=1e-9)


def test_the_frequency_loss_of_a_wave_is_that_of_its_two_frequencies() -> None:
    """cos(2 pi x / 8) over 8 x 8 points has the amplitude 8 / 2 at two places of 64."""
    wave = torch.cos(2 * math.pi * torch.arange(8) / 8).double().expand(1, 1, 8, 8)
    found = float(frequency(wave, torch.zeros_like(wave), SIDES))
    assert found == pytest.approx(2 * 4 / (64 * 2))


def test_frequencies_are_of_rows_and_columns_wherever_channels_are() -> None:
    one, other = torch.rand(2, 3, 6, 5), torch.rand(2, 3, 6, 5)
    first = frequency(one, other, (2, 3))
    last = frequency(one.permute(0, 2, 3, 1), other.permute(0, 2, 3, 1), (1, 2))
    assert float(first) == pytest.approx(float(last), rel=1e-6)


def test_an_objective_is_the_mean_over_outputs_of_weighted_parts() -> None:
    made = [torch.rand(1, 3, 4, 4), 255 * torch.rand(1, 7)]
    wanted = [torch.rand(1, 3, 4, 4), 255 * torch.rand(1, 7)]
    terms = (Term("charbonnier", 2), Term("frequency", 0.5))
    found = Objective(terms, [1, 255], [SIDES, None])(made, wanted)
    image = 2 * charbonnier(made[0], wanted[0]) + 0.5 * frequency(made[0], wanted[0], SIDES)
    vector = 2 * charbonnier(made[1] / 255, wanted[1] / 255)
    assert float(found) == pytest.approx(float(image + vector) / 2, rel=1e-6)


def test_the_usual_loss_hangs_on_what_outputs_are() -> None:
    assert Objective((), [1, 1], [None, SIDES]).terms == IMAGES
    assert Objective((), [1], [None]).terms == OTHERS
    with pytest.raises(UsageError, match="no output has rows and columns"):
        Objective((Term("frequency"),), [1], [None])


def test_outputs_of_another_shape_are_refused() -> None:
    objective = Objective((), [1], [SIDES])
    with pytest.raises(UsageError, match=r"makes \[1, 3, 4, 4\] of samples that \[1, 3, 1, 1\]"):
        objective([torch.zeros(1, 3, 4, 4)], [torch.zeros(1, 3, 1, 1)])
