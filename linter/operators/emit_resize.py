"""Resampling as RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR, where they sample what ONNX samples.

Source of the forms: PINTO0309/onnx2tf onnx2tf/ops/{Resize,Upsample}.py @2c0cb019; of the
sampling positions: onnx/onnx docs/Operators.md (Resize) and google-ai-edge/LiteRT
tflite/kernels/internal/reference/{resize_bilinear,resize_nearest_neighbor}.h @f6745779.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil, floor
from types import MappingProxyType
from typing import TYPE_CHECKING

from npulint.operators.emit_windows import lift
from npulint.operators.onnx_node import NoConversionError
from npulint.operators.tape import Tape, constant, sizes, tensor

if TYPE_CHECKING:
    from npulint.model import Shape, Value
    from npulint.operators.semantics import Resize

# Whether corners are aligned, and whether pixels are sampled at their centres.
_PLAIN, _ALIGNED, _HALF = (False, False), (True, False), (False, True)

_LINEAR: Mapping[str, tuple[bool, bool]] = MappingProxyType(
    {
        "asymmetric": _PLAIN,
        "half_pixel": _HALF,
        "pytorch_half_pixel": _HALF,
        "align_corners": _ALIGNED,
    }
)

# Pairs that sample the same positions whatever the sizes, or at whole factors.
_NEAREST_ANYWHERE: Mapping[tuple[str, str], tuple[bool, bool]] = MappingProxyType(
    {
        ("asymmetric", "floor"): _PLAIN,
        ("half_pixel", "round_prefer_ceil"): _HALF,
        ("half_pixel", "round_prefer_floor"): _HALF,
        ("align_corners", "round_prefer_ceil"): _ALIGNED,
    }
)

_ROUNDINGS: Mapping[str, Callable[[float], int]] = MappingProxyType(
    {
        "round_prefer_floor": lambda x: ceil(x - 0.5),
        "round_prefer_ceil": lambda x: floor(x + 0.5),
        "floor": floor,
        "ceil": ceil,
    }
)

_LONGEST_AXIS = 1 << 13
"""Sizes up to which nearest positions are compared one by one."""


def emit_resize(tape: Tape, operator: Resize) -> None:
    """RESIZE_BILINEAR or RESIZE_NEAREST_NEIGHBOR to a constant or a computed size."""
    if operator.mode == "cubic":
        raise NoConversionError("cubic interpolation has no TFLite builtin operator")
    if not operator.spatial_only:
        raise NoConversionError("resampling batch or channels has no TFLite builtin operator")
    if operator.antialias:
        raise NoConversionError("antialiased resampling has no TFLite builtin operator")
    value = tape.in_layout(0, last=True)
    rank = len(sizes(value))
    if rank not in (3, 4):
        raise NoConversionError(
            f"resampling a tensor of rank {rank} has no TFLite builtin operator"
        )
    shape = tape.result_shape()
    result = (shape[0], *shape[2:], shape[1])
    align, half = _flags(operator, sizes(value)[1:-1], result[1:-1])
    flat = rank == 3
    if flat:
        value = lift(tape, value)
    wide = (result[0], 1, *result[1:]) if flat else result
    size = _size(tape, value, wide[1:3])
    op = "RESIZE_BILINEAR" if operator.mode == "linear" else "RESIZE_NEAREST_NEIGHBOR"
    resized = tape.add(
        op,
        [value, size],
        tensor(value.dtype or "", wide),
        align_corners=align,
        half_pixel_centers=half,
    )
    if flat:
        tape.reshape(resized, result)
    tape.finish(last=True)


def _flags(operator: Resize, before: Shape, after: Shape) -> tuple[bool, bool]:
    """The corner options with which TFLite samples the positions that ONNX samples."""
    if operator.mode == "linear":
        found = _LINEAR.get(operator.coordinates)
        if found is None or (operator.coordinates == "pytorch_half_pixel" and 1 in after):
            raise NoConversionError(
                f"linear interpolation at {operator.coordinates} positions has no TFLite operator"
            )
        return found
    if operator.coordinates == "pytorch_half_pixel" and 1 in after:
        raise NoConversionError(
            "a result of one sample at pytorch_half_pixel positions is not known"
        )
    coordinates = operator.coordinates.removeprefix("pytorch_")
    wanted = _NEAREST_ANYWHERE.get((coordinates, operator.nearest))
    pairs = list(zip(before, after, strict=True))
    numbers = [(a, b) for a, b in pairs if isinstance(a, int) and isinstance(b, int)]
    if len(numbers) == len(pairs) and all(b <= _LONGEST_AXIS for _, b in numbers):
        for flags in dict.fromkeys([wanted or _PLAIN, _PLAIN, _HALF, _ALIGNED]):
            if all(_agree(coordinates, operator.nearest, flags, a, b) for a, b in numbers):
                return flags
    elif wanted is not None:
        return wanted
    raise NoConversionError(
        f"nearest sampling at {operator.coordinates} positions rounded by {operator.nearest} "
        "samples other positions than any TFLite operator"
    )


def _agree(
    coordinates: str, nearest: str, flags: tuple[bool, bool], before: int, after: int
) -> bool:
    """Whether both dialects pick the same samples along one axis."""
    rounding = _ROUNDINGS.get(nearest)
    if rounding is None or coordinates not in ("asymmetric", "half_pixel", "align_corners"):
        return False
    return all(
        min(max(rounding(_position(coordinates, i, before, after)), 0), before - 1)
        == _sample(flags, i, before, after)
        for i in range(after)
    )


def _position(coordinates: str, index: int, before: int, after: int) -> float:
    if coordinates == "align_corners":
        return index * (before - 1) / (after - 1) if after > 1 else 0.0
    if coordinates == "half_pixel":
        return ((2 * index + 1) * before - after) / (2 * after)
    return index * before / after


def _sample(flags: tuple[bool, bool], index: int, before: int, after: int) -> int:
    """The input position that TFLite's kernel reads for one output position."""
    align, half = flags
    if align:
        exact = index * (before - 1) / (after - 1) if after > 1 else index * before / after
        return min(floor(exact + 0.5), before - 1)
    if half:
        return min((2 * index + 1) * before // (2 * after), before - 1)
    return min(index * before // after, before - 1)


def _size(tape: Tape, value: Value, space: Shape) -> Value:
    """The size operand: a constant, or computed from the input's where it is free."""
    fixed = [size for size in space if isinstance(size, int)]
    if len(fixed) == len(space):
        return constant("int32", (2,), fixed)
    shape = tape.add("SHAPE", [value], tensor("int32", (4,)), out_type="int32")
    pair = tensor("int32", (2,))
    bounds = [constant("int32", (1,), [item]) for item in (1, 2)]
    current = tape.add("SLICE", [shape, *bounds], pair)
    real = tape.add(
        "CAST",
        [current],
        tensor("float32", (2,)),
        in_data_type="int32",
        out_data_type="float32",
    )
    scaled = tape.add("MUL", [real, constant("float32", (2,))], tensor("float32", (2,)))
    return tape.add("CAST", [scaled], pair, in_data_type="float32", out_data_type="int32")
