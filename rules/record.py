"""What a rule is: a frozen record around one function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from npulint.finding import Finding, Severity
    from npulint.rules.books import OnRun
    from npulint.rules.view import OnModel, OnTarget

TargetBody: TypeAlias = "Callable[[OnTarget], Iterator[Finding]]"
ModelBody: TypeAlias = "Callable[[OnModel], Iterator[Finding]]"
RunBody: TypeAlias = "Callable[[OnRun], Iterator[Finding]]"

FAMILIES = {
    "1": "portability",
    "2": "partitions",
    "3": "shapes",
    "4": "types",
    "5": "runtime",
    "6": "quantisation",
    "7": "restoration",
    "8": "hygiene",
    "9": "accounts",
}
"""What the first digit of a code says."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        code: Stable identity: `NPU` and three digits, the first one for the family.
        name: The offence; reads after "allow".
        severity: How grave its findings are unless the user decides otherwise.
        since: The npulint version that brought it.
        scope: Whether it looks at a model by itself, at what one target makes of it, or at what
            a whole run shows of what the user has accepted.
        body: The function that finds.
        fixes: Realisations, families of realisations or clean-ups that may cure what it finds,
            by their names in the catalogue.
    """

    code: str
    name: str
    severity: Severity
    since: str
    scope: Literal["model", "target", "run"]
    body: Callable[..., Iterator[Finding]]
    fixes: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """The family that its code says."""
        return FAMILIES[self.code[3]]

    @property
    def page(self) -> str:
        """The rule's documentation: the docstring of its function."""
        return inspect.getdoc(self.body) or ""

    @property
    def summary(self) -> str:
        """The first sentence of its documentation, on one line."""
        return " ".join(self.page.split("\n\n", maxsplit=1)[0].split())


def target_rule(
    code: str, name: str, severity: Severity, since: str, fixes: tuple[str, ...] = ()
) -> Callable[[TargetBody], Rule]:
    """Make a rule out of a function that looks at what one target makes of a model."""
    return lambda body: Rule(code, name, severity, since, "target", body, fixes)


def model_rule(
    code: str, name: str, severity: Severity, since: str, fixes: tuple[str, ...] = ()
) -> Callable[[ModelBody], Rule]:
    """Make a rule out of a function that looks at a model by itself."""
    return lambda body: Rule(code, name, severity, since, "model", body, fixes)


def run_rule(code: str, name: str, severity: Severity, since: str) -> Callable[[RunBody], Rule]:
    """Make a rule out of a function that looks at what a run shows of suppressions and baseline."""
    return lambda body: Rule(code, name, severity, since, "run", body)
