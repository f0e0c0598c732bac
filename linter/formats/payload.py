"""The elements of constants, read from the file when somebody asks for them."""

from __future__ import annotations

import sys
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from npulint.errors import ModelFileError
from npulint.model import ITEM_BITS, Constant, Storage

if TYPE_CHECKING:
    import numpy.typing as npt

_LITTLE = {
    "bool": "?", "int8": "i1", "uint8": "u1", "int16": "<i2", "uint16": "<u2", "int32": "<i4",
    "uint32": "<u4", "int64": "<i8", "uint64": "<u8", "float16": "<f2", "float32": "<f4",
    "float64": "<f8", "complex64": "<c8", "complex128": "<c16",
}  # fmt: skip

_PACKED = {"int4": (4, True), "uint4": (4, False), "int2": (2, True), "uint2": (2, False)}

_NARROW_FLOATS = {
    "float4e2m1": "float4_e2m1fn", "float8e4m3fn": "float8_e4m3fn",
    "float8e4m3fnuz": "float8_e4m3fnuz", "float8e5m2": "float8_e5m2",
    "float8e5m2fnuz": "float8_e5m2fnuz", "float8e8m0": "float8_e8m0fnu",
}  # fmt: skip


def read_constant(constant: Constant) -> npt.NDArray[np.generic]:
    """Read a constant as an array.

    Types that numpy lacks come in the next wider one that it has, without loss: bfloat16 and the
    floats of 8 and 4 bits as float32, integers of 4 and 2 bits as int8 or uint8.

    Args:
        constant: The constant; its bytes are taken from memory or read from its file.

    Returns:
        An array of shape `constant.shape`.

    Raises:
        ModelFileError: The file no longer holds the bytes, there are too few of them, or the
            constant is sparse or of a type without an array form.
    """
    path = constant.storage.path if constant.storage is not None else Path("constant")
    bits = ITEM_BITS.get(constant.dtype)
    if bits is None:
        raise ModelFileError(path, f"elements of type {constant.dtype} have no array form")
    if constant.sparse:
        raise ModelFileError(path, "the constant is stored sparse; its elements are not read")
    count = prod(constant.shape)
    if constant.storage is not None and constant.storage.encoding == "varint":
        raw = _varints(constant, constant.storage)
    else:
        raw = _raw(constant, path)
    needed = (count * bits + 7) // 8
    if len(raw) < needed:
        raise ModelFileError(
            path,
            f"a constant of type {constant.dtype} and shape {list(constant.shape)} needs {needed} "
            f"bytes, but {len(raw)} are stored",
            offset=constant.storage.offset if constant.storage is not None else None,
        )
    return _elements(constant.dtype, raw[:needed], count, path).reshape(constant.shape)


def _raw(constant: Constant, path: Path) -> bytes:
    storage = constant.storage
    if constant.payload is not None:
        return constant.payload
    if storage is None:
        raise ModelFileError(path, "a constant has neither a payload nor a place in a file")
    return _stored(storage)


def _stored(storage: Storage) -> bytes:
    try:
        with storage.path.open("rb") as stream:
            stream.seek(storage.offset)
            raw = stream.read(storage.length)
    except OSError as error:
        raise ModelFileError(storage.path, f"cannot be read: {error.strerror}") from error
    if len(raw) < storage.length:
        raise ModelFileError(
            storage.path,
            f"the file holds {len(raw)} of the {storage.length} bytes of a constant at byte "
            f"{storage.offset}; it has changed since the model was read",
            offset=storage.offset,
        )
    return raw


def _elements(dtype: str, raw: bytes, count: int, path: Path) -> npt.NDArray[np.generic]:
    if dtype in _LITTLE:
        elements: npt.NDArray[np.generic] = np.frombuffer(raw, _LITTLE[dtype], count)
        return elements if sys.byteorder == "little" else elements.astype(elements.dtype.name)
    if dtype == "bfloat16":
        # A bfloat16 is the upper half of the float32 of the same value.
        halves = np.frombuffer(raw, "<u2", count).astype(np.uint32)
        return np.left_shift(halves, 16).view(np.float32)
    if dtype in _PACKED:
        return _unpack(raw, count, *_PACKED[dtype])
    codes = _unpack(raw, count, 4, False) if ITEM_BITS[dtype] == 4 else np.frombuffer(raw, np.uint8)
    try:
        import ml_dtypes
    except ImportError as error:
        raise ModelFileError(
            path, f"elements of type {dtype} need the package ml_dtypes; install it"
        ) from error
    narrow: npt.NDArray[np.generic] = codes.view(getattr(ml_dtypes, _NARROW_FLOATS[dtype]))
    return narrow.astype(np.float32)


def _unpack(raw: bytes, count: int, bits: int, signed: bool) -> npt.NDArray[np.integer]:
    """Integers packed into bytes, the first one in the lowest bits."""
    packed = np.frombuffer(raw, np.uint8)[:, np.newaxis]
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    fields = np.right_shift(packed, shifts).reshape(-1)[:count]
    # Shifting up and down again drops the neighbours above and, for int8, copies the sign.
    spare = 8 - bits
    high = np.left_shift(fields, spare)
    elements: npt.NDArray[np.integer] = np.right_shift(
        high.view(np.int8) if signed else high, spare
    )
    return elements


def _varints(constant: Constant, storage: Storage) -> bytes:
    """Protobuf's packed integers as the little-endian elements that they stand for.

    An element is stored in as many bytes as it needs, seven bits in each, with the highest bit
    set in all but its last byte. Negative numbers are stored as 64-bit two's complement; types
    of less than a byte or with no integer form are stored as their bit patterns.
    """
    packed = np.frombuffer(_stored(storage), np.uint8)
    ends = np.flatnonzero(packed < 0x80)
    starts = np.concatenate(([0], ends[:-1] + 1)) if ends.size else ends
    if packed.size and (not ends.size or ends[-1] != packed.size - 1):
        raise ModelFileError(
            storage.path, "a packed list of integers ends within one", offset=storage.offset
        )
    lengths = ends - starts + 1
    if lengths.size and lengths.max() > 10:
        raise ModelFileError(
            storage.path, "a packed integer has more than 10 bytes", offset=storage.offset
        )
    numbers = np.zeros(ends.size, np.uint64)
    for place in range(int(lengths.max(initial=0))):
        longer = lengths > place
        digits = packed[starts[longer] + place].astype(np.uint64) & np.uint64(0x7F)
        numbers[longer] |= digits << np.uint64(7 * place)
    size = max(ITEM_BITS[constant.dtype] // 8, 1)
    return numbers.astype(f"<u{min(size, 8)}").tobytes()
