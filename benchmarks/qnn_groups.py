"""Which chips share what they know, and which of them answer alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from qnn_answers import Answer, Case

Answers: TypeAlias = "dict[str, Answer]"
"""What a chip says, by the name of the case."""

Group: TypeAlias = "tuple[int, ...]"
"""Architectures, ascending."""


ENOUGH = 300
"""Cases on which two chips must have been asked to be called alike: of as many without a
disagreement, fewer than one in a hundred can be told to differ (with 95 % confidence)."""


def shared(cases: Sequence[Case]) -> tuple[list[Case], list[Group]]:
    """Give chips that never disagreed on any operator each other's answers.

    Args:
        cases: All cases of a front end.

    Returns:
        The cases with the answers that follow, and which chips are alike.
    """
    chips = sorted({arch for case in cases for arch in case.answers})
    alike: list[list[int]] = []
    for arch in chips:
        home = next((g for g in alike if all(_is_alike(cases, arch, each) for each in g)), None)
        if home is None:
            alike.append([arch])
        else:
            home.append(arch)
    groups = [tuple(group) for group in alike]
    return [replace(case, answers=_filled(case, groups)) for case in cases], groups


def _is_alike(cases: Sequence[Case], one: int, other: int) -> bool:
    both = [case.answers for case in cases if one in case.answers and other in case.answers]
    return len(both) >= ENOUGH and all(each[one].label == each[other].label for each in both)


def _filled(case: Case, groups: Sequence[Group]) -> dict[int, Answer]:
    answers = dict(case.answers)
    for group in groups:
        told = next((case.answers[arch] for arch in group if arch in case.answers), None)
        if told is not None:
            answers.update({arch: told for arch in group if arch not in answers})
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
