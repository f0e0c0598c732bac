"""Partial convolutions: some of the channels look around, the others pass by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from npulint.fixers.building.windows import dense
from npulint.preparing.torch_making import Maker, Numbers, numbers

if TYPE_CHECKING:
    from npulint.preparing.transformations import Transformation


class PartialConvolution(nn.Module):
    """A convolution of the first channels; the others are joined to what it makes as they are.

    Attributes:
        convolution: Of as many channels as it sees, to as many.
        channels: Of the map.
    """

    def __init__(self, convolution: nn.Module, channels: int) -> None:
        super().__init__()
        self.convolution = convolution
        self.channels = channels

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to the same."""
        seen = self.convolution.in_channels
        first, rest = torch.split(image, [seen, self.channels - seen], 1)
        return torch.cat([self.convolution(first), rest], 1)

    def extra_repr(self) -> str:
        """How many channels there are."""
        return f"channels={self.channels}"


def unsuited(module: Any) -> str:
    """Why a convolution cannot become a partial one, empty where it can."""
    if tuple(module.stride) != (1, 1):
        return f"its strides are {tuple(module.stride)}: a partial convolution keeps the size"
    if module.in_channels != module.out_channels:
        return f"it makes {module.out_channels} channels of {module.in_channels}"
    if module.kernel_size == (1, 1):
        return "it looks at one sample, and mixes channels only"
    if module.groups not in (1, module.in_channels):
        return f"it has {module.groups} groups"
    same = tuple(
        (size - 1) * step for size, step in zip(module.kernel_size, module.dilation, strict=True)
    )
    padding = module.padding
    kept = padding == "same" or (
        not isinstance(padding, str) and tuple(2 * each for each in padding) == same
    )
    return "" if kept else "it changes the size of its map"


def partial(module: Any, seen: int, *, depthwise: bool) -> PartialConvolution:
    """The partial convolution that has the first channels' own kernels.

    Args:
        module: A convolution that is not `unsuited`.
        seen: How many channels it looks at.
        depthwise: Whether each of them is looked at by itself.
    """
    kernel = numbers(module.weight)
    if module.groups > 1:
        kernel = kernel[:seen] if depthwise else dense(kernel[:seen], seen)
    else:
        kernel = kernel[:seen, :seen]
        kernel = diagonal(kernel)[0] if depthwise else kernel
    bias = None if module.bias is None else numbers(module.bias)[:seen]
    return PartialConvolution(_like(module, kernel, bias), int(module.in_channels))


def wider(module: PartialConvolution, seen: int) -> PartialConvolution:
    """The same function looking at more channels: those that are new pass by through a one."""
    old: Any = module.convolution
    kernel = numbers(old.weight)
    count, inputs, *window = kernel.shape
    grown = np.zeros((seen, seen if old.groups == 1 else 1, *window), kernel.dtype)
    grown[:count, :inputs] = kernel
    middle = tuple((size - 1) // 2 for size in window)
    for place in range(count, seen):
        where = (place, place if old.groups == 1 else 0, *middle)
        grown[where] = 1
    bias = None
    if old.bias is not None:
        bias = np.concatenate([numbers(old.bias), np.zeros(seen - count, kernel.dtype)])
    return PartialConvolution(_like(old, grown, bias), module.channels)


def depthwise(module: PartialConvolution) -> tuple[PartialConvolution, float]:
    """Each channel by itself, and what is left out of the kernel, relative in RMS."""
    old: Any = module.convolution
    kernel, residual = diagonal(numbers(old.weight))
    bias = None if old.bias is None else numbers(old.bias)
    return PartialConvolution(_like(old, kernel, bias), module.channels), residual


def diagonal(kernel: Numbers) -> tuple[Numbers, float]:
    """`[C, C, kH, kW]` -> `[C, 1, kH, kW]`, and what is left out."""
    places = np.arange(len(kernel))
    kept: Numbers = kernel[places, places][:, None]
    whole = float(np.sum(np.square(kernel, dtype=np.float64)))
    held = float(np.sum(np.square(kept, dtype=np.float64)))
    return kept, float(np.sqrt(max(whole - held, 0.0) / whole)) if whole else 0.0


def seen_by(step: Transformation, channels: int) -> int:
    """How many channels a partial convolution looks at."""
    return channels // step.divisor


def _like(module: Any, kernel: Numbers, bias: Numbers | None) -> nn.Module:
    groups = len(kernel) // kernel.shape[1]
    made = Maker(module.weight, module.bias).conv(
        kernel,
        bias,
        groups if kernel.shape[1] == 1 else 1,
        padding=module.padding,
        dilation=tuple(module.dilation),
        mode=module.padding_mode,
    )
    return made.train(module.training)
