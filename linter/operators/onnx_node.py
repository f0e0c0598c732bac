"""One ONNX node as its readers see it: attributes with defaults, constants, sizes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from npulint.model import Operation, Shape, Value
    from npulint.operators.rearrangements import Operator

Reader: TypeAlias = "Callable[[OnnxNode], Operator]"
"""Turns one kind of ONNX node into what it computes."""


class NoConversionError(Exception):
    """A node that no converter is known to turn into TFLite operators; the text says why."""


CONTRADICTIONS = (ArithmeticError, LookupError, ValueError, struct.error)
"""What computing with the sizes of a malformed node ends in: no runtime could load it either."""

_LONGEST_SHAPE = 1 << 16
"""Elements up to which a constant that configures an operator is looked at."""


@dataclass(frozen=True, slots=True)
class OnnxNode:
    """An ONNX operation with typed access to what its readers need.

    Every accessor raises `NoConversionError` where the file does not tell what the conversion
    cannot do without.
    """

    operation: Operation

    @property
    def opset(self) -> int:
        """Opset version of the node's domain."""
        return self.operation.version

    def integer(self, name: str, default: int) -> int:
        """An integer attribute."""
        value = self.operation.attributes.get(name, default)
        if not isinstance(value, int):
            raise NoConversionError(f"attribute {name} is not an integer")
        return value

    def required(self, name: str) -> int:
        """An integer attribute that has no default."""
        if name not in self.operation.attributes:
            raise NoConversionError(f"the required attribute {name} is missing")
        return self.integer(name, 0)

    def number(self, name: str, default: float) -> float:
        """A real attribute."""
        value = self.operation.attributes.get(name, default)
        if not isinstance(value, (int, float)):
            raise NoConversionError(f"attribute {name} is not a number")
        return float(value)

    def word(self, name: str, default: str) -> str:
        """A string attribute."""
        value = self.operation.attributes.get(name, default)
        if isinstance(value, bytes):
            return value.decode(errors="replace")
        if not isinstance(value, str):
            raise NoConversionError(f"attribute {name} is not a string")
        return value

    def integers(self, name: str) -> tuple[int, ...] | None:
        """A list of integers, None where the attribute is absent."""
        value = self.operation.attributes.get(name)
        if value is None:
            return None
        if not isinstance(value, tuple):
            raise NoConversionError(f"attribute {name} is not a list of integers")
        items = tuple(item for item in value if isinstance(item, int))
        if len(items) != len(value):
            raise NoConversionError(f"attribute {name} is not a list of integers")
        return items

    def numbers(self, name: str) -> tuple[float, ...] | None:
        """A list of numbers, None where the attribute is absent."""
        value = self.operation.attributes.get(name)
        if value is None:
            return None
        if not isinstance(value, tuple):
            raise NoConversionError(f"attribute {name} is not a list of numbers")
        return tuple(float(item) for item in value if isinstance(item, (int, float)))

    def value(self, position: int) -> Value | None:
        """An operand, None where it is left out."""
        inputs = self.operation.inputs
        return inputs[position] if position < len(inputs) else None

    def has(self, position: int) -> bool:
        """Whether an operand is given."""
        return self.value(position) is not None

    def shape(self, position: int = 0) -> Shape:
        """The shape of an operand, whose rank must be known."""
        value = self.value(position)
        if value is None:
            raise NoConversionError(f"operand {position} is missing")
        if value.shape is None:
            raise NoConversionError(f"the rank of operand {position} is not known")
        return value.shape

    def rank(self, position: int = 0) -> int:
        """The rank of an operand."""
        return len(self.shape(position))

    def output_shape(self, position: int = 0) -> Shape:
        """The shape of a result, whose rank must be known."""
        value = self.operation.outputs[position]
        if value is None or value.shape is None:
            raise NoConversionError("the rank of the result is not known")
        return value.shape

    def axis(self, default: int, *, name: str = "axis", rank: int | None = None) -> int:
        """An axis attribute, counted from 0."""
        return self.wrap(self.integer(name, default), self.rank() if rank is None else rank)

    @staticmethod
    def wrap(axis: int, rank: int) -> int:
        """An axis counted from 0; negative ones count from the end."""
        if not -rank <= axis < max(rank, 1):
            raise NoConversionError(f"axis {axis} is outside of rank {rank}")
        return axis + rank if axis < 0 else axis

    def elements(self, position: int) -> tuple[float, ...] | None:
        """The elements of a small constant operand, None where it has none at hand."""
        value = self.value(position)
        if value is None or value.constant is None or (value.element_count or 0) > _LONGEST_SHAPE:
            return None
        return value.constant.elements()

    def whole(self, position: int) -> tuple[int, ...] | None:
        """The elements of a small constant operand of integers."""
        elements = self.elements(position)
        return None if elements is None else tuple(int(item) for item in elements)

    def stated(self, name: str, position: int) -> tuple[int, ...] | None:
        """Integers that older opsets state as attribute `name`, newer ones as an operand."""
        attribute = self.integers(name)
        return attribute if attribute is not None else self.whole(position)

    def axes(self, name: str, position: int) -> tuple[int, ...] | None:
        """Axes from an attribute or an operand, counted from 0; None where they are absent.

        Raises:
            NoConversionError: An operand gives them and is not a constant.
        """
        stated = self.stated(name, position)
        if stated is None:
            if self.has(position):
                raise NoConversionError(f"{name} are computed while the model runs")
            return None
        return tuple(self.wrap(axis, self.rank()) for axis in stated)
