"""Observations in files of their own, which profiles include: what a run on a phone has shown.

`npulint device audit` writes them. Nothing is taken from such a file before a profile names it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.opsets.entries import Family
from npulint.opsets.family import read_date, read_source
from npulint.opsets.loader import read_table
from npulint.opsets.profile_parts import Maker, check_operators

if TYPE_CHECKING:
    from collections.abc import Mapping

    from npulint.opsets.document import Part
    from npulint.opsets.profile import Observation
    from npulint.opsets.table import Target

_KEYS = ("observations", "date", "sources", "observed")


@dataclass(frozen=True, slots=True)
class Included:
    """What one file of observations says.

    Attributes:
        date: The day on which they were written down.
        observed: The observations; their names begin with the file's.
        sources: Every source by the file's name and its own short one.
    """

    date: str
    observed: tuple[Observation, ...]
    sources: Mapping[str, str]


def read_included(path: Path, target: Target) -> Included:
    """Read a file of observations.

    Args:
        path: The file.
        target: The path of the device whose profile includes it.

    Raises:
        TableError: The file cannot be read, or is no file of observations on that path.
    """

    def check(document: Part) -> None:
        build_included(document, path.stem)
        check_operators(document.at("observed"), target)

    return build_included(read_table(path, check).document, path.stem)


def build_included(document: Part, name: str) -> Included:
    """Build what a document of observations says.

    Args:
        document: The document.
        name: What its observations are called after.

    Raises:
        DocumentError: The data is not of the language.
    """
    document.words(_KEYS)
    document.text_at("observations")
    maker = Maker(Family(document.map_at("sources", read_source), {}, {}, {}))
    found = tuple(
        replace(each, identity=f"{name}/{each.identity}") for each in maker.observed(document)
    )
    if not found:
        raise document.error("expected at least one observation", "observed")
    sources = maker.family.sources.items()
    return Included(
        read_date(document.at("date")),
        found,
        {f"{name}/{short}": " ".join(filter(None, ends)) for short, ends in sources},
    )
