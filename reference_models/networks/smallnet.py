"""SmallNet, the smartphone camera pipeline of team dh_isp in the Mobile AI 2021 challenge.

RAW [H, W, 4] to RGB [2H, 2W, 3]. The paper's words fix every layer, and the size of the
converted file comes out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.reference_models.layers import Activation, Conv2D, DepthToSpace

if TYPE_CHECKING:
    from npulint.reference_models.network import Sketch


def smallnet(net: Sketch) -> None:
    """Write SmallNet: three convolutions and one pixel shuffle."""
    y = net.add("conv1", Conv2D(16), net.image)
    y = net.add("tanh1", Activation("tanh"), y)
    y = net.add("conv2", Conv2D(16), y)
    y = net.add("relu2", Activation("relu"), y)
    y = net.add("conv3", Conv2D(12), y)
    y = net.add("relu3", Activation("relu"), y)
    net.add("upsample", DepthToSpace(), y)
