"""Draws cases out of families: all of them, so many of each, or so many in all."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

from qnn_cases import Case, in_kinds
from qnn_draws import rounds
from qnn_operators.family import Family

FEW = 4
"""Cases of a family in a kind of which it has few."""


def _any(_: Case) -> bool:
    return True


@dataclass(frozen=True)
class Catalogue:
    """Families by what they are called.

    Attributes:
        families: The families.
        common: Kinds of which there are more cases than of others.
        takes: Whether a case can be written.
    """

    families: Mapping[str, Family]
    common: Sequence[str]
    takes: Callable[[Case], bool] = _any

    def cases(self, names: Sequence[str] = (), seed: int = 0) -> Iterator[Case]:
        """All cases of some families, or of all: the standard ones, or those that a seed draws."""
        return (case for _, case in self._named(names, seed))

    def sampled(
        self,
        names: Sequence[str],
        seed: int,
        most: int | None = None,
        total: int | None = None,
        known: frozenset[str] = frozenset(),
    ) -> list[Case]:
        """Cases drawn by a seed, the same for the same seed.

        Args:
            names: Families; all where there are none.
            seed: What draws.
            most: How many of each family and kind at most; of kinds that are rare a third of it.
            total: How many in all, each operator as often as others while it has cases.
            known: Names of cases that are left out.
        """
        drawn = [case for _, case in self.named(names, seed, most) if case.name not in known]
        if total is None:
            return drawn
        turns: dict[str, list[Case]] = {}
        for case in drawn:
            turns.setdefault(case.op, []).append(case)
        for op, members in turns.items():
            random.Random(f"{seed} {op}").shuffle(members)
        in_turn = (case for row in zip_longest(*turns.values()) for case in row if case is not None)
        return list(islice(in_turn, total))

    def named(
        self, names: Sequence[str], seed: int, most: int | None = None
    ) -> list[tuple[str, Case]]:
        """Cases drawn by a seed, each with its family; see `sampled`."""
        return list(self._thinned(names, most, seed))

    def _thinned(
        self, names: Sequence[str], most: int | None, seed: int
    ) -> Iterator[tuple[str, Case]]:
        groups: dict[tuple[str, str], list[Case]] = {}
        for name, case in self._named(names, seed):
            groups.setdefault((name, case.kind), []).append(case)
        for (name, kind), members in groups.items():
            count = len(members)
            if most is not None:
                count = min(count, most if kind in self.common else max(most // 3, 1))
            for case in random.Random(f"{seed} {name} {kind}").sample(members, count):
                yield name, case

    def _named(self, names: Sequence[str], seed: int) -> Iterator[tuple[str, Case]]:
        """Each case once, with the first family that it is of."""
        told = set()
        for name in names or self.families:
            for case in self._of(name, seed):
                if case.name not in told and self.takes(case):
                    told.add(case.name)
                    yield name, case

    def _of(self, name: str, seed: int) -> Iterator[Case]:
        family = self.families[name]
        for draw in rounds(seed, name):
            made = list(family.make(family.op, draw))
            yield from made if family.kinds is None else in_kinds(made, family.kinds)
            yield from in_kinds(made[:: max(len(made) // FEW, 1)][:FEW], family.few)
