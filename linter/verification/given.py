"""Inputs that the caller gives: `.npz` files or arrays, checked before they are used."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from npulint.errors import UsageError
from npulint.runtimes.wire import NUMBERS, Array
from npulint.verification.pairing import dimensions, find
from npulint.verification.records import Port

LARGEST = 1 << 32
"""Bytes that inputs may take."""

_SUFFIX = ".npy"


def read_inputs(
    source: Path | Mapping[str, Array], ports: Sequence[Port], where: str
) -> tuple[Array, ...]:
    """Inputs by name, one for each input of A, as the model's types.

    Nothing in a file is unpickled, and no array is read before its size is known to fit.

    Args:
        source: An `.npz` file, or the arrays themselves.
        ports: A's inputs.
        where: What to call the source in messages.

    Raises:
        UsageError: A name, size or type is not what the model takes, or the file is none.
    """
    if isinstance(source, Mapping):
        arrays = {name: np.asarray(array) for name, array in source.items()}
        heads = {name: (array.shape, array.dtype) for name, array in arrays.items()}
        _check(heads, ports, where)
    else:
        arrays = _read_file(source, ports, where)
    placed: dict[int, Array] = {}
    for name, array in arrays.items():
        place = find(ports, name)
        if place is not None:
            placed[place] = _as_type(array, ports[place], where)
    return tuple(placed[place] for place in range(len(ports)))


def _read_file(path: Path, ports: Sequence[Port], where: str) -> dict[str, Array]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if name.endswith(_SUFFIX)]
            heads = {}
            for member in members:
                with archive.open(member) as stream:
                    heads[member.removesuffix(_SUFFIX)] = _head(stream)
            _check(heads, ports, where)
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
    heads: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]], ports: Sequence[Port], where: str
) -> None:
    names = ", ".join(repr(port.name) for port in ports)
    seen: set[int] = set()
    for name, (shape, dtype) in heads.items():
        place = find(ports, name)
        if place is None:
            raise UsageError(f"{where}: A has no input {name!r}; it has {names}")
        if place in seen:
            raise UsageError(f"{where}: gives input {ports[place].name!r} twice")
        seen.add(place)
        _check_one(name, shape, dtype, ports[place], where)
    missing = [repr(port.name) for place, port in enumerate(ports) if place not in seen]
    if missing:
        raise UsageError(f"{where}: has nothing for input {', '.join(missing)}")


def _check_one(
    name: str, shape: tuple[int, ...], dtype: np.dtype[Any], port: Port, where: str
) -> None:
    fits = len(shape) == len(port.shape) and all(
        not isinstance(wanted, int) or wanted == size
        for wanted, size in zip(port.shape, shape, strict=True)
    )
    if not fits:
        raise UsageError(
            f"{where}: {name!r} is {dimensions(shape)}; the model takes {dimensions(port.shape)}"
        )
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes > LARGEST:
        raise UsageError(f"{where}: {name!r} takes {nbytes} bytes; at most {LARGEST} are read")
    if dtype.kind not in NUMBERS:
        raise UsageError(f"{where}: {name!r} is {dtype}; the model takes {port.dtype}")


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
