"""The faults that npulint tells its user about, each in one sentence.

An error says what is wrong, where, and what would have been accepted. Everything raised
here ends in exit code 2; anything else that escapes is a fault of npulint (exit code 3).
"""

from __future__ import annotations

from pathlib import Path


class NpulintError(Exception):
    """Base of every fault that is the input's or the caller's, never npulint's."""


class ModelFileError(NpulintError):
    """A file that cannot be read as a model.

    Attributes:
        path: The file at fault.
        offset: The byte at which reading stopped making sense, if there is one.
    """

    def __init__(self, path: Path | str, message: str, *, offset: int | None = None) -> None:
        super().__init__(f"{path}: {message}")
        self.path = Path(path)
        self.offset = offset


class InvalidModelError(NpulintError):
    """A model in memory that contradicts itself, so that no file can be made of it."""


class TableError(NpulintError):
    """A support table or a device profile that breaks the table language.

    Attributes:
        path: The YAML file at fault.
        line: The line (from 1) of the offending key or value, if it is known.
    """

    def __init__(self, path: Path | str, message: str, *, line: int | None = None) -> None:
        where = f"{path}:{line}" if line is not None else f"{path}"
        super().__init__(f"{where}: {message}")
        self.path = Path(path)
        self.line = line


class ConfigError(NpulintError):
    """A configuration or a baseline that breaks its form.

    Attributes:
        path: The file at fault.
        line: The line (from 1) of the offending key or value, if it is known.
    """

    def __init__(self, path: Path | str, message: str, *, line: int | None = None) -> None:
        where = f"{path}:{line}" if line is not None else f"{path}"
        super().__init__(f"{where}: {message}")
        self.path = Path(path)
        self.line = line


class TargetError(NpulintError):
    """A target name that no table, device or file answers to."""


class UnknownTargetError(TargetError):
    """A target name that nobody has, apart from tables that cannot be read at all."""


class UsageError(NpulintError):
    """A call or a configuration that cannot be carried out as it was given."""


class MissingExtraError(NpulintError):
    """An optional dependency is needed and absent; the message says what to install."""
