"""Protobuf messages put together from new fields and from ranges of a file.

What a message takes over from a file is noted by its place there and copied when the message is
written, so that weights never pass through memory. A message of which nothing changed comes out
as one range of its file: byte for byte as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.formats.output import Content, length_of
from npulint.formats.protobuf import FIXED32, LENGTH, VARINT, encode, fields
from npulint.model import Storage

if TYPE_CHECKING:
    import mmap
    from pathlib import Path

_UINT64 = (1 << 64) - 1
_JOINED = 1 << 12


class Message:
    """The bytes of a message, or of some of its fields.

    Attributes:
        parts: The bytes, in order.
        size: How many they are.
    """

    def __init__(self, *contents: Content) -> None:
        self.parts: list[Content] = []
        self.size = 0
        for content in contents:
            self.add(content)

    def add(self, content: Content) -> None:
        """Append bytes; neighbouring ranges of one file become one."""
        length = length_of(content)
        if not length:
            return
        self.size += length
        last = self.parts[-1] if self.parts else None
        if isinstance(last, Storage) and isinstance(content, Storage):
            if last.path == content.path and last.offset + last.length == content.offset:
                self.parts[-1] = Storage(last.path, last.offset, last.length + length)
                return
        elif isinstance(last, bytes) and isinstance(content, bytes) and len(last) < _JOINED:
            self.parts[-1] = last + content
            return
        self.parts.append(content)

    def extend(self, other: Message) -> None:
        """Append the bytes of another message."""
        for part in other.parts:
            self.add(part)

    def joined(self, other: Message) -> Message:
        """This message and then another one."""
        return Message(*self.parts, *other.parts)


def field(number: int, body: Message | bytes) -> Message:
    """A length-delimited field: a message, text or bytes."""
    size = body.size if isinstance(body, Message) else len(body)
    made = Message(encode(number << 3 | LENGTH) + encode(size))
    if isinstance(body, Message):
        made.extend(body)
    else:
        made.add(body)
    return made


def integer(number: int, value: int) -> Message:
    """An integer field; negative numbers as the 64 bits of their two's complement."""
    return Message(encode(number << 3 | VARINT) + encode(value & _UINT64))


def real(number: int, packed: bytes) -> Message:
    """A float32 field."""
    return Message(encode(number << 3 | FIXED32) + packed)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message in a file.

    Attributes:
        key: Field number and wire type, as `protobuf.fields` has it.
        start: Where the field begins.
        first: Where its body begins; of an integer, its value.
        end: Where it ends.
    """

    key: int
    start: int
    first: int
    end: int


class WireFile:
    """A file of messages: its structure is walked in place, its bytes are referred to."""

    def __init__(self, data: mmap.mmap | bytes, path: Path) -> None:
        self.data = data
        self.path = path

    def fields(self, begin: int, end: int) -> Iterator[Field]:
        """The fields of the message in a range of the file.

        Raises:
            WireError: The bytes are not a message.
        """
        start = begin
        for key, first, stop in fields(self.data, begin, end):
            yield Field(key, start, first, stop)
            start = stop

    def bytes(self, field: Field) -> bytes:
        """The body of a length-delimited field."""
        return self.data[field.first : field.end]

    def range(self, begin: int, end: int) -> Message:
        """A range of the file as it is."""
        return Message(Storage(self.path, begin, end - begin))

    def whole(self, field: Field) -> Message:
        """A field as it is."""
        return self.range(field.start, field.end)

    def with_body(self, old: Field, body: Message) -> Message:
        """A length-delimited field with another body, or as it is if the body is its own."""
        if old.end > old.first and body.parts == [
            Storage(self.path, old.first, old.end - old.first)
        ]:
            return self.whole(old)
        if old.end == old.first and not body.size:
            return self.whole(old)
        return field(old.key >> 3, body)

    def rebuilt(self, begin: int, end: int, lists: Mapping[int, Sequence[Message]]) -> Message:
        """A message with some of its fields replaced.

        Args:
            begin: Where it begins in the file; with `end` the same, it is all new.
            end: Where it ends.
            lists: By key, all fields of that key as they are to be. As many as there were take
                the places of those; if it is another number, all stand where the first one was.
                Fields of other keys stay as they are.
        """
        old = list(self.fields(begin, end))
        counts: dict[int, int] = {}
        for item in old:
            counts[item.key] = counts.get(item.key, 0) + 1
        made, seen = Message(), dict.fromkeys(lists, 0)
        for item in old:
            new = lists.get(item.key)
            if new is None:
                made.add(Storage(self.path, item.start, item.end - item.start))
                continue
            place = seen[item.key]
            seen[item.key] += 1
            if len(new) == counts[item.key]:
                made.extend(new[place])
            elif not place:
                for message in new:
                    made.extend(message)
        for key in sorted(lists):
            if key not in counts:
                for message in lists[key]:
                    made.extend(message)
        return made
