"""ONNX files as PyTorch modules, and their weights back in the files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import revived_files as files
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases
from revived_files import random

from npulint.errors import ModelFileError, UsageError
from npulint.recovering.operators_onnx import OPERATORS
from npulint.recovering.revived import revive
from npulint.recovering.revived_writing import refreshed

node = helper.make_node


# -- every operator, by onnx's own cases --


NUMBERS = frozenset({"float32", "float64", "int32", "int64", "bool", "int8", "uint8", "int16"})
"""Types of arrays that PyTorch takes over from numpy and computes with everywhere."""

REFUSED = {
    "antialias": "widen their kernel",
    "tf_crop_and_resize": "coordinates tf_crop_and_resize",
    "nearest_not_larger": "keep the aspect ratio",
    "nearest_not_smaller": "keep the aspect ratio",
    "select_last_index": "last of several equal samples",
    "averagepool_2d_dilations": "dilations",
    "averagepool_3d_dilations": "dilations",
    "lppool_2d_dilations": "dilations",
    "gathernd_example_int32_batch_dim1": "by batch",
    "training_mode": "more than its first result",
    "maxpool_with_argmax": "more than its first result",
    "training_dropout": "drops while it runs",
    "spacetodepth_crd": "outermost",
}
"""Parts of cases' names, and of what is said of them."""

OTHERWISE = {
    "maxpool_2d_uint8": "onnxruntime alone pads integers",
    "reduce_max_empty_set": "nothing to take a maximum of",
    "reduce_min_empty_set": "nothing to take a minimum of",
    "resize_downsample_scales_linear_align_corners": "sizes that are not whole",
    "resize_downsample_scales_cubic_align_corners": "sizes that are not whole",
}
"""Cases that mean what no runtime here, or no image, has."""


@cache
def operator_cases() -> tuple[Any, ...]:
    with np.errstate(all="ignore"):
        return tuple(case for case in collect_testcases(None) if takes(case))


def takes(case: Any) -> bool:
    """Whether a case is about operators that are computed, with numbers that PyTorch has."""
    model = case.model
    if model is None or model.functions or any(part in case.name for part in OTHERWISE):
        return False
    if not {each.op_type for each in model.graph.node} <= set(OPERATORS):
        return False
    arrays = [each for pair in case.data_sets for side in pair for each in side]
    return all(isinstance(each, (np.ndarray, np.generic)) for each in arrays) and all(
        str(each.dtype) in NUMBERS for each in arrays
    )


def refusal(name: str) -> str | None:
    return next((words for part, words in REFUSED.items() if part in name), None)


def test_operators_are_those_of_the_standard(tmp_path: Path, full: bool) -> None:
    cases = operator_cases()
    assert len(cases) > 600
    for case in cases if full else cases[::4]:
        path = files.written(tmp_path, case.model)
        words = refusal(case.name)
        if words is not None:
            with pytest.raises(UsageError, match=words):
                revive(path)
            continue
        module = revive(path)
        for inputs, outputs in case.data_sets:
            for made, wanted in zip(files.by_pytorch(module, inputs), outputs, strict=True):
                assert made.shape == wanted.shape, case.name
                assert made.dtype == wanted.dtype, case.name
                np.testing.assert_allclose(made, wanted, 1e-3, 1e-5, err_msg=case.name)


# -- which weights are trained --


def conv_net(kernel: Any, bias: Any = None, **more: Any) -> onnx.ModelProto:
    stored = {"w": np.asarray(kernel, np.float32)}
    if bias is not None:
        stored["b"] = np.asarray(bias, np.float32)
    channels = stored["w"].shape[1] * more.get("group", 1)
    return files.onnx_model(
        [node("Conv", ["x", *stored], ["y"], **more)], {"x": [1, channels, 6, 6]}, ["y"], stored
    )


EYE = np.eye(4, dtype=np.float32)
TENT = np.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25])

FIXED_KERNELS = {
    "identity": (EYE[:, :, None, None], {}),
    "pixel shuffle": (np.roll(np.repeat(EYE, 2, 0), 1, 0)[:, :, None, None], {}),
    "mean": (np.full((3, 3, 1, 1), 1 / 3), {}),
    "less its mean": ((EYE - 0.25)[:, :, None, None], {}),
    "depthwise interpolation": (np.stack([TENT[None]] * 4), {"group": 4}),
    "two phases for each channel": (
        np.tile(np.float32([[0.75, 0.25], [0.25, 0.75]]).reshape(2, 1, 1, 2), (4, 1, 1, 1)),
        {"group": 4},
    ),
    "box": (np.full((1, 1, 3, 3), 1 / 9), {}),
}


@pytest.mark.parametrize("name", FIXED_KERNELS)
def test_kernels_that_stand_for_other_operators_stay(tmp_path: Path, name: str) -> None:
    kernel, more = FIXED_KERNELS[name]
    path = files.written(tmp_path, conv_net(kernel, np.zeros(len(kernel)), **more))
    assert revive(path).trained == ()
    changed = np.array(kernel, np.float32) + random(*np.shape(kernel)) * 0.01
    path = files.written(tmp_path, conv_net(changed, np.zeros(len(kernel)), **more))
    assert revive(path).trained == ("w", "b")


def test_kernels_of_nothing_are_trained(tmp_path: Path) -> None:
    path = files.written(tmp_path, conv_net(np.zeros((4, 4, 3, 3))))
    assert revive(path).trained == ("w",)


VECTORS = {
    "gamma": ("Mul", random(1, 4, 1, 1), True),
    "gamma at first": ("Mul", np.ones((4, 1, 1)), True),
    "beta at first": ("Add", np.zeros((1, 4, 1, 1)), True),
    "shift": ("Sub", random(4, 1, 1), True),
    "factor": ("Mul", np.full((1, 4, 1, 1), 0.5), False),
    "one number": ("Mul", random(1), False),
    "epsilon": ("Add", np.full((1, 4, 1, 1), 1e-6), False),
    "mask of channels": ("Mul", np.float32([1, 0, 1, 0]).reshape(1, 4, 1, 1), False),
    "along a row": ("Mul", random(1, 1, 1, 6), False),
    "along everything": ("Mul", random(1, 4, 6, 6), False),
}


@pytest.mark.parametrize("name", VECTORS)
def test_scales_and_shifts_are_trained_and_masks_and_factors_are_not(
    tmp_path: Path, name: str
) -> None:
    op, vector, is_trained = VECTORS[name]
    model = files.onnx_model(
        [node(op, ["x", "v"], ["y"])],
        {"x": [1, 4, 6, 6]},
        ["y"],
        {"v": np.asarray(vector, np.float32)},
    )
    assert revive(files.written(tmp_path, model)).trained == (("v",) if is_trained else ())


def test_a_tensor_that_is_also_something_else_stays(tmp_path: Path) -> None:
    model = files.onnx_model(
        [
            node("Conv", ["x", "w"], ["c"]),
            node("Mul", ["c", "w"], ["m"]),
            node("Conv", ["m", "w"], ["y"]),
        ],
        {"x": [1, 4, 6, 6]},
        ["y"],
        {"w": random(4, 4, 1, 1)},
    )
    model.graph.node[1].op_type = "Pow"
    assert revive(files.written(tmp_path, model)).trained == ()


def test_a_tensor_of_several_nodes_is_one_weight(tmp_path: Path) -> None:
    model = files.onnx_model(
        [node("Conv", ["x", "w"], ["c"]), node("Conv", ["c", "w"], ["y"])],
        {"x": [1, 4, 6, 6]},
        ["y"],
        {"w": random(4, 4, 3, 3)},
    )
    module = files.see_that_it_computes(files.written(tmp_path, model))
    assert module.trained == ("w",)
    assert len(list(module.parameters())) == 1


# -- refused --


def test_operators_that_are_not_computed_are_named(tmp_path: Path) -> None:
    nodes = [node("NonZero", [f"v{i}"], [f"v{i + 1}"]) for i in range(7)]
    model = files.onnx_model(nodes, {"v0": [4]}, ["v7"])
    with pytest.raises(UsageError, match=r"node 0 \(NonZero\).*node 4 \(NonZero\).*and 2 more"):
        revive(files.written(tmp_path, model))


def test_modes_of_no_standard_are_refused(tmp_path: Path) -> None:
    scales = {"s": np.float32([1, 1, 2, 2])}
    model = files.onnx_model(
        [node("Resize", ["x", "", "s"], ["y"], nearest_mode="nearby")],
        {"x": [1, 1, 4, 4]},
        ["y"],
        scales,
    )
    with pytest.raises(UsageError, match="modes nearest and nearby"):
        revive(files.written(tmp_path, model))


def test_sparse_weights_are_refused(tmp_path: Path) -> None:
    model = files.onnx_model([node("Conv", ["x", "w"], ["y"])], {"x": [1, 4, 6, 6]}, ["y"])
    values = numpy_helper.from_array(np.float32([1, 2]), "w")
    places = numpy_helper.from_array(np.int64([0, 5]))
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [4, 4, 3, 3]))
    with pytest.raises(UsageError, match="w is stored sparse"):
        revive(files.written(tmp_path, model))


def test_quantised_files_are_refused(tmp_path: Path) -> None:
    model = files.onnx_model(
        [node("QuantizeLinear", ["x", "s"], ["q"]), node("DequantizeLinear", ["q", "s"], ["y"])],
        {"x": [4]},
        ["y"],
        {"s": np.float32(0.1)},
    )
    with pytest.raises(UsageError, match="recover a model before quantising it"):
        revive(files.written(tmp_path, model))


def test_data_outside_the_folder_is_not_opened(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    path = inside / "model.onnx"
    onnx.save(
        conv_net(random(4, 4, 3, 3)),
        path,
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )
    path.write_bytes(path.read_bytes().replace(b"weights.bin", b"../outs.bin"))
    (tmp_path / "outs.bin").write_bytes(bytes(4 * 4 * 9 * 4))
    with pytest.raises(ModelFileError, match="outside the model's folder"):
        revive(path)


def test_inputs_are_counted(tmp_path: Path) -> None:
    module = revive(files.written(tmp_path, conv_net(random(4, 4, 3, 3))))
    with pytest.raises(UsageError, match="has 1 inputs, and 2 were given"):
        module(torch.zeros(1, 4, 6, 6), torch.zeros(1))


# -- weights back in the file --


def raw(name: str, array: Any) -> onnx.TensorProto:
    return numpy_helper.from_array(array, name)


def listed(name: str, array: Any) -> onnx.TensorProto:
    """A tensor in the typed field of its type."""
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    return helper.make_tensor(name, kind, array.shape, array.reshape(-1).tolist())


STORED = {
    "raw": (raw, np.float32),
    "float_data": (listed, np.float32),
    "raw float16": (raw, np.float16),
    "int32_data of float16": (listed, np.float16),
}


def stored_in(form: str) -> onnx.ModelProto:
    """Two convolutions and a scale, one of them after a Constant node, with their notes."""
    make, dtype = STORED[form]
    kinds = {np.float32: TensorProto.FLOAT, np.float16: TensorProto.FLOAT16}
    first, second = (random(4, 4, 3, 3, seed=i).astype(dtype) for i in (1, 2))
    stored = [make("w", first), make("g", random(1, 4, 1, 1).astype(dtype)), raw("f", dtype(0.5))]
    stored[0].doc_string = "kept"
    nodes = [
        node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        node("Mul", ["c", "g"], ["d"]),
        node("Constant", [], ["k"], value=make("k", second)),
        node("Mul", ["d", "f"], ["e"]),
        node("Conv", ["e", "k"], ["y"], pads=[1, 1, 1, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "main",
        [helper.make_tensor_value_info("x", kinds[dtype], [1, 4, 6, 6])],
        [helper.make_tensor_value_info("y", kinds[dtype], [1, 4, 6, 6])],
        stored,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    model.metadata_props.add(key="note", value="kept too")
    return model


def tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from model.graph.initializer
    for each in model.graph.node:
        yield from (attribute.t for attribute in each.attribute if attribute.name == "value")


@pytest.mark.parametrize("form", STORED)
def test_only_trained_tensors_change_in_the_file(tmp_path: Path, form: str) -> None:
    path = files.written(tmp_path, stored_in(form))
    module = revive(path)
    assert set(module.trained) == {"w", "g", "k"}
    assert refreshed(path, module) == path.read_bytes()
    inputs = [random(1, 4, 6, 6)]
    losses = files.trained(module, inputs)
    assert losses[-1] < losses[0]
    new = onnx.load_from_string(refreshed(path, module))
    weights = dict(zip(module.trained, module.weights, strict=True))
    for tensor in tensors(new):
        if tensor.name in weights:
            wanted = weights[tensor.name].detach().numpy()
            made = numpy_helper.to_array(tensor)
            np.testing.assert_array_equal(made, wanted.astype(made.dtype))
    # Without the elements, the file is the one that it was.
    old = onnx.load(path)
    for model in (old, new):
        for tensor in tensors(model):
            for name in ("raw_data", "float_data", "int32_data"):
                tensor.ClearField(name)
    assert new == old
    again = files.written(tmp_path, refreshed(path, module), "again.onnx")
    if not form.endswith("float16"):
        files.see_that_it_computes(again, inputs)


def test_data_of_other_files_comes_into_the_file(tmp_path: Path) -> None:
    model = stored_in("raw")
    whole = onnx.load_from_string(model.SerializeToString())
    path = tmp_path / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="w.bin", size_threshold=0)
    module = revive(path)
    assert onnx.load_from_string(refreshed(path, module)) == whole
    files.trained(module, [random(1, 4, 6, 6)])
    alone = tmp_path / "alone"
    alone.mkdir()
    again = revive(files.written(alone, refreshed(path, module)))
    for one, other in zip(again.weights, module.weights, strict=True):
        assert torch.equal(one, other)


def test_another_file_and_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    path = files.written(tmp_path, stored_in("raw float16"))
    module = revive(path)
    other = files.written(tmp_path, stored_in("raw"), "other.onnx")
    with pytest.raises(UsageError, match="not the file that the weights were trained for"):
        refreshed(other, module)
    with torch.no_grad():
        module.weights[0].mul_(1e6)
    with pytest.raises(UsageError, match="float16 does not hold"):
        refreshed(path, module)
