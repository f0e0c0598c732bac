"""Logs as lines of text, whatever wrote them and whatever is in them."""

from __future__ import annotations

import codecs
import math
import re
from pathlib import Path

from npulint.errors import UsageError

LARGEST = 1 << 27
"""Bytes that a log may have."""

LONGEST = 1 << 14
"""Characters of a line that are looked at: what is longer is no line of a log."""

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
"""A number as C++ streams print it (`1.59906e+06`)."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LEVEL = re.compile(r"\s*(?:INFO|WARNING|WARN|ERROR|VERBOSE|DEBUG|FATAL): ?")


def read_lines(path: Path) -> list[str]:
    """The lines of a log, without colours and ends of lines. Lines that are too long are empty.

    Raises:
        UsageError: The file cannot be read, or is too large.
    """
    return split_lines(read_whole(path))


def read_whole(path: Path) -> str:
    """The text of a log.

    Text is UTF-8, or UTF-16 with its mark, as Windows' shells write what they redirect.

    Raises:
        UsageError: The file cannot be read, or is too large.
    """
    try:
        if path.is_dir():
            raise UsageError(f"{path}: this is a folder; name a log")
        size = path.stat().st_size
        if size > LARGEST:
            raise UsageError(f"{path}: has {size:,} bytes; logs of up to {LARGEST:,} are read")
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    return _decoded(data)


def split_lines(text: str) -> list[str]:
    """Text as lines, without colours and ends of lines."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [_COLOUR.sub("", each.rstrip("\r")) if len(each) <= LONGEST else "" for each in lines]


def bare(message: str) -> str:
    """A message without the level that TFLite's own logger puts before it, and without margins."""
    found = _LEVEL.match(message)
    return (message[found.end() :] if found else message).strip()


def number(text: str) -> float | None:
    """A number, None for what is none or not finite."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def finite(value: object) -> float | None:
    """A number of a JSON document; None for what is none or not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _decoded(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    return data.decode("utf-8-sig", errors="replace")
