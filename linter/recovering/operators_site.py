"""One node as what makes it computable sees it, in either dialect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from npulint.model import Constant

if TYPE_CHECKING:
    import torch

    from npulint.model import Operation, Value

Operands: TypeAlias = "Sequence[torch.Tensor | None]"
"""What a node is given when it runs, by position; None for an operand that is left out."""

Result: TypeAlias = "torch.Tensor | Sequence[torch.Tensor]"

Compute: TypeAlias = "Callable[[Operands], Result]"
"""What a node does when the network runs."""

Maker: TypeAlias = "Callable[[Site], Compute]"
"""Reads a node once, when the network is made, and says what it does."""


class NoWayError(Exception):
    """A node that PyTorch is not told how to compute; the text says what is in the way."""


@dataclass(frozen=True, slots=True)
class Site:
    """A node with typed access to what its maker needs.

    Every accessor raises `NoWayError` where the node says what no runtime takes either.
    """

    operation: Operation

    @property
    def opset(self) -> int:
        """ONNX: opset version of the node's domain. TFLite: the operator's version."""
        return self.operation.version

    def integer(self, name: str, default: int = 0) -> int:
        """An integer or a boolean."""
        value = self.operation.attributes.get(name, default)
        if not isinstance(value, int):
            raise NoWayError(f"{name} is no integer")
        return int(value)

    def number(self, name: str, default: float = 0.0) -> float:
        """A real number."""
        value = self.operation.attributes.get(name, default)
        if not isinstance(value, (int, float)):
            raise NoWayError(f"{name} is no number")
        return float(value)

    def word(self, name: str, default: str = "") -> str:
        """A word."""
        value = self.operation.attributes.get(name, default)
        if isinstance(value, bytes):
            value = value.decode(errors="replace")
        if not isinstance(value, str):
            raise NoWayError(f"{name} is no word")
        return value

    def integers(self, name: str) -> tuple[int, ...] | None:
        """A list of integers, None where the node does not state it."""
        value = self.operation.attributes.get(name)
        if value is None:
            return None
        if not isinstance(value, tuple) or not all(isinstance(each, int) for each in value):
            raise NoWayError(f"{name} is no list of integers")
        return tuple(each for each in value if isinstance(each, int))

    def numbers(self, name: str) -> tuple[float, ...] | None:
        """A list of numbers, None where the node does not state it."""
        value = self.operation.attributes.get(name)
        if value is None:
            return None
        if not isinstance(value, tuple):
            raise NoWayError(f"{name} is no list of numbers")
        return tuple(float(each) for each in value if isinstance(each, (int, float)))

    def constant(self, name: str) -> Constant | None:
        """A stored tensor among the attributes."""
        value = self.operation.attributes.get(name)
        return value if isinstance(value, Constant) else None

    def value(self, position: int) -> Value | None:
        """An operand, None where it is left out."""
        inputs = self.operation.inputs
        return inputs[position] if position < len(inputs) else None

    def result(self, position: int = 0) -> Value | None:
        """A result, None where nobody asks for it."""
        outputs = self.operation.outputs
        return outputs[position] if position < len(outputs) else None

    def alone(self) -> None:
        """Refuse a node of which more than the first result is asked for."""
        if any(each is not None for each in self.operation.outputs[1:]):
            raise NoWayError("more than its first result is asked for")

    def rank(self, position: int = 0) -> int:
        """The rank of an operand."""
        value = self.value(position)
        if value is None or value.rank is None:
            raise NoWayError(f"the rank of operand {position} is not known")
        return value.rank

    def elements(self, position: int) -> tuple[Any, ...] | None:
        """The elements of a stored operand; None where it is computed, or left out."""
        value = self.value(position)
        if value is None or value.constant is None:
            return None
        return tuple(value.constant.read().reshape(-1).tolist())

    def whole(self, position: int) -> tuple[int, ...] | None:
        """The elements of a stored operand of integers."""
        elements = self.elements(position)
        return None if elements is None else tuple(int(each) for each in elements)

    def stated(self, name: str, position: int) -> tuple[int, ...] | None:
        """Integers that older opsets state as an attribute, newer ones as an operand."""
        attribute = self.integers(name)
        return attribute if attribute is not None else self.whole(position)


def given(operands: Operands, position: int) -> torch.Tensor:
    """An operand that must be there."""
    operand = operands[position] if position < len(operands) else None
    if operand is None:
        raise NoWayError(f"operand {position} is missing")
    return operand


def optional(operands: Operands, position: int) -> torch.Tensor | None:
    """An operand that may be left out."""
    return operands[position] if position < len(operands) else None


def settled(
    fixed: tuple[int, ...] | None, operands: Operands, position: int
) -> tuple[int, ...] | None:
    """Integers that the file fixes, or else those that an operand holds; None without either."""
    if fixed is not None:
        return fixed
    operand = optional(operands, position)
    return None if operand is None else tuple(int(each) for each in operand.reshape(-1).tolist())


def needed(
    fixed: tuple[int, ...] | None, operands: Operands, position: int, what: str
) -> tuple[int, ...]:
    """Integers that the file fixes or an operand holds, and that must be there."""
    found = settled(fixed, operands, position)
    if found is None:
        raise NoWayError(f"it is not told {what}")
    return found


def plain(function: Callable[..., Result]) -> Maker:
    """A node that is a function of its operands, whatever else the node says."""
    return lambda _: lambda operands: function(*operands)


def windows_of(sizes: Sequence[int] | None, rank: int, default: int = 1) -> tuple[int, ...]:
    """Sizes along the spatial axes; all the same where they are not stated."""
    found = tuple(sizes) if sizes else (default,) * rank
    if len(found) != rank:
        raise NoWayError(f"it states {len(found)} sizes for {rank} axes")
    return found
