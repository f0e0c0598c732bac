"""What becomes of sizes, whatever the dialect: shapes in, shapes out."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from npulint.sizing.site import UnfitSizesError, UnknownSizesError, told

if TYPE_CHECKING:
    from npulint.model import Dimension, Shape


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """The sizes of what is computed element by element, axes counted from the last.

    Raises:
        UnfitSizesError: Two sizes other than 1 differ.
    """
    rank = max(map(len, shapes))
    columns = zip(*((1,) * (rank - len(shape)) + tuple(shape) for shape in shapes), strict=True)
    return tuple(_joined(set(column), shapes) for column in columns)


def _joined(sizes: set[Dimension], shapes: Sequence[Shape]) -> Dimension:
    fixed = {size for size in sizes if isinstance(size, int) and size != 1}
    if len(fixed) > 1:
        raise UnfitSizesError(f"it cannot join {' and '.join(map(told, shapes))}")
    if fixed:
        return fixed.pop()
    free = sizes - {1}
    return 1 if not free else free.pop() if len(free) == 1 else None


def agreed(sizes: Sequence[Dimension], what: str) -> Dimension:
    """The one size that several must be.

    Raises:
        UnfitSizesError: They differ.
    """
    fixed = {size for size in sizes if isinstance(size, int)}
    if len(fixed) > 1:
        raise UnfitSizesError(f"{what} must agree, and are {' and '.join(map(str, sizes))}")
    if fixed:
        return fixed.pop()
    return sizes[0] if len(set(sizes)) == 1 else None


def joined(shapes: Sequence[Shape], axis: int) -> Shape:
    """The sizes of a concatenation.

    Raises:
        UnfitSizesError: Sizes along another axis differ.
    """
    if len({len(shape) for shape in shapes}) > 1:
        raise UnfitSizesError(f"it cannot join {' and '.join(map(told, shapes))}")
    whole = []
    for place, column in enumerate(zip(*shapes, strict=True)):
        if place == axis:
            whole.append(total(column))
            continue
        fixed = {size for size in column if isinstance(size, int)}
        if len(fixed) > 1:
            raise UnfitSizesError(f"it cannot join {' and '.join(map(told, shapes))}")
        whole.append(agreed(column, "sizes"))
    return tuple(whole)


def total(sizes: Sequence[Dimension]) -> Dimension:
    """The sum of sizes, None where one is not known."""
    fixed = [size for size in sizes if isinstance(size, int)]
    return sum(fixed) if len(fixed) == len(sizes) else sizes[0] if len(sizes) == 1 else None


def scaled(size: Dimension, factor: int) -> Dimension:
    """A size some times."""
    if factor == 1:
        return size
    return size * factor if isinstance(size, int) else None


def divided(size: Dimension, by: int) -> Dimension:
    """A size in so many equal parts.

    Raises:
        UnfitSizesError: It has no such parts.
    """
    if by == 1 or not isinstance(size, int):
        return size if by == 1 else None
    if by < 1 or size % by:
        raise UnfitSizesError(f"{size} is no multiple of {by}")
    return size // by


def see_parts(whole: Dimension, parts: Sequence[Dimension]) -> None:
    """See that a size is cut into parts of which nothing is left.

    Raises:
        UnfitSizesError: Something would be left, or be missing.
    """
    made = total(parts)
    if isinstance(whole, int) and isinstance(made, int) and made != whole:
        shown = " and ".join(map(str, parts))
        raise UnfitSizesError(f"it cuts {shown} from {whole}")


def grown(size: Dimension, by: int) -> Dimension:
    """A size and some samples more.

    Raises:
        UnfitSizesError: Nothing would be left.
    """
    if by == 0 or not isinstance(size, int):
        return size if by == 0 else None
    if size + by < 0:
        raise UnfitSizesError(f"{-by} samples cannot be taken off {size}")
    return size + by


def reduced(shape: Shape, axes: Collection[int], *, keep: bool) -> Shape:
    """What is left of the sizes when some axes are summed up."""
    if keep:
        return tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def reshaped(given: Shape, wanted: Sequence[int]) -> Shape:
    """The sizes of a reshape, of which at most one is -1: what is left over.

    Raises:
        UnfitSizesError: They do not hold as many elements.
    """
    if sum(size < 0 for size in wanted) > 1:
        raise UnfitSizesError(f"it asks for {told(tuple(wanted))}, which leaves two sizes open")
    fixed = [size for size in given if isinstance(size, int)]
    if len(fixed) < len(given):
        return tuple(size if size >= 0 else None for size in wanted)
    count, rest = math.prod(fixed), math.prod(size for size in wanted if size >= 0)
    if -1 in wanted and rest and count % rest == 0:
        return tuple(count // rest if size < 0 else size for size in wanted)
    if -1 in wanted or count != rest:
        shown = "x".join("?" if size < 0 else str(size) for size in wanted) or "a scalar"
        raise UnfitSizesError(f"it makes {shown} of {told(given)}, which has other elements")
    return tuple(wanted)


def windowed(  # noqa: PLR0913 - all that describes a window along one axis
    size: Dimension,
    kernel: int,
    stride: int,
    dilation: int = 1,
    pads: int = 0,
    *,
    ceil: bool = False,
    before: int = 0,
) -> Dimension:
    """How many places a window has along an axis.

    Raises:
        UnfitSizesError: It has none.
    """
    if not isinstance(size, int):
        return None
    room = size + pads - (dilation * (kernel - 1) + 1)
    if room < 0:
        raise UnfitSizesError(f"its window of {kernel} does not fit into {size + pads}")
    places = (-(-room // stride) if ceil else room // stride) + 1
    # A window that would start behind the input and what is in front of it is left out.
    if ceil and (places - 1) * stride >= size + before:
        places -= 1
    return places


def halved(size: Dimension, stride: int) -> Dimension:
    """How many places a window has where padding keeps the size: the SAME of both dialects."""
    if stride == 1:
        return size
    return -(-size // stride) if isinstance(size, int) else None


def sliced(size: Dimension, start: int, end: int, step: int) -> Dimension:
    """How many samples a slice takes along an axis, as Python counts them.

    Raises:
        UnfitSizesError: It steps by 0.
    """
    if step == 0:
        raise UnfitSizesError("it steps by 0")
    if isinstance(size, int):
        return len(range(*slice(start, end, step).indices(size)))
    whole = start == 0 and end >= _OPEN and step == 1
    return size if whole else None


_OPEN = (1 << 31) - 1
"""Where files cut off an open end; anything beyond is open too."""


def multiplied(one: Shape, other: Shape) -> Shape:
    """The sizes of a matrix product, of rank 1 and more.

    Raises:
        UnfitSizesError: The inner sizes differ.
        UnknownSizesError: One is a scalar.
    """
    if not one or not other:
        raise UnknownSizesError
    left, right = (1, *one) if len(one) == 1 else one, (*other, 1) if len(other) == 1 else other
    inner = {size for size in (left[-1], right[-2]) if isinstance(size, int)}
    if len(inner) > 1:
        raise UnfitSizesError(f"it cannot multiply {told(one)} by {told(other)}")
    ahead = broadcast([left[:-2], right[:-2]])
    rows = () if len(one) == 1 else (left[-2],)
    columns = () if len(other) == 1 else (right[-1],)
    return (*ahead, *rows, *columns)
