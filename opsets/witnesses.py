"""Support that is pieced together from witnesses: integrations that hand work to one closed API.

Where an accelerator has no public specification, a table may state what each open integration
takes, and how many must agree. The verdict follows by counting:

- supported: as many as the table asks for take the form;
- unsupported: at least one speaks of it, and all that do refuse it;
- unknown: anything else, with a sentence on where each of them stands.

A witness that has no mapping for an operator, or that never tests what is asked about, is silent:
silence is neither consent nor refusal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from npulint.model import Operation
from npulint.opsets.describe import sentence_of
from npulint.opsets.measures import Measure
from npulint.opsets.relations import listed
from npulint.opsets.table import Advice, Rule
from npulint.opsets.vocabulary import All, Condition, Mood, Never, Opposite, Truth

Stance: TypeAlias = Literal["takes", "refuses", "depends", "silent"]
"""Where a witness stands on one operation; `depends` where a model alone cannot tell."""


@dataclass(frozen=True, slots=True)
class Witness:
    """What one integration says about one operator.

    Attributes:
        name: Its word in the table.
        title: What people call it.
        source: Where it deals with the operator.
        require: What it demands, of every operator and of this one.
        granted: Demands of it that this operator meets in any form.
        domain: The forms that it speaks of; None for all.
        domain_source: Where that is written down.
        needs: What it needs beyond what a model can show, such as a newer system; empty if
            nothing.
    """

    name: str
    title: str
    source: str
    require: tuple[Rule, ...] = ()
    granted: tuple[Rule, ...] = ()
    domain: Condition | None = None
    domain_source: str = ""
    needs: str = ""

    def stance(self, operation: Operation) -> Stance:
        """Where it stands on an operation."""
        speaks = True if self.domain is None else self.domain.test(operation)
        if speaks is False:
            return "silent"
        outcomes = [_outcome(rule, operation) for rule in self.require]
        if speaks and False in outcomes:
            return "refuses"
        return "depends" if self.needs or None in outcomes or speaks is None else "takes"

    def account(self, operation: Operation) -> str:
        """Where it stands on an operation, as a clause with the reasons."""
        match self.stance(operation):
            case "takes":
                return f"{self.title} takes it"
            case "refuses":
                return f"{self.title} refuses it ({self._grounds(operation, outcome=False)})"
            case "depends":
                return f"{self.title} may take it ({self._grounds(operation, outcome=None)})"
            case "silent":
                return f"{self.title} does not speak of it"

    def dissent(self) -> Iterator[Advice]:
        """Cautions for where this witness does not take what others take."""
        for rule in self.require:
            verb = "refuses" if rule.refuses else "may refuse"
            parts = (self.domain, rule.when, rule.condition.negated())
            yield Advice(
                "risky",
                f"{self.title} {verb} this form: {sentence_of(rule)}",
                All(tuple(part for part in parts if part is not None)),
                rule.source,
                derived=True,
            )
        if self.needs:
            needs = f"{self.title} needs {self.needs}"
            yield Advice("risky", needs, self.domain, self.source, derived=True)

    def measures(self) -> Iterator[Measure]:
        """Every fact that it looks at."""
        conditions = [rule.condition for rule in self.require]
        conditions += [rule.when for rule in self.require if rule.when is not None]
        conditions += [self.domain] if self.domain is not None else []
        for condition in conditions:
            yield from condition.measures()

    def _grounds(self, operation: Operation, *, outcome: Truth) -> str:
        """The demands with one outcome, and what else it needs."""
        grounds = []
        for rule in self.require:
            if _outcome(rule, operation) is outcome:
                closed = isinstance(rule.condition, Never)
                found = "" if closed else f"; found {rule.condition.found(operation)}"
                grounds.append(f"{sentence_of(rule)}{found}")
        if outcome is None and self.needs:
            grounds.append(f"it needs {self.needs}")
        if outcome is None and not grounds and self.domain is not None:
            grounds.append(f"it speaks of forms where {self.domain.clause('is')}")
        return ", and ".join(grounds)


@dataclass(frozen=True, slots=True)
class Poll:
    """How the witnesses stand on one operation: names, in the table's order."""

    takes: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()
    depends: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Agreement:
    """The condition that enough witnesses take an operation.

    Attributes:
        needed: How many must.
        panel: Names and titles of all witnesses of the table.
        witnesses: What those of them say that know the operator at all.
    """

    needed: int
    panel: tuple[tuple[str, str], ...]
    witnesses: tuple[Witness, ...]

    @property
    def absent(self) -> tuple[str, ...]:
        """Titles of the witnesses that do not speak of the operator in any form."""
        heard = {witness.name for witness in self.witnesses}
        return tuple(title for name, title in self.panel if name not in heard)

    def poll(self, operation: Operation) -> Poll:
        """Ask every witness."""
        stances = {witness.name: witness.stance(operation) for witness in self.witnesses}

        def who(stance: Stance) -> tuple[str, ...]:
            return tuple(name for name, _ in self.panel if stances.get(name, "silent") == stance)

        return Poll(who("takes"), who("refuses"), who("depends"), who("silent"))

    def test(self, operation: Operation) -> Truth:
        """True where enough take it, False where all that speak of it refuse it."""
        poll = self.poll(operation)
        if len(poll.takes) >= self.needed:
            return True
        return None if poll.takes or poll.depends or not poll.refuses else False

    def clause(self, mood: Mood) -> str:
        """`at least 2 of A, B and C must take it`."""
        titles = listed([title for _, title in self.panel], "and")
        return f"at least {self.needed} of {titles} {'take' if mood == 'is' else 'must take'} it"

    def found(self, operation: Operation) -> str:
        """Where each witness stands."""
        silent = self.poll(operation).silent
        accounts = [
            witness.account(operation) for witness in self.witnesses if witness.name not in silent
        ]
        if silent:
            titles = [title for name, title in self.panel if name in silent]
            verb = "does" if len(titles) == 1 else "do"
            accounts.append(f"{listed(titles, 'and')} {verb} not speak of it")
        return ", ".join(accounts)

    def state(self, operation: Operation) -> str:
        """Where each witness stands."""
        return self.found(operation)

    def negated(self) -> Condition:
        """That too few take it."""
        return Opposite(self)

    def measures(self) -> tuple[Measure, ...]:
        """The facts that any witness looks at."""
        return tuple(measure for witness in self.witnesses for measure in witness.measures())


def _outcome(rule: Rule, operation: Operation) -> Truth:
    """Whether a demand is met, None where that cannot be known from the operation."""
    applies = True if rule.when is None else rule.when.test(operation)
    if applies is False:
        return True
    truth = rule.condition.test(operation)
    if truth is True:
        return True
    return False if applies is True and truth is False and rule.refuses else None
