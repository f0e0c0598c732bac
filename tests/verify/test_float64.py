"""Graphs evaluated in float64: the algebra agrees far below float32's rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from npulint.errors import UsageError
from npulint.runtimes.float64 import evaluate
from tests.formats import onnx_building as build
from tests.verify import networks

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 5, 8)).astype(np.float32)
SCALE, SHIFT = (RNG.standard_normal(8).astype(np.float32) for _ in range(2))
EPSILON = np.float32(1e-5)


def model_of(*nodes: Any, shape: tuple[int, ...] = X.shape, stored: Any = ()) -> onnx.ModelProto:
    outputs = [build.floats("y", *[None] * len(shape))]
    return build.model(build.graph(nodes, [build.floats("x", *shape)], outputs, stored))


def normalised() -> np.ndarray:
    x = X.astype(np.float64)
    centred = x - x.mean(-1, keepdims=True)
    variance = (centred**2).mean(-1, keepdims=True)
    return centred / np.sqrt(variance + np.float64(EPSILON)) * SCALE + SHIFT


WEIGHTS = [networks.stored("scale", SCALE), networks.stored("shift", SHIFT)]

FUSED = model_of(
    helper.make_node("LayerNormalization", ["x", "scale", "shift"], ["y"], epsilon=1e-5),
    stored=WEIGHTS,
)

DECOMPOSED = model_of(
    helper.make_node("ReduceMean", ["x"], ["mean"], axes=[-1]),
    helper.make_node("Sub", ["x", "mean"], ["centred"]),
    helper.make_node("Mul", ["centred", "centred"], ["squares"]),
    helper.make_node("ReduceMean", ["squares"], ["variance"], axes=[-1]),
    helper.make_node("Constant", [], ["epsilon"], value_float=float(EPSILON)),
    helper.make_node("Add", ["variance", "epsilon"], ["sum"]),
    helper.make_node("Sqrt", ["sum"], ["deviation"]),
    helper.make_node("Div", ["centred", "deviation"], ["ratio"]),
    helper.make_node("Cast", ["ratio"], ["cast"], to=TensorProto.FLOAT),
    helper.make_node("Mul", ["cast", "scale"], ["scaled"]),
    helper.make_node("Add", ["scaled", "shift"], ["y"]),
    stored=WEIGHTS,
)


@pytest.mark.parametrize("model", [FUSED, DECOMPOSED], ids=["fused", "decomposed"])
def test_normalisation_in_float64(model: onnx.ModelProto) -> None:
    before = model.SerializeToString()
    found = evaluate(model, {"x": X})["y"]
    assert found.dtype == np.float64
    assert np.abs(found - normalised()).max() < 1e-12 * np.ptp(normalised())
    assert model.SerializeToString() == before


def test_transposed_convolution_and_constants_in_float64() -> None:
    kernel = RNG.standard_normal((5, 3, 2)).astype(np.float32)
    model = model_of(
        helper.make_node("ConvTranspose", ["x", "kernel"], ["z"], strides=[2]),
        helper.make_node("Constant", [], ["bias"], value_floats=[0.1, 0.2, 0.3]),
        helper.make_node("Constant", [], ["shape"], value_ints=[3, 1]),
        helper.make_node("Reshape", ["bias", "shape"], ["column"]),
        helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
        helper.make_node("Sum", ["z", "column", "zeros"], ["y"]),
        stored=[networks.stored("kernel", kernel)],
    )
    wide = np.einsum("nil,iok->nolk", X.astype(np.float64), kernel.astype(np.float64))
    wanted = wide.reshape(2, 3, 16) + np.float32([0.1, 0.2, 0.3]).astype(np.float64)[:, None]
    assert np.abs(evaluate(model, {"x": X})["y"] - wanted).max() < 1e-13


def test_bodies_are_widened() -> None:
    body = build.graph(
        [helper.make_node("Constant", [], ["c"], value_float=0.1),
         helper.make_node("Add", ["x", "c"], ["z"])],
        outputs=[build.floats("z", None)],
        name="body",
    )  # fmt: skip
    model = model_of(
        helper.make_node("Constant", [], ["yes"], value=helper.make_tensor("", 9, [], [True])),
        helper.make_node("If", ["yes"], ["y"], then_branch=body, else_branch=body),
        shape=(1,),
    )
    wanted = np.float64(np.float32(0.1)) + 1e-12
    assert evaluate(model, {"x": np.array([1e-12])})["y"].tolist() == [wanted]


def test_what_stays_narrow_is_refused() -> None:
    model = model_of(
        helper.make_node("RandomUniform", [], ["noise"], shape=[8]),
        helper.make_node("Shape", ["noise"], ["shape"]),
        helper.make_node("Expand", ["x", "shape"], ["y"]),
    )
    with pytest.raises(UsageError, match="'noise' is computed as float32"):
        evaluate(model, {"x": X})


def test_what_is_narrow_inside_is_refused() -> None:
    model = model_of(helper.make_node("GridSample", ["x", "x"], ["y"]))
    with pytest.raises(UsageError, match="GridSample has no evaluation in float64"):
        evaluate(model, {"x": X})


def test_what_the_evaluator_does_not_know_is_refused() -> None:
    model = model_of(helper.make_node("Fancy", ["x"], ["y"]))
    with pytest.raises(UsageError, match=r"reference evaluator refuses this graph: .*Fancy"):
        evaluate(model, {"x": X})
