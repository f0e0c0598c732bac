"""Multiply-accumulates against figures worked out by hand, in both dialects."""

from __future__ import annotations

import pytest

from npulint.model import Dialect, Operation, Shape, Value
from npulint.operators.macs import macs


def _value(shape: Shape | None) -> Value:
    return Value(index=0, name="v", dtype="float32", shape=shape)


def _operation(
    dialect: Dialect,
    op: str,
    inputs: list[Shape | None],
    output: Shape | None,
    domain: str = "",
    **attributes: int | bool,
) -> Operation:
    return Operation(
        dialect=dialect,
        op=op,
        version=1,
        inputs=tuple(_value(shape) for shape in inputs),
        outputs=(_value(output),),
        attributes=attributes,
        domain=domain,
    )


ONNX: list[tuple[str, list[Shape | None], Shape | None, dict[str, int], int | None]] = [
    ("Conv", [(1, 3, 8, 10), (16, 3, 3, 3), (16,)], (1, 16, 4, 5), {}, 4 * 5 * 16 * 3 * 9),
    ("Conv", [(1, 6, 8, 8), (12, 3, 5, 1)], (1, 12, 4, 8), {"group": 2}, 4 * 8 * 12 * 3 * 5),
    ("Conv", [(1, 8, 8, 8), (8, 1, 3, 3)], (1, 8, 8, 8), {"group": 8}, 8 * 8 * 8 * 9),
    ("Conv", [(2, 4, 20), (6, 4, 3)], (2, 6, 18), {}, 2 * 18 * 6 * 4 * 3),
    ("Conv", [("n", 3, 8, 8), (4, 3, 1, 1)], ("n", 4, 8, 8), {}, 8 * 8 * 4 * 3),
    ("Conv", [(1, 3, None, 8), (4, 3, 1, 1)], (1, 4, None, 8), {}, None),
    ("Conv", [(1, 3, 8, 8), None], (1, 4, 8, 8), {}, None),
    ("ConvTranspose", [(1, 8, 5, 7), (8, 4, 2, 2)], (1, 4, 10, 14), {}, 5 * 7 * 8 * 4 * 4),
    ("ConvTranspose", [(1, 8, 5, 7), (8, 2, 3, 3)], (1, 4, 10, 14), {"group": 2}, 35 * 8 * 2 * 9),
    ("QLinearConv", [(1, 3, 8, 8), (), (), (4, 3, 3, 3)], (1, 4, 6, 6), {}, 36 * 4 * 27),
    ("ConvInteger", [(1, 3, 8, 8), (4, 3, 3, 3)], (1, 4, 6, 6), {}, 36 * 4 * 27),
    ("MatMul", [(2, 5, 7), (7, 11)], (2, 5, 11), {}, 2 * 5 * 7 * 11),
    ("MatMul", [(2, 5, None), (7, 11)], (2, 5, 11), {}, None),
    ("Gemm", [(3, 7), (7, 11), (11,)], (3, 11), {}, 3 * 7 * 11),
    ("Gemm", [(7, 3), (7, 11)], (3, 11), {"transA": 1}, 3 * 7 * 11),
    ("Relu", [(1, 3, 8, 8)], (1, 3, 8, 8), {}, 0),
    ("Resize", [(1, 3, 8, 8)], None, {}, 0),
]  # fmt: skip

TFLITE: list[tuple[str, list[Shape | None], Shape | None, dict[str, bool], int | None]] = [
    ("CONV_2D", [(1, 8, 10, 3), (16, 3, 3, 3), (16,)], (1, 4, 5, 16), {}, 4 * 5 * 16 * 27),
    ("CONV_2D", [(1, 8, 8, 6), (12, 5, 1, 3)], (1, 4, 8, 12), {}, 4 * 8 * 12 * 3 * 5),
    ("DEPTHWISE_CONV_2D", [(1, 8, 8, 8), (1, 3, 3, 16)], (1, 8, 8, 16), {}, 64 * 16 * 9),
    ("TRANSPOSE_CONV", [(4,), (4, 2, 2, 8), (1, 5, 7, 8)], (1, 10, 14, 4), {}, 35 * 8 * 16),
    ("CONV_3D", [(1, 4, 4, 4, 2), (3, 3, 3, 2, 5)], (1, 2, 2, 2, 5), {}, 8 * 5 * 2 * 27),
    ("CONV_3D_TRANSPOSE", [(5,), (2, 2, 2, 5, 3), (1, 2, 2, 2, 3)], None, {}, 8 * 3 * 5 * 8),
    ("FULLY_CONNECTED", [(2, 3, 7), (11, 7)], (6, 11), {}, 6 * 7 * 11),
    ("BATCH_MATMUL", [(2, 5, 7), (2, 7, 11)], (2, 5, 11), {}, 2 * 5 * 7 * 11),
    ("BATCH_MATMUL", [(2, 7, 5), (2, 7, 11)], (2, 5, 11), {"adj_x": True}, 2 * 5 * 7 * 11),
    ("DEPTHWISE_CONV_2D", [(1, 8, 8, 8), (1, 3, 3, 0)], (1, 8, 8, 0), {}, 0),
    ("MEAN", [(1, 8, 8, 8), (2,)], (1, 8), {}, 0),
]


@pytest.mark.parametrize(("op", "inputs", "output", "attributes", "expected"), ONNX)
def test_onnx(
    op: str,
    inputs: list[Shape | None],
    output: Shape | None,
    attributes: dict[str, int],
    expected: int | None,
) -> None:
    assert macs(_operation("onnx", op, inputs, output, **attributes)) == expected


@pytest.mark.parametrize(("op", "inputs", "output", "attributes", "expected"), TFLITE)
def test_tflite(
    op: str,
    inputs: list[Shape | None],
    output: Shape | None,
    attributes: dict[str, bool],
    expected: int | None,
) -> None:
    assert macs(_operation("tflite", op, inputs, output, **attributes)) == expected


def test_an_unknown_domain_counts_nothing() -> None:
    shapes: list[Shape | None] = [(1, 3, 8, 8), (4, 3, 1, 1)]
    assert macs(_operation("onnx", "Conv", shapes, (1, 4, 8, 8), domain="my.company")) == 0


def test_a_missing_output_is_unknown() -> None:
    lonely = Operation("onnx", "Conv", 1, (_value((1, 3, 8, 8)), _value((4, 3, 1, 1))), ())
    assert macs(lonely) is None
