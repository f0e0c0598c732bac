"""Normalisations are found in whatever form an exporter writes them, with the right numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from npulint.fixers.norm_reading import Normalisation, recognise
from npulint.formats import load

SCALE, SHIFT = np.array([1.5, 2, 0.25], np.float32), np.array([0, -1, 3], np.float32)


def written(folder: Path, *nodes: str, opset: int = 17) -> Path:
    """A model of nodes `y = Op a b; attribute=value`, of x `[2, 3, 4, 5]` and named constants."""
    stored = {
        "axes": np.array([1]), "eps": np.float32(1e-5), "two": np.float32(2),
        "scale": SCALE.reshape(3, 1, 1), "shift": SHIFT.reshape(3, 1, 1),
        "gamma": SCALE, "beta": SHIFT,
    }  # fmt: skip
    made = []
    for line in nodes:
        head, _, tail = line.partition(";")
        result, _, call = head.partition("=")
        op, *operands = call.split()
        attributes = {k: eval(v) for k, v in (a.split("=") for a in tail.split())}
        made.append(helper.make_node(op, operands, [result.strip()], **attributes))
    graph = helper.make_graph(
        made, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3, 4, 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3, 4, 5])],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in stored.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path = folder / "model.onnx"
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return path


LAYER = (
    "m = ReduceMean x; axes=[1]", "c = Sub x m", "q = Pow c two", "v = ReduceMean q; axes=[1]",
    "e = Add v eps", "d = Sqrt e", "n = Div c d", "s = Mul n scale", "y = Add s shift",
)  # fmt: skip


def test_a_layer_norm_over_channels_is_found(tmp_path: Path) -> None:
    (found,) = recognise(load(written(tmp_path, *LAYER)).graphs[0]).values()
    assert isinstance(found, Normalisation), found
    assert (found.kind, found.axes, found.channel_axis, found.groups) == ("layer", (1,), 1, 1)
    assert found.nodes == tuple(range(9))
    assert found.epsilon == pytest.approx(1e-5)
    assert found.scale is not None
    assert found.shift is not None
    assert np.array_equal(found.scale, SCALE)
    assert np.array_equal(found.shift, SHIFT)
