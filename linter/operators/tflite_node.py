"""One TFLite node as its readers see it: options, constants, sizes, axes.

TFLite stores feature maps `[N, H, W, C]`, and every builtin operator that knows channels and
space takes them at rank 4 only. So at rank 4 a stored axis is counted in the order
`[N, C, H, W]` of the semantic records; at every other rank, where no operator says which axis
holds channels, axes are counted as they are stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from npulint.operators.layout import to_onnx, to_stored
from npulint.operators.onnx_node import NoConversionError

if TYPE_CHECKING:
    from npulint.model import Operation, Shape, Value
    from npulint.operators.rearrangements import Operator

TFLiteReader: TypeAlias = "Callable[[TFLiteNode], Operator]"
"""Turns one kind of TFLite node into what it computes."""

FEATURE_RANK = 4
"""The rank at which TFLite has channels and space."""


def counted_axis(axis: int, rank: int) -> int:
    """A stored axis as the records count it."""
    return to_stored(rank)[axis] if rank == FEATURE_RANK else axis


def stored_axis(axis: int, rank: int) -> int:
    """An axis of a record as it is stored."""
    return to_onnx(rank)[axis] if rank == FEATURE_RANK else axis


@dataclass(frozen=True, slots=True)
class TFLiteNode:
    """A TFLite operation with typed access to what its readers need.

    Every accessor raises `NoConversionError` where the file does not tell what the reader
    cannot do without.
    """

    operation: Operation

    def integer(self, name: str, default: int = 0) -> int:
        """An integer option."""
        value = self.operation.attributes.get(name, default)
        if not isinstance(value, int):
            raise NoConversionError(f"option {name} is not an integer")
        return value

    def flag(self, name: str) -> bool:
        """A boolean option."""
        return bool(self.integer(name))

    def number(self, name: str, default: float = 0.0) -> float:
        """A real option."""
        value = self.operation.attributes.get(name, default)
        if not isinstance(value, (int, float)):
            raise NoConversionError(f"option {name} is not a number")
        return float(value)

    def word(self, name: str, default: str = "") -> str:
        """An option that is one of a few words."""
        value = self.operation.attributes.get(name, default)
        if not isinstance(value, str):
            raise NoConversionError(f"option {name} is not a word of the schema")
        return value

    def value(self, position: int) -> Value | None:
        """An operand, None where it is left out."""
        inputs = self.operation.inputs
        return inputs[position] if position < len(inputs) else None

    def result(self, position: int = 0) -> Value:
        """A result."""
        outputs = self.operation.outputs
        found = outputs[position] if position < len(outputs) else None
        if found is None:
            raise NoConversionError(f"result {position} is missing")
        return found

    def shape(self, position: int = 0) -> Shape:
        """The shape of an operand, None for sizes that may change."""
        value = self.value(position)
        if value is None:
            raise NoConversionError(f"operand {position} is missing")
        return _sizes(value, f"operand {position}")

    def output_shape(self, position: int = 0) -> Shape:
        """The shape of a result, None for sizes that may change."""
        return _sizes(self.result(position), "the result")

    def rank(self, position: int = 0) -> int:
        """The rank of an operand."""
        return len(self.shape(position))

    def space(self, position: int = 0) -> Shape:
        """The spatial sizes of a feature map."""
        shape = self.shape(position)
        if len(shape) != FEATURE_RANK:
            raise NoConversionError(f"a feature map has rank 4, this one has {len(shape)}")
        return shape[1:3]

    def axis(self, stored: int, rank: int | None = None) -> int:
        """An axis that the file counts as stored, or from the end, as the records count it."""
        rank = self.rank() if rank is None else rank
        if not -rank <= stored < rank:
            raise NoConversionError(f"axis {stored} is outside of rank {rank}")
        return counted_axis(stored % rank, rank)

    def whole(self, position: int) -> tuple[int, ...]:
        """The elements of an operand of integers that must be a stored constant."""
        found = self.stated(position)
        if found is None:
            raise NoConversionError(f"operand {position} is computed while the model runs")
        return found

    def stated(self, position: int) -> tuple[int, ...] | None:
        """The elements of an operand of integers, None where it is no small constant."""
        value = self.value(position)
        if value is None or value.constant is None:
            return None
        elements = value.constant.elements()
        return None if elements is None else tuple(int(item) for item in elements)


def _sizes(value: Value, what: str) -> Shape:
    shape = value.shape if value.shape_signature is None else value.shape_signature
    if shape is None:
        raise NoConversionError(f"the rank of {what} is not known")
    return shape
