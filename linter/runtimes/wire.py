"""What npulint and a worker process say to each other: one JSON object, then arrays.

A message is the length of the JSON text (8 bytes, little-endian), the text, and the elements of
each array that it announces. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

Key: TypeAlias = "int | str"
"""What a runtime knows a tensor by: its name (onnxruntime) or its index (LiteRT)."""

Message: TypeAlias = "dict[str, Any]"

NUMBERS = "biuf"
"""Kinds of numpy types that travel: bool, signed, unsigned and floating point."""

_TEXT_LIMIT = 1 << 26


class WireError(Exception):
    """The other side has gone, or what it says is no message."""


@dataclass(frozen=True, slots=True)
class Slot:
    """An input or output as the runtime sees it.

    Attributes:
        key: What the runtime knows it by.
        name: Its name in the file.
        dtype: Element type by numpy's name (`float32`), or the runtime's own word for what is
            no tensor of numbers.
        shape: Sizes; the name of a symbolic one; None for one that is free.
    """

    key: Key
    name: str
    dtype: str
    shape: tuple[int | str | None, ...]


def send(stream: IO[bytes], message: Message, arrays: Sequence[Array] = ()) -> None:
    """Write a message.

    Raises:
        OSError: The other side has gone.
    """
    packed = [np.ascontiguousarray(array).reshape(np.shape(array)) for array in arrays]
    announced = [{"dtype": each.dtype.str, "shape": each.shape} for each in packed]
    text = json.dumps({**message, "arrays": announced}).encode()
    stream.write(len(text).to_bytes(8, "little") + text)
    for each in packed:
        stream.write(each.reshape(-1).view(np.uint8).data)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[Message, list[Array]]:
    """Read a message.

    Raises:
        WireError: The other side has gone, or broke off, or speaks of something else.
    """
    length = int.from_bytes(_read(stream, 8), "little")
    if length > _TEXT_LIMIT:
        raise WireError("a message of impossible length")
    try:
        message = json.loads(_read(stream, length))
        announced = [(np.dtype(each["dtype"]), each["shape"]) for each in message["arrays"]]
    except (ValueError, TypeError, KeyError) as error:
        raise WireError("no message") from error
    return message, [_read_array(stream, dtype, shape) for dtype, shape in announced]


def _read_array(stream: IO[bytes], dtype: np.dtype[Any], shape: Sequence[int]) -> Array:
    if dtype.kind not in NUMBERS:
        raise WireError(f"an array of {dtype}")
    array = np.empty(shape, dtype)
    view = array.reshape(-1).view(np.uint8).data
    while view:
        count = stream.readinto(view)  # type: ignore[attr-defined]
        if not count:
            raise WireError("broken off within an array")
        view = view[count:]
    return array


def _read(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise WireError("broken off")
    return content
