"""Sources as parts of a sentence, with an address where a part names a public place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

CODE_PLACE = re.compile(r"([\w.-]+/[\w.-]+) (\S+)(?: (.+))? @([0-9a-f]{7,40})")
"""`OWNER/REPOSITORY PATH LINES @COMMIT`: how tables cite a file of a public repository."""

LINES = re.compile(r"(\d+)(?:-(\d+))?")
"""Lines of such a file: one, or the first and the last."""

ADDRESS = re.compile(r"https?://\S+")

_NAMED = re.compile(rf"({ADDRESS.pattern})|arXiv:(\d{{4}}\.\d{{4,5}}(?:v\d+)?)")


@dataclass(frozen=True, slots=True)
class Part:
    """Some words of a source.

    Attributes:
        text: The words.
        address: Where they lead, None where they name no public place.
    """

    text: str
    address: str | None = None


def parts(cited: str) -> tuple[Part, ...]:
    """Take a source apart into words and links; together they read as the source does.

    Args:
        cited: As tables have it: `OWNER/REPOSITORY PATH LINES @COMMIT`, several joined by `; `,
            an address, or a source in words.
    """
    found: list[Part] = []
    for number, each in enumerate(cited.split("; ")):
        if number:
            found.append(Part("; "))
        place = CODE_PLACE.fullmatch(each)
        found += _code_parts(place) if place else _word_parts(each)
    return tuple(found)


def address(place: re.Match[str]) -> str:
    """Where a file of a repository, matched by `CODE_PLACE`, can be read."""
    repository, path, _, commit = place.groups()
    kind = "tree" if path.endswith("/") else "blob"
    return f"https://github.com/{repository}/{kind}/{commit}/{path}"


def line_address(file: str, lines: str) -> str:
    """Where lines of a file can be read: the file itself where `lines` is words."""
    span = LINES.fullmatch(lines)
    if span is None:
        return file
    first, last = span.groups()
    return f"{file}#L{first}-L{last}" if last else f"{file}#L{first}"


def _code_parts(place: re.Match[str]) -> Iterator[Part]:
    repository, path, within, commit = place.groups()
    file = address(place)
    first, *others = within.split(", ") if within else [""]
    yield Part(f"{repository} {path} {first}".rstrip(), line_address(file, first))
    for lines in others:
        yield Part(", ")
        linked = LINES.fullmatch(lines) is not None
        yield Part(lines, line_address(file, lines) if linked else None)
    yield Part(f" @{commit}")


def _word_parts(cited: str) -> Iterator[Part]:
    start = 0
    for match in _NAMED.finditer(cited):
        if match.start() > start:
            yield Part(cited[start : match.start()])
        found, paper = match.groups()
        yield Part(match[0], found or f"https://arxiv.org/abs/{paper}")
        start = match.end()
    if start < len(cited):
        yield Part(cited[start:])
