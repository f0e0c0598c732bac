"""Convolutions, poolings and resampling as TFLite operations.

Source of the forms: PINTO0309/onnx2tf onnx2tf/ops/{Conv,ConvTranspose,MaxPool,AveragePool,
Resize,DepthToSpace,SpaceToDepth}.py @2c0cb019, and what TensorFlow Lite's converter 2.21 made of
them (tests/operators/recorded.json).
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from npulint.operators.onnx_node import NoConversionError
from npulint.operators.tape import Tape, constant, known, sizes, tensor

if TYPE_CHECKING:
    from npulint.model import Attribute, Dimension, Shape, Value
    from npulint.operators.semantics import Conv, DepthToSpace, Pads, Pool, SpaceToDepth, Window

_LOWEST_FLOAT = -3.4028234663852886e38


def same_pads(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """What TFLite's SAME padding adds before and after one axis."""
    reach = (kernel - 1) * dilation + 1
    total = max((ceil(size / stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def explicit_pads(window: Window, space: Shape) -> Pads:
    """The padding of a window in numbers, whatever way it is stated.

    Raises:
        NoConversionError: It depends on a size that is free.
    """
    if not window.auto:
        return window.pads
    pads = []
    for axis, size in enumerate(known(space)):
        before, after = same_pads(
            size, window.kernel[axis], window.strides[axis], window.dilations[axis]
        )
        pads.append((before, after) if window.auto == "SAME_UPPER" else (after, before))
    return tuple(pads)


def is_same(window: Window, space: Shape) -> bool:
    """Whether TFLite's SAME padding is what the window asks for."""
    if window.auto == "SAME_UPPER":
        return True
    for axis, size in enumerate(space):
        kernel, stride = window.kernel[axis], window.strides[axis]
        dilation = window.dilations[axis]
        if isinstance(size, int):
            wanted = explicit_pads(window, space)[axis] if not window.auto else None
            same = same_pads(size, kernel, stride, dilation)
            if same != (wanted if wanted is not None else (same[1], same[0])):
                return False
        elif stride != 1 or window.pads[axis] != same_pads(1 << 20, kernel, 1, dilation):
            return False
    return True


def pad_space(tape: Tape, value: Value, pads: Pads, *, lowest: bool = False) -> Value:
    """PAD the spatial axes of a channels-last value with zeros, or with the lowest number."""
    shape = sizes(value)
    padded: list[Dimension] = [shape[0]]
    rows = [0, 0]
    for size, (before, after) in zip(shape[1:-1], pads, strict=True):
        padded.append(size + before + after if isinstance(size, int) else None)
        rows += [before, after]
    padded.append(shape[-1])
    amounts = constant("int32", (len(shape), 2), [*rows, 0, 0])
    result = tensor(value.dtype or "", tuple(padded))
    if not lowest:
        return tape.add("PAD", [value, amounts], result)
    fill = constant("float32", (), [_LOWEST_FLOAT]) if value.dtype == "float32" else None
    if fill is None:
        raise NoConversionError("a padded maximum of integers has no known conversion")
    return tape.add("PADV2", [value, amounts, fill], result)


def lift(tape: Tape, value: Value) -> Value:
    """`[N, W, C]` as `[N, 1, W, C]`, on which the two-dimensional operators work."""
    shape = sizes(value)
    return tape.reshape(value, (shape[0], 1, *shape[1:]))


def spatial_options(window: Window, *, padding: str, dilated: bool) -> dict[str, Attribute]:
    """Stride, padding and dilation options; one-dimensional windows run along the width."""
    strides, dilations = (1, *window.strides)[-2:], (1, *window.dilations)[-2:]
    options: dict[str, Attribute] = {
        "padding": padding,
        "stride_w": strides[1],
        "stride_h": strides[0],
    }
    if dilated:
        options["dilation_w_factor"], options["dilation_h_factor"] = dilations[1], dilations[0]
    return options


def emit_conv(tape: Tape, operator: Conv) -> None:
    """CONV_2D, DEPTHWISE_CONV_2D or CONV_3D, with explicit padding where SAME is not meant."""
    window = operator.window
    spatial = len(window.kernel)
    if spatial > 3:
        raise NoConversionError(f"a convolution over {spatial} axes has no TFLite operator")
    if not tape.operand(1).folded:
        raise NoConversionError("the filter of the convolution is computed while the model runs")
    value = tape.in_layout(0, last=True)
    space = sizes(value)[1:-1]
    same = is_same(window, space)
    pads = () if same else explicit_pads(window, space)
    if any(any(pair) for pair in pads):
        value = pad_space(tape, value, pads)
    padding = "SAME" if same else "VALID"
    _, result = _result(tape)
    if spatial == 3:
        _conv_3d(tape, operator, value, padding, result)
    elif spatial == 1:
        value = lift(tape, value)
        wide = _convolve(tape, operator, value, padding, (result[0], 1, *result[1:]))
        tape.reshape(wide, result)
    else:
        _convolve(tape, operator, value, padding, result)
    tape.finish(last=True)


def _result(tape: Tape) -> tuple[Shape, Shape]:
    """The result's shape in ONNX order and channels last."""
    shape = tape.result_shape()
    return shape, (shape[0], *shape[2:], shape[1])


def _bias(tape: Tape, channels: int) -> Value:
    """The bias, or the zeros that the converter makes up for a convolution without one."""
    if not tape.given(2):
        return constant("float32", (channels,), [0.0] * channels if channels <= 256 else None)
    if not tape.operand(2).folded:
        raise NoConversionError("the bias of the convolution is computed while the model runs")
    return tape.folded(2, tape.shape(2))


def _convolve(tape: Tape, operator: Conv, value: Value, padding: str, result: Shape) -> Value:
    """CONV_2D, or DEPTHWISE_CONV_2D where every channel is its own group."""
    window = operator.window
    filter_shape = known(tape.shape(1))
    channels, depth = filter_shape[0], filter_shape[1]
    kernel = (1, *window.kernel)[-2:]
    options = spatial_options(window, padding=padding, dilated=True)
    dtype = tape.type(1)
    out = tensor(value.dtype or "", result)
    depthwise = (
        operator.groups > 1
        and operator.groups == sizes(value)[-1]
        and len(window.kernel) == 2
        and len(set(window.strides)) == 1
    )
    if depthwise:
        weights = constant(dtype, (1, *kernel, channels))
        options["depth_multiplier"] = channels // operator.groups
        return tape.add(
            "DEPTHWISE_CONV_2D", [value, weights, _bias(tape, channels)], out, **options
        )
    weights = constant(dtype, (channels, *kernel, depth))
    return tape.add("CONV_2D", [value, weights, _bias(tape, channels)], out, **options)


def _conv_3d(tape: Tape, operator: Conv, value: Value, padding: str, result: Shape) -> None:
    if operator.groups != 1:
        raise NoConversionError("a grouped convolution over three axes has no TFLite operator")
    window = operator.window
    channels, depth, *kernel = known(tape.shape(1))
    weights = constant(tape.type(1), (*kernel, depth, channels))
    out = tape.add(
        "CONV_3D",
        [value, weights, None],
        tensor(value.dtype or "", result),
        padding=padding,
        **volume_options(window),
    )
    if tape.given(2):
        tape.add("ADD", [out, _bias(tape, channels)], tape.like(out))


def volume_options(window: Window) -> dict[str, Attribute]:
    """Stride and dilation options of the three-dimensional operators."""
    return {
        "stride_d": window.strides[0],
        "stride_w": window.strides[2],
        "stride_h": window.strides[1],
        "dilation_d_factor": window.dilations[0],
        "dilation_w_factor": window.dilations[2],
        "dilation_h_factor": window.dilations[1],
    }


def emit_pool(tape: Tape, operator: Pool) -> None:
    """MAX_POOL_2D or AVERAGE_POOL_2D, with explicit padding where SAME is not meant."""
    window = operator.window
    spatial = len(window.kernel)
    if spatial > 2:
        raise NoConversionError(f"pooling over {spatial} axes has no TFLite builtin operator")
    if any(dilation != 1 for dilation in window.dilations):
        raise NoConversionError("a dilated pooling window has no TFLite builtin operator")
    if operator.kind == "lp" and operator.p not in (1, 2):
        raise NoConversionError(f"a power of {operator.p} has no known conversion")
    value = tape.in_layout(0, last=True)
    space = sizes(value)[1:-1]
    _, result = _result(tape)
    if operator.kind == "lp":
        value = _powers(tape, operator, value)
    averaged = operator.kind != "max"
    include = operator.count_include_pad or operator.kind == "lp"
    overhang = _overhang(window, space, result[1:-1])
    padded = any(any(pair) for pair in explicit_pads_or_none(window, space, overhang))
    same = is_same(window, space) and not any(overhang) and not (averaged and include and padded)
    if not same and padded:
        pads = explicit_pads_or_none(window, space, overhang)
        value = pad_space(tape, value, pads, lowest=not averaged)
    if spatial == 1:
        value = lift(tape, value)
    value = _pooled(tape, operator, value, same=same, result=result)
    if spatial == 1:
        value = tape.reshape(value, result)
    if averaged and not include and padded and not same:
        # Each mean counted the padding in; a constant map takes it out again.
        free = tuple(size if isinstance(size, int) else 1 for size in result[1:-1])
        tape.add("MUL", [value, constant("float32", (1, *free, 1))], tape.like(value))
    if operator.kind == "lp":
        _roots(tape, operator, value)
    tape.finish(last=True)


def explicit_pads_or_none(window: Window, space: Shape, overhang: tuple[int, ...]) -> Pads:
    """Padding in numbers with the overhang of a last partial window; zeros where SAME says it."""
    if window.auto == "SAME_UPPER" and not all(isinstance(size, int) for size in space):
        return ((0, 0),) * len(space)
    pads = explicit_pads(window, space)
    return tuple(
        (before, after + more) for (before, after), more in zip(pads, overhang, strict=True)
    )


def _overhang(window: Window, space: Shape, result: Shape) -> tuple[int, ...]:
    """How far a last, partial window reaches beyond the padded input, for each axis."""
    if not window.ceil or window.auto:
        return (0,) * len(space)
    found = []
    for axis, (size, out) in enumerate(zip(known(space), known(result), strict=True)):
        needed = (out - 1) * window.strides[axis] + window.kernel[axis]
        found.append(max(needed - size - sum(window.pads[axis]), 0))
    return tuple(found)


def _pooled(tape: Tape, operator: Pool, value: Value, *, same: bool, result: Shape) -> Value:
    window = operator.window
    kernel = (1, *window.kernel)[-2:]
    shape = (result[0], 1, *result[1:]) if len(window.kernel) == 1 else result
    return tape.add(
        "MAX_POOL_2D" if operator.kind == "max" else "AVERAGE_POOL_2D",
        [value],
        tensor(value.dtype or "", shape),
        **spatial_options(window, padding="SAME" if same else "VALID", dilated=False),
        filter_width=kernel[1],
        filter_height=kernel[0],
    )


def _powers(tape: Tape, operator: Pool, value: Value) -> Value:
    value = tape.add("ABS", [value], tape.like(value))
    if operator.p == 1:
        return value
    return tape.add("MUL", [value, value], tape.like(value))


def _roots(tape: Tape, operator: Pool, value: Value) -> None:
    count = 1
    for size in operator.window.kernel:
        count *= size
    value = tape.add("MUL", [value, constant("float32", (), [count])], tape.like(value))
    if operator.p == 2:
        tape.add("SQRT", [value], tape.like(value))


def emit_depth_to_space(tape: Tape, operator: DepthToSpace) -> None:
    """DEPTH_TO_SPACE for DCR; reshapes and a transposition of rank 6 for CRD."""
    value = tape.in_layout(0, last=True)
    _, result = _result(tape)
    block = operator.block
    if operator.mode == "DCR":
        tape.add("DEPTH_TO_SPACE", [value], tensor(value.dtype or "", result), block_size=block)
    else:
        batch, height, width, _ = sizes(value)
        split = tape_reshape(tape, value, (batch, height, width, result[3], block, block))
        moved = tape.transpose(split, (0, 1, 4, 2, 5, 3))
        tape_reshape(tape, moved, result)
    tape.finish(last=True)


def tape_reshape(tape: Tape, value: Value, shape: Shape) -> Value:
    """RESHAPE; where several sizes are free, to a shape that the model computes as it runs."""
    free = sum(not isinstance(size, int) for size in shape)
    if free <= 1:
        return tape.reshape(value, shape)
    source = tape.add("SHAPE", [value], tensor("int32", (len(sizes(value)),)), out_type="INT32")
    scalar = tape.add(
        "STRIDED_SLICE",
        [source, *(constant("int32", (1,), [item]) for item in (0, 1, 1))],
        tensor("int32", ()),
        shrink_axis_mask=1,
    )
    parts: list[Value | None] = [
        constant("int32", (), [size]) if isinstance(size, int) else scalar for size in shape
    ]
    wanted = tape.add(
        "PACK", parts, tensor("int32", (len(shape),)), values_count=len(shape), axis=0
    )
    return tape.add("RESHAPE", [value, wanted], tensor(value.dtype or "", shape), new_shape=())


def emit_space_to_depth(tape: Tape, operator: SpaceToDepth) -> None:
    """SPACE_TO_DEPTH, whose order of channels is ONNX's."""
    value = tape.in_layout(0, last=True)
    _, result = _result(tape)
    tape.add(
        "SPACE_TO_DEPTH", [value], tensor(value.dtype or "", result), block_size=operator.block
    )
    tape.finish(last=True)
