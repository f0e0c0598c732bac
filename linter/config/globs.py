"""Globs of files: `*` and `?` within a name, `**` for any folders between."""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

_SPECIAL = re.compile(r"[*?\[]")


def matches(path: str, glob: str) -> bool:
    """Whether a path is one of a glob's.

    Args:
        path: A path with `/`, as `relative` gives it.
        glob: A glob from the same folder on. One without `/` is of a file's name in any folder,
            and one that ends in `/` of everything below a folder.
    """
    return _fits(tuple(path.split("/")), _parts(glob))


def relative(path: Path, folder: Path) -> str:
    """A path from a folder on, with `/` on every system; absolute where it is on another drive."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return path.absolute().as_posix()


def is_literal(glob: str) -> bool:
    """Whether a glob is of one file only."""
    return "/" in glob.rstrip("/") and not glob.endswith("/") and not _SPECIAL.search(glob)


def fixed_folder(glob: str) -> str:
    """The folder that all files of a glob are in or below; empty for the folder it starts from."""
    if "/" not in glob:
        return ""
    folders = glob.split("/")[:-1]
    kept = next((i for i, each in enumerate(folders) if _SPECIAL.search(each)), len(folders))
    return "/".join(folders[:kept])


@lru_cache(maxsize=256)
def _parts(glob: str) -> tuple[str, ...]:
    """A glob name by name, with all that its short forms stand for."""
    if glob.endswith("/"):
        glob += "**"
    if "/" not in glob:
        glob = f"**/{glob}"
    return tuple(glob.removeprefix("./").split("/"))


def _fits(names: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    if not parts:
        return not names
    if parts[0] == "**":
        if len(parts) == 1:
            return bool(names)
        return any(_fits(names[start:], parts[1:]) for start in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0], parts[0]) and _fits(names[1:], parts[1:])
