"""DeblurGAN-v2's generator: a feature pyramid on Inception-ResNet-v2.

[H, W, 3] to [H, W, 3], height and width multiples of 16. Batch normalization is folded into
the backbone's convolutions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from npulint.reference_models.layers import (
    Activation,
    AveragePool2D,
    Concatenation,
    Conv2D,
    MaxPool2D,
    Resize,
    Scale,
)
from npulint.reference_models.networks.parts import ADD, RELU, followed

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch, Tensor

BLOCKS_35 = 4
BLOCKS_17 = 16
PYRAMID = 256
HEAD = 128

_POOL = MaxPool2D(3, 2)


class _Block(NamedTuple):
    """Branches side by side, joined, projected, scaled and added to what they were fed with."""

    branches: tuple[tuple[Conv2D, ...], ...]
    scale: float


_BLOCK_35 = _Block(
    (
        (Conv2D(32, 1),),
        (Conv2D(32, 1), Conv2D(32)),
        (Conv2D(32, 1), Conv2D(48), Conv2D(64)),
    ),
    0.17,
)
_BLOCK_17 = _Block(
    ((Conv2D(192, 1),), (Conv2D(128, 1), Conv2D(160, (1, 7)), Conv2D(192, (7, 1)))),
    0.10,
)

_MIXED_5B = (
    (Conv2D(96, 1),),
    (Conv2D(48, 1), Conv2D(64, 5)),
    (Conv2D(64, 1), Conv2D(96), Conv2D(96)),
)
_MIXED_6A = (
    (Conv2D(384, 3, 2),),
    (Conv2D(256, 1), Conv2D(256), Conv2D(384, 3, 2)),
)
_MIXED_7A = (
    (Conv2D(256, 1), Conv2D(384, 3, 2)),
    (Conv2D(256, 1), Conv2D(288, 3, 2)),
    (Conv2D(256, 1), Conv2D(288), Conv2D(320, 3, 2)),
)


def inception_fpn(net: Sketch) -> None:
    """Write the generator: backbone, pyramid, heads and the way back to full resolution."""
    full, *levels = _backbone(net)
    laterals = [
        net.add(f"lateral{i}", Conv2D(PYRAMID, 1, bias=False), level)
        for i, level in enumerate(levels, start=1)
    ]
    maps = laterals[-1:]
    for i, lateral in reversed(list(enumerate(laterals[:-1], start=1))):
        above = _resized(net, f"topdown{i}_resize", maps[-1], lateral)
        y = net.add(f"topdown{i}_add", ADD, lateral, above)
        maps.append(followed(net, f"topdown{i}", Conv2D(PYRAMID), RELU, y))
    heads = [_head(net, f"head{4 - i}", y, maps[-1]) for i, y in enumerate(maps)]
    y = net.add("tail_concat", Concatenation(), *heads)
    y = followed(net, "tail0", Conv2D(HEAD), RELU, y)
    y = _resized(net, "tail0_resize", y, full)
    lateral = net.add("lateral0", Conv2D(HEAD, 1, bias=False), full)
    y = net.add("tail_add", ADD, y, lateral)
    y = followed(net, "tail1", Conv2D(HEAD // 2), RELU, y)
    y = _resized(net, "tail1_resize", y, net.image)
    y = followed(net, "tail2", Conv2D(3), Activation("tanh"), y)
    net.add("residual", ADD, y, net.image)


def _backbone(net: Sketch) -> tuple[Tensor, ...]:
    """Feature maps at a half, a quarter, an eighth, a 16th and a 32nd of the resolution."""
    half = followed(net, "stem0", Conv2D(32, 3, 2), RELU, net.image)
    y = _chain(net, "stem1", (Conv2D(32), Conv2D(64)), half)
    quarter = net.add("stem1_pool", _POOL, y)
    y = _chain(net, "stem2", (Conv2D(80, 1), Conv2D(192)), quarter)
    eighth = net.add("stem2_pool", _POOL, y)
    averaged = net.add("mixed5b_pool", AveragePool2D(3, 1), eighth)
    averaged = followed(net, "mixed5b_pooled", Conv2D(64, 1), RELU, averaged)
    y = _mixed(net, "mixed5b", _MIXED_5B, eighth, averaged)
    for number in range(BLOCKS_35):
        y = _residual(net, f"block35_{number}", _BLOCK_35, y)
    sixteenth = y = _mixed(net, "mixed6a", _MIXED_6A, y, net.add("mixed6a_pool", _POOL, y))
    for number in range(BLOCKS_17):
        y = _residual(net, f"block17_{number}", _BLOCK_17, y)
    last = _mixed(net, "mixed7a", _MIXED_7A, y, net.add("mixed7a_pool", _POOL, y))
    return half, quarter, eighth, sixteenth, last


def _chain(net: Sketch, name: str, convolutions: tuple[Conv2D, ...], y: Tensor) -> Tensor:
    for number, convolution in enumerate(convolutions):
        y = followed(net, f"{name}_conv{number}", convolution, RELU, y)
    return y


def _mixed(
    net: Sketch,
    name: str,
    branches: tuple[tuple[Conv2D, ...], ...],
    image: Tensor,
    *others: Tensor,
) -> Tensor:
    results = [_chain(net, f"{name}_branch{i}", b, image) for i, b in enumerate(branches)]
    return net.add(f"{name}_concat", Concatenation(), *results, *others)


def _residual(net: Sketch, name: str, block: _Block, image: Tensor) -> Tensor:
    y = _mixed(net, name, block.branches, image)
    y = net.add(f"{name}_projection", Conv2D(image.shape.channels, 1), y)
    y = net.add(f"{name}_scale", Scale(block.scale), y)
    y = net.add(f"{name}_add", ADD, y, image)
    return net.add(f"{name}_act", RELU, y)


def _head(net: Sketch, name: str, y: Tensor, finest: Tensor) -> Tensor:
    y = followed(net, f"{name}_conv0", Conv2D(HEAD, bias=False), RELU, y)
    y = followed(net, f"{name}_conv1", Conv2D(HEAD, bias=False), RELU, y)
    return y if y.shape[:2] == finest.shape[:2] else _resized(net, f"{name}_resize", y, finest)


def _resized(net: Sketch, name: str, y: Tensor, like: Tensor) -> Tensor:
    """To the exact size of another map, for odd sizes do not double."""
    return net.add(name, Resize((like.shape.height, like.shape.width), "nearest"), y)
