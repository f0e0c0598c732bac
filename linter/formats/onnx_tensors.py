"""TensorProto and SparseTensorProto -> Constant, with the weights left where they are."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from npulint.errors import ModelFileError
from npulint.formats.onnx_elements import (
    BITS,
    INT32_DATA,
    LOOSE_KEYS,
    PACKED_KEYS,
    PLAIN_FIELDS,
    SEVERAL_PER_INTEGER,
    TYPED_FIELD,
    packed,
    varints,
)
from npulint.formats.onnx_external import ExternalFiles, fetch
from npulint.formats.onnx_types import DTYPES, MAXIMUM_RANK, decoded, text
from npulint.formats.protobuf import WireError, fields, signed
from npulint.model import INLINE_LIMIT, Constant, Storage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from npulint.formats.protobuf_skim import Skeleton

# Keys are field number << 3 | wire type, as `protobuf.fields` yields them.
_DIMS, _DIMS_PACKED, _DATA_TYPE, _NAME, _RAW = 0x08, 0x0A, 0x10, 0x42, 0x4A
_STRINGS, _EXTERNAL, _LOCATION = 0x32, 0x6A, 0x70
_ENTRY_KEY, _ENTRY_VALUE = 0x0A, 0x12
_SPARSE_VALUES, _SPARSE_INDICES, _SPARSE_DIMS, _SPARSE_DIMS_PACKED = 0x0A, 0x12, 0x18, 0x1A

_SHOWN_RANK, _SHOWN_BYTES = 8, 1 << 63
"""Beyond these a broken tensor's sizes are not written out."""


@dataclass(slots=True)
class _Parts:
    """What one TensorProto states, before it is judged."""

    name: bytes = b""
    data_type: int = 0
    dims: list[int] = field(default_factory=list)
    raw: tuple[int, int] | None = None
    chunks: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    loose: dict[int, bytearray] = field(default_factory=dict)
    string_bytes: int = 0
    external: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Header:
    """What a tensor is, whatever its elements are.

    Attributes:
        count: Number of elements.
        position: Where its message begins, for messages.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    count: int
    position: int

    @property
    def needed(self) -> int:
        """Bytes that its elements take when they are not encoded; 0 for strings."""
        return (self.count * BITS.get(self.dtype, 0) + 7) // 8

    def constant(self, payload: bytes | None, storage: Storage | None, nbytes: int) -> Constant:
        """The constant with these elements."""
        return Constant(self.dtype, self.shape, payload, storage, nbytes)


class TensorReader:
    """Reads the stored tensors of one model.

    Attributes:
        weight_bytes: Bytes of all tensors read so far, external data included.
        fetched: Small tensors that were read from external files.
        fetched_from: These files.
    """

    def __init__(self, skeleton: Skeleton, path: Path) -> None:
        self._skeleton = skeleton
        self._data = skeleton.data
        self._path = path
        self._external = ExternalFiles(path)
        self.weight_bytes = 0
        self.fetched: list[tuple[bytes, Constant]] = []
        self.fetched_from: set[Path] = set()

    def tensor(self, begin: int, end: int, what: str = "") -> tuple[bytes, Constant]:
        """A TensorProto: its name and its elements.

        Args:
            begin: Where the message begins.
            end: Where it ends.
            what: What to call the tensor in messages when it has no name.

        Raises:
            ModelFileError: Type, shape and stored bytes do not agree, or external data is
                missing or lies where it must not.
        """
        parts = self._parts(begin, end)
        name = text(parts.name) or what
        dtype = DTYPES.get(parts.data_type)
        if dtype is None:
            raise self._fault(
                begin,
                f"tensor {name!r} has element type {parts.data_type}, which ONNX does not define",
            )
        count = self._element_count(parts.dims, name, begin)
        header = _Header(name, dtype, tuple(parts.dims), count, begin)
        constant = self._constant(parts, header)
        self.weight_bytes += constant.nbytes
        return parts.name, constant

    def sparse(self, begin: int, end: int, what: str = "") -> tuple[bytes, Constant]:
        """A SparseTensorProto: the name that its values carry, and its dense type and shape."""
        dims: list[int] = []
        values: tuple[bytes, Constant] | None = None
        indices = 0
        for key, first, second in fields(self._data, begin, end):
            if key == _SPARSE_VALUES:
                values = self.tensor(first, second, what)
            elif key == _SPARSE_INDICES:
                indices = self.tensor(first, second, f"{what} indices")[1].nbytes
            elif key == _SPARSE_DIMS:
                dims.append(signed(first))
            elif key == _SPARSE_DIMS_PACKED:
                dims.extend(self._integers(first, second))
        if values is None:
            raise self._fault(begin, f"sparse tensor {what!r} stores no values")
        name, stored = values
        self._element_count(dims, text(name) or what, begin)
        nbytes = stored.nbytes + indices
        return name, Constant(stored.dtype, tuple(dims), None, None, nbytes, sparse=True)

    def _parts(self, begin: int, end: int) -> _Parts:
        """Collect the fields of a TensorProto."""
        parts = _Parts()
        for key, first, second in fields(self._data, begin, end):
            if key == _DIMS:
                parts.dims.append(signed(first))
            elif key == _DATA_TYPE:
                parts.data_type = first
            elif key == _NAME:
                parts.name = self._data[first:second]
            elif key == _RAW:
                parts.raw = (first, second)
            elif key == _DIMS_PACKED:
                parts.dims.extend(self._integers(first, second))
            elif key in PACKED_KEYS:
                parts.chunks.setdefault(PACKED_KEYS[key], []).append((first, second))
            elif key in LOOSE_KEYS:
                loose = parts.loose.setdefault(LOOSE_KEYS[key], bytearray())
                loose += self._data[first:second] if key & 7 else first.to_bytes(8, "little")
            elif key == _STRINGS:
                parts.string_bytes += second - first
            elif key == _EXTERNAL:
                parts.external = parts.external or {}
                parts.external.update([string_entry(self._data, first, second)])
            elif key == _LOCATION and first == 1 and parts.external is None:
                parts.external = {}
        return parts

    def _constant(self, parts: _Parts, header: _Header) -> Constant:
        """Put a header and its elements together, and check that they agree."""
        if header.dtype == "string":
            return header.constant(None, None, parts.string_bytes)
        if parts.external is not None:
            constant = self._outside(parts.external, header)
            if constant.payload is not None:
                self.fetched.append((parts.name, constant))
            return constant
        if parts.raw is None:
            return self._typed(parts, header)
        offset, length = self._where(*parts.raw)
        if length != header.needed:
            raise self._mismatch(header, length)
        if length > INLINE_LIMIT:
            return header.constant(None, Storage(self._path, offset, length), length)
        return header.constant(self._data[slice(*parts.raw)], None, length)

    def _outside(self, entries: Mapping[str, str], header: _Header) -> Constant:
        """A tensor in another file; a small one is fetched, since conditions ask for it."""
        storage = Storage(*self._external.locate(entries, header.name, header.needed))
        if storage.length > INLINE_LIMIT:
            return header.constant(None, storage, storage.length)
        self.fetched_from.add(storage.path)
        return header.constant(fetch(storage), None, storage.length)

    def _typed(self, parts: _Parts, header: _Header) -> Constant:
        """A tensor in one of the typed fields, brought to little-endian bytes when it is small."""
        number = TYPED_FIELD.get(header.dtype, INT32_DATA)
        plain = number in PLAIN_FIELDS
        chunks = parts.chunks.get(number, [])
        places = [self._where(*chunk) for chunk in chunks]
        loose = bytes(parts.loose.get(number, b""))
        stored = sum(length for _, length in places) + len(loose)
        needed = header.needed
        if needed > INLINE_LIMIT or stored > 10 * INLINE_LIMIT:
            entries = needed if header.dtype in SEVERAL_PER_INTEGER else header.count
            if not (stored == needed if plain else entries <= stored <= 10 * entries):
                raise self._mismatch(header, stored)
            # Nobody writes an array in several pieces; if somebody does, it is not readable.
            whole = len(places) == 1 and not loose
            encoding: Literal["raw", "varint"] = "raw" if plain else "varint"
            storage = Storage(self._path, *places[0], encoding) if whole else None
            return header.constant(None, storage, stored)
        pieces = [self._piece(*chunk) for chunk in chunks]
        if plain:
            payload = b"".join([*pieces, loose])
        else:
            try:
                integers = [value for piece in pieces for value in varints(piece, 0, len(piece))]
            except WireError as error:
                raise self._fault(header.position, f"tensor {header.name!r}: {error}") from None
            integers += (value for (value,) in struct.iter_unpack("<Q", loose))
            payload = packed(integers, header.dtype)
        if len(payload) != needed:
            raise self._mismatch(header, len(payload))
        return header.constant(payload, None, stored)

    def _piece(self, begin: int, end: int) -> bytes:
        """The bytes of a typed field: encoded they may be more than the elements they hold."""
        if begin == end and begin in self._skeleton.payloads:
            return fetch(Storage(self._path, *self._skeleton.payloads[begin]))
        return self._data[begin:end]

    def _where(self, begin: int, end: int) -> tuple[int, int]:
        """File offset and length of a payload, whether it was left on disk or not."""
        if begin == end and begin in self._skeleton.payloads:
            return self._skeleton.payloads[begin]
        return self._skeleton.file_offset(begin), end - begin

    def _element_count(self, dims: list[int], shown: str, begin: int) -> int:
        """The product of the sizes, of which none may be negative."""
        if len(dims) > MAXIMUM_RANK:
            raise self._fault(begin, f"tensor {shown!r} has {len(dims)} dimensions")
        count = 1
        for size in dims:
            if size < 0:
                raise self._fault(begin, f"tensor {shown!r} has a dimension of size {size}")
            count *= size
        return count

    def _integers(self, begin: int, end: int) -> Iterator[int]:
        return (signed(value) for value in varints(self._data, begin, end))

    def _mismatch(self, header: _Header, found: int) -> ModelFileError:
        sizes = "x".join(map(str, header.shape[:_SHOWN_RANK])) or "one element"
        if len(header.shape) > _SHOWN_RANK:
            sizes += "x..."
        needed = str(header.needed) if header.needed < _SHOWN_BYTES else f"more than {_SHOWN_BYTES}"
        return self._fault(
            header.position,
            f"tensor {header.name!r} of {sizes} {header.dtype} needs {needed} bytes, but "
            f"{found} are stored",
        )

    def _fault(self, position: int, message: str) -> ModelFileError:
        offset = self._skeleton.file_offset(position)
        return ModelFileError(self._path, f"{message} (byte {offset})", offset=offset)


def string_entry(data: bytes, begin: int, end: int) -> tuple[str, str]:
    """A StringStringEntryProto: key and value."""
    key = value = ""
    for number, first, second in fields(data, begin, end):
        if number == _ENTRY_KEY:
            key = decoded(data[first:second])
        elif number == _ENTRY_VALUE:
            value = decoded(data[first:second])
    return key, value
