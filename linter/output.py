"""Writing results: a file appears whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.errors import UsageError

if TYPE_CHECKING:
    from npulint.model import Model


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that readers see the old content or the new, never a half.

    The content goes to a temporary file in the same folder, which is then renamed into place.
    A link stays a link, and the file that it leads to is replaced. A device or a pipe is
    written to as it is.

    Raises:
        UsageError: The folder is missing or not writable, or `path` is a folder.
    """
    # What cannot be encoded is half a character out of a file name.
    data = content if isinstance(content, bytes) else content.encode(errors="backslashreplace")
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        target = Path(os.path.realpath(path))
        handle, temporary = tempfile.mkstemp(prefix=".npulint-", dir=target.parent)
    except OSError as error:
        raise UsageError(f"{path}: cannot write here: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        _as_new_files_are(Path(temporary))
        Path(temporary).replace(target)
    except OSError as error:
        raise UsageError(f"{path}: cannot write this file: {error.strerror}") from error
    finally:
        # Gone already where all went well; not where the user interrupted.
        Path(temporary).unlink(missing_ok=True)


def see_place(path: Path | None) -> None:
    """See that a file can be written, before much work is done for what it is to have.

    Args:
        path: The file; None where nothing is to be written.

    Raises:
        UsageError: The folder is missing or not writable, or `path` is a folder.
    """
    if path is None or (path.exists() and not path.is_dir() and not path.is_file()):
        return
    if path.is_dir():
        raise UsageError(f"{path}: cannot write here: {os.strerror(errno.EISDIR)}")
    try:
        tempfile.TemporaryFile(dir=Path(os.path.realpath(path)).parent).close()
    except OSError as error:
        raise UsageError(f"{path}: cannot write here: {error.strerror}") from error


def refuse_replacing(path: Path, models: Iterable[Model | Path]) -> None:
    """Refuse to write over what was looked at.

    Args:
        path: The file to be written.
        models: Models, and paths of files that could not be read.

    Raises:
        UsageError: The file is one of them, or has the weights of one.
    """
    for each in models:
        for kept in [each] if isinstance(each, Path) else each.files:
            try:
                same = path.samefile(kept)
            except OSError:
                continue  # one of the two is not there
            if same:
                what = "file, which was given" if isinstance(each, Path) else "file of a model"
                raise UsageError(f"{path}: a report would replace this {what}")


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
