"""MOFA: A Model Simplification Roadmap for Image Restoration on Mobile Devices, 2023.

Its tables count multiply-accumulates with the profiler thop.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from npulint.reference_models.definition import Definition, Figure
from npulint.reference_models.layers import Shape
from npulint.reference_models.networks.nafnet import Design, Partial, nafnet
from npulint.reference_models.networks.pmrid import CHEAP, MIDDLE, Changes, pmrid

SOURCE = (
    "MOFA: A Model Simplification Roadmap for Image Restoration on Mobile Devices, arXiv 2308.12494"
)

_IMAGE = Shape(256, 256, 3)
_PMRID = "MegEngine/PMRID models/net_torch.py"
_ROADMAP = (
    "xiangyu8/MOFA basicsr/models/archs/PMRID_mofa_arch.py fixes the last step; "
    "this one turns some of its switches back"
)


def _step(name: str, changes: Changes, *figures: Figure) -> Definition:
    """A step on the roadmap of PMRID."""
    write = partial(pmrid, changes=changes)
    return Definition(name, write, _IMAGE, "exact-code", SOURCE, _ROADMAP, figures)


def _counts(where: str, parameters: str, thop: str) -> tuple[Figure, Figure]:
    return Figure("parameters", parameters, where), Figure("thop", thop, where)


_PARTIAL = Changes(partial=True)
_ALL = Changes(partial=True, halved=MIDDLE | CHEAP)


def _depthwise(threshold: int) -> Changes:
    return Changes(partial=True, halved=MIDDLE | CHEAP, upsampled=True, depthwise_from=threshold)


_STEPS = (
    _step("pmrid_pconv", _PARTIAL, *_counts("table 1", "2.84 M", "2.12 G")),
    _step(
        "pmrid_pconv_middle",
        Changes(partial=True, halved=MIDDLE),
        *_counts("tables 1 and 2", "3.86 M", "3.25 G"),
    ),
    _step(
        "pmrid_pconv_enc2_dec3",
        Changes(partial=True, halved=frozenset({"enc2", "dec3"})),
        *_counts("table 2", "2.93 M", "2.58 G"),
    ),
    _step(
        "pmrid_pconv_enc1_dec4",
        Changes(partial=True, halved=frozenset({"enc1", "dec4"})),
        *_counts("table 2", "2.86 M", "2.54 G"),
    ),
    _step(
        "pmrid_pconv_cheap",
        Changes(partial=True, halved=CHEAP),
        *_counts("table 1", "3.46 M", "2.69 G"),
    ),
    _step("pmrid_pconv_middle_cheap", _ALL, *_counts("table 1", "4.44 M", "3.69 G")),
    _step(
        "pmrid_up",
        Changes(upsampled=True),
        Figure("parameters", "1.01 M", "table 1"),
        Figure("thop", "0.95 G", "table 1", "no way of counting gives more than 0.941 G"),
    ),
    _step(
        "pmrid_pdwconv",
        Changes(partial=True, depthwise_from=1),
        *_counts("table 1", "0.95 M", "1.03 G"),
    ),
    _step(
        "pmrid_upsampling",
        Changes(partial=True, halved=MIDDLE | CHEAP, upsampled=True),
        Figure("parameters", "4.42 M", "table 3"),
    ),
    _step(
        "pmrid_downsampling",
        Changes(partial=True, halved=MIDDLE | CHEAP, downsampled=True),
        Figure("parameters", "4.61 M", "table 3"),
    ),
    _step("pmrid_mofa_t0", _depthwise(0), Figure("parameters", "0.94 M", "table 6")),
    _step("pmrid_mofa_t16", _depthwise(16), Figure("parameters", "0.95 M", "table 6")),
    _step("pmrid_mofa_t64", _depthwise(64), Figure("parameters", "1.21 M", "table 6")),
    _step("pmrid_mofa_t128", _depthwise(128), Figure("parameters", "1.25 M", "table 6")),
)

_TINY = Design(16, (1, 1, 1), 1, (1, 1, 1))
_NAFNET = (
    "megvii-research/NAFNet basicsr/models/archs/NAFNet_arch.py with the numbers of xiangyu8/MOFA "
    "options/train/SIDD/NAFNet-width16.yml"
)

DEFINITIONS = (
    Definition(
        "pmrid",
        pmrid,
        _IMAGE,
        "exact-code",
        SOURCE,
        f"{_PMRID}, for 3 channels as in xiangyu8/MOFA basicsr/models/archs/PMRID_arch.py",
        (
            Figure("parameters", "1.03 M", "tables 1 and 4"),
            Figure("thop", "1.15 G", "table 4"),
            Figure(
                "thop",
                "1.11 G",
                "tables 1 and 2",
                "a slip: table 4 has 1.15 for this network, and 1.11 for the last step",
            ),
        ),
    ),
    Definition("pmrid_raw4", pmrid, Shape(256, 256, 4), "exact-code", SOURCE, _PMRID),
    Definition(
        "pmrid_split",
        partial(pmrid, changes=Changes(halved=MIDDLE | CHEAP, in_two=True)),
        _IMAGE,
        "exact-code",
        SOURCE,
        "xiangyu8/MOFA basicsr/models/archs/PMRID_split_arch.py",
    ),
    *_STEPS,
    Definition(
        "pmrid_mofa",
        partial(pmrid, changes=_depthwise(32)),
        _IMAGE,
        "exact-code",
        SOURCE,
        "xiangyu8/MOFA basicsr/models/archs/PMRID_mofa_arch.py",
        (
            Figure("parameters", "0.97 M", "tables 1, 4 and 6"),
            Figure("thop", "1.11 G", "tables 1 and 4"),
        ),
    ),
    Definition(
        "nafnet_tiny",
        partial(nafnet, design=_TINY),
        _IMAGE,
        "exact-code",
        SOURCE,
        _NAFNET,
        (Figure("thop_parameters", "286.6 K", "table 4"), Figure("thop", "1.03 G", "table 4")),
    ),
    Definition(
        "nafnet_tiny_nonorm",
        partial(nafnet, design=replace(_TINY, norm="none")),
        _IMAGE,
        "exact-code",
        SOURCE,
        f"{_NAFNET}, without layer normalization, as the paper's timings on phones have it",
    ),
    Definition(
        "nafnet_mofa",
        partial(
            nafnet,
            design=replace(_TINY, partial=Partial(frozenset({"enc3", "dec1"}), 16)),
        ),
        _IMAGE,
        "exact-code",
        SOURCE,
        "xiangyu8/MOFA basicsr/models/archs/NAFNet_mofa_arch.py",
        (
            Figure(
                "parameters",
                "222.1 K",
                "table 4",
                "the public code has 0.07 % less, and no variant has this number",
            ),
            Figure("thop", "0.94 G", "table 4"),
        ),
    ),
)
