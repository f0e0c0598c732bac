"""What TFLite nodes are read into: every operator as data, and what a lowering makes of ONNX."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lowering_cases import CASES as ONNX_CASES
from lowering_cases import Case
from lowering_graphs import graph_of
from lowering_models import onnx_model
from tflite_reading_cases import CASES, REFUSED

from npulint.formats.tflite_schema import ENUMS
from npulint.model import Constant, Operation, Quantisation, Shape, Value
from npulint.operators import lower_graph
from npulint.operators.conversions import from_onnx
from npulint.operators.from_tflite import READERS, from_tflite, fused_activation, operand_order
from npulint.operators.onnx_node import NoConversionError
from npulint.operators.rearrangements import Dequantize, Operator, Quantize, Slice, Transpose
from npulint.operators.semantics import Conv, Pool, Window
from npulint.operators.tflite_node import counted_axis, stored_axis

BUILTIN = tuple(ENUMS["BuiltinOperator"].split()[1:])


def value(text: str) -> Value | None:
    """An operand of a case."""
    if text == "_":
        return None
    head, _, elements = text.partition("=")
    dtype, _, sizes = head.rstrip("]").partition("[")
    signature: Shape = tuple(
        None if size == "?" else int(size) for size in sizes.split(",") if size
    )
    shape = tuple(1 if size is None else size for size in signature)
    held = None
    if elements:
        array = np.array(elements.split(","), np.dtype(dtype)).reshape(shape)
        held = Constant(dtype, shape, array.tobytes(), None, array.nbytes)
    free = signature if None in signature else None
    return Value(-1, "", dtype, shape, held, shape_signature=free)


def names(cases: Sequence[tuple[str, object]]) -> list[str]:
    return [case.split("->")[0] for case, _ in cases]


def operation(case: str) -> Operation:
    call, _, options = case.partition(";")
    left, _, right = call.partition("->")
    op, *operands = left.split()
    attributes = {
        name: ast.literal_eval(text) for name, text in (each.split("=") for each in options.split())
    }
    return Operation(
        "tflite", op, 1, tuple(map(value, operands)), tuple(map(value, right.split())), attributes
    )


@pytest.mark.parametrize(("case", "record"), CASES, ids=names(CASES))
def test_a_node_is_read_into_its_record(case: str, record: Operator) -> None:
    assert from_tflite(operation(case)) == record


@pytest.mark.parametrize(
    ("case", "said"), REFUSED, ids=[case.split("->")[0] for case, _ in REFUSED]
)
def test_what_has_no_record_is_refused_with_its_reason(case: str, said: str) -> None:
    with pytest.raises(NoConversionError, match=said):
        from_tflite(operation(case))


def test_every_operator_that_is_read_has_a_case() -> None:
    assert {case.split()[0] for case, _ in CASES} == set(READERS)
    assert set(READERS) <= set(BUILTIN)


@pytest.mark.parametrize("op", [op for op in BUILTIN if op not in READERS])
def test_every_other_builtin_operator_is_refused(op: str) -> None:
    with pytest.raises(NoConversionError, match="no record"):
        from_tflite(Operation("tflite", op, 1, (), (), {}))


def test_a_custom_operator_is_refused_whatever_its_name() -> None:
    with pytest.raises(NoConversionError, match="custom operator"):
        from_tflite(replace(operation(CASES[0][0]), custom=True))


def test_a_fused_activation_is_named_beside_the_record() -> None:
    plain = operation("ADD float32[2] float32[2] -> float32[2]")
    assert fused_activation(plain) == "NONE"
    assert fused_activation(replace(plain, attributes={"fused_activation_function": "RELU"})) == (
        "RELU"
    )


@pytest.mark.parametrize(
    ("case", "order"),
    [
        ("ADD float32[2] float32[2] -> float32[2]", (0, 1)),
        ("SPLIT int32[]=1 float32[2,4] -> float32[2,2] float32[2,2]", (1, 0)),
        ("TRANSPOSE_CONV int32[4] float32[1] float32[1] -> float32[1]", (2, 1)),
        ("TRANSPOSE_CONV int32[4] float32[1] float32[1] float32[1] -> float32[1]", (2, 1, 3)),
    ],
)
def test_operands_stand_where_it_is_said(case: str, order: tuple[int, ...]) -> None:
    assert operand_order(operation(case)) == order


@pytest.mark.parametrize(("op", "record"), [("QUANTIZE", Quantize), ("DEQUANTIZE", Dequantize)])
def test_the_quantised_axis_is_counted_as_all_axes_are(op: str, record: type) -> None:
    case = operation(f"{op} int8[1,4,5,3] -> int8[1,4,5,3]")
    scales = Quantisation((1.0, 2.0, 3.0), axis=3)
    x = case.inputs[0]
    assert x is not None
    assert from_tflite(replace(case, inputs=(replace(x, quantisation=scales),))) == record(1)


@given(st.integers(1, 6).flatmap(lambda rank: st.tuples(st.integers(0, rank - 1), st.just(rank))))
def test_axes_are_counted_there_and_back(case: tuple[int, int]) -> None:
    axis, rank = case
    assert stored_axis(counted_axis(axis, rank), rank) == axis
    assert counted_axis(stored_axis(axis, rank), rank) == axis


@given(st.permutations(range(4)), st.permutations(range(2, 6)))
def test_a_transpose_moves_the_axes_that_its_record_says(
    order: list[int], sizes: list[int]
) -> None:
    stored = [sizes[axis] for axis in order]
    written = ",".join(map(str, order))
    case = operation(
        f"TRANSPOSE float32[{','.join(map(str, sizes))}] int32[4]={written} -> "
        f"float32[{','.join(map(str, stored))}]"
    )
    record = from_tflite(case)
    assert isinstance(record, Transpose)
    counted = [sizes[stored_axis(axis, 4)] for axis in range(4)]
    moved = [counted[axis] for axis in record.permutation]
    assert [moved[counted_axis(axis, 4)] for axis in range(4)] == stored


# What a converter writes as another operator, or what is not in the TFLite node any more, so
# that reading it back gives something that computes the same in other words.
OTHER_WORDS = {
    "the operator has another name": (
        "reciprocal", "isnan", "clip-0-inf", "clip-max-only", "div-channel", "div-scalar",
        "pow-2", "pow-half", "squeeze-spatial", "squeeze-11", "squeeze-2d", "squeeze-3d",
        "pad-crop", "expand", "expand-batch", "expand-2d", "matmul-dense", "reshape-same",
    ),
    "the numbers are in the weights": ("gemm", "gemm-alpha", "deconv-same-upper"),
    "positions have another name and are the same": (
        "resize-nearest-half-pixel", "resize-linear-pytorch", "upsample-9-linear",
    ),
    "the result keeps the ONNX order, or had it": (
        "transpose-hw", "transpose-from-nhwc", "transpose-batch",
    ),
    "there is one scale, so the axis means nothing": (
        "quantizelinear", "quantizelinear-int8", "dequantizelinear",
    ),
    "an operand of rank 3 is stored channels last": ("concat-3d", "pad-3d"),
}  # fmt: skip
NO_RECORD = ("deconv-3d", "matmul-batch-3d", "matmul-batch-constant")


def one_to_one() -> list[tuple[Case, Operation, Operation]]:
    """Cases that become one TFLite operation, with the ONNX one and that one."""
    found = []
    for case in ONNX_CASES:
        graph = graph_of(onnx_model(case))
        made = [each for lowering in lower_graph(graph) for each in lowering.operations]
        if len(made) == 1:
            found.append((case, graph.operation(graph.nodes[-1]), made[0]))
    return found


ONE_TO_ONE = one_to_one()


def plain(operator: Operator, before: Shape, after: Shape) -> Operator:
    """A record with its padding and its bounds as numbers; shapes are in the ONNX order."""
    if isinstance(operator, (Conv, Pool)):
        return replace(operator, window=explicit(operator.window, before, after))
    if isinstance(operator, Slice) and operator.ranges is not None:
        return Slice(tuple(clipped(each, before) for each in operator.ranges))
    return operator


def explicit(window: Window, before: Shape, after: Shape) -> Window:
    pads = window.pads
    if window.auto:
        pads = ()
        for axis, (reach, step) in enumerate(zip(window.kernel, window.strides, strict=True)):
            size, result = before[2 + axis], after[2 + axis]
            assert isinstance(size, int)
            assert isinstance(result, int)
            span = (reach - 1) * window.dilations[axis] + 1
            total = max((result - 1) * step + span - size, 0)
            pads = (*pads, (total // 2, total - total // 2))
    return replace(window, pads=pads, auto="", ceil=False)


def clipped(each: tuple[int, int, int, int], shape: Shape) -> tuple[int, ...]:
    axis, start, stop, step = each
    size = shape[axis]
    assert isinstance(size, int)
    return (axis, *slice(start, stop, step).indices(size))


EQUAL = [
    each
    for each in ONE_TO_ONE
    if each[0].name not in NO_RECORD
    and not any(each[0].name in names for names in OTHER_WORDS.values())
]


@pytest.mark.parametrize(("case", "onnx", "made"), EQUAL, ids=[each[0].name for each in EQUAL])
def test_reading_back_what_was_lowered_gives_the_same_record(
    case: Case, onnx: Operation, made: Operation
) -> None:
    before = onnx.inputs[0].shape if onnx.inputs and onnx.inputs[0] else ()
    after = onnx.outputs[0].shape if onnx.outputs[0] else ()
    wanted = plain(from_onnx(onnx), before or (), after or ())
    assert plain(from_tflite(made), before or (), after or ()) == wanted


@pytest.mark.parametrize("name", sorted(name for names in OTHER_WORDS.values() for name in names))
def test_what_is_said_in_other_words_is_so(name: str) -> None:
    (found,) = (each for each in ONE_TO_ONE if each[0].name == name)
    assert from_tflite(found[2]) != from_onnx(found[1])


@pytest.mark.parametrize("name", NO_RECORD)
def test_what_is_lowered_to_something_without_a_record_is_refused(name: str) -> None:
    (found,) = (each for each in ONE_TO_ONE if each[0].name == name)
    with pytest.raises(NoConversionError):
        from_tflite(found[2])


def test_hardly_anything_is_left_out_of_the_comparison() -> None:
    assert len(EQUAL) > 160
