"""The closed vocabulary of conditions: each evaluates itself and says itself.

Every condition is three-valued: it holds, it fails, or it cannot be known (None). A condition
and its sentence are one object, so that the text and the check cannot drift apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from npulint.model import Operation
from npulint.opsets.measures import Fact, Measure
from npulint.opsets.relations import RELATIONS, listed, show

Truth: TypeAlias = "bool | None"
Mood: TypeAlias = Literal["is", "must be"]
"""How a sentence speaks of a condition: as a case (`is`) or as a demand (`must be`)."""


class Condition(Protocol):
    """Something that an operation meets, breaks, or cannot be judged by."""

    def test(self, operation: Operation) -> Truth:
        """Whether it holds; None where a fact that it needs is unknown."""

    def clause(self, mood: Mood) -> str:
        """The condition as a clause of a sentence."""

    def found(self, operation: Operation) -> str:
        """What the operation has instead; meaningful where the condition does not hold."""

    def state(self, operation: Operation) -> str:
        """The same as a clause with its own subject, for use within a longer sentence."""

    def negated(self) -> Condition:
        """The opposite condition."""

    def measures(self) -> tuple[Measure, ...]:
        """The facts that it looks at."""


@dataclass(frozen=True, slots=True)
class Compare:
    """A fact compared with a literal or with another fact.

    Attributes:
        measure: The fact.
        relation: Word of the comparison, a key of `RELATIONS`.
        bound: A literal, or the measure of the other fact.
        names: Names for people of special values (`29` is `NNAPI 1.2`).
    """

    measure: Measure
    relation: str
    bound: Fact | Measure
    names: Mapping[Fact, str] = field(default_factory=dict)

    def test(self, operation: Operation) -> Truth:
        """Compare; a measure of several operands holds where each of them does."""
        fact = self.measure.read(operation)
        bound = self._bound(operation)
        if fact is None or bound is None:
            return None
        if not self.measure.many:
            return self._holds(fact, bound)
        facts = fact if isinstance(fact, tuple) else (fact,)
        return conjunction(None if each is None else self._holds(each, bound) for each in facts)

    def clause(self, mood: Mood) -> str:
        """`the rank of input must be at most 4`."""
        return f"{self.measure.phrase} {mood} {self._object()}"

    def found(self, operation: Operation) -> str:
        """The fact, and the other fact where two are compared."""
        fact = self._show(self.measure.read(operation))
        other = _measure(self.bound)
        if other is None:
            return fact
        return f"{fact}, and {other.phrase} is {self._show(other.read(operation))}"

    def state(self, operation: Operation) -> str:
        """`the rank of input is 5`."""
        return f"{self.measure.phrase} is {self.found(operation)}"

    def negated(self) -> Condition:
        """The opposite comparison."""
        if self.measure.many:
            return Opposite(self)
        return Compare(self.measure, RELATIONS[self.relation].opposite, self.bound, self.names)

    def exception(self, mood: Mood) -> str:
        """That one of several operands breaks it: `the type of some tensor is int8`."""
        relation = RELATIONS[self.relation].opposite
        other = Compare(self.measure, relation, self.bound, self.names)
        return f"{_some(self.measure)} {mood} {other._object()}"

    def measures(self) -> tuple[Measure, ...]:
        """The fact and, if two are compared, the other."""
        other = _measure(self.bound)
        return (self.measure,) if other is None else (self.measure, other)

    def _holds(self, fact: Fact, bound: Fact) -> Truth:
        try:
            return RELATIONS[self.relation].test(fact, bound)
        except TypeError:
            return None  # an option of a type that the schema does not give it

    def _bound(self, operation: Operation) -> Fact:
        other = _measure(self.bound)
        return self.bound if other is None else other.read(operation)

    def _object(self) -> str:
        relation = RELATIONS[self.relation]
        other = _measure(self.bound)
        if other is not None:
            same = "the same as {}" if self.relation == "equals" else relation.wording
            return same.format(other.phrase)
        if relation.bound == "interval" and isinstance(self.bound, tuple):
            low, high = (self._show(each) for each in self.bound)
            return relation.wording.format(f"{low} to {high}")
        if relation.bound == "list" and isinstance(self.bound, tuple):
            return relation.wording.format(listed([self._show(each) for each in self.bound], "or"))
        return relation.wording.format(self._show(self.bound))

    def _show(self, fact: Fact) -> str:
        return self.names.get(fact) or show(fact)


def _measure(bound: Fact | Measure) -> Measure | None:
    return bound if hasattr(bound, "read") and hasattr(bound, "phrase") else None  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Flag:
    """A fact that is true or false, with its own words for both.

    Attributes:
        measure: The fact; its phrase is the subject.
        yes: What follows `is` where it is true.
        no: What follows `is` where it is not.
        value: Which of the two is demanded.
    """

    measure: Measure
    yes: str
    no: str
    value: bool = True

    def test(self, operation: Operation) -> Truth:
        """Whether the fact is as demanded, for each operand if there are several."""
        fact = self.measure.read(operation)
        if self.measure.many and isinstance(fact, tuple):
            return conjunction(None if each is None else each == self.value for each in fact)
        return None if fact is None else fact == self.value

    def clause(self, mood: Mood) -> str:
        """`filter must be a constant stored in the model`."""
        return f"{self.measure.phrase} {mood} {self.yes if self.value else self.no}"

    def found(self, operation: Operation) -> str:
        """The opposite."""
        if self.measure.read(operation) is None:
            return "unknown"
        return self.no if self.value else self.yes

    def state(self, operation: Operation) -> str:
        """`filter is computed at run time`."""
        return f"{self.measure.phrase} is {self.found(operation)}"

    def negated(self) -> Condition:
        """The same fact, the other way round."""
        if self.measure.many:
            return Opposite(self)
        return Flag(self.measure, self.yes, self.no, not self.value)

    def exception(self, mood: Mood) -> str:
        """That one of several operands is not as demanded: `some of values is left out`."""
        return f"{_some(self.measure)} {mood} {self.no if self.value else self.yes}"

    def measures(self) -> tuple[Measure, ...]:
        """The fact."""
        return (self.measure,)


def _some(measure: Measure) -> str:
    """The phrase of a measure of several operands, for what one of them is."""
    words = measure.phrase.replace(" and each ", " or some ")
    return re.sub(r"\b(each|every)\b", "some", words)


@dataclass(frozen=True, slots=True)
class Opposite:
    """Holds where a condition that has no opposite word fails."""

    part: Condition

    def test(self, operation: Operation) -> Truth:
        """The opposite of the part."""
        truth = self.part.test(operation)
        return None if truth is None else not truth

    def clause(self, mood: Mood) -> str:
        """`it must not be that ...`, or that one of several operands breaks the part."""
        if isinstance(self.part, (Compare, Flag)):
            return self.part.exception(mood)
        return f"it {'is not' if mood == 'is' else 'must not be'} that {self.part.clause('is')}"

    def found(self, operation: Operation) -> str:
        """What the part found."""
        return self.part.state(operation)

    def state(self, operation: Operation) -> str:
        """What the part found."""
        return self.part.state(operation)

    def negated(self) -> Condition:
        """The part itself."""
        return self.part

    def measures(self) -> tuple[Measure, ...]:
        """The facts of the part."""
        return self.part.measures()


@dataclass(frozen=True, slots=True)
class All:
    """Holds where every part holds."""

    parts: tuple[Condition, ...]

    def test(self, operation: Operation) -> Truth:
        """Fails where any part fails, whatever is unknown of the others."""
        return conjunction(part.test(operation) for part in self.parts)

    def clause(self, mood: Mood) -> str:
        """`A and B`."""
        return listed([part.clause(mood) for part in self.parts], "and")

    def found(self, operation: Operation) -> str:
        """The state of the parts that do not hold."""
        return _states(self.parts, operation)

    def state(self, operation: Operation) -> str:
        """The state of the parts that do not hold."""
        return _states(self.parts, operation)

    def negated(self) -> Condition:
        """Any opposite."""
        return AnyOf(tuple(part.negated() for part in self.parts))

    def measures(self) -> tuple[Measure, ...]:
        """The facts of all parts."""
        return tuple(measure for part in self.parts for measure in part.measures())


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds where at least one part holds."""

    parts: tuple[Condition, ...]

    def test(self, operation: Operation) -> Truth:
        """Holds where any part holds, whatever is unknown of the others."""
        result: Truth = False
        for part in self.parts:
            truth = part.test(operation)
            if truth:
                return True
            if truth is None:
                result = None
        return result

    def clause(self, mood: Mood) -> str:
        """`A or B`; as a demand, `it must be that A or B`."""
        either = listed([part.clause("is") for part in self.parts], "or")
        return either if mood == "is" else f"it must be that {either}"

    def found(self, operation: Operation) -> str:
        """The state of the parts that do not hold."""
        return _states(self.parts, operation)

    def state(self, operation: Operation) -> str:
        """The state of the parts that do not hold."""
        return _states(self.parts, operation)

    def negated(self) -> Condition:
        """All opposites."""
        return All(tuple(part.negated() for part in self.parts))

    def measures(self) -> tuple[Measure, ...]:
        """The facts of all parts."""
        return tuple(measure for part in self.parts for measure in part.measures())


@dataclass(frozen=True, slots=True)
class Never:
    """Holds for nothing: a demand that no operation meets, in a table's own words."""

    say: str

    def test(self, operation: Operation) -> Truth:
        """Never."""
        return False

    def clause(self, mood: Mood) -> str:
        """The table's words."""
        return self.say

    def found(self, operation: Operation) -> str:
        """The operator itself."""
        return operation.op

    def state(self, operation: Operation) -> str:
        """The operator itself."""
        return f"the operator is {operation.op}"

    def negated(self) -> Condition:
        """Holds for everything."""
        return Opposite(self)

    def measures(self) -> tuple[Measure, ...]:
        """No fact at all."""
        return ()


def conjunction(truths: Iterable[Truth]) -> Truth:
    """Whether all hold: False as soon as one fails, None where one is unknown."""
    result: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def _states(parts: tuple[Condition, ...], operation: Operation) -> str:
    states = [part.state(operation) for part in parts if part.test(operation) is not True]
    return listed(list(dict.fromkeys(states)) or ["nothing else"], "and")
