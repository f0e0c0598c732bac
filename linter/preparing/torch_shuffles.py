"""Pixels from channels and channels from pixels, without the operators for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from npulint.fixers.building.bounds import picking, zeros
from npulint.fixers.moving.shuffles import slow
from npulint.preparing.torch_blocks import DepthToSpaceByTransposes, SpaceToDepthByTransposes
from npulint.preparing.torch_making import Maker, chain, fixed
from npulint.preparing.torch_ways import Way
from npulint.reference_models.torch_modules import DepthToSpace

if TYPE_CHECKING:
    from collections.abc import Callable

    from npulint.preparing.torch_ways import Site, Ways

SHUFFLES: Mapping[str, Callable[[int], nn.Module]] = {
    "": nn.PixelShuffle,
    " + shuffle/channel-order": DepthToSpace,
    " + shuffle/transposes": DepthToSpaceByTransposes,
}
"""Pixels from channels behind a convolution, whose channels come in the order that it takes."""


def in_order(count: int, block: int, name: str) -> list[int]:
    """Which channel of PyTorch's order comes where, for one of `SHUFFLES`."""
    return slow(count, block) if name.endswith("channel-order") else list(range(count))


def _shuffle(module: nn.Module, site: Site) -> Iterator[Way]:
    block, channels = module.upscale_factor, site.image[1]
    yield Way("shuffle/transposes", partial(DepthToSpaceByTransposes, block))
    yield Way("shuffle/one-hot-order", partial(_ordered, Maker(site.like), block, channels))
    yield Way("shuffle/one-hot-conv", partial(_spread, Maker(site.like), block, channels))


def _ordered(maker: Maker, block: int, channels: int) -> nn.Module:
    """A 1x1 convolution that puts the channels into the order of ONNX's other mode."""
    kernel = picking(slow(channels, block), channels)[:, :, None, None]
    return chain(order=fixed(maker.conv(kernel, None)), shuffle=DepthToSpace(block))


def _spread(maker: Maker, block: int, channels: int) -> nn.Module:
    """A transposed convolution that puts each channel of a block at its pixel."""
    kernel = zeros((channels, 1, block, block), np.float32)
    for place in range(channels):
        row, column = divmod(place % block**2, block)
        kernel[place, 0, row, column] = 1
    made = maker.transposed(kernel, (block, block), channels // block**2)
    return fixed(made)


def _unshuffle(module: nn.Module, site: Site) -> Iterator[Way]:
    block, channels = module.downscale_factor, site.image[1]
    yield Way("shuffle/transposes", partial(SpaceToDepthByTransposes, block))
    yield Way("shuffle/one-hot-conv", partial(_gathered, Maker(site.like), block, channels))


def _gathered(maker: Maker, block: int, channels: int) -> nn.Module:
    """A convolution with the block as its stride that picks each pixel of a block."""
    kernel = zeros((channels * block**2, 1, block, block), np.float32)
    for place in range(channels * block**2):
        row, column = divmod(place % block**2, block)
        kernel[place, 0, row, column] = 1
    return fixed(maker.conv(kernel, None, channels, stride=(block, block)))


WAYS: Mapping[type[nn.Module], Ways] = {
    nn.PixelShuffle: _shuffle,
    nn.PixelUnshuffle: _unshuffle,
}
