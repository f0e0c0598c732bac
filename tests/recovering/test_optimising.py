"""The rate of a training's steps is tested with the trainings; here, the moving average."""

from __future__ import annotations

import os
import warnings
from contextlib import suppress

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from npulint.optimising import Average, repeatable

_ANY_ORDER = (
    "max_pool2d_with_indices_backward_cuda does not have a deterministic implementation, but you "
    "set 'torch.use_deterministic_algorithms(True, warn_only=True)'."
)
"""What PyTorch says on a graphics card."""

numbers = st.lists(st.floats(-10, 10), min_size=1, max_size=8)


def _averaged(values: list[float], keeps: float, part: float = 1) -> float:
    weight = torch.zeros(1, dtype=torch.float64)
    average = Average([weight], keeps)
    for number, value in enumerate(values):
        weight.fill_(value)
        average.take_in([weight], number * part)
    return float(average.tensors[0])


@given(numbers)
def test_it_is_the_mean_of_all_so_far_until_it_moves(values: list[float]) -> None:
    assert _averaged(values, 0.99) == pytest.approx(sum(values) / len(values), abs=1e-9)


@given(numbers, st.floats(0, 0.99))
def test_it_stays_among_what_it_is_an_average_of(values: list[float], keeps: float) -> None:
    assert min(values) - 1e-9 <= _averaged(values, keeps) <= max(values) + 1e-9


@given(st.floats(-10, 10), numbers)
def test_it_is_the_last_one_where_nothing_is_kept(last: float, values: list[float]) -> None:
    assert _averaged([*values, last], 0) == last


def test_a_part_of_the_number_makes_it_forget_sooner() -> None:
    values = [1.0] + [0.0] * 5
    assert _averaged(values, 0.99, 0.1) < _averaged(values, 0.99) / 100


def test_it_is_worn_and_taken_off() -> None:
    weight = torch.tensor([1.0])
    average = Average([weight], 0.5)
    weight.fill_(3)
    with average.worn([weight]):
        assert float(weight) == 1
    assert float(weight) == 3


def test_what_is_asked_of_pytorch_for_repeatable_sums_is_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def asked() -> tuple[object, ...]:
        return (
            torch.get_num_threads(),
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
        )

    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    before = asked()
    with repeatable(3):
        assert asked() == (3, True, True, ":4096:8")
        with warnings.catch_warnings(record=True) as seen:
            warnings.warn(_ANY_ORDER, stacklevel=1)
        assert not seen
    assert asked() == before
    with suppress(KeyboardInterrupt), repeatable(3):
        raise KeyboardInterrupt
    assert asked() == before
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    with repeatable(1):
        assert asked() == (1, True, True, ":16:8")
    assert asked() == (*before[:3], ":16:8")
