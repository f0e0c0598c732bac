"""What a file is, by its bytes and never by its name."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Literal, TypeAlias

from npulint.errors import ModelFileError

Format: TypeAlias = Literal["tflite", "onnx"]

_HEAD = 4096


def sniff(path: Path) -> tuple[Format, int]:
    """Tell which reader a file belongs to.

    Args:
        path: A file.

    Returns:
        The format and the size in bytes.

    Raises:
        ModelFileError: The file is missing or empty, or it is something else; the message says
            what it is and how a model gets from there to `.tflite` or `.onnx`.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ModelFileError(path, "is not a regular file")
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError as error:
        raise ModelFileError(path, f"cannot be read: {error.strerror}") from error
    if not head:
        raise ModelFileError(path, "is empty (0 bytes); export or copy it again", offset=0)
    if head[4:8] == b"TFL3":
        return "tflite", status.st_size
    return "onnx", status.st_size
