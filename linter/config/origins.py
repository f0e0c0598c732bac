"""What a configuration comes to, key by key, and the line that says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.config import globs
from npulint.config.reading import SECTION_KEYS, load

if TYPE_CHECKING:
    from npulint.config.toml import Document
    from npulint.opsets.document import Part

DEFAULTS: Mapping[str, object] = {
    "targets": None,
    "select": None,
    "fail-on": "error",
    "ratchet": False,
    "require-known-coverage": False,
}
"""What holds where nothing is said (None for what npulint asks and runs of itself); nothing at all
for the other keys."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What one key comes to.

    Attributes:
        key: The key; of a table with its entry, `severity.NPU101`.
        value: What holds.
        line: The line of the configuration that says so; None where it is the default.
    """

    key: str
    value: object
    line: int | None = None


def origins(document: Document, model: Path | None = None) -> tuple[Origin, ...]:
    """Say what a configuration comes to.

    Args:
        document: The configuration.
        model: The model for which; the run as a whole when None.

    Raises:
        ConfigError: The configuration is at fault.
    """
    load(document.path)
    top = document.part
    found: dict[str, Origin] = {}
    for part in (top, *_sections(document, model)):
        for key in SECTION_KEYS:
            if key in part:
                found |= {each.key: each for each in _said(document, part.at(key), key)}
    for key in ("baseline", "ratchet"):
        if key in top:
            found |= {each.key: each for each in _said(document, top.at(key), key)}
    for number, part in enumerate(top.list_at("suppressions")):
        key = f"suppressions.{number}"
        found[key] = Origin(key, part.data, document.line(part.path))
    said = {key.partition(".")[0] for key in found}
    defaults = (Origin(key, value) for key, value in DEFAULTS.items() if key not in said)
    return (*found.values(), *defaults)


def _sections(document: Document, model: Path | None) -> Iterator[Part]:
    """The sections that speak of a model, in their order."""
    if model is None:
        return
    path = globs.relative(model, document.path.absolute().parent)
    for part in document.part.list_at("paths"):
        files = part.at("files").data
        if any(globs.matches(path, str(each)) for each in _listed(files)):
            yield part


def _listed(data: object) -> list[object]:
    return data if isinstance(data, list) else [data]


def _said(document: Document, part: Part, key: str) -> Iterator[Origin]:
    """What a section says under a key, entry by entry where that is a table."""
    if not isinstance(part.data, dict):
        yield Origin(key, part.data, document.line(part.path))
        return
    for name in part.words():
        yield from _said(document, part.at(name), f"{key}.{name}")
