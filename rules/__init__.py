"""Rules: one module a family, one function a rule.

A rule looks at a model, or at what one target made of it, and says what is wrong. It does no
I/O and keeps no state. Its docstring has five parts (what it finds, why it matters, example,
what to do, limits) and is also its page in the docs and the text of `npulint explain CODE`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from npulint.rules.accounts import RULES as ACCOUNTS
from npulint.rules.books import Books, OnRun
from npulint.rules.channels import RULES as CHANNELS
from npulint.rules.demands import NONE, Demands
from npulint.rules.facts import Facts
from npulint.rules.hygiene import RULES as HYGIENE
from npulint.rules.limits import RULES as LIMITS
from npulint.rules.partitions import RULES as PARTITIONS
from npulint.rules.portability import RULES as PORTABILITY
from npulint.rules.preparation import RULES as PREPARATION
from npulint.rules.quantisation import RULES as QUANTISATION
from npulint.rules.quantised_forms import RULES as QUANTISED_FORMS
from npulint.rules.restoration import RULES as RESTORATION
from npulint.rules.runtime import RULES as RUNTIME
from npulint.rules.shapes import RULES as SHAPES
from npulint.rules.sole_causes import RULES as SOLE_CAUSES
from npulint.rules.types import RULES as TYPES
from npulint.rules.view import OnModel, OnTarget

if TYPE_CHECKING:
    from datetime import date

    from npulint.finding import Finding, TargetResult
    from npulint.model import Model
    from npulint.rules.record import Rule

RULES: tuple[Rule, ...] = tuple(
    sorted(
        (
            *PORTABILITY,
            *SOLE_CAUSES,
            *PREPARATION,
            *PARTITIONS,
            *SHAPES,
            *CHANNELS,
            *LIMITS,
            *TYPES,
            *QUANTISATION,
            *QUANTISED_FORMS,
            *RUNTIME,
            *RESTORATION,
            *HYGIENE,
            *ACCOUNTS,
        ),
        key=lambda rule: rule.code,
    )
)
"""Every rule, in the order of their codes."""


def run_rules(
    model: Model,
    results: Sequence[TargetResult],
    wanted: Callable[[Rule], bool] = lambda _: True,
    demands: Demands = NONE,
    *,
    today: date | None = None,
) -> tuple[Finding, ...]:
    """Run rules on a model, then on each target's result in their order.

    Args:
        model: The model.
        results: What each target makes of it.
        wanted: Which rules to run.
        demands: What the user demands of targets.
        today: The day on which it is asked. None where that does not matter: rules about what
            grows old are silent then.

    Returns:
        What they found: of the model first, then target by target, in the order of codes.
    """
    facts = Facts(model, today)
    chosen = [rule for rule in RULES if wanted(rule)]
    found: list[Finding] = []
    for rule in chosen:
        if rule.scope == "model":
            found += rule.body(OnModel(rule, facts))
    for result in results:
        for rule in chosen:
            if rule.scope == "target":
                found += rule.body(OnTarget(rule, facts, result, demands))
    return tuple(found)


def run_accounts(books: Books, wanted: Callable[[Rule], bool]) -> tuple[Finding, ...]:
    """Run the rules about what the user has accepted, after all models.

    Args:
        books: What came of it.
        wanted: Which rules to run.
    """
    chosen = [rule for rule in RULES if rule.scope == "run" and wanted(rule)]
    return tuple(found for rule in chosen for found in rule.body(OnRun(rule, books)))


def find_rule(code_or_name: str) -> Rule | None:
    """Find a rule by its code (`NPU101`) or its name, whatever the case of the letters."""
    wanted = code_or_name.lower()
    return next((r for r in RULES if wanted in (r.code.lower(), r.name)), None)
