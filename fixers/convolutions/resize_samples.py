"""The kernel that comes nearest on samples to what another convolution makes of something else.

After a resize to a transposed convolution, or after an average pool to a strided one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from npulint.fixers.convolutions.resize_fit import Fit, Floats
from npulint.fixers.record import Refusal

_RIDGES = (1e-6, 1e-4, 1e-2, 1.0)
"""Weights of the data-free fit that are tried, by the mean energy of the samples."""

_FIRM = 1e-2
"""That with a single sample, when there is none to try them on."""


_STRIP = 1 << 22
"""Numbers in the windows that are gathered at a time."""


_MOST_UNKNOWNS = 4096
"""Weights of one output channel that are fitted to samples; the equations hold their square."""


def too_many(unknowns: int, groups: int) -> Refusal | None:
    """Why a kernel is not fitted whose every output hangs on so many weights."""
    if unknowns**2 * groups <= _MOST_UNKNOWNS**2:
        return None
    return Refusal(
        f"{unknowns:,} weights reach each output of each of {groups:,} groups; at most "
        f"{_MOST_UNKNOWNS:,} in one are fitted to samples"
    )


def calibrate(
    start: Fit,
    bias: Floats,
    pairs: Iterable[tuple[Floats, Floats]],
    groups: int,
) -> tuple[Fit, float]:
    """Improve a fit on samples: the least squared error of the output there.

    How far the fit may leave the data-free one is told by samples that it was not fitted to: few
    samples of many channels can be met by kernels that are of no use on any other.

    Args:
        start: The data-free fit, which stands where the samples say nothing.
        bias: `[Cout]`, that of the original.
        pairs: For each sample what is convolved instead, cut and padded for a convolution without
            padding, `[N, Cin, H + n - 1, W + n - 1]`, and the original's output `[N, Cout, H, W]`.
        groups: Groups of channels.

    Returns:
        The fit with a bias of its own, and its relative RMS error on samples that it was not
        fitted to; with a single sample that on this one.
    """
    halves, whole = _gather(start, bias, pairs, groups)
    first = _as_columns(start.kernel, groups)
    crossed = [(halves[0], halves[1]), (halves[1], halves[0])]
    if not halves[1].count:
        crossed = [(halves[0], halves[0])]
    errors = {
        ridge: sum(judge.error(one.solve(first, ridge)) for one, judge in crossed)
        for ridge in ((_FIRM,) if len(crossed) == 1 else (*_RIDGES, math.inf))
    }
    ridge = min(errors, key=lambda each: errors[each])
    columns = (halves[0] + halves[1]).solve(first, ridge)
    relative = math.sqrt(max(errors[ridge], 0.0) / whole) if whole else 0.0
    kernel = _as_kernel(columns[:, :-1], start.kernel.shape)
    shifted = bias + columns[:, -1].reshape(-1)
    return Fit(kernel, start.offset, start.residual, shifted), relative


@dataclass(slots=True, eq=False)
class _Normal:
    """Normal equations, one set a group, and what they were made of.

    Attributes:
        gram: `[groups, u, u]` for u unknowns: windows times windows.
        moment: `[groups, u, outputs]`: windows times what they are to give.
        energy: Of what they are to give.
        count: Samples in it.
    """

    gram: Floats
    moment: Floats
    energy: float = 0.0
    count: int = 0

    def __add__(self, other: _Normal) -> _Normal:
        return _Normal(
            self.gram + other.gram,
            self.moment + other.moment,
            self.energy + other.energy,
            self.count + other.count,
        )

    def solve(self, first: Floats, ridge: float) -> Floats:
        """The best columns; a ridge, by the windows' mean energy, holds them to the first."""
        if math.isinf(ridge):
            return first
        unknowns = self.gram.shape[1]
        found = np.empty_like(first)
        for group, gram in enumerate(self.gram):
            weight = ridge * float(np.trace(gram)) / unknowns + np.finfo(np.float64).tiny
            left = self.moment[group] - gram @ first[group]
            found[group] = first[group] + np.linalg.solve(gram + weight * np.eye(unknowns), left)
        return found

    def error(self, columns: Floats) -> float:
        """Squared error of some columns."""
        return self.energy + float((columns * (self.gram @ columns - 2 * self.moment)).sum())


def _gather(
    start: Fit, bias: Floats, pairs: Iterable[tuple[Floats, Floats]], groups: int
) -> tuple[tuple[_Normal, _Normal], float]:
    """The equations of every other sample and of those between, and the energy of all outputs."""
    inputs, outputs, rows, columns = start.kernel.shape
    each = inputs // groups
    unknowns = each * rows * columns + 1
    one, other = (
        _Normal(np.zeros((groups, unknowns, unknowns)), np.zeros((groups, unknowns, outputs)))
        for _ in range(2)
    )
    whole = 0.0
    for place, (large, wanted) in enumerate(pairs):
        half = other if place % 2 else one
        centred = wanted - bias[:, None, None]
        whole += float(np.square(wanted).sum())
        half.energy += float(np.square(centred).sum())
        half.count += 1
        for group in range(groups):
            reads = large[:, group * each : (group + 1) * each]
            aims = centred[:, group * outputs : (group + 1) * outputs]
            for taken, aim in _equations(reads, aims, rows, columns):
                half.gram[group] += taken.T @ taken
                half.moment[group] += taken.T @ aim
    return (one, other), whole


def _as_columns(kernel: Floats, groups: int) -> Floats:
    """`[Cin, Cout/g, n, n]` -> `[g, Cin/g*n*n + 1, Cout/g]`, flipped, and zeros for the bias."""
    inputs, outputs, rows, columns = kernel.shape
    split = kernel.reshape(groups, inputs // groups, outputs, rows, columns)[..., ::-1, ::-1]
    flat = split.transpose(0, 1, 3, 4, 2).reshape(groups, -1, outputs)
    return np.concatenate((flat, np.zeros((groups, 1, outputs))), axis=1)


def _as_kernel(columns: Floats, shape: tuple[int, ...]) -> Floats:
    """The way back, without the bias."""
    inputs, outputs, rows, width = shape
    split = columns.reshape(len(columns), -1, rows, width, outputs).transpose(0, 1, 4, 2, 3)
    kernel: Floats = split.reshape(inputs, outputs, rows, width)[:, :, ::-1, ::-1]
    return kernel


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
