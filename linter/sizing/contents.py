"""What small tensors hold that are computed of sizes: chains of Shape, Gather, Mul, Concat.

Worked out as the runtimes do it: whole numbers are divided towards zero, real ones are kept in the
tensor's own precision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from npulint.model import INLINE_LIMIT, Constant, Value
from npulint.sizing.site import Site, UnknownSizesError, all_known

if TYPE_CHECKING:
    import numpy.typing as npt

    from npulint.model import Shape

Array: TypeAlias = "npt.NDArray[Any]"
_Function: TypeAlias = "Callable[..., Array]"

_TYPES = frozenset(
    {"bool", "int8", "uint8", "int16", "int32", "int64", "float16", "float32", "float64"}
)


def holding(value: Value, array: Array) -> Value:
    """A value that is known to hold an array."""
    shape = tuple(int(size) for size in array.shape)
    payload = array.astype(array.dtype.newbyteorder("<")).tobytes()
    constant = Constant(str(array.dtype), shape, payload, None, len(payload))
    return replace(value, shape=shape, shape_signature=None, constant=constant)


def contents(site: Site, shapes: tuple[Shape | None, ...]) -> Array | None:
    """What the first result of a node holds.

    Args:
        site: The node.
        shapes: The sizes of its results, as far as they are known.

    Returns:
        An array of the result's type; None where it is not known, or no small one.
    """
    operation = site.operation
    result = operation.outputs[0] if operation.outputs else None
    if result is None or len(operation.outputs) > 1 or result.dtype not in _TYPES:
        return None
    if site.word("fused_activation_function", "NONE") != "NONE":
        return None
    dtype = np.dtype(result.dtype)
    try:
        if operation.op in {"Shape", "SHAPE", "Size", "RANK"}:
            return _asked(site).astype(dtype)
        shape = all_known(shapes[0] or ()) if shapes[0] is not None else None
        if shape is not None and _too_many(shape, dtype):
            return None
        arrays = [_held(site.value(place)) for place in range(len(operation.inputs))]
        return _worked_out(site, arrays, shape, dtype)
    except (UnknownSizesError, TypeError, ValueError, IndexError, ArithmeticError):
        return None


def _too_many(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    count = 1
    for size in shape:
        count *= size
    return count * dtype.itemsize > INLINE_LIMIT


def _held(value: Value | None) -> Array | None:
    """The elements of a small operand; None where it is left out.

    Raises:
        UnknownSizesError: They are not known.
    """
    if value is None:
        return None
    constant = value.constant
    if constant is None or constant.payload is None or constant.dtype not in _TYPES:
        raise UnknownSizesError
    kind = np.dtype(constant.dtype).newbyteorder("<")
    array = np.frombuffer(constant.payload, kind).reshape(constant.shape)
    return array.astype(constant.dtype)


def _asked(site: Site) -> Array:
    """The answer to a question for sizes."""
    if site.operation.op == "RANK":
        return np.array(site.rank())
    if site.operation.op == "Size":
        return np.array(np.prod(site.known(), dtype=np.int64))
    end = site.integer("end") if "end" in site.operation.attributes else None
    return np.array(all_known(site.shape()[site.integer("start") : end]))


def _worked_out(
    site: Site, arrays: list[Array | None], shape: tuple[int, ...] | None, dtype: np.dtype[Any]
) -> Array | None:
    op = site.operation.op
    if op in _FUNCTIONS:
        return np.asarray(_FUNCTIONS[op](*arrays)).astype(dtype)
    if op in _WHOLE:
        return _whole(site, arrays).astype(dtype)
    if op in _RESHAPED and shape is not None and arrays[0] is not None:
        return arrays[0].reshape(shape).astype(dtype)
    if op in _FILLED and shape is not None:
        return np.full(shape, _filling(site, arrays), dtype)
    return None


def _divided(one: Array, other: Array) -> Array:
    if one.dtype.kind == "f":
        return np.asarray(one / other)
    if not np.all(other):
        raise ArithmeticError
    return np.asarray(np.sign(one) * np.sign(other) * (np.abs(one) // np.abs(other)))


def _floor_divided(one: Array, other: Array) -> Array:
    if not np.all(other):
        raise ArithmeticError
    return np.asarray(one // other)


_FUNCTIONS: Mapping[str, _Function] = {
    "Add": np.add, "ADD": np.add, "Sub": np.subtract, "SUB": np.subtract,
    "Mul": np.multiply, "MUL": np.multiply, "Div": _divided, "DIV": _divided,
    "FLOOR_DIV": _floor_divided, "FLOOR_MOD": np.mod,
    "Max": np.maximum, "MAXIMUM": np.maximum, "Min": np.minimum, "MINIMUM": np.minimum,
    "Neg": np.negative, "NEG": np.negative, "Abs": np.abs, "ABS": np.abs,
    "Floor": np.floor, "FLOOR": np.floor, "Ceil": np.ceil, "CEIL": np.ceil,
    "Round": np.round, "ROUND": np.round, "Sqrt": np.sqrt, "SQRT": np.sqrt,
    "Equal": np.equal, "EQUAL": np.equal, "NOT_EQUAL": np.not_equal,
    "Less": np.less, "LESS": np.less, "Greater": np.greater, "GREATER": np.greater,
    "LessOrEqual": np.less_equal, "LESS_EQUAL": np.less_equal,
    "GreaterOrEqual": np.greater_equal, "GREATER_EQUAL": np.greater_equal,
    "And": np.logical_and, "LOGICAL_AND": np.logical_and,
    "Or": np.logical_or, "LOGICAL_OR": np.logical_or,
    "Not": np.logical_not, "LOGICAL_NOT": np.logical_not,
    "Where": np.where, "SELECT": np.where, "SELECT_V2": np.where,
    "Range": np.arange, "RANGE": np.arange,
    "Identity": np.asarray, "Cast": np.asarray, "CAST": np.asarray,
}  # fmt: skip
"""Functions of operands alone."""

_RESHAPED = frozenset(
    {"Reshape", "RESHAPE", "Squeeze", "SQUEEZE", "Unsqueeze", "EXPAND_DIMS", "Flatten"}
)
_FILLED = frozenset({"ConstantOfShape", "FILL"})


def _filling(site: Site, arrays: list[Array | None]) -> object:
    if site.operation.op == "FILL":
        return arrays[1]
    stated = site.operation.attributes.get("value")
    found = stated.elements() if isinstance(stated, Constant) else (0,)
    if not found:
        raise UnknownSizesError
    return found[0]


def _gather(site: Site, data: Array, places: Array) -> Array:
    if site.integer("batch_dims"):
        raise UnknownSizesError
    return np.take(data, places, axis=site.axis())


def _joined(site: Site, *parts: Array) -> Array:
    return np.concatenate(parts, axis=site.axis())


def _packed(site: Site, *parts: Array) -> Array:
    return np.stack(parts, axis=site.axis(rank=parts[0].ndim + 1))


def _transposed(site: Site, data: Array, order: Array | None = None) -> Array:
    stated = site.integers("perm") if order is None else tuple(map(int, order))
    return np.transpose(data, stated)


def _tiled(site: Site, data: Array, counts: Array) -> Array:
    del site
    return np.tile(data, counts)


def _spread(site: Site, data: Array, shape: Array) -> Array:
    del site
    wanted = np.broadcast_shapes(data.shape, tuple(map(int, shape)))
    return np.broadcast_to(data, wanted)


def _cut(site: Site, data: Array, *_: Array | None) -> Array:
    """Slice of ONNX, by operands."""
    if site.version < 10:
        raise UnknownSizesError
    starts, ends = site.demanded(1), site.demanded(2)
    axes = site.axes(site.demanded(3)) if site.has(3) else tuple(range(len(starts)))
    steps = site.demanded(4) if site.has(4) else (1,) * len(starts)
    whole = [slice(None)] * data.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        stop = None if step < 0 and end < -data.shape[axis] else end
        whole[axis] = slice(start, stop, step)
    return data[tuple(whole)]


def _strided(site: Site, data: Array, *_: Array | None) -> Array:
    """STRIDED_SLICE of TFLite, as exporters write it: of a list of sizes, one axis."""
    if any(site.integer(name) for name in ("ellipsis_mask", "new_axis_mask", "offset")):
        raise UnknownSizesError
    whole: list[slice | int] = []
    bounds = zip(site.demanded(1), site.demanded(2), site.demanded(3), strict=True)
    for axis, (start, end, step) in enumerate(bounds):
        if site.integer("shrink_axis_mask") >> axis & 1:
            whole.append(start)
            continue
        first = None if site.integer("begin_mask") >> axis & 1 else start
        last = None if site.integer("end_mask") >> axis & 1 else end
        whole.append(slice(first, last, step))
    return np.asarray(data[tuple(whole)])


def _taken(site: Site, data: Array, *_: Array | None) -> Array:
    """SLICE of TFLite."""
    bounds = zip(site.demanded(1), site.demanded(2), strict=True)
    return data[tuple(slice(s, None if n < 0 else s + n) for s, n in bounds)]


def _product(site: Site, data: Array, axes: Array | None = None) -> Array:
    stated = site.integers("axes") if axes is None else tuple(map(int, np.ravel(axes)))
    tflite = site.operation.op == "REDUCE_PROD"
    keep = bool(site.integer("keep_dims") if tflite else site.integer("keepdims", 1))
    return np.asarray(np.prod(data, axis=stated or None, keepdims=keep))


_WHOLE: Mapping[str, _Function] = {
    "Gather": _gather, "GATHER": _gather, "Concat": _joined, "CONCATENATION": _joined,
    "PACK": _packed, "Transpose": _transposed, "TRANSPOSE": _transposed,
    "Tile": _tiled, "TILE": _tiled, "Expand": _spread, "BROADCAST_TO": _spread,
    "Slice": _cut, "STRIDED_SLICE": _strided, "SLICE": _taken,
    "ReduceProd": _product, "REDUCE_PROD": _product,
}  # fmt: skip
"""Functions that attributes have a say in."""


def _whole(site: Site, arrays: list[Array | None]) -> Array:
    return np.asarray(_WHOLE[site.operation.op](site, *arrays))
