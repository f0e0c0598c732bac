"""Facts of all operands that are computed at run time, for checks that do not tell them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from npulint.model import Operation, Value
from npulint.opsets import measures as facts
from npulint.opsets.measures import Fact, OfOperation

SIDES: Mapping[str, str] = MappingProxyType(
    {"inputs": "input", "outputs": "output", "operands": "input and each output"}
)
"""Groups of operands by their word, and what one of them is called."""


@dataclass(frozen=True, slots=True)
class OfGroup:
    """A fact of each operand that is computed at run time: no constant and no variable.

    Attributes:
        side: Which operands, a key of `SIDES`.
        wording: What the fact is, as `the type of`.
        look: Reads it.
    """

    side: str
    wording: str
    look: Callable[[Value], Fact]
    many: bool = True

    @property
    def phrase(self) -> str:
        """`the type of each input computed at run time`."""
        return f"{self.wording} each {SIDES[self.side]} computed at run time"

    def read(self, operation: Operation) -> Fact:
        """The facts, in the order of the operands."""
        values = operands(operation, self.side)
        return tuple([self.look(value) for value in values if not is_kept(value)])


def operands(operation: Operation, side: str) -> Iterator[Value]:
    """The operands of a side that are given."""
    if side != "outputs":
        yield from (value for value in operation.inputs if value is not None)
    if side != "inputs":
        yield from (value for value in operation.outputs if value is not None)


def is_kept(value: Value) -> bool:
    """Whether a value is stored in the model or outlives a run."""
    return value.constant is not None or value.variable


def runtime_inputs(operation: Operation) -> int:
    """The number of inputs that are given and not stored in the model."""
    return sum(value.constant is None for value in operands(operation, "inputs"))


def constant_inputs(operation: Operation) -> int:
    """The number of inputs that are stored in the model."""
    return sum(value.constant is not None for value in operands(operation, "inputs"))


COUNTS: Mapping[str, OfOperation] = MappingProxyType(
    {
        "runtime_inputs": OfOperation("the number of inputs computed at run time", runtime_inputs),
        "constant_inputs": OfOperation("the number of constant inputs", constant_inputs),
    }
)
"""Numbers of operands by their word in a table."""

_OF_GROUP: Mapping[str, tuple[str, Callable[[Value], Fact]]] = MappingProxyType(
    {
        "runtime_rank": ("the rank of", facts.rank),
        "runtime_dtype": ("the type of", facts.dtype),
    }
)

GROUPED = tuple(_OF_GROUP)
"""Words that name a fact of each operand of a side."""


def of_group(word: str, side: str) -> OfGroup:
    """The measure that a word of `GROUPED` stands for, on a side of `SIDES`."""
    return OfGroup(side, *_OF_GROUP[word])
