"""From a profile's plain data to patterns of operators and circumstances of models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar, cast

from npulint.opsets.circumstances import Circumstance, Contains, InputPixels
from npulint.opsets.conditions import Scope
from npulint.opsets.document import Part, nearest
from npulint.opsets.measures import Operand
from npulint.opsets.relations import RELATIONS
from npulint.opsets.situations import (
    TYPES,
    WORDS,
    Clause,
    Every,
    Here,
    Neighbour,
    Pattern,
    Situation,
    Some,
    Unless,
    Word,
)

_PATTERN = ("op", "type", "inputs", "when")
_STEPS = 16
_JOINED = ("all", "any", "not")

At = TypeVar("At")


def pattern(part: Part, others: tuple[str, ...] = ()) -> Pattern:
    """Build a pattern of operators.

    Args:
        part: The data.
        others: Keys of the mapping that are not the pattern's.

    Raises:
        DocumentError: The data is not a pattern of the language.
    """
    part.words((*_PATTERN, *others))
    inputs = {
        item.text(): Operand(item.text(), output=False, position=position)
        for position, item in enumerate(part.list_at("inputs"))
    }
    kind = part.text_at("type") if "type" in part else None
    if kind is not None and kind not in TYPES:
        raise part.error(f"unknown type {kind!r}: {nearest(kind, TYPES)}", "type")
    reader = _Reader(Scope(inputs, {}, {}, {}))
    when = reader.situation(part.at("when")) if "when" in part else None
    return Pattern(tuple(each.text() for each in op_names(part)), kind, when)


def op_names(part: Part) -> Iterator[Part]:
    """The operators that a pattern names itself, apart from those of its neighbours."""
    names = part.at("op")
    yield from [names] if isinstance(names.data, str) else names.each()


def all_op_names(part: Part) -> Iterator[Part]:
    """Every operator's name under any `op` of a document's part."""
    if isinstance(part.data, dict):
        if "op" in part:
            yield from op_names(part)
        for key in part.words():
            if key != "op":
                yield from all_op_names(part.at(key))
    elif isinstance(part.data, list):
        for item in part.each():
            yield from all_op_names(item)


def circumstance(part: Part) -> Circumstance:
    """Build a condition on a whole model.

    Raises:
        DocumentError: The data is not one of the language.
    """
    word = _one_word(part, ("input_pixels", "contains", *_JOINED))
    below = part.at(word)
    if word in _JOINED:
        return _joined(word, below, circumstance)
    if word == "contains":
        return Contains(pattern(below))
    relation = _one_word(below, [name for name in RELATIONS if RELATIONS[name].bound == "number"])
    return InputPixels(relation, below.at(relation).integer())


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the situations of one pattern, whose operands have names."""

    scope: Scope

    def situation(self, part: Part) -> Situation:
        """A situation: of a neighbour, joined, or a table's condition."""
        words = [key for key in part.words() if key in {*WORDS, *_JOINED}]
        if not words:
            return Here(self.scope.condition(part))
        word = _one_word(part, (*WORDS, *_JOINED))
        below = part.at(word)
        if word in _JOINED:
            return _joined(word, below, self.situation)
        return self._neighbour(cast(Word, word), below)

    def _neighbour(self, word: Word, part: Part) -> Neighbour:
        extra = {"made_by": ("operand",), "read_by": ()}.get(word, ("within",))
        meant = pattern(part, extra)
        operand = self.scope.operand(part.at("operand")) if "operand" in part else None
        steps = part.at("within").integer() if "within" in extra else 1
        if not 1 <= steps <= _STEPS:
            raise part.error(f"expected 1 to {_STEPS} steps, found {steps}", "within")
        return Neighbour(word, meant, operand, steps)


def _joined(word: str, part: Part, make: Callable[[Part], Clause[At]]) -> Clause[At]:
    if word == "not":
        return Unless(make(part))
    parts = tuple(make(each) for each in part.each())
    if not parts:
        raise part.error("expected at least one condition")
    return Every(parts) if word == "all" else Some(parts)


def _one_word(part: Part, known: tuple[str, ...] | list[str]) -> str:
    words = part.words(known)
    if len(words) != 1:
        raise part.error(f"expected one of {', '.join(known)}; found {len(words)}")
    return words[0]
