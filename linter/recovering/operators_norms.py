"""Normalisations over axes counted as they are stored."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional


def along(values: torch.Tensor, axis: int, rank: int) -> torch.Tensor:
    """One number a channel, shaped to go with a tensor of some rank."""
    shape = [1] * rank
    shape[axis] = -1
    return values.reshape(shape)


def normalised(x: torch.Tensor, axes: Sequence[int], epsilon: float) -> torch.Tensor:
    """A tensor less its mean and over its standard deviation along axes."""
    mean, deviation = statistics(x, axes, epsilon)
    return (x - mean) / deviation


def statistics(
    x: torch.Tensor, axes: Sequence[int], epsilon: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean and the standard deviation along axes, which stay."""
    axes = tuple(axes)
    mean = x.mean(axes, keepdim=True)
    variance = torch.square(x - mean).mean(axes, keepdim=True)
    return mean, torch.sqrt(variance + epsilon)


def by_statistics(  # noqa: PLR0913 - the operands of a batch norm
    x: torch.Tensor,
    *,
    scale: torch.Tensor,
    shift: torch.Tensor,
    mean: torch.Tensor,
    variance: torch.Tensor,
    epsilon: float,
) -> torch.Tensor:
    """A `[N, C, ...]` tensor normalised by what is stored for each channel."""
    factor = scale / torch.sqrt(variance + epsilon)
    offset = shift - mean * factor
    return x * along(factor, 1, x.ndim) + along(offset, 1, x.ndim)


def by_groups(x: torch.Tensor, groups: int, epsilon: float) -> torch.Tensor:
    """A `[N, C, ...]` tensor normalised over groups of channels and space."""
    parts = x.reshape(x.shape[0], groups, -1)
    return normalised(parts, (2,), epsilon).reshape(x.shape)


def local_response(  # noqa: PLR0913 - the parameters of the operator
    x: torch.Tensor, before: int, after: int, *, alpha: float, beta: float, bias: float
) -> torch.Tensor:
    """A `[N, C, ...]` tensor over a power of sums of squares of neighbouring channels."""
    squares = (x * x).movedim(1, -1)
    flat = squares.reshape(-1, 1, squares.shape[-1])
    size = before + after + 1
    sums = functional.avg_pool1d(functional.pad(flat, (before, after)), size, 1) * size
    around = sums.reshape(squares.shape).movedim(-1, 1)
    return x / (bias + alpha * around) ** beta
