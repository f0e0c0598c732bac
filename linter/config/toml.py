"""TOML as plain data, with the line at which each part of it stands."""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from npulint.errors import ConfigError
from npulint.opsets.document import DocumentError, Part
from npulint.opsets.document import Path as DocumentPath

if sys.version_info >= (3, 11):
    import tomllib
else:  # the same library, before it came to Python
    import tomli as tomllib

LIMIT = 1024 * 1024
"""Bytes of a configuration at most."""

TABLE = ("tool", "npulint")
"""Where our keys stand in a `pyproject.toml`."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?""""{0,2}'
    r"|'''.*?''''{0,2}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_WORD = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN = re.compile(r"[^,\]}#\r\n]+")
_AT_END = " (at end of document)"
_AT_LINE = re.compile(r" \(at line (\d+), column (\d+)\)$")


@dataclass(frozen=True, slots=True)
class Document:
    """A configuration's data and where each part of it stands.

    Attributes:
        path: The file.
        part: The data: of a `pyproject.toml`, what stands below `tool.npulint`.
        lines: The line of each key, and of each item of a list, by the way to it.
    """

    path: Path
    part: Part
    lines: dict[DocumentPath, int]

    def line(self, path: DocumentPath) -> int | None:
        """The line of a part of the document, or of the nearest part around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def error(self, fault: DocumentError) -> ConfigError:
        """A complaint with the line of the part that it is about."""
        return ConfigError(self.path, fault.message, line=self.line(fault.path))


def has_table(text: bytes) -> bool:
    """Whether a `pyproject.toml` has a `tool.npulint`, or cannot be read so as to tell."""
    try:
        data = tomllib.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return True
    tool = data.get(TABLE[0])
    return isinstance(tool, dict) and TABLE[1] in tool


def read(path: Path) -> Document:
    """Read a configuration's TOML.

    Args:
        path: An `npulint.toml` or another file of that form, or a `pyproject.toml`.

    Raises:
        ConfigError: The file cannot be read or is not TOML, or a `pyproject.toml` says nothing
            to npulint.
    """
    text = _text(path)
    try:
        data: Any = tomllib.loads(text)
        # Written so that it holds for valid documents only.
        lines = _Lines(text).all()
    except tomllib.TOMLDecodeError as error:
        said, line = _placed(str(error), text)
        raise ConfigError(path, f"not TOML: {said}", line=line) from None
    except RecursionError:
        raise ConfigError(path, "not a configuration: nested too deeply") from None
    top: DocumentPath = ()
    if path.name == "pyproject.toml":
        if not has_table(text.encode()):
            raise ConfigError(path, "there is no [tool.npulint] in it")
        top = TABLE
        data = data[TABLE[0]][TABLE[1]]
    return Document(path, Part(data, top), lines)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(LIMIT + 1)
    except OSError as error:
        raise ConfigError(path, f"cannot be read: {error.strerror}") from None
    if len(content) > LIMIT:
        raise ConfigError(path, f"more than {LIMIT:,} bytes: not a configuration")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(path, "not TOML: it must be UTF-8", line=line) from None


def _placed(complaint: str, text: str) -> tuple[str, int | None]:
    """A complaint of the library as half a sentence, and the line that it speaks of."""
    said = complaint[:1].lower() + complaint[1:]
    found = _AT_LINE.search(said)
    if found is not None:
        return said[: found.start()], int(found[1])
    if said.endswith(_AT_END):
        return f"{said.removesuffix(_AT_END)} at the end of the file", text.rstrip().count("\n") + 1
    return said, None


@dataclass
class _Lines:
    """Finds the lines of all keys and items of a valid document."""

    text: str
    found: dict[DocumentPath, int] = field(default_factory=dict)
    at: int = 0

    def __post_init__(self) -> None:
        self._ends = [match.start() for match in re.finditer("\n", self.text)]
        self._lengths: dict[DocumentPath, int] = {}

    def all(self) -> dict[DocumentPath, int]:
        """The line of each key and of each item, by the way to it."""
        table: DocumentPath = ()
        while self._skip():
            if self.text.startswith("[[", self.at):
                table = self._header(2, several=True)
            elif self.text[self.at] == "[":
                table = self._header(1, several=False)
            else:
                self._pair(table)
        return self.found

    def _header(self, brackets: int, *, several: bool) -> DocumentPath:
        """`[a.b]` or `[[a.b]]`: the table that the following keys are of."""
        self.at += brackets
        path: DocumentPath = ()
        keys = self._key()
        for position, (key, place) in enumerate(keys):
            path = (*path, key)
            self._note(path, place)
            if several and position == len(keys) - 1:
                self._lengths[path] = self._lengths.get(path, 0) + 1
            if path in self._lengths:
                path = (*path, self._lengths[path] - 1)
                self._note(path, place)
        self._skip()
        self.at += brackets
        return path

    def _pair(self, table: DocumentPath) -> None:
        path = table
        for key, place in self._key():
            path = (*path, key)
            self._note(path, place)
        self._skip()
        self.at += len("=")
        self._skip()
        self._value(path)

    def _key(self) -> list[tuple[str, int]]:
        """The words of a key with dots, each with where it begins."""
        words = []
        while True:
            self._skip()
            place = self.at
            words.append((self._key_word(), place))
            self._skip()
            if not self.text.startswith(".", self.at):
                return words
            self.at += len(".")

    def _key_word(self) -> str:
        if self.text[self.at] in "\"'":
            quoted = self._take(_STRING)
            return str(tomllib.loads(f"key = {quoted}")["key"])
        return self._take(_WORD)

    def _value(self, path: DocumentPath) -> None:
        opening = self.text[self.at]
        if opening in "\"'":
            self._take(_STRING)
        elif opening in "[{":
            self._inside(path, "]" if opening == "[" else "}")
        else:
            self._take(_PLAIN)

    def _inside(self, path: DocumentPath, closing: str) -> None:
        """What an array or an inline table holds."""
        self.at += 1
        number = 0
        while self._skip() and self.text[self.at] != closing:
            if self.text[self.at] == ",":
                self.at += 1
            elif closing == "}":
                self._pair(path)
            else:
                self._note((*path, number), self.at)
                self._value((*path, number))
                number += 1
        self.at += 1

    def _note(self, path: DocumentPath, place: int) -> None:
        self.found.setdefault(path, bisect_left(self._ends, place) + 1)

    def _skip(self) -> bool:
        """Pass over blanks and remarks; whether anything comes after them."""
        self._take(_BLANK)
        return self.at < len(self.text)

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        assert match is not None, "the document is valid"
        self.at = match.end()
        return match[0]
