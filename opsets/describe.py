"""What a target demands of an operator, said in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from npulint.errors import TargetError
from npulint.opsets.document import nearest
from npulint.opsets.names import TITLES, operator_names
from npulint.opsets.relations import listed
from npulint.opsets.table import CAUTION_WORDS, Advice, Entry, Rule, Target

if TYPE_CHECKING:
    from npulint.opsets.witnesses import Witness

Kind: TypeAlias = Literal[
    "require", "granted", "accept", "build", "witness", "caution", "lowering", "otherwise"
]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that a table says about an operator.

    Attributes:
        sentence: The demand, the caution or the note, with where it applies.
        source: Where it is written down.
        when: Where it applies, empty for everywhere; part of `sentence` already.
        kind: What it is: something the runtime's check demands, a demand that the target as a
            whole meets, something it accepts outright, something that handing over demands
            beyond the check, what an integration says, a caution, or how it is lowered.
    """

    sentence: str
    source: str
    when: str = ""
    kind: Kind = "require"


def sentence_of(rule: Rule) -> str:
    """A demand as a sentence."""
    demand = rule.condition.clause("must be") + (f" ({rule.note})" if rule.note else "")
    return demand if rule.when is None else f"where {rule.when.clause('is')}: {demand}"


def describe(target: Target, op: str) -> tuple[Line, ...]:
    """Say every condition that a target sets on an operator.

    Args:
        target: The target.
        op: An operator's name in the target's dialect.

    Returns:
        One line per condition, caution and note. A target that says what it does with
        operators that it has no entry for describes such an operator so.

    Raises:
        TargetError: The target has no entry for the operator and no default.
    """
    if op in target.entries:
        return tuple(_lines(target.entries[op]))
    if target.otherwise is None:
        hint = nearest(op, target.entries)
        raise TargetError(f"{target.name} says nothing about {op!r}: {hint}")
    default = target.otherwise
    sentence = f"{op}: {default.verdict}, {default.say}"
    names = operator_names(target.dialect)
    if op not in names:
        sentence += f" ({TITLES[target.dialect]} itself has no {op}: {nearest(op, names)})"
    return (Line(sentence, default.source, kind="otherwise"),)


def _lines(entry: Entry) -> Iterator[Line]:
    for rule in entry.accept:
        text = f"accepted outright where {rule.condition.clause('is')}"
        yield Line(text, rule.source, rule.condition.clause("is"), "accept")
    for rule in entry.granted:
        yield Line(f"{sentence_of(rule)} (met here)", rule.source, kind="granted")
    for rule in entry.require:
        yield Line(sentence_of(rule), rule.source, _when(rule))
    for witness in entry.witnesses:
        yield from _heard(witness)
    yield from _absent(entry)
    for rule in entry.build:
        yield Line(f"beyond the check: {sentence_of(rule)}", rule.source, _when(rule), "build")
    if not (entry.accept or entry.granted or entry.require or entry.build):
        yield Line(f"{entry.op} is taken without any condition", entry.source)
    if entry.lowering:
        yield Line(entry.lowering, entry.source, kind="lowering")
    for advice in entry.cautions:
        if not advice.derived:
            yield Line(_caution(advice), advice.source, _when(advice), "caution")


def _heard(witness: Witness) -> Iterator[Line]:
    """What one integration says about the operator."""
    domain = "" if witness.domain is None else witness.domain.clause("is")
    if domain:
        sentence = f"{witness.title} speaks where {domain}"
        yield Line(sentence, witness.domain_source, domain, "witness")
    if witness.needs:
        sentence = f"{witness.title} needs {witness.needs}"
        yield Line(sentence, witness.source, domain, "witness")
    for rule in (*witness.granted, *witness.require):
        verb = "demands" if rule.refuses else "may demand"
        sentence = f"{witness.title} {verb}: {sentence_of(rule)}"
        yield Line(sentence, rule.source, _when(rule), "witness")
    if not (witness.needs or witness.granted or witness.require):
        yield Line(f"{witness.title} demands nothing", witness.source, domain, "witness")


def _absent(entry: Entry) -> Iterator[Line]:
    """Which integrations do not know the operator."""
    from npulint.opsets.witnesses import Agreement

    for rule in entry.require:
        titles = rule.condition.absent if isinstance(rule.condition, Agreement) else ()
        if titles:
            verb = "does" if len(titles) == 1 else "do"
            sentence = f"{listed(titles, 'and')} {verb} not speak of it"
            yield Line(sentence, entry.source, kind="witness")


def _caution(advice: Advice) -> str:
    where, word = _when(advice), CAUTION_WORDS[advice.kind]
    return f"{word}, where {where}: {advice.say}" if where else f"{word}: {advice.say}"


def _when(part: Rule | Advice) -> str:
    return "" if part.when is None else part.when.clause("is")
