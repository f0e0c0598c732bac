"""Rules: one module a family, one function a rule.

A rule looks at a model and at what one target made of it, and says what is wrong. It does no
I/O and keeps no state. Its docstring has five parts (what it finds, why it matters, example,
what to do, limits) and is also its page in the docs and the text of `npulint explain CODE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from npulint.rules.portability import RULES as PORTABILITY

if TYPE_CHECKING:
    from npulint.finding import Finding, TargetResult
    from npulint.model import Model
    from npulint.rules.record import Rule

RULES: tuple[Rule, ...] = PORTABILITY
"""Every rule, in the order of their codes."""


def run_rules(model: Model, results: Sequence[TargetResult]) -> tuple[Finding, ...]:
    """Run every rule on every target's result, in the order of targets, then of codes."""
    return tuple(finding for result in results for rule in RULES for finding in rule(model, result))


def find_rule(code_or_name: str) -> Rule | None:
    """Find a rule by its code (`NPU101`) or its name, whatever the case of the letters."""
    wanted = code_or_name.lower()
    return next((r for r in RULES if wanted in (r.code.lower(), r.name)), None)
