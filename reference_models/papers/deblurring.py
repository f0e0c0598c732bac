"""Deploying Image Deblurring across Mobile Devices: A Perspective of Quality and Latency, 2020."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from npulint.reference_models.definition import Definition, Figure
from npulint.reference_models.layers import Shape
from npulint.reference_models.network import Sketch
from npulint.reference_models.networks.dbpn import dbpn
from npulint.reference_models.networks.edsr import edsr
from npulint.reference_models.networks.inception_fpn import inception_fpn
from npulint.reference_models.networks.rdn import rdn
from npulint.reference_models.networks.sgn import sgn
from npulint.reference_models.networks.unet import PRUNED, Rectifier, Upsampling, scaled, unet

SOURCE = (
    "Deploying Image Deblurring across Mobile Devices: A Perspective of Quality and Latency, "
    "arXiv 2004.12599"
)

_UPSAMPLINGS: tuple[tuple[Upsampling, str], ...] = (
    ("transposeconv", "238 G"),
    ("depthtospace", "222 G"),
    ("resizebilinear", "256 G"),
)
_RECTIFIERS: tuple[Rectifier, ...] = ("relu", "prelu")
_PRUNED_MACS = {5: "243 G", 10: "230 G", 20: "202 G", 30: "179 G", 50: "127 G"}

_UNET = (
    "the three upsamplings in one U-Net with joined skips, as the paper says; "
    "depth, convolutions a level and widths are ours"
)


def _restorer(
    name: str, write: Callable[[Sketch], None], basis: str, macs: str | None, where: str = "table 2"
) -> Definition:
    figures = (Figure("macs", macs, where),) if macs else ()
    return Definition(name, write, Shape(720, 1280, 3), "reconstruction", SOURCE, basis, figures)


def _unets() -> Iterator[Definition]:
    for upsampling, macs in _UPSAMPLINGS:
        for rectifier in _RECTIFIERS:
            write = partial(unet, upsampling=upsampling, rectifier=rectifier)
            yield _restorer(f"unet_{upsampling}_{rectifier}", write, _UNET, macs, "table 3")
    for percent, widths in PRUNED.items():
        write = partial(unet, upsampling="resizebilinear", rectifier="prelu", widths=widths)
        name = f"unet_resizebilinear_prelu_pruned_{percent}"
        yield _restorer(name, write, _UNET, _PRUNED_MACS[percent], "table 4")
    write = partial(unet, upsampling="transposeconv", rectifier="relu", widths=scaled(1 / 32))
    yield _restorer("unet_small", write, f"{_UNET}, and narrower than any in the paper", None)


DEFINITIONS = (
    *_unets(),
    _restorer(
        "edsr",
        edsr,
        "blocks as in sanghyun-son/EDSR-PyTorch src/model/edsr.py; "
        "11 blocks of 36 features are our choice",
        "249 G",
    ),
    _restorer(
        "rdn",
        rdn,
        "blocks as in sanghyun-son/EDSR-PyTorch src/model/rdn.py; 10 blocks of 3 convolutions, "
        "growth 16 and 32 features are our choice",
        "243 G",
    ),
    _restorer(
        "dbpn",
        dbpn,
        "units as in alterzero/DBPN-Pytorch dbpn.py and base_networks.py; 4 stages, 48 features "
        "and 192 in front are our choice",
        "242 G",
    ),
    _restorer(
        "inception_resnetv2_fpn",
        inception_fpn,
        "layout as in VITA-Group/DeblurGANv2 models/fpn_inception.py and the usual "
        "Inception-ResNet-v2; 4 and 16 blocks instead of 10 and 20, padding and the lack of "
        "instance normalization are our choice",
        "250 G",
    ),
    _restorer(
        "sgn",
        sgn,
        "layout after CurryYuan/Self-Guided-Network-for-Fast-Image-Denoising SGN/network.py; "
        "2 levels of guidance, 40 features and 7 last convolutions are our choice",
        "247 G",
    ),
)
