"""Text, tables and sources as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from npulint.reports.citation import ADDRESS, CODE_PLACE, LINES, address, line_address

_SPECIAL = re.compile(r"[\\|<*`]|(?<!\w)_|_(?!\w)|\](?=[(\[:])")
_DAY = re.compile(r" \(\d{4}-\d\d-\d\d\)$")


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
    parts = [CODE_PLACE.fullmatch(part) for part in cited.split("; ")]
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
    place = CODE_PLACE.fullmatch(cited)
    return f"[{text(cited)}]({address(place)})" if place else _with_addresses(cited)


def _code_source(place: re.Match[str]) -> str:
    _, path, within, _ = place.groups()
    file = address(place)
    name = path.rstrip("/").rpartition("/")[2]
    first, *rest = within.split(", ") if within else [""]
    links = [_link(f"{name} {first}".strip(), file, first, name)]
    return ", ".join([*links, *(_link(each, file, each, "") for each in rest)])


def _link(label: str, file: str, lines: str, name: str) -> str:
    """A link to some lines of a file; where no lines are named, to the file, with the words."""
    if LINES.fullmatch(lines) is None:
        words = text(lines)
        return " ".join(filter(None, (f"[{text(name)}]({file})" if name else "", words)))
    return f"[{text(label)}]({line_address(file, lines)})"


def _with_addresses(cited: str) -> str:
    parts: list[str] = []
    start = 0
    for match in ADDRESS.finditer(cited):
        parts += [text(cited[start : match.start()]), f"<{match[0]}>"]
        start = match.end()
    parts.append(text(cited[start:]))
    return " ".join(filter(None, parts))


def joined(blocks: Iterable[str]) -> str:
    """Lines as a page, ending in a newline."""
    return "\n".join(blocks).rstrip("\n") + "\n"
