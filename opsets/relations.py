"""Ways of comparing a fact with a bound, and how facts look in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from npulint.opsets.measures import Fact


def show(fact: Fact) -> str:
    """A fact as text for people."""
    if fact is None:
        return "unknown"
    if isinstance(fact, bool):
        return "true" if fact else "false"
    if isinstance(fact, float):
        return f"{fact:.9g}"
    if isinstance(fact, tuple):
        return "[" + ", ".join(show(each) for each in fact) + "]"
    return str(fact)


def listed(words: Iterable[str], conjunction: str) -> str:
    """Words as a list: `a, b or c`."""
    *head, last = words
    return f"{', '.join(head)} {conjunction} {last}" if head else last


@dataclass(frozen=True, slots=True)
class Relation:
    """One way of comparing a fact with a bound.

    Attributes:
        test: Whether the fact stands in the relation to the bound.
        wording: What follows `is`, with the bound in place of `{}`.
        opposite: Name of the relation that holds exactly where this one does not.
        bound: What kind of bound it takes.
    """

    test: Callable[[Fact, Fact], bool]
    wording: str
    opposite: str
    bound: Literal["any", "number", "list", "interval"]


def _number(fact: Fact) -> float:
    if not isinstance(fact, (int, float)):
        raise TypeError(fact)
    return fact


def _contains(fact: Fact, bound: Fact) -> bool:
    return isinstance(bound, tuple) and fact in bound


def _within(fact: Fact, bound: Fact) -> bool:
    if not isinstance(bound, tuple):
        raise TypeError(bound)
    low, high = bound
    return _number(low) <= _number(fact) <= _number(high)


RELATIONS: Mapping[str, Relation] = MappingProxyType(
    {
        "equals": Relation(lambda a, b: a == b, "{}", "differs", "any"),
        "differs": Relation(lambda a, b: a != b, "other than {}", "equals", "any"),
        "in": Relation(_contains, "{}", "not_in", "list"),
        "not_in": Relation(lambda a, b: not _contains(a, b), "none of {}", "in", "list"),
        "at_most": Relation(lambda a, b: _number(a) <= _number(b), "at most {}", "above", "number"),
        "above": Relation(lambda a, b: _number(a) > _number(b), "above {}", "at_most", "number"),
        "at_least": Relation(
            lambda a, b: _number(a) >= _number(b), "at least {}", "below", "number"
        ),
        "below": Relation(lambda a, b: _number(a) < _number(b), "below {}", "at_least", "number"),
        "range": Relation(_within, "in {}", "outside", "interval"),
        "outside": Relation(lambda a, b: not _within(a, b), "outside {}", "range", "interval"),
    }
)
"""Every comparison of the vocabulary by its word in a table."""
