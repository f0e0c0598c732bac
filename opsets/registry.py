"""Which targets there are, and how to get one by its name or from a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from npulint.errors import TargetError
from npulint.opsets.document import nearest
from npulint.opsets.family import build_target, variant_names
from npulint.opsets.loader import read_shipped, read_table
from npulint.opsets.table import Target

FOLDER = Path(__file__).parent
_loaded: dict[str, Target] = {}


def targets() -> tuple[str, ...]:
    """The names of all targets of the shipped tables, table by table.

    Raises:
        TableError: A shipped table is at fault.
    """
    return tuple(name for path in shipped() for name in variant_names(read_shipped(path)))


def shipped() -> tuple[Path, ...]:
    """The package's own tables."""
    return tuple(sorted(FOLDER.glob("*.yaml")))


def load_target(name: str | Path) -> Target:
    """Load one target.

    Args:
        name: A name of `targets`, or the path of a YAML table; `FILE.yaml#TARGET` picks one of
            a table's several targets.

    Returns:
        The target; asking twice for a shipped one gives the same object.

    Raises:
        TargetError: Nobody has that name, or a file has several targets and none was picked.
        TableError: The table is at fault.
    """
    text = str(name)
    if text in _loaded:
        return _loaded[text]
    file, _, variant = text.partition("#")
    if file.endswith((".yaml", ".yml")):
        return _from_file(Path(file), variant)
    for path in _likely_first(text):
        document = read_shipped(path)
        if text in variant_names(document):
            return _loaded.setdefault(text, build_target(document, text))
    raise TargetError(f"unknown target {text!r}: {nearest(text, targets())}")


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
