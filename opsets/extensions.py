"""What other installed packages bring: tables and predicates, by the entry point `npulint.targets`.

A package brings them by an object of its own, named in its metadata:

    [project.entry-points."npulint.targets"]
    my-npu = "my_npu:EXTENSION"

where `my_npu/__init__.py` says

    from npulint.opsets import Extension

    EXTENSION = Extension(tables=(Path(__file__).parent / "my-npu.yaml",))
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.errors import TargetError
from npulint.opsets.predicates import PREDICATES, Judgement, Predicate
from npulint.opsets.predicates_coreml import COREML_PREDICATES
from npulint.opsets.predicates_coreml_onnx import COREML_ONNX_PREDICATES
from npulint.opsets.predicates_gpu import GPU_PREDICATES
from npulint.opsets.predicates_mediatek import MEDIATEK_PREDICATES
from npulint.opsets.predicates_onnx import ONNX_PREDICATES
from npulint.opsets.predicates_qnn import QNN_PREDICATES
from npulint.opsets.predicates_xnnpack import XNNPACK_PREDICATES

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from npulint.model import Operation, Value

GROUP = "npulint.targets"
"""The group of entry points that is looked at."""

_OWN = (
    PREDICATES,
    COREML_PREDICATES,
    COREML_ONNX_PREDICATES,
    GPU_PREDICATES,
    MEDIATEK_PREDICATES,
    ONNX_PREDICATES,
    QNN_PREDICATES,
    XNNPACK_PREDICATES,
)


@dataclass(frozen=True, slots=True)
class Extension:
    """What one package brings.

    Attributes:
        tables: YAML files, or folders whose YAML files are all tables.
        predicates: Conditions in Python that any table may name.
    """

    tables: tuple[Path, ...] = ()
    predicates: tuple[Predicate, ...] = ()

    def __post_init__(self) -> None:
        """Say at once, and to the package's author, what would otherwise fail far from here."""
        if not all(isinstance(each, Path) for each in tuple(self.tables)):
            raise TypeError("tables: expected a tuple of pathlib.Path")
        if not all(isinstance(each, Predicate) for each in tuple(self.predicates)):
            raise TypeError("predicates: expected a tuple of Predicate")

    def files(self) -> tuple[Path, ...]:
        """The tables, each folder replaced by the files in it, if there are any."""
        found: list[Path] = []
        for path in self.tables:
            inside = (each for each in path.glob("*") if each.suffix in {".yaml", ".yml"})
            found += sorted(inside) or [path]
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package that has the entry point.

    Attributes:
        title: Its name, its version, and its entry point where it has several.
        extension: What it brings; nothing where it is at fault.
        fault: Why it cannot be used, in one sentence; empty where it can.
    """

    title: str
    extension: Extension
    fault: str = ""


def packages() -> tuple[Package, ...]:
    """Every installed package that has the entry point, those at fault included."""
    return _installed(tuple(sys.path))


@cache
def _installed(search_path: tuple[str, ...]) -> tuple[Package, ...]:
    """Read afresh whenever the search path is another one, as it is in a test."""
    from importlib.metadata import entry_points

    return tuple(map(_load, sorted(entry_points(group=GROUP), key=lambda each: each.name)))


def _load(entry: EntryPoint) -> Package:
    release = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "unknown package"
    title = f"{release} ({entry.name})"
    try:
        extension = entry.load()
    except (Exception, SystemExit) as error:
        # Whatever a foreign package does when it is imported is said, and disturbs nobody else.
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return Package(title, Extension(), f"{entry.value} cannot be imported: {reason}")
    if not isinstance(extension, Extension):
        kind = type(extension).__name__
        return Package(title, Extension(), f"{entry.value} is a {kind}, expected an Extension")
    predicates = tuple(_guarded(each, title) for each in extension.predicates)
    return Package(title, replace(extension, predicates=predicates))


def _guarded(predicate: Predicate, title: str) -> Predicate:
    """A predicate whose failures are told as those of its package."""

    def judge(operation: Operation, values: tuple[Value, ...]) -> Judgement:
        try:
            return predicate.judge(operation, values)
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise TargetError(
                f"package {title}: predicate {predicate.name!r} failed on {operation.op}: {what}"
            ) from error

    return replace(predicate, judge=judge)


@dataclass(frozen=True, slots=True)
class Brought:
    """The predicates of all packages.

    Attributes:
        usable: Those that one package brings, and only one, by name.
        disputed: For each other name, what is wrong with it in one sentence.
    """

    usable: dict[str, Predicate]
    disputed: dict[str, str]


def predicates() -> Brought:
    """The predicates that installed packages bring."""
    pairs = [(package, each) for package in packages() for each in package.extension.predicates]
    count = Counter(each.name for _, each in pairs)
    usable: dict[str, Predicate] = {}
    disputed: dict[str, str] = {}
    for _, each in pairs:
        own = any(each.name in known for known in _OWN)
        if not own and count[each.name] == 1:
            usable[each.name] = each
            continue
        others = [package.title for package, other in pairs if other.name == each.name]
        owners = " and ".join(dict.fromkeys(["npulint", *others] if own else others))
        disputed[each.name] = f"predicate {each.name!r} is brought by {owners}: rename one"
    return Brought(usable, disputed)


def faults() -> Iterator[tuple[str, str]]:
    """Everything wrong with the packages themselves: whose it is, and the sentence."""
    for package in packages():
        if package.fault:
            yield package.title, package.fault
        for name, sentence in predicates().disputed.items():
            if any(each.name == name for each in package.extension.predicates):
                yield package.title, sentence
