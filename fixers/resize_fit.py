"""Kernels that, after a resize, do what a transposed convolution does: exactly, or nearly.

A resize by whole factors is itself a transposed convolution: nearest-neighbour with a box, and
bilinear with a tent. Followed by a convolution with a kernel r it is the transposed convolution
with the product `stretch * r` of both kernels. All is computed in float64.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Floats: TypeAlias = "npt.NDArray[np.float64]"
Resize: TypeAlias = Literal["nearest", "bilinear"]

EXACT = 1e-6
"""Largest relative residual that counts as none: kernels are stored in float32."""

_RIDGE = 1e-6
"""Weight of the data-free fit where samples do not say otherwise, by their mean energy."""


_STRIP = 1 << 22
"""Numbers in the windows that are gathered at a time."""


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


def calibrate(
    start: Fit,
    bias: Floats,
    pairs: Iterable[tuple[Floats, Floats]],
    groups: int,
) -> tuple[Fit, float]:
    """Improve a fit on samples: the least squared error of the output there.

    Args:
        start: The data-free fit, which stands where the samples say nothing.
        bias: `[Cout]`, that of the original.
        pairs: For each sample the resized input, cut and padded for a convolution without
            padding, `[N, Cin, H + n - 1, W + n - 1]`, and the original's output `[N, Cout, H, W]`.
        groups: Groups of channels.

    Returns:
        The fit with a bias of its own, and its relative RMS error on the samples.
    """
    inputs, outputs, rows, columns = start.kernel.shape
    each = inputs // groups
    unknowns = each * rows * columns + 1
    gram = np.zeros((groups, unknowns, unknowns))
    moment = np.zeros((groups, unknowns, outputs))
    energy = error = 0.0
    for large, wanted in pairs:
        centred = wanted - bias[:, None, None]
        energy += float(np.square(wanted).sum())
        error += float(np.square(centred).sum())
        for group in range(groups):
            reads = large[:, group * each : (group + 1) * each]
            aims = centred[:, group * outputs : (group + 1) * outputs]
            for taken, aim in _equations(reads, aims, rows, columns):
                gram[group] += taken.T @ taken
                moment[group] += taken.T @ aim
    found = np.empty_like(start.kernel)
    shift = np.empty((groups, outputs))
    for group in range(groups):
        part = slice(group * each, (group + 1) * each)
        # The convolution takes the kernel flipped.
        first = start.kernel[part, :, ::-1, ::-1].transpose(0, 2, 3, 1).reshape(-1, outputs)
        first = np.concatenate((first, np.zeros((1, outputs))))
        ridge = _RIDGE * float(np.trace(gram[group])) / unknowns + np.finfo(np.float64).tiny
        left = moment[group] - gram[group] @ first
        best = first + np.linalg.solve(gram[group] + ridge * np.eye(unknowns), left)
        error += float((best * (gram[group] @ best - 2 * moment[group])).sum())
        kernel = best[:-1].reshape(each, rows, columns, outputs).transpose(0, 3, 1, 2)
        found[part] = kernel[:, :, ::-1, ::-1]
        shift[group] = best[-1]
    relative = float(np.sqrt(max(error, 0.0) / energy)) if energy else 0.0
    made = Fit(found, start.offset, start.residual, bias + shift.reshape(-1))
    return made, relative


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


def _equations(
    large: Floats, aims: Floats, rows: int, columns: int
) -> Iterator[tuple[Floats, Floats]]:
    """Every window as a row `[channel, row, column]`, a one for the bias behind it, and its aim.

    They come in strips, since a window for each output is many times the image.
    """
    batch, channels, _, _ = large.shape
    unknowns = channels * rows * columns
    outputs, height, width = aims.shape[1:]
    strip = max(1, _STRIP // (batch * width * unknowns))
    views = np.lib.stride_tricks.sliding_window_view(large, (rows, columns), (2, 3))
    for top in range(0, height, strip):
        part = slice(top, top + strip)
        flat = views[:, :, part].transpose(0, 2, 3, 1, 4, 5).reshape(-1, unknowns)
        aim = aims[:, :, part].transpose(0, 2, 3, 1).reshape(-1, outputs)
        yield np.concatenate((flat, np.ones((len(flat), 1))), axis=1), aim


def _quotient_sizes(
    kernel: npt.NDArray[Any], resize: Resize, factors: tuple[int, int]
) -> tuple[int, int]:
    rows, columns = (
        int(size) - len(stretch(resize, factor)) + 1
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
    aim = np.zeros((*kernel.shape[:2], *(solver.shape[1] for solver in solvers)))
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
