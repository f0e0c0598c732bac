"""Resizes, transposed convolutions and margins of any sizes, against the runtimes themselves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import revived_files as files
from hypothesis import assume, given
from hypothesis import strategies as st
from onnx import helper
from revived_files import random

sys.path.insert(0, str(Path(__file__).parent.parent / "formats"))
sys.path.insert(0, str(Path(__file__).parent.parent / "fixers"))

from single import Call, tflite_case

node = helper.make_node

SIZES = st.integers(1, 7)
MODES = st.sampled_from(
    ["half_pixel", "asymmetric", "pytorch_half_pixel", "align_corners", "half_pixel_symmetric"]
)
ROUNDINGS = st.sampled_from(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])


def by_onnx(folder: Path, model: Any, x: Any) -> None:
    path = files.written(folder, model)
    files.see_that_it_computes(path, [x])


@given(
    sizes=st.tuples(SIZES, SIZES),
    made=st.tuples(SIZES, SIZES),
    mode=st.sampled_from(["nearest", "linear", "cubic"]),
    coordinates=MODES,
    rounding=ROUNDINGS,
)
def test_resizes_to_sizes(
    tmp_path_factory: Any, *, sizes: Any, made: Any, mode: str, coordinates: str, rounding: str
) -> None:
    x = random(1, 2, *sizes)
    stored = {"s": np.array([1, 2, *made], np.int64)}
    options = {"mode": mode, "coordinate_transformation_mode": coordinates}
    if mode == "nearest":
        options["nearest_mode"] = rounding
    model = files.onnx_model(
        [node("Resize", ["x", "", "", "s"], ["y"], **options)], {"x": x.shape}, ["y"], stored
    )
    by_onnx(tmp_path_factory.mktemp("resize"), model, x)


@given(
    sizes=st.tuples(SIZES, SIZES),
    scales=st.tuples(*[st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0, 2.6])] * 2),
    mode=st.sampled_from(["nearest", "linear"]),
    coordinates=st.sampled_from(["half_pixel", "asymmetric", "pytorch_half_pixel"]),
)
def test_resizes_by_scales(
    tmp_path_factory: Any, sizes: Any, scales: Any, mode: str, coordinates: str
) -> None:
    assume(all(int(size * scale) for size, scale in zip(sizes, scales, strict=True)))
    x = random(1, 2, *sizes)
    stored = {"s": np.array([1, 1, *scales], np.float32)}
    options = {"mode": mode, "coordinate_transformation_mode": coordinates}
    if mode == "nearest":
        options["nearest_mode"] = "floor"
    model = files.onnx_model(
        [node("Resize", ["x", "", "s"], ["y"], **options)], {"x": x.shape}, ["y"], stored
    )
    by_onnx(tmp_path_factory.mktemp("resize"), model, x)


@given(
    size=SIZES,
    kernel=st.integers(1, 5),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2]),
    pads=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    more=st.integers(0, 3),
    shape=st.sampled_from(["pads", "SAME_UPPER", "SAME_LOWER", "output_shape"]),
)
def test_transposed_convolutions(
    tmp_path_factory: Any,
    *,
    size: int,
    kernel: int,
    stride: int,
    dilation: int,
    groups: int,
    pads: tuple[int, int],
    more: int,
    shape: str,
) -> None:
    reached = (size - 1) * stride + (kernel - 1) * dilation + 1
    options: dict[str, Any] = {
        "strides": [stride, 1], "dilations": [dilation, 1], "group": groups,
    }  # fmt: skip
    if shape == "pads":
        assume(more < max(stride, dilation) and reached + more > sum(pads))
        options |= {"pads": [pads[0], 0, pads[1], 1], "output_padding": [more, 0]}
    elif shape == "output_shape":
        assume(reached - sum(pads) > 0)
        options["output_shape"] = [reached - sum(pads), 5]
    else:
        assume(reached >= size * stride)
        options["auto_pad"] = shape
    x = random(1, 4, size, 5)
    stored = {"w": random(4, 3, kernel, 3), "b": random(3 * groups)}
    model = files.onnx_model(
        [node("ConvTranspose", ["x", "w", "b"], ["y"], **options)], {"x": x.shape}, ["y"], stored
    )
    by_onnx(tmp_path_factory.mktemp("transposed"), model, x)


@given(
    size=st.integers(2, 9),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 4),
    pads=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    op=st.sampled_from(["AveragePool", "MaxPool"]),
    counts=st.booleans(),
    partial=st.booleans(),
)
def test_pools(
    tmp_path_factory: Any,
    *,
    size: int,
    kernel: int,
    stride: int,
    pads: tuple[int, int],
    op: str,
    counts: bool,
    partial: bool,
) -> None:
    assume(max(pads) < kernel <= size)
    options: dict[str, Any] = {
        "kernel_shape": [kernel, 2], "strides": [stride, 2], "ceil_mode": int(partial),
        "pads": [pads[0], 0, pads[1], 1],
    }  # fmt: skip
    if op == "AveragePool":
        options["count_include_pad"] = int(counts)
    x = random(1, 3, size, 6)
    model = files.onnx_model([node(op, ["x"], ["y"], **options)], {"x": x.shape}, ["y"], opset=19)
    by_onnx(tmp_path_factory.mktemp("pool"), model, x)


@given(
    sizes=st.tuples(SIZES, SIZES),
    made=st.tuples(SIZES, SIZES),
    nearest=st.booleans(),
    option=st.sampled_from([None, "align_corners", "half_pixel_centers"]),
)
def test_resizes_of_tflite(
    tmp_path_factory: Any, sizes: Any, made: Any, nearest: bool, option: str | None
) -> None:
    op = "RESIZE_NEAREST_NEIGHBOR" if nearest else "RESIZE_BILINEAR"
    table = "ResizeNearestNeighborOptions" if nearest else "ResizeBilinearOptions"
    options = {"table": table} | ({} if option is None else {option: True})
    x = random(1, *sizes, 3)
    call = Call(op, ["x", np.array(made, np.int32)], {"y": [1, *made, 3]}, options, 3)
    case = tflite_case(tmp_path_factory.mktemp("resize"), {"x": x}, [call])
    files.see_that_it_computes(case.path, [x])


@given(
    size=SIZES,
    kernel=st.integers(1, 5),
    stride=st.integers(1, 4),
    same=st.booleans(),
    short=st.integers(0, 3),
)
def test_transposed_convolutions_of_tflite(
    tmp_path_factory: Any, *, size: int, kernel: int, stride: int, same: bool, short: int
) -> None:
    whole = size * stride if same else (size - 1) * stride + kernel
    made = whole - short if same else whole + short
    # The runtime asks that the sizes go with the stride.
    assume(made > 0 and short < stride)
    x = random(1, size, 4, 2)
    options = {
        "table": "TransposeConvOptions", "padding": 0 if same else 1, "stride_h": stride,
        "stride_w": 1,
    }  # fmt: skip
    shape = [1, made, 4 if same else 6, 3]
    operands = [np.array(shape, np.int32), random(3, kernel, 3, 2), "x", random(3)]
    call = Call("TRANSPOSE_CONV", operands, {"y": shape}, options, 3)
    case = tflite_case(tmp_path_factory.mktemp("transposed"), {"x": x}, [call])
    files.see_that_it_computes(case.path, [x])
