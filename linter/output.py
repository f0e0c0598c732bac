"""Writing results: a file appears whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from npulint.errors import UsageError


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that readers see the old content or the new, never a half.

    The content goes to a temporary file in the same folder, which is then renamed into place.

    Raises:
        UsageError: The folder is missing or not writable, or `path` is a folder.
    """
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise UsageError(f"{path}: cannot write here: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content if isinstance(content, bytes) else content.encode())
        _as_new_files_are(Path(temporary))
        Path(temporary).replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot write this file: {error.strerror}") from error
    finally:
        # Gone already where all went well; not where the user interrupted.
        Path(temporary).unlink(missing_ok=True)


def write_all(folder: Path, texts: Mapping[str, str]) -> None:
    """Write several texts into a folder, which is made where it is missing.

    Args:
        folder: The folder.
        texts: Each text by its path within the folder.

    Raises:
        UsageError: A folder or a file cannot be made.
    """
    for name, text in texts.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{path.parent}: cannot make this folder: {error.strerror}") from error
        write_whole(path, text)


def _as_new_files_are(path: Path) -> None:
    """Give a temporary file, made for its owner only, the mode that the umask grants."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)
