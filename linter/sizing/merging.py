"""Sizes of values put together from several accounts of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from npulint.sizing.site import sizes_of

if TYPE_CHECKING:
    from npulint.model import Dialect, Shape, Value


def with_sizes(value: Value, shape: Shape | None, dialect: Dialect) -> Value:
    """A value of other sizes; what is not known of them is as the file fixes it.

    A shape of which the file leaves nothing open may be that of another size of the inputs.
    """
    stated = sizes_of(value)
    is_open = stated is not None and not all(isinstance(size, int) for size in stated)
    if shape is None:
        shape = stated if is_open or stated is None else (None,) * len(stated)
        shape = shape and tuple(size if isinstance(size, int) else None for size in shape)
    elif is_open and stated is not None and len(stated) == len(shape):
        shape = tuple(
            known if size is None and isinstance(known, int) else size
            for size, known in zip(shape, stated, strict=True)
        )
    return stated_as(value, shape, dialect)


def stated_as(value: Value, shape: Shape | None, dialect: Dialect) -> Value:
    """A value as its dialect says what may change: in TFLite by a 1, and a signature beside it."""
    if dialect == "onnx" or shape is None or all(isinstance(size, int) for size in shape):
        return replace(value, shape=shape, shape_signature=None)
    return replace(
        value,
        shape=tuple(size if isinstance(size, int) else 1 for size in shape),
        shape_signature=tuple(size if isinstance(size, int) else None for size in shape),
    )


def common(results: Sequence[Sequence[Shape | None]]) -> Sequence[Shape | None]:
    """What is true of the results whichever branch is run."""
    return [_agreed(shapes) for shapes in zip(*results, strict=True)]


def _agreed(shapes: tuple[Shape | None, ...]) -> Shape | None:
    known = [shape for shape in shapes if shape is not None]
    if len(known) < len(shapes) or len({len(shape) for shape in known}) > 1:
        return None
    columns: Iterator[tuple[object, ...]] = zip(*known, strict=True)
    return tuple(
        known[0][axis] if len(set(column)) == 1 else None for axis, column in enumerate(columns)
    )
