"""Tensor data that an ONNX model keeps in other files: found, checked, never followed outside.

A model file is untrusted: its external locations could name any file of the machine. Only
regular files below the model's own folder are accepted, by their real path. Where the model is
itself a symbolic link (as in download caches), the folder of the file it points to counts too.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from npulint.errors import ModelFileError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from npulint.model import Storage


class ExternalFiles:
    """The files beside one model, each looked at once."""

    def __init__(self, model: Path) -> None:
        self._model = model
        self._folders: tuple[Path, ...] | None = None
        self._known: dict[str, tuple[Path, int]] = {}

    def locate(
        self, entries: Mapping[str, str], tensor: str, needed: int | None
    ) -> tuple[Path, int, int]:
        """Find the bytes of a tensor.

        Args:
            entries: The tensor's `external_data`: location, offset, length.
            tensor: Its name, for messages.
            needed: The bytes that its type and shape ask for, None where they do not tell.

        Returns:
            The file, the offset and the length of the tensor's bytes.

        Raises:
            ModelFileError: The file is missing, lies outside the model's folder, or is shorter
                than the tensor needs.
        """
        location = entries.get("location", "")
        path, size = self._file(location, tensor)
        offset = self._number(entries, "offset", tensor)
        length = self._number(entries, "length", tensor, missing=needed)
        if offset is None or length is None:
            raise self._fault(f"tensor {tensor!r} does not say how many bytes it has")
        if needed is not None and length != needed:
            raise self._fault(
                f"tensor {tensor!r} takes {length} bytes of {location!r}, but its type and shape "
                f"ask for {needed}"
            )
        if offset + length > size:
            raise self._fault(
                f"the external data of tensor {tensor!r} goes to byte {offset + length} of "
                f"{location!r}, which has {size} bytes"
            )
        return path, offset, length

    def _file(self, location: str, tensor: str) -> tuple[Path, int]:
        """The real path and the size of an external file."""
        if location in self._known:
            return self._known[location]
        shown = f"the external data {location!r} of tensor {tensor!r}"
        # Looked at as Windows does too, so that a model means the same everywhere.
        parts = PureWindowsPath(location)
        if not location or "\0" in location:
            raise self._fault(f"tensor {tensor!r} keeps its data in another file and names none")
        if parts.anchor or ".." in parts.parts:
            raise self._fault(f"{shown} lies outside the model's folder; it is not opened")
        try:
            real = Path(os.path.realpath(self._model.parent / location))
            if not any(real.is_relative_to(folder) for folder in self._roots()):
                raise self._fault(
                    f"{shown} is a link that leads outside the model's folder; it is not opened"
                )
            status = real.stat()
        except FileNotFoundError:
            raise self._fault(f"{shown} is missing; it has to lie in the model's folder") from None
        except OSError as error:
            raise self._fault(f"{shown} cannot be opened: {error.strerror}") from None
        if not stat.S_ISREG(status.st_mode):
            raise self._fault(f"{shown} is not a file")
        found = self._known[location] = (real, status.st_size)
        return found

    def _roots(self) -> tuple[Path, ...]:
        """The folders that external data may lie in, by their real paths."""
        if self._folders is None:
            beside = Path(os.path.realpath(self._model.parent))
            self._folders = (beside, Path(os.path.realpath(self._model)).parent)
        return self._folders

    def _number(
        self, entries: Mapping[str, str], key: str, tensor: str, missing: int | None = 0
    ) -> int | None:
        """A non-negative decimal number among the entries."""
        written = entries.get(key)
        if written is None:
            return missing
        if not (written.isascii() and written.isdigit() and len(written) < 20):
            raise self._fault(
                f"the external {key} {written[:40]!r} of tensor {tensor!r} is not a number of bytes"
            )
        return int(written)

    def _fault(self, message: str) -> ModelFileError:
        return ModelFileError(self._model, message)


def fetch(storage: Storage) -> bytes:
    """Read a short range of a file.

    Raises:
        ModelFileError: The file cannot be read or has become shorter.
    """
    try:
        with storage.path.open("rb", buffering=0) as file:
            file.seek(storage.offset)
            found = file.read(storage.length)
    except OSError as error:
        raise ModelFileError(storage.path, f"cannot be read: {error.strerror}") from None
    if len(found) < storage.length:
        raise ModelFileError(
            storage.path, "became shorter while it was read", offset=storage.offset + len(found)
        )
    return found
