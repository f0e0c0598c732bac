"""Demands and cautions that answers come to, and which of them are one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from qnn_atoms import Data


@dataclass(frozen=True, slots=True)
class Demand:
    """A demand or a caution, and the chips that it holds for.

    Attributes:
        section: `require`, `build` or `cautions`.
        subject: The condition that must hold; of a caution, nothing.
        when: Where.
        archs: On which chips.
        open: Whether breaking it leaves the answer open.
        note: What it means.
        cases: How many answers it rests on.
        worst: Of a caution, the largest difference.
    """

    section: str
    subject: Data
    when: tuple[Data, ...]
    archs: frozenset[int]
    open: bool = False
    note: str = ""
    cases: int = 0
    worst: float = 0.0

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from demands of other kinds, the chips and the number of cases apart."""
        when = sorted(map(str, self.when))
        return self.section, str(self.subject), str(when), str(self.open), self.note


def together(demands: Iterable[Demand]) -> Iterator[Demand]:
    """Demands that are the same for several chips, and those that differ in one value, as one."""
    same: dict[tuple[str, ...], Demand] = {}
    for each in demands:
        known = same.get(each.key)
        same[each.key] = each if known is None else replace(
            known,
            archs=known.archs | each.archs,
            cases=max(known.cases, each.cases),
            worst=max(known.worst, each.worst),
        )  # fmt: skip
    listed: dict[tuple[str, ...], Demand] = {}
    for each in same.values():
        fact, values = _excluded(each.subject)
        key = (each.section, str(fact), *sorted(map(str, each.when)), str(each.open),
               str(sorted(each.archs)), each.note if fact is None else "")  # fmt: skip
        known = listed.get(key)
        if known is None or fact is None or each.section == "cautions" or each.open:
            listed[key if known is None else (*key, str(len(listed)))] = each
            continue
        _, before = _excluded(known.subject)
        excluded = list(dict.fromkeys([*before, *values]))
        cases = known.cases + each.cases
        listed[key] = replace(known, subject={**fact, "not_in": excluded}, cases=cases)
    yield from _of_types(listed.values())


def _of_types(demands: Iterable[Demand]) -> Iterator[Demand]:
    """Demands that are the same but for one type that they are about, as one."""
    found: dict[tuple[str, ...], Demand] = {}
    for each in demands:
        types = [part for part in each.when if _type(part)]
        if len(types) != 1:
            alone = (*each.key, str(sorted(each.archs)))
            found[alone] = each
            continue
        rest = tuple(part for part in each.when if part is not types[0])
        name, values = types[0]["dtype"], _type(types[0])
        key = (*replace(each, when=rest).key, str(sorted(each.archs)), name)
        known = found.get(key)
        before = [] if known is None else _type(next(part for part in known.when if _type(part)))
        both = sorted({*before, *values})
        bound = {"equals": both[0]} if len(both) == 1 else {"in": both}
        cases = each.cases + (0 if known is None else known.cases)
        found[key] = replace(each, when=({"dtype": name, **bound}, *rest), cases=cases)
    yield from found.values()


def _type(part: Data) -> list[str]:
    """The types that a condition is about, where it names some."""
    if "dtype" not in part:
        return []
    if isinstance(part.get("equals"), str):
        return [part["equals"]]
    return list(part.get("in", ()))


def _excluded(subject: Data) -> tuple[Data | None, list[Any]]:
    """The fact and the values that a condition leaves out, where it does that."""
    for word, read in (("differs", lambda value: [value]), ("not_in", list)):
        if word in subject and not isinstance(subject[word], Mapping):
            fact = {key: value for key, value in subject.items() if key != word}
            return fact, read(subject[word])
    return None, []
