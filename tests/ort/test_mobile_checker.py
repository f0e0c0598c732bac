"""Pixel shuffles that ONNX Runtime's own checker calls usable, and that its provider refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnxruntime.tools.mobile_helpers import usability_checker

import npulint
from tests.formats import onnx_building as build

node = helper.make_node


def weights(name: str, *shape: int) -> TensorProto:
    drawn = np.random.default_rng(len(name)).standard_normal(shape)
    return numpy_helper.from_array(drawn.astype(np.float32), name)


def shuffle(x: str, y: str) -> NodeProto:
    """As PyTorch writes a PixelShuffle."""
    return node("DepthToSpace", [x], [y], blocksize=2, mode="CRD")


def once() -> ModelProto:
    """Convolutions at low resolution, and one shuffle at the end."""
    nodes = [
        node("Conv", ["x", "wa"], ["a"], pads=[1] * 4),
        node("Relu", ["a"], ["b"]),
        node("Conv", ["b", "wbb"], ["c"], pads=[1] * 4),
        shuffle("c", "y"),
    ]
    stored = [weights("wa", 8, 3, 3, 3), weights("wbb", 12, 8, 3, 3)]
    ends = [build.floats("x", 1, 3, 8, 8)], [build.floats("y", 1, 3, 16, 16)]
    return build.model(build.graph(nodes, *ends, stored))


def twice() -> ModelProto:
    """Two shuffles, one of them of what is also read elsewhere."""
    nodes = [
        node("Conv", ["x", "w"], ["a"], pads=[1] * 4),
        node("Relu", ["a"], ["b"]),
        shuffle("b", "c"),
        node("Conv", ["c", "ww"], ["d"], pads=[1] * 4),
        shuffle("d", "e"),
        node("Sigmoid", ["c"], ["z"]),
        node("Relu", ["e"], ["y"]),
    ]
    stored = [weights("w", 16, 3, 3, 3), weights("ww", 12, 4, 3, 3)]
    outputs = [build.floats("y", 1, 3, 32, 32), build.floats("z", 1, 4, 16, 16)]
    return build.model(build.graph(nodes, [build.floats("x", 1, 3, 8, 8)], outputs, stored))


@pytest.fixture(params=[once, twice])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return build.write(tmp_path, onnx.shape_inference.infer_shapes(request.param()))


def test_the_checker_calls_it_usable_though_its_own_table_says_no(path: Path) -> None:
    found = usability_checker.check_nnapi_partitions(onnx.load(path), True)
    assert found.suitability() == usability_checker.PartitioningInfo.TryWithEP.YES
    assert usability_checker.analyze_model(path) is True
    table = Path(usability_checker.__file__).with_name("nnapi_supported_ops.md")
    assert "Only DCR mode DepthToSpace is supported" in table.read_text(encoding="utf-8")


@pytest.mark.parametrize("level", ["1.0", "1.1", "1.2", "1.3"])
def test_the_provider_refuses_its_shuffles_for_their_mode(path: Path, level: str) -> None:
    (result,) = npulint.check(path, [f"ort-nnapi-{level}"]).models[0].targets
    nodes = npulint.load(path).graphs[0].nodes
    shuffles = [each.index for each in nodes if each.op == "DepthToSpace"]
    for index in shuffles:
        verdict = result.verdicts[0][index]
        assert verdict.validation == "refused"
        assert "mode must be DCR" in " ".join(reason.message for reason in verdict.reasons)
    assert {result.delegations[0].delegated[index] for index in shuffles} == {False}


def test_fix_cures_it_and_both_compute_the_same(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.onnx"
    result = npulint.fix(path, ["ort-nnapi-1.3"], output=out)
    assert (result.complete, result.exactness) == (True, "exact")
    assert result.comparison is not None
    assert result.comparison.same
    (after,) = npulint.check(out, ["ort-nnapi-1.3"]).models[0].targets
    assert after.coverage.nodes == 1
    assert sum(piece.handed_over for piece in after.partitions) == 1
    assert npulint.verify(path, out, runs=2).same
