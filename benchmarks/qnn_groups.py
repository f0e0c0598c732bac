"""Which chips share what they know, and which of them answer alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from qnn_answers import Answer, Case

Answers: TypeAlias = "dict[str, Answer]"
"""What a chip says, by the name of the case."""

Group: TypeAlias = "tuple[int, ...]"
"""Architectures, ascending."""


ENOUGH = 300
"""Cases on which two chips must have been asked to be called alike: of as many without a
disagreement, fewer than one in a hundred can be told to differ (with 95 % confidence)."""


Told: TypeAlias = "frozenset[tuple[str, int]]"
"""Cases and chips of which the front end's own conditions tell that they are refused."""


@dataclass(frozen=True, slots=True)
class Kin:
    """Which chips answer alike.

    Attributes:
        alike: Chips that never disagreed.
        refusing: Newer chips by an older one that refuses all that they refuse.
    """

    alike: tuple[Group, ...]
    refusing: Mapping[int, Group]


def shared(cases: Sequence[Case], told: Told = frozenset()) -> tuple[list[Case], Kin]:
    """Give chips each other's answers, as far as they never disagreed on any operator.

    Args:
        cases: All cases of a front end.
        told: What is known to be refused. Where it tells two chips apart, one's answer says
            nothing of the other's.

    Returns:
        The cases with the answers that follow, and which chips are alike.
    """
    chips = sorted({arch for case in cases for arch in case.answers})
    pairs = {
        (one, other): list(_both(cases, told, one, other))
        for one in chips
        for other in chips
        if one != other
    }
    alike: list[list[int]] = []
    asked = {arch: sum(arch in case.answers for case in cases) for arch in chips}
    for arch in sorted(chips, key=lambda arch: (-asked[arch], arch)):
        home = next((g for g in alike if all(_agree_all(pairs[arch, each]) for each in g)), None)
        if home is None:
            alike.append([arch])
        else:
            home.append(arch)
    groups = tuple(sorted(tuple(sorted(group)) for group in alike))
    refusing = {
        arch: tuple(each for each in chips if each > arch and _refuses(pairs[arch, each]))
        for arch in chips
    }
    kin = Kin(groups, {arch: donors for arch, donors in refusing.items() if donors})
    return [replace(case, answers=_filled(case, kin, told)) for case in cases], kin


def _both(
    cases: Sequence[Case], told: Told, one: int, other: int
) -> Iterator[tuple[Answer, Answer]]:
    """What two chips said of the cases that both were asked and that nothing tells apart."""
    for case in cases:
        if one in case.answers and other in case.answers and not _apart(case, told, one, other):
            yield case.answers[one], case.answers[other]


def _apart(case: Case, told: Told, one: int, other: int) -> bool:
    return ((case.name, one) in told) != ((case.name, other) in told)


def _agree_all(both: Sequence[tuple[Answer, Answer]]) -> bool:
    return len(both) >= ENOUGH and all(mine.label == its.label for mine, its in both)


def _refuses(both: Sequence[tuple[Answer, Answer]]) -> bool:
    """Whether one chip refuses what the other refuses, as far as was seen."""
    refused = [mine.label for mine, its in both if its.label == "refused"]
    return len(refused) >= ENOUGH and set(refused) == {"refused"}


def _filled(case: Case, kin: Kin, told: Told) -> dict[int, Answer]:
    answers = dict(case.answers)
    for group in kin.alike:
        for arch in set(group) - set(case.answers):
            for other in group:
                if other in case.answers and not _apart(case, told, arch, other):
                    answers.setdefault(arch, case.answers[other])
    for arch, donors in kin.refusing.items():
        for other in donors:
            its = case.answers.get(other)
            if its and its.label == "refused" and not _apart(case, told, arch, other):
                answers.setdefault(arch, its)
    return dict(sorted(answers.items()))


def completed(cases: Sequence[Case]) -> dict[int, Answers]:
    """What each chip says of the cases of one operator, as far as that can be known.

    A chip that agreed with another in all cases that both were asked, one at least, is taken to
    agree with it in those that it was not asked. Where two disagree on the operator, the same
    holds kind by kind. The other is the best asked one.

    Args:
        cases: All cases of an operator.
    """
    own = {
        arch: {case.name: case.answers[arch] for case in cases if arch in case.answers}
        for arch in sorted({arch for case in cases for arch in case.answers})
    }
    best_first = sorted(own, key=lambda arch: (-len(own[arch]), arch))
    kinds = sorted({case.kind for case in cases})
    parts = [
        [case.name for case in cases],
        *([case.name for case in cases if case.kind == kind] for kind in kinds),
    ]
    whole = {arch: dict(answers) for arch, answers in own.items()}
    for names in parts:
        for arch, answers in whole.items():
            for other in best_first:
                if other != arch and _agree(names, own[arch], own[other]):
                    told = own[other]
                    answers.update({n: told[n] for n in names if n in told and n not in answers})
    return whole


def _agree(names: Sequence[str], one: Mapping[str, Answer], other: Mapping[str, Answer]) -> bool:
    both = [(one[name].label, other[name].label) for name in names if name in one and name in other]
    return bool(both) and all(mine == its for mine, its in both)


def groups_of(
    whole: Mapping[int, Answers], is_wrong: Callable[[Answer], bool]
) -> list[tuple[Group, Answers]]:
    """The chips that say the same of the same cases, and what they say."""
    groups: dict[frozenset[tuple[str, str, bool]], list[int]] = {}
    for arch, answers in whole.items():
        said = frozenset((name, each.label, is_wrong(each)) for name, each in answers.items())
        groups.setdefault(said, []).append(arch)
    return [(tuple(sorted(archs)), whole[archs[0]]) for archs in groups.values()]
