"""PyNET-V2 Mobile (arXiv 2211.06263) and its variants.

RAW [H, W, 4] to RGB [2H, 2W, 3], height and width multiples of 4 (8 for the slim variants).
What the paper calls joined when levels meet is added in its public code, and added here: only
that gives the published size. The outputs of the lower levels, which only training looks at,
are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from npulint.reference_models.layers import (
    Concatenation,
    Conv2D,
    DepthToSpace,
    GlobalAveragePool,
    InstanceNormalization,
    Margins,
    Pad,
    PRelu,
    Resize,
    Slice,
    SpaceToDepth,
)
from npulint.reference_models.networks.camera_parts import SIGMOID, coloured
from npulint.reference_models.networks.parts import ADD, MULTIPLY, followed

if TYPE_CHECKING:
    from npulint.reference_models.layers import Layer, Sampling
    from npulint.reference_models.network import Sketch, Tensor

_PRELU = PRelu()


@dataclass(frozen=True, slots=True)
class Design:
    """What distinguishes one variant from another.

    Attributes:
        padding: What surrounds the maps that convolutions of 3x3 and 5x5 look at.
        sampling: How maps are enlarged.
        norm: Whether every other slice of a grouped block is normalized.
        slim: Whether all levels work at half their resolution with twice the features.
        separable: Whether enlarged maps are convolved depthwise and then pointwise.
        packed: Whether the input is a mosaic [2H, 2W, 1] that is yet to be unshuffled.
        widths: Features of the three levels, full resolution first.
    """

    padding: Literal["reflect", "zero"] = "reflect"
    sampling: Sampling = "bilinear_half_pixel"
    norm: bool = True
    slim: bool = False
    separable: bool = False
    packed: bool = True
    widths: tuple[int, int, int] = (32, 64, 128)


def pynet_v2(net: Sketch, design: Design | None = None) -> None:
    """Write PyNET-V2 Mobile or one of its variants."""
    _PyNetV2(net, design or Design()).write()


class _PyNetV2:
    def __init__(self, net: Sketch, design: Design) -> None:
        self._net = net
        self._design = design

    def write(self) -> None:
        net, slim = self._net, self._design.slim
        widths = [2 * width if slim else width for width in self._design.widths]
        image = net.image if self._design.packed else net.add("pack", SpaceToDepth(), net.image)
        level1 = self._conv("down1", image, widths[0], stride=2 if slim else 1)
        level2 = followed(net, "down2", Conv2D(widths[1], 2, 2, padding="valid"), _PRELU, level1)
        level3 = followed(net, "down3", Conv2D(widths[2], 2, 2, padding="valid"), _PRELU, level2)
        y = self._level3(level3)
        y = self._level2(self._met("level2", level2, y))
        y = self._met("level1", level1, y)
        y = self._grouped("level1_group0", y, 4, 1)
        y = self._grouped("level1_group1", y, 2, 1)
        if slim:
            y = net.add("unslim", DepthToSpace(), y)
        y = followed(net, "last", Conv2D(16, 1), _PRELU, y)
        y = net.add("shuffle", DepthToSpace(), y)
        coloured(net, "head", self._conv("head", y, 3, act=None))

    def _level3(self, y: Tensor) -> Tensor:
        y = self._grouped("level3_group", y, 4, 2)
        y = self._net.add("level3_places_add", ADD, y, self._by_place("level3_places", y))
        return self._channels_added("level3_channels", y)

    def _level2(self, y: Tensor) -> Tensor:
        return self._channels_added("level2_channels", self._grouped("level2_group", y, 2, 3))

    def _met(self, level: str, image: Tensor, coarser: Tensor) -> Tensor:
        """A level's own map and the enlarged result of the level below."""
        net, features = self._net, image.shape.channels
        own = self._conv(f"{level}_in", image, features)
        y = net.add(f"{level}_met", ADD, own, self._doubled(f"{level}_up", coarser, features))
        mixed = followed(net, f"{level}_mixed", Conv2D(features, 1), _PRELU, y)
        return net.add(f"{level}_mixed_add", ADD, mixed, y)

    def _grouped(self, name: str, image: Tensor, groups: int, passes: int) -> Tensor:
        """Slices of the channels, each convolved by itself, and mixed again."""
        net, channels = self._net, image.shape.channels
        width = channels // groups
        slices: list[Tensor] = []
        for group in range(groups):
            y = net.add(f"{name}_slice{group}", Slice(group * width, (group + 1) * width), image)
            for number in range(passes):
                part = f"{name}_slice{group}_pass{number}"
                z = self._conv(part, y, width, act=None)
                if self._design.norm and group % 2 == 0:
                    z = net.add(f"{part}_norm", InstanceNormalization(1e-3), z)
                y = net.add(f"{part}_add", ADD, net.add(f"{part}_act", _PRELU, z), y)
            slices.append(y)
        y = net.add(f"{name}_joined", Concatenation(), *slices)
        return net.add(f"{name}_add", ADD, net.add(f"{name}_mixed", Conv2D(channels, 1), y), image)

    def _by_place(self, name: str, image: Tensor) -> Tensor:
        channels = image.shape.channels
        y = self._conv(f"{name}_conv", image, channels)
        factors = self._conv(f"{name}_around", y, channels, 5, act=SIGMOID, groups=channels)
        return self._net.add(f"{name}_attended", MULTIPLY, factors, y)

    def _channels_added(self, name: str, image: Tensor) -> Tensor:
        net, channels = self._net, image.shape.channels
        y = self._conv(f"{name}_conv", image, channels)
        factors = y
        for number, kernel in enumerate((1, 3)):
            strided = Conv2D(channels, kernel, 3, padding="valid")
            factors = followed(net, f"{name}_down{number}", strided, _PRELU, factors)
        factors = net.add(f"{name}_pool", GlobalAveragePool(), factors)
        factors = followed(net, f"{name}_squeeze", Conv2D(channels, 1), _PRELU, factors)
        factors = followed(net, f"{name}_excite", Conv2D(channels, 1), SIGMOID, factors)
        y = net.add(f"{name}_attended", MULTIPLY, factors, y)
        return net.add(f"{name}_add", ADD, image, y)

    def _doubled(self, name: str, y: Tensor, features: int) -> Tensor:
        y = self._net.add(f"{name}_resize", Resize(2, self._design.sampling), y)
        if not self._design.separable:
            return self._conv(name, y, features)
        channels = y.shape.channels
        y = self._conv(f"{name}_depthwise", y, channels, act=None, groups=channels)
        return followed(self._net, name, Conv2D(features, 1), _PRELU, y)

    def _conv(  # noqa: PLR0913 - as many as a convolution has settings
        self,
        name: str,
        y: Tensor,
        features: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        groups: int = 1,
        act: Layer | None = _PRELU,
    ) -> Tensor:
        """A convolution with half its kernel around the map."""
        if self._design.padding == "zero":
            layer = Conv2D(features, kernel, stride, groups=groups, padding="symmetric")
            return followed(self._net, name, layer, act, y)
        half = (kernel // 2, kernel // 2)
        y = self._net.add(f"{name}_border", Pad(Margins(half, half), "reflect"), y)
        layer = Conv2D(features, kernel, stride, groups=groups, padding="valid")
        return followed(self._net, name, layer, act, y)
