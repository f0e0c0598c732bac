"""Inputs that the caller gives: `.npz` files or arrays, checked before they are used."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from npulint.errors import UsageError
from npulint.runtimes.wire import NUMBERS, Array
from npulint.verification.pairing import dimensions, find
from npulint.verification.records import Port

if TYPE_CHECKING:
    from npulint.verification.pairing import Role

LARGEST = 1 << 32
"""Bytes that inputs may take."""

_SUFFIX = ".npy"


_VERBS: Mapping[Role, str] = {"input": "takes", "output": "makes"}


def read_inputs(
    source: Path | Mapping[str, Array],
    ports: Sequence[Port],
    where: str,
    role: Role = "input",
    beside: Collection[str] = (),
) -> tuple[Array, ...]:
    """Inputs by name, one for each input of A, as the model's types.

    Nothing in a file is unpickled, and no array is read before its size is known to fit.

    Args:
        source: An `.npz` file, or the arrays themselves.
        ports: A's inputs.
        where: What to call the source in messages.
        role: Whether the ports are inputs, or outputs with what they should be.
        beside: Names of other arrays that a file may hold; they are not read.

    Raises:
        UsageError: A name, size or type is not what the model takes, or the file is none.
    """
    if isinstance(source, Mapping):
        arrays = {name: np.asarray(array) for name, array in source.items()}
        heads = {name: (array.shape, array.dtype) for name, array in arrays.items()}
        _check(heads, ports, where, role)
    else:
        arrays = _read_file(source, ports, where, role, beside)
    placed: dict[int, Array] = {}
    for name, array in arrays.items():
        place = find(ports, name)
        if place is not None:
            placed[place] = _as_type(array, ports[place], where)
    return tuple(placed[place] for place in range(len(ports)))


def names_in(path: Path) -> frozenset[str]:
    """The names of the arrays in an `.npz` file; none where it is no such file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return frozenset(
                name.removesuffix(_SUFFIX) for name in archive.namelist() if name.endswith(_SUFFIX)
            )
    except (OSError, zipfile.BadZipFile):
        return frozenset()


def _read_file(
    path: Path, ports: Sequence[Port], where: str, role: Role, beside: Collection[str]
) -> dict[str, Array]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                name
                for name in archive.namelist()
                if name.endswith(_SUFFIX) and name.removesuffix(_SUFFIX) not in beside
            ]
            heads = {}
            for member in members:
                with archive.open(member) as stream:
                    heads[member.removesuffix(_SUFFIX)] = _head(stream)
            _check(heads, ports, where, role)
            arrays = {}
            for member in members:
                with archive.open(member) as stream:
                    name = member.removesuffix(_SUFFIX)
                    arrays[name] = np.lib.format.read_array(stream, allow_pickle=False)
            return arrays
    except OSError as error:
        raise UsageError(f"{where}: cannot be read: {error.strerror or error}") from error
    except (
        zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError, RuntimeError,
        SyntaxError,
    ) as error:  # fmt: skip
        reason = " ".join(str(error).split())
        raise UsageError(
            f"{where}: is no .npz file of plain arrays, as numpy.savez writes them: {reason}"
        ) from error


def _head(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of an array in a file, from the bytes before its elements."""
    version = np.lib.format.read_magic(stream)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"array of format {version[0]}.{version[1]}")
    shape, _, dtype = read(stream)
    return tuple(shape), dtype


def _check(
    heads: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]],
    ports: Sequence[Port],
    where: str,
    role: Role,
) -> None:
    names = ", ".join(repr(port.name) for port in ports)
    seen: set[int] = set()
    for name, head in heads.items():
        place = find(ports, name)
        if place is None:
            raise UsageError(f"{where}: the model has no {role} {name!r}; it has {names}")
        if place in seen:
            raise UsageError(f"{where}: gives {role} {ports[place].name!r} twice")
        seen.add(place)
        _check_one(name, head, ports[place], where, role)
    missing = [repr(port.name) for place, port in enumerate(ports) if place not in seen]
    if missing:
        raise UsageError(f"{where}: has nothing for {role} {', '.join(missing)}")


def _check_one(
    name: str, head: tuple[tuple[int, ...], np.dtype[Any]], port: Port, where: str, role: Role
) -> None:
    shape, dtype = head
    verb = _VERBS[role]
    if not _fits(shape, port.shape):
        said = (
            f"{where}: {name!r} is {dimensions(shape)}; the model {verb} {dimensions(port.shape)}"
        )
        if _fits(shape, port.shape[1:]):
            said += ": give it a batch axis in front"
        raise UsageError(said)
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes > LARGEST:
        raise UsageError(f"{where}: {name!r} takes {nbytes} bytes; at most {LARGEST} are read")
    if dtype.kind not in NUMBERS:
        raise UsageError(f"{where}: {name!r} is {dtype}; the model {verb} {port.dtype}")


def _fits(shape: tuple[int, ...], wanted: Sequence[int | str | None]) -> bool:
    """Whether an array has the sizes that are asked for, as far as they are fixed."""
    return len(shape) == len(wanted) and all(
        not isinstance(size, int) or size == given
        for given, size in zip(shape, wanted, strict=True)
    )


def _as_type(array: Array, port: Port, where: str) -> Array:
    """An array as the model's type, where that keeps its values.

    Raises:
        UsageError: It would not.
    """
    wanted = np.dtype(port.dtype)
    if array.dtype == wanted:
        return np.ascontiguousarray(array).reshape(array.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        cast = array.astype(wanted)
    # Floating point may be rounded to the model's precision; whole numbers must survive.
    if wanted.kind == "f" and array.dtype.kind in "biuf":
        kept = bool((np.isfinite(cast) == np.isfinite(array)).all())
    else:
        kept = np.array_equal(cast.astype(array.dtype), array)
    if not kept:
        raise UsageError(
            f"{where}: {port.name!r} has {array.dtype} elements that {wanted} cannot hold"
        )
    return cast
