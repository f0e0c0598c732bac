"""Which rules some words mean: codes, beginnings of codes, names of rules and of families."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from npulint.opsets.document import nearest
from npulint.rules import RULES
from npulint.rules.record import FAMILIES

if TYPE_CHECKING:
    from npulint.finding import Severity
    from npulint.rules.record import Rule

ACCOUNTS = "accounts"
"""The family of rules about what was asked and accepted, and not about models."""

_EXACT = 7
"""The weight of a rule's own code or name; that of a beginning of a code is its length."""


def complaint(word: str) -> str | None:
    """What is wrong with a word that ought to mean rules; None where it does."""
    if any(weight(word, rule) for rule in RULES):
        return None
    if _digit(word) in FAMILIES or word.casefold() in FAMILIES.values():
        return None
    words = [w for rule in RULES for w in (rule.code, rule.name)]
    hint = nearest(word, [*words, *FAMILIES.values()])
    return f"unknown rule {word!r}: {hint}"


def weight(word: str, rule: Rule) -> int:
    """How precisely a word means a rule; 0 where it does not.

    Args:
        word: `NPU101`, `NPU1`, `NPU`, a rule's name, or a family's.
        rule: The rule.
    """
    said = word.casefold()
    if said in (rule.code.casefold(), rule.name):
        return _EXACT
    if said == rule.family:
        return len("NPU1")
    known = len(said) >= len("NPU") and rule.code.casefold().startswith(said)
    return len(said) if known else 0


def heaviest(words: Iterable[str], rule: Rule) -> int:
    """The weight of the word that means a rule most precisely; 0 where none does."""
    return max((weight(word, rule) for word in words), default=0)


def means_accounts(word: str) -> bool:
    """Whether a word means rules about the user's own wishes, and no others."""
    meant = [rule.family for rule in RULES if weight(word, rule)]
    return bool(meant) and set(meant) == {ACCOUNTS}


def wanted(rule: Rule, select: Sequence[str] | None, ignore: Sequence[str] | None) -> bool:
    """Whether a rule is to run.

    The word that means it most precisely decides, `ignore` where two are alike. What accounts for
    the user's own wishes runs unless it is ignored: a selection is of what to look for in models.

    Args:
        rule: The rule.
        select: Words for what to run; None for every rule.
        ignore: Words for what not to run.
    """
    against = heaviest(ignore or (), rule)
    if select is None or rule.family == ACCOUNTS:
        # An explicit selection may still bring back what a wider word ignores.
        return against == 0 or heaviest(select or (), rule) > against
    return heaviest(select, rule) > against


def severity_of(rule: Rule, layers: Iterable[Mapping[str, Severity]]) -> Severity:
    """How grave a rule's findings are.

    Args:
        rule: The rule.
        layers: The user's words, those that win first. In each the most precise word decides.
    """
    for layer in layers:
        best = max(layer, key=lambda word: weight(word, rule), default=None)
        if best is not None and weight(best, rule):
            return layer[best]
    return rule.severity


def _digit(word: str) -> str:
    """The digit of `NPU7`, which is a family's whether or not it has a rule."""
    return word[3:] if word[:3].casefold() == "npu" and len(word) == len("NPU7") else ""
