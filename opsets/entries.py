"""From a table's plain data to the entries of one target."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from npulint.opsets.conditions import WORDS, Scope
from npulint.opsets.document import DocumentError, Part, nearest
from npulint.opsets.measures import Fact, Given, Measure, Operand
from npulint.opsets.reduction import reduced
from npulint.opsets.table import CAUTION_KINDS, Advice, CautionKind, Entry, Rule, Setting
from npulint.opsets.vocabulary import All, Condition
from npulint.opsets.witnesses import Agreement, Witness

_ENTRY_KEYS = (
    "op", "inputs", "outputs", "source", "require", "build", "accept", "cautions",
    "lowering", "custom", "witnesses",
)  # fmt: skip
RULE_KEYS = ("when", "kind", "source", "id", "else", "note")
_REFERENCE = re.compile(r"([a-z][a-z0-9_-]*)(?: (\S.*))?")


@dataclass(frozen=True, slots=True)
class Family:
    """What all entries of a table share.

    Attributes:
        sources: Each source by its short name: what stands before and after the place in it.
        kinds: Names of failures by the word of the condition, where an entry gives none.
        wordings: What each setting is called in a sentence.
        titles: Names for people of a level's values.
        witnesses: The integrations that the table is pieced together from, by their words.
        agreement: How many of them must take a form.
    """

    sources: Mapping[str, tuple[str, str]]
    kinds: Mapping[str, str]
    wordings: Mapping[str, str]
    titles: Mapping[Fact, str]
    witnesses: Mapping[str, Part] = field(default_factory=dict)
    agreement: int = 0

    def cite(self, part: Part) -> str:
        """A source in full: its file or page, the place in it, and what was read when."""
        match = _REFERENCE.fullmatch(part.text())
        if match is None or match[1] not in self.sources:
            hint = nearest(part.text().split()[0], self.sources)
            raise part.error(f"unknown source {part.data!r}: {hint}")
        before, after = self.sources[match[1]]
        joint = "" if before.endswith("/") and match[2] else " "
        return " ".join(filter(None, (joint.join(filter(None, (before, match[2]))), after)))


def build_entry(part: Part, op: str, family: Family, settings: Mapping[str, Setting]) -> Entry:
    """Build what one target says about one operator.

    Conditions that hang on the target's settings alone are decided here, so that an entry has
    only what is left to ask of an operation.

    Args:
        part: The entry's data.
        op: The operator, one of those that the data is for.
        family: What the table's entries share.
        settings: The target's settings.

    Raises:
        DocumentError: The data is not an entry of the language.
    """
    part.words(_ENTRY_KEYS)
    if family.witnesses:
        settings = {**settings, "operator": op}
    scope = Scope(
        operands=_operands(part),
        settings=settings,
        wordings=family.wordings,
        titles=family.titles,
    )
    witnesses = tuple(_witnesses(part, op, family, scope))
    heard = "; ".join(witness.source for witness in witnesses)
    source = heard if heard and "source" not in part else family.cite(part.at("source"))
    maker = _Maker(op, family, scope, source)
    parts = {key: tuple(maker.rules(part, key)) for key in ("require", "build", "accept")}
    left, granted = _decided(parts["require"])
    build, built = _decided(parts["build"])
    accept = tuple(
        replace(rule, condition=All(()) if condition is True else condition, when=None)
        for rule in parts["accept"]
        for condition in [reduced(_whole(rule))]
        if condition is not False
    )
    cautions = tuple(_advice(part, family, scope, maker.source))
    if witnesses:
        left = (_agreement(op, witnesses, family, source), *left)
        cautions += tuple(advice for witness in witnesses for advice in witness.dissent())
    kept = (*left, *build, *accept)
    return Entry(
        op=op,
        require=left,
        build=build,
        accept=accept,
        granted=(*granted, *built),
        cautions=cautions,
        lowering=part.text_at("lowering", ""),
        source=maker.source,
        measures=_measures(kept, cautions),
        operands=tuple(scope.operands.values()),
        custom="custom" in part and part.at("custom").boolean(),
        witnesses=witnesses,
    )


def build_witnesses(document: Part) -> tuple[dict[str, Part], int]:
    """The integrations that a table is pieced together from, and how many must agree.

    Raises:
        DocumentError: They are not declared as the language wants it.
    """
    witnesses = document.map_at("witnesses", lambda part: part)
    for part in witnesses.values():
        part.words(("title", "source", "domain", "require"))
        part.text_at("title")
    if not witnesses:
        if "agreement" in document:
            raise document.error("agreement needs witnesses to agree", "agreement")
        return {}, 0
    agreement = document.at("agreement").integer()
    if not 1 <= agreement <= len(witnesses):
        raise document.error(f"expected 1 to {len(witnesses)}, as many as witnesses", "agreement")
    return witnesses, agreement


def _witnesses(part: Part, op: str, family: Family, scope: Scope) -> Iterator[Witness]:
    """What each integration that an entry names says: on this operator, and on all.

    What one says on all operators speaks of operands by the names that each entry gives them.
    """
    if "witnesses" not in part:
        return
    named = part.at("witnesses").words(family.witnesses)
    for name in (each for each in family.witnesses if each in named):
        own, common = part.at("witnesses").at(name), family.witnesses[name]
        own.words(("source", "needs", "domain", "require"))
        source, cited = family.cite(own.at("source")), family.cite(common.at("source"))
        rules = [*_Maker(f"{op}/{name}", family, scope, source).rules(own, "require")]
        try:
            rules += _Maker(f"{op}/{name}/all", family, scope, cited).rules(common, "require")
            domain = _domain(own if "domain" in own else common, scope)
        except DocumentError as fault:
            shared = fault.path[: len(common.path)] == common.path
            raise DocumentError(
                fault.path, f"{fault.message} (asked of {op})" if shared else fault.message
            ) from None
        left, granted = _decided(tuple(rules))
        if domain is not False:
            yield Witness(
                name=name,
                title=common.text_at("title"),
                source=source,
                require=left,
                granted=granted,
                domain=None if domain is True else domain,
                domain_source=source if "domain" in own else cited,
                needs=own.text_at("needs", ""),
            )


def _domain(part: Part, scope: Scope) -> Condition | bool:
    """The forms that an integration speaks of, or whether it speaks of all or none."""
    return reduced(scope.condition(part.at("domain"))) if "domain" in part else True


def _agreement(op: str, witnesses: tuple[Witness, ...], family: Family, source: str) -> Rule:
    """The demand that enough integrations take an operator."""
    panel = tuple((name, part.text_at("title")) for name, part in family.witnesses.items())
    return Rule(
        identity=f"{op}/agreement",
        condition=Agreement(family.agreement, panel, witnesses),
        when=None,
        kind="",
        source=source,
    )


@dataclass(frozen=True, slots=True)
class _Maker:
    op: str
    family: Family
    scope: Scope
    source: str

    def rules(self, part: Part, key: str, outer: Condition | None = None) -> Iterator[Rule]:
        """The demands of a list, those of nested groups included."""
        names: dict[str, int] = {}
        for rule in self._rules(part, key, outer):
            count = names[rule.identity] = names.get(rule.identity, 0) + 1
            suffix = f"-{count}" if count > 1 else ""
            yield replace(rule, identity=f"{rule.identity}{suffix}")

    def _rules(self, part: Part, key: str, outer: Condition | None) -> Iterator[Rule]:
        for item in part.list_at(key):
            if "require" in item:
                item.words(("when", "require"))
                whole = outer
                if "when" in item:
                    inner = self.scope.condition(item.at("when"))
                    whole = inner if outer is None else _and(outer, inner)
                yield from self._rules(item, "require", whole)
            else:
                yield self._rule(item, outer)

    def _rule(self, item: Part, outer: Condition | None) -> Rule:
        word = self.scope.word_of(item, RULE_KEYS)
        condition = self.scope.condition(item, RULE_KEYS)
        when = outer
        if "when" in item:
            inner = self.scope.condition(item.at("when"))
            when = inner if outer is None else _and(outer, inner)
        outcome = item.at("else").choice("unknown", "unsupported") if "else" in item else ""
        kind = item.text_at("kind", self.family.kinds.get(word, "none"))
        return Rule(
            identity=f"{self.op}/{item.text_at('id', _name(word, item.at(word).data))}",
            condition=condition,
            when=when,
            kind="" if kind == "none" else kind,
            source=self.family.cite(item.at("source")) if "source" in item else self.source,
            refuses=outcome != "unknown",
            note=item.text_at("note", ""),
        )


def _name(word: str, subject: object) -> str:
    """What a demand is called that its table does not name."""
    if word == "predicate":
        return str(subject)
    named = isinstance(subject, str) and word in WORDS and word != "never"
    return f"{word}-{subject}" if named else word


def build_advice(
    document: Part, family: Family, settings: Mapping[str, Setting]
) -> tuple[Advice, ...]:
    """Build the cautions of a target as a whole, which hang on its settings at most.

    Raises:
        DocumentError: The data is not a list of cautions of the language.
    """
    scope = Scope({}, settings, family.wordings, family.titles)
    return tuple(_advice(document, family, scope, ""))


def _advice(part: Part, family: Family, scope: Scope, source: str) -> Iterator[Advice]:
    for item in part.list_at("cautions"):
        item.words(("kind", "say", "when", "source"))
        kind = caution_kind(item)
        when = reduced(scope.condition(item.at("when"))) if "when" in item else True
        cited = family.cite(item.at("source")) if "source" in item or not source else source
        if when is not False:
            yield Advice(kind, item.text_at("say"), None if when is True else when, cited)


def caution_kind(part: Part) -> CautionKind:
    """Whether what a caution is about is slow, wrong or risky.

    Raises:
        DocumentError: The caution does not say so.
    """
    return cast(CautionKind, part.at("kind").choice(*CAUTION_KINDS))


def _operands(part: Part) -> dict[str, Operand]:
    operands: dict[str, Operand] = {}
    for key in ("inputs", "outputs"):
        items = tuple(part.list_at(key))
        for position, item in enumerate(items):
            rest = item.text().endswith("...")
            if rest and item is not items[-1]:
                raise item.error("the operands that ... stands for are the last ones")
            for name in item.text().removesuffix("...").split("|"):
                if name in operands:
                    raise item.error(f"operand {name!r} is named twice")
                operands[name] = Operand(name, key == "outputs", position, rest)
    return operands


def _decided(rules: tuple[Rule, ...]) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """Rules that an operation must be asked about, and rules that the settings alone meet."""
    left: list[Rule] = []
    granted: list[Rule] = []
    for rule in rules:
        when = True if rule.when is None else reduced(rule.when)
        if when is False:
            continue
        condition = reduced(rule.condition)
        if condition is True:
            if when is True:
                granted.append(replace(rule, when=None))
            continue
        kept = rule.condition if condition is False else condition
        left.append(replace(rule, condition=kept, when=None if when is True else when))
    return tuple(left), tuple(granted)


def _whole(rule: Rule) -> Condition:
    return rule.condition if rule.when is None else _and(rule.when, rule.condition)


def _and(left: Condition, right: Condition) -> Condition:
    return All((left, right))


def _measures(rules: tuple[Rule, ...], cautions: tuple[Advice, ...]) -> tuple[Measure, ...]:
    conditions = [rule.condition for rule in rules]
    conditions += [rule.when for rule in rules if rule.when is not None]
    conditions += [advice.when for advice in cautions if advice.when is not None]
    found = (measure for condition in conditions for measure in condition.measures())
    return tuple(dict.fromkeys(each for each in found if not isinstance(each, Given)))
