"""Single Image Motion Deblurring for Mobile Devices, bachelor thesis, 2023.

It prints times, memory and quality of its networks; no parameters or multiply-accumulates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from npulint.reference_models.definition import Definition
from npulint.reference_models.layers import Shape
from npulint.reference_models.networks.attention_gate import Gate
from npulint.reference_models.networks.nafnet import Design, Pooling, nafnet

SOURCE = (
    "Single Image Motion Deblurring for Mobile Devices, bachelor thesis, "
    "Ukrainian Catholic University, 2023"
)

_PATCH = Shape(256, 256, 3)
_PHOTO = Shape(720, 1280, 3)

_SIZES = ((32, 36), (32, 18), (16, 36), (16, 18), (16, 9))
_LAYERS = "megvii-research/NAFNet basicsr/models/archs/NAFNet_arch.py"
_AUTHORS = f"{_LAYERS} and options/test/GoPro/NAFNet-width32.yml"
_OTHERS = f"{_LAYERS}; only the width and the last stage of the encoder were changed"
_LOCAL = "pooling as in basicsr/models/archs/local_arch.py there"


def _design(width: int, blocks: int) -> Design:
    return Design(width, (1, 1, 1, blocks - 8), 1, (1, 1, 1, 1))


def _local() -> Iterator[Definition]:
    """Each size: for patches, where all pooling is global, and for photos in both other forms."""
    forms: tuple[tuple[str, Pooling, Shape], ...] = (
        ("", "global", _PATCH),
        ("_cumsum", "cumsum", _PHOTO),
        ("_avgpool", "avgpool", _PHOTO),
    )
    for width, blocks in _SIZES:
        largest = (width, blocks) == _SIZES[0]
        for ending, pooling, image in forms:
            yield Definition(
                f"nafnetlocal_{width}_{blocks}{ending}",
                partial(nafnet, design=replace(_design(width, blocks), pooling=pooling)),
                image,
                "exact-code" if largest else "exact-text",
                SOURCE,
                (_AUTHORS if largest else _OTHERS) + (f"; {_LOCAL}" if ending else ""),
            )


_GATED = (
    "gates on the skips after Attention U-Net, arXiv 1804.03999, with the replacements that the "
    "thesis names; the order within a gate is our choice"
)
GATES = {
    "sa": Gate("gelu", "layernorm", "resize"),
    "sa_naive": Gate("relu", "batchnorm", "resize"),
    "sa_activation": Gate("gelu", "batchnorm", "resize"),
    "sa_upsample": Gate("gelu", "layernorm", "transposed"),
}

_BY_LETTER = (
    "section 6.3 taken by its letter: each ungrouped convolution becomes a depthwise and a "
    "pointwise one, those of 1x1 too; which stages are high and low is our reading"
)
_HIGH = frozenset({"enc1", "enc2", "dec3", "dec4"})
_LOW = frozenset({"enc3", "enc4", "middle", "dec1", "dec2"})
SEPARABLE = {"high": _HIGH, "low": _LOW, "all": _HIGH | _LOW | {"outside"}}


def _changed(ending: str, design: Design, basis: str) -> Definition:
    write = partial(nafnet, design=design)
    return Definition(f"nafnetlocal_16_18_{ending}", write, _PATCH, "reconstruction", SOURCE, basis)


DEFINITIONS = (
    *_local(),
    *(
        _changed(ending, replace(_design(16, 18), gate=gate), _GATED)
        for ending, gate in GATES.items()
    ),
    *(
        _changed(f"dwsep_{ending}", replace(_design(16, 18), separable=stages), _BY_LETTER)
        for ending, stages in SEPARABLE.items()
    ),
)
