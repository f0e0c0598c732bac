"""Every network against the figures that are published of it."""

from __future__ import annotations

import pytest

from npulint.reference_models import CATALOGUE, Figure, define

# Output, parameters, multiply-accumulates (in G) at the size of the published figures.
NETWORKS = {
    "unet_transposeconv_relu": ((720, 1280, 3), 17_746_483, 237.994),
    "unet_transposeconv_prelu": ((720, 1280, 3), 17_753_139, 237.994),
    "unet_depthtospace_relu": ((720, 1280, 3), 16_875_251, 221.726),
    "unet_depthtospace_prelu": ((720, 1280, 3), 16_881_907, 221.726),
    "unet_resizebilinear_relu": ((720, 1280, 3), 17_759_123, 256.065),
    "unet_resizebilinear_prelu": ((720, 1280, 3), 17_765_779, 256.065),
    "unet_resizebilinear_prelu_pruned_5": ((720, 1280, 3), 16_274_291, 243.066),
    "unet_resizebilinear_prelu_pruned_10": ((720, 1280, 3), 15_725_971, 230.491),
    "unet_resizebilinear_prelu_pruned_20": ((720, 1280, 3), 14_243_643, 202.257),
    "unet_resizebilinear_prelu_pruned_30": ((720, 1280, 3), 12_423_003, 179.398),
    "unet_resizebilinear_prelu_pruned_50": ((720, 1280, 3), 8_902_419, 127.344),
    "unet_small": ((720, 1280, 3), 19_711, 1.762),
    "edsr": ((720, 1280, 3), 271_083, 249.031),
    "rdn": ((720, 1280, 3), 264_291, 242.713),
    "dbpn": ((720, 1280, 3), 3_603_363, 242.196),
    "inception_resnetv2_fpn": ((720, 1280, 3), 30_577_987, 249.992),
    "sgn": ((720, 1280, 3), 1_442_363, 246.841),
    "smallnet": ((1088, 1920, 3), 4_652, 2.406),
}


def test_every_network_has_its_figures() -> None:
    assert list(NETWORKS) == list(CATALOGUE)


@pytest.mark.parametrize("name", CATALOGUE)
def test_counts(name: str) -> None:
    network = define(name)
    assert (network.output, network.parameters, round(network.macs / 1e9, 3)) == NETWORKS[name]


@pytest.mark.parametrize("name", CATALOGUE)
def test_published_figures(name: str) -> None:
    network = define(name)
    for figure in CATALOGUE[name].figures:
        if figure.quantity != "tflite_bytes":
            counted = getattr(network, figure.quantity)
            assert figure.hit(counted) is not bool(figure.remark), (figure, counted)


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
