"""What TensorFlow Lite's XNNPACK delegate looks at beyond what the closed vocabulary can say.

Each check takes an operation and the operands that a table passes to it, and says whether it
holds and what it found. Lines are those of google-ai-edge/LiteRT
tflite/delegates/xnnpack/xnnpack_delegate.cc @f6745779.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from npulint.model import Operation, Quantisation, Value
from npulint.opsets import measures
from npulint.opsets.measures import single
from npulint.opsets.predicates import Judgement
from npulint.opsets.relations import show

_BYTES = {"int8": (-128, 127), "uint8": (0, 255)}
_SMALLEST_NORMAL = 2.0**-126
_GEMMS = frozenset({"FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D"})


def one_step(_: Operation, values: tuple[Value, ...]) -> Judgement:
    """8 bits with one scale for the whole tensor, stated for axis 0 (2295-2308, 2350-2362)."""
    (value,) = values
    if value.dtype not in _BYTES:
        return True, f"of type {value.dtype}"
    known = value.quantisation
    if known is None or not known.scales:
        return False, "not quantised"
    if len(known.scales) > 1:
        return False, f"{len(known.scales)} scales"
    if value.dtype == "uint8" and len(known.zero_points) != 1:
        return False, f"{len(known.zero_points)} zero points"
    return known.axis == 0, f"one scale, stated for axis {known.axis}"


def steps_along(axis: int, operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """Weights of 8 bits with one scale, or one for each output channel (2447-2555)."""
    (value,) = values
    known = value.quantisation
    if value.dtype == "uint8":
        holds, found = one_step(operation, values)
        return (_real(value), found) if holds and known else (holds, found)
    if value.dtype != "int8":
        return True, f"of type {value.dtype}"
    if known is None or not known.scales:
        return False, "not quantised"
    found = f"{len(known.scales)} scales along axis {known.axis}"
    if len(known.scales) > 1:
        return known.axis == axis and all(map(_normal, known.scales)), found
    return _real(value), f"scale {show(known.scales[0])}, zero point {known.zero_point}"


def steps_of_product(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """The right side of a product of matrices: by its columns where it has several scales."""
    (value,) = values
    if value.shape is None:
        return None, "of unknown rank"
    axis = len(value.shape) - (2 if operation.attributes.get("adj_y") else 1)
    return steps_along(axis, operation, values)


def bias_steps(_: Operation, values: tuple[Value, ...]) -> Judgement:
    """A bias of 32 bits with one scale and zero point 0, or one for each of axis 0 (2719-2762)."""
    (value,) = values
    if value.dtype != "int32":
        return True, f"of type {value.dtype}"
    known = value.quantisation
    if known is None or not known.scales:
        return False, "not quantised"
    found = f"{len(known.scales)} scales along axis {known.axis}, zero point {known.zero_point}"
    alike = len(known.scales) > 1 or known.zero_point == 0
    return known.axis == 0 and alike and all(map(_normal, known.scales)), found


def definable(operation: Operation, _: tuple[Value, ...]) -> Judgement:
    """Every tensor of 8 bits has scales that are normal numbers and zero points within its type.

    Where it has several scales there is one for each of its axis, and zero points are 0 (150-397).
    """
    for value in (*operation.inputs, *operation.outputs):
        if value is None or value.dtype not in _BYTES or value.quantisation is None:
            continue
        fault = _fault(value, value.quantisation)
        if fault:
            return False, f"{fault} of {value.name or f'tensor {value.index}'}"
    return True, "fit"


def _fault(value: Value, known: Quantisation) -> str:
    """What is wrong with the steps of an 8-bit tensor, if anything."""
    if not all(map(_normal, known.scales)):
        return f"scale {show(next(each for each in known.scales if not _normal(each)))}"
    if len(known.scales) == 1:
        low, high = _BYTES[value.dtype or ""]
        inside = low <= (known.zero_point or 0) <= high
        return "" if inside else f"zero point {known.zero_point}"
    if value.dtype == "uint8" or any(known.zero_points):
        return f"{len(known.scales)} scales with zero points"
    size = measures.size_of(known.axis)(value)
    return "" if size == len(known.scales) else f"{len(known.scales)} scales"


def _real(value: Value) -> bool:
    """Whether a tensor with one scale can be turned back into numbers."""
    known = value.quantisation
    return known is not None and not _fault(value, known)


def _normal(scale: float) -> bool:
    return math.isfinite(scale) and scale >= _SMALLEST_NORMAL


def _ratio(factors: Sequence[Value], over: Value) -> float | None:
    """Scales multiplied and divided in float32, where all are of one 8-bit type."""
    kinds = {value.dtype for value in (*factors, over)}
    if len(kinds) > 1 or not kinds <= _BYTES.keys():
        return None
    product = 1.0
    for value in factors:
        product = single(product * single(measures.scale(value)))
    scale = single(measures.scale(over))
    return single(product / scale) if scale else math.inf


def _in_range(ratio: float | None, low: float, high: float, *, closed: bool) -> Judgement:
    if ratio is None:
        return True, "of types that are not compared"
    below = ratio <= high if closed else ratio < high
    return low <= ratio and below, show(ratio)


def sum_steps(_: Operation, values: tuple[Value, ...]) -> Judgement:
    """The scale of a summand over that of the sum (3089-3115, 4456-4464, 4505-4513)."""
    operand, result = values
    return _in_range(_ratio([operand], result), 1 / 1024, 256.0, closed=False)


def product_steps(_: Operation, values: tuple[Value, ...]) -> Judgement:
    """The scales of both factors over that of the product (3117-3152, 4484-4489)."""
    *factors, result = values
    return _in_range(_ratio(factors, result), 1 / 65536, 256.0, closed=False)


def requantised_steps(_: Operation, values: tuple[Value, ...]) -> Judgement:
    """The scale that goes in over the one that comes out (4706-4722)."""
    operand, result = values
    return _in_range(_ratio([operand], result), 1 / 256, 128.0, closed=True)


def leaky_steps(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """Both slopes of LEAKY_RELU with 8 bits, by the ratio of scales (4663-4688)."""
    operand, result = values
    if operand.dtype not in _BYTES or result.dtype not in _BYTES:
        return True, "of types that are not compared"
    alpha, scale = operation.attributes.get("alpha"), single(measures.scale(result))
    if not isinstance(alpha, (int, float)) or not scale:
        return None, "unknown"
    positive = single(single(measures.scale(operand)) / scale)
    negative = single(positive * single(alpha))
    holds = 1 / 256 <= positive <= 128.0 and -127.99609375 <= negative <= 128.0
    return holds and abs(negative) >= 1 / 256, f"{show(positive)} and {show(negative)}"


def normal_alpha(operation: Operation, _: tuple[Value, ...]) -> Judgement:
    """A slope that is a normal number (4656-4661)."""
    alpha = operation.attributes.get("alpha")
    if not isinstance(alpha, (int, float)):
        return None, "unknown"
    return _normal(abs(single(alpha))), show(alpha)


def filter_and_bias(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """A bias of the filter's type, float16 weights that are not unpacked counted (2806-2832)."""
    kinds = [_stored_type(operation, value) for value in values]
    weights, bias = kinds
    if weights not in {"float16", "float32"}:
        return True, f"of type {weights}"
    found = f"{weights} and {bias}"
    return bias == weights or (weights == "float16" and bias == "float32"), found


def _stored_type(operation: Operation, value: Value) -> str | None:
    """The type of a tensor, as it is stored where the delegate reads through its DEQUANTIZE.

    It does so where all that read the result are products that do not read it as their first
    operand (7323-7354).
    """
    graph = operation.graph
    if graph is None or value.index >= len(graph.values):
        return value.dtype
    uses = graph.uses[value.index]
    if len(uses.makers) != 1 or uses.makers[0].op != "DEQUANTIZE":
        return value.dtype
    inputs = uses.makers[0].inputs
    source = graph.values[inputs[0]] if inputs and inputs[0] >= 0 else None
    if source is None or source.dtype != "float16" or source.constant is None:
        return value.dtype
    through = all(
        reader.op in _GEMMS and reader.inputs[0] != value.index for reader in uses.readers
    )
    return "float16" if through else value.dtype


def not_flattened(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """A new shape other than the one axis [0] or [-1] (5823-5831)."""
    told = measures.integers(values[0]) if values else operation.attributes.get("new_shape")
    if not isinstance(told, tuple):
        return None, "unknown"
    return told not in {(0,), (-1,)}, show(told)


def leading_ones(_: Operation, values: tuple[Value, ...]) -> Judgement:
    """One axis, or others before the last that are all 1 (2976-3010)."""
    sizes = measures.shape(values[0])
    if sizes is None:
        return None, "of unknown shape"
    return all(size == 1 for size in sizes[:-1]), show(sizes)


def divided_by_block(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """A height and a width that block_size divides (6093-6109)."""
    sizes, block = values[0].shape, operation.attributes.get("block_size")
    if sizes is None or len(sizes) < 3 or not isinstance(block, int) or not block:
        return None, "unknown"
    height, width = sizes[1:3]
    if not (isinstance(height, int) and isinstance(width, int)):
        return None, "of unknown size"
    return height % block == 0 and width % block == 0, f"{height} and {width}"


def multiplied(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """Channels that depth_multiplier divides (1980-1987)."""
    channels, factor = measures.size_of(3)(values[0]), operation.attributes.get("depth_multiplier")
    if not isinstance(channels, int) or not isinstance(factor, int) or factor < 1:
        return None, "unknown"
    return channels % factor == 0, str(channels)


def multiple_of(factor: int, _: Operation, values: tuple[Value, ...]) -> Judgement:
    """Input channels of FULLY_CONNECTED that fill whole bytes (5042-5058)."""
    channels = measures.size_of(1)(values[0])
    return (channels % factor == 0, str(channels)) if isinstance(channels, int) else (None, "?")


def query_heads(_: Operation, values: tuple[Value, ...]) -> Judgement:
    """Heads of attention that are as many as the key's, or several times as many (6448-6449)."""
    queries, keys = (measures.size_of(2)(value) for value in values)
    if not isinstance(queries, int) or not isinstance(keys, int) or not keys:
        return None, "unknown"
    return queries % keys == 0, f"{queries} and {keys}"


def transposed_padding(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """Sizes of TRANSPOSE_CONV for which the delegate finds paddings (1805-1885)."""
    source, kernel, wanted = values
    window, sizes = measures.shape(kernel), measures.shape(source)
    result = measures.integers(wanted)
    steps = [operation.attributes.get(name) for name in ("stride_h", "stride_w")]
    if window is None or sizes is None or result is None:
        return None, "unknown"
    if {len(window), len(sizes), len(result)} != {4}:
        return None, "not of 4 axes"
    same = operation.attributes.get("padding") == "SAME"
    for axis, step in zip((1, 2), steps, strict=True):
        if not isinstance(step, int) or step < 1:
            return None, "unknown"
        fault = _unfit(sizes[axis], result[axis], window[axis], step if same else None)
        if fault:
            return False, fault
    return True, "fit"


def _unfit(size: int, out: int, side: int, step: int | None) -> str:
    """Why sizes along one axis do not fit, if they do not; without a stride where it is VALID."""
    if step is None:
        return f"a window of {side} over a result of {out}" if side > out else ""
    if -(-out // step) != size:
        return f"{size} in and {out} out with stride {step}"
    return f"a window of {side} with stride {step}" if side < step else ""
