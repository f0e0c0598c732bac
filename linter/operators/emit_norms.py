"""Normalisations taken apart into TFLite operations.

Source of the forms: PINTO0309/onnx2tf onnx2tf/ops/{BatchNormalization,InstanceNormalization,
GroupNormalization,LayerNormalization,LRN,LpNormalization,MeanVarianceNormalization}.py @2c0cb019
and what TensorFlow Lite's converter 2.21 made of them (tests/operators/recorded.json).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from npulint.operators.layout import stored_axis
from npulint.operators.onnx_node import NoConversionError
from npulint.operators.tape import Tape, constant, known, sizes, tensor

if TYPE_CHECKING:
    from npulint.model import Shape, Value
    from npulint.operators.semantics import (
        BatchNorm,
        GroupNorm,
        InstanceNorm,
        LayerNorm,
        LocalResponseNorm,
        LpNorm,
        MeanVarianceNorm,
        RmsNorm,
    )


def reduce_to(tape: Tape, op: str, value: Value, axes: Sequence[int]) -> Value:
    """A reduction over stored axes that keeps them with size 1."""
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(sizes(value)))
    where = constant("int32", (len(axes),), list(axes))
    return tape.add(op, [value, where], tensor(value.dtype or "", shape), keep_dims=True)


def _scalar(value: float) -> Value:
    return constant("float32", (), [value])


def _real(value: Value) -> None:
    if value.dtype != "float32":
        raise NoConversionError(f"a normalisation of {value.dtype} has no known conversion")


def _parameter(tape: Tape, position: int, what: str) -> None:
    if not tape.operand(position).folded:
        raise NoConversionError(f"the {what} of the normalisation is computed while the model runs")


def emit_batch_norm(tape: Tape, operator: BatchNorm) -> None:
    """MUL and ADD of one number a channel."""
    for position, what in enumerate(("scale", "shift", "mean", "variance"), start=1):
        _parameter(tape, position, what)
    value = tape.in_layout(0, last=True)
    _real(value)
    (channels,) = known(tape.shape(1))
    per_channel = constant("float32", (channels,))
    scaled = tape.add("MUL", [value, per_channel], tape.like(value))
    tape.add("ADD", [scaled, per_channel], tape.like(value))
    tape.finish(last=True)


def emit_instance_norm(tape: Tape, operator: InstanceNorm) -> None:
    """Mean and variance over space, then nine operations in all."""
    _parameter(tape, 1, "scale")
    _parameter(tape, 2, "shift")
    value = tape.in_layout(0, last=True)
    _real(value)
    space = range(1, len(sizes(value)) - 1)
    mean, deviation = _statistics(tape, value, list(space), operator.epsilon)
    centred = tape.add("SUB", [value, mean], tape.like(value))
    (channels,) = known(tape.shape(1))
    scaled = tape.add("MUL", [centred, constant("float32", (channels,))], tape.like(value))
    normal = tape.add("MUL", [scaled, deviation], tape.like(value))
    tape.add("ADD", [normal, constant("float32", (channels,))], tape.like(value))
    tape.finish(last=True)


def _moments(tape: Tape, value: Value, axes: Sequence[int]) -> tuple[Value, Value]:
    """Mean and variance over stored axes."""
    mean = reduce_to(tape, "MEAN", value, axes)
    squares = tape.add("SQUARED_DIFFERENCE", [value, mean], tape.like(value))
    return mean, reduce_to(tape, "MEAN", squares, axes)


def _statistics(
    tape: Tape, value: Value, axes: Sequence[int], epsilon: float
) -> tuple[Value, Value]:
    """Mean and reciprocal standard deviation over stored axes."""
    mean, variance = _moments(tape, value, axes)
    raised = tape.add("ADD", [variance, _scalar(epsilon)], tape.like(variance))
    return mean, tape.add("RSQRT", [raised], tape.like(raised))


def emit_group_norm(tape: Tape, operator: GroupNorm) -> None:
    """Statistics on a tensor with the groups as an axis of their own, of one rank more."""
    _parameter(tape, 1, "scale")
    _parameter(tape, 2, "shift")
    value = tape.in_layout(0, last=True)
    _real(value)
    shape = sizes(value)
    (channels,) = known((shape[-1],))
    groups = operator.groups
    split = (*shape[:-1], groups, channels // groups)
    wide = tape.reshape(value, split)
    axes = [*range(1, len(shape) - 1), len(split) - 1]
    mean = reduce_to(tape, "MEAN", wide, axes)
    centred = tape.add("SUB", [wide, mean], tape.like(wide))
    squares = tape.add("SQUARE", [centred], tape.like(wide))
    variance = reduce_to(tape, "MEAN", squares, axes)
    raised = tape.add("ADD", [variance, _scalar(operator.epsilon)], tape.like(variance))
    deviation = tape.add("RSQRT", [raised], tape.like(raised))
    normal = tape.add("MUL", [centred, deviation], tape.like(wide))
    if operator.per_channel:
        normal = tape.reshape(normal, shape)
        parameters = constant("float32", (1,) * (len(shape) - 1) + (channels,))
    else:
        parameters = constant("float32", (1,) * (len(split) - 2) + (groups, 1))
    scaled = tape.add("MUL", [normal, parameters], tape.like(normal))
    shifted = tape.add("ADD", [scaled, parameters], tape.like(normal))
    if not operator.per_channel:
        tape.reshape(shifted, shape)
    tape.finish(last=True)


def emit_layer_norm(tape: Tape, operator: LayerNorm) -> None:
    """Ten operations, in whatever layout the operand is."""
    _parameter(tape, 1, "scale")
    if tape.given(2):
        _parameter(tape, 2, "shift")
    held = tape.operand(0)
    value = tape.stored(0)
    _real(value)
    rank = len(sizes(value))
    axes = sorted(stored_axis(a, rank, last=held.last) for a in range(operator.axis, rank))
    mean, deviation = _statistics(tape, value, axes, operator.epsilon)
    parameters = constant("float32", _along(sizes(value), axes))
    scale = tape.add("MUL", [deviation, parameters], tape.like(value))
    scaled = tape.add("MUL", [value, scale], tape.like(value))
    offset = tape.add("MUL", [mean, scale], tape.like(value))
    shift = tape.add("SUB", [parameters, offset], tape.like(value))
    tape.add("ADD", [scaled, shift], tape.like(value))
    tape.finish(last=held.last)


def _along(shape: Shape, axes: Sequence[int]) -> tuple[int, ...]:
    """The shape of parameters that run along some stored axes, as short as it can be."""
    full = known(tuple(size if axis in axes else 1 for axis, size in enumerate(shape)))
    trailing = list(axes) == list(range(min(axes), len(shape)))
    return full[min(axes) :] if trailing else full


def emit_rms_norm(tape: Tape, operator: RmsNorm) -> None:
    """MUL, MEAN, ADD, RSQRT, MUL, MUL."""
    _parameter(tape, 1, "scale")
    held = tape.operand(0)
    value = tape.stored(0)
    _real(value)
    rank = len(sizes(value))
    axes = sorted(stored_axis(a, rank, last=held.last) for a in range(operator.axis, rank))
    squares = tape.add("MUL", [value, value], tape.like(value))
    mean = reduce_to(tape, "MEAN", squares, axes)
    raised = tape.add("ADD", [mean, _scalar(operator.epsilon)], tape.like(mean))
    root = tape.add("RSQRT", [raised], tape.like(raised))
    normal = tape.add("MUL", [value, root], tape.like(value))
    tape.add("MUL", [normal, constant("float32", _along(sizes(value), axes))], tape.like(value))
    tape.finish(last=held.last)


def emit_local_response_norm(tape: Tape, operator: LocalResponseNorm) -> None:
    """LOCAL_RESPONSE_NORMALIZATION, whose window is counted to one side."""
    value = tape.in_layout(0, last=True)
    _real(value)
    if operator.size % 2 == 0:
        raise NoConversionError("a local response normalisation over an even window is not known")
    if len(sizes(value)) != 4:
        raise NoConversionError(
            "a local response normalisation of another rank than 4 is not known"
        )
    tape.add(
        "LOCAL_RESPONSE_NORMALIZATION",
        [value],
        tape.like(value),
        radius=(operator.size - 1) // 2,
        bias=operator.bias,
        alpha=operator.alpha / operator.size,
        beta=operator.beta,
    )
    tape.finish(last=True)


def emit_lp_norm(tape: Tape, operator: LpNorm) -> None:
    """MUL, SUM, RSQRT and MUL for the Euclidean norm; ABS, SUM and DIV for the sum."""
    held = tape.operand(0)
    value = tape.stored(0)
    _real(value)
    axes = [stored_axis(operator.axis, len(sizes(value)), last=held.last)]
    if operator.p == 2:
        squares = tape.add("MUL", [value, value], tape.like(value))
        total = reduce_to(tape, "SUM", squares, axes)
        root = tape.add("RSQRT", [total], tape.like(total))
        tape.add("MUL", [value, root], tape.like(value))
    else:
        size = tape.add("ABS", [value], tape.like(value))
        total = reduce_to(tape, "SUM", size, axes)
        tape.add("DIV", [value, total], tape.like(value))
    tape.finish(last=held.last)


def emit_mean_variance_norm(tape: Tape, operator: MeanVarianceNorm) -> None:
    """MEAN, SQUARED_DIFFERENCE, MEAN, ADD, RSQRT, SUB, MUL."""
    held = tape.operand(0)
    value = tape.stored(0)
    _real(value)
    rank = len(sizes(value))
    axes = sorted(stored_axis(axis, rank, last=held.last) for axis in operator.axes)
    mean, variance = _moments(tape, value, axes)
    raised = tape.add("ADD", [variance, _scalar(1e-10)], tape.like(variance))
    centred = tape.add("SUB", [value, mean], tape.like(value))
    deviation = tape.add("RSQRT", [raised], tape.like(raised))
    tape.add("MUL", [centred, deviation], tape.like(value))
    tape.finish(last=held.last)
