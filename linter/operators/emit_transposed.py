"""Transposed convolution as TFLite operations.

Source of the forms: PINTO0309/onnx2tf onnx2tf/ops/ConvTranspose.py @2c0cb019 (a VALID transposed
convolution, cut to size by STRIDED_SLICE), and what TensorFlow Lite's converter 2.21 made of them:
it fuses the bias (tests/operators/recorded.json).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.operators.emit_windows import lift, volume_options
from npulint.operators.onnx_node import NoConversionError
from npulint.operators.tape import Tape, constant, known, sizes, tensor

if TYPE_CHECKING:
    from npulint.model import Shape, Value
    from npulint.operators.semantics import TransposeConv, Window

_MOST_GROUPS = 1 << 12
"""Groups up to which one operator a group is written out."""


def emit_transpose_conv(tape: Tape, operator: TransposeConv) -> None:
    """TRANSPOSE_CONV for each group, joined and cut to the result's size."""
    window = operator.window
    spatial = len(window.kernel)
    _refuse_unknown(tape, operator)
    value = tape.in_layout(0, last=True)
    shape = tape.result_shape()
    result = (shape[0], *shape[2:], shape[1])
    same = window.auto == "SAME_UPPER"
    full = result if same else (result[0], *_reach(operator, sizes(value)[1:-1]), result[-1])
    padding = "SAME" if same else "VALID"
    if spatial == 1:
        value = lift(tape, value)
        full = (full[0], 1, *full[1:])
    if spatial == 3:
        whole = _volume(tape, operator, value, full, padding)
    else:
        whole = _grouped(tape, operator, value, full, padding)
    if spatial == 1:
        full = (full[0], *full[2:])
        whole = tape.reshape(whole, full)
    if not same and any(any(pair) for pair in window.pads):
        _crop(tape, whole, window, result)
    tape.finish(last=True)


def _refuse_unknown(tape: Tape, operator: TransposeConv) -> None:
    window = operator.window
    if not 1 <= operator.groups <= _MOST_GROUPS:
        raise NoConversionError(f"a transposed convolution in {operator.groups} groups")
    if len(window.kernel) > 3:
        raise NoConversionError("a transposed convolution over more than three axes is not known")
    if any(dilation != 1 for dilation in window.dilations):
        raise NoConversionError(
            "a dilated transposed convolution has no TFLite builtin operator; the converter "
            "falls back to TensorFlow's own"
        )
    if window.auto == "SAME_LOWER":
        raise NoConversionError("the converter refuses a transposed convolution with SAME_LOWER")
    if any(amount < 0 for pair in window.pads for amount in pair):
        raise NoConversionError("a negative padding of a transposed convolution is not known")
    if not tape.operand(1).folded:
        raise NoConversionError("the filter of the convolution is computed while the model runs")
    if tape.given(2) and not tape.operand(2).folded:
        raise NoConversionError("the bias of the convolution is computed while the model runs")


def _reach(operator: TransposeConv, space: Shape) -> Shape:
    """The sizes of the whole result, before padding is cut away."""
    window = operator.window
    return tuple(
        (size - 1) * window.strides[axis] + window.kernel[axis] + operator.output_padding[axis]
        if isinstance(size, int)
        else None
        for axis, size in enumerate(space)
    )


def _grouped(tape: Tape, operator: TransposeConv, value: Value, full: Shape, padding: str) -> Value:
    groups = operator.groups
    if groups == 1:
        return _transpose_conv(tape, operator, value, full, padding)
    channels, outputs = known((sizes(value)[-1], full[-1]))
    part = (*sizes(value)[:-1], channels // groups)
    pieces = [tensor(value.dtype or "", part) for _ in range(groups)]
    tape.write("SPLIT", [constant("int32", (), [-1]), value], pieces, num_splits=groups)
    small = (*full[:-1], outputs // groups)
    convolved = [_transpose_conv(tape, operator, piece, small, padding) for piece in pieces]
    return tape.add("CONCATENATION", convolved, tensor(value.dtype or "", full), axis=-1)


def _transpose_conv(
    tape: Tape, operator: TransposeConv, value: Value, full: Shape, padding: str
) -> Value:
    kernel = (1, *operator.window.kernel)[-2:]
    strides = (1, *operator.window.strides)[-2:]
    outputs, inputs = known((full[-1], sizes(value)[-1]))
    weights = constant(tape.type(1), (outputs, *kernel, inputs))
    operands = [output_shape(tape, value, full), weights, value]
    if tape.given(2):
        operands.append(constant(tape.type(2), (outputs,)))
    return tape.add(
        "TRANSPOSE_CONV",
        operands,
        tensor(value.dtype or "", full),
        padding=padding,
        stride_w=strides[1],
        stride_h=strides[0],
    )


def output_shape(tape: Tape, value: Value, full: Shape) -> Value:
    """The output shape operand: a constant, or packed while the model runs where a size is free.

    A free size makes the operand a computed one, which delegates refuse.
    """
    if all(isinstance(size, int) for size in full):
        return constant("int32", (len(full),), list(known(full)))
    source = tape.add("SHAPE", [value], tensor("int32", (len(full),)), out_type="int32")
    parts: list[Value | None] = []
    for axis, size in enumerate(full):
        if isinstance(size, int):
            parts.append(constant("int32", (), [size]))
            continue
        picked = tape.add(
            "STRIDED_SLICE",
            [source, *(constant("int32", (1,), [item]) for item in (axis, axis + 1, 1))],
            tensor("int32", ()),
            shrink_axis_mask=1,
        )
        parts.append(picked)
    return tape.add("PACK", parts, tensor("int32", (len(full),)), values_count=len(full), axis=0)


def _crop(tape: Tape, whole: Value, window: Window, result: Shape) -> None:
    """STRIDED_SLICE from the padding before to the padding after, all of batch and channels."""
    full = sizes(whole)
    rank = len(full)
    begin = [0, *(before for before, _ in window.pads), 0]
    end = [
        0,
        *(
            size - after if isinstance(size, int) else -after
            for size, (_, after) in zip(full[1:-1], window.pads, strict=True)
        ),
        0,
    ]
    mask = 1 | 1 << (rank - 1)
    operands = [constant("int32", (rank,), items) for items in (begin, end, [1] * rank)]
    tape.add(
        "STRIDED_SLICE",
        [whole, *operands],
        tensor(whole.dtype or "", result),
        begin_mask=mask,
        end_mask=mask,
    )


def _volume(tape: Tape, operator: TransposeConv, value: Value, full: Shape, padding: str) -> Value:
    if operator.groups != 1:
        raise NoConversionError("a grouped transposed convolution over three axes is not known")
    outputs, inputs = known((full[-1], sizes(value)[-1]))
    weights = constant(tape.type(1), (*operator.window.kernel, outputs, inputs))
    out = tape.add(
        "CONV_3D_TRANSPOSE",
        [output_shape(tape, value, full), weights, value, None],
        tensor(value.dtype or "", full),
        padding=padding,
        **volume_options(operator.window),
    )
    if tape.given(2):
        out = tape.add("ADD", [out, constant(tape.type(2), (outputs,))], tape.like(out))
    return out
