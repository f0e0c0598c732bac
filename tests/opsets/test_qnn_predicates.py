"""The conditions of the HTP that are written in Python, beside what its compiler answered."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from npulint.model import Constant, Operation, Quantisation, Value
from npulint.opsets.conditions import Scope
from npulint.opsets.document import Part
from npulint.opsets.measures import Operand
from npulint.opsets.vocabulary import Truth


def _value(index: int, *shape: int | None, stored: tuple[int, ...] | None = None) -> Value:
    constant = None
    if stored is not None:
        payload = struct.pack(f"<{len(stored)}i", *stored)
        constant = Constant("int32", (len(stored),), payload, None, len(payload))
    return Value(index, f"value {index}", "int32" if stored else "float32", shape, constant)


def _upsampled(
    size: tuple[int, int] | None, wanted: tuple[int, int] | None, kernel: int, **more: object
) -> Truth:
    """What is said of an image, the size that is asked for, and a square kernel."""
    image = (None, None) if size is None else size
    sizes = _value(0, 4, stored=None if wanted is None else (1, *wanted, 8))
    values = (sizes, _value(1, 8, kernel, kernel, 4), _value(2, 1, *image, 4))
    attributes = {"stride_h": 2, "stride_w": 2, "padding": "SAME", **more}
    operation = Operation("tflite", "TRANSPOSE_CONV", 1, values, (), attributes)
    names = ("sizes", "kernel", "image")
    operands = {name: Operand(name, output=False, position=at) for at, name in enumerate(names)}
    data = {"predicate": "qnn-upsampled-size", "of": list(names)}
    return Scope(operands, {}, {}, {}).condition(Part(data)).test(operation)


@pytest.mark.parametrize(
    ("size", "wanted", "kernel", "more", "truth"),
    [
        ((6, 8), (12, 16), 3, {}, True),
        ((7, 8), (14, 16), 3, {}, False),  # "Expected 13 but got 14"
        ((12, 12), (24, 24), 4, {}, True),
        ((11, 10), (22, 10), 4, {"stride_w": 1}, False),  # "Expected 21 but got 22"
        ((9, 8), (36, 32), 2, {"stride_h": 4, "stride_w": 4}, False),  # "Expected 33 but got 36"
        ((7, 8), (28, 32), 2, {"stride_h": 4, "stride_w": 4}, True),
        ((6, 8), (13, 17), 3, {"padding": "VALID"}, True),
        ((7, 8), (16, 18), 3, {"padding": "VALID"}, True),
        ((6, 8), (13, 17), 2, {"padding": "VALID"}, None),  # broke, in the one type it was asked in
        ((6, 8), (11, 16), 3, {}, None),
        (None, (12, 16), 3, {}, None),
        ((6, 8), None, 3, {}, None),
    ],
)
def test_the_size_of_a_transposed_convolution(
    size: tuple[int, int] | None,
    wanted: tuple[int, int] | None,
    kernel: int,
    more: dict[str, object],
    truth: Truth,
) -> None:
    assert _upsampled(size, wanted, kernel, **more) is truth


@pytest.mark.parametrize(
    ("size", "kernel", "dilation", "padding", "truth"),
    [
        ((5, 32), 3, 3, "VALID", False),  # "filter is larger than padded output"
        ((5, 32), 3, 3, "SAME", True),
        ((7, 32), 3, 3, "VALID", True),
        ((32, 7), 5, 2, "VALID", False),
        ((None, 7), 3, 1, "VALID", None),
    ],
)
def test_a_kernel_is_no_longer_than_what_it_slides_over(
    size: tuple[int | None, int], kernel: int, dilation: int, padding: str, truth: Truth
) -> None:
    values = (_value(0, 1, *size, 4), _value(1, 8, kernel, kernel, 4))
    attributes = {
        "padding": padding, "dilation_h_factor": dilation, "dilation_w_factor": dilation,
    }  # fmt: skip
    operation = Operation("tflite", "CONV_2D", 1, values, (), attributes)
    operands = {
        name: Operand(name, output=False, position=at) for at, name in enumerate(("a", "b"))
    }
    data = {"predicate": "qnn-window-fits", "of": ["a", "b"]}
    assert Scope(operands, {}, {}, {}).condition(Part(data)).test(operation) is truth


@pytest.mark.parametrize(
    ("size", "dilation", "padding", "truth"),
    [
        ((2, 7, 8), 1, "VALID", False),  # "Invalid filter length at output index 1"
        ((6, 7, 2), 1, "VALID", False),  # "Invalid filter length at output index 3"
        ((2, 7, 8), 1, "SAME", True),
        ((3, 3, 3), 1, "VALID", True),
        ((6, 4, 8), 2, "VALID", False),
        ((6, None, 8), 1, "VALID", None),
    ],
)
def test_a_kernel_is_no_longer_than_a_volume(
    size: tuple[int | None, ...], dilation: int, padding: str, truth: Truth
) -> None:
    values = (_value(0, 1, *size, 4), _value(1, 3, 3, 3, 4, 8))
    dilations = {f"dilation_{letter}_factor": dilation for letter in "dhw"}
    attributes = {"padding": padding, **dilations}
    operation = Operation("tflite", "CONV_3D", 1, values, (), attributes)
    operands = {
        name: Operand(name, output=False, position=at) for at, name in enumerate(("a", "b"))
    }
    data = {"predicate": "qnn-window-fits", "of": ["a", "b"]}
    assert Scope(operands, {}, {}, {}).condition(Part(data)).test(operation) is truth


@pytest.mark.parametrize(
    ("equation", "one", "other", "truth"),
    [
        ("bij,bjk->bik", (2, 3, 4), (2, 4, 5), True),
        ("bij, bjk -> bik", (2, 3, 4), (1, 4, 5), True),
        ("bij,bjk->bik", (1, 3, 4), (2, 4, 5), False),
        ("bij,bjk->bik", (2, 3, 4), (2, 1, 5), False),
        ("bij,bjk->bik", (2, 3, 1), (2, 4, 5), False),
        ("bij,bjk->bik", (None, 3, 4), (2, 4, 5), None),
        ("...ij,...jk->...ik", (2, 3, 4), (2, 4, 5), None),
        ("bij,bjk", (2, 3, 4), (2, 4, 5), None),
        ("bij,bjk->bik", (2, 3), (2, 4, 5), None),
    ],
)
def test_sizes_of_one_letter(
    equation: str, one: tuple[int | None, ...], other: tuple[int | None, ...], truth: Truth
) -> None:
    values = (_value(0, *one), _value(1, *other))
    operation = Operation("onnx", "Einsum", 12, values, (), {"equation": equation})
    operands = {"a": Operand("a", output=False, position=0, rest=True)}
    data = {"predicate": "qnn-einsum-sizes", "of": ["a"]}
    assert Scope(operands, {}, {}, {}).condition(Part(data)).test(operation) is truth


@pytest.mark.parametrize(
    ("low", "high", "truth"),
    [
        ((0, 1.0, 0), (6, 1.0, 0), True),
        ((200, 0.01, 0), (100, 0.1, 0), True),
        ((100, 0.1, 0), (200, 0.01, 0), False),
        ((0, 0.1, 60), (0, 0.1, 20), True),
        ((1, None, 0), (1, None, 0), True),
        ((2, None, 0), (1, None, 0), False),
    ],
)
def test_limits_are_the_numbers_that_they_stand_for(
    low: tuple[int, float | None, int], high: tuple[int, float | None, int], truth: Truth
) -> None:
    values = []
    for at, (stored, scale, zero) in enumerate((low, high)):
        plain = _value(at, 1, stored=(stored,))
        steps = None if scale is None else Quantisation((scale,), (zero,))
        values.append(Value(at, plain.name, "int32", (1,), plain.constant, steps))
    operation = Operation("onnx", "Clip", 13, tuple(values), (), {})
    operands = {
        name: Operand(name, output=False, position=at) for at, name in enumerate(("a", "b"))
    }
    data = {"predicate": "limits-in-order", "of": ["a", "b"]}
    assert Scope(operands, {}, {}, {}).condition(Part(data)).test(operation) is truth


@pytest.mark.parametrize(
    ("size", "factor", "truth"),
    [
        ((13, 11), 2.0, True),
        ((13, 11), 1.5, False),
        ((3, 6), 1 / 3, True),  # which is no float32, and makes 1 but for its rounding
        ((1801, 1801), 1.9, False),  # 3421.9: near a whole number for its size alone
        ((None, 11), 2.0, None),
        ((13, 11), None, None),
    ],
)
def test_factors_make_whole_sizes(
    size: tuple[int | None, int], factor: float | None, truth: Truth
) -> None:
    scales = _value(1, 4)
    if factor is not None:
        payload = struct.pack("<4f", 1, 1, factor, factor)
        scales = replace(scales, constant=Constant("float32", (4,), payload, None, len(payload)))
    operation = Operation("onnx", "Resize", 19, (_value(0, 1, 8, *size), scales), (), {})
    operands = {name: Operand(name, output=False, position=at) for at, name in enumerate("xs")}
    data = {"predicate": "scales-met", "of": ["x", "s"]}
    assert Scope(operands, {}, {}, {}).condition(Part(data)).test(operation) is truth
