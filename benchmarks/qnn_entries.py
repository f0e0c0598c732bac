"""What the answers to single operators come to, as entries of a table.

For each operator, the chips that never disagree are put together; what was refused becomes
demands of the check, what passed and was not compiled demands of building, other numbers than the
CPU's cautions. What was never asked is unknown: types, ranks, modes, chips, forms of other opsets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from qnn_answers import Answer, Case, Label
from qnn_atoms import (
    Atom,
    Data,
    Fact,
    atoms_of,
    condition,
    opposite,
    own_atoms,
    scope_of,
    values_of,
)
from qnn_demands import Demand, together
from qnn_forms import Form, form_of
from qnn_groups import completed, groups_of
from qnn_learner import Rule, learn
from qnn_limits import choice, limits
from qnn_rules import FEW, SOME, conditions, implied, is_kind, is_mixed, is_size
from qnn_words import why

T = TypeVar("T")

OFF = 0.02
"""Share of the output's range beyond which an emulator's numbers are wrong rather than rounded.

Rounding explains less: five steps of 8 bits, which is what a chain of quantised operators comes
to, and twenty times what float16 loses in one operation. What was measured has a gap there: of
what is compiled as meant nothing but sums of a thousand numbers and more is off by more than 0.015,
of the rest little by less than 0.02.
"""

JUMPS = frozenset(
    {
        "ArgMax", "ArgMin", "Cast", "Ceil", "Equal", "Floor", "Greater", "GreaterOrEqual",
        "IsInf", "IsNaN", "Less", "LessOrEqual", "Mod", "NonZero", "Not", "Round", "Sign", "TopK",
        "ARG_MAX", "ARG_MIN", "CAST", "CEIL", "EQUAL", "FLOOR", "FLOOR_DIV", "FLOOR_MOD",
        "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL", "ROUND", "SIGN", "TOPK_V2",
    }
)  # fmt: skip
"""Operators whose results jump: of a rounded input another result may be right."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the answers tell of one operator.

    Attributes:
        op: The operator.
        form: How its operands are called.
        demands: In the order in which they are written.
        cases: How many cases it was asked in.
        merged: In how many of those that were compiled it was gone beforehand.
    """

    op: str
    form: Form
    demands: tuple[Demand, ...]
    cases: int
    merged: int = 0


def learnt(
    op: str, cases: Sequence[Case], explained: frozenset[tuple[str, int]], chips: Sequence[int]
) -> Learnt:
    """Put together what is known of one operator.

    Args:
        op: The operator.
        cases: All of its cases.
        explained: Cases and chips of which the front end's own code tells that they are refused.
        chips: The architectures that the table is for.
    """
    form = form_of(op, cases)
    found: list[Demand] = []
    whole = completed(cases)
    for group, said in groups_of(whole, lambda answer: is_wrong(op, answer)):
        rows = [case for case in cases if case.name in said]
        told = frozenset(name for name, arch in explained if arch in group)
        answers = [said[case.name] for case in rows]
        found += _Rows(op, form, rows, answers, frozenset(group), told).demands()
    if frozenset(chips) - frozenset(whole):
        subject = {"arch": choice(sorted(whole))}
        note = "it was not asked of other chips"
        found.append(Demand("require", subject, (), frozenset(chips), True, note, len(cases)))
    found += _types_asked(cases, form)
    gone = sum(any(answer.merged for answer in case.answers.values()) for case in cases)
    return Learnt(op, form, tuple(together(found)), len(cases), gone)


def _types_asked(cases: Sequence[Case], form: Form) -> Iterator[Demand]:
    """For each chip the types that it was asked about itself, where others were asked about more.

    What chips agree on tells of the types that they agree on.
    """
    for place, full in enumerate(form.operands):
        asked: dict[int, set[str]] = {}
        for case in cases:
            for value in filter(None, case.operation.inputs[place : place + 1]):
                for arch in case.answers:
                    asked.setdefault(arch, set()).add(value.dtype or "")
        every: set[str] = set().union(*asked.values())
        if len(every) > 1:
            note = "it was not asked of this chip with other types"
            for arch, types in sorted(asked.items()):
                if types != every:
                    subject = {"dtype": full.removesuffix("..."), **choice(sorted(types))}
                    chip = frozenset({arch})
                    yield Demand("require", subject, (), chip, True, note, len(cases))
            return


@dataclass(frozen=True, slots=True)
class _Rows:
    """Cases of an operator with what the chips of a group say of them.

    Attributes:
        op: The operator.
        form: How its operands are called.
        cases: The cases.
        answers: Their answers.
        archs: The chips.
        told: Names of cases of which the front end's code tells that they are refused.
    """

    op: str
    form: Form
    cases: Sequence[Case]
    answers: Sequence[Answer]
    archs: frozenset[int]
    told: frozenset[str]

    def demands(self) -> Iterator[Demand]:
        """All that follows for these chips."""
        atoms = atoms_of(self.cases, self.form)
        refused, failed = self._labelled("refused"), self._labelled("failed")
        taken = self._labelled("taken")
        checks: list[Rule] = []
        for facts, some in _by_reason(self.answers, refused):
            told = self._of_facts(facts, some, failed | taken)
            guessed = [] if told else learn(atoms, some, failed | taken)
            yield from (self._demand("require", rule) for rule in told)
            yield from (each for rule in guessed for each in self._demands("require", rule))
            checks += told + guessed
        builds = learn(atoms, failed, taken)
        yield from (each for rule in builds for each in self._demands("build", rule))
        wrong = _mask(is_wrong(self.op, answer) for answer in self.answers)
        measured = _mask(answer.off is not None for answer in self.answers)
        for rule in learn(atoms, wrong, measured & ~wrong):
            if not rule.good:
                yield self._caution(rule)
        if taken:
            mixed = any(is_mixed(rule) for rule in (*checks, *builds))
            yield from self._limits(taken | failed, taken, ranks_by_type=mixed)
        elif all(rule.atoms for rule in (*checks, *builds)):
            subject: Data = {"never": _ALL_TOLD}
            yield Demand("require", subject, (), self.archs, True, "", len(self.cases))

    def _of_facts(self, facts: Sequence[str], bad: int, good: int) -> list[Rule]:
        """Rules of conditions on some facts only, none if these do not tell.

        Only these cases have a say in them: a bound on ranks lies at the least that was refused
        for its rank.
        """
        places = list(_places(bad | good))
        atoms = atoms_of([self.cases[place] for place in places], self.form)
        own = [atom for atom in atoms if any(fact in str(atom.data) for fact in facts)]
        if not (facts and bad and own):
            return []
        rules = learn(own, *(_mask(some >> place & 1 for place in places) for some in (bad, good)))
        if any(rule.good for rule in rules):
            return []
        return [
            Rule(rule.atoms, sum(1 << places[place] for place in _places(rule.bad)), 0)
            for rule in rules
        ]

    def _labelled(self, label: Label) -> int:
        """The cases with an answer, those apart that the front end's code explains."""
        pairs = zip(self.cases, self.answers, strict=True)
        return _mask(
            answer.label == label and (label == "taken" or case.name not in self.told)
            for case, answer in pairs
        )

    def _limits(self, checked: int, taken: int, *, ranks_by_type: bool) -> Iterator[Demand]:
        """What is beyond all that passed the checks, and beyond all that was compiled."""
        outer, inner = (
            list(limits(_at(self.cases, some), self.form, section, self.archs, ranks_by_type))
            for section, some in (("require", checked), ("build", taken))
        )
        known = {each.key[1:] for each in outer}
        yield from outer
        yield from (each for each in inner if each.key[1:] not in known)

    def _demands(self, section: str, rule: Rule) -> Iterator[Demand]:
        """What a rule comes to.

        A case or two tell that their own types and ranks are refused under the rule's conditions;
        that all others are would be saying too much, and leaves them open: unless two cases were
        refused for types and modes alone, which are the same whatever the sizes.
        """
        count = rule.bad.bit_count()
        by_chance = count <= SOME and any(map(is_size, rule.atoms))
        of_kinds = section == "require" and count > 1 and all(map(is_kind, rule.atoms))
        if rule.good or not rule.atoms or of_kinds or (count > FEW and not by_chance):
            yield self._demand(section, rule)
            return
        for place in _places(rule.bad if count <= FEW else 0):
            own = list(own_atoms(self.cases[place], self.form))
            if section == "build" and self._is_taken(own):
                continue  # with the same type and rank: what tells them apart may be anything
            more = [atom for atom in own if not implied(atom, rule.atoms)]
            yield self._demand(section, Rule((*rule.atoms, *more), 1 << place, 0))
        yield replace(self._demand(section, rule), open=True, note=_ONE)

    def _is_taken(self, own: Sequence[Atom]) -> bool:
        """Whether something of such a type and rank was compiled."""
        scope = scope_of(self.form)
        tests = [condition(atom.data, scope).test for atom in own]
        return any(
            answer.label == "taken" and all(test(case.operation) for test in tests)
            for case, answer in zip(self.cases, self.answers, strict=True)
        )

    def _demand(self, section: str, rule: Rule) -> Demand:
        """The demand that a rule's conditions do not all hold."""
        count, is_open = rule.bad.bit_count(), bool(rule.good)
        note = why(_at(self.answers, rule.bad))
        if section == "build":
            note = f"passes the checks and then cannot be compiled: {note}"
        if is_open:
            taken = rule.good.bit_count()
            note = f"{count} were refused and {taken} taken that nothing here tells apart"
        if not rule.atoms:
            return Demand(section, {"never": note}, (), self.archs, is_open, "", count)
        *others, subject = conditions(self._narrowed(rule), self.form)
        asked = opposite(subject, scope_of(self.form))
        return Demand(section, asked, tuple(others), self.archs, is_open, note, count)

    def _narrowed(self, rule: Rule) -> Rule:
        """A rule that names the types and modes that it was seen to mark.

        That a type is none of those that are taken does not tell of types that nobody asked about.
        """
        cases = _at(self.cases, rule.bad)
        return replace(
            rule,
            atoms=tuple(replace(atom, data=self._seen(atom.data, cases)) for atom in rule.atoms),
        )

    def _seen(self, data: Data, cases: Sequence[Case]) -> Data:
        if not isinstance(data.get("differs"), str):
            return data
        words = {word: value for word, value in data.items() if word != "differs"}
        seen = values_of(Fact(words, False, 0.0), cases, scope_of(self.form))
        return {**words, **choice(seen)} if seen else data

    def _caution(self, rule: Rule) -> Demand:
        found = _at(self.answers, rule.bad)
        worst = max(answer.off or 0.0 for answer in found)
        when = tuple(conditions(rule, self.form))
        return Demand("cautions", {}, when, self.archs, cases=len(found), worst=worst)


_ALL_TOLD = "no form of it that meets the other conditions was asked"

_ONE = "the few cases that differ in this were not compiled"


def is_wrong(op: str, answer: Answer) -> bool:
    """Whether the numbers of what was compiled are further off than rounding can explain."""
    return (
        op not in JUMPS and answer.label == "taken" and answer.off is not None and answer.off > OFF
    )


def _mask(flags: Iterable[object]) -> int:
    return sum(1 << place for place, flag in enumerate(flags) if flag)


def _places(mask: int) -> Iterator[int]:
    return (place for place in range(mask.bit_length()) if mask >> place & 1)


def _at(items: Sequence[T], mask: int) -> list[T]:
    return [items[place] for place in _places(mask)]


_REASONS: Mapping[str, tuple[str, ...]] = {
    "incorrect Rank": ("rank",),
    "datatypes": ("dtype", "quantisation"),
}
"""What some refusals say, and which facts they are then about."""


def _by_reason(answers: Sequence[Answer], refused: int) -> Iterator[tuple[tuple[str, ...], int]]:
    """The refusals by the facts that they say they are about; the others last."""
    for words, facts in _REASONS.items():
        some = refused & _mask(words in answer.why for answer in answers)
        refused &= ~some
        yield facts, some
    yield (), refused
