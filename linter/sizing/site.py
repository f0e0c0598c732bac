"""One node as the rules of sizes see it: operands with the sizes that are known by now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from npulint.model import Operation, Shape, Value


class UnknownSizesError(Exception):
    """The sizes of a result cannot be told before the model runs, or not by npulint."""


class UnfitSizesError(Exception):
    """A node cannot take the sizes that it is given; the message says why."""


@dataclass(frozen=True, slots=True)
class Site:
    """A node with its operands.

    Attributes:
        operation: The node; operands have the sizes that are known by now, and as constants also
            what is computed of sizes.
        version: Version of the operator (ONNX: of the operator set).
    """

    operation: Operation
    version: int

    def value(self, position: int) -> Value | None:
        """An operand, None where it is left out."""
        inputs = self.operation.inputs
        return inputs[position] if position < len(inputs) else None

    def has(self, position: int) -> bool:
        """Whether an operand is given."""
        return self.value(position) is not None

    def shape(self, position: int = 0) -> Shape:
        """The sizes of an operand.

        Raises:
            UnknownSizesError: Not even its rank is known.
        """
        value = self.value(position)
        shape = None if value is None else sizes_of(value)
        if shape is None:
            raise UnknownSizesError
        return shape

    def known(self, position: int = 0) -> tuple[int, ...]:
        """The sizes of an operand, all of which must be known.

        Raises:
            UnknownSizesError: One is not.
        """
        return all_known(self.shape(position))

    def rank(self, position: int = 0) -> int:
        """The number of an operand's dimensions."""
        return len(self.shape(position))

    def elements(self, position: int) -> tuple[float, ...] | None:
        """What a small operand holds, None where that is not known or it is left out."""
        value = self.value(position)
        if value is None or value.constant is None:
            return None
        return value.constant.elements()

    def whole(self, position: int) -> tuple[int, ...] | None:
        """The whole numbers that a small operand holds; see `elements`."""
        found = self.elements(position)
        return None if found is None else tuple(int(each) for each in found)

    def demanded(self, position: int) -> tuple[int, ...]:
        """The whole numbers that an operand holds.

        Raises:
            UnknownSizesError: They are computed while the model runs.
        """
        found = self.whole(position)
        if found is None:
            raise UnknownSizesError
        return found

    def integer(self, name: str, default: int = 0) -> int:
        """An attribute that is a whole number or a flag."""
        found = self.operation.attributes.get(name, default)
        return int(found) if isinstance(found, (int, float)) else default

    def word(self, name: str, default: str = "") -> str:
        """An attribute that is a word."""
        found = self.operation.attributes.get(name, default)
        if isinstance(found, bytes):
            return found.decode(errors="replace")
        return found if isinstance(found, str) else default

    def integers(self, name: str) -> tuple[int, ...] | None:
        """An attribute that is a list of whole numbers, None where it is absent."""
        found = self.operation.attributes.get(name)
        if not isinstance(found, tuple):
            return None
        return tuple(each for each in found if isinstance(each, int))

    def axis(self, default: int = 0, name: str = "axis", rank: int | None = None) -> int:
        """An axis, counted from 0."""
        return wrapped(self.integer(name, default), self.rank() if rank is None else rank)

    def axes(self, stated: Sequence[int], position: int = 0) -> tuple[int, ...]:
        """Axes of an operand, counted from 0."""
        rank = self.rank(position)
        return tuple(wrapped(axis, rank) for axis in stated)


Rule: TypeAlias = "Callable[[Site], Sequence[Shape | None]]"
"""The sizes of each result; None where nothing is known of one."""

Rules: TypeAlias = "Mapping[str, Rule]"


def sizes_of(value: Value) -> Shape | None:
    """The sizes of a value, with None or a name for what may change."""
    return value.shape if value.shape_signature is None else value.shape_signature


def all_known(shape: Shape) -> tuple[int, ...]:
    """A shape of which all sizes must be known.

    Raises:
        UnknownSizesError: One is not.
    """
    found = tuple(size for size in shape if isinstance(size, int))
    if len(found) < len(shape):
        raise UnknownSizesError
    return found


def wrapped(axis: int, rank: int) -> int:
    """An axis counted from 0; negative ones count from the end.

    Raises:
        UnfitSizesError: There is no such axis.
    """
    if not -rank <= axis < rank:
        raise UnfitSizesError(f"it has no axis {axis}, of {rank}")
    return axis + rank if axis < 0 else axis


def told(shape: Shape | None) -> str:
    """Sizes in words: `1x3xhxw`."""
    if shape is None:
        return "of unknown rank"
    return "x".join("?" if size is None else str(size) for size in shape) or "a scalar"
