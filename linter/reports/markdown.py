"""Text, tables and sources as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

_SPECIAL = re.compile(r"[\\|<*`]|(?<!\w)_|_(?!\w)|\](?=[(\[:])")
_CODE_PLACE = re.compile(r"([\w.-]+/[\w.-]+) (\S+)(?: (.+))? @([0-9a-f]{7,40})")
_LINES = re.compile(r"(\d+)(?:-(\d+))?")
_DAY = re.compile(r" \(\d{4}-\d\d-\d\d\)$")
_ADDRESS = re.compile(r"https?://\S+")


def text(words: str) -> str:
    """Words on one line, shown as they are."""
    return _SPECIAL.sub(lambda match: f"\\{match[0]}", " ".join(words.split()))


def code(word: str) -> str:
    """A name as the reader would type it."""
    fence = "``" if "`" in word else "`"
    return f"{fence}{' '.join(word.split())}{fence}".replace("|", "\\|")


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table whose first row is its heading; cells are Markdown already."""
    heading, *others = rows
    for row in (heading, ["---"] * len(heading), *others):
        yield f"| {' | '.join(row)} |"


def anchor(heading: str) -> str:
    """What a link to a heading of the same page points at, as GitHub makes it."""
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return "#" + kept.replace(" ", "-")


def source(cited: str, sources: Mapping[str, str] = MappingProxyType({})) -> str:
    """A source as links to the lines that it names; as text where it names none.

    Args:
        cited: `OWNER/REPOSITORY PATH LINES @COMMIT`, an address, or a source in words; several
            of the first kind are joined by `; `.
        sources: What the page has in its last section, by their short names: pages are called by
            those.
    """
    parts = [_CODE_PLACE.fullmatch(part) for part in cited.split("; ")]
    places = [part for part in parts if part is not None]
    if len(places) == len(parts):
        return "; ".join(map(_code_source, places))
    for short, full in sources.items():
        name = _DAY.sub("", full)
        if cited.startswith(f"{name} ") and not name.startswith("http"):
            place = _DAY.sub("", cited.removeprefix(name)).strip()
            return f"[{text(short)}](#sources) {text(place)}".rstrip()
    return _with_addresses(cited)


def whole_source(cited: str) -> str:
    """A source by its full name, linked where it is a file of a repository."""
    place = _CODE_PLACE.fullmatch(cited)
    return f"[{text(cited)}]({_address(place)})" if place else _with_addresses(cited)


def _address(place: re.Match[str]) -> str:
    repository, path, _, commit = place.groups()
    kind = "tree" if path.endswith("/") else "blob"
    return f"https://github.com/{repository}/{kind}/{commit}/{path}"


def _code_source(place: re.Match[str]) -> str:
    _, path, within, _ = place.groups()
    address = _address(place)
    name = path.rstrip("/").rpartition("/")[2]
    first, *rest = within.split(", ") if within else [""]
    links = [_link(f"{name} {first}".strip(), address, first, name)]
    return ", ".join([*links, *(_link(each, address, each, "") for each in rest)])


def _link(label: str, address: str, lines: str, name: str) -> str:
    """A link to some lines of a file; where no lines are named, to the file, with the words."""
    span = _LINES.fullmatch(lines)
    if span is None:
        words = text(lines)
        return " ".join(filter(None, (f"[{text(name)}]({address})" if name else "", words)))
    first, last = span.groups()
    end = f"-L{last}" if last else ""
    return f"[{text(label)}]({address}#L{first}{end})"


def _with_addresses(cited: str) -> str:
    parts: list[str] = []
    start = 0
    for match in _ADDRESS.finditer(cited):
        parts += [text(cited[start : match.start()]), f"<{match[0]}>"]
        start = match.end()
    parts.append(text(cited[start:]))
    return " ".join(filter(None, parts))


def joined(blocks: Iterable[str]) -> str:
    """Lines as a page, ending in a newline."""
    return "\n".join(blocks).rstrip("\n") + "\n"
