"""Convolutions as TFLite operations, and what all sliding windows share.

Source of the forms: PINTO0309/onnx2tf onnx2tf/ops/Conv.py @2c0cb019, and what TensorFlow Lite's
converter 2.21 made of them (tests/operators/recorded.json).
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from npulint.operators.onnx_node import NoConversionError
from npulint.operators.tape import Tape, constant, known, sizes, tensor

if TYPE_CHECKING:
    from npulint.model import Attribute, Dimension, Shape, Value
    from npulint.operators.semantics import Conv, Pads, Window

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
    """Whether TFLite's SAME padding is what the window asks for, as far as the file tells."""
    if window.auto == "SAME_UPPER":
        return True
    if not window.auto and not any(any(pair) for pair in window.pads):
        # Nothing is added either way; the converter writes SAME where no size changes.
        return set(window.kernel) == {1} and set(window.strides) == {1}
    if not all(isinstance(size, int) for size in space):
        return False
    pads = explicit_pads(window, space)
    return all(
        same_pads(size, window.kernel[axis], window.strides[axis], window.dilations[axis])
        == pads[axis]
        for axis, size in enumerate(known(space))
    )


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
    result = channels_last_result(tape)
    if spatial == 3:
        _conv_3d(tape, operator, value, padding, result)
    elif spatial == 1:
        value = lift(tape, value)
        wide = _convolve(tape, operator, value, padding, (result[0], 1, *result[1:]))
        tape.reshape(wide, result)
    else:
        _convolve(tape, operator, value, padding, result)
    tape.finish(last=True)


def channels_last_result(tape: Tape) -> Shape:
    """The result's shape channels last."""
    shape = tape.result_shape()
    return (shape[0], *shape[2:], shape[1])


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
