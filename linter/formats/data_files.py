"""Where the data goes that a model keeps outside its own file."""

from __future__ import annotations

import os
from itertools import count
from typing import TYPE_CHECKING

from npulint.model import Constant

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from npulint.model import Model


def is_in_place(old: Path, new: Path) -> bool:
    """Whether a new file takes the place of an old one: same name, same folder.

    Where a link to the old file is replaced, the locations in it stay those beside the link.
    """
    return old.name == new.name and os.path.realpath(old.parent) == os.path.realpath(new.parent)


def data_file(model: Path, taken: Iterable[Path]) -> Path:
    """The data file of a model that is to be written.

    Args:
        model: Where the model will stand.
        taken: Files that must not be overwritten: data of the old model and of the new one.

    Returns:
        A place that is free, or that of the data file of the model that will be overwritten.
    """
    used = {os.path.realpath(path) for path in taken}
    for number in count():
        path = model.with_name(f"{model.name}.{f'{number}.' if number else ''}data")
        if os.path.realpath(path) not in used and (model.exists() or not path.exists()):
            break
    return path


def data_files(model: Model) -> set[Path]:
    """The files beside its own that a model has long constants in."""
    constants = [
        constant
        for graph in model.graphs
        for constant in (
            *(value.constant for value in graph.values),
            *(value for node in graph.nodes for value in node.attributes.values()),
        )
        if isinstance(constant, Constant)
    ]
    return {c.storage.path for c in constants if c.storage is not None} - {model.path}
