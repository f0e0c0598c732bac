"""Operator versions against those that real converters wrote into real files."""

from __future__ import annotations

from pathlib import Path

import pytest

from npulint.formats import load
from npulint.model import Operation, Quantisation, Value
from npulint.operators.versions import operator_version

ROOT = Path(__file__).parents[2]
# Files named op_* are written by hand, with versions that probe a delegate; 16-bit ones pass
# another tool, which raises versions by rules of its own.
FILES = sorted(
    path
    for folder in ("tests/truth/models", "reference_models/exports")
    for path in (ROOT / folder).glob("*.tflite")
    if not path.name.startswith("op_") and "int16" not in path.name
)


def test_there_are_files() -> None:
    assert len(FILES) > 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_has_the_highest_version_of_each_operator(path: Path) -> None:
    model = load(path)
    written: dict[str, int] = {}
    needed: dict[str, int] = {}
    for graph in model.graphs:
        for node in graph.nodes:
            if node.custom:
                continue
            written[node.op] = node.version
            version = operator_version(graph.operation(node))
            needed[node.op] = max(needed.get(node.op, 0), version)
    assert needed == written


def _value(dtype: str, *shape: int, scales: int = 0) -> Value:
    grid = Quantisation((0.5,) * scales) if scales else None
    return Value(-1, "", dtype, shape, quantisation=grid)


F, I8, I16 = "float32", "int8", "int16"
NHWC = (1, 8, 8, 4)

FEATURES = [
    ("CONV_2D", [_value(F, *NHWC), _value(F, 2, 3, 3, 4)], F, {}, 1),
    ("CONV_2D", [_value(F, *NHWC), _value(F, 2, 3, 3, 2)], F, {}, 6),
    ("CONV_2D", [_value(F, *NHWC), _value(I8, 2, 3, 3, 4, scales=1)], F, {}, 2),
    ("CONV_2D", [_value(F, *NHWC), _value(I8, 2, 3, 3, 4, scales=2)], F, {}, 5),
    ("CONV_2D", [_value(I8, *NHWC), _value(I8, 2, 3, 3, 4)], I8, {}, 3),
    ("CONV_2D", [_value(I8, *NHWC), _value("int4", 2, 3, 3, 4)], I8, {}, 7),
    ("DEPTHWISE_CONV_2D", [_value(F, *NHWC), _value(F, 1, 3, 3, 4)], F, {}, 1),
    (
        "DEPTHWISE_CONV_2D", [_value(F, *NHWC), _value(F, 1, 3, 3, 4)], F,
        {"dilation_w_factor": 1, "dilation_h_factor": 2}, 2,
    ),
    ("TRANSPOSE_CONV", [_value("int32", 4), _value(F, 2, 2, 2, 4), _value(F, *NHWC)], F, {}, 1),
    (
        "TRANSPOSE_CONV",
        [_value("int32", 4), _value(F, 2, 2, 2, 4), _value(F, *NHWC), _value(F, 2)], F, {}, 3,
    ),
    (
        "TRANSPOSE_CONV",
        [_value("int32", 4), _value(F, 2, 2, 2, 4), _value(F, *NHWC), _value(F, 2)], F,
        {"fused_activation_function": "RELU"}, 4,
    ),
    ("TRANSPOSE_CONV", [_value("int32", 4), _value(I8, 2, 2, 2, 4), _value(I8, *NHWC)], I8, {}, 2),
    ("FULLY_CONNECTED", [_value(F, 1, 4), _value(F, 2, 4), None], F, {}, 1),
    ("FULLY_CONNECTED", [_value(F, 1, 4), _value(F, 2, 4)], F, {}, 6),
    ("FULLY_CONNECTED", [_value(F, 1, 3, 4), _value(F, 2, 4), None], F, {"keep_num_dims": True}, 5),
    ("FULLY_CONNECTED", [_value(I8, 1, 4), _value(I8, 2, 4), None], I8, {}, 4),
    ("ADD", [_value(F, *NHWC), _value(F, *NHWC)], F, {}, 1),
    ("ADD", [_value(F, 1, 2, 3, 4, 5), _value(F, 5)], F, {}, 1),
    ("ADD", [_value("int64", 4), _value("int64", 4)], "int64", {}, 4),
    ("SUB", [_value(F, 1, 2, 3, 4, 5), _value(F, 5)], F, {}, 3),
    ("SUB", [_value(F, 1, 2, 3, 4, 5), _value(F, 1, 2, 3, 4, 5)], F, {}, 1),
    ("DIV", [_value(F, 1, 2, 3, 4, 5), _value(F, 5)], F, {}, 2),
    ("MUL", [_value("int64", 4), _value("int64", 4)], "int64", {}, 5),
    ("MUL", [_value(I8, 4, scales=1), _value(I8, 4, scales=1)], I8, {}, 2),
    ("RESIZE_BILINEAR", [_value(F, *NHWC)], F, {"half_pixel_centers": True}, 3),
    ("RESIZE_BILINEAR", [_value(F, *NHWC)], F, {"align_corners": True}, 1),
    ("RESIZE_NEAREST_NEIGHBOR", [_value(F, *NHWC)], F, {"align_corners": True}, 3),
    ("RESIZE_NEAREST_NEIGHBOR", [_value(I16, *NHWC)], I16, {}, 4),
    ("STRIDED_SLICE", [_value(F, 1, 2, 3, 4, 5)], F, {"ellipsis_mask": 0}, 4),
    ("STRIDED_SLICE", [_value(F, *NHWC)], F, {"ellipsis_mask": 1}, 6),
    ("PAD", [_value(F, 1, 2, 3, 4, 5)], F, {}, 4),
    ("PAD", [_value(I8, *NHWC)], I8, {}, 2),
    ("TRANSPOSE", [_value(F, 1, 2, 3, 4, 5)], F, {}, 4),
    ("TRANSPOSE", [_value(F, 1, 2, 3, 4, 5, 6)], F, {}, 6),
    ("SPLIT", [_value("int32"), _value(I8, *NHWC)], I8, {}, 2),
    ("SOFTMAX", [_value(I16, 1, 4)], I16, {}, 3),
    ("DEQUANTIZE", [_value("float16", 4)], F, {}, 3),
    ("DEQUANTIZE", [_value(I8, 4, scales=4)], F, {}, 5),
    ("BROADCAST_TO", [_value(F, 4)], F, {}, 2),
    ("CAST", [_value(I8, 4)], F, {}, 3),
    ("GATHER", [_value(F, 4, 2), _value("int32", 3)], F, {"batch_dims": 1}, 5),
    ("RELU", [_value(I8, 4)], I8, {}, 2),
]  # fmt: skip


@pytest.mark.parametrize(("op", "inputs", "result", "options", "expected"), FEATURES)
def test_each_feature_has_its_version(
    op: str, inputs: list[Value | None], result: str, options: dict[str, object], expected: int
) -> None:
    operation = Operation("tflite", op, 1, tuple(inputs), (_value(result, 4),), options)
    assert operator_version(operation) == expected


def test_a_custom_operator_has_version_1() -> None:
    mine = Operation("tflite", "TRANSPOSE", 7, (_value(F, 1, 2, 3, 4, 5),), (), custom=True)
    assert operator_version(mine) == 1
