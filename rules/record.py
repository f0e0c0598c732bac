"""What a rule is: a frozen record around one function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from npulint.finding import Finding, Severity, TargetResult
    from npulint.model import Model

Body: TypeAlias = "Callable[[Rule, Model, TargetResult], Iterator[Finding]]"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        code: Stable identity: `NPU` and three digits, the first one for the family.
        name: The offence; reads after "allow".
        severity: How grave its findings are unless the user decides otherwise.
        since: The npulint version that brought it.
        body: The function that finds.
    """

    code: str
    name: str
    severity: Severity
    since: str
    body: Body

    def __call__(self, model: Model, result: TargetResult) -> Iterator[Finding]:
        """Yield what the rule has to say about one target's view of a model."""
        return self.body(self, model, result)

    @property
    def page(self) -> str:
        """The rule's documentation: the docstring of its function."""
        return inspect.getdoc(self.body) or ""


def rule(code: str, name: str, severity: Severity, since: str) -> Callable[[Body], Rule]:
    """Make a rule out of a function."""

    def wrap(body: Body) -> Rule:
        return Rule(code=code, name=name, severity=severity, since=since, body=body)

    return wrap
