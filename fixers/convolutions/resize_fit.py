"""Kernels that, after a resize, do what a transposed convolution does: exactly, or nearly.

A resize by whole factors is itself a transposed convolution: nearest-neighbour with a box, and
bilinear with a tent. Followed by a convolution with a kernel r it is the transposed convolution
with the product `stretch * r` of both kernels. All is computed in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from npulint.fixers.building.bounds import zeros

if TYPE_CHECKING:
    import numpy.typing as npt

Floats: TypeAlias = "npt.NDArray[np.float64]"
Resize: TypeAlias = Literal["nearest", "bilinear"]

EXACT = 1e-6
"""Largest relative residual that counts as none: kernels are stored in float32."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A kernel to convolve with after a resize.

    Attributes:
        kernel: `[Cin, Cout/groups, n, n]`, in the order of a transposed convolution's.
        offset: Where the original kernel starts in the product `stretch * kernel`.
        residual: What is left of the original kernel, relative in RMS: the error of the output
            on white noise, away from the borders.
        bias: `[Cout]` to add; None where the original bias serves.
    """

    kernel: Floats
    offset: tuple[int, int]
    residual: float
    bias: Floats | None = None


def stretch(resize: Resize, factor: int) -> Floats:
    """The one-dimensional kernel of a resize: a box of s ones, or a tent 2s - 1 wide."""
    box = np.ones(factor)
    return box if resize == "nearest" else np.convolve(box, box) / factor


def reach(resize: Resize, factor: int) -> int:
    """How long the one-dimensional kernel of a resize is, without making it."""
    return factor if resize == "nearest" else 2 * factor - 1


def divide(kernel: npt.NDArray[Any], resize: Resize, factors: tuple[int, int]) -> Fit | None:
    """The kernel that makes the resize exact, None where there is none.

    Kernels of whole numbers are divided in whole numbers, without a remainder; others to what
    float32 can hold.
    """
    sizes = _quotient_sizes(kernel, resize, factors)
    if min(sizes) < 1:
        return None
    fit = _least_squares(kernel, resize, factors, sizes)
    if not np.array_equal(kernel, np.round(kernel)):
        return fit if fit.residual < EXACT else None
    # The stretch times its factors is monic in whole numbers: so is what it divides into.
    scale = 1 if resize == "nearest" else factors[0] * factors[1]
    whole = np.round(fit.kernel / scale) * scale
    remainder = kernel - product(whole, resize, factors)
    return Fit(whole, (0, 0), 0.0) if np.abs(remainder).max(initial=0) < 0.5 / scale else None


def fit(kernel: npt.NDArray[Any], resize: Resize, factors: tuple[int, int]) -> Fit:
    """The kernel, 3x3 or as large as the quotient, that is nearest to the original's map."""
    return _least_squares(kernel, resize, factors, fitted_sizes(kernel, resize, factors))


def fitted_sizes(
    kernel: npt.NDArray[Any], resize: Resize, factors: tuple[int, int]
) -> tuple[int, int]:
    """Rows and columns of the kernel that is fitted."""
    rows, columns = _quotient_sizes(kernel, resize, factors)
    return max(rows, 3), max(columns, 3)


def product(kernel: npt.NDArray[Any], resize: Resize, factors: tuple[int, int]) -> Floats:
    """The transposed convolution's kernel that a resize and a kernel come to."""
    rows, columns = (
        _matrix(stretch(resize, factor), int(size))
        for factor, size in zip(factors, kernel.shape[2:], strict=True)
    )
    made: Floats = rows @ kernel.astype(np.float64) @ columns.T
    return made


def transposed(x: Floats, kernel: Floats, strides: tuple[int, int], groups: int = 1) -> Floats:
    """The whole transposed convolution, before anything is cut away.

    Args:
        x: `[N, Cin, H, W]`.
        kernel: `[Cin, Cout/groups, kH, kW]`.
        strides: Along H and W.
        groups: Groups of channels.
    """
    batch, inputs, height, width = x.shape
    _, outputs, rows, columns = kernel.shape
    full = np.zeros(
        (
            batch, groups, outputs,
            (height - 1) * strides[0] + rows, (width - 1) * strides[1] + columns,
        )
    )  # fmt: skip
    split = x.reshape(batch, groups, inputs // groups, height, width)
    parts = kernel.reshape(groups, inputs // groups, outputs, rows, columns)
    for row in range(rows):
        for column in range(columns):
            added = np.einsum("ngihw,gio->ngohw", split, parts[..., row, column], optimize=True)
            down = slice(row, row + (height - 1) * strides[0] + 1, strides[0])
            across = slice(column, column + (width - 1) * strides[1] + 1, strides[1])
            full[..., down, across] += added
    return full.reshape(batch, groups * outputs, *full.shape[3:])


def window(array: Floats, start: tuple[int, int], size: tuple[int, int]) -> Floats:
    """A part of a feature map that may reach beyond it, where zeros are."""
    found = np.zeros((*array.shape[:2], *size))
    places = []
    for axis in (0, 1):
        low = max(start[axis], 0)
        high = min(start[axis] + size[axis], array.shape[2 + axis])
        places.append((slice(low, high), slice(low - start[axis], high - start[axis])))
    (down, into_down), (across, into_across) = places
    if down.start < down.stop and across.start < across.stop:
        found[:, :, into_down, into_across] = array[:, :, down, across]
    return found


def _quotient_sizes(
    kernel: npt.NDArray[Any], resize: Resize, factors: tuple[int, int]
) -> tuple[int, int]:
    rows, columns = (
        int(size) - reach(resize, factor) + 1
        for factor, size in zip(factors, kernel.shape[2:], strict=True)
    )
    return rows, columns


def _least_squares(
    kernel: npt.NDArray[Any], resize: Resize, factors: tuple[int, int], sizes: tuple[int, int]
) -> Fit:
    """The best kernel of some sizes; the problem falls apart into one for each axis."""
    offset, solvers = [], []
    for factor, size, given in zip(factors, sizes, kernel.shape[2:], strict=True):
        matrix = _matrix(stretch(resize, factor), size)
        offset.append((len(matrix) - int(given)) // 2)
        solvers.append(np.linalg.pinv(matrix))
    aim: Floats = zeros((*kernel.shape[:2], *(solver.shape[1] for solver in solvers)), np.float64)
    rows = slice(offset[0], offset[0] + kernel.shape[2])
    columns = slice(offset[1], offset[1] + kernel.shape[3])
    aim[:, :, rows, columns] = kernel
    found = solvers[0] @ aim @ solvers[1].T
    whole = float(np.linalg.norm(aim))
    left = float(np.linalg.norm(aim - product(found, resize, factors)))
    return Fit(found, (offset[0], offset[1]), left / whole if whole else 0.0)


def _matrix(one: Floats, size: int) -> Floats:
    """The matrix that multiplies a one-dimensional kernel of some size by another."""
    made = np.zeros((len(one) + size - 1, size))
    for place in range(size):
        made[place : place + len(one), place] = one
    return made
