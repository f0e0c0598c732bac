"""What a condition may look at: one fact of an operation, read and named by the same object.

A fact is None where it is not known: an operand that is missing, a shape that the file does not
give, elements that are not in memory. Conditions on such facts are undecided, never met.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from npulint.model import Operation, Value
from npulint.ort import QUANTISED_UNIT

Fact: TypeAlias = object
"""A hashable value, a tuple of such for a measure of several operands, or None if unknown."""


class Measure(Protocol):
    """One fact of an operation."""

    @property
    def many(self) -> bool:
        """Whether facts are tuples of which every element must satisfy a comparison."""

    @property
    def phrase(self) -> str:
        """The fact as the subject of a sentence."""

    def read(self, operation: Operation) -> Fact:
        """The fact, None where it is not known."""


@dataclass(frozen=True, slots=True)
class Operand:
    """An operand of an entry by the name that the table gives it.

    Attributes:
        name: The table's word for it.
        output: Whether it is a result.
        position: Place among the inputs or outputs; the first one of a group.
        rest: Whether it stands for every operand from there on.
    """

    name: str
    output: bool
    position: int
    rest: bool = False

    @property
    def phrase(self) -> str:
        """The operand as a sentence names it."""
        return f"each of {self.name}" if self.rest else self.name

    def find(self, operation: Operation) -> Value | None:
        """The operand, None where the operator leaves it out."""
        operands = operation.outputs if self.output else operation.inputs
        position = self.position
        return operands[position] if position < len(operands) else None

    def find_all(self, operation: Operation) -> tuple[Value | None, ...]:
        """The operands that the name stands for."""
        operands = operation.outputs if self.output else operation.inputs
        return operands[self.position :]


@dataclass(frozen=True, slots=True)
class OfOperand:
    """A fact of one operand, or of each of several."""

    operand: Operand
    wording: str
    look: Callable[[Value], Fact]

    @property
    def many(self) -> bool:
        """Whether the operand is a group."""
        return self.operand.rest

    @property
    def phrase(self) -> str:
        """`the rank of filter`."""
        return f"{self.wording} {self.operand.phrase}".lstrip()

    def read(self, operation: Operation) -> Fact:
        """The fact of the operand, None where the operand is missing."""
        if self.operand.rest:
            values = self.operand.find_all(operation)
            return tuple([None if value is None else self.look(value) for value in values])
        found = self.operand.find(operation)
        return None if found is None else self.look(found)


@dataclass(frozen=True, slots=True)
class OfOperation:
    """A fact of the operation itself: its version, how many operands it has."""

    phrase: str
    look: Callable[[Operation], Fact]
    many: bool = False

    def read(self, operation: Operation) -> Fact:
        """The fact."""
        return self.look(operation)


@dataclass(frozen=True, slots=True)
class Given:
    """A setting of the target: the same for every operation, so decided when the table is read."""

    phrase: str
    value: Fact
    many: bool = False

    def read(self, operation: Operation) -> Fact:
        """The setting."""
        return self.value


@dataclass(frozen=True, slots=True)
class AttributeOf:
    """An operator's option, by its name in the schema, and its value where a file leaves it out."""

    name: str
    default: Fact = None
    many: bool = False

    @property
    def phrase(self) -> str:
        """The option's own name."""
        return self.name

    def read(self, operation: Operation) -> Fact:
        """The option's value."""
        return operation.attributes.get(self.name, self.default)


@dataclass(frozen=True, slots=True)
class AttributeProduct:
    """The product of several integer options, as a window's area."""

    factors: tuple[AttributeOf, ...]
    many: bool = False

    @property
    def phrase(self) -> str:
        """`filter_width x filter_height`."""
        return " x ".join(factor.name for factor in self.factors)

    def read(self, operation: Operation) -> Fact:
        """The product, None where a factor is unknown."""
        product = 1
        for factor in self.factors:
            value = factor.read(operation)
            if not isinstance(value, int):
                return None
            product *= value
        return product


@dataclass(frozen=True, slots=True)
class ScaleProduct:
    """The product of per-tensor scales, rounded to float32 as the runtimes compute it."""

    factors: tuple[Operand, ...]
    many: bool = False

    @property
    def phrase(self) -> str:
        """`the scale of input x the scale of filter`."""
        return " x ".join(f"the scale of {factor.name}" for factor in self.factors)

    def read(self, operation: Operation) -> Fact:
        """The product, None where an operand is missing."""
        product = 1.0
        for factor in self.factors:
            value = factor.find(operation)
            if value is None:
                return None
            product = single(product * single(scale(value)))
        return product


def single(number: float) -> float:
    """A number rounded to the nearest float32."""
    try:
        rounded: tuple[float] = struct.unpack("<f", struct.pack("<f", number))
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
    return rounded[0]


def scale(value: Value) -> float:
    """The per-tensor scale, 0 without one: per-channel quantisation leaves this field at 0."""
    quantisation = value.quantisation
    found = None if quantisation is None else quantisation.scale
    return 0.0 if found is None else found


def zero_point(value: Value) -> int:
    """The per-tensor zero point, 0 without one."""
    quantisation = value.quantisation
    found = None if quantisation is None else quantisation.zero_point
    return 0 if found is None else found


def quantisation(value: Value) -> str:
    """How a value is quantised: `none`, `per-tensor` or `per-channel`."""
    if value.quantisation is None or not value.quantisation.scales:
        return "none"
    return "per-channel" if value.quantisation.per_channel else "per-tensor"


def shape(value: Value) -> tuple[int, ...] | None:
    """The shape, None where any size is unknown."""
    if value.shape is None:
        return None
    sizes = tuple(size for size in value.shape if isinstance(size, int))
    return sizes if len(sizes) == len(value.shape) else None


def size_of(axis: int) -> Callable[[Value], Fact]:
    """A reader of the size along one axis, counted from the end if negative."""

    def look(value: Value) -> Fact:
        sizes = value.shape
        if sizes is None or not -len(sizes) <= axis < len(sizes):
            return None
        size = sizes[axis]
        return size if isinstance(size, int) else None

    return look


def since(operation: Operation) -> int | None:
    """The opset that brought an ONNX operator as the model's opset has it."""
    from npulint.operators.onnx_signatures import since_version

    if operation.dialect != "onnx" or operation.domain not in {"", "ai.onnx"}:
        return None
    return since_version(operation.op, operation.version)


def node_unit(operation: Operation) -> str:
    """What ONNX Runtime calls what it shows a provider: `SingleNode` or `QDQGroup`."""
    return "QDQGroup" if QUANTISED_UNIT in operation.attributes else "SingleNode"


def of_every(look: Callable[[Value], Fact]) -> Callable[[Operation], Fact]:
    """A reader of one fact of each tensor of an operation, those left out not counted."""

    def read(operation: Operation) -> Fact:
        tensors = (*operation.inputs, *operation.outputs)
        return tuple([look(value) for value in tensors if value is not None])

    return read


def area(axes: tuple[int, ...]) -> Callable[[Value], Fact]:
    """A reader of the product of the sizes along some axes, such as a plane's area."""

    def look(value: Value) -> Fact:
        product = 1
        for axis in axes:
            size = size_of(axis)(value)
            if not isinstance(size, int):
                return None
            product *= size
        return product

    return look


def last_axis(value: Value) -> int | None:
    """The number of the last axis."""
    return None if value.shape is None else len(value.shape) - 1


def rank(value: Value) -> int | None:
    """The number of dimensions."""
    return None if value.shape is None else len(value.shape)


def dtype(value: Value) -> str | None:
    """The element type's name."""
    return value.dtype


def is_constant(value: Value) -> bool:
    """Whether the elements are stored in the file."""
    return value.constant is not None


def is_static(value: Value) -> bool:
    """Whether every size is known."""
    return shape(value) is not None


def elements(value: Value) -> tuple[int | float | bool, ...] | None:
    """The elements of a constant that is kept in memory."""
    return None if value.constant is None else value.constant.elements()


def integers(value: Value) -> tuple[int, ...] | None:
    """The elements of a constant of integers that is kept in memory."""
    found = elements(value)
    whole = tuple([each for each in found or () if isinstance(each, int)])
    return whole if found is not None and len(whole) == len(found) else None


def first_element(value: Value) -> int | float | bool | None:
    """The first element of a constant that is kept in memory."""
    found = elements(value)
    return found[0] if found else None


def element_count(value: Value) -> int | None:
    """The number of elements."""
    return value.element_count


@dataclass(frozen=True, slots=True)
class EachElement:
    """Every element of a stored constant."""

    operand: Operand
    many: bool = True

    @property
    def phrase(self) -> str:
        """`each element of size_splits`."""
        return f"each element of {self.operand.name}"

    def read(self, operation: Operation) -> Fact:
        """The elements, None where they are not stored or not in memory."""
        value = self.operand.find(operation)
        return None if value is None else elements(value)


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether an operand is given."""

    operand: Operand
    many: bool = False

    @property
    def phrase(self) -> str:
        """The operand."""
        return self.operand.name

    def read(self, operation: Operation) -> Fact:
        """True or false, never unknown."""
        return self.operand.find(operation) is not None
