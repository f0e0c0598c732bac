"""PyNET (arXiv 2002.05509): an inverted pyramid of convolutions of up to 9x9.

RAW [H, W, 4] to RGB [2H, 2W, 3], height and width multiples of 16. The outputs of the lower
levels, which only training looks at, are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import (
    Concatenation,
    Conv2D,
    InstanceNormalization,
    LeakyRelu,
    TransposedConv2D,
)
from npulint.reference_models.networks.camera_parts import HALVE, coloured
from npulint.reference_models.networks.parts import ADD, followed

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch, Tensor

_ACT = LeakyRelu(0.2)
_JOIN = Concatenation()


def pynet(net: Sketch) -> None:
    """Write PyNET from the bottom of the pyramid upwards."""
    _PyNet(net).write()


class _PyNet:
    def __init__(self, net: Sketch) -> None:
        self._net = net

    def write(self) -> None:
        net = self._net
        scales: dict[int, Tensor] = {}
        y = net.image
        for level, features in ((1, 32), (2, 64), (3, 128), (4, 256)):
            scales[level] = self._block(f"scale{level}", y, features, 3, level)
            y = net.add(f"scale{level}_pool", HALVE, scales[level])
        pair = self._level5(y)
        pair = self._level4(scales[4], *pair)
        pair = self._level3(scales[3], *pair)
        pair = self._level2(scales[2], *pair)
        y = self._level1(scales[1], *pair)
        y = self._doubled("level0_up", y, 8)
        coloured(net, "level0", net.add("level0_conv", Conv2D(3), y))

    def _level5(self, y: Tensor) -> tuple[Tensor, Tensor]:
        y = self._block("level5_block0", y, 512, 3, 5)
        for number in (1, 2):
            y = self._added(f"level5_block{number}", y, 512, 3, 5)
        return self._pair(5, self._block("level5_block3", y, 512, 3, 5), 256)

    def _level4(self, scale: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        y = self._block("level4_block0", self._joined("level4_in", scale, first), 256, 3, 4)
        for number in (1, 2):
            y = self._added(f"level4_block{number}", y, 256, 3, 4)
        y = self._block("level4_block3", y, 256, 3, 4)
        y = self._joined("level4_joined", y, second)
        return self._pair(4, self._block("level4_block4", y, 256, 3, 4), 128)

    def _level3(self, scale: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        y = self._joined("level3_in", scale, first)
        for number in range(3):
            y = self._added(f"level3_block{number}", y, 128, 5, 3)
        y = self._joined("level3_skip", self._block("level3_block3", y, 128, 5, 3), scale)
        y = self._joined("level3_joined", y, second)
        return self._pair(3, self._block("level3_block4", y, 128, 3, 3), 64)

    def _level2(self, scale: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        y = self._block("level2_block0", self._joined("level2_in", scale, first), 64, 5, 2)
        y = self._joined("level2_skip0", y, scale)
        for number in (1, 2, 3):
            y = self._added(f"level2_block{number}", y, 64, 7, 2)
        y = self._joined("level2_skip1", self._block("level2_block4", y, 64, 7, 2), scale)
        y = self._joined("level2_joined", self._block("level2_block5", y, 64, 5, 2), second)
        return self._pair(2, self._block("level2_block6", y, 64, 3, 2), 32)

    def _level1(self, scale: Tensor, first: Tensor, second: Tensor) -> Tensor:
        y = self._block("level1_block0", self._joined("level1_in", scale, first), 32, 5, 1)
        y = self._joined("level1_skip0", y, scale)
        y = self._block("level1_block1", y, 32, 7, 1)
        y = self._block("level1_block2", y, 32, 9, 1)
        for number in (3, 4, 5):
            y = self._added(f"level1_block{number}", y, 32, 9, 1)
        y = self._joined("level1_skip1", self._block("level1_block6", y, 32, 7, 1), scale)
        y = self._joined("level1_joined", self._block("level1_block7", y, 32, 5, 1), second)
        y = self._joined("level1_skip2", y, scale)
        return self._block("level1_block8", y, 32, 3, 1)

    def _block(self, name: str, image: Tensor, features: int, largest: int, level: int) -> Tensor:
        """Pairs of convolutions side by side, one pair for each kernel from 3x3 to the largest."""
        branches: list[Tensor] = []
        for kernel in range(3, largest + 1, 2):
            y = image
            for number in range(2):
                conv = f"{name}_k{kernel}_conv{number}"
                y = self._net.add(conv, Conv2D(features, kernel), y)
                if level > 1:
                    y = self._net.add(f"{conv}_norm", InstanceNormalization(1e-3), y)
                y = self._net.add(f"{conv}_act", _ACT, y)
            branches.append(y)
        return branches[0] if len(branches) == 1 else self._joined(f"{name}_joined", *branches)

    def _added(self, name: str, image: Tensor, features: int, largest: int, level: int) -> Tensor:
        y = self._block(name, image, features, largest, level)
        return self._net.add(f"{name}_add", ADD, y, image)

    def _joined(self, name: str, *parts: Tensor) -> Tensor:
        return self._net.add(name, _JOIN, *parts)

    def _pair(self, level: int, y: Tensor, features: int) -> tuple[Tensor, Tensor]:
        """Two enlargements of a level's result, with weights of their own."""
        first, second = (
            self._doubled(f"level{level}_up{number}", y, features) for number in range(2)
        )
        return first, second

    def _doubled(self, name: str, y: Tensor, features: int) -> Tensor:
        layer = TransposedConv2D(features, 3, bias=False)
        return followed(self._net, name, layer, _ACT, y)
