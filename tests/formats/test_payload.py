"""Constants as arrays, against numpy and ml_dtypes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from npulint.errors import ModelFileError
from npulint.formats.payload import read_constant
from npulint.model import ITEM_BITS, Constant, Storage

PLAIN = (
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16",
    "float32", "float64", "complex64", "complex128",
)  # fmt: skip

NARROW = {
    "bfloat16": ml_dtypes.bfloat16,
    "float4e2m1": ml_dtypes.float4_e2m1fn,
    "float8e4m3fn": ml_dtypes.float8_e4m3fn,
    "float8e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
    "float8e5m2": ml_dtypes.float8_e5m2,
    "float8e5m2fnuz": ml_dtypes.float8_e5m2fnuz,
    "float8e8m0": ml_dtypes.float8_e8m0fnu,
}

PACKED = {
    "int4": ml_dtypes.int4,
    "uint4": ml_dtypes.uint4,
    "int2": ml_dtypes.int2,
    "uint2": ml_dtypes.uint2,
}


def _constant(dtype: str, shape: tuple[int, ...], payload: bytes, **fields: Any) -> Constant:
    return Constant(dtype, shape, payload, None, len(payload), **fields)


def _pack(values: list[int], bits: int) -> bytes:
    """Small integers packed into bytes, the first in the lowest bits, in plain arithmetic."""
    number = sum((value & ((1 << bits) - 1)) << (bits * i) for i, value in enumerate(values))
    return number.to_bytes((len(values) * bits + 7) // 8, "little")


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def test_every_type_with_a_size_is_covered() -> None:
    assert {*PLAIN, *NARROW, *PACKED} == set(ITEM_BITS)


@pytest.mark.parametrize("dtype", PLAIN)
def test_plain_types(dtype: str) -> None:
    expected = np.arange(6).astype(dtype).reshape(2, 3)
    found = read_constant(_constant(dtype, (2, 3), expected.tobytes()))
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", NARROW)
def test_narrow_floats_come_as_float32_of_the_same_value(dtype: str) -> None:
    bits = ITEM_BITS[dtype]
    codes = list(range(1 << min(bits, 8)))
    if bits == 16:
        codes = [(code << 8 | code) & 0xFFFF for code in codes]
    width = np.uint16 if bits == 16 else np.uint8
    expected = np.array(codes, width).view(NARROW[dtype]).astype(np.float32)
    found = read_constant(_constant(dtype, (len(codes),), _pack(codes, bits)))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", PACKED)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 16])
def test_packed_integers(dtype: str, count: int) -> None:
    info = ml_dtypes.iinfo(PACKED[dtype])
    values = [int(info.min) + i % (int(info.max) - int(info.min) + 1) for i in range(count)]
    found = read_constant(_constant(dtype, (count,), _pack(values, ITEM_BITS[dtype])))
    assert found.dtype == (np.int8 if info.min < 0 else np.uint8)
    assert found.tolist() == values


def test_a_buffer_may_be_longer_than_its_tensor() -> None:
    assert read_constant(_constant("int16", (1,), bytes([1, 0, 9, 9]))).tolist() == [1]


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("int64", [0, 1, -1, 2**63 - 1, -(2**63), 300]),
        ("int32", [0, -1, 2**31 - 1, -(2**31)]),
        ("uint64", [0, 2**64 - 1]),
        ("uint8", [0, 255, 128]),
        ("int8", [-128, 127]),
        ("bool", [0, 1, 1]),
        ("float16", [0x3C00, 0xC000]),
    ],
)
def test_packed_lists_of_integers(dtype: str, values: list[int], tmp_path: Path) -> None:
    path = tmp_path / "data"
    raw = b"".join(map(_varint, values))
    path.write_bytes(b"head" + raw)
    storage = Storage(path, 4, len(raw), "varint")
    found = read_constant(Constant(dtype, (len(values),), None, storage, len(raw)))
    if dtype == "float16":
        assert found.tolist() == [1.0, -2.0]
    else:
        assert [int(value) for value in found] == values


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_any_list_of_integers(tmp_path: Path, values: list[int]) -> None:
    path = tmp_path / "data"
    raw = b"".join(map(_varint, values))
    path.write_bytes(raw)
    storage = Storage(path, 0, len(raw), "varint")
    found = read_constant(Constant("int64", (len(values),), None, storage, len(raw)))
    assert found.tolist() == values


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"\x80", "ends within one"),
        (b"\x80" * 10 + b"\x00", "more than 10 bytes"),
        (b"\x00", "needs 16 bytes, but 8 are stored"),
    ],
)
def test_broken_lists_of_integers(raw: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(raw)
    storage = Storage(path, 0, len(raw), "varint")
    with pytest.raises(ModelFileError, match=sentence):
        read_constant(Constant("int64", (2,), None, storage, len(raw)))


def test_a_file_that_has_changed_since(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(bytes(10))
    constant = Constant("float32", (4,), None, Storage(path, 0, 16), 16)
    with pytest.raises(ModelFileError, match="holds 10 of the 16 bytes"):
        read_constant(constant)
    path.unlink()
    with pytest.raises(ModelFileError, match="cannot be read"):
        read_constant(constant)


@pytest.mark.parametrize(
    ("constant", "sentence"),
    [
        (_constant("string", (1,), b"abc"), "type string have no array form"),
        (_constant("float32", (1,), b"abcd", sparse=True), "stored sparse"),
        (_constant("float32", (2,), b"abcd"), "needs 8 bytes, but 4 are stored"),
        (Constant("float32", (1,), None, None, 4), "neither a payload nor a place"),
    ],
    ids=["string", "sparse", "short", "nowhere"],
)
def test_what_has_no_array_form(constant: Constant, sentence: str) -> None:
    with pytest.raises(ModelFileError, match=sentence):
        read_constant(constant)
