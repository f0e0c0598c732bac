"""Networks of the papers with fewer features, such that two processor cores can train them.

No paper has them, so they are not in the catalogue: their layers are those of the networks that
they are named after.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from npulint.reference_models.definition import Definition
from npulint.reference_models.layers import Shape
from npulint.reference_models.network import Sketch
from npulint.reference_models.networks.pmrid import pmrid
from npulint.reference_models.networks.pynet_v2 import Design, pynet_v2
from npulint.reference_models.networks.unet import unet
from npulint.reference_models.papers import deblurring, photos, roadmap


def _narrow(
    name: str, write: Callable[[Sketch], None], image: Shape, source: str, basis: str
) -> Definition:
    return Definition(name, write, image, "reconstruction", source, basis)


DEFINITIONS = (
    _narrow(
        "unet_narrow",
        partial(unet, upsampling="transposeconv", rectifier="relu", widths=(12, 24, 32)),
        Shape(720, 1280, 3),
        deblurring.SOURCE,
        "as unet_transposeconv_relu, with 3 levels of 12, 24 and 32 features",
    ),
    _narrow(
        "pmrid_narrow",
        partial(pmrid, narrower=4),
        Shape(256, 256, 3),
        roadmap.SOURCE,
        "as pmrid, with a quarter of its features",
    ),
    _narrow(
        "pynet_v2_narrow",
        partial(pynet_v2, design=Design(padding="zero", sampling="bilinear", widths=(8, 16, 32))),
        Shape(544, 960, 4),
        photos.SOURCE,
        "as pynet_v2_nnapi, with a quarter of its features",
    ),
)
