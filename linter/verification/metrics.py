"""How far two arrays are apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from npulint.runtimes.wire import Array
from npulint.verification.records import Difference

_CHUNK = 1 << 20
"""Elements taken to float64 at a time."""

RELATIVE_TO_RUN = 0.1
"""Least share of a run's largest magnitude that counts as the range: float32 rounding of some
hundred operations stays below 1e-5 of the magnitude, which is 1e-4 of this."""

RELATIVE_TO_ALL = 1e-3
"""Least share of the largest magnitude of all runs: 1e-4 of it is float32's own precision, and
what cancels to zero in one run leaves that much behind."""


def measure(a: Array, b: Array) -> Difference:
    """Compare an array of B with that of A.

    Args:
        a: The reference.
        b: The other, in A's layout.

    Returns:
        The difference, without SSIM.
    """
    exact = a.dtype.kind in "biu"
    if a.shape != b.shape:
        return Difference(a.size, exact, a.shape, b.shape)
    flat_a, flat_b = a.reshape(-1), b.reshape(-1)
    tally = _Tally()
    for start in range(0, flat_a.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        tally.add(flat_a[part], flat_b[part], start, exact=exact)
    span = max(tally.high - tally.low, RELATIVE_TO_RUN * tally.magnitude) if tally.finite else 0.0
    at = None if tally.worst is None else np.unravel_index(tally.worst, a.shape)
    return Difference(
        elements=a.size,
        exact=exact,
        shape_a=a.shape,
        shape_b=b.shape,
        max_absolute=tally.error,
        at=None if at is None else tuple(int(place) for place in at),
        range=span,
        squared=tally.squares / tally.finite if tally.finite else 0.0,
        finite=tally.finite,
        mismatched=tally.mismatched,
        magnitude=tally.magnitude,
    )


class _Tally:
    """What is gathered while two arrays are gone through in chunks."""

    def __init__(self) -> None:
        self.error = 0.0
        self.worst: int | None = None
        self.low, self.high = np.inf, -np.inf
        self.squares = 0.0
        self.finite = 0
        self.mismatched = 0

    @property
    def magnitude(self) -> float:
        return float(max(abs(self.low), abs(self.high))) if self.finite else 0.0

    def add(self, a: Array, b: Array, start: int, *, exact: bool) -> None:
        wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
        both = np.isfinite(wide_a) & np.isfinite(wide_b)
        if exact:
            self.mismatched += int(np.count_nonzero(a != b))
        else:
            alike = (wide_a == wide_b) | (np.isnan(wide_a) & np.isnan(wide_b))
            self.mismatched += int(np.count_nonzero(~both & ~alike))
        if not both.any():
            return
        error = np.abs(np.where(both, wide_a, 0.0) - np.where(both, wide_b, 0.0))
        worst = int(error.argmax())
        if error[worst] > self.error:
            self.error, self.worst = float(error[worst]), start + worst
        self.squares += float(np.square(error).sum())
        self.finite += int(np.count_nonzero(both))
        reference = wide_a[both]
        self.low = min(self.low, float(reference.min()))
        self.high = max(self.high, float(reference.max()))


# Wang, Bovik, Sheikh, Simoncelli, "Image Quality Assessment: From Error Visibility to Structural
# Similarity", IEEE Transactions on Image Processing 13(4), 2004, section III-C: an 11 x 11
# circular-symmetric Gaussian window of standard deviation 1.5, K1 = 0.01 and K2 = 0.03.
_WINDOW = 11
_SIGMA = 1.5
_K1, _K2 = 0.01, 0.03
_STRIP = 64
"""Rows of windows computed at a time, so that the maps stay in the processor's cache."""

_CHANNELS = 4
"""Most channels that an image has: grey, RGB, RGBA, or one plane each of a Bayer mosaic."""


def channel_axis(shape: tuple[int, ...], *, last: bool) -> int | None:
    """Where the channels of an image-like tensor are.

    Args:
        shape: A shape.
        last: Whether its dialect has channels last.

    Returns:
        1 or 3; None for what is no batch of images large enough for a window.
    """
    if len(shape) != 4:
        return None
    for axis in (3, 1) if last else (1, 3):
        sides = [shape[2], shape[3] if axis == 1 else shape[1]]
        if 1 <= shape[axis] <= _CHANNELS and min(sides) >= _WINDOW and shape[0] > 0:
            return axis
    return None


def ssim(a: Array, b: Array, axis: int, span: float) -> float | None:
    """Mean structural similarity over all windows, channels and images.

    Args:
        a: The reference, of rank 4.
        b: The other, of the same shape.
        axis: Where the channels are.
        span: Dynamic range of the reference.

    Returns:
        1 for equal images; None where something is not finite or the range is not known.
    """
    if span <= 0 or not np.isfinite(span):
        return None
    planes = [np.moveaxis(each, axis, 1).reshape(-1, *_sides(each, axis)) for each in (a, b)]
    scores = []
    for plane_a, plane_b in zip(*planes, strict=True):
        if np.array_equal(plane_a, plane_b):
            scores.append(1.0)
        elif np.isfinite(plane_a).all() and np.isfinite(plane_b).all():
            scores.append(_plane_ssim(plane_a, plane_b, span))
        else:
            return None
    return float(np.mean(scores))


def _sides(array: Array, axis: int) -> tuple[int, int]:
    _, first, second, third = array.shape
    return (second, third) if axis == 1 else (first, second)


def _plane_ssim(a: Array, b: Array, span: float) -> float:
    """Mean of the similarity map of one channel, over windows that lie within the image."""
    c1, c2 = (_K1 * span) ** 2, (_K2 * span) ** 2
    total, count = 0.0, 0
    for x, y in _strips(a, b):
        mean_x, mean_y = _blur(x), _blur(y)
        # Rounding may leave a variance just below zero.
        variance_x = np.maximum(_blur(x * x) - mean_x * mean_x, 0)
        variance_y = np.maximum(_blur(y * y) - mean_y * mean_y, 0)
        covariance = _blur(x * y) - mean_x * mean_y
        likeness = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
        likeness /= (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
        total += float(likeness.sum())
        count += likeness.size
    return total / count


def _strips(a: Array, b: Array) -> Iterator[tuple[npt.NDArray[np.float64], ...]]:
    """Both planes in strips that overlap by a window less one row."""
    for start in range(0, a.shape[0] - _WINDOW + 1, _STRIP):
        rows = slice(start, start + _STRIP + _WINDOW - 1)
        yield a[rows].astype(np.float64), b[rows].astype(np.float64)


def _blur(plane: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The Gaussian window's weighted mean, wherever the window fits."""
    offsets = np.arange(_WINDOW) - _WINDOW // 2
    window = np.exp(-np.square(offsets) / (2 * _SIGMA**2))
    return _slide(_slide(plane, window / window.sum(), 0), window / window.sum(), 1)


def _slide(
    plane: npt.NDArray[np.float64], window: npt.NDArray[np.float64], axis: int
) -> npt.NDArray[np.float64]:
    count = plane.shape[axis] - _WINDOW + 1
    total: Any = 0.0
    for offset, weight in enumerate(window):
        part = slice(offset, offset + count)
        total = total + weight * (plane[part] if axis == 0 else plane[:, part])
    found: npt.NDArray[np.float64] = total
    return found
