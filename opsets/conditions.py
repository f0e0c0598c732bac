"""From a table's plain data to the conditions of the vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from npulint.model import Value
from npulint.opsets import extensions
from npulint.opsets import measures as facts
from npulint.opsets.document import Part, nearest
from npulint.opsets.groups import COUNTS, GROUPED, SIDES, of_group
from npulint.opsets.literals import bound, check_order, literal
from npulint.opsets.measures import (
    AttributeOf,
    AttributeProduct,
    EachElement,
    Fact,
    Given,
    Measure,
    OfOperand,
    OfOperation,
    Operand,
    ScaleProduct,
)
from npulint.opsets.predicates import PREDICATES, Named, Predicate
from npulint.opsets.predicates_coreml import COREML_PREDICATES
from npulint.opsets.predicates_coreml_onnx import COREML_ONNX_PREDICATES
from npulint.opsets.predicates_gpu import GPU_PREDICATES
from npulint.opsets.predicates_mediatek import MEDIATEK_PREDICATES
from npulint.opsets.predicates_onnx import ONNX_PREDICATES
from npulint.opsets.predicates_qnn import QNN_PREDICATES
from npulint.opsets.predicates_xnnpack import XNNPACK_PREDICATES
from npulint.opsets.relations import RELATIONS, listed
from npulint.opsets.table import Setting
from npulint.opsets.vocabulary import (
    All,
    AnyOf,
    Compare,
    Condition,
    Flag,
    Never,
)

_OF_OPERAND: Mapping[str, tuple[str, Callable[[Value], Fact]]] = MappingProxyType(
    {
        "dtype": ("the type of", facts.dtype),
        "rank": ("the rank of", facts.rank),
        "last_axis": ("the last axis of", facts.last_axis),
        "shape": ("the shape of", facts.shape),
        "element_count": ("the number of elements of", facts.element_count),
        "first_element": ("the first element of", facts.first_element),
        "scale": ("the per-tensor scale of", facts.scale),
        "zero_point": ("the per-tensor zero point of", facts.zero_point),
        "quantisation": ("the quantisation of", facts.quantisation),
    }
)

_OF_OPERATION: Mapping[str, OfOperation] = MappingProxyType(
    {
        "version": OfOperation("the operator version", lambda operation: operation.version),
        "since_version": OfOperation("the opset of the operator's version", facts.since),
        "node_unit": OfOperation("the node unit", facts.node_unit),
        "inputs": OfOperation("the number of inputs", lambda operation: len(operation.inputs)),
        "outputs": OfOperation("the number of outputs", lambda operation: len(operation.outputs)),
        **COUNTS,
        "every_dtype": OfOperation("the type of every tensor", facts.of_every(facts.dtype), True),
        "every_rank": OfOperation("the rank of every tensor", facts.of_every(facts.rank), True),
    }
)

_FLAGS = ("constant", "present", "static")
_OTHERS = (
    "attribute", "attribute_product", "dimension", "dimension_product", "elements",
    "scale_product",
)  # fmt: skip
_COMPOSED = ("all", "any", "not", "never", "predicate")

MEASURES = (*_OF_OPERAND, *_OF_OPERATION, *GROUPED, *_OTHERS)
"""Words that name a fact to be compared."""

WORDS = (*MEASURES, *_FLAGS, *_COMPOSED)
"""Every word that may begin a condition, apart from the family's own settings."""

KNOWN: Mapping[str, Predicate] = MappingProxyType(
    {
        **PREDICATES,
        **COREML_PREDICATES,
        **COREML_ONNX_PREDICATES,
        **GPU_PREDICATES,
        **MEDIATEK_PREDICATES,
        **ONNX_PREDICATES,
        **QNN_PREDICATES,
        **XNNPACK_PREDICATES,
    }
)
"""Every named predicate by its word in a table."""

_EXTRA: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "attribute": ("default",),
        "dimension": ("axis",),
        "dimension_product": ("axes",),
        "predicate": ("of",),
    }
)


EXTRAS = tuple(word for extra in _EXTRA.values() for word in extra)
"""Words that say more of the fact that another word names."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What the words of one entry's conditions stand for.

    Attributes:
        operands: Operands by the names that the entry gives them.
        settings: The target's settings.
        wordings: What each setting is called in a sentence.
        titles: Names for people of a level's values (29 is `NNAPI 1.2`).
    """

    operands: Mapping[str, Operand]
    settings: Mapping[str, Setting]
    wordings: Mapping[str, str]
    titles: Mapping[Fact, str]

    def word_of(self, part: Part, others: tuple[str, ...] = ()) -> str:
        """The one word that says what a condition is about.

        Args:
            part: The condition.
            others: Keys that it may have besides those of its word.
        """
        known = (*WORDS, *self.settings)
        words = [key for key in part.words() if key in known]
        if len(words) != 1:
            unknown = [key for key in part.words() if key not in (*known, *RELATIONS, *others)]
            if unknown:
                raise part.error(
                    f"unknown condition {unknown[0]!r}: {nearest(unknown[0], known)}", unknown[0]
                )
            raise part.error(f"expected one condition, found {' and '.join(words) or 'none'}")
        word = words[0]
        compares = word in MEASURES and not isinstance(part.at(word).data, dict)
        relations = tuple(RELATIONS) if compares else ()
        part.words((word, *_EXTRA.get(word, ()), *relations, *others))
        return word

    def condition(self, part: Part, others: tuple[str, ...] = ()) -> Condition:
        """Build one condition.

        Args:
            part: The condition's data.
            others: Keys of the mapping that are not the condition's.

        Raises:
            DocumentError: The data is not a condition of the language.
        """
        word = self.word_of(part, others)
        if word in _COMPOSED:
            return self._composed(word, part)
        if word in _FLAGS:
            return self._flag(word, part.at(word))
        below = part.at(word)
        if word in self.settings:
            return self._setting(word, below)
        measure = self._measure(word, part)
        return self._compare(measure, below if isinstance(below.data, dict) else part, word)

    def _composed(self, word: str, part: Part) -> Condition:
        below = part.at(word)
        if word == "never":
            return Never(below.text())
        if word == "not":
            return self.condition(below).negated()
        if word == "predicate":
            return self._named(part)
        parts = tuple(self.condition(each) for each in _several(below, "condition"))
        return All(parts) if word == "all" else AnyOf(parts)

    def _named(self, part: Part) -> Condition:
        predicate = _predicate(part)
        operands = tuple(self.operand(each) for each in part.list_at("of"))
        if len(operands) != len(predicate.operands):
            raise part.error(
                f"{predicate.name} takes {len(predicate.operands)} operands under 'of'"
            )
        return Named(predicate, operands)

    def _flag(self, word: str, below: Part) -> Condition:
        operand = self.operand(below)
        if word == "constant":
            look = OfOperand(operand, "", facts.is_constant)
            return Flag(look, "a constant stored in the model", "computed at run time")
        if word == "static":
            look = OfOperand(operand, "", facts.is_static)
            return Flag(look, "of sizes known beforehand", "of a size not known beforehand")
        return Flag(facts.Presence(operand), "given", "left out")

    def _setting(self, word: str, below: Part) -> Condition:
        given = Given(self.wordings[word], self.settings[word])
        if isinstance(self.settings[word], bool):
            if not isinstance(below.data, bool):
                raise below.error(f"{word} is a switch: expected true or false")
            return Flag(given, "given", "not given", below.data)
        return self._compare(given, below, word)

    def operand(self, part: Part) -> Operand:
        """The operand that a name stands for."""
        name = part.text()
        if name not in self.operands:
            raise part.error(f"unknown operand {name!r}: {nearest(name, self.operands)}")
        return self.operands[name]

    def _measure(self, word: str, part: Part) -> Measure:
        below = part.at(word)
        if word in _OF_OPERATION:
            return _OF_OPERATION[word]
        if word in GROUPED:
            return of_group(word, below.choice(*SIDES))
        if word == "attribute":
            default = literal(part.at("default"), word) if "default" in part else None
            return AttributeOf(below.text(), default)
        if word == "attribute_product":
            return AttributeProduct(
                tuple(AttributeOf(each.text()) for each in _several(below, "attribute"))
            )
        if word == "scale_product":
            return ScaleProduct(tuple(self.operand(each) for each in _several(below, "operand")))
        return self._of_operand(word, part)

    def _of_operand(self, word: str, part: Part) -> Measure:
        operand = self.operand(part.at(word))
        if word == "elements":
            return EachElement(operand)
        if word == "dimension":
            axis = part.at("axis").integer()
            return OfOperand(operand, f"the size on axis {axis} of", facts.size_of(axis))
        if word == "dimension_product":
            axes = tuple(each.integer() for each in _several(part.at("axes"), "axis"))
            wording = f"the product of the sizes on axes {listed(map(str, axes), 'and')} of"
            return OfOperand(operand, wording, facts.area(axes))
        wording, look = _OF_OPERAND[word]
        return OfOperand(operand, wording, look)

    def _compare(self, measure: Measure, part: Part, word: str) -> Condition:
        relations = [key for key in part.words() if key in RELATIONS]
        if len(relations) != 1:
            expected = ", ".join(RELATIONS)
            raise part.error(f"expected one comparison, found {len(relations)}: one of {expected}")
        if isinstance(part.data, dict) and word not in part:
            part.words(RELATIONS)
        relation = relations[0]
        bound = self._bound(part.at(relation), relation, word)
        return Compare(measure, relation, bound, self.titles if word == "level" else {})

    def _bound(self, part: Part, relation: str, word: str) -> Fact | Measure:
        check_order(part, word, relation)
        if not isinstance(part.data, dict) or RELATIONS[relation].bound not in {"any", "number"}:
            return bound(part, word, relation, self.settings.get(word))
        other = self.word_of(part)
        if other not in MEASURES or set(part.words()) & set(RELATIONS):
            raise part.error("expected a fact to compare with, such as {rank: output}")
        check_order(part, other, relation)
        return self._measure(other, part)


def _several(part: Part, noun: str) -> tuple[Part, ...]:
    """The items of a list that has some."""
    items = tuple(part.each())
    if not items:
        raise part.error(f"expected at least one {noun}")
    return items


def _predicate(part: Part) -> Predicate:
    """The predicate that a condition names: npulint's own, or an installed package's."""
    name = part.text_at("predicate")
    if name in KNOWN:
        return KNOWN[name]
    brought = extensions.predicates()
    if name in brought.disputed:
        raise part.error(brought.disputed[name])
    if name not in brought.usable:
        hint = nearest(name, (*KNOWN, *brought.usable))
        raise part.error(f"unknown predicate {name!r}: {hint}")
    return brought.usable[name]
