"""What each word of a condition may be compared with: careless bounds never hold, or always do."""

from __future__ import annotations

from typing import Literal

from npulint.model import ITEM_BITS
from npulint.opsets.document import Part, nearest
from npulint.opsets.measures import Fact
from npulint.opsets.relations import RELATIONS
from npulint.opsets.table import Setting

DTYPES = frozenset({*ITEM_BITS, "string", "resource", "variant"})
"""Every element type that a table may name."""

_OF_TYPE = frozenset({"dtype", "every_dtype", "runtime_dtype"})
_NAMED = {
    "quantisation": ("none", "per-tensor", "per-channel"),
    "node_unit": ("SingleNode", "QDQGroup"),
}
_WITHOUT_ORDER = frozenset({*_OF_TYPE, "quantisation", "node_unit", "shape"})
_FRACTIONS = frozenset({"attribute", "elements", "first_element", "scale", "scale_product"})
_SWITCHES = frozenset({"attribute", "elements", "first_element"})
_NEVER_NEGATIVE = frozenset(
    {
        "rank", "every_rank", "runtime_rank", "version", "since_version", "inputs", "outputs",
        "runtime_inputs", "constant_inputs", "element_count", "dimension", "dimension_product",
    }
)  # fmt: skip


def check_order(part: Part, word: str, relation: str) -> None:
    """Refuse to ask which of two types, quantisations or shapes is the larger.

    Raises:
        DocumentError: The word has no order, and the comparison asks for one.
    """
    if word in _WITHOUT_ORDER and RELATIONS[relation].bound in {"number", "interval"}:
        raise part.error(f"{word} has no order: expected equals, differs, in or not_in")


def bound(part: Part, word: str, relation: str, given: Setting | None) -> Fact:
    """Read the literal that a word is compared with.

    Args:
        part: The literal.
        word: What is compared.
        relation: The comparison.
        given: The target's own value where the word is a setting.

    Raises:
        DocumentError: No such fact can stand there.
    """
    kind = RELATIONS[relation].bound
    if kind in {"any", "number"}:
        return _single(part, word, kind, given)
    each: Literal["any", "number"] = "any" if kind == "list" else "number"
    bounds = [_single(item, word, each, given) for item in part.each()]
    if not bounds:
        raise part.error("expected a value")
    if kind == "list":
        for place, value in enumerate(bounds):
            if any(value == other and type(value) is type(other) for other in bounds[:place]):
                raise part.error(f"{value!r} stands there twice", place)
        return tuple(bounds)
    if len(bounds) != 2 or bounds[0] > bounds[1]:  # type: ignore[operator]
        raise part.error("expected [low, high]")
    return tuple(bounds)


def literal(part: Part, word: str) -> Fact:
    """Read one plain value of the kind that a word has.

    Raises:
        DocumentError: The word has no such values.
    """
    return _single(part, word, "any", None)


def _single(part: Part, word: str, kind: str, given: Setting | None) -> Fact:
    data = part.data
    if given is not None:
        return _of_setting(part, word, given)
    if kind == "any" and (word == "shape" or (word == "attribute" and isinstance(data, list))):
        item = "dimension" if word == "shape" else word
        return tuple(_single(each, item, "any", None) for each in part.each())
    if word in _OF_TYPE:
        if not isinstance(data, str) or data not in DTYPES:
            raise part.error(f"unknown type {data!r}: {nearest(str(data), DTYPES)}")
        return data
    if word in _NAMED:
        return part.choice(*_NAMED[word])
    if word == "attribute" and kind == "any" and isinstance(data, str):
        return data
    return _number(part, word, kind)


def _number(part: Part, word: str, kind: str) -> Fact:
    data = part.data
    if isinstance(data, bool) and kind == "any" and word in _SWITCHES:
        return data
    if isinstance(data, bool) or not isinstance(data, (int, float)):
        raise part.error(f"expected a number to compare {word} with")
    if isinstance(data, float) and word not in _FRACTIONS:
        raise part.error(f"{word} is no fraction: expected a whole number")
    if data < 0 and word in _NEVER_NEGATIVE:
        raise part.error(f"{word} is never negative, found {data}")
    return data


def _of_setting(part: Part, word: str, given: Setting) -> Fact:
    return part.text() if isinstance(given, str) else part.integer()
