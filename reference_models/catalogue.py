"""Every reference network by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Literal

from npulint.errors import UsageError
from npulint.reference_models.layers import Shape
from npulint.reference_models.network import Network, Sketch
from npulint.reference_models.smallnet import smallnet
from npulint.reference_models.unet import scaled, unet


@dataclass(frozen=True, slots=True)
class Definition:
    """How a network is written, and where it comes from.

    Attributes:
        name: What it is called on the command line.
        write: Writes its layers.
        image: The input that its published figures are for.
        label: Whether its source fixes every layer (`exact`) or published figures only
            (`reconstruction`).
        source: Where it is described.
    """

    name: str
    write: Callable[[Sketch], None]
    image: Shape
    label: Literal["exact", "reconstruction"]
    source: str


_CAMERA = "Learned Smartphone ISP on Mobile NPUs with Deep Learning, Mobile AI 2021 Challenge"
_DEBLURRING = (
    "Deploying Image Deblurring across Mobile Devices: A Perspective of Quality and Latency, 2020"
)

_RAW = Shape(544, 960, 4)
_PHOTO = Shape(720, 1280, 3)


def _reconstructed_unet(name: str, write: Callable[[Sketch], None]) -> Definition:
    return Definition(name, write, _PHOTO, "reconstruction", _DEBLURRING)


_DEFINITIONS = (
    Definition("smallnet", smallnet, _RAW, "exact", _CAMERA),
    _reconstructed_unet(
        "unet_transposeconv_relu", partial(unet, upsampling="transposeconv", rectifier="relu")
    ),
    _reconstructed_unet(
        "unet_transposeconv_prelu", partial(unet, upsampling="transposeconv", rectifier="prelu")
    ),
    _reconstructed_unet(
        "unet_depthtospace_relu", partial(unet, upsampling="depthtospace", rectifier="relu")
    ),
    _reconstructed_unet(
        "unet_depthtospace_prelu", partial(unet, upsampling="depthtospace", rectifier="prelu")
    ),
    _reconstructed_unet(
        "unet_small",
        partial(unet, upsampling="transposeconv", rectifier="relu", widths=scaled(1 / 32)),
    ),
)

CATALOGUE: Mapping[str, Definition] = MappingProxyType({d.name: d for d in _DEFINITIONS})


def define(name: str, size: tuple[int, int] | None = None) -> Network:
    """Write a network down.

    Args:
        name: One of `CATALOGUE`.
        size: Height and width of the input, where not those of the published figures.

    Returns:
        The network, with its shapes, parameters and multiply-accumulates.

    Raises:
        UsageError: There is no such network.
    """
    definition = CATALOGUE.get(name)
    if definition is None:
        raise UsageError(f"no reference network {name!r}; there are {', '.join(CATALOGUE)}")
    height, width = size or definition.image[:2]
    sketch = Sketch(name, Shape(height, width, definition.image.channels))
    definition.write(sketch)
    return sketch.finish()
