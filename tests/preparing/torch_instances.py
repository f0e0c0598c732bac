"""Random modules of every class that has ways, in float64, with inputs that suit them."""

from __future__ import annotations

import random
from collections.abc import Iterator

import torch
from torch import nn


class ChannelNorm(nn.Module):
    """A layer norm over channels as image restoration networks spell it."""

    def __init__(self, channels: int, epsilon: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = epsilon

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.mean(1, keepdim=True)
        variance = (x - mean).pow(2).mean(1, keepdim=True)
        x = (x - mean) / (variance + self.eps).sqrt()
        return self.weight.view(1, -1, 1, 1) * x + self.bias.view(1, -1, 1, 1)


def shaken(module: nn.Module, seed: int) -> nn.Module:
    """The module in float64 with parameters and statistics that no formula is easy with."""
    generator = torch.Generator().manual_seed(seed)
    module = module.double().eval()
    with torch.no_grad():
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if not tensor.is_floating_point():
                continue
            drawn = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
            tensor.copy_(drawn.abs() + 0.5 if "var" in name else drawn)
    return module


def transposed(seed: int) -> tuple[nn.Module, tuple[int, ...]]:
    """A transposed convolution of any kernel, stride, padding, groups and dilation."""
    draw = random.Random(seed)
    groups = draw.choice((1, 1, 2, 3))
    stride = draw.choice((1, 2, 2, 3, 4))
    strides = (stride, stride) if draw.random() < 0.8 else (stride, draw.choice((1, 2, 3)))
    dilation = draw.choice((1, 1, 2))
    kernel = (draw.randint(1, 6), draw.randint(1, 6))
    reach = [(size - 1) * dilation + 1 for size in kernel]
    most = max(*strides, dilation) - 1
    extra = tuple(draw.randint(0, min(most, max(step, dilation) - 1)) for step in strides)
    height, width = draw.randint(2, 6), draw.randint(2, 6)
    padding = tuple(
        draw.randint(0, max(0, min(size + 1, ((count - 1) * step + size + more - 1) // 2)))
        for size, step, count, more in zip(reach, strides, (height, width), extra, strict=True)
    )
    module = nn.ConvTranspose2d(
        groups * draw.randint(1, 3), groups * draw.randint(1, 2), kernel, strides, padding, extra,
        groups, draw.random() < 0.7, dilation,
    )  # fmt: skip
    return shaken(module, seed), (draw.randint(1, 2), module.in_channels, height, width)


def convolution(seed: int) -> tuple[nn.Module, tuple[int, ...]]:
    """A convolution with any kernel, stride, padding and its mode, groups, dilation."""
    draw = random.Random(seed)
    groups = draw.choice((1, 2, 3, 4))
    kernel = (draw.randint(1, 4), draw.randint(1, 4))
    mode = draw.choice(("zeros", "zeros", "reflect", "replicate", "circular"))
    padding: object = (draw.randint(0, 2), draw.randint(0, 2))
    stride = draw.choice((1, 1, 2, 3))
    if stride == 1 and draw.random() < 0.3:
        padding = draw.choice(("same", "valid"))
    module = nn.Conv2d(
        groups * draw.randint(1, 3), groups * draw.randint(1, 3), kernel, stride, padding,
        draw.choice((1, 2, 3)), groups, draw.random() < 0.7, mode,
    )  # fmt: skip
    return shaken(module, seed), (2, module.in_channels, draw.randint(10, 14), draw.randint(10, 14))


def others() -> Iterator[tuple[str, nn.Module, tuple[int, ...]]]:
    """Every other class, in each of its forms."""
    image = (2, 12, 5, 7)
    for block in (2, 3):
        yield f"shuffle-{block}", nn.PixelShuffle(block), (2, 2 * block**2, 4, 5)
        yield f"unshuffle-{block}", nn.PixelUnshuffle(block), (2, 3, 2 * block, 3 * block)
    for factor in (2, 3, (1, 2), (3, 2)):
        yield f"nearest-{factor}", nn.Upsample(scale_factor=factor), image
    yield "nearest-same", nn.Upsample(scale_factor=1), image
    yield "nearest-size", nn.Upsample(size=(10, 21)), image
    yield "nearest-2d", nn.UpsamplingNearest2d(scale_factor=2), image
    for factor in (2, 3, 4):
        yield f"bilinear-{factor}", nn.Upsample(scale_factor=factor, mode="bilinear"), image
    corners = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
    yield "bilinear-corners", corners, image
    yield "bilinear-odd", nn.Upsample(size=(8, 9), mode="bilinear"), image
    yield "bilinear-down", nn.Upsample(size=(2, 3), mode="bilinear"), image
    for name, module in (
        ("silu", nn.SiLU()), ("hardswish", nn.Hardswish()), ("hardsigmoid", nn.Hardsigmoid()),
        ("sigmoid", nn.Sigmoid()), ("tanh", nn.Tanh()), ("elu", nn.ELU()),
        ("softplus", nn.Softplus()), ("gelu-tanh", nn.GELU(approximate="tanh")),
        ("leaky", nn.LeakyReLU(0.2)), ("leaky-above-1", nn.LeakyReLU(1.5)),
        ("prelu", nn.PReLU(12)), ("prelu-one", nn.PReLU()), ("mean", nn.AdaptiveAvgPool2d(1)),
        ("instance", nn.InstanceNorm2d(12, affine=True)), ("instance-bare", nn.InstanceNorm2d(12)),
        ("group", nn.GroupNorm(3, 12)), ("group-one", nn.GroupNorm(1, 12, affine=False)),
        ("layer-last", nn.LayerNorm(7)), ("layer-map", nn.LayerNorm((12, 5, 7))),
        ("batch", nn.BatchNorm2d(12)), ("batch-bare", nn.BatchNorm2d(12, affine=False)),
    ):  # fmt: skip
        yield name, module, image
