"""The few conditions that the closed vocabulary cannot say, each with its own sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from npulint.model import Operation, Value
from npulint.opsets import measures
from npulint.opsets.measures import Fact, Measure, Operand
from npulint.opsets.relations import show
from npulint.opsets.vocabulary import Condition, Mood, Opposite, Truth

Judgement: TypeAlias = "tuple[Truth, str]"
"""Whether a predicate holds, and what it found."""


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition in Python.

    Attributes:
        name: Its word in a table.
        operands: What each operand that a table passes to it is for; their number is checked.
        subject: The subject of its sentence; `{purpose}` stands for the operand's own name.
        demand: What follows `is` or `must be`, with the same stand-ins.
        judge: The check. Its answer must hang on the operands and the options alone.
    """

    name: str
    operands: tuple[str, ...]
    subject: str
    demand: str
    judge: Callable[[Operation, tuple[Value, ...]], Judgement]


@dataclass(frozen=True, slots=True)
class Named:
    """A predicate applied to operands of an entry: a condition, and its own measure."""

    predicate: Predicate
    operands: tuple[Operand, ...]
    many: bool = False

    @property
    def phrase(self) -> str:
        """The subject of the predicate's sentence."""
        return self._named(self.predicate.subject)

    def read(self, operation: Operation) -> Fact:
        """The judgement, which is what a verdict hangs on here."""
        values = tuple(operand.find(operation) for operand in self.operands)
        present = tuple(value for value in values if value is not None)
        if len(present) < len(values):
            return None, "a missing operand"
        return self.predicate.judge(operation, present)

    def test(self, operation: Operation) -> Truth:
        """Whether the predicate holds."""
        return self._judgement(operation)[0]

    def clause(self, mood: Mood) -> str:
        """The predicate's sentence."""
        return f"{self.phrase} {mood} {self._named(self.predicate.demand)}"

    def found(self, operation: Operation) -> str:
        """What the predicate found."""
        return self._judgement(operation)[1]

    def state(self, operation: Operation) -> str:
        """What the predicate found."""
        return f"{self.phrase} is {self.found(operation)}"

    def negated(self) -> Condition:
        """That the predicate does not hold."""
        return Opposite(self)

    def measures(self) -> tuple[Measure, ...]:
        """Itself."""
        return (self,)

    def _named(self, wording: str) -> str:
        names = (operand.name for operand in self.operands)
        return wording.format_map(dict(zip(self.predicate.operands, names, strict=True)))

    def _judgement(self, operation: Operation) -> Judgement:
        judgement: Judgement = self.read(operation)  # type: ignore[assignment]
        return judgement


def _batches_agree(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    left, right = (value.shape for value in values)
    if left is None or right is None:
        return None, "of unknown rank"
    found = f"{show(left)} and {show(right)}"
    if len(left) != len(right):
        return False, found
    pairs = list(zip(left[:-2], right[:-2], strict=True))
    if any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in pairs):
        return False, found
    known = all(isinstance(a, int) and isinstance(b, int) for a, b in pairs)
    return (True if known else None), found


def _no_empty_axis(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    sizes = values[0].shape
    if sizes is None:
        return None, "of unknown rank"
    if 0 in sizes:
        return False, show(sizes)
    return (True if all(isinstance(size, int) for size in sizes) else None), show(sizes)


def _four_zeros(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    constant = values[0].constant
    if constant is None:
        return False, "computed at run time"
    if constant.nbytes != 16:
        return False, f"{constant.nbytes} bytes long"
    if constant.payload is None:
        return None, "not in memory"
    found = constant.elements()
    return constant.payload == bytes(16), show(found)


def _remainder_not_empty(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    value, size_splits, axis = values
    sizes = measures.integers(size_splits)
    place = measures.first_element(axis)
    if sizes is None or not isinstance(place, int) or value.shape is None:
        return None, "unknown"
    if -1 not in sizes:
        return True, "not asked for"
    total = measures.size_of(place)(value)
    if not isinstance(total, int):
        return None, "unknown"
    remainder = total - sum(size for size in sizes if size != -1)
    return remainder != 0, show(remainder)


def _not_scalar_request(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    wanted = operation.attributes.get("new_shape", ())
    if not isinstance(wanted, tuple):
        return None, "unknown"
    return wanted not in {(), (0,)}, show(wanted)


def _handed_in(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    if operation.graph is None:
        return None, "in no graph"
    found = values[0].index in operation.graph.inputs
    return found, "one" if found else "made by a node" if values[0].constant is None else "stored"


def _handed_back(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    if operation.graph is None:
        return None, "in no graph"
    found = values[0].index in operation.graph.outputs
    return found, "one" if found else "kept within"


PREDICATES: Mapping[str, Predicate] = MappingProxyType(
    {
        predicate.name: predicate
        for predicate in (
            Predicate(
                name="batches-agree",
                operands=("left", "right"),
                subject="every size of {left} before its last two",
                demand="equal to that of {right}, with equal ranks",
                judge=_batches_agree,
            ),
            Predicate(
                name="no-empty-axis",
                operands=("value",),
                subject="the shape of {value}",
                demand="without a size of 0",
                judge=_no_empty_axis,
            ),
            Predicate(
                name="four-zeros",
                operands=("value",),
                subject="{value}",
                demand="a stored constant of 16 bytes, all zero (2 x 2 elements of int32)",
                judge=_four_zeros,
            ),
            Predicate(
                name="remainder-not-empty",
                operands=("value", "size_splits", "axis"),
                subject="the piece of {value} that {size_splits} leaves open with -1 on {axis}",
                demand="other than 0",
                judge=_remainder_not_empty,
            ),
            Predicate(
                name="graph-input",
                operands=("value",),
                subject="{value}",
                demand="an input of the graph",
                judge=_handed_in,
            ),
            Predicate(
                name="graph-output",
                operands=("value",),
                subject="{value}",
                demand="an output of the graph",
                judge=_handed_back,
            ),
            Predicate(
                name="new-shape-not-scalar",
                operands=(),
                subject="new_shape",
                demand="a shape of at least one axis ([] and the old [0] ask for a scalar)",
                judge=_not_scalar_request,
            ),
        )
    }
)
"""Every named predicate by its word in a table."""
