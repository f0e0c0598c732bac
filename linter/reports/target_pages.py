"""A page of the documentation for each support table, with all its targets side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from npulint import opsets
from npulint.opsets.names import TITLES
from npulint.reports import markdown
from npulint.reports.cutting import plugging, providing
from npulint.reports.where import Family
from npulint.reports.wording import plural

if TYPE_CHECKING:
    from npulint.model import Dialect
    from npulint.opsets.table import Advice, Partitioning, Target

_GRANTED = " (met here)"


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that a table says, and of which of its targets.

    Attributes:
        sentence: The thing.
        source: Where it is written down.
        where: Which targets, empty for all.
    """

    sentence: str
    source: str
    where: str


Places: TypeAlias = "Mapping[tuple[str, Dialect], str]"
"""The page of each table within the folder, by its family and its dialect."""


def places(tables: Iterable[opsets.Table]) -> Places:
    """Where the page of each table is: a family that has two tables has two pages."""
    known = {(table.family, table.dialect) for table in tables}
    count = Counter(family for family, _ in known)
    return {
        (family, dialect): f"{family}-{dialect}.md" if count[family] > 1 else f"{family}.md"
        for family, dialect in known
    }


def page(table: opsets.Table, places: Places) -> str:
    """Draw the page of a table, ending in a newline.

    The targets of a family stand on one page: what holds for some of them only says for which.

    Args:
        table: The table.
        places: Where the pages of tables are.
    """
    targets = table.targets()
    family = Family(targets, table.wordings, table.titles)
    return markdown.joined(_lines(table, family, places))


def _lines(table: opsets.Table, family: Family, places: Places) -> Iterator[str]:
    first = family.targets[0]
    yield f"# {markdown.text(table.document.text_at('title'))}"
    yield ""
    count = plural(len(first.entries), "operator")
    speaks = TITLES[table.dialect]
    yield f"{count} of {speaks}. Table `{table.path.name}` of {first.date}."
    yield ""
    for (name, dialect), path in places.items():
        if name == table.family and dialect != table.dialect:
            yield f"Of models of {TITLES[dialect]} [another table]({path}) is asked."
            yield ""
    yield from _targets(family.targets)
    yield from _cautions(family)
    yield from _limits(first)
    yield from _cut(first)
    yield from _opsets(first)
    yield from _aligned(first)
    yield from _unlisted(first)
    yield from _operators(family)
    yield from _sources(first)


def _targets(targets: Sequence[Target]) -> Iterator[str]:
    yield "## Targets"
    yield ""
    rows = [("`-t`", "what it is")]
    rows += [(markdown.code(each.name), markdown.text(each.title)) for each in targets]
    yield from markdown.table(rows)
    yield ""


def _cautions(family: Family) -> Iterator[str]:
    found = _merged(family, {each.name: map(_caution, each.cautions) for each in family.targets})
    if found:
        yield "## Cautions"
        yield ""
    for said in found:
        where = f"{markdown.text(said.where)}: " if said.where else ""
        source = markdown.source(said.source, family.targets[0].sources)
        yield f"- {where}{markdown.text(said.sentence)} ({source})"
    yield ""


def _caution(advice: Advice) -> opsets.Line:
    where = f"where {advice.when.clause('is')}: " if advice.when else ""
    word = "" if advice.kind == "risky" else f"{advice.kind}: "
    return opsets.Line(word + where + advice.say, advice.source)


def _limits(target: Target) -> Iterator[str]:
    if target.limits:
        yield "## What this table cannot know"
        yield ""
        yield from (f"- {markdown.text(limit)}" for limit in target.limits)
        yield ""


def _cut(target: Target) -> Iterator[str]:
    rules = target.partitioning
    yield "## How a graph is cut"
    yield ""
    if rules is None:
        yield "Not known, so of an accepted operator it is not known whether it is handed over."
    else:
        yield f"{_cutting(rules)} ({markdown.source(rules.source, target.sources)})"
    yield ""


def _aligned(target: Target) -> Iterator[str]:
    rule = target.alignment
    if rule is not None:
        said = markdown.text(f"Channels are padded to a multiple of {rule.channels}: {rule.say}")
        yield "## Channels"
        yield ""
        yield f"{said} ({markdown.source(rule.source, target.sources)})"
        yield ""


def _cutting(rules: Partitioning) -> str:
    if rules.strategy == "whole-model":
        said = f"`{rules.runs_on}` takes a model whole or not at all."
    elif rules.strategy == "onnx-runtime":
        said = providing(rules)
    elif rules.strategy == "litert-plugin":
        said = plugging(rules)
    else:
        limit = f"at most {rules.max_partitions}" if rules.max_partitions else "any number"
        least = f", each of at least {plural(rules.min_nodes, 'node')}"
        said = (
            "A graph is cut as TensorFlow Lite cuts it for a delegate; of the pieces, "
            f"`{rules.runs_on}` gets {limit}{least if rules.min_nodes > 1 else ''}."
        )
    if rules.dynamic_tensors == "refused":
        said += " One tensor whose size is not known before the run keeps the whole graph back."
    return said


def _opsets(target: Target) -> Iterator[str]:
    if target.opsets is not None:
        yield "## Opsets"
        yield ""
        source = markdown.source(target.opsets.source, target.sources)
        yield f"It loads models of {target.opsets.range} ({source})."
        yield ""


def _unlisted(target: Target) -> Iterator[str]:
    yield "## Operators that are not listed"
    yield ""
    default = target.otherwise
    if default is None:
        yield "`unknown`: the table does not speak of them."
    else:
        say = markdown.text(default.say)
        yield f"`{default.verdict}`: {say} ({markdown.source(default.source, target.sources)})"
    yield ""


def _operators(family: Family) -> Iterator[str]:
    groups = _alike(family)
    yield "## Operators"
    yield ""
    names = sorted((op, heading) for heading, (ops, _) in groups.items() for op in ops)
    yield " · ".join(f"[{markdown.text(o)}]({markdown.anchor(h)})" for o, h in names)
    yield ""
    for heading, (_, said) in sorted(groups.items()):
        yield from _operator(heading, said, family.targets[0].sources)


def _operator(heading: str, said: Sequence[Said], sources: Mapping[str, str]) -> Iterator[str]:
    yield f"### {markdown.text(heading)}"
    yield ""
    local = any(each.where for each in said)
    rows = [["condition", *(["where"] if local else []), "source"]]
    for each in said:
        where = [markdown.text(each.where)] if local else []
        rows.append([markdown.text(each.sentence), *where, markdown.source(each.source, sources)])
    yield from markdown.table(rows)
    yield ""


def _sources(target: Target) -> Iterator[str]:
    yield "## Sources"
    yield ""
    for short, cited in target.sources.items():
        yield f"- {markdown.text(short)}: {markdown.whole_source(cited)}"


def _alike(family: Family) -> dict[str, tuple[tuple[str, ...], tuple[Said, ...]]]:
    """By heading: operators of which a table says the same, and what it says."""
    alike: dict[tuple[Said, ...], list[str]] = {}
    for op in sorted(family.targets[0].entries):
        by_target = {each.name: opsets.describe(each, op) for each in family.targets}
        plain = {name: [_plain(line) for line in lines] for name, lines in by_target.items()}
        alike.setdefault(tuple(_merged(family, plain)), []).append(op)
    return {", ".join(ops): (tuple(ops), said) for said, ops in alike.items()}


def _plain(line: opsets.Line) -> opsets.Line:
    """A line as it stands on a page of all targets: what some meet is a demand all the same."""
    sentence = line.sentence.removesuffix(_GRANTED)
    if sentence.endswith(" is taken without any condition"):
        sentence = "taken without any condition"
    if line.kind == "lowering":
        sentence = f"on the accelerator: {sentence}"
    return opsets.Line(sentence, line.source)


def _merged(family: Family, by_target: Mapping[str, Iterable[opsets.Line]]) -> list[Said]:
    """What is said of each target, brought together: what stands side by side stays so."""
    order: list[opsets.Line] = []
    holders: dict[opsets.Line, list[str]] = {}
    for name, lines in by_target.items():
        place = 0
        for line in dict.fromkeys(lines):
            if line not in holders:
                order.insert(place, line)
            place = order.index(line) + 1
            holders.setdefault(line, []).append(name)
    return [Said(line.sentence, line.source, family.where(holders[line])) for line in order]
