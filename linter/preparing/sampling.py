"""Kernels beside a resize or a pool that come nearest to a strided or a transposed convolution.

Both fall apart into one problem of least squares for each axis. All is computed in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Numbers: TypeAlias = "npt.NDArray[Any]"

LARGEST_FACTOR = 8
"""Factor of a resize beyond which a phase for each place is no gain, as in the catalogue."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A kernel, in the order of axes of the one that it is fitted to.

    Attributes:
        kernel: `[..., m, n]`.
        residual: What is left of the original kernel, relative in RMS.
    """

    kernel: Numbers
    residual: float


def before_bilinear(kernel: Numbers, strides: tuple[int, int], padding: tuple[int, int]) -> Fitted:
    """The kernel at low resolution after which a bilinear resize does most of an upsampling.

    Args:
        kernel: Of a transposed convolution, its window last.
        strides: Of that; the resize has half-pixel centres and enlarges by as much.
        padding: Of that.
    """
    solvers, aims = [], []
    for stride, pad, size in zip(strides, padding, kernel.shape[-2:], strict=True):
        taps = 1 if size <= stride else 3
        low = min(-pad, -stride * (1 + taps // 2))
        high = max(size - pad, stride * (2 + taps // 2))
        matrix = np.zeros((high - low, taps))
        response = bilinear_response(stride)
        for tap in range(taps):
            first = stride * (taps // 2 - tap) - stride - low
            matrix[first : first + len(response), tap] = response
        solvers.append(matrix)
        aims.append((-pad - low, high - low))
    return _solved(kernel, solvers, aims)


def after_pooling(kernel: Numbers, padding: tuple[int, int]) -> Fitted | None:
    """The kernel of stride 1 that, behind an average pool of 2x2, does most of one of stride 2.

    Args:
        kernel: Of a convolution of stride 2, its window last.
        padding: Of that.

    Returns:
        The kernel; None where the result is not half as large, or the window is too wide.
    """
    solvers, aims = [], []
    for pad, size in zip(padding, kernel.shape[-2:], strict=True):
        taps = size - 1 if size % 2 == 0 else size
        offset = taps - 1 - pad
        halves = 2 * pad - size in (-1, -2)
        if not halves or offset < 0 or offset + size > 2 * taps:
            return None
        matrix = np.zeros((2 * taps, taps))
        for tap in range(taps):
            matrix[2 * tap : 2 * tap + 2, tap] = 0.5
        solvers.append(matrix)
        aims.append((offset, 2 * taps))
    return _solved(kernel, solvers, aims)


def bilinear_response(factor: int) -> Numbers:
    """What one sample adds to the results from `factor` before it to `2 * factor` behind."""
    at = (np.arange(3 * factor) + 0.5) / factor - 0.5
    response: Numbers = np.maximum(0, 1 - np.abs(at - 1))
    return response


def _solved(kernel: Numbers, solvers: list[Numbers], aims: list[tuple[int, int]]) -> Fitted:
    """The kernel whose product with both matrices comes nearest to the one that is placed."""
    held = kernel.astype(np.float64)
    (top, tall), (left, wide) = aims
    aim = np.zeros((*held.shape[:-2], tall, wide))
    aim[..., top : top + held.shape[-2], left : left + held.shape[-1]] = held
    rows, columns = solvers
    found = np.linalg.pinv(rows) @ aim @ np.linalg.pinv(columns).T
    whole = float(np.linalg.norm(aim))
    missing = float(np.linalg.norm(aim - rows @ found @ columns.T))
    return Fitted(found, missing / whole if whole else 0.0)


def half_pixel_shares(factor: int) -> Numbers:
    """What the sample before, the sample itself and the one behind are worth to each phase."""
    at = (2 * np.arange(factor) + 1 - factor) / (2 * factor)
    shares: Numbers = np.stack([np.maximum(-at, 0), 1 - np.abs(at), np.maximum(at, 0)], 1)
    return shares
