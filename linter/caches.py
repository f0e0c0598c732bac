"""Folders in which npulint keeps what it may need again, and never more than they may hold."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from npulint.errors import UsageError
from npulint.output import write_whole


def folder(kind: str) -> Path:
    """Where things of a kind are kept, below the place that the system has for caches."""
    return _of_user() / "npulint" / kind


def _of_user() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    stated = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return stated if stated.is_absolute() else Path.home() / ".cache"  # as its specification has it


def find(path: Path) -> bytes | None:
    """The bytes of what was kept, which is used by that; None where there is none."""
    try:
        content = path.read_bytes()
        path.touch()
    except OSError:
        return None
    return content


def keep(path: Path, content: bytes, limit: int) -> None:
    """Keep something for the next time; a folder that cannot be written costs time only.

    Args:
        path: Its file.
        content: What to keep.
        limit: Bytes that the file's folder may hold; beyond them what was used longest ago goes.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
        _prune(path.parent, limit)
    except (OSError, UsageError):
        return


def _prune(inside: Path, limit: int) -> None:
    entries = [(path, path.stat()) for path in inside.iterdir() if path.is_file()]
    total = 0
    for path, status in sorted(entries, key=lambda entry: -entry[1].st_mtime):
        total += status.st_size
        if total > limit:
            path.unlink(missing_ok=True)
