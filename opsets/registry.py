"""Which targets there are, and how to get one by its name or from a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from npulint.errors import TableError, TargetError, UnknownTargetError
from npulint.opsets import extensions
from npulint.opsets.document import nearest
from npulint.opsets.family import build_target, variant_names
from npulint.opsets.loader import read_bytes, read_shipped, read_table
from npulint.opsets.table import Target, paired
from npulint.opsets.tables import OWN, Fault, Table, dispute, disputes

FOLDER = Path(__file__).parent

SUFFIXES = (".yaml", ".yml")
"""How a table's file name ends."""

_DIALECT = re.compile(r"-(tflite|onnx)$")
"""How the file names of two shipped tables end that share their targets."""

_NAMES = re.compile(rb"""^family:\s*["']?([^\s"'#]+)|\bname:\s*["']?([^\s"',}]+)""", re.MULTILINE)
_loaded: dict[str, Target] = {}

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
        """The targets that can be loaded, table by table, each name once."""
        faulty = {name for fault in self.faults for name in fault.names}
        names = dict.fromkeys(name for each in self.tables for name in each.names)
        return tuple(name for name in names if name not in faulty)


def survey() -> Survey:
    """Look through all tables. A table at fault does not disturb the others."""
    found = [*_own(shipped()), *_brought()]
    tables = tuple(each for each in found if isinstance(each, Table))
    faults = [each for each in found if isinstance(each, Fault)]
    return Survey(tables, (*faults, *disputes(tables)))


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


def tables_of(name: str | Path) -> tuple[Table, ...]:
    """The tables that have a target, one for each dialect that it speaks, or that a file is.

    Raises:
        TargetError: Nobody has that name, or two tables of one dialect or package have it.
        TableError: A table that has it is at fault.
    """
    file = str(name).partition("#")[0]
    return (open_table(Path(file)),) if file.endswith(SUFFIXES) else _holders(str(name))


def load_target(name: str | Path) -> Target:
    """Load one target.

    Args:
        name: A name of `targets`, or the path of a YAML table; `FILE.yaml#TARGET` picks one of
            a table's several targets.

    Returns:
        The target, with its twin where it has a table for each dialect; asking twice for a shipped
        one gives the same object.

    Raises:
        TargetError: Nobody has that name, two tables of one dialect or package have it, or a file
            has several targets and none was picked.
        TableError: A table that has it is at fault.
    """
    text = str(name)
    if text in _loaded:
        return _loaded[text]
    file, _, variant = text.partition("#")
    if file.endswith(SUFFIXES):
        return _from_file(Path(file), variant)
    tables = _holders(text)
    target, *others = (build_target(table.document, text) for table in tables)
    for other in others:  # of the other dialect, or the two would be in dispute
        target = paired(target, other) or target
    return _loaded.setdefault(text, target) if tables[0].package == OWN else target


def unknown(name: str, what: str, names: Iterable[str]) -> UnknownTargetError:
    """The complaint that nobody has a name, with what else may have had it."""
    unread = [fault.sentence for fault in survey().faults]
    more = "".join(f"; not looked at, because {sentence}" for sentence in unread)
    return UnknownTargetError(f"unknown {what} {name!r}: {nearest(name, names)}{more}")


def _holders(name: str) -> tuple[Table, ...]:
    """The tables that have a target: more than one only where each has a dialect of its own."""
    at_fault: list[Fault] = []
    first = tuple(islice(_having(name, _own(_likely_first(name)), at_fault), 1))
    holders = [*first, *_having(name, _own(_beside(first)), at_fault)]
    holders += _having(name, _brought(), at_fault)
    disputed = dispute(name, holders)
    if disputed is not None:
        raise disputed.error
    for fault in at_fault:
        # Without the table at fault, models of its dialect would be judged by the other one.
        if not holders or fault.package == holders[0].package:
            raise fault.error
    if not holders:
        raise unknown(name, "target", targets())
    return tuple(holders)


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
    likely = [path for path in paths if name.startswith(_DIALECT.sub("", path.stem))]
    yield from likely
    yield from (path for path in paths if path not in likely)


def _beside(found: Iterable[Table]) -> Iterator[Path]:
    """Where the shipped twin of a shipped table lies, if it has one: they are called alike."""
    for table in found:
        name = _DIALECT.sub("", table.path.stem)
        for dialect in ("tflite", "onnx"):
            path = table.path.with_stem(f"{name}-{dialect}")
            if path != table.path and path.is_file():
                yield path
