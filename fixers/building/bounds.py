"""What a realisation may take to build, so that absurd numbers in a file cost nobody their memory.

A file says strides, dilations, blocks and channels in a few bytes, and the filters that follow
from them are of any size. Whoever makes an array of sizes that a file states makes it here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from npulint.errors import NpulintError

if TYPE_CHECKING:
    import numpy.typing as npt

_Number = TypeVar("_Number", bound=np.generic)

LARGEST = 1 << 28
"""Bytes of a constant above which nothing is built: more than a phone loads of a whole network."""

MOST_NODES = 4096
"""Nodes of one realisation, or operands of one node, above which nothing is built: each is work."""


class TooLargeError(NpulintError):
    """A realisation is not built, since it would take more than a phone or this computer has."""


def see_that_it_fits(shape: Sequence[int], dtype: npt.DTypeLike) -> None:
    """Refuse sizes that nobody would want.

    Raises:
        TooLargeError: An array of them has more than `LARGEST` bytes.
    """
    nbytes = math.prod(int(size) for size in shape) * np.dtype(dtype).itemsize
    if nbytes > LARGEST:
        raise TooLargeError(f"it needs a constant of {nbytes:,} bytes; {LARGEST:,} at most")


def see_that_nodes_suffice(count: int) -> None:
    """Refuse more nodes than anybody would want.

    Raises:
        TooLargeError: There are more than `MOST_NODES`.
    """
    if count > MOST_NODES:
        raise TooLargeError(f"it needs more than {MOST_NODES:,} nodes or operands")


def zeros(shape: Sequence[int], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """`numpy.zeros`, within bounds.

    Raises:
        TooLargeError: It has more than `LARGEST` bytes.
    """
    see_that_it_fits(shape, dtype)
    return np.zeros(tuple(shape), dtype)


def identity(count: int, dtype: type[_Number]) -> npt.NDArray[_Number]:
    """The identity matrix of a number of channels, within bounds.

    Raises:
        TooLargeError: It has more than `LARGEST` bytes.
    """
    see_that_it_fits((count, count), dtype)
    return np.eye(count, dtype=dtype)


def picking(picked: Sequence[int], count: int) -> npt.NDArray[np.float32]:
    """Filters `[len(picked), count]` of which each picks one channel: rows of the identity.

    Raises:
        TooLargeError: They have more than `LARGEST` bytes.
    """
    rows = zeros((len(picked), count), np.float32)
    rows[np.arange(len(picked)), list(picked)] = 1
    return rows
