"""Deciding a condition as far as the target's own settings go."""

from __future__ import annotations

from npulint.model import Operation
from npulint.opsets.measures import Given
from npulint.opsets.vocabulary import All, AnyOf, Condition, Truth

_NOWHERE = Operation("tflite", "", 0, (), ())


def reduced(condition: Condition) -> Condition | bool:
    """A condition without what the target's settings already decide.

    Returns:
        What is left to ask of an operation, or the answer where nothing is.
    """
    if isinstance(condition, (All, AnyOf)):
        absorbing = isinstance(condition, AnyOf)
        parts: list[Condition] = []
        for part in condition.parts:
            left = reduced(part)
            if left is absorbing:
                return absorbing
            if not isinstance(left, bool):
                parts.append(left)
        if not parts:
            return not absorbing
        if len(parts) == 1:
            return parts[0]
        return AnyOf(tuple(parts)) if absorbing else All(tuple(parts))
    measures = condition.measures()
    if measures and all(isinstance(measure, Given) for measure in measures):
        truth: Truth = condition.test(_NOWHERE)
        return condition if truth is None else truth
    return condition
