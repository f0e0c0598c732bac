"""TensorProto messages: taken over from a file, with new data, or with their data elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from npulint.formats.onnx_elements import BITS, INT32_DATA, TYPED_FIELD
from npulint.formats.onnx_external import ExternalFiles
from npulint.formats.onnx_tensors import string_entry
from npulint.formats.onnx_types import DTYPES, text
from npulint.formats.output import Content, NewFile, length_of
from npulint.formats.protobuf import signed, varint
from npulint.formats.protobuf_build import Field, Message, WireFile, field, integer
from npulint.model import Storage

if TYPE_CHECKING:
    from pathlib import Path

    from npulint.model import Constant

Layout: TypeAlias = "Mapping[int, Layout]"

# Field numbers of TensorProto and of StringStringEntryProto (onnx/onnx.proto of onnx 1.23.0).
_DIMS, _DATA_TYPE, _NAME, _RAW, _EXTERNAL, _LOCATION = 1, 2, 8, 9, 13, 14
_ENTRY_KEY, _ENTRY_VALUE = 1, 2

# Keys are field number << 3 | wire type, as `protobuf.fields` yields them.
_DIMS_KEY, _DIMS_PACKED_KEY, _DATA_TYPE_KEY, _NAME_KEY, _RAW_KEY = 0x08, 0x0A, 0x10, 0x42, 0x4A
_EXTERNAL_KEY, _LOCATION_KEY = 0x6A, 0x70
_SPARSE_VALUES_KEY = 0x0A

TENSOR: Layout = MappingProxyType({})
SPARSE: Layout = MappingProxyType({0x0A: TENSOR, 0x12: TENSOR})
_graph: dict[int, Layout] = {0x2A: TENSOR, 0x7A: SPARSE}
ATTRIBUTE: Layout = MappingProxyType(
    {0x2A: TENSOR, 0x52: TENSOR, 0xB2: SPARSE, 0xBA: SPARSE, 0x32: _graph, 0x5A: _graph}
)
NODE: Layout = MappingProxyType({0x2A: ATTRIBUTE})
_graph[0x0A] = NODE
TRAINING: Layout = MappingProxyType({0x0A: _graph, 0x12: _graph})
_FUNCTION: Layout = MappingProxyType({0x3A: NODE, 0x5A: ATTRIBUTE})
MODEL: Layout = MappingProxyType({0x3A: _graph, 0xCA: _FUNCTION, 0xA2: TRAINING})
"""Where in messages the tensors are, by key."""

EXTERNAL_FROM = 1024
"""Bytes from which data goes to a data file; onnx.save_model draws the line there too."""

_ALIGNMENT = 64
_PAGE, _WORTH_A_PAGE = 4096, 1 << 20
"""Large tensors begin a page, so that a runtime can map them."""

_NUMBERS: Mapping[str, int] = MappingProxyType({dtype: number for number, dtype in DTYPES.items()})


class Weights:
    """Says for each tensor where its data goes.

    Args:
        file: The file that the model was read from.
        moves: Whether data of other files goes to the model's new data file.
        spills: Whether new data goes there.
        everything: Whether all data that the file holds itself goes there.
        location: The name of the new data file.

    Attributes:
        location: The name of the new data file.
        data: What is to stand in the new data file, by offset.
        files: The other files that data was found in.
        grew: Whether long new data was written into the model's file itself.
    """

    def __init__(
        self,
        file: WireFile,
        *,
        moves: bool,
        spills: bool = False,
        everything: bool = False,
        location: str = "",
    ) -> None:
        self._file = file
        self._moves, self._spills, self._everything = moves, spills, everything
        self.location = location
        self._finder = ExternalFiles(file.path)
        self._end = 0
        self.data: dict[Content, int] = {}
        self.files: set[Path] = set()
        self.grew = False

    def copied(self, begin: int, end: int, layout: Layout) -> Message:
        """A message of the file, with the data of its tensors where it belongs.

        Args:
            begin: Where it begins in the file.
            end: Where it ends.
            layout: What in it holds tensors.
        """
        if layout is TENSOR:
            return self.tensor(begin, end)
        made = Message()
        for part in self._file.fields(begin, end):
            inner = layout.get(part.key)
            if inner is None:
                made.extend(self._file.whole(part))
            else:
                body = self.copied(part.first, part.end, inner)
                made.extend(self._file.with_body(part, body))
        return made

    def tensor(self, begin: int, end: int, name: bytes | None = None) -> Message:
        """A TensorProto of the file, under another name if one is given."""
        lists: dict[int, list[Message]] = {}
        if name is not None:
            lists[_NAME_KEY] = [field(_NAME, name)]
        parts = list(self._file.fields(begin, end))
        raw = next((part for part in parts if part.key == _RAW_KEY), None)
        storage = self.outside(parts)
        if storage is not None:
            self.files.add(storage.path)
            if self._moves:
                entries = [part for part in parts if part.key == _EXTERNAL_KEY]
                lists[_EXTERNAL_KEY] = self._moved(entries, storage)
        elif self._everything and raw is not None and raw.end - raw.first >= EXTERNAL_FROM:
            storage = Storage(self._file.path, raw.first, raw.end - raw.first)
            lists[_RAW_KEY] = []
            lists[_EXTERNAL_KEY] = self._moved([], storage)
            lists[_LOCATION_KEY] = [integer(_LOCATION, 1)]
        return self._file.rebuilt(begin, end, lists) if lists else self._file.range(begin, end)

    def sparse(self, begin: int, end: int, name: bytes | None = None) -> Message:
        """A SparseTensorProto of the file, under another name if one is given."""
        made = Message()
        for part in self._file.fields(begin, end):
            if part.key not in SPARSE:
                made.extend(self._file.whole(part))
                continue
            own = name if part.key == _SPARSE_VALUES_KEY else None
            made.extend(self._file.with_body(part, self.tensor(part.first, part.end, own)))
        return made

    def new(self, name: bytes, constant: Constant) -> Message:
        """A TensorProto for a constant that has a payload or a place in a file."""
        made = Message()
        for size in constant.shape:
            made.extend(integer(_DIMS, size))
        made.extend(integer(_DATA_TYPE, _NUMBERS[constant.dtype]))
        if name:
            made.extend(field(_NAME, name))
        content: Content = constant.payload or b""
        if constant.payload is None and constant.storage is not None:
            content = constant.storage
            if content.encoding == "varint":
                number = TYPED_FIELD.get(constant.dtype, INT32_DATA)
                made.extend(field(number, Message(content)))
                return made
        if length_of(content) >= EXTERNAL_FROM and self._spills:
            for entry in self._moved([], content):
                made.extend(entry)
            made.extend(integer(_LOCATION, 1))
            return made
        self.grew = self.grew or length_of(content) >= EXTERNAL_FROM
        made.extend(field(_RAW, Message(content)))
        return made

    def write(self, file: NewFile) -> None:
        """Write the data file."""
        for content, offset in self.data.items():
            file.write(bytes(offset - file.size))
            file.write(content)

    def outside(self, parts: list[Field]) -> Storage | None:
        """Where the data of a tensor lies that has it in another file; None for other tensors."""
        entries = [part for part in parts if part.key == _EXTERNAL_KEY]
        if not entries and not any(p.key == _LOCATION_KEY and p.first == 1 for p in parts):
            return None
        stated = dict(string_entry(self._file.bytes(entry), 0, _long(entry)) for entry in entries)
        dims: list[int] = []
        bits, name = 0, b""
        for part in parts:
            if part.key == _DIMS_KEY:
                dims.append(signed(part.first))
            elif part.key == _DIMS_PACKED_KEY:
                position = part.first
                while position < part.end:
                    size, position = varint(self._file.data, position)
                    dims.append(signed(size))
            elif part.key == _DATA_TYPE_KEY:
                bits = BITS.get(DTYPES.get(part.first, ""), 0)
            elif part.key == _NAME_KEY:
                name = self._file.bytes(part)
        needed = (prod(dims) * bits + 7) // 8
        return Storage(*self._finder.locate(stated, text(name), needed))

    def _moved(self, entries: list[Field], content: Content) -> list[Message]:
        """What a tensor says of its data once that is in the new data file."""
        offset = self.data.get(content)
        if offset is None:
            boundary = _PAGE if length_of(content) >= _WORTH_A_PAGE else _ALIGNMENT
            offset = self._end + -self._end % boundary
            self.data[content] = offset
            self._end = offset + length_of(content)
        stated = {
            "location": self.location,
            "offset": str(offset),
            "length": str(length_of(content)),
        }
        made = [
            field(_EXTERNAL, field(_ENTRY_KEY, k.encode()).joined(field(_ENTRY_VALUE, v.encode())))
            for k, v in stated.items()
        ]
        for entry in entries:
            key, _ = string_entry(self._file.bytes(entry), 0, _long(entry))
            # A checksum is over the whole of a file, which is another one now.
            if key not in stated and key != "checksum":
                made.append(self._file.whole(entry))
        return made


def _long(part: Field) -> int:
    return part.end - part.first
