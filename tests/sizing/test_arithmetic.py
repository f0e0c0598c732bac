"""What becomes of sizes, against numpy and against counting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npulint.sizing import arithmetic
from npulint.sizing.site import UnfitSizesError

SIZE = st.integers(1, 4)
SHAPE = st.lists(SIZE, max_size=4).map(tuple)


def outcome(function: Any, *arguments: Any) -> Any:
    """What comes of a call; None where sizes do not fit."""
    try:
        return function(*arguments)
    except (UnfitSizesError, ValueError):
        return None


@given(st.lists(SHAPE, min_size=1, max_size=3))
def test_broadcast(shapes: list[tuple[int, ...]]) -> None:
    expected = outcome(lambda: np.broadcast_shapes(*shapes))
    assert outcome(arithmetic.broadcast, shapes) == expected


@given(SHAPE, SHAPE)
def test_products(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    one, other = one or (1,), other or (1,)
    expected = outcome(lambda: (np.zeros(one) @ np.zeros(other)).shape)
    assert outcome(arithmetic.multiplied, one, other) == expected


@given(SHAPE, st.lists(st.sampled_from([-1, 1, 2, 3, 4, 6, 8, 12]), max_size=3))
def test_reshapes(given_: tuple[int, ...], wanted: list[int]) -> None:
    expected = outcome(lambda: np.zeros(given_).reshape(wanted).shape)
    assert outcome(arithmetic.reshaped, given_, wanted) == expected


@given(st.integers(0, 6), st.integers(-9, 9), st.integers(-9, 9), st.sampled_from([-3, -1, 1, 2]))
def test_slices(size: int, start: int, end: int, step: int) -> None:
    assert arithmetic.sliced(size, start, end, step) == len(np.arange(size)[start:end:step])


@given(SHAPE.filter(bool), st.data())
def test_sums_and_joins(shape: tuple[int, ...], data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    keep = data.draw(st.booleans())
    array = np.zeros(shape)
    assert arithmetic.reduced(shape, {axis}, keep=keep) == array.sum(axis, keepdims=keep).shape
    other = data.draw(st.tuples(*(SIZE for _ in shape)))
    expected = outcome(lambda: np.concatenate([array, np.zeros(other)], axis).shape)
    assert outcome(arithmetic.joined, [shape, other], axis) == expected


@given(
    st.integers(1, 12), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3),
    st.integers(0, 2), st.integers(0, 2), st.booleans(),
)  # fmt: skip
def test_windows_are_as_many_as_can_be_counted(  # noqa: PLR0917 - one a part of a window
    size: int, kernel: int, stride: int, dilation: int, before: int, after: int, ceil: bool
) -> None:
    reach = dilation * (kernel - 1) + 1
    after = min(after, reach - 1)  # No runtime pads by a whole window.
    padded = before + size + after
    starts = range(0, max(padded - reach + 1, 0), stride)
    count = len(starts)
    if ceil and count and starts[-1] + reach < padded and starts[-1] + stride < before + size:
        count += 1  # One that hangs over, as long as it starts on the input.
    made = outcome(
        lambda: arithmetic.windowed(
            size, kernel, stride, dilation, before + after, ceil=ceil, before=before
        )
    )
    assert (made or 0) == count


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: arithmetic.broadcast([("n", 3), (1, 3)]), ("n", 3)),
        (lambda: arithmetic.broadcast([("n", 3), ("m", 3)]), (None, 3)),
        (lambda: arithmetic.broadcast([("n",), (4,)]), (4,)),
        (lambda: arithmetic.joined([("n", 2), ("n", 3)], 1), ("n", 5)),
        (lambda: arithmetic.joined([(2, "c"), (2, 3)], 1), (2, None)),
        (lambda: arithmetic.reshaped((2, "h", 3), (2, -1)), (2, None)),
        (lambda: arithmetic.multiplied(("n", 4), (4, 5)), ("n", 5)),
        (lambda: arithmetic.windowed("h", 3, 2), None),
        (lambda: arithmetic.sliced("h", 0, 2**31, 1), "h"),
        (lambda: arithmetic.sliced("h", 1, 2**31, 1), None),
        (lambda: arithmetic.scaled("h", 1), "h"),
        (lambda: arithmetic.divided("h", 2), None),
        (lambda: arithmetic.grown("h", 0), "h"),
    ],
)
def test_a_size_that_stays_open_is_not_guessed(call: Any, expected: Any) -> None:
    assert call() == expected
