"""The same study with the networks themselves, built as the framework writes them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import npulint
from npulint.reference_models import define
from npulint.reference_models.export import Recipe, export
from tests.devices.paper import PHONES
from tests.devices.test_paper import RAN, named

SIZE = (64, 96)
"""Footnotes name no sizes, and so none of what is said hangs on them."""

BUILT = {
    ("EDSR*", "float"): "edsr",
    ("SGN*", "float"): "sgn",
    ("RDN*", "float"): "rdn",
    ("Inception-ResNetV2-FPN*", "float"): "inception_resnetv2_fpn",
    ("U-Net*", "float"): "unet_transposeconv_relu",
    ("UNet-TransposeConv-Relu", "float"): "unet_transposeconv_relu",
    ("UNet-TransposeConv-PRelu", "float"): "unet_transposeconv_prelu",
    ("UNet-DepthToSpace-Relu", "float"): "unet_depthtospace_relu",
    ("UNet-DepthToSpace-PRelu", "float"): "unet_depthtospace_prelu",
    ("UNet-ResizeBilinear-Relu", "float"): "unet_resizebilinear_relu",
    ("UNet-ResizeBilinear-PRelu", "float"): "unet_resizebilinear_prelu",
    ("UNet-ResizeBilinear-PRelu", "8-bit PTQ"): "unet_resizebilinear_prelu",
    **{
        (f"UNet-ResizeBilinear-PRelu, -{share} % MAC", "float"): (
            f"unet_resizebilinear_prelu_pruned_{share}"
        )
        for share in (5, 10, 20, 30, 50)
    },
}
"""The reference network of each row that has one. The others were trained with quantisation, which
changes no operator, or ran nowhere."""

SAMPLE = (("EDSR*", "float"), ("SGN*", "float"))

FOLDED = {("Inception-ResNetV2-FPN*", "MUL")}
"""What a footnote names and today's converter folds into the convolution before it."""

SURPLUS = {
    ("Inception-ResNetV2-FPN*", "float", "pixel-4"): {"CONCATENATION": 24},
    ("UNet-ResizeBilinear-PRelu, -50 % MAC", "float", "pixel-4"): {
        "CONCATENATION": 4,
        "CONV_2D": 4,
    },
}
"""Nodes of which we say that they may fall back although no footnote names them."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "row" in metafunc.fixturenames:
        full = metafunc.config.getoption("--full")
        metafunc.parametrize("row", BUILT if full else SAMPLE, ids=", ".join)


def test_every_row_that_ran_has_its_network() -> None:
    rows = {(cell.network, cell.type) for cell in RAN}
    assert rows - BUILT.keys() == {
        ("UNet-ResizeBilinear-PRelu", "8-bit QAT"),
        ("UNet-ResizeBilinear-PRelu, -5 % MAC", "8-bit QAT"),
    }
    assert BUILT.keys() <= rows


def test_what_falls_is_what_the_footnotes_name(row: tuple[str, str], tmp_path: Path) -> None:
    network, kind = row
    path = tmp_path / "network.tflite"
    recipe = Recipe("tflite", quantize="none" if kind == "float" else "int8")
    export(define(BUILT[row], SIZE), path, recipe)
    (result,) = npulint.check(path, PHONES).models
    assert result.model is not None
    (graph,) = result.model.graphs
    by_phone = dict(zip(PHONES, result.targets, strict=True))
    for cell in (c for c in RAN if (c.network, c.type) == row):
        verdicts = by_phone[cell.phone].verdicts[0]
        (delegation,) = by_phone[cell.phone].delegations
        meant: set[int] = set()
        for words in cell.fallen:
            if (network, words) in FOLDED:
                assert words not in {node.op for node in graph.nodes}
                continue
            nodes = {node.index for node in named(graph, words)}
            fallen = {i for i in nodes if delegation.delegated[i] is not True}
            assert fallen == {i for i in nodes if verdicts[i].status != "supported"}
            assert fallen if words.startswith("some ") else fallen == nodes, (cell, words)
            meant |= nodes
        rest = [node for node in graph.nodes if node.index not in meant]
        assert not [node for node in rest if verdicts[node.index].status == "unsupported"]
        doubted = Counter(node.op for node in rest if verdicts[node.index].status == "unknown")
        assert doubted == SURPLUS.get((*row, cell.phone), {}), cell
