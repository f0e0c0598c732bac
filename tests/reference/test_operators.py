"""The operators of every network: by its definition, and as the exporters write them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import camera_tables
import numpy as np
import pytest
from inventory import Writer, operators, parsed
from sample import SAMPLE
from sizes import check_size

import npulint
from npulint.portability import Cell, judged
from npulint.reference_models import CATALOGUE, define
from npulint.reference_models.export import attempt
from npulint.reference_models.layers import Shape
from npulint.reference_models.network import Network, Sketch
from npulint.reference_models.networks.nafnet import Design, nafnet
from npulint.reference_models.papers import motion
from npulint.reference_models.recipe import Recipe
from npulint.reference_models.trial import run, small
from npulint.reports.portability import NAME, read_json

DOCS = Path(__file__).parents[2] / "docs"

ONNX = {
    "unet_transposeconv_relu": "Conv 41, Relu 40, MaxPool 4, Concat 4, ConvTranspose 4",
    "unet_transposeconv_prelu": "Conv 41, PRelu 40, MaxPool 4, Concat 4, ConvTranspose 4",
    "unet_depthtospace_relu": "Conv 41, Relu 40, MaxPool 4, Concat 4, DepthToSpace 4",
    "unet_depthtospace_prelu": "Conv 41, PRelu 40, MaxPool 4, Concat 4, DepthToSpace 4",
    "unet_resizebilinear_relu": "Conv 41, Relu 40, MaxPool 4, Concat 4, Resize 4",
    "unet_resizebilinear_prelu": "Conv 41, PRelu 40, MaxPool 4, Concat 4, Resize 4",
    "unet_resizebilinear_prelu_pruned_50": "Conv 41, PRelu 40, MaxPool 4, Concat 4, Resize 4",
    "edsr": "Conv 25, Relu 11, Add 12",
    "rdn": "Conv 45, Relu 30, Concat 31, Add 11",
    "dbpn": "Conv 21, ConvTranspose 12, PRelu 32, Sub 8, Add 8, Concat 7",
    "inception_resnetv2_fpn": (
        "Conv 150, Relu 144, Mul 20, Add 25, Concat 24, Resize 8, MaxPool 4, AveragePool, Tanh"
    ),
    "sgn": "Conv 21, LeakyRelu 20, SpaceToDepth 2, DepthToSpace 2, Concat 2, Add 2",
    "pmrid": "Conv 88, Relu 35, Add 22, ConvTranspose 4",
    "pmrid_mofa": "Conv 96, Split 39, Concat 39, Relu 35, Add 22, Resize 4",
    "nafnet_tiny": (
        "Conv 50, ReduceMean 28, Sub 14, Mul 63, Add 46, Sqrt 14, Div 14, Split 14, "
        "GlobalAveragePool 7, DepthToSpace 3"
    ),
    "nafnet_tiny_nonorm": "Conv 50, Split 14, Mul 35, GlobalAveragePool 7, Add 18, DepthToSpace 3",
    "nafnet_mofa": (
        "Conv 56, Split 27, Concat 13, AveragePool 3, Resize 3, GlobalAveragePool 7, "
        "ReduceMean 28, Sub 14, Mul 63, Add 46, Sqrt 14, Div 14"
    ),
    "smallnet": "Conv 3, Tanh, Relu 2, DepthToSpace",
    **camera_tables.ONNX,
}

TFLITE = {
    "unet_transposeconv_relu": "CONV_2D 41, MAX_POOL_2D 4, CONCATENATION 4, TRANSPOSE_CONV 4",
    "unet_transposeconv_prelu": (
        "CONV_2D 41, PRELU 40, MAX_POOL_2D 4, CONCATENATION 4, TRANSPOSE_CONV 4"
    ),
    "unet_depthtospace_relu": "CONV_2D 41, MAX_POOL_2D 4, CONCATENATION 4, DEPTH_TO_SPACE 4",
    "unet_resizebilinear_prelu": (
        "CONV_2D 41, PRELU 40, MAX_POOL_2D 4, CONCATENATION 4, RESIZE_BILINEAR 4"
    ),
    "edsr": "CONV_2D 25, ADD 12",
    "rdn": "CONV_2D 45, CONCATENATION 31, ADD 11",
    "dbpn": "CONV_2D 21, TRANSPOSE_CONV 12, PRELU 32, SUB 8, ADD 8, CONCATENATION 7",
    "inception_resnetv2_fpn": (
        "CONV_2D 150, MUL 20, ADD 25, CONCATENATION 24, RESIZE_NEAREST_NEIGHBOR 8, "
        "MAX_POOL_2D 4, AVERAGE_POOL_2D, TANH"
    ),
    "sgn": (
        "CONV_2D 21, LEAKY_RELU 20, SPACE_TO_DEPTH 2, DEPTH_TO_SPACE 2, CONCATENATION 2, ADD 2"
    ),
    "pmrid": "CONV_2D 45, DEPTHWISE_CONV_2D 43, ADD 22, TRANSPOSE_CONV 4",
    "pmrid_mofa": (
        "CONV_2D 66, DEPTHWISE_CONV_2D 30, SPLIT 19, SPLIT_V 20, CONCATENATION 39, ADD 22, "
        "RESIZE_BILINEAR 4"
    ),
    "nafnet_tiny": (
        "CONV_2D 43, DEPTHWISE_CONV_2D 7, SPLIT 14, MUL 77, MEAN 35, ADD 46, SUB 14, RSQRT 14, "
        "DEPTH_TO_SPACE 3"
    ),
    "nafnet_mofa": (
        "CONV_2D 48, DEPTHWISE_CONV_2D 8, SPLIT 16, SPLIT_V 11, CONCATENATION 13, "
        "AVERAGE_POOL_2D 3, RESIZE_BILINEAR 3, MUL 77, MEAN 35, ADD 46, SUB 14, RSQRT 14"
    ),
    "smallnet": "CONV_2D 3, TANH, DEPTH_TO_SPACE",
    **camera_tables.TFLITE,
}

# What the converter folds into convolutions, or puts around them.
CONVERTED = {
    "inception_resnetv2_fpn": {"MUL": -20},
    "pmrid": {"PAD": 8},
    "pmrid_mofa": {"PAD": 8},
    "nafnet_tiny": {"MUL": -14},
    "nafnet_mofa": {"MUL": -14},
    **camera_tables.CONVERTED,
}


@pytest.mark.parametrize("name", ONNX)
def test_operators_of_onnx(name: str) -> None:
    assert operators(define(name), "onnx") == parsed(ONNX[name])


@pytest.mark.parametrize("name", TFLITE)
def test_operators_of_tflite(name: str) -> None:
    network = define(name)
    canonical = operators(network, "tflite")
    assert canonical == parsed(TFLITE[name])
    converted = operators(network, "converter")
    converted.subtract(canonical)
    assert {op: n for op, n in converted.items() if n} == CONVERTED.get(name, {})


RECIPES: dict[Writer, Recipe] = {
    "dynamo": Recipe("onnx"),
    "torchscript": Recipe("onnx", exporter="torchscript", opset=17),
    "converter": Recipe("tflite"),
}

TOLERANCE = 1e-4  # of the output's range


@pytest.mark.parametrize("name", CATALOGUE)
def test_exports_have_these_operators_and_agree(name: str, full: bool, tmp_path: Path) -> None:
    # Local means of few rows are one row, which is padded in fewer steps: counted below instead.
    counted = not name.endswith(("_cumsum", "_avgpool"))
    writers = tuple(RECIPES) if full or name in SAMPLE else ("converter", "dynamo")
    check_exports(define(name, small(name)), tmp_path, writers, counted=counted)
    check_size(name, (tmp_path / "converter.tflite").stat().st_size)
    check_map(name, tmp_path / "converter.tflite", tmp_path / "dynamo.onnx", counted=counted)


MAP = read_json((DOCS / f"{NAME}.json").read_text(encoding="utf-8"))


def check_map(name: str, *paths: Path, counted: bool) -> None:
    """Hold what targets and devices refuse of small files against the map of the large ones."""
    (row,) = (row for row in MAP.rows if row.network == name)
    targets = [target for target, _ in MAP.columns]
    for form, result in zip(row.forms, npulint.check(paths, targets).models, strict=True):
        _, cells = judged(result)
        assert refusals(cells, counted) == refusals(form.cells, counted), "run make map"


def refusals(cells: Mapping[str, Cell], counted: bool) -> dict[str, object]:
    """What each target refuses and does not know: how often, or only which operators."""
    if counted:
        return {target: (cell.refused, cell.unknown) for target, cell in cells.items()}
    return {target: (set(cell.refused), set(cell.unknown)) for target, cell in cells.items()}


# Networks of three blocks, for the ways in which the larger ones of the catalogue are wired.
TINY = Design(8, (1,), 1, (1,), patch=32)
WIRED = {
    "cumsum": replace(TINY, pooling="cumsum"),
    "avgpool": replace(TINY, pooling="avgpool"),
    **{
        f"{gate.activation} {gate.norm} {gate.enlargement}": replace(TINY, gate=gate)
        for gate in motion.GATES.values()
    },
    **{
        f"separable {ending}": replace(TINY, separable=stages)
        for ending, stages in motion.SEPARABLE.items()
    },
}


@pytest.mark.parametrize("wiring", WIRED)
def test_exports_of_each_wiring_agree(wiring: str, tmp_path: Path) -> None:
    sketch = Sketch("wired", Shape(56, 64, 3))
    nafnet(sketch, WIRED[wiring])
    check_exports(sketch.finish(), tmp_path)


def check_exports(
    network: Network,
    folder: Path,
    writers: tuple[Writer, ...] = tuple(RECIPES),
    *,
    counted: bool = True,
) -> None:
    """Export with each writer; count operators, run and compare."""
    image = np.random.default_rng(3).uniform(0, 1, (1, *network.image)).astype(np.float32)
    outputs = []
    for writer in writers:
        recipe = RECIPES[writer]
        path = folder / f"{writer}.{recipe.format}"
        path.write_bytes(attempt(network, recipe).demanded(network.name))
        nodes = npulint.load(path).graphs[0].nodes
        found = Counter(node.op for node in nodes if node.op != "Constant")
        assert not counted or found == operators(network, writer), writer
        outputs.append(run(path, image))
    assert all(output.shape == (1, *network.output) for output in outputs)
    spread = np.ptp(outputs[0])
    assert spread > 0.1, "a constant output proves nothing"
    for output in outputs[1:]:
        assert np.abs(output - outputs[0]).max() < TOLERANCE * spread
