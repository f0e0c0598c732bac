"""QuantizeLinear and DequantizeLinear -> the quantisation parameters of the value between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.errors import ModelFileError
from npulint.model import Quantisation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from npulint.model import Attribute, Constant, Value

OPERATORS = frozenset({"QuantizeLinear", "DequantizeLinear"})

_SCALE_DTYPES = frozenset({"float16", "bfloat16", "float32", "float64", "float8e8m0"})
_ZERO_POINT_DTYPES = frozenset(
    {"int2", "uint2", "int4", "uint4", "int8", "uint8", "int16", "uint16", "int32"}
)
_READABLE = 1 << 20
"""Bytes up to which scales and zero points are fetched from disk: 262,144 channels."""


def parameters(
    operands: Sequence[Value | None], attributes: Mapping[str, Attribute]
) -> Quantisation | None:
    """The quantisation that a QuantizeLinear or DequantizeLinear states.

    Args:
        operands: Its operands: the tensor, the scale and, if given, the zero point.
        attributes: Its attributes; `axis` counts where there are several scales.

    Returns:
        None where scale or zero point are not constant, or hold for blocks of elements, which
        `Quantisation` has no words for.
    """
    scale, zero_point = (*operands[1:3], None, None)[:2]
    if scale is None or scale.constant is None or attributes.get("block_size", 0):
        return None
    if len(scale.constant.shape) > 1:
        return None
    scales = _numbers(scale.constant, _SCALE_DTYPES)
    if not scales:
        return None
    zero_points: tuple[int | float, ...] | None = ()
    if zero_point is not None:
        stored = zero_point.constant
        zero_points = _numbers(stored, _ZERO_POINT_DTYPES) if stored is not None else None
    if zero_points is None or len(zero_points) not in (0, len(scales)):
        return None
    axis = _axis(operands[0], attributes)
    return Quantisation(tuple(map(float, scales)), tuple(map(int, zero_points)), axis)


def _axis(tensor: Value | None, attributes: Mapping[str, Attribute]) -> int:
    """The quantised axis, counted from the front where the rank is known."""
    axis = attributes.get("axis", 1)
    if not isinstance(axis, int):
        return 1
    rank = tensor.rank if tensor is not None else None
    return axis + rank if axis < 0 and rank is not None else axis


def _numbers(constant: Constant, dtypes: frozenset[str]) -> tuple[int | float, ...] | None:
    """The elements of a scale or zero point, fetched from disk when they are many.

    Returns:
        None when the type is none of `dtypes` or the elements cannot be had.
    """
    if constant.dtype not in dtypes or constant.sparse or constant.nbytes > _READABLE:
        return None
    elements = constant.elements()
    if elements is not None:
        return elements
    try:
        return tuple(constant.read().ravel().tolist())
    except ModelFileError:
        return None
