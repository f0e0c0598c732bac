"""Convolutions, pools, and what changes the size of an image; all [N, H, W, C]."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from qnn_cases import OMITTED, Case, Operand, activation, bias, combinations, constant, own, weight
from qnn_draws import Draw
from qnn_operators.family import Family, families

from qnn_tflite.kinds import FEW, FEW_MOVERS, MOVERS, NARROW, REAL

FUSED = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1", "TANH")
_STRIDES = ((1, 1), (2, 2), (1, 2), (3, 3))
_OTHERS = ((2, 1), (4, 4), (2, 3))


def image(draw: Draw, channels: int = 8, *others: int) -> tuple[int, int, int, int]:
    """Batch, height, width, channels."""
    batch, drawn, height, width = draw.image(channels, *others)
    return batch, height, width, drawn


def _windows(draw: Draw) -> Iterator[dict[str, Any]]:
    for padding in ("SAME", "VALID"):
        for high, wide in draw.among(_STRIDES, _OTHERS):
            for dilation in draw.among((1, 2), (3, 4)):
                if dilation == 1 or high == wide == 1 or (high, wide) == (2, 2):
                    yield {
                        "padding": padding,
                        "stride_w": wide,
                        "stride_h": high,
                        "fused_activation_function": "NONE",
                        "dilation_w_factor": dilation,
                        "dilation_h_factor": dilation,
                    }


def _conv(op: str, draw: Draw) -> Iterator[Case]:
    inside, out = draw.size(8, 3, 4, 16, 24), draw.size(16, 8, 12, 32)
    shape = image(draw, inside, inside)
    for choice in _windows(draw):
        for side in draw.among((1, 3), (2, 5)):
            kernel = weight(out, side, side, inside, channel=0)
            yield Case(op, (activation(*shape), kernel, bias(out, 0)), choice, opset=1)
    plain = {**next(_windows(draw)), "stride_w": 1, "stride_h": 1}
    kernel = weight(out, 3, 3, inside, channel=0)
    for fused in FUSED:
        choice = {**plain, "fused_activation_function": fused}
        yield Case(op, (activation(*shape), kernel, bias(out, 0)), choice, opset=1)
    yield Case(op, (activation(*shape), kernel, OMITTED), plain, opset=1)
    yield Case(op, (activation(*shape), kernel), plain, opset=1)
    whole = weight(out, 3, 3, inside)
    yield Case(op, (activation(*shape), whole, bias(out)), plain, opset=1)
    half = weight(out, 3, 3, max(inside // 2, 1), channel=0)
    if inside % 2 == 0 and out % 2 == 0:
        yield Case(op, (activation(*shape), half, bias(out, 0)), plain, opset=1)
    fed = (activation(*shape), activation(out, 3, 3, inside), bias(out))
    yield Case(op, fed, plain, opset=1)
    unstated = activation(*shape, open=(0,))
    yield Case(op, (unstated, kernel, bias(out, 0)), plain, opset=1)


def _depthwise(op: str, draw: Draw) -> Iterator[Case]:
    for multiplier in draw.among((1, 2), (4,)):
        inside = draw.size(8, 3, 4, 16)
        out = inside * multiplier
        shape = image(draw, inside, inside)
        for choice in _windows(draw):
            for side in draw.among((3, 5), (1, 2)):
                kernel = weight(1, side, side, out, channel=3)
                full = {**choice, "depth_multiplier": multiplier}
                yield Case(op, (activation(*shape), kernel, bias(out, 0)), full, opset=1)
        plain = {**next(_windows(draw)), "stride_w": 1, "stride_h": 1,
                 "depth_multiplier": multiplier}  # fmt: skip
        kernel = weight(1, 3, 3, out)
        for fused in FUSED[:3]:
            choice = {**plain, "fused_activation_function": fused}
            yield Case(op, (activation(*shape), kernel, bias(out)), choice, opset=1)
        yield Case(op, (activation(*shape), kernel), plain, opset=1)


def _transpose_conv(op: str, draw: Draw) -> Iterator[Case]:
    inside, out = draw.size(8, 4, 16), draw.size(8, 3, 12)
    batch, height, width, _ = shape = (1, *draw.shape(6, 8), inside)
    for padding in ("SAME", "VALID"):
        for high, wide in draw.among(((1, 1), (2, 2), (1, 2), (3, 3), (4, 4)), ((2, 1), (2, 3))):
            for side in draw.among((2, 3, 4), (1, 5)):
                more = 0 if padding == "SAME" else max(side - min(high, wide), 0)
                to = constant((batch, height * high + more, width * wide + more, out), "int32")
                kernel = weight(out, side, side, inside, channel=0)
                choice = {"padding": padding, "stride_w": wide, "stride_h": high,
                          "fused_activation_function": "NONE"}  # fmt: skip
                yield Case(op, (to, kernel, activation(*shape)), choice, opset=1)
                if side == 3:
                    whole = (to, kernel, activation(*shape), bias(out, 0))
                    fused = {**choice, "fused_activation_function": "RELU"}
                    yield Case(op, whole, fused, opset=1)


def _conv_3d(op: str, draw: Draw) -> Iterator[Case]:
    inside, out = draw.size(4, 2, 8), draw.size(8, 4, 16)
    shape = (1, *draw.shape(4, 6, 6), inside)
    for padding in ("SAME", "VALID"):
        for stride in (1, 2):
            for side in (1, 3):
                choice = {
                    "padding": padding, "stride_d": stride, "stride_w": stride, "stride_h": stride,
                    "fused_activation_function": "NONE", "dilation_d_factor": 1,
                    "dilation_w_factor": 1, "dilation_h_factor": 1,
                }  # fmt: skip
                kernel = weight(side, side, side, inside, out)
                yield Case(op, (activation(*shape), kernel), choice, opset=1)
                yield Case(op, (activation(*shape), kernel, bias(out)), choice, opset=1)


def _conv_3d_edges(op: str, draw: Draw) -> Iterator[Case]:
    """Volumes that are smaller than the kernel along each axis, as large, and larger."""
    inside, out = draw.size(4, 2, 8), draw.size(8, 4, 16)
    large = draw.shape(6, 7, 8)
    for padding in ("SAME", "VALID"):
        for axis in range(3):
            for size in (2, 3, 4):
                for stride, dilation in ((1, 1), (2, 1), (1, 2)):
                    sides = [size if at == axis else side for at, side in enumerate(large)]
                    choice = {
                        "padding": padding, "stride_d": stride, "stride_w": stride,
                        "stride_h": stride, "fused_activation_function": "NONE",
                        "dilation_d_factor": dilation, "dilation_w_factor": dilation,
                        "dilation_h_factor": dilation,
                    }  # fmt: skip
                    operands = (activation(1, *sides, inside), weight(3, 3, 3, inside, out))
                    yield Case(op, operands, choice, opset=1)


def _pool(op: str, draw: Draw) -> Iterator[Case]:
    shape = image(draw)
    for choice in combinations(
        padding=["SAME", "VALID"],
        stride_w=draw.among([1, 2], (3,)),
        stride_h=draw.among([1, 2], (3,)),
        filter_width=draw.among([2, 3], (1, 4)),
        filter_height=draw.among([2, 3], (1, 5)),
        fused_activation_function=["NONE"],
    ):
        yield Case(op, (activation(*shape),), choice, opset=1)
    whole = {"padding": "VALID", "stride_w": 1, "stride_h": 1, "filter_width": shape[2],
             "filter_height": shape[1], "fused_activation_function": "NONE"}  # fmt: skip
    yield Case(op, (activation(*shape),), whole, opset=1)
    for fused in FUSED[1:3]:
        choice = {**whole, "filter_width": 2, "filter_height": 2}
        choice["fused_activation_function"] = fused
        yield Case(op, (activation(*shape),), choice, opset=1)
    yield Case(op, (activation(*shape, open=(0,)),), {**choice}, opset=1)


def _resize(op: str, draw: Draw) -> Iterator[Case]:
    _, height, width, _ = shape = image(draw)
    for align, half in ((False, False), (True, False), (False, True)):
        choice = {"align_corners": align, "half_pixel_centers": half}
        for size in (
            (2 * height, 2 * width), (3 * height, 2 * width), (height + 3, width + 5),
            (max(height // 2, 1), max(width // 2, 1)), (height, width), (1, 1),
        ):  # fmt: skip
            yield Case(op, (activation(*shape), constant(size, "int32")), choice, opset=1)
    fed = Operand((2,), dtype="int32", span=(3, 6))
    yield Case(op, (activation(*shape), fed), choice, opset=1)
    yield Case(op, (activation(*shape, open=(0,)), constant((8, 8), "int32")), choice, opset=1)


def _blocks(op: str, draw: Draw) -> Iterator[Case]:
    deep = op == "DEPTH_TO_SPACE"
    for block, channels in ((2, 4), (2, 16), (3, 9), (4, 32), (1, 4)):
        high, wide = draw.shape(4, 6)
        sides = (high, wide) if deep else (high * block, wide * block)
        for batch in (1, 2):
            shape = (batch, *sides, channels)
            yield Case(op, (activation(*shape),), {"block_size": block}, opset=1)


def _batches(op: str, draw: Draw) -> Iterator[Case]:
    channels = draw.size(4, 3, 8)
    for high, wide in ((2, 2), (1, 2), (3, 3)):
        for before, after in ((0, 0), (1, 1)):
            rows = constant([[before * high, after * high], [0, 0]], "int32")
            block = constant([high, wide], "int32")
            sides = (4 * high, 3 * wide)
            if op == "SPACE_TO_BATCH_ND":
                shape = (draw.size(1, 2), *sides, channels)
            else:
                shape = (high * wide * draw.size(1, 2), *draw.shape(6, 6), channels)
                rows = constant([[before, after], [0, before]], "int32")
            yield Case(op, (activation(*shape), block, rows), opset=1)
    flat = (activation(4, 8, 6), constant([2], "int32"), constant([[0, 0]], "int32"))
    yield Case(op, flat, opset=1)


def _pad(op: str, draw: Draw) -> Iterator[Case]:
    shape = image(draw)
    if op == "MIRROR_PAD":
        choices: tuple[dict[str, str], ...] = ({"mode": "REFLECT"}, {"mode": "SYMMETRIC"})
    else:
        choices = ({},)
    value = (own(0.5),) if op == "PADV2" else ()
    for choice in choices:
        for rows in draw.among(
            ([[0, 0], [1, 1], [1, 1], [0, 0]], [[0, 0], [2, 0], [0, 3], [0, 0]],
             [[0, 0], [0, 0], [0, 0], [0, 2]]),
            ([[1, 0], [0, 0], [0, 0], [0, 0]], [[0, 0], [1, 2], [3, 1], [1, 1]]),
        ):  # fmt: skip
            for dtype in ("int32", "int64"):
                operands = (activation(*shape), constant(rows, dtype), *value)
                yield Case(op, operands, choice, opset=1, note=dtype)
        for flat in draw.ranks():
            rows = [[0, 0]] * (len(flat) - 1) + [[1, 1]]
            operands = (activation(*flat), constant(rows, "int32"), *value)
            yield Case(op, operands, choice, opset=1)
    fed = Operand((4, 2), dtype="int32", span=(0, 2))
    yield Case(op, (activation(*shape), fed, *value), choice, opset=1)


FAMILIES: Mapping[str, Family] = {
    "CONV_2D": Family("CONV_2D", _conv, REAL, NARROW),
    "DEPTHWISE_CONV_2D": Family("DEPTHWISE_CONV_2D", _depthwise, REAL, NARROW),
    "TRANSPOSE_CONV": Family("TRANSPOSE_CONV", _transpose_conv, REAL, NARROW),
    **families(_conv_3d, ("CONV_3D",), REAL, NARROW),
    "CONV_3D of small volumes": Family("CONV_3D", _conv_3d_edges, ("float32", "s8w8"), FEW),
    **families(_pool, ("AVERAGE_POOL_2D", "MAX_POOL_2D"), REAL, FEW),
    "L2_POOL_2D": Family("L2_POOL_2D", _pool, ("float32", "s8w8"), FEW),
    **families(_resize, ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), REAL, FEW),
    **families(_blocks, ("DEPTH_TO_SPACE", "SPACE_TO_DEPTH"), MOVERS, FEW_MOVERS),
    **families(_batches, ("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"), MOVERS, FEW_MOVERS),
    **families(_pad, ("PAD", "PADV2", "MIRROR_PAD"), MOVERS, FEW_MOVERS),
}
