"""Networks that differ in one thing, and what the papers found that this thing is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from npulint.reference_models.catalogue import definition_of
from npulint.reference_models.layers import Shape
from npulint.reference_models.network import Network, Sketch
from npulint.reference_models.networks.pynet_v2 import Design, pynet_v2
from npulint.reference_models.networks.unet import Rectifier, Upsampling, unet

DEBLURRING = "arXiv 2004.12599"
PYNET = "arXiv 2211.06263"

QUANTISED = "unet_resizebilinear_prelu"
"""The one that the paper quantises."""

SHIPPED = "unet_narrow"
"""The one whose weights npulint ships, which is quantised too."""


@dataclass(frozen=True)
class Variant:
    """A network to train.

    Attributes:
        name: What it is called.
        like: The narrow network whose recipe it is trained by, and whose input it takes.
        steps: For how long.
        write: Writes it.
    """

    name: str
    like: str
    steps: int
    write: Callable[[Sketch], None]

    def sketched(self, size: tuple[int, int]) -> Network:
        """The network for an input of this height and width."""
        sketch = Sketch(self.name, Shape(*size, definition_of(self.like).image.channels))
        self.write(sketch)
        return sketch.finish()


@dataclass(frozen=True)
class Claim:
    """One network above another in a paper.

    Attributes:
        says: What it says.
        better: The variant with the higher PSNR.
        worse: The other.
        published: PSNR of both in the paper, in dB.
        source: Where they are printed.
    """

    says: str
    better: str
    worse: str
    published: tuple[float, float]
    source: str


_UPSAMPLINGS: Mapping[Upsampling, str] = MappingProxyType(
    {
        "transposeconv": "transposed convolution",
        "depthtospace": "depth to space",
        "resizebilinear": "bilinear",
        "resizenearest": "nearest",
    }
)
_RECTIFIERS: Mapping[Rectifier, str] = MappingProxyType({"relu": "ReLU", "prelu": "PReLU"})

_PUBLISHED: Mapping[tuple[Upsampling, Rectifier], float] = MappingProxyType(
    {
        ("transposeconv", "relu"): 31.67,
        ("transposeconv", "prelu"): 31.83,
        ("depthtospace", "relu"): 31.51,
        ("depthtospace", "prelu"): 31.78,
        ("resizebilinear", "relu"): 31.65,
        ("resizebilinear", "prelu"): 31.87,
    }
)
"""Table 3 of the deblurring paper: PSNR in dB."""


def _unet(upsampling: Upsampling, rectifier: Rectifier) -> Variant:
    write = partial(unet, upsampling=upsampling, rectifier=rectifier, widths=(12, 24, 32))
    return Variant(f"unet_{upsampling}_{rectifier}", SHIPPED, 1200, write)


def _pynet(name: str, *, norm: bool) -> Variant:
    design = Design(padding="zero", sampling="bilinear", widths=(8, 16, 32), norm=norm)
    return Variant(name, "pynet_v2_narrow", 1500, partial(pynet_v2, design=design))


VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        variant.name: variant
        for variant in (
            *(_unet(upsampling, rectifier) for upsampling, rectifier in _PUBLISHED),
            _unet("resizenearest", "relu"),
            _pynet("pynet_v2", norm=True),
            _pynet("pynet_v2_nonorm", norm=False),
        )
    }
)


def _between_upsamplings() -> tuple[Claim, ...]:
    """All pairs of one rectifier."""
    found = []
    for rectifier, called in _RECTIFIERS.items():
        ranked = sorted(
            (value, upsampling)
            for (upsampling, own), value in _PUBLISHED.items()
            if own == rectifier
        )
        for place, (low, worse) in enumerate(ranked):
            for high, better in reversed(ranked[place + 1 :]):
                found.append(
                    Claim(
                        f"{_UPSAMPLINGS[better]} above {_UPSAMPLINGS[worse]}, with {called}",
                        f"unet_{better}_{rectifier}",
                        f"unet_{worse}_{rectifier}",
                        (high, low),
                        f"{DEBLURRING}, table 3",
                    )
                )
    return tuple(found)


def _between_rectifiers() -> tuple[Claim, ...]:
    """PReLU beside ReLU."""
    return tuple(
        Claim(
            f"PReLU above ReLU, with {called}",
            f"unet_{upsampling}_prelu",
            f"unet_{upsampling}_relu",
            (_PUBLISHED[upsampling, "prelu"], _PUBLISHED[upsampling, "relu"]),
            f"{DEBLURRING}, table 3",
        )
        for upsampling, called in _UPSAMPLINGS.items()
        if (upsampling, "relu") in _PUBLISHED
    )


CLAIMS = (
    *_between_upsamplings(),
    *_between_rectifiers(),
    Claim(
        "instance norms above none",
        "pynet_v2",
        "pynet_v2_nonorm",
        (24.72, 24.52),
        f"{PYNET}, table IV",
    ),
)

EIGHT_BITS = Claim(
    "floating point above 8 bits after training", "", "", (31.87, 29.66), f"{DEBLURRING}, table 4"
)
"""The same network before and after: whichever was quantised."""
