"""PyNet-V2 Mobile: Efficient On-Device Photo Processing With Neural Networks, 2022.

It compares its network with others, of which it prints times on phones and no sizes.
"""

from __future__ import annotations

from functools import partial

from npulint.reference_models.definition import Definition, Figure, Label
from npulint.reference_models.layers import Shape
from npulint.reference_models.networks.dped import dped
from npulint.reference_models.networks.fsrcnn import fsrcnn
from npulint.reference_models.networks.microisp import microisp
from npulint.reference_models.networks.pynet import pynet
from npulint.reference_models.networks.pynet_v2 import Design, pynet_v2

SOURCE = (
    "PyNet-V2 Mobile: Efficient On-Device Photo Processing With Neural Networks, arXiv 2211.06263"
)

_RAW = Shape(544, 960, 4)
_PYNET_V2 = "gmalivenko/PyNET-v2 model.py, the output of level 1"


def _variant(
    name: str, design: Design, label: Label, basis: str, *figures: Figure, image: Shape = _RAW
) -> Definition:
    write = partial(pynet_v2, design=design)
    return Definition(name, write, image, label, SOURCE, basis, figures)


DEFINITIONS = (
    _variant(
        "pynet_v2_mobile",
        Design(),
        "exact-code",
        _PYNET_V2,
        Figure("tflite_bytes", "3.6 M", "section III"),
    ),
    _variant(
        "pynet_v2_mobile_mosaic",
        Design(packed=False),
        "exact-code",
        f"{_PYNET_V2}, behind the unshuffling of the mosaic that the paper describes",
        Figure("tflite_bytes", "3.6 M", "section III"),
        image=Shape(1088, 1920, 1),
    ),
    _variant(
        "pynet_v2_zero_padded",
        Design(padding="zero"),
        "reconstruction",
        f"{_PYNET_V2}; zeros instead of mirrored borders are our choice",
        Figure("tflite_bytes", "3.6 M", "section III"),
    ),
    _variant(
        "pynet_v2_nnapi",
        Design(padding="zero", sampling="bilinear"),
        "reconstruction",
        f"{_PYNET_V2}; zeros instead of mirrored borders, and corners instead of centres of "
        "pixels when maps are enlarged, are our choice: so all layers are NNAPI 1.2, as the "
        "paper says",
        Figure("tflite_bytes", "3.6 M", "section III"),
    ),
    _variant(
        "pynet_v2_nonorm",
        Design(norm=False),
        "exact-code",
        f"{_PYNET_V2}, without its instance normalization as in section IV-E",
    ),
    _variant(
        "pynet_v2_slim",
        Design(slim=True),
        "reconstruction",
        f"{_PYNET_V2}, changed as in section IV-E; where the second shuffle sits, and that all "
        "widths double, are our choice",
    ),
    _variant(
        "pynet_v2_slim_plus",
        Design(slim=True, separable=True),
        "reconstruction",
        f"{_PYNET_V2}, changed as in section IV-E; how channels are mixed after depthwise "
        "convolutions is our choice",
    ),
    Definition(
        "pynet", pynet, _RAW, "exact-code", SOURCE, "aiff22/PyNET model.py, the output of level 0"
    ),
    Definition(
        "fsrcnn",
        fsrcnn,
        _RAW,
        "reconstruction",
        SOURCE,
        "arXiv 1608.00367 with its d = 56, s = 12, m = 4; 4 channels in and 3 out are our choice",
    ),
    Definition(
        "dped",
        dped,
        Shape(1080, 1920, 3),
        "exact-code",
        SOURCE,
        "aiff22/DPED models.py",
        (Figure("parameters", "401475", "the weights that aiff22/DPED releases, 1605900 bytes"),),
    ),
    Definition(
        "dped_raw",
        partial(dped, raw=True),
        _RAW,
        "reconstruction",
        SOURCE,
        "aiff22/DPED models.py; how RAW images go in and out is our choice",
    ),
    Definition(
        "microisp",
        microisp,
        Shape(1500, 2000, 4),
        "exact-code",
        SOURCE,
        "aiff22/MicroISP model.py; its operators are those of tflite_model/MicroISP.tflite there",
        (
            Figure("parameters", "13560", "the checkpoint of aiff22/MicroISP, 54240 bytes"),
            Figure(
                "tflite_bytes",
                "158 K",
                "README of aiff22/MicroISP",
                "hundreds of operators: the lengths of the tensors' names make the difference",
            ),
        ),
    ),
)
