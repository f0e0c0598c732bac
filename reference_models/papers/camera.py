"""Learned Smartphone ISP on Mobile NPUs with Deep Learning, Mobile AI 2021 Challenge: Report.

It prints the sizes of converted files and what each network is made of, but few numbers of
layers or features. Where nothing else is said, those are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from npulint.reference_models.definition import Definition, Figure
from npulint.reference_models.layers import Shape
from npulint.reference_models.network import Sketch
from npulint.reference_models.networks.acvlab import acvlab
from npulint.reference_models.networks.csanet import csanet
from npulint.reference_models.networks.cvml import cvml
from npulint.reference_models.networks.eds import eds
from npulint.reference_models.networks.enerzai import enerzai, enerzai_esrgan
from npulint.reference_models.networks.isp_forever import isp_forever
from npulint.reference_models.networks.noahtcv import noahtcv
from npulint.reference_models.networks.punet import punet
from npulint.reference_models.networks.smallnet import smallnet
from npulint.reference_models.networks.tuned_unet import tuned_unet

SOURCE = (
    "Learned Smartphone ISP on Mobile NPUs with Deep Learning, Mobile AI 2021 Challenge, "
    "arXiv 2105.07809"
)

_RAW = Shape(544, 960, 4)
_PUNET = "MediaTek-NeuroPilot/mai21-learned-smartphone-isp model.py with 16 maps"


def _team(name: str, write: Callable[[Sketch], None], size: str, basis: str) -> Definition:
    figure = Figure("tflite_bytes", size, "table 1")
    return Definition(name, write, _RAW, "reconstruction", SOURCE, basis, (figure,))


DEFINITIONS = (
    Definition(
        "smallnet",
        smallnet,
        _RAW,
        "exact-text",
        SOURCE,
        "the paper's words on team dh_isp's network fix every layer",
        (Figure("tflite_bytes", "21 K", "table 1"),),
    ),
    _team(
        "csanet",
        csanet,
        "123 K",
        "the paper's words on team AIISP's network, order of blocks as in korayerbas/CSANet "
        "model_csa.py; features and the size of kernels are our choice",
    ),
    _team(
        "tuned_unet",
        tuned_unet,
        "13313 K",
        "the paper's words on the Tuned U-Net; widths and the residual pair are our choice",
    ),
    Definition("punet", punet, _RAW, "exact-code", SOURCE, _PUNET),
    Definition(
        "punet_instancenorm",
        partial(punet, instance_norm=True),
        _RAW,
        "exact-code",
        SOURCE,
        f"{_PUNET} and its instance normalization",
    ),
    _team(
        "enerzai",
        enerzai,
        "9 K",
        "the paper's words on team ENERZAi's first network; features are our choice",
    ),
    _team(
        "enerzai_esrgan",
        enerzai_esrgan,
        "11 K",
        "the paper's words on team ENERZAi's second network; features and blocks are our choice",
    ),
    _team(
        "isp_forever",
        isp_forever,
        "175 K",
        "the paper's words on team isp_forever's network; widths are our choice",
    ),
    _team(
        "noahtcv",
        noahtcv,
        "244 K",
        "the paper's words on team NOAHTCV's network; features, blocks and how to resize are "
        "our choice",
    ),
    _team(
        "acvlab",
        acvlab,
        "7 K",
        "the paper's words on team ACVLab's network; features and the units' weights are our "
        "choice",
    ),
    _team(
        "cvml",
        cvml,
        "76 K",
        "the paper's words on team CVML's network; features, blocks and how to resize are our "
        "choice",
    ),
    _team(
        "eds_fpie",
        eds,
        "1017 K",
        "the paper's words on team EdS's network, after Fast Perceptual Image Enhancement, ECCVW "
        "2018; widths and blocks are our choice",
    ),
)
