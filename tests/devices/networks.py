"""Miniatures of the paper's networks: their operators and how these follow one another.

Depth and widths are cut down, what the footnotes speak of is kept: how a U-Net upsamples and
rectifies, what is concatenated with what, which windows a convolution has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

from npulint.model import Model
from tests.devices.drawing import Drawing

Upsampling = Literal["TransposeConv", "DepthToSpace", "ResizeBilinear"]
HEIGHT, WIDTH = 720, 1280


def unet(
    upsampling: Upsampling,
    rectifier: Literal["Relu", "PRelu"],
    dtype: str = "float32",
    widths: tuple[int, ...] = (24, 48, 104),
) -> Model:
    net = Drawing(HEIGHT, WIDTH, dtype=dtype)

    def block(x: int, width: int) -> int:
        for _ in range(2):
            x = net.conv(x, width)
            x = net.prelu(x) if rectifier == "PRelu" else x
        return x

    *levels, bottom = widths
    x = net.image
    skips = []
    for width in levels:
        x = block(x, width)
        skips.append(x)
        x = net.pool(x)
    x = block(x, bottom)
    for width, skip in zip(reversed(levels), reversed(skips), strict=True):
        up: Mapping[Upsampling, Callable[[int], int]] = {
            "TransposeConv": partial(net.transpose_conv, channels=width),
            "DepthToSpace": net.depth_to_space,
            "ResizeBilinear": net.resize,
        }
        x = block(net.concat(skip, up[upsampling](x)), width)
    net.conv(x, 3)
    return net.model()


def edsr() -> Model:
    net = Drawing(HEIGHT, WIDTH)
    x = first = net.conv(net.image, 36)
    for _ in range(2):
        x = net.pair("ADD", net.conv(net.conv(x, 36), 36), x)
    net.conv(net.pair("ADD", net.conv(x, 36), first), 3)
    return net.model()


def rdn() -> Model:
    net = Drawing(HEIGHT, WIDTH)
    first = net.conv(net.image, 32)
    x = net.conv(first, 32)
    blocks = []
    for _ in range(2):
        dense = x
        for _ in range(2):
            dense = net.concat(dense, net.conv(dense, 16))
        x = net.pair("ADD", net.conv(dense, 32, 1), x)
        blocks.append(x)
    x = net.conv(net.conv(net.concat(*blocks), 32, 1), 32)
    net.conv(net.pair("ADD", x, first), 3)
    return net.model()


def dbpn() -> Model:
    net = Drawing(HEIGHT, WIDTH)
    x = net.prelu(net.conv(net.image, 48))
    low = net.prelu(net.conv(x, 48, 8, 4))
    high = net.prelu(net.transpose_conv(low, 48, 8, 4))
    low = net.pair("ADD", low, net.conv(net.pair("SUB", high, x), 48, 8, 4))
    net.conv(net.concat(high, net.prelu(net.transpose_conv(low, 48, 8, 4))), 3)
    return net.model()


def inception_fpn() -> Model:
    net = Drawing(HEIGHT, WIDTH)
    wide = net.conv(net.image, 32, 3, 2)
    x = net.pool(net.conv(wide, 64), 3, 2)
    branches = (net.conv(x, 96, 1), net.conv(net.conv(x, 48, 1), 64, 5), net.pool(x, 3, 1))
    x = net.concat(*branches)
    for _ in range(2):
        mixed = net.concat(
            net.conv(x, 32, 1), net.conv(net.conv(net.conv(x, 32, 1), 32, (1, 7)), 32, (7, 1))
        )
        x = net.pair("ADD", x, net.scale(net.conv(mixed, net.shape(x)[3], 1)))
    deep = net.concat(net.conv(x, 64, 3, 2), net.pool(x, 3, 2))
    low = net.conv(deep, 64, 1)
    lateral = net.conv(x, 64, 1)
    nearest = partial(net.resize, op="RESIZE_NEAREST_NEIGHBOR")
    high = net.conv(net.pair("ADD", lateral, nearest(low, like=lateral)), 64)
    heads = net.concat(nearest(net.conv(low, 32), like=high), net.conv(high, 32))
    x = net.conv(nearest(net.conv(heads, 32), like=wide), 32)
    x = net.conv(nearest(x, like=net.image), 3)
    net.pair("ADD", net.simple("TANH", x), net.image)
    return net.model()


def sgn() -> Model:
    net = Drawing(HEIGHT, WIDTH)
    half = net.space_to_depth(net.image)
    top = net.conv(net.space_to_depth(half), 160)
    top = net.depth_to_space(net.pair("ADD", net.conv(top, 160), top))
    middle = net.conv(net.concat(net.conv(half, 80), top), 80)
    main = net.concat(net.conv(net.image, 40), net.depth_to_space(middle))
    net.conv(net.conv(main, 40), 3)
    return net.model()


_bilinear = partial(unet, "ResizeBilinear", "PRelu")

NETWORKS: Mapping[tuple[str, str], Callable[[], Model]] = {
    ("U-Net*", "float"): partial(unet, "TransposeConv", "Relu"),
    ("EDSR*", "float"): edsr,
    ("RDN*", "float"): rdn,
    ("DBPN*", "float"): dbpn,
    ("Inception-ResNetV2-FPN*", "float"): inception_fpn,
    ("SGN*", "float"): sgn,
    ("UNet-TransposeConv-Relu", "float"): partial(unet, "TransposeConv", "Relu"),
    ("UNet-TransposeConv-PRelu", "float"): partial(unet, "TransposeConv", "PRelu"),
    ("UNet-DepthToSpace-Relu", "float"): partial(unet, "DepthToSpace", "Relu"),
    ("UNet-DepthToSpace-PRelu", "float"): partial(unet, "DepthToSpace", "PRelu"),
    ("UNet-ResizeBilinear-Relu", "float"): partial(unet, "ResizeBilinear", "Relu"),
    ("UNet-ResizeBilinear-PRelu", "float"): _bilinear,
    ("UNet-ResizeBilinear-PRelu", "8-bit PTQ"): partial(_bilinear, "int8"),
    ("UNet-ResizeBilinear-PRelu", "8-bit QAT"): partial(_bilinear, "uint8"),
    ("UNet-ResizeBilinear-PRelu, -5 % MAC", "float"): partial(_bilinear, widths=(24, 48, 100)),
    ("UNet-ResizeBilinear-PRelu, -10 % MAC", "float"): partial(_bilinear, widths=(24, 44, 100)),
    ("UNet-ResizeBilinear-PRelu, -20 % MAC", "float"): partial(_bilinear, widths=(20, 44, 92)),
    ("UNet-ResizeBilinear-PRelu, -30 % MAC", "float"): partial(_bilinear, widths=(20, 40, 88)),
    ("UNet-ResizeBilinear-PRelu, -50 % MAC", "float"): partial(_bilinear, widths=(16, 36, 72)),
    ("UNet-ResizeBilinear-PRelu, -5 % MAC", "8-bit QAT"): partial(
        _bilinear, "int8", widths=(24, 48, 100)
    ),
}
"""Each network of the tables by the name and the type that the tables give it."""
