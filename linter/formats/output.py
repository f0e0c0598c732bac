"""Files that take their places whole or not at all, and the streaming of bytes into them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, TypeAlias
from uuid import uuid4

from npulint.errors import ModelFileError
from npulint.model import Storage

Content: TypeAlias = "bytes | Storage"
"""Bytes to be written: at hand, or a range of a file that is copied when its turn comes."""

_CHUNK = 1 << 20
_LONGEST_NAME = 200
"""Characters of a file's name that its temporary name repeats; file systems take 255."""


def length_of(content: Content) -> int:
    """How many bytes a content has."""
    return content.length if isinstance(content, Storage) else len(content)


class NewFile:
    """A file that is being written under a temporary name.

    Attributes:
        path: Where it will stand.
        size: Bytes written so far.
    """

    def __init__(self, path: Path, files: Files) -> None:
        self.path = path
        self.size = 0
        self.temporary = path.with_name(f".{path.name[:_LONGEST_NAME]}.{uuid4().hex}.tmp")
        self._files = files
        # Not tempfile's: its files can be read by nobody else, whatever the umask says.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self.stream: BinaryIO = os.fdopen(os.open(self.temporary, flags, 0o666), "wb")

    def write(self, content: Content) -> None:
        """Append bytes; those of another file are copied piece by piece.

        Raises:
            ModelFileError: The other file cannot be read or has become shorter.
            OSError: This file cannot be written.
        """
        if not isinstance(content, Storage):
            self.stream.write(content)
            self.size += len(content)
            return
        left = content.length
        for chunk in self._files.chunks(content):
            self.stream.write(chunk)
            left -= len(chunk)
        self.size += content.length - left

    def align(self, boundary: int) -> None:
        """Append zeros until the size is a multiple of `boundary`."""
        self.write(bytes(-self.size % boundary))


class Files:
    """New files that take their places together when the block ends well.

    Until then they stand under temporary names in the folders that they are meant for, and are
    removed if anything goes wrong. They are put in place in the order of their creation, so the
    one that refers to the others comes last.
    """

    def __init__(self) -> None:
        self._new: list[NewFile] = []
        self._current = Path()
        self._open: dict[Path, BinaryIO] = {}

    def __enter__(self) -> Files:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the files in place, or remove them after an error.

        Raises:
            ModelFileError: The system does not let them be written.
        """
        try:
            if error is None:
                for file in self._new:
                    file.stream.close()
                self._close_sources()
                self._place()
        except OSError as fault:
            raise self._refused(fault) from fault
        finally:
            self._discard()
        if isinstance(error, OSError):
            raise self._refused(error) from error

    def create(self, path: Path) -> NewFile:
        """Begin a new file.

        Raises:
            OSError: Its folder is missing or does not let it be written.
        """
        self._current = path
        self._new.append(file := NewFile(path, self))
        return file

    def chunks(self, storage: Storage) -> Iterator[bytes]:
        """The bytes of a range of a file, a piece at a time.

        Raises:
            ModelFileError: The file cannot be read or has become shorter.
        """
        left = storage.length
        try:
            stream = self._open.get(storage.path)
            if stream is None:
                stream = self._open[storage.path] = storage.path.open("rb", buffering=0)
            stream.seek(storage.offset)
            while left:
                chunk = stream.read(min(left, _CHUNK))
                if not chunk:
                    raise ModelFileError(
                        storage.path,
                        f"ends {left} bytes before the data that was read from it at byte "
                        f"{storage.offset}; it has changed since, load it again",
                        offset=storage.offset,
                    )
                left -= len(chunk)
                yield chunk
        except OSError as error:
            raise ModelFileError(storage.path, f"cannot be read: {error.strerror}") from error

    def _place(self) -> None:
        """Rename all files; where one cannot be, those that went before are taken back."""
        kept: list[tuple[Path, Path | None]] = []
        try:
            for file in self._new:
                self._current = file.path
                if file.path.is_dir():
                    raise IsADirectoryError(0, "it is a folder")
                if file.path.exists():
                    shutil.copymode(file.path, file.temporary)
                if file is not self._new[-1]:
                    kept.append((file.path, _set_aside(file.path)))
                file.temporary.replace(file.path)
        except OSError:
            for path, old in kept:
                path.unlink(missing_ok=True)
                if old is not None:
                    old.replace(path)
            raise
        for _, old in kept:
            if old is not None:
                old.unlink()

    def _discard(self) -> None:
        """Close everything and remove what was not put in place."""
        self._close_sources()
        for file in self._new:
            with suppress(OSError):
                file.stream.close()
            with suppress(OSError):
                file.temporary.unlink(missing_ok=True)

    def _close_sources(self) -> None:
        while self._open:
            self._open.popitem()[1].close()

    def _refused(self, error: OSError) -> ModelFileError:
        return ModelFileError(self._current, f"cannot be written: {error.strerror}")


def _set_aside(path: Path) -> Path | None:
    """Give a file another name for as long as its successor may still have to make way."""
    if not path.exists():
        return None
    aside = path.with_name(f".{path.name[:_LONGEST_NAME]}.{uuid4().hex}.old")
    path.replace(aside)
    return aside
