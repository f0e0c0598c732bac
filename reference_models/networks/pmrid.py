"""PMRID, a denoiser for phones, and the steps of the MOFA roadmap that change it.

[H, W, C] to [H, W, C], height and width multiples of 16. A separable convolution is a depthwise
one without bias and a pointwise one with. The roadmap replaces it by a partial convolution,
which looks around in the first channels only and passes the others by: a divisor says how many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from npulint.reference_models.layers import (
    AveragePool2D,
    Concatenation,
    Conv2D,
    Resize,
    TransposedConv2D,
)
from npulint.reference_models.networks.parts import ADD, RELU, followed

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch, Tensor

ENCODER = ((64, 2), (128, 2), (256, 4), (512, 4))
"""Features and blocks of each stage; the first block halves the resolution."""

DECODER = (64, 32, 32, 16)
"""Features of each stage, each of which doubles the resolution."""

FIRST_FEATURES = 16

Stage = Literal["enc1", "enc2", "enc3", "enc4", "encdec", "dec1", "dec2", "dec3", "dec4"]


@dataclass(frozen=True, slots=True)
class Changes:
    """What the roadmap changes.

    Attributes:
        partial: Whether partial convolutions replace separable ones of stride 1.
        halved: The stages whose partial convolutions look at a half of the channels instead of
            a quarter; never those in a block that halves the resolution.
        upsampled: Whether a convolution and bilinear resizing replace transposed convolutions.
        downsampled: Whether average pooling and a convolution replace those of stride 2.
        depthwise_from: From how many channels on a partial convolution is depthwise.
        in_two: Whether separable convolutions of stride 1 look around in both parts, one after
            the other, which costs what splitting and joining costs and changes nothing else.
    """

    partial: bool = False
    halved: frozenset[Stage] = frozenset()
    upsampled: bool = False
    downsampled: bool = False
    depthwise_from: int | None = None
    in_two: bool = False


ORIGINAL = Changes()

_QUARTER = 4

MIDDLE: frozenset[Stage] = frozenset({"enc3", "dec2"})
CHEAP: frozenset[Stage] = frozenset({"encdec", "dec1", "dec2", "dec3", "dec4"})


def pmrid(net: Sketch, changes: Changes = ORIGINAL, narrower: int = 1) -> None:
    """Write PMRID with the roadmap's changes.

    Args:
        net: Where to write.
        changes: What the roadmap changes.
        narrower: What all its features are divided by.
    """
    _Pmrid(net, changes, narrower).write()


class _Pmrid:
    def __init__(self, net: Sketch, changes: Changes, narrower: int) -> None:
        self._net = net
        self._changes = changes
        self._narrower = narrower

    def write(self) -> None:
        net, narrower = self._net, self._narrower
        y = followed(net, "conv0", Conv2D(FIRST_FEATURES // narrower), RELU, net.image)
        skips = [y]
        for number, (features, blocks) in enumerate(ENCODER, start=1):
            y = self._encoder_stage(f"enc{number}", y, features // narrower, blocks)
            skips.append(y)
        bottom = DECODER[0] // narrower
        y = self._looked_around("encdec", skips.pop(), 3, bottom, self._divisor("encdec"))
        y = net.add("encdec_act", RELU, y)
        for number, features in enumerate(DECODER, start=1):
            y = self._decoder_stage(f"dec{number}", y, skips.pop(), features // narrower)
        y = self._decoder_block("out", y, _QUARTER)
        y = net.add("out_conv", Conv2D(net.image.shape.channels), y)
        net.add("residual", ADD, y, net.image)

    def _encoder_stage(self, stage: str, y: Tensor, features: int, blocks: int) -> Tensor:
        y = self._halving_block(f"{stage}_block0", y, features)
        for number in range(1, blocks):
            block = f"{stage}_block{number}"
            inner = self._looked_around(f"{block}_sep0", y, 5, features // 4, self._divisor(stage))
            inner = self._net.add(f"{block}_sep0_act", RELU, inner)
            inner = self._looked_around(f"{block}_sep1", inner, 5, features, self._divisor(stage))
            y = self._sum(block, inner, y)
        return y

    def _halving_block(self, block: str, image: Tensor, features: int) -> Tensor:
        y = self._halved(f"{block}_sep0", image, 5, features // 4)
        y = self._net.add(f"{block}_sep0_act", RELU, y)
        y = self._looked_around(f"{block}_sep1", y, 5, features, _QUARTER)
        return self._sum(block, y, self._halved(f"{block}_shortcut", image, 3, features))

    def _decoder_stage(self, stage: str, y: Tensor, skip: Tensor, features: int) -> Tensor:
        divisor = self._divisor(stage)
        y = self._decoder_block(stage, y, divisor)
        if self._changes.upsampled:
            y = self._looked_around(f"{stage}_up", y, 3, features, _QUARTER)
            y = self._net.add(f"{stage}_up_resize", Resize(2, "bilinear_half_pixel"), y)
        else:
            y = self._net.add(f"{stage}_up", TransposedConv2D(features), y)
        skip = self._looked_around(f"{stage}_skip", skip, 3, features, divisor)
        skip = self._net.add(f"{stage}_skip_act", RELU, skip)
        return self._net.add(f"{stage}_skip_add", ADD, y, skip)

    def _decoder_block(self, block: str, image: Tensor, divisor: int) -> Tensor:
        features = image.shape.channels
        y = self._looked_around(f"{block}_sep0", image, 3, features, divisor)
        y = self._net.add(f"{block}_sep0_act", RELU, y)
        y = self._looked_around(f"{block}_sep1", y, 3, features, divisor)
        return self._net.add(f"{block}_add", ADD, y, image)

    def _sum(self, block: str, y: Tensor, shortcut: Tensor) -> Tensor:
        return followed(self._net, f"{block}_add", ADD, RELU, y, shortcut)

    def _divisor(self, stage: str) -> int:
        return 2 if stage in self._changes.halved else _QUARTER

    def _halved(self, name: str, y: Tensor, kernel: int, features: int) -> Tensor:
        """A separable convolution of stride 2, or what replaces it."""
        if self._changes.downsampled:
            y = self._net.add(f"{name}_pool", AveragePool2D(), y)
            return self._looked_around(name, y, kernel, features, _QUARTER)
        y = self._net.add(f"{name}_dw", _depthwise(y.shape.channels, kernel, 2), y)
        return self._net.add(f"{name}_pw", Conv2D(features, 1), y)

    def _looked_around(
        self, name: str, y: Tensor, kernel: int, features: int, divisor: int
    ) -> Tensor:
        """A separable convolution of stride 1, or what replaces it."""
        changes, channels = self._changes, y.shape.channels
        if not changes.partial and not changes.in_two:
            y = self._net.add(f"{name}_dw", _depthwise(channels, kernel), y)
            return self._net.add(f"{name}_pw", Conv2D(features, 1), y)
        seen = channels // divisor
        first, second = self._net.split(f"{name}_split", (seen, channels - seen), y)
        if changes.in_two:
            first = self._net.add(f"{name}_dw0", _depthwise(seen, kernel), first)
            second = self._net.add(f"{name}_dw1", _depthwise(channels - seen, kernel), second)
        else:
            first = self._net.add(f"{name}_partial", self._partial(seen, kernel), first)
        y = self._net.add(f"{name}_concat", Concatenation(), first, second)
        return self._net.add(f"{name}_pw", Conv2D(features, 1, bias=changes.in_two), y)

    def _partial(self, channels: int, kernel: int) -> Conv2D:
        threshold = self._changes.depthwise_from
        if threshold is not None and channels >= threshold:
            return _depthwise(channels, kernel)
        return Conv2D(channels, kernel, bias=False)


def _depthwise(channels: int, kernel: int, stride: int = 1) -> Conv2D:
    return Conv2D(channels, kernel, stride, groups=channels, bias=False, padding="symmetric")
