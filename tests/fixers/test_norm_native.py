"""Normalisations that ONNX has operators for, with what exporters put around them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from norm_spellings import found_in
from onnx import TensorProto, helper, numpy_helper

from npulint.fixers.norms.reading import Normalisation
from npulint.fixers.record import Refusal

# Nodes `y = Op a b; attribute=value` of ONNX alone, of x `[2, 6, 4, 5]`, with the opset that
# they are of and the fields of the record that they are found as.
NATIVE: tuple[tuple[str, int, dict[str, Any]], ...] = (
    ("y = InstanceNormalization x gamma beta; epsilon=0.5", 17,
     {"kind": "instance", "axes": (2, 3), "epsilon": 0.5, "scale": "gamma", "shift": "beta"}),
    ("y = InstanceNormalization x gamma beta", 17, {"kind": "instance", "epsilon": 1e-5}),
    ("y = GroupNormalization x three three; num_groups=3", 18,
     {"kind": "group", "groups": 3, "axes": (1, 2, 3), "scale": "twice", "shift": "twice"}),
    ("y = GroupNormalization x gamma beta; num_groups=3", 21,
     {"kind": "group", "groups": 3, "scale": "gamma", "shift": "beta"}),
    ("y = GroupNormalization x gamma beta; num_groups=6", 21, {"kind": "instance", "groups": 1}),
    ("y = GroupNormalization x gamma beta; num_groups=1", 21, {"kind": "group", "groups": 1}),
    ("y = LayerNormalization x five; axis=-1", 17,
     {"kind": "layer", "axes": (3,), "channel_axis": 3, "scale": "five", "shift": None}),
    ("y = LayerNormalization x map map; axis=1", 17,
     {"kind": "layer", "axes": (1, 2, 3), "scale": "map", "shift": "map"}),
    ("y = RMSNormalization x five; axis=3 epsilon=0.25", 23,
     {"kind": "rms", "axes": (3,), "epsilon": 0.25, "scale": "five", "shift": None}),
    ("s = Reshape x split; a = InstanceNormalization s ones zeros; b = Reshape a whole; "
     "c = Mul b column; y = Add column c", 17,
     {"kind": "group", "groups": 3, "channel_axis": 1, "scale": "gamma", "shift": "gamma"}),
    ("h = Shape x; s = Reshape x split; a = InstanceNormalization s ones zeros; "
     "y = Reshape a h", 11, {"kind": "group", "groups": 3, "scale": None, "shift": None}),
    ("s = Reshape x one; a = InstanceNormalization s first nought; b = Reshape a whole; "
     "c = Mul b column; y = Add c column", 17, {"kind": "group", "groups": 1, "scale": "gamma"}),
    ("w = Unsqueeze gamma last; a = InstanceNormalization x unit null; y = Mul a w", 13,
     {"kind": "instance", "scale": "gamma", "shift": None}),
    ("w = Cast double; a = InstanceNormalization x unit null; y = Mul w a", 13,
     {"kind": "instance", "scale": "gamma", "shift": None}),
    ("g = ConstantOfShape six; b = ConstantOfShape six; "
     "y = GroupNormalization x g b; num_groups=3", 21, {"kind": "group", "shift": None}),
    ("y = LayerNormalization x five computed; axis=-1", 17, {"said": "computed while"}),
    ("y m = LayerNormalization x five; axis=-1", 17, {"said": "further results"}),
    ("y = GroupNormalization x gamma beta; num_groups=4", 21, {"said": "do not fit its groups"}),
    ("a = Cast x; b = InstanceNormalization a half half; y = Cast b", 17, {"said": "float16"}),
)  # fmt: skip

GAMMA, BETA = np.linspace(0.5, 2, 6).astype(np.float32), np.linspace(-1, 1, 6).astype(np.float32)
STORED: dict[str, Any] = {
    "gamma": GAMMA, "beta": BETA, "five": np.linspace(1, 2, 5).astype(np.float32),
    "three": np.float32([1, 2, 4]), "twice": np.float32([1, 1, 2, 2, 4, 4]),
    "map": np.linspace(1, 2, 120).reshape(6, 4, 5).astype(np.float32),
    "column": GAMMA.reshape(6, 1, 1), "split": np.array([2, 3, -1]), "one": np.array([2, 1, -1]),
    "six": np.array([6]), "whole": np.array([2, 6, 4, 5]), "ones": np.ones(3, np.float32),
    "zeros": np.zeros(3, np.float32), "first": np.ones(1, np.float32),
    "nought": np.zeros(1, np.float32), "unit": np.ones(6, np.float32),
    "null": np.zeros(6, np.float32), "last": np.array([1, 2]), "half": np.ones(6, np.float16),
    "double": GAMMA.astype(np.float64).reshape(6, 1, 1),
}  # fmt: skip
CASTS = {"w": TensorProto.FLOAT, "a": TensorProto.FLOAT16, "y": TensorProto.FLOAT}


def native(folder: Path, text: str, opset: int) -> Path:
    made = []
    calls = re.split(r"; (?=\w+ = )", text)
    for call in calls:
        head, _, options = call.partition(";")
        results, _, right = head.partition("=")
        op, *operands = right.split()
        attributes = {k: float(v) if "." in v else int(v) for k, v in
                      (each.split("=") for each in options.split())}  # fmt: skip
        if op == "Cast":
            attributes["to"] = CASTS[results.strip()]
        made.append(helper.make_node(op, operands, results.split(), **attributes))
    graph = helper.make_graph(
        made, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 6, 4, 5]),
         helper.make_tensor_value_info("computed", TensorProto.FLOAT, [5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 6, 4, 5])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in STORED.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path = folder / "native.onnx"
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(("text", "opset", "wanted"), NATIVE, ids=[case[0] for case in NATIVE])
def test_onnx_operators_of_their_own_are_found(
    text: str, opset: int, wanted: dict[str, Any], tmp_path: Path
) -> None:
    (found,) = found_in(native(tmp_path, text, opset))
    if "said" in wanted:
        assert isinstance(found, Refusal)
        assert wanted["said"] in found.reason
        return
    assert isinstance(found, Normalisation), found
    for name, value in wanted.items():
        is_named = name in ("scale", "shift") and value is not None
        expected = STORED[value] if is_named else value
        if is_named:
            assert np.array_equal(getattr(found, name), expected)
        elif name == "epsilon":
            assert found.epsilon == pytest.approx(expected)
        else:
            assert getattr(found, name) == expected
