"""Which targets there are, and how to get one by its name or from a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from npulint.errors import NpulintError, TableError, TargetError, UnknownTargetError
from npulint.opsets import extensions
from npulint.opsets.document import Part, nearest
from npulint.opsets.family import build_target, variant_names
from npulint.opsets.loader import read_bytes, read_shipped, read_table
from npulint.opsets.table import Target

FOLDER = Path(__file__).parent
OWN = "npulint"
"""The package of the shipped tables."""

SUFFIXES = (".yaml", ".yml")
"""How a table's file name ends."""

_NAMES = re.compile(rb"""^family:\s*["']?([^\s"'#]+)|\bname:\s*["']?([^\s"',}]+)""", re.MULTILINE)
_loaded: dict[str, Target] = {}


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


_Found: TypeAlias = "Table | Fault"


@dataclass(frozen=True, slots=True)
class Survey:
    """All tables of npulint and of the installed packages.

    Attributes:
        tables: Those that can be read.
        faults: What is wrong with the others, with packages, and with names that two tables have.
    """

    tables: tuple[Table, ...]
    faults: tuple[Fault, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The targets that can be loaded, table by table."""
        faulty = {name for fault in self.faults for name in fault.names}
        return tuple(name for each in self.tables for name in each.names if name not in faulty)


def survey() -> Survey:
    """Look through all tables. A table at fault does not disturb the others."""
    found = [*_own(shipped()), *_brought()]
    tables = tuple(each for each in found if isinstance(each, Table))
    faults = [each for each in found if isinstance(each, Fault)]
    return Survey(tables, (*faults, *_disputes(tables)))


def targets() -> tuple[str, ...]:
    """The names of all targets that can be loaded, table by table."""
    return survey().names


def shipped() -> tuple[Path, ...]:
    """The package's own tables."""
    return tuple(sorted(FOLDER.glob("*.yaml")))


def open_table(path: Path) -> Table:
    """Read a user's own table.

    Raises:
        TableError: The table is at fault.
    """
    return Table(path, "", read_table(path).document)


def table_of(name: str | Path) -> Table:
    """The table that has a target, or that a file is.

    Raises:
        TargetError: Nobody has that name, or two tables have it.
        TableError: The table that has it is at fault.
    """
    file = str(name).partition("#")[0]
    return open_table(Path(file)) if file.endswith(SUFFIXES) else _holder(str(name))


def load_target(name: str | Path) -> Target:
    """Load one target.

    Args:
        name: A name of `targets`, or the path of a YAML table; `FILE.yaml#TARGET` picks one of
            a table's several targets.

    Returns:
        The target; asking twice for a shipped one gives the same object.

    Raises:
        TargetError: Nobody has that name or two tables have it, or a file has several targets
            and none was picked.
        TableError: The table that has it is at fault.
    """
    text = str(name)
    if text in _loaded:
        return _loaded[text]
    file, _, variant = text.partition("#")
    if file.endswith(SUFFIXES):
        return _from_file(Path(file), variant)
    table = _holder(text)
    target = build_target(table.document, text)
    return _loaded.setdefault(text, target) if table.package == OWN else target


def unknown(name: str, what: str, names: Iterable[str]) -> UnknownTargetError:
    """The complaint that nobody has a name, with what else may have had it."""
    unread = [fault.sentence for fault in survey().faults]
    more = "".join(f"; not looked at, because {sentence}" for sentence in unread)
    return UnknownTargetError(f"unknown {what} {name!r}: {nearest(name, names)}{more}")


def _holder(name: str) -> Table:
    """The table that has a target."""
    at_fault: list[Fault] = []
    holders: list[Table] = []
    own = _own(_likely_first(name))
    for found in (next(_having(name, own, at_fault), None), *_having(name, _brought(), at_fault)):
        holders += [found] if found is not None else []
    if len(holders) > 1:
        raise _dispute(name, holders).error
    if holders:
        return holders[0]
    for fault in at_fault:
        raise fault.error
    raise unknown(name, "target", targets())


def _having(name: str, found: Iterable[_Found], at_fault: list[Fault]) -> Iterator[Table]:
    """The tables that have a target, the faults that hide it put aside."""
    for each in found:
        if name not in each.names:
            continue
        if isinstance(each, Table):
            yield each
        else:
            at_fault.append(each)


def _own(paths: Iterable[Path]) -> Iterator[_Found]:
    for path in paths:
        try:
            yield Table(path, OWN, read_shipped(path))
        except TableError as error:
            yield Fault(OWN, _apparent_names(path), error)


def _brought() -> Iterator[_Found]:
    """The tables of installed packages, and what is wrong with the packages."""
    for title, sentence in extensions.faults():
        yield Fault(title, frozenset(), TargetError(sentence))
    for package in extensions.packages():
        for path in package.extension.files():
            try:
                yield Table(path, package.title, read_table(path).document)
            except TableError as error:
                yield Fault(package.title, _apparent_names(path), error)


def _apparent_names(path: Path) -> frozenset[str]:
    """What the text of a table that cannot be read seems to call its targets."""
    try:
        text = read_bytes(path)
    except TableError:
        return frozenset()
    found = (match[1] or match[2] for match in _NAMES.finditer(text))
    return frozenset(name.decode(errors="replace") for name in found)


def _disputes(tables: Iterable[Table]) -> Iterator[Fault]:
    holders: dict[str, list[Table]] = {}
    for table in tables:
        for name in table.names:
            holders.setdefault(name, []).append(table)
    yield from (_dispute(name, several) for name, several in holders.items() if len(several) > 1)


def _dispute(name: str, holders: Iterable[Table]) -> Fault:
    places = " and in ".join(f"{table.path} ({table.package})" for table in holders)
    error = TargetError(f"target {name!r} stands in {places}: rename one")
    return Fault(OWN, frozenset({name}), error)


def _from_file(path: Path, variant: str) -> Target:
    document = read_table(path).document
    names = variant_names(document)
    if variant and variant not in names:
        raise TargetError(f"{path}: no target {variant!r} there: {nearest(variant, names)}")
    if not variant and len(names) > 1:
        choices = ", ".join(f"{path}#{each}" for each in names)
        raise TargetError(f"{path}: holds {len(names)} targets, pick one of {choices}")
    return build_target(document, variant or names[0])


def _likely_first(name: str) -> Iterator[Path]:
    """The shipped tables, those whose file name begins the target's name first."""
    paths = shipped()
    likely = [path for path in paths if name.startswith(path.stem)]
    yield from likely
    yield from (path for path in paths if path not in likely)
