"""A table that can be read, what is wrong with one that cannot, and names that several have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from npulint.errors import NpulintError, TargetError
from npulint.model import Dialect
from npulint.opsets.document import Part
from npulint.opsets.family import build_target, variant_names
from npulint.opsets.table import Target

OWN = "npulint"
"""The package of the shipped tables."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that can be read, and all its targets.

    Attributes:
        path: Its file.
        package: Who brings it: `npulint`, an installed package, or empty for a user's own file.
        document: Its data.
    """

    path: Path
    package: str
    document: Part

    @property
    def family(self) -> str:
        """The family that its targets are of."""
        return self.document.text_at("family")

    @property
    def dialect(self) -> Dialect:
        """Whose operators it speaks of."""
        return cast(Dialect, self.document.text_at("dialect"))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its targets."""
        return variant_names(self.document)

    @property
    def wordings(self) -> dict[str, str]:
        """What each setting of its targets is called in a sentence."""
        return self.document.map_at("settings", Part.text)

    @property
    def titles(self) -> dict[int, str]:
        """Names for people of levels (29 is `NNAPI 1.2`)."""
        named = self.document.map_at("levels", Part.text)
        return {int(level): title for level, title in named.items()}

    def targets(self) -> tuple[Target, ...]:
        """All its targets."""
        return tuple(build_target(self.document, name) for name in self.names)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that ought to bring targets and cannot.

    Attributes:
        package: Whose it is.
        names: The targets that are missing because of it, as far as can be told.
        error: What is wrong.
    """

    package: str
    names: frozenset[str]
    error: NpulintError

    @property
    def sentence(self) -> str:
        """What is wrong, and with whose package where it is not npulint's own."""
        return str(self.error) if self.package == OWN else f"package {self.package}: {self.error}"


def dispute(name: str, holders: Sequence[Table]) -> Fault | None:
    """What is wrong with the tables that have a target, if anything.

    One package may have two of a name, one for each dialect: which of them is asked about a model
    is then the model's matter.
    """
    if len({table.package for table in holders}) > 1:
        why = "rename one"
    elif len({table.dialect for table in holders}) < len(holders):
        why = "a name has one table for each dialect: rename one"
    else:
        return None
    places = " and in ".join(f"{table.path} ({table.package})" for table in holders)
    return Fault(OWN, frozenset({name}), TargetError(f"target {name!r} stands in {places}: {why}"))


def disputes(tables: Iterable[Table]) -> Iterator[Fault]:
    """What is wrong with each name that several tables have, if anything."""
    holders: dict[str, list[Table]] = {}
    for table in tables:
        for name in table.names:
            holders.setdefault(name, []).append(table)
    for name, several in holders.items():
        fault = dispute(name, several)
        if fault is not None:
            yield fault
