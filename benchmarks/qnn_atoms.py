"""The single conditions out of which the tables of the HTP are made, as the cases suggest them.

A condition is data of the table language and evaluated by it, so that what is learned is what a
table will say. Each has a price: of two that tell the same cases apart, the cheaper is the one
that a person would rather write.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from qnn_answers import Case
from qnn_forms import FUSED, Form
from qnn_values import QUANTISED

from npulint.opsets.conditions import Scope
from npulint.opsets.document import Part
from npulint.opsets.measures import Operand, quantisation
from npulint.opsets.relations import RELATIONS
from npulint.opsets.vocabulary import Condition

Data = Mapping[str, Any]

MOST_VALUES = 8
"""Measures of one fact that are told apart one by one; types and modes always are."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that conditions may ask of an operator.

    Attributes:
        words: What names it in the table language: `{"dtype": "X"}`.
        ordered: Whether it is a number, of which more and less can be asked.
        price: What a condition on it costs.
    """

    words: Data
    ordered: bool
    price: float


@dataclass(frozen=True, slots=True)
class Atom:
    """One condition.

    Attributes:
        data: As the table language has it.
        price: What writing it down costs.
        mask: The cases in which it holds, as bits by their places.
        reach: Those in which it holds or cannot be told, though its operands are there: of these
            a table with the condition would not say what becomes of them.
    """

    data: Data
    price: float
    mask: int
    reach: int


def scope_of(form: Form) -> Scope:
    """What the names of an operator's operands stand for."""
    operands = {}
    for place, full in enumerate(form.operands):
        name = full.removesuffix("...")
        operands[name] = Operand(name, output=False, position=place, rest=name != full)
    if form.result:
        operands[form.result] = Operand(form.result, output=True, position=0)
    return Scope(operands, {}, {}, {})


def condition(data: Data, scope: Scope) -> Condition:
    """The condition that some data is."""
    return scope.condition(Part(data))


def opposite(data: Data, scope: Scope) -> Data:
    """The data of the opposite condition."""
    if "not" in data:
        inner: Data = data["not"]
        return inner
    if any(measure.many for measure in condition(data, scope).measures()):
        return {"not": data}
    return _turned(data)


def _turned(data: Data) -> Data:
    for word, bound in data.items():
        if word in RELATIONS:
            other = RELATIONS[word].opposite
            return {**{key: value for key, value in data.items() if key != word}, other: bound}
        if isinstance(bound, Mapping):
            return {word: _turned(bound)}
    return {"not": data}


_OF_OPERANDS = frozenset(
    {
        "constant", "dimension", "dtype", "element_count", "first_element", "last_axis", "present",
        "quantisation", "rank", "shape", "static",
    }
)  # fmt: skip


def operands_in(data: object) -> frozenset[str]:
    """The operands that a condition speaks of."""
    if isinstance(data, list):
        return frozenset().union(*map(operands_in, data))
    if not isinstance(data, Mapping):
        return frozenset()
    own = {value for key, value in data.items() if key in _OF_OPERANDS and isinstance(value, str)}
    return frozenset(own).union(*map(operands_in, data.values()))


def atoms_of(cases: Sequence[Case], form: Form) -> list[Atom]:
    """Every condition that holds for some of the cases and not for all, the cheapest of each kind.

    Conditions that hold for the same cases are one and the same to a learner; of those on the same
    kind of fact the cheapest is kept, and of equally cheap ones the first by its text.
    """
    scope = scope_of(form)
    best: dict[tuple[int, str], Atom] = {}
    everywhere = (1 << len(cases)) - 1
    for data, price in _candidates(cases, form, scope):
        test = condition(data, scope).test
        mask = reach = 0
        operands = [scope.operands[name] for name in operands_in(data)]
        for place, case in enumerate(cases):
            truth = test(case.operation)
            if truth is True:
                mask |= 1 << place
            elif truth is None and all(each.find(case.operation) for each in operands):
                reach |= 1 << place
        key = mask, _kind(data)
        known = best.get(key)
        if mask not in {0, everywhere} and (known is None or (price, str(data)) < _rank(known)):
            best[key] = Atom(data, price, mask, mask | reach)
    return sorted(best.values(), key=_rank)


def _kind(data: Data) -> str:
    """The kind of fact that a condition is on, where a compiler's words may name it."""
    if "rank" in data:
        return "rank"
    return "type" if data.keys() & {"dtype", "quantisation", "all"} else ""


def own_atoms(case: Case, form: Form) -> Iterator[Atom]:
    """The type and the rank of a case's first operand, as conditions."""
    first = case.operation.inputs[0] if case.operation.inputs else None
    if first is None or not form.operands:
        return
    name = form.operands[0].removesuffix("...")
    parts: list[Data] = [{"dtype": name, "equals": first.dtype}]
    if first.dtype in QUANTISED:
        parts.append({"quantisation": name, "equals": quantisation(first)})
    yield Atom({"all": parts} if len(parts) > 1 else parts[0], 1.0, 0, 0)
    yield Atom({"rank": name, "equals": len(first.shape or ())}, 1.0, 0, 0)


def _rank(atom: Atom) -> tuple[float, str]:
    return atom.price, str(atom.data)


def _candidates(cases: Sequence[Case], form: Form, scope: Scope) -> Iterator[tuple[Data, float]]:
    units = list(_of_stored_forms(cases, form))
    # A type that was asked quantised only, or never so, tells nothing of itself in the other form.
    half = [at for at, count in Counter(at for at, _ in units).items() if count < 2]
    for fact in facts_of(cases, form):
        seen = values_of(fact, cases, scope)
        if seen is not None:
            name = fact.words.get("dtype")
            yield from _of_fact(fact, [each for each in seen if (name, each) not in half])
    yield from (({"all": parts}, 0.9) for _, parts in units)
    yield from _of_pairs(form)
    for name in form.operands:
        if name.endswith("..."):
            continue
        for word in ("constant", "static"):
            yield {word: name}, 1.2
            yield {"not": {word: name}}, 1.2
        if name in form.optional:
            yield {"present": name}, 1.1
            yield {"not": {"present": name}}, 1.1


def facts_of(cases: Sequence[Case], form: Form) -> Iterator[Fact]:
    """What can be asked of an operator's operands and attributes."""
    for place, full in enumerate(form.operands):
        name = full.removesuffix("...")
        if name != full:
            yield from (
                Fact({"dtype": name}, False, 1.0),
                Fact({"rank": name}, True, 1.0),
                Fact({"quantisation": name}, False, 1.9),
            )
            continue
        yield Fact({"dtype": name}, False, 1.0)
        yield Fact({"rank": name}, True, 1.0 if not place else 1.4)
        yield Fact({"quantisation": name}, False, 1.9)
        ranks = {_rank_of(case, place) for case in cases}
        low = min((rank for rank in ranks if rank), default=0)
        for axis in (*range(min(low, 4)), -1, -2):
            if axis >= -low:
                yield Fact({"dimension": name, "axis": axis}, True, 4.0)
        yield Fact({"element_count": name}, True, 4.1)
        if not any(_is_scaled(case, place) for case in cases):
            yield Fact({"first_element": name}, True, 3.0)
    if form.result:
        yield Fact({"rank": form.result}, True, 1.1)
    named = {name for case in cases for name in case.operation.attributes}
    for name in sorted(named - {FUSED}):  # which is an operator of its own
        words: dict[str, Any] = {"attribute": name}
        if name in form.defaults:
            words["default"] = form.defaults[name]
        elif any(name not in case.operation.attributes for case in cases):
            continue  # what files leave out, with a meaning that no value stands for
        yield Fact(words, True, 1.0)
    yield Fact({"inputs": {}}, True, 1.6)
    yield Fact({"outputs": {}}, True, 1.6)
    yield Fact({"constant_inputs": {}}, True, 1.7)
    yield Fact({"version": {}}, True, 1.5)


def _is_scaled(case: Case, place: int) -> bool:
    """Whether an operand's elements stand for others, which hang on its scale."""
    value = next(iter(case.operation.inputs[place : place + 1]), None)
    return value is not None and value.quantisation is not None


def _rank_of(case: Case, place: int) -> int:
    inputs = case.operation.inputs
    value = inputs[place] if place < len(inputs) else None
    return 0 if value is None else len(value.shape or ())


def values_of(fact: Fact, cases: Iterable[Case], scope: Scope) -> list[Any] | None:
    """The values that a fact has in the cases, sorted; None where it is one of several kinds."""
    measure = condition(_with(fact.words, "equals", _any_bound(fact.words)), scope).measures()[0]
    found: set[Hashable] = set()
    for case in cases:
        value = measure.read(case.operation)
        values = value if measure.many and isinstance(value, tuple) else (value,)
        found |= {each for each in values if each is not None}
    kinds = {type(each) for each in found}
    if kinds <= {int, float}:
        return sorted(found)
    return sorted(found, key=str) if len(kinds) == 1 else None


def _any_bound(words: Data) -> Any:
    if words.keys() & {"dtype", "every_dtype"}:
        return "float32"
    return "none" if "quantisation" in words else 0


def _with(words: Data, relation: str, bound: Any) -> Data:
    """A fact compared: inside, where the word is of the whole operator."""
    ((word, inside), *_) = words.items()
    if inside == {}:
        return {word: {relation: bound}}
    return {**words, relation: bound}


def _of_fact(fact: Fact, seen: Sequence[Any]) -> Iterator[tuple[Data, float]]:
    numbers = fact.ordered and all(isinstance(each, (int, float)) for each in seen)
    if seen and isinstance(seen[0], tuple):
        yield from _of_lists(fact, seen)
        return
    if numbers and not all(isinstance(each, bool) for each in seen):
        for low, high in pairwise(seen):
            yield _with(fact.words, "at_most", low), fact.price + 0.2
            least = {"at_least": high} if high - low > 1 else {"above": low}
            for relation, bound in least.items():
                yield _with(fact.words, relation, bound), fact.price + 0.2
    if "element_count" in fact.words and 0 in seen:
        for relation in ("equals", "above"):
            yield _with(fact.words, relation, 0), 1.0
    if numbers and len(seen) > MOST_VALUES:
        return
    for each in seen:
        yield _with(fact.words, "equals", each), fact.price + (1.0 if numbers else 0.0)
        yield _with(fact.words, "differs", each), fact.price + (1.1 if numbers else 0.6)
    if not numbers and len(seen) > 3:
        for place, one in enumerate(seen):
            for other in seen[place + 1 :]:
                yield _with(fact.words, "in", [one, other]), fact.price + 0.3


def _of_lists(fact: Fact, seen: Sequence[tuple[Any, ...]]) -> Iterator[tuple[Data, float]]:
    """Lists are told apart by whether all they hold is one, or zero, and one by one if few."""
    flat = {item for each in seen for item in each}
    for plain in (0, 1):
        if plain in flat:
            lists = [[plain] * length for length in sorted({len(each) for each in seen})]
            yield _with(fact.words, "in", lists), fact.price
            yield _with(fact.words, "not_in", lists), fact.price
    if len(seen) <= MOST_VALUES:
        for each in seen:
            yield _with(fact.words, "equals", list(each)), fact.price + 0.8
            yield _with(fact.words, "differs", list(each)), fact.price + 0.9


def _of_stored_forms(
    cases: Sequence[Case], form: Form
) -> Iterator[tuple[tuple[str, str], list[Data]]]:
    """Types that quantisers use, with whether they are quantised: two kinds of numbers each."""
    for place, full in enumerate(form.operands):
        name = full.removesuffix("...")
        seen = {
            (value.dtype, quantisation(value))
            for case in cases
            for value in case.operation.inputs[place : None if name != full else place + 1]
            if value is not None and value.dtype in QUANTISED
        }
        for dtype, stored in sorted(seen):
            parts: list[Data] = [{"dtype": name, "equals": dtype}]
            yield (name, dtype), [*parts, {"quantisation": name, "equals": stored}]


def _of_pairs(form: Form) -> Iterator[tuple[Data, float]]:
    names = [name for name in form.operands if not name.endswith("...")]
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            for word, price in (("rank", 1.6), ("shape", 1.7), ("dtype", 1.5)):
                yield {word: one, "equals": {word: other}}, price
                yield {word: one, "differs": {word: other}}, price
    if names and "axis" in form.defaults:
        axis = {"attribute": "axis", "default": form.defaults["axis"]}
        last = {"any": [{**axis, "equals": -1}, {**axis, "equals": {"last_axis": names[0]}}]}
        yield last, 1.2
        yield {"not": last}, 1.2
