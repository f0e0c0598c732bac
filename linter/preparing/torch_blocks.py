"""Modules that replacements are made of, where PyTorch has none of its own: [N, C, H, W]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class Margins(nn.Module):
    """Zeros around a map, or samples of its border cut away where a count is negative."""

    def __init__(self, top: int, bottom: int, left: int, right: int) -> None:
        super().__init__()
        self.sides = (top, bottom, left, right)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Cut, then pad."""
        top, bottom, left, right = self.sides
        if min(self.sides) < 0:
            height, width = image.shape[2:]
            image = image[
                :,
                :,
                max(-top, 0) : height - max(-bottom, 0),
                max(-left, 0) : width - max(-right, 0),
            ]
        if max(self.sides) > 0:
            image = F.pad(image, [max(side, 0) for side in (left, right, top, bottom)])
        return image

    def extra_repr(self) -> str:
        """Its sides."""
        return "top={}, bottom={}, left={}, right={}".format(*self.sides)


class RepeatedBorder(nn.Module):
    """A map with one more sample on each side, equal to the border."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Join slices: few targets pad with the border's own samples."""
        image = torch.cat([image[:, :, :1], image, image[:, :, -1:]], 2)
        return torch.cat([image[:, :, :, :1], image, image[:, :, :, -1:]], 3)


class ZeroInsertion(nn.Module):
    """Zeros after each sample, so that a convolution of stride 1 does what a transposed one does.

    Zeros go in by padding axes of size 1 that are made for it, in 4 dimensions throughout.
    """

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.rows, self.columns = rows, columns

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, C, H*rows, W*columns]."""
        batch, channels, height, width = image.shape
        if self.columns > 1:
            image = image.reshape(batch, channels, height * width, 1)
            image = F.pad(image, [0, self.columns - 1])
        width = width * self.columns
        if self.rows > 1:
            image = image.reshape(batch * channels, height, 1, width)
            image = F.pad(image, [0, 0, 0, self.rows - 1])
        return image.reshape(batch, channels, height * self.rows, width)

    def extra_repr(self) -> str:
        """Its strides."""
        return f"rows={self.rows}, columns={self.columns}"


class DepthToSpaceByTransposes(nn.Module):
    """`nn.PixelShuffle` by two transpositions of 4 dimensions, for any batch."""

    def __init__(self, block: int) -> None:
        super().__init__()
        self.block = block

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """[N, C*s*s, H, W] to [N, C, H*s, W*s]."""
        block = self.block
        batch, channels, height, width = image.shape
        features = channels // block**2
        image = image.reshape(batch * features * block, block, height * width, 1)
        image = image.transpose(1, 2)
        image = image.reshape(batch * features, block, height, width * block)
        image = image.transpose(1, 2)
        return image.reshape(batch, features, height * block, width * block)

    def extra_repr(self) -> str:
        """Its block."""
        return f"block={self.block}"


class SpaceToDepthByTransposes(nn.Module):
    """`nn.PixelUnshuffle` by two transpositions of 4 dimensions, for any batch."""

    def __init__(self, block: int) -> None:
        super().__init__()
        self.block = block

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """[N, C, H*s, W*s] to [N, C*s*s, H, W]."""
        block = self.block
        batch, channels, height, width = image.shape
        rows, columns = height // block, width // block
        image = image.reshape(batch * channels, rows, block, width)
        image = image.transpose(1, 2)
        image = image.reshape(batch * channels * block, rows * columns, block, 1)
        image = image.transpose(1, 2)
        return image.reshape(batch, channels * block**2, rows, columns)

    def extra_repr(self) -> str:
        """Its block."""
        return f"block={self.block}"


class Repetition(nn.Module):
    """Nearest-neighbour enlargement by whole factors: samples joined with copies of themselves."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.factors = (rows, columns)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, C, H*rows, W*columns], in 3 dimensions."""
        batch, channels, height, width = image.shape
        rows, columns = self.factors
        if rows > 1:
            image = image.reshape(batch * channels * height, 1, width)
            image = torch.cat([image] * rows, 1)
        if columns > 1:
            image = image.reshape(batch * channels * height * rows * width, 1, 1)
            image = torch.cat([image] * columns, 1)
        return image.reshape(batch, channels, height * rows, width * columns)

    def extra_repr(self) -> str:
        """Its factors."""
        return "rows={}, columns={}".format(*self.factors)


class Separable(nn.Module):
    """Any linear resampling: the product along each axis by a matrix of what each sample counts."""

    def __init__(self, rows: torch.Tensor, columns: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("rows", rows)
        self.register_buffer("columns", columns)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, C, len(rows), len(columns)]."""
        batch, channels, height, width = image.shape
        tall, wide = self.rows.shape[0], self.columns.shape[0]
        image = F.linear(image.reshape(batch * channels * height, width), self.columns)
        image = image.reshape(batch, channels, height, wide).transpose(2, 3)
        image = F.linear(image.reshape(batch * channels * wide, height), self.rows)
        return image.reshape(batch, channels, wide, tall).transpose(2, 3)


class ByGroup(nn.Module):
    """A grouped convolution as one convolution for each group of channels."""

    def __init__(self, parts: Sequence[nn.Module], each: int) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.each = each

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Convolve every slice of the channels and join what comes out."""
        made = [
            part(image[:, number * self.each : (number + 1) * self.each])
            for number, part in enumerate(self.parts)
        ]
        return torch.cat(made, 1)


class SumOfConvolutions(nn.Module):
    """The convolution of several maps behind one another, without joining them."""

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, *images: torch.Tensor) -> torch.Tensor:
        """Convolve each by its part of the weights, and add."""
        made = [part(image) for part, image in zip(self.parts, images, strict=True)]
        total = made[0]
        for each in made[1:]:
            total = total + each
        return total


class JoinedConvolution(nn.Module):
    """Maps behind one another, and a convolution: what a pattern of both is as it stands."""

    def __init__(self, convolution: nn.Module) -> None:
        super().__init__()
        self.convolution = convolution

    def forward(self, *images: torch.Tensor) -> torch.Tensor:
        """Join and convolve."""
        result: torch.Tensor = self.convolution(torch.cat(images, 1))
        return result


def held(found: Any, known: Any) -> None:
    """Refuse sizes for which a network's code would decide otherwise than for its example.

    Raises:
        ValueError: It would.
    """
    if type(known)(found) != known:
        raise ValueError(
            f"this network was prepared for sizes for which its code finds {known} where it finds "
            f"{found} now: prepare it for these sizes"
        )


def sized(image: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """A map, if it has the size that the network's code asked for.

    Raises:
        ValueError: It has another one.
    """
    wanted = tuple(int(each) for each in size)
    if tuple(image.shape[2:]) != wanted:
        raise ValueError(
            f"this network was prepared for sizes at which a map of {tuple(image.shape[2:])} is "
            f"wanted, and here it is one of {wanted}: prepare it for these sizes"
        )
    return image
