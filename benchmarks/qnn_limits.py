"""How far the answers reach: what was never taken, and never refused, is open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from qnn_answers import Case
from qnn_atoms import Data, facts_of, scope_of, values_of
from qnn_demands import Demand
from qnn_forms import ACTIVATIONS, FUSED, NEWEST, Form, same_form
from qnn_values import QUANTISED

from npulint.model import Value
from npulint.opsets.measures import quantisation


def limits(
    rows: Sequence[Case],
    form: Form,
    section: str,
    archs: frozenset[int],
    ranks_by_type: bool,
) -> Iterator[Demand]:
    """How far some cases reach: beyond them the answer is open, unless it is no.

    Args:
        rows: The cases, of one operator.
        form: How its operands are called.
        section: Where the demands belong.
        archs: The chips that they are for.
        ranks_by_type: Whether the answers were seen to hang on rank and type together. Where
            they were not, a rank that is taken with one type is taken with all.
    """

    def limit(subject: Data, note: str, *when: Data) -> Demand:
        return Demand(section, subject, when, archs, True, note, len(rows))

    scope = scope_of(form)
    names = [name.removesuffix("...") for name in form.operands]
    for place, name in enumerate(names):
        given = ({"present": name},) if name in form.optional else ()
        rest = form.operands[place].endswith("...")
        seen = [
            _seen(case, value)
            for case in rows
            for value in case.operation.inputs[place : None if rest else place + 1]
            if value is not None
        ]
        for subject, note, when in _operand_limits(place, name, names, seen) if seen else ():
            if ranks_by_type or not (when and "rank" in subject):
                yield limit(subject, note, *given, *when)
    for fact in facts_of(rows, form):
        values = values_of(fact, rows, scope) or []
        name = fact.words.get("attribute", "axis")
        if "axis" not in name and set(values) != {0, 1} and _is_mode(values):
            yield limit({**fact.words, "in": values}, "no others were taken")
    if any(FUSED in case.operation.attributes for case in rows):
        yield limit({"attribute": FUSED, "in": list(ACTIVATIONS)}, "the plugin knows no others")
    if rows[0].operation.dialect == "onnx":
        yield from (limit(subject, note) for subject, note in _opset_limits(rows))


def _is_mode(values: Sequence[Any]) -> bool:
    """Whether an attribute is a choice, rather than a size of which some were tried."""
    texts = bool(values) and all(isinstance(value, str) for value in values)
    return texts or (bool(values) and set(values) <= {0, 1} and not any(map(_listed, values)))


def _listed(value: object) -> bool:
    return isinstance(value, tuple)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is looked at of an operand, beside the first operand of its operator.

    Attributes:
        with_type: The first operand's type.
        with_rank: The first operand's rank.
    """

    with_type: str
    with_rank: int
    dtype: str
    rank: int
    is_stored: bool
    is_open: bool
    quantisation: str


def _seen(case: Case, value: Value) -> _Seen:
    first = case.operation.inputs[0] or value
    return _Seen(
        with_type=first.dtype or "",
        with_rank=len(first.shape or ()),
        dtype=value.dtype or "",
        rank=len(value.shape or ()),
        is_stored=value.constant is not None,
        is_open=None in (value.shape or ()),
        quantisation=quantisation(value),
    )


Limit: TypeAlias = "tuple[Data, str, tuple[Data, ...]]"
"""A condition, what lies beyond it, and where it applies."""


def _operand_limits(
    place: int, name: str, names: Sequence[str], seen: Sequence[_Seen]
) -> Iterator[Limit]:
    yield from _type_limits(place, name, names[0], seen)
    stored = {each.is_stored for each in seen}
    if False in stored and not any(each.is_open for each in seen):
        yield {"static": name}, "with sizes left open it was not taken", ()
    if len(names) > 1 and len(stored) == 1:
        fact: Data = {"constant": name}
        yield (fact if True in stored else {"not": fact}), "otherwise it was not taken", ()
    varied = any(each.rank != each.with_rank for each in seen)
    if not place or (False in stored and varied):
        ranks = sorted({each.rank for each in seen})
        yield {"rank": name, **_ranks(ranks)}, "no others were taken", ()
    if not place:
        yield from _by_type(name, {"rank": name}, [(each.dtype, each.rank) for each in seen])
    forms = [(each.dtype, each.quantisation) for each in seen]
    yield from _by_type(name, {"quantisation": name}, forms, everywhere=False)


def _type_limits(place: int, name: str, first: str, seen: Sequence[_Seen]) -> Iterator[Limit]:
    types = sorted({each.dtype for each in seen})
    if place and len(types) > 1 and all(each.dtype == each.with_type for each in seen):
        yield {"dtype": name, "equals": {"dtype": first}}, "no others were taken", ()
        return
    together = [(each.with_type, each.dtype) for each in seen]
    by_type = list(_by_type(first, {"dtype": name}, together)) if place else []
    yield from by_type or [({"dtype": name, **choice(types)}, "no others were taken", ())]


def _by_type(
    name: str, fact: Data, pairs: Sequence[tuple[str, Any]], *, everywhere: bool = True
) -> Iterator[Limit]:
    """What was asked of a fact with some types only.

    Args:
        name: The operand whose type is looked at.
        fact: What is limited.
        pairs: Types and values that were asked together.
        everywhere: Whether what was asked with all types needs no mention.
    """
    values = {value for _, value in pairs}
    if "quantisation" in fact and values == {"none"}:
        values = {"none", "per-tensor", "per-channel"}
    by_values: dict[tuple[Any, ...], list[str]] = {}
    for dtype in sorted({dtype for dtype, _ in pairs}):
        own = tuple(sorted({value for each, value in pairs if each == dtype}))
        if "rank" in fact:
            own = own[-1:]
        by_values.setdefault(own, []).append(dtype)
    alike = [own[0] for own, types in by_values.items() if own == (types[0],) and "dtype" in fact]
    if len(alike) > 1:
        when = ({"dtype": name, **choice(sorted(alike))},)
        yield {**fact, "equals": {"dtype": name}}, "with such types nothing else was taken", when
    for own, types in sorted(by_values.items(), key=lambda each: each[1]):
        if len(alike) > 1 and own[0] in alike and own == (types[0],):
            continue
        if "rank" in fact:
            if own[-1] == max(values):
                continue
        elif everywhere and set(own) == values:
            continue
        subject = {**fact, **(_ranks(own) if "rank" in fact else choice(own))}
        stored = [each for each in types if "quantisation" not in fact or each in QUANTISED]
        if stored:
            when = ({"dtype": name, **choice(stored)},)
            yield subject, "with such types nothing else was taken", when


def choice(values: Sequence[Any]) -> Data:
    """The comparison that holds for these values and no others."""
    return {"equals": values[0]} if len(values) == 1 else {"in": list(values)}


def _ranks(ranks: Sequence[int]) -> Data:
    """What is taken with many dimensions is taken with fewer, unless it was seen not to be."""
    return {"at_most": max(ranks)}


def _opset_limits(rows: Sequence[Case]) -> Iterator[tuple[Data, str]]:
    spans = _joined({same_form(case.op, case.operation.version) for case in rows})
    conditions = [
        {"version": {"at_least": first} if last is None else {"range": [first, last]}}
        for first, last in spans
    ]
    if spans != [(1, None)]:
        subject: Data = conditions[0] if len(conditions) == 1 else {"any": conditions}
        yield subject, "its form in other opsets was not taken"


def _joined(spans: Iterable[tuple[int, int | None]]) -> list[tuple[int, int | None]]:
    """Spans of opsets in order, those that touch as one; None is an end that is open."""
    found: list[tuple[int, int | None]] = []
    for first, last in sorted(spans, key=lambda span: (span[0], span[1] or NEWEST)):
        before, end = found[-1] if found else (0, -1)
        if end is None or first <= end + 1:
            found[-1] = (before, None if end is None or last is None else max(end, last))
        else:
            found.append((first, last))
    return found
