"""The Core ML delegate's table: what its check says of made-up operators, and how it cuts."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from answers import graph_of

from npulint.model import Constant, Operation, Value
from npulint.opsets import load_target
from npulint.partition import delegate
from npulint.verdict import judge, judge_graph

COREML = load_target("coreml").side("tflite")
IMAGE = (1, 8, 8, 4)


def value(shape: tuple[int, ...] = IMAGE, dtype: str = "float32") -> Value:
    return Value(0, "", dtype, shape)


def stored(shape: tuple[int, ...], *numbers: int, dtype: str = "float32") -> Value:
    payload = struct.pack(f"<{len(numbers)}i", *numbers) if numbers else None
    held = "int32" if numbers else dtype
    return Value(0, "", held, shape, Constant(held, shape, payload, None, 0))


FILTER, BIAS = stored((4, 3, 3, 4)), stored((4,))
PADS = stored((4, 2), 0, 0, 1, 1, 2, 2, 0, 0)
NONE = {"fused_activation_function": "NONE"}
KEPT = {"keep_dims": True}

Case = tuple[str, tuple[Value | None, ...], dict[str, Any], int, str]

CASES: dict[str, Case] = {
    "a convolution": ("CONV_2D", (value(), FILTER, BIAS), NONE, 1, ""),
    "of a later version": ("CONV_2D", (value(), FILTER, BIAS), NONE, 2, "version"),
    "of 8 bits": ("CONV_2D", (value(dtype="int8"), FILTER, BIAS), NONE, 1, "dtype"),
    "with computed weights": ("CONV_2D", (value(), value(), BIAS), NONE, 1, "constant-filter"),
    "without a bias": ("CONV_2D", (value(), FILTER, None), NONE, 1, "bias"),
    "depthwise, version 2": ("DEPTHWISE_CONV_2D", (value(), FILTER, BIAS), NONE, 2, ""),
    "depthwise, version 3": ("DEPTHWISE_CONV_2D", (value(), FILTER, BIAS), NONE, 3, "version"),
    "a pool": ("MAX_POOL_2D", (value(),), NONE, 1, ""),
    "a pool that clips": (
        "MAX_POOL_2D", (value(),), {"fused_activation_function": "RELU"}, 1, "fused",
    ),
    "a sum with channels": ("ADD", (value(), value((4,))), NONE, 1, ""),
    "a sum with a stored number": ("ADD", (value((2, 8, 8, 4)), stored((1,))), NONE, 1, ""),
    "a sum over batches": ("ADD", (value((2, 8, 8, 4)), value((1, 8, 8, 4))), NONE, 1, "broadcast"),
    "a sum with rows": ("ADD", (value(), value((1, 1, 8, 1))), NONE, 1, "broadcast"),
    "a sum of 5 axes": ("ADD", (value((1, *IMAGE)), value((1, *IMAGE))), NONE, 1, "broadcast"),
    "one of stored halves": ("ADD", (value(), stored((4,), dtype="float16")), NONE, 1, ""),
    "one of halves": ("ADD", (value(), value((4,), "float16")), NONE, 1, "dtype"),
    "a join of channels": ("CONCATENATION", (value(), value()), {**NONE, "axis": 3}, 1, ""),
    "a join of rows": ("CONCATENATION", (value(), value()), {**NONE, "axis": 1}, 1, "axis-of-4"),
    "a mean of planes": ("MEAN", (value(), stored((2,), 1, 2)), KEPT, 1, ""),
    "a mean of channels": ("MEAN", (value(), stored((1,), 3)), KEPT, 1, "elements"),
    "a mean that loses axes": (
        "MEAN", (value(), stored((2,), 1, 2)), {"keep_dims": False}, 1, "keep_dims",
    ),
    "a border": ("PAD", (value(), PADS), {}, 1, ""),
    "a border of channels": (
        "PAD", (value(), stored((4, 2), 0, 0, 0, 0, 0, 0, 1, 0)), {}, 1, "planes",
    ),
    "mirrored": ("MIRROR_PAD", (value(), PADS), {"mode": "REFLECT"}, 1, ""),
    "mirrored with its edge": ("MIRROR_PAD", (value(), PADS), {"mode": "SYMMETRIC"}, 1, "mode"),
    "one row": (
        "FULLY_CONNECTED", (value((1, 16)), stored((8, 16)), stored((8,))),
        {**NONE, "weights_format": "DEFAULT"}, 1, "",
    ),
    "two rows": (
        "FULLY_CONNECTED", (value((2, 16)), stored((8, 16)), stored((8,))),
        {**NONE, "weights_format": "DEFAULT"}, 1, "dimension",
    ),
    "a reshape": ("RESHAPE", (value(), stored((4,), 1, 8, 4, 8)), {}, 1, "never"),
    "softmax": ("SOFTMAX", (value(),), {"beta": 1.0}, 1, ""),
    "softmax with another beta": ("SOFTMAX", (value(),), {"beta": 0.5}, 1, "beta"),
    "a shuffle": ("DEPTH_TO_SPACE", (value(),), {"block_size": 2}, 1, "unlisted"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_check(name: str) -> None:
    op, inputs, options, version, fault = CASES[name]
    verdict = judge(Operation("tflite", op, version, inputs, (value(),), options), COREML)
    if not fault:
        assert (verdict.status, verdict.reasons) == ("supported", ())
    else:
        assert (verdict.status, verdict.validation) == ("unsupported", "refused")
        assert any(fault in reason.constraint for reason in verdict.reasons), verdict.reasons
        assert all("@f6745779" in reason.source for reason in verdict.reasons)


def test_five_axes_are_taken_and_cannot_be_built() -> None:
    five = value((1, *IMAGE))
    verdict = judge(Operation("tflite", "RELU", 1, (five,), (five,)), COREML)
    assert (verdict.status, verdict.validation) == ("unsupported", "accepted")


@pytest.mark.parametrize("half", [True, False])
def test_half_pixels_come_out_wrong(half: bool) -> None:
    options = {"half_pixel_centers": half, "align_corners": False}
    size = stored((2,), 16, 16)
    operation = Operation("tflite", "RESIZE_BILINEAR", 1, (value(), size), (value(),), options)
    verdict = judge(operation, COREML)
    assert verdict.status == "supported"
    assert [caution.kind for caution in verdict.cautions] == (["wrong"] if half else [])


def test_a_piece_has_two_nodes_at_least() -> None:
    graph = graph_of("blk_gelu_tanh_f32")
    alone = delegate(graph, judge_graph(graph, COREML), COREML)
    assert not any(piece.handed_over for piece in alone.partitions if piece.runs_on == "coreml")
    graph = graph_of("blk_acts_f32")
    several = delegate(graph, judge_graph(graph, COREML), COREML)
    assert [len(p.nodes) for p in several.partitions if p.runs_on == "coreml"] == [5]
