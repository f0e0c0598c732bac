"""Where the data goes that a model keeps outside its own file."""

from __future__ import annotations

import os
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def is_in_place(old: Path, new: Path) -> bool:
    """Whether a new file takes the place of an old one: same name, same folder.

    Where a link to the old file is replaced, the locations in it stay those beside the link.
    """
    return old.name == new.name and os.path.realpath(old.parent) == os.path.realpath(new.parent)


def data_file(model: Path, taken: Iterable[Path]) -> Path:
    """The data file of a model that is to be written.

    Args:
        model: Where the model will stand.
        taken: Files that the data comes from, none of which may be overwritten.
    """
    used = {os.path.realpath(path) for path in taken}
    for number in count():
        path = model.with_name(f"{model.name}.{f'{number}.' if number else ''}data")
        if os.path.realpath(path) not in used:
            break
    return path
