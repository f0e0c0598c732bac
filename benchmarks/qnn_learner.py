"""The simplest conditions that tell what was refused from what was taken.

Cases are bits of whole numbers. A rule is a set of conditions that all hold; rules are found one
after the other, each the best of those that hold for some of the bad cases that are left and for
no good one. What no condition tells apart is not decided, rather than guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from qnn_atoms import Atom

DEEPEST = 4
"""Conditions of a rule at most."""

_WIDE = 40
"""Conditions that rules of three and more are made of, the most telling first."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions that together mark bad cases.

    Attributes:
        atoms: The conditions; none of them where all cases are bad.
        bad: The bad cases in which they hold.
        good: The good ones: none where the rule is certain.
    """

    atoms: tuple[Atom, ...]
    bad: int
    good: int

    @property
    def price(self) -> float:
        """What writing it down costs."""
        return sum(atom.price for atom in self.atoms)


def learn(atoms: Sequence[Atom], bad: int, good: int) -> list[Rule]:
    """Find rules for all bad cases.

    Args:
        atoms: The conditions that there are.
        bad: The cases to be marked.
        good: The cases that must not be.

    Returns:
        Rules of which each bad case meets at least one. Those that good cases meet too are of
        cases that the conditions cannot tell apart.
    """
    if bad and not good:
        return [Rule((), bad, 0)]
    rules: list[Rule] = []
    left = bad
    while left:
        rule = _best(atoms, left, good) or _closest(atoms, left, bad, good)
        rules.append(rule)
        left &= ~rule.bad
    return _needed([Rule(rule.atoms, _where(rule.atoms, bad), rule.good) for rule in rules])


def _where(atoms: Sequence[Atom], bad: int) -> int:
    """The bad cases in which all conditions hold."""
    for atom in atoms:
        bad &= atom.mask
    return bad


def _reached(atoms: Sequence[Atom], good: int) -> int:
    """The good cases in which all conditions hold, or may."""
    for atom in atoms:
        good &= atom.reach
    return good


def _best(atoms: Sequence[Atom], bad: int, good: int) -> Rule | None:
    """The rule without good cases that marks most for its price, of as few conditions as do."""
    useful = [atom for atom in atoms if atom.mask & bad]
    found = _chosen(_grown((), useful, bad, good, 2), bad, good)
    for depth in range(3, DEEPEST + 1):
        if found is not None:
            break
        telling = sorted(useful, key=lambda atom: (-_tells(atom, bad, good), atom.price))[:_WIDE]
        found = _chosen(_grown((), telling, bad, good, depth), bad, good)
    return found


def _tells(atom: Atom, bad: int, good: int) -> float:
    """How much more often a condition holds for bad cases than for good ones."""
    return (atom.mask & bad).bit_count() / bad.bit_count() - (
        (atom.reach & good).bit_count() / good.bit_count()
    )


def _grown(
    start: tuple[Atom, ...], atoms: Sequence[Atom], bad: int, good: int, depth: int
) -> Iterator[tuple[Atom, ...]]:
    """All sets of at most so many conditions that mark some bad case and no good one.

    None has a condition that it could do without on account of the good cases before it.
    """
    for index, atom in enumerate(atoms):
        some, others = bad & atom.mask, good & atom.reach
        if not some or others == good:
            continue
        chosen = (*start, atom)
        if not others:
            yield chosen
        elif depth > 1:
            yield from _grown(chosen, atoms[index + 1 :], some, others, depth - 1)


def _chosen(sets: Iterable[tuple[Atom, ...]], bad: int, good: int) -> Rule | None:
    rules = (Rule(atoms, _where(atoms, bad), _reached(atoms, good)) for atoms in sets)
    return min(rules, key=_worth, default=None)


def _worth(rule: Rule) -> tuple[float, float, str]:
    """The best first: most cases for its price, then the cheapest, then by its text."""
    text = str([dict(atom.data) for atom in rule.atoms])
    return -rule.bad.bit_count() / (1.0 + rule.price), rule.price, text


def _closest(atoms: Sequence[Atom], left: int, bad: int, good: int) -> Rule:
    """A rule for a bad case that no rule of so many conditions tells from all good ones.

    Conditions that hold for the case are added while they leave out good cases.
    """
    case = left & -left
    mine = [atom for atom in atoms if atom.mask & case]
    chosen: tuple[Atom, ...] = ()
    others = good
    while others:
        best = min(
            mine,
            key=lambda atom: ((others & atom.reach).bit_count(), atom.price, str(atom.data)),
            default=None,
        )
        if best is None or others & best.reach == others:
            break
        chosen, others = (*chosen, best), others & best.reach
    return Rule(chosen, _where(chosen, bad) | case, others)


def _needed(rules: Sequence[Rule]) -> list[Rule]:
    """The rules without those whose cases others mark as well, the dearest left out first."""
    kept = list(rules)
    for rule in sorted(rules, key=lambda rule: (rule.good == 0, -rule.price)):
        others = 0
        for other in kept:
            others |= 0 if other is rule else other.bad
        if not rule.bad & ~others:
            kept.remove(rule)
    return kept
