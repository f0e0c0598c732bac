"""Every network against the figures that are published of it."""

from __future__ import annotations

import pytest

from npulint.reference_models import CATALOGUE, Figure, define

_RESTORER = ((720, 1280, 3),)
_DENOISER = ((256, 256, 3),)

# Output, parameters, multiply-accumulates (in G) at the size of the published figures.
NETWORKS = {
    "unet_transposeconv_relu": (*_RESTORER, 17_746_483, 237.994),
    "unet_transposeconv_prelu": (*_RESTORER, 17_753_139, 237.994),
    "unet_depthtospace_relu": (*_RESTORER, 16_875_251, 221.726),
    "unet_depthtospace_prelu": (*_RESTORER, 16_881_907, 221.726),
    "unet_resizebilinear_relu": (*_RESTORER, 17_759_123, 256.065),
    "unet_resizebilinear_prelu": (*_RESTORER, 17_765_779, 256.065),
    "unet_resizebilinear_prelu_pruned_5": (*_RESTORER, 16_274_291, 243.066),
    "unet_resizebilinear_prelu_pruned_10": (*_RESTORER, 15_725_971, 230.491),
    "unet_resizebilinear_prelu_pruned_20": (*_RESTORER, 14_243_643, 202.257),
    "unet_resizebilinear_prelu_pruned_30": (*_RESTORER, 12_423_003, 179.398),
    "unet_resizebilinear_prelu_pruned_50": (*_RESTORER, 8_902_419, 127.344),
    "unet_small": (*_RESTORER, 19_711, 1.762),
    "edsr": (*_RESTORER, 271_083, 249.031),
    "rdn": (*_RESTORER, 264_291, 242.713),
    "dbpn": (*_RESTORER, 3_603_363, 242.196),
    "inception_resnetv2_fpn": (*_RESTORER, 30_577_987, 249.992),
    "sgn": (*_RESTORER, 1_442_363, 246.841),
    "pmrid": (*_DENOISER, 1_031_619, 0.962),
    "pmrid_raw4": ((256, 256, 4), 1_031_908, 0.981),
    "pmrid_split": (*_DENOISER, 1_031_619, 0.962),
    "pmrid_pconv": (*_DENOISER, 2_838_179, 1.931),
    "pmrid_pconv_middle": (*_DENOISER, 3_858_851, 3.061),
    "pmrid_pconv_enc2_dec3": (*_DENOISER, 2_930_147, 2.393),
    "pmrid_pconv_enc1_dec4": (*_DENOISER, 2_862_467, 2.350),
    "pmrid_pconv_cheap": (*_DENOISER, 3_460_691, 2.501),
    "pmrid_pconv_middle_cheap": (*_DENOISER, 4_439_891, 3.503),
    "pmrid_up": (*_DENOISER, 1_010_307, 0.922),
    "pmrid_pdwconv": (*_DENOISER, 954_519, 0.844),
    "pmrid_upsampling": (*_DENOISER, 4_422_467, 3.471),
    "pmrid_downsampling": (*_DENOISER, 4_606_243, 3.595),
    "pmrid_mofa_t0": (*_DENOISER, 940_827, 0.815),
    "pmrid_mofa_t16": (*_DENOISER, 945_955, 0.894),
    "pmrid_mofa_t64": (*_DENOISER, 1_213_955, 1.462),
    "pmrid_mofa_t128": (*_DENOISER, 1_250_243, 1.610),
    "pmrid_mofa": (*_DENOISER, 970_915, 1.089),
    "nafnet_tiny": (*_DENOISER, 288_691, 1.031),
    "nafnet_tiny_nonorm": (*_DENOISER, 287_283, 1.031),
    "nafnet_mofa": (*_DENOISER, 221_955, 0.912),
    "nafnetlocal_32_36": ((256, 256, 3), 17_111_907, 15.956),
    "nafnetlocal_32_36_cumsum": ((720, 1280, 3), 17_111_907, 258.324),
    "nafnetlocal_32_36_avgpool": ((720, 1280, 3), 17_111_907, 258.324),
    "nafnetlocal_32_18": ((256, 256, 3), 8_702_307, 8.622),
    "nafnetlocal_32_18_cumsum": ((720, 1280, 3), 8_702_307, 138.222),
    "nafnetlocal_32_18_avgpool": ((720, 1280, 3), 8_702_307, 138.222),
    "nafnetlocal_16_36": ((256, 256, 3), 4_347_827, 4.085),
    "nafnetlocal_16_36_cumsum": ((720, 1280, 3), 4_347_827, 65.933),
    "nafnetlocal_16_36_avgpool": ((720, 1280, 3), 4_347_827, 65.933),
    "nafnetlocal_16_18": ((256, 256, 3), 2_207_411, 2.23),
    "nafnetlocal_16_18_cumsum": ((720, 1280, 3), 2_207_411, 35.609),
    "nafnetlocal_16_18_avgpool": ((720, 1280, 3), 2_207_411, 35.609),
    "nafnetlocal_16_9": ((256, 256, 3), 1_137_203, 1.303),
    "nafnetlocal_16_9_cumsum": ((720, 1280, 3), 1_137_203, 20.447),
    "nafnetlocal_16_9_avgpool": ((720, 1280, 3), 1_137_203, 20.447),
    "nafnetlocal_16_18_sa": ((256, 256, 3), 2_360_935, 2.399),
    "nafnetlocal_16_18_sa_naive": ((256, 256, 3), 2_360_935, 2.399),
    "nafnetlocal_16_18_sa_activation": ((256, 256, 3), 2_360_935, 2.399),
    "nafnetlocal_16_18_sa_upsample": ((256, 256, 3), 2_360_955, 2.399),
    "nafnetlocal_16_18_dwsep_high": ((256, 256, 3), 2_208_371, 2.243),
    "nafnetlocal_16_18_dwsep_low": ((256, 256, 3), 2_225_331, 2.239),
    "nafnetlocal_16_18_dwsep_all": ((256, 256, 3), 2_096_833, 2.114),
    "smallnet": ((1088, 1920, 3), 4_652, 2.406),
    "csanet": ((1088, 1920, 3), 28_464, 5.755),
    "tuned_unet": ((1088, 1920, 3), 3_406_108, 51.739),
    "punet": ((1088, 1920, 3), 5_725_199, 39.331),
    "punet_instancenorm": ((1088, 1920, 3), 5_731_215, 39.331),
    "enerzai": ((1088, 1920, 3), 1_271, 0.78),
    "enerzai_esrgan": ((1088, 1920, 3), 1_031, 0.472),
    "isp_forever": ((1088, 1920, 3), 42_484, 7.339),
    "noahtcv": ((1088, 1920, 3), 59_604, 10.058),
    "acvlab": ((1088, 1920, 3), 796, 0.401),
    "cvml": ((1088, 1920, 3), 17_282, 8.955),
    "eds_fpie": ((1088, 1920, 3), 254_795, 18.817),
    "pynet_v2_mobile": ((1088, 1920, 3), 930_255, 63.335),
    "pynet_v2_mobile_mosaic": ((1088, 1920, 3), 930_255, 63.335),
    "pynet_v2_zero_padded": ((1088, 1920, 3), 930_255, 63.335),
    "pynet_v2_nnapi": ((1088, 1920, 3), 930_255, 63.335),
    "pynet_v2_nonorm": ((1088, 1920, 3), 929_743, 63.335),
    "pynet_v2_slim": ((1088, 1920, 3), 3_700_239, 62.844),
    "pynet_v2_slim_plus": ((1088, 1920, 3), 3_376_399, 45.957),
    "pynet": ((1088, 1920, 3), 47_521_371, 3494.329),
    "fsrcnn": ((1088, 1920, 3), 26_083, 13.44),
    "dped": ((1080, 1920, 3), 401_475, 828.909),
    "dped_raw": ((1088, 1920, 3), 453_324, 235.835),
    "microisp": ((3000, 4000, 3), 13_560, 20.871),
}


def test_every_network_has_its_figures() -> None:
    assert list(NETWORKS) == list(CATALOGUE)


@pytest.mark.parametrize("name", CATALOGUE)
def test_counts(name: str) -> None:
    network = define(name)
    assert (network.output, network.parameters, round(network.macs / 1e9, 3)) == NETWORKS[name]


# Multiply-accumulates at other sizes that papers speak of, in G, to the digits that are known.
ELSEWHERE = {
    ("nafnetlocal_32_36", (720, 1280)): "224.353",
    ("nafnetlocal_32_18", (720, 1280)): "121.236",
    ("nafnetlocal_16_36", (720, 1280)): "57.440",
    ("nafnetlocal_16_18", (720, 1280)): "31.362",
    ("nafnetlocal_16_9", (720, 1280)): "18.323",
    ("pynet_v2_mobile", (1500, 2000)): "363.83",
    ("pynet", (224, 224)): "335.7",
    ("microisp", (544, 960)): "3.633",
    ("microisp", (2448, 3264)): "55.590",
}


@pytest.mark.parametrize(("name", "size"), ELSEWHERE)
def test_counts_at_other_sizes(name: str, size: tuple[int, int]) -> None:
    known = ELSEWHERE[name, size]
    decimals = len(known.partition(".")[2])
    assert f"{define(name, size).macs / 1e9:.{decimals}f}" == known


# Of the paper that counts with thop: what its layers alone give, in G.
THOP = {
    "pmrid": 1.151,
    "pmrid_pconv": 2.120,
    "pmrid_pconv_middle": 3.250,
    "pmrid_pconv_enc2_dec3": 2.581,
    "pmrid_pconv_enc1_dec4": 2.539,
    "pmrid_pconv_cheap": 2.689,
    "pmrid_pconv_middle_cheap": 3.692,
    "pmrid_up": 0.941,
    "pmrid_pdwconv": 1.033,
    "pmrid_upsampling": 3.490,
    "pmrid_downsampling": 3.785,
    "pmrid_mofa_t0": 0.834,
    "pmrid_mofa_t16": 0.913,
    "pmrid_mofa_t64": 1.481,
    "pmrid_mofa_t128": 1.630,
    "pmrid_mofa": 1.109,
    "nafnet_tiny": 1.035,
    "nafnet_mofa": 0.937,
}


@pytest.mark.parametrize("name", THOP)
def test_counts_of_thop(name: str) -> None:
    assert round(define(name).thop / 1e9, 3) == THOP[name]


def test_thop_does_not_see_what_is_no_module() -> None:
    for name, unseen in {"nafnet_tiny": 1408 + 704, "nafnet_mofa": 1408 + 704, "pmrid": 0}.items():
        network = define(name)
        assert network.parameters - network.thop_parameters == unseen


def test_splitting_separable_convolutions_changes_no_count() -> None:
    whole, split = define("pmrid"), define("pmrid_split")
    assert (split.parameters, split.macs) == (whole.parameters, whole.macs)


@pytest.mark.parametrize("name", CATALOGUE)
def test_published_figures(name: str) -> None:
    network = define(name)
    for figure in CATALOGUE[name].figures:
        if figure.quantity != "tflite_bytes":
            counted = getattr(network, figure.quantity)
            assert figure.hit(counted) is not bool(figure.remark), (figure, counted)
            assert counted == pytest.approx(figure.value, rel=0.04)


def test_a_figure_is_hit_by_what_rounds_to_it() -> None:
    figure = Figure("parameters", "1.03 M", "table 1")
    assert (figure.value, figure.precision) == (1.03e6, pytest.approx(1e4))
    assert figure.hit(1_025_001)
    assert figure.hit(1_034_999)
    assert not figure.hit(1_024_999)
    assert not figure.hit(1_035_001)
    assert Figure("macs", "238 G", "table 3").precision == 1e9


def test_every_network_says_where_it_comes_from() -> None:
    for definition in CATALOGUE.values():
        assert definition.source
        assert definition.basis
        exact = definition.label != "reconstruction"
        assert exact or "our" in definition.basis, "a reconstruction names its free choices"
