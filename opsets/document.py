"""Plain data of a table with its place in the file: every complaint names the key at fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias, TypeVar

Path: TypeAlias = "tuple[str | int, ...]"
"""Keys and positions that lead from the top of a document to one of its parts."""

T = TypeVar("T")

_LISTED = 60
"""Words that a complaint lists at most."""


class DocumentError(Exception):
    """Something in a document that the table language does not allow.

    Attributes:
        path: Where in the document.
        message: What is wrong and what would be accepted.
    """

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


def nearest(word: str, words: Iterable[str]) -> str:
    """The words closest to one that nobody knows, as the end of an error's sentence."""
    import difflib

    known = {each.casefold(): each for each in sorted(words)}
    if not known:
        return "there is none"
    close = difflib.get_close_matches(word.casefold(), known, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(known[each] for each in close)}?"
    if len(known) > _LISTED:
        return f"none of the {len(known)} known ones resembles it"
    return f"known are {', '.join(known.values())}"


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a document: plain data and the way to it."""

    data: object
    path: Path = ()

    def error(self, message: str, *steps: str | int) -> DocumentError:
        """A complaint about this part, or about what lies some steps below it."""
        return DocumentError((*self.path, *steps), message)

    @property
    def kind(self) -> str:
        """What it is, in words."""
        return _kind(self.data)

    def words(self, allowed: Iterable[str] | None = None) -> tuple[str, ...]:
        """The keys of a mapping, all of which must be among those allowed."""
        if not isinstance(self.data, dict):
            raise self.error(f"expected a mapping, found {_kind(self.data)}")
        known = None if allowed is None else tuple(allowed)
        for key in self.data:
            if known is not None and key not in known:
                raise self.error(f"unknown key {key!r}: {nearest(str(key), known)}", key)
        return tuple(self.data)

    def __contains__(self, key: str) -> bool:
        return isinstance(self.data, dict) and key in self.data

    def at(self, key: str) -> Part:
        """What a mapping has under a key that it must have."""
        if not isinstance(self.data, dict):
            raise self.error(f"expected a mapping, found {_kind(self.data)}")
        if key not in self.data:
            raise self.error(f"missing key {key!r}")
        return Part(self.data[key], (*self.path, key))

    def each(self) -> Iterator[Part]:
        """The items of a list."""
        if not isinstance(self.data, list):
            raise self.error(f"expected a list, found {_kind(self.data)}")
        for position, item in enumerate(self.data):
            yield Part(item, (*self.path, position))

    def list_at(self, key: str) -> Iterator[Part]:
        """The items of a list under a key, none where the key is missing."""
        return self.at(key).each() if key in self else iter(())

    def text(self) -> str:
        """A text that is not empty."""
        if isinstance(self.data, str) and not self.data.strip():
            raise self.error("expected a text, found an empty one")
        if not isinstance(self.data, str):
            hint = ": quote it" if isinstance(self.data, (int, float)) else ""
            raise self.error(f"expected a text, found {_kind(self.data)}{hint}")
        return self.data

    def text_at(self, key: str, default: str | None = None) -> str:
        """The text under a key."""
        return default if default is not None and key not in self else self.at(key).text()

    def integer(self) -> int:
        """A whole number."""
        if not isinstance(self.data, int) or isinstance(self.data, bool):
            raise self.error(f"expected a whole number, found {_kind(self.data)}")
        return self.data

    def boolean(self) -> bool:
        """True or false."""
        if not isinstance(self.data, bool):
            raise self.error(f"expected true or false, found {_kind(self.data)}")
        return self.data

    def choice(self, *words: str) -> str:
        """One of several words."""
        word = self.text()
        if word not in words:
            raise self.error(f"unknown word {word!r}: expected {' or '.join(words)}")
        return word

    def map_at(self, key: str, make: Callable[[Part], T]) -> dict[str, T]:
        """A mapping under a key, each value made into something; empty if the key is missing."""
        if key not in self:
            return {}
        below = self.at(key)
        return {name: make(below.at(name)) for name in below.words()}


def _kind(data: object) -> str:
    if data is None:
        return "nothing"
    if isinstance(data, date):
        return f"the date {data}"
    names = {dict: "a mapping", list: "a list", bool: "true or false", str: "a text"}
    return names.get(type(data), f"the number {data}")
