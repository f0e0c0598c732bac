"""Copying a protobuf message out of a file while its big payloads stay on disk.

The file is read through a small window and what is left out is seeked over, so that weights
cost neither time nor memory.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from npulint.errors import ModelFileError
from npulint.formats.protobuf import FIXED32, FIXED64, LENGTH, VARINT, WireError, encode, varint

MAXIMUM_DEPTH: Final = 100
"""Messages within messages; the official parsers stop here too."""

_WINDOW = 1 << 16
_KEPT = 1 << 20
_LOOKAHEAD = 24
_PADDED_LIMIT = 1 << 31

Layout: TypeAlias = "Mapping[int, Layout | str]"
"""By field number: the layout of a sub-message, `payload` (left on disk), `dropped` or `kept`."""


class Skeleton:
    """A message without its big payloads, and where in the file those lie.

    Attributes:
        data: The message; a payload that was left out is an empty field.
        payloads: `(file offset, length)` by the position in `data` of the empty field's body.
    """

    def __init__(
        self, data: bytes, payloads: dict[int, tuple[int, int]], marks: list[tuple[int, int]]
    ) -> None:
        self.data = data
        self.payloads = payloads
        self._marks = marks

    def file_offset(self, position: int) -> int:
        """The byte of the file that stands at a position of `data`."""
        found = max(0, bisect.bisect_right(self._marks, (position, _PADDED_LIMIT << 32)) - 1)
        here, there = self._marks[found] if self._marks else (0, 0)
        return there + position - here


@dataclass(frozen=True, slots=True)
class Plan:
    """How a kind of file is skimmed.

    Attributes:
        layout: What to descend into, what to leave on disk and what to drop.
        limit: Bytes up to which a sub-message is copied whole.
        parts: What messages call the outermost message's fields, by number.
    """

    layout: Layout
    limit: int
    parts: Mapping[int, str]


def skim(file: BinaryIO, path: Path, size: int, plan: Plan) -> Skeleton:
    """Copy the message that fills a file, leaving big payloads where they are.

    Fields that the layout does not name are copied when they are short of 1 MiB and left out
    otherwise: documentation and vendor blobs, which nobody here reads.

    Args:
        file: The file, opened unbuffered for binary reading.
        path: Its path, for messages.
        size: Its size in bytes.
        plan: What to do with which field.

    Raises:
        ModelFileError: A declared size does not fit, or the bytes are not a message.
    """
    return _Skimmer(file, path, size, plan).run()


class _Skimmer:
    """Carries the window on the file and the output of one `skim`."""

    def __init__(self, file: BinaryIO, path: Path, size: int, plan: Plan) -> None:
        self.file, self.path, self.size, self.plan = file, path, size, plan
        self.window = b""
        self.base = 0
        self.output = bytearray()
        self.payloads: dict[int, tuple[int, int]] = {}
        self.marks: list[tuple[int, int]] = []

    def run(self) -> Skeleton:
        """Skim the whole file."""
        self._message(0, self.size, self.plan.layout, 0)
        return Skeleton(bytes(self.output), self.payloads, self.marks)

    def _message(self, begin: int, end: int, layout: Layout, depth: int) -> None:
        """Skim one message, copying runs of small fields as they are."""
        if depth > MAXIMUM_DEPTH:
            raise self._fault(begin, f"messages nest deeper than {MAXIMUM_DEPTH}")
        position = copied = begin
        while position < end:
            seen = self.base + len(self.window)
            if position < self.base or (position + _LOOKAHEAD > seen and seen < self.size):
                self._copy(copied, position)
                copied = position
                self._look(position)
            field = position
            key, position = self._varint(position)
            kind = key & 7
            if key < 8:
                raise self._fault(field, "no field can have number 0")
            if kind == LENGTH:
                length, position = self._varint(position)
                stop = position + length
                if stop > end:
                    raise self._overrun(key, field, stop, end)
                rule = layout.get(key >> 3)
                if rule == "dropped" or (length > self.plan.limit and self._special(rule, length)):
                    self._copy(copied, field)
                    self._replace(key, position, stop, rule, depth)
                    copied = stop
                position = stop
            elif kind == VARINT:
                _, position = self._varint(position)
            elif kind in (FIXED32, FIXED64):
                position += 4 if kind == FIXED32 else 8
            else:
                raise self._fault(field, f"no field can have wire type {kind}")
        if position != end:
            raise self._overrun(key, field, position, end)
        self._copy(copied, end)

    @staticmethod
    def _special(rule: Layout | str | None, length: int) -> bool:
        """Whether a field above the limit is anything but copied."""
        return rule != "kept" and (rule is not None or length > _KEPT)

    def _replace(
        self, key: int, begin: int, stop: int, rule: Layout | str | None, depth: int
    ) -> None:
        """Write what stands in the skeleton for one field that is not copied."""
        if rule is None or rule == "dropped":
            return
        self.output += encode(key)
        if isinstance(rule, str):
            self.output.append(0)
            self.payloads[len(self.output)] = (begin, stop - begin)
            return
        # The skeleton's length is known afterwards: keep five bytes for it, which every parser
        # reads as one integer although the last may add nothing.
        place = len(self.output)
        self.output += bytes(5)
        self._message(begin, stop, rule, depth + 1)
        length = len(self.output) - place - 5
        if length >= _PADDED_LIMIT:
            raise self._fault(begin, "a message of 2 GiB or more holds no weights")
        padded = [length >> shift & 0x7F | 0x80 for shift in (0, 7, 14, 21, 28)]
        padded[4] &= 0x7F
        self.output[place : place + 5] = bytes(padded)

    def _look(self, position: int) -> None:
        """Move the window so that it begins at a position."""
        self.window = self._read(position, min(_WINDOW, self.size - position))
        self.base = position

    def _read(self, begin: int, length: int) -> bytes:
        """Read from the file, which may have shrunk meanwhile."""
        self.file.seek(begin)
        parts: list[bytes] = []
        while length > 0:
            part = self.file.read(length)
            if not part:
                raise self._fault(begin, "the file became shorter while it was read")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _copy(self, begin: int, stop: int) -> None:
        """Append a range of the file to the skeleton."""
        if begin >= stop:
            return
        self.marks.append((len(self.output), begin))
        first, last = begin - self.base, stop - self.base
        if first >= 0 and last <= len(self.window):
            self.output += self.window[first:last]
        else:
            self.output += self._read(begin, stop - begin)

    def _varint(self, position: int) -> tuple[int, int]:
        """Read an integer at a file offset within the window."""
        local = position - self.base
        window = self.window
        if local < len(window) and window[local] < 0x80:
            return window[local], position + 1
        try:
            value, after = varint(window, local)
        except WireError as error:
            if self.size - position < 10 and local + 10 > len(window):
                raise ModelFileError(
                    self.path,
                    f"ends at byte {self.size} inside an integer; copy or export it again",
                    offset=self.size,
                ) from None
            raise self._fault(position, str(error)) from None
        return value, after + self.base

    def _fault(self, offset: int, message: str) -> ModelFileError:
        return ModelFileError(self.path, f"damaged at byte {offset}: {message}", offset=offset)

    def _overrun(self, key: int, field: int, stop: int, end: int) -> ModelFileError:
        """A field that does not fit: into the file (truncated) or into its message (damaged)."""
        if stop <= self.size or end < self.size:
            return self._fault(
                field, f"a field up to byte {stop} leaves its message, which ends at byte {end}"
            )
        part = self.plan.parts.get(key >> 3, "a field")
        return ModelFileError(
            self.path,
            f"ends at byte {self.size} inside {part}, which begins at byte {field} and goes on to "
            f"byte {stop} as the file declares; copy or export it again",
            offset=self.size,
        )
