"""NAFNet: a U-Net whose blocks multiply halves of their channels instead of an activation.

[H, W, 3] to [H, W, 3], height and width multiples of 2 to the number of stages: the original
pads any other input and crops the output, which a network of fixed size does not need.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from npulint.reference_models.layers import (
    AveragePool2D,
    ChannelScale,
    Concatenation,
    Conv2D,
    DepthToSpace,
    GlobalAveragePool,
    LayerNormalization,
    LocalAveragePool,
    Resize,
)
from npulint.reference_models.networks.parts import ADD, MULTIPLY

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch, Tensor
    from npulint.reference_models.networks.attention_gate import Gate

Norm = Literal["layernorm", "none"]

Pooling = Literal["global", "cumsum", "avgpool"]
"""What means are taken of: the whole map, or squares around each pixel as in arXiv 2112.04491,
by differences of running sums or as one operator."""


@dataclass(frozen=True, slots=True)
class Partial:
    """Convolutions of 3x3 that look around in the first channels only, and pass others by.

    Attributes:
        halved: The stages that look at a half of the channels instead of a quarter.
        depthwise_from: From how many such channels on the convolution is depthwise.
    """

    halved: frozenset[str]
    depthwise_from: int


@dataclass(frozen=True, slots=True)
class Design:
    """What distinguishes one NAFNet from another.

    Attributes:
        width: Features at full resolution; each stage doubles them.
        encoder: Blocks of each stage on the way down.
        middle: Blocks at the bottom.
        decoder: Blocks of each stage on the way up.
        norm: What each half of a block begins with.
        partial: What the roadmap makes of 3x3, strided and upsampling convolutions, if used.
        pooling: What the means of a block are taken of.
        patch: Height and width that the network is trained at; local means are taken of squares
            half as large again.
        gate: The attention on skips, if there is any.
        separable: The stages whose convolutions become a depthwise and a pointwise one, those
            of 1x1 too; `outside` for all that is in no stage.
    """

    width: int
    encoder: tuple[int, ...]
    middle: int
    decoder: tuple[int, ...]
    norm: Norm = "layernorm"
    partial: Partial | None = None
    pooling: Pooling = "global"
    patch: int = 256
    gate: Gate | None = None
    separable: frozenset[str] = frozenset()


def nafnet(net: Sketch, design: Design) -> None:
    """Write a NAFNet."""
    _NafNet(net, design).write()


class _NafNet:
    def __init__(self, net: Sketch, design: Design) -> None:
        self._net = net
        self._design = design

    def write(self) -> None:
        net, design = self._net, self._design
        y = self._conv("intro", Conv2D(design.width), net.image)
        skips: list[Tensor] = []
        for number, blocks in enumerate(design.encoder, start=1):
            y = self._stage(f"enc{number}", y, blocks)
            skips.append(y)
            y = self._halved(f"down{number}", y)
        y = self._stage("middle", y, design.middle)
        for number, blocks in enumerate(design.decoder, start=1):
            skip = skips.pop()
            if design.gate is not None:
                skip = design.gate.write(net, f"gate{number}", skip, y)
            y = self._doubled(f"up{number}", y)
            y = net.add(f"skip{number}_add", ADD, y, skip)
            y = self._stage(f"dec{number}", y, blocks)
        y = self._conv("ending", Conv2D(net.image.shape.channels), y)
        net.add("residual", ADD, y, net.image)

    def _stage(self, stage: str, y: Tensor, blocks: int) -> Tensor:
        for number in range(blocks):
            block = f"{stage}_block{number}"
            y = self._mixed(block, y, self._divisor(stage))
            y = self._fed_forward(block, y)
        return y

    def _mixed(self, block: str, image: Tensor, divisor: int) -> Tensor:
        """The first half of a block: across pixels, and channels by their means."""
        net, features = self._net, image.shape.channels
        y = self._normalized(f"{block}_norm0", image)
        y = self._conv(f"{block}_conv0", Conv2D(2 * features, 1), y)
        y = self._looked_around(f"{block}_dw", y, divisor)
        y = self._gated(f"{block}_gate0", y)
        means = net.add(f"{block}_pool", self._pooling(y), y)
        means = self._conv(f"{block}_attention", Conv2D(features, 1), means)
        y = net.add(f"{block}_attended", MULTIPLY, y, means)
        y = self._conv(f"{block}_conv1", Conv2D(features, 1), y)
        y = net.add(f"{block}_beta", ChannelScale(), y)
        return net.add(f"{block}_add0", ADD, image, y)

    def _fed_forward(self, block: str, image: Tensor) -> Tensor:
        """The second half of a block: within each pixel."""
        net, features = self._net, image.shape.channels
        y = self._normalized(f"{block}_norm1", image)
        y = self._conv(f"{block}_conv2", Conv2D(2 * features, 1), y)
        y = self._gated(f"{block}_gate1", y)
        y = self._conv(f"{block}_conv3", Conv2D(features, 1), y)
        y = net.add(f"{block}_gamma", ChannelScale(), y)
        return net.add(f"{block}_add1", ADD, image, y)

    def _normalized(self, name: str, y: Tensor) -> Tensor:
        return y if self._design.norm == "none" else self._net.add(name, LayerNormalization(), y)

    def _pooling(self, y: Tensor) -> GlobalAveragePool | LocalAveragePool:
        if self._design.pooling == "global":
            return GlobalAveragePool()
        stride = self._net.image.shape.height // y.shape.height
        return LocalAveragePool(3 * self._design.patch // 2 // stride, self._design.pooling)

    def _conv(self, name: str, layer: Conv2D, y: Tensor) -> Tensor:
        """A convolution, or the two that separable stages have for an ungrouped one."""
        stage = name.split("_", maxsplit=1)[0]
        inside = stage.startswith(("enc", "middle", "dec"))
        if layer.groups > 1 or (stage if inside else "outside") not in self._design.separable:
            return self._net.add(name, layer, y)
        channels = y.shape.channels
        depthwise = replace(layer, features=channels, groups=channels)
        y = self._net.add(f"{name}_depthwise", depthwise, y)
        return self._net.add(name, Conv2D(layer.features, 1, bias=layer.bias), y)

    def _gated(self, name: str, y: Tensor) -> Tensor:
        half = y.shape.channels // 2
        first, second = self._net.split(f"{name}_split", (half, half), y)
        return self._net.add(name, MULTIPLY, first, second)

    def _divisor(self, stage: str) -> int:
        partial = self._design.partial
        return 2 if partial and stage in partial.halved else 4

    def _looked_around(self, name: str, y: Tensor, divisor: int) -> Tensor:
        channels, partial = y.shape.channels, self._design.partial
        if partial is None:
            return self._conv(name, Conv2D(channels, groups=channels), y)
        seen = channels // divisor
        groups = seen if seen >= partial.depthwise_from else 1
        first, second = self._net.split(f"{name}_split", (seen, channels - seen), y)
        first = self._conv(name, Conv2D(seen, groups=groups, bias=False), first)
        return self._net.add(f"{name}_concat", Concatenation(), first, second)

    def _halved(self, name: str, y: Tensor) -> Tensor:
        features = 2 * y.shape.channels
        if self._design.partial is None:
            return self._conv(name, Conv2D(features, 2, 2, padding="valid"), y)
        y = self._net.add(f"{name}_pool", AveragePool2D(), y)
        y = self._looked_around(f"{name}_partial", y, 4)
        return self._conv(name, Conv2D(features, 1, bias=False), y)

    def _doubled(self, name: str, y: Tensor) -> Tensor:
        channels = y.shape.channels
        if self._design.partial is None:
            y = self._conv(name, Conv2D(2 * channels, 1, bias=False), y)
            return self._net.add(f"{name}_shuffle", DepthToSpace(order="crd"), y)
        y = self._looked_around(f"{name}_partial", y, 4)
        y = self._conv(name, Conv2D(channels // 2, 1, bias=False), y)
        return self._net.add(f"{name}_resize", Resize(2, "bilinear_half_pixel"), y)
