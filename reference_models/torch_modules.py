"""Modules for layers that PyTorch has no module for: [N, C, H, W] in and out."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from npulint.reference_models.layers import Margins
from npulint.reference_models.torch_onnx import Attributes, one_node


class Concatenation(nn.Module):
    """Maps behind each other along the channels."""

    def forward(self, *images: torch.Tensor) -> torch.Tensor:
        """Join them."""
        return torch.cat(images, dim=1)


class Split(nn.Module):
    """One map into several along the channels."""

    def __init__(self, parts: tuple[int, ...]) -> None:
        super().__init__()
        self.parts = parts

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Divide it."""
        return tuple(torch.split(image, list(self.parts), dim=1))


class Slice(nn.Module):
    """Some of the channels."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.channels = slice(start, stop)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Take them."""
        return image[:, self.channels]


class Crop(nn.Module):
    """A map without its border."""

    def __init__(self, margins: Margins) -> None:
        super().__init__()
        self.margins = margins

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Take the border away."""
        (top, bottom), (left, right) = self.margins
        return image[:, :, top : -bottom or None, left : -right or None]


class Arithmetic(nn.Module):
    """Two maps into one."""

    def __init__(self, operation: str) -> None:
        super().__init__()
        self.operation = operation

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Compute it."""
        if self.operation == "add":
            return first + second
        return first - second if self.operation == "subtract" else first * second


class Scale(nn.Module):
    """Multiplication by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Multiply."""
        return image * self.factor


class Offset(nn.Module):
    """Addition of a constant."""

    def __init__(self, amount: float) -> None:
        super().__init__()
        self.amount = amount

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Add."""
        return image + self.amount


class ChannelScale(nn.Module):
    """One trainable factor a channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.empty(1, channels, 1, 1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Multiply."""
        return image * self.gain


class LayerNormalization(nn.Module):
    """Each pixel over its channels, written out as image restoration networks write it."""

    def __init__(self, channels: int, epsilon: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.empty(1, channels, 1, 1))
        self.shift = nn.Parameter(torch.empty(1, channels, 1, 1))
        self.epsilon = epsilon

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Normalize."""
        centred = image - image.mean(1, keepdim=True)
        variance = (centred * centred).mean(1, keepdim=True)
        return centred / torch.sqrt(variance + self.epsilon) * self.scale + self.shift


class LocalAveragePool(nn.Module):
    """The mean of a window around each pixel, wholly inside the map."""

    def __init__(self, window: tuple[int, int], margins: Margins, form: str) -> None:
        super().__init__()
        self.window = window
        self.form = form
        self.border = (*margins.columns, *margins.rows)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Average."""
        if self.form == "avgpool":
            means = F.avg_pool2d(image, self.window, stride=1)
        else:
            means = self._differences(image)
        return F.pad(means, self.border, mode="replicate")

    def _differences(self, image: torch.Tensor) -> torch.Tensor:
        height, width = self.window
        sums = F.pad(image.cumsum(dim=3).cumsum(dim=2), (1, 0, 1, 0))
        first, second = sums[:, :, :-height, :-width], sums[:, :, :-height, width:]
        third, fourth = sums[:, :, height:, :-width], sums[:, :, height:, width:]
        return (fourth + first - second - third) / (height * width)


class DepthToSpace(nn.Module):
    """TensorFlow's order; PyTorch's own pixel shuffle is the other one."""

    def __init__(self, block: int) -> None:
        super().__init__()
        self.block = block

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Channels to pixels."""
        attributes: Attributes = {"blocksize": self.block, "mode": "DCR"}
        return one_node("DepthToSpace", attributes, self._compute, (image,))

    def _compute(self, image: torch.Tensor) -> torch.Tensor:
        block = self.block
        batch, channels, height, width = image.shape
        features = channels // block**2
        blocks = image.reshape(batch, block, block, features, height, width)
        return blocks.permute(0, 3, 4, 1, 5, 2).reshape(
            batch, features, height * block, width * block
        )


class SpaceToDepth(nn.Module):
    """TensorFlow's order, as ONNX has it; PyTorch's own pixel unshuffle is the other one."""

    def __init__(self, block: int) -> None:
        super().__init__()
        self.block = block

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Pixels to channels."""
        return one_node("SpaceToDepth", {"blocksize": self.block}, self._compute, (image,))

    def _compute(self, image: torch.Tensor) -> torch.Tensor:
        block = self.block
        batch, channels, height, width = image.shape
        blocks = image.reshape(batch, channels, height // block, block, width // block, block)
        return blocks.permute(0, 3, 5, 1, 2, 4).reshape(
            batch, channels * block**2, height // block, width // block
        )


class Resize(nn.Module):
    """Interpolation as PyTorch does it: nearest from asymmetric, bilinear from half pixels."""

    def __init__(self, size: tuple[int, int], mode: str) -> None:
        super().__init__()
        self.size = size
        self.mode = mode

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Interpolate."""
        return F.interpolate(image, size=self.size, mode=self.mode)


class AsymmetricResize(nn.Module):
    """Bilinear interpolation at i * in / out, which PyTorch does not offer."""

    def __init__(self, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("sizes", torch.tensor([1, channels, *size]), persistent=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Interpolate."""
        attributes = {"coordinate_transformation_mode": "asymmetric", "mode": "linear"}
        return one_node("Resize", attributes, self._compute, (image, None, None, self.sizes))

    def _compute(self, image: torch.Tensor) -> torch.Tensor:
        for axis, size in zip((2, 3), self.size, strict=True):
            length = image.shape[axis]
            place = torch.arange(size, device=image.device, dtype=torch.float32) * (length / size)
            before = place.floor().long()
            after = (before + 1).clamp(max=length - 1)
            part = (place - before).reshape((-1, 1) if axis == 2 else (-1,))
            low, high = image.index_select(axis, before), image.index_select(axis, after)
            image = low + (high - low) * part
        return image
