"""Figures against definitions written out a second time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from npulint.verification import metrics
from npulint.verification.records import Difference


def naive_ssim(a: np.ndarray, b: np.ndarray, span: float) -> float:
    """The definition, window by window, with a two-dimensional Gaussian."""
    y, x = np.mgrid[-5:6, -5:6]
    window = np.exp(-(x**2 + y**2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    scores = []
    for row in range(a.shape[0] - 10):
        for column in range(a.shape[1] - 10):
            p = a[row : row + 11, column : column + 11].astype(np.float64)
            q = b[row : row + 11, column : column + 11].astype(np.float64)
            mp, mq = (window * p).sum(), (window * q).sum()
            vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
            cov = (window * (p - mp) * (q - mq)).sum()
            scores.append(
                (2 * mp * mq + c1) * (2 * cov + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2))
            )
    return float(np.mean(scores))


@pytest.mark.parametrize("rows", [11, 64, 80, 150])
def test_ssim_is_the_definition(rows: int) -> None:
    rng = np.random.default_rng(rows)
    a = rng.random((1, 2, rows, 13), np.float32)
    b = (a + 0.2 * rng.standard_normal(a.shape)).astype(np.float32)
    wanted = np.mean([naive_ssim(a[0, c], b[0, c], 1.0) for c in range(2)])
    assert metrics.ssim(a, b, 1, 1.0) == pytest.approx(wanted, abs=1e-12)
    turned = a.transpose(0, 2, 3, 1), b.transpose(0, 2, 3, 1)
    assert metrics.ssim(*turned, 3, 1.0) == pytest.approx(wanted, abs=1e-12)


def test_ssim_of_equal_and_of_broken_images() -> None:
    a = np.random.default_rng(0).random((1, 1, 12, 12))
    assert metrics.ssim(a, a.copy(), 1, 1.0) == 1
    broken = a.copy()
    broken[0, 0, 3, 3] = np.nan
    assert metrics.ssim(a, broken, 1, 1.0) is None
    assert metrics.ssim(a, a, 1, 0.0) is None


@pytest.mark.parametrize(
    ("shape", "last", "axis"),
    [
        ((1, 3, 16, 20), False, 1),
        ((1, 16, 20, 3), True, 3),
        ((1, 16, 20, 3), False, 3),
        ((1, 3, 16, 20), True, 1),
        ((1, 8, 16, 20), False, None),
        ((1, 3, 10, 20), False, None),
        ((0, 3, 16, 20), False, None),
        ((3, 16, 20), False, None),
    ],
)
def test_what_is_image_like(shape: tuple[int, ...], last: bool, axis: int | None) -> None:
    assert metrics.channel_axis(shape, last=last) == axis


def test_figures_of_floats() -> None:
    rng = np.random.default_rng(1)
    a = rng.uniform(-1, 3, (3, 700, 1000)).astype(np.float32)  # more than one chunk
    b = a + rng.normal(0, 1e-3, a.shape).astype(np.float32)
    found = metrics.measure(a, b)
    error = b.astype(np.float64) - a
    span = float(a.max()) - float(a.min())
    assert found.max_absolute == np.abs(error).max()
    assert found.at == np.unravel_index(np.abs(error).argmax(), a.shape)
    assert found.max_relative == np.abs(error).max() / span
    assert found.psnr == pytest.approx(10 * np.log10(span**2 / (error**2).mean()), abs=1e-9)
    assert (found.finite, found.mismatched, found.exact) == (a.size, 0, False)


def test_no_error_has_an_infinite_psnr() -> None:
    a = np.arange(4.0)
    found = metrics.measure(a, a)
    assert (found.max_absolute, found.at, found.psnr) == (0, None, math.inf)
    assert found.within(0.0, 1000.0)


@pytest.mark.parametrize(
    ("a", "b", "mismatched", "finite"),
    [
        ([1, np.nan, np.inf, -np.inf], [1, np.nan, np.inf, -np.inf], 0, 1),
        ([1, np.nan, 2, 3], [1, 2, np.nan, 3], 2, 2),
        ([np.inf, 1], [-np.inf, 1], 1, 1),
        ([np.inf, np.nan], [np.nan, np.inf], 2, 0),
        ([np.nan], [np.nan], 0, 0),
        ([1e38, 1], [np.inf, 1], 1, 1),
    ],
)
def test_what_is_not_finite(a: list[float], b: list[float], mismatched: int, finite: int) -> None:
    found = metrics.measure(np.array(a, np.float32), np.array(b, np.float32))
    assert (found.mismatched, found.finite) == (mismatched, finite)
    assert found.max_absolute == 0
    assert found.within(1e-4, None) == (mismatched == 0)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.bool_])
def test_whole_numbers_must_be_equal(dtype: type) -> None:
    a = np.array([0, 1, 1, 0, 1]).astype(dtype)
    b = np.array([0, 1, 0, 0, 1]).astype(dtype)
    assert metrics.measure(a, a).within(1e-4, None)
    found = metrics.measure(a, b)
    assert (found.mismatched, found.exact, found.at) == (1, True, (2,))
    assert not found.within(1.0, None)


def test_whole_numbers_beyond_doubles_are_told_apart() -> None:
    a = np.array([2**53], np.int64)
    assert metrics.measure(a, a + 1).mismatched == 1


def test_shapes_must_agree() -> None:
    found = metrics.measure(np.zeros((2, 3)), np.zeros((3, 2)))
    assert not found.within(1.0, None)


@pytest.mark.parametrize(
    ("reference", "wanted"),
    [
        ([0, 4], 4.0),
        ([-1, 3], 4.0),
        ([100, 101], 10.1),  # a tenth of the magnitude: rounding goes with it
        ([5, 5], 0.5),
        ([0, 0], 0.0),
    ],
)
def test_the_range_that_errors_are_relative_to(reference: list[float], wanted: float) -> None:
    a = np.array(reference)
    assert metrics.measure(a, a).range == pytest.approx(wanted)


def test_an_error_without_a_range_is_never_the_same() -> None:
    found = metrics.measure(np.zeros(3), np.array([0, 0, 1e-30]))
    assert found.max_relative == math.inf
    assert found.psnr == -math.inf
    assert not found.within(1e6, None)
    assert not found.within(None, 1.0)


@pytest.mark.parametrize(
    ("max_error", "min_psnr", "same"),
    [(0.02, None, True), (0.005, None, False), (None, 40, True), (None, 41, False),
     (0.005, 40, False), (0.02, 41, False), (0.02, 40, True)],
)  # fmt: skip
def test_both_bounds_hold(max_error: float | None, min_psnr: float | None, same: bool) -> None:
    found = Difference(2, False, (2,), (2,), max_absolute=0.01, range=1.0, squared=1e-4, finite=2)
    assert found.psnr == pytest.approx(40)
    bound = None if min_psnr is None else min_psnr - 1e-9
    assert found.within(max_error, bound) == same
