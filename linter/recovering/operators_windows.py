"""Convolutions and pools over `[N, C, spatial...]`, with margins of any sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import TypeAlias

import torch
from torch.nn import functional

from npulint.recovering.operators_site import NoWayError

Margins: TypeAlias = Sequence[tuple[int, int]]
"""Samples added before and after, one pair a spatial axis; negative ones are cut away."""

_CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_TRANSPOSED = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}
_MAXIMA = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_AVERAGES = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}


@dataclass(frozen=True, slots=True)
class Window:
    """A window that slides over the spatial axes.

    Attributes:
        kernel: Its sizes.
        strides: Its steps.
        dilations: Distances of its samples.
        pads: Margins, where `auto` does not tell them.
        auto: `SAME_UPPER`, `SAME_LOWER`, or empty.
        ceil: Whether a last, partial window counts.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    auto: str = ""
    ceil: bool = False

    @property
    def extents(self) -> tuple[int, ...]:
        """From its first to its last sample."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    def margins(self, sizes: Sequence[int]) -> tuple[tuple[int, int], ...]:
        """Margins around a feature map of some spatial sizes."""
        if not self.auto:
            return self.pads
        found = []
        for size, stride, extent in zip(sizes, self.strides, self.extents, strict=True):
            total = max((ceil(size / stride) - 1) * stride + extent - size, 0)
            found.append(shared(total, upper=self.auto == "SAME_UPPER"))
        return tuple(found)

    def beyond(self, sizes: Sequence[int], margins: Margins) -> tuple[int, ...]:
        """Samples by which a last, partial window goes beyond the margins; 0 without one.

        Such a window counts where it begins within the feature map or the margin before it.
        """
        if not self.ceil:
            return (0,) * len(self.kernel)
        found = []
        for size, stride, extent, (before, after) in zip(
            sizes, self.strides, self.extents, margins, strict=True
        ):
            whole = size + before + after
            steps = ceil((whole - extent) / stride)
            if steps * stride >= size + before:
                steps -= 1
            found.append(max(steps * stride + extent - whole, 0))
        return tuple(found)


def shared(total: int, *, upper: bool) -> tuple[int, int]:
    """A margin as its two sides; of an odd one, the upper or the lower side has more."""
    less, more = total // 2, total - total // 2
    return (less, more) if upper else (more, less)


def padded(x: torch.Tensor, margins: Margins, value: float = 0.0) -> torch.Tensor:
    """A feature map with margins around its last axes."""
    if not any(side for pair in margins for side in pair):
        return x
    return functional.pad(x, [side for pair in reversed(margins) for side in pair], value=value)


def convolution(
    x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None, window: Window, groups: int
) -> torch.Tensor:
    """Convolve; the kernel is `[Cout, Cin / groups, ...]`."""
    rank = _spatial(x)
    x = padded(x, window.margins(x.shape[2:]))
    return _CONVOLUTIONS[rank](x, kernel, bias, window.strides, 0, window.dilations, groups)


def transposed(  # noqa: PLR0913 - what a transposed convolution is told
    x: torch.Tensor,
    kernel: torch.Tensor,
    bias: torch.Tensor | None,
    window: Window,
    *,
    groups: int,
    cut: Margins,
) -> torch.Tensor:
    """Convolve, transposed; the kernel is `[Cin, Cout / groups, ...]`.

    Args:
        x: The feature map.
        kernel: The kernel.
        bias: One number a channel of the result, or None.
        window: Strides and dilations.
        groups: Groups of channels.
        cut: What is cut off all that the kernel reaches; negative where there is more.
    """
    whole = _TRANSPOSED[_spatial(x)](
        x, kernel, None, window.strides, 0, 0, groups, window.dilations
    )
    made = padded(whole, [(-before, -after) for before, after in cut])
    if bias is None:
        return made
    return made + bias.reshape(-1, *(1,) * len(window.kernel))


def maximum(x: torch.Tensor, window: Window) -> torch.Tensor:
    """The largest sample in each window."""
    margins = window.margins(x.shape[2:])
    beyond = window.beyond(x.shape[2:], margins)
    around = [(b, a + more) for (b, a), more in zip(margins, beyond, strict=True)]
    x = padded(x, around, -torch.inf)
    return _MAXIMA[_spatial(x)](x, window.kernel, window.strides, 0, window.dilations)


def average(x: torch.Tensor, window: Window, *, padding_counts: bool) -> torch.Tensor:
    """The mean of the samples in each window, with or without those of the margins."""
    sizes = x.shape[2:]
    margins = window.margins(sizes)
    beyond = window.beyond(sizes, margins)
    around = [(b, a + more) for (b, a), more in zip(margins, beyond, strict=True)]
    pool = _AVERAGES[_spatial(x)]
    means = pool(padded(x, around), window.kernel, window.strides)
    counted = [(0, more) for more in beyond] if padding_counts else around
    if not any(side for pair in counted for side in pair):
        return means
    ones = x.new_ones((1, 1, *sizes))
    if padding_counts:
        ones = padded(ones, margins, 1.0)
    return means / pool(padded(ones, counted), window.kernel, window.strides)


def root_of_powers(x: torch.Tensor, window: Window, p: int) -> torch.Tensor:
    """The p-norm of the samples in each window."""
    powers = torch.abs(x) ** p
    around = window.margins(x.shape[2:])
    means = _AVERAGES[_spatial(x)](padded(powers, around), window.kernel, window.strides)
    return (means * prod(window.kernel)) ** (1 / p)


def _spatial(x: torch.Tensor) -> int:
    rank: int = x.ndim - 2
    if rank not in _CONVOLUTIONS:
        raise NoWayError(f"feature maps of rank {x.ndim} are not computed")
    return rank
