"""What npulint knows: the list of targets, and explanations of targets, operators and rules."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from npulint import opsets
from npulint.errors import UnknownTargetError, UsageError
from npulint.opsets.names import TITLES, operator_names
from npulint.opsets.profile import Device
from npulint.opsets.registry import unknown
from npulint.opsets.table import CAUTION_WORDS
from npulint.reports import devices, realisations
from npulint.reports.cutting import plugging, providing
from npulint.reports.wording import columns, plural
from npulint.reports.wrapping import Layout, wrapped
from npulint.rules import RULES, find_rule

if TYPE_CHECKING:
    from npulint.opsets.table import Partitioning, Target
    from npulint.rules.record import Rule


def targets_text(survey: opsets.Survey, phones: Iterable[Device], layout: Layout) -> str:
    """Draw the lists of targets and of devices, one line each, ending in a newline.

    A verbose layout adds the file of each table and the package that brings it.
    """
    rows = [["target", "dialect", "level", "operators", "date", "what it is"]]
    rows[0] += ["table"] if layout.verbose else []
    for table, target in _listed(survey):
        row = [
            target.name,
            target.dialect,
            str(target.level or "-"),
            str(len(target.entries)),
            target.date,
            target.title,
        ]
        rows.append([*row, f"{table.package}: {table.path}"] if layout.verbose else row)
    drawn = columns(rows, indent="")
    lines = [layout.style.dim(drawn[0]), *drawn[1:], "", *devices.listing(phones, layout)]
    return "\n".join(lines) + "\n"


def targets_json(survey: opsets.Survey, phones: Iterable[Device]) -> str:
    """Draw the targets and, after them, the devices as one JSON array, ending in a newline."""
    documents: list[dict[str, object]] = [
        {
            "name": target.name,
            "kind": "target",
            "family": target.family,
            "title": target.title,
            "dialect": target.dialect,
            "level": target.level or None,
            "accelerator": target.accelerator,
            "operators": len(target.entries),
            "date": target.date,
            "table": str(table.path),
            "package": table.package,
        }
        for table, target in _listed(survey)
    ]
    documents += devices.documents(phones)
    return json.dumps(documents) + "\n"


def _listed(survey: opsets.Survey) -> Iterator[tuple[opsets.Table, Target]]:
    """Each target that can be loaded, with its table."""
    for table in survey.tables:
        yield from ((table, each) for each in table.targets() if each.name in survey.names)


def explain(subject: str, layout: Layout) -> str:
    """Explain a rule, a realisation, a target, a device, or an operator there (`TARGET:OP`).

    Raises:
        UsageError: Nothing answers to the subject.
        TargetError: The part before the colon is no target and no device.
    """
    rule = find_rule(subject)
    if rule is not None:
        return "\n".join(_rule(rule, layout)) + "\n"
    told = realisations.explain(subject, layout)
    if told is not None:
        return told
    name, colon, op = subject.rpartition(":")
    if colon and op:
        return "\n".join(_asked(opsets.find(name), op, layout)) + "\n"
    try:
        found = opsets.find(subject)
    except UnknownTargetError as error:
        kinds = "rule, realisation, target or device"
        raise UsageError(str(unknown(subject, kinds, _subjects()))) from error
    if isinstance(found, Device):
        return "\n".join(devices.page(found, layout)) + "\n"
    return "\n".join(_sides(found, layout)) + "\n"


def _subjects() -> Iterator[str]:
    """All that can be explained, apart from operators."""
    for rule in RULES:
        yield from (rule.code, rule.name)
    yield from realisations.names()
    yield from opsets.targets()
    yield from opsets.devices()


def targets_diff(one: str, other: str, layout: Layout) -> str:
    """Say for each operator on which two targets differ what each demands and the other does not.

    A device demands what its path does, and has what was observed on it besides. Where both have
    a table for each dialect, table is held against table.

    Raises:
        TargetError: One of them is no target and no device.
    """
    ours, theirs = opsets.find(one), opsets.find(other)
    if ours.name == theirs.name:
        # Two states of one table, as while it is being changed: called as they were asked for.
        ours, theirs = replace(ours, name=one), replace(theirs, name=other)
    return "\n".join(_differences(ours, theirs, layout)) + "\n"


def _differences(one: Target | Device, other: Target | Device, layout: Layout) -> Iterator[str]:
    style = layout.style
    yield f"{style.bold(one.name)} against {style.bold(other.name)}"
    for each in (one, other):
        if isinstance(each, Device):
            path = f"{each.start.target.name} ({each.start.known})"
            yield f"{each.name} is judged as {path}, and by what was observed on it"
    twins = any(_path(each).twin for each in (one, other))
    for ours, theirs in _facing(_path(one), _path(other)):
        if twins:
            yield ""
            yield f"for models of {TITLES[ours.dialect]}: {ours.title} against {theirs.title}"
        yield from _between(_Side(one, ours), _Side(other, theirs), layout)
    for each, against in ((one, other), (other, one)) if twins else ():
        for side in _path(each).sides:
            if side.dialect not in {known.dialect for known in _path(against).sides}:
                yield f"only {each.name} has a table for models of {TITLES[side.dialect]}"


def _facing(one: Target, other: Target) -> Iterator[tuple[Target, Target]]:
    """The sides of two targets that answer to the same models; the first ones if none do."""
    pairs = [(a, b) for a in one.sides for b in other.sides if a.dialect == b.dialect]
    yield from pairs or [(one, other)]


@dataclass(frozen=True, slots=True)
class _Side:
    """What is compared: a target or a device, by one of its path's tables."""

    asked: Target | Device
    path: Target

    @property
    def name(self) -> str:
        return self.asked.name


def _between(one: _Side, other: _Side, layout: Layout) -> Iterator[str]:
    """Operator by operator, what one table demands and the other does not."""
    style = layout.style
    same = 0
    for op in sorted(one.path.entries.keys() | other.path.entries.keys()):
        ours, theirs = _demands(one, op), _demands(other, op)
        if ours.keys() == theirs.keys():
            same += 1
            continue
        yield ""
        yield f"  {style.bold(op)}"
        for name, lines in (
            (one.name, [line for text, line in ours.items() if text not in theirs]),
            (other.name, [line for text, line in theirs.items() if text not in ours]),
        ):
            for line in lines:
                yield wrapped(f"only {name}: {line.sentence}", layout, "    ", "      ")
                yield style.dim(f"        [{line.source}]")
    yield ""
    yield f"{plural(same, 'operator')} with the same conditions on both"


def _path(asked: Target | Device) -> Target:
    return asked.start.target if isinstance(asked, Device) else asked


def _cutting(cut: Partitioning) -> str:
    if cut.strategy == "onnx-runtime":
        return providing(cut)
    if cut.strategy == "litert-plugin":
        return plugging(cut)
    limit = f"at most {cut.max_partitions}" if cut.max_partitions else "any number"
    pieces = f"{limit}, each of at least {plural(cut.min_nodes, 'node')}"
    whole = "the whole model or none" if cut.strategy == "whole-model" else pieces
    return f"{whole}, run on {cut.runs_on}; dynamic tensors are {cut.dynamic_tensors}"


def _demands(side: _Side, op: str) -> dict[str, opsets.Line]:
    """What is demanded of an operator, by sentence; what is granted to all is no demand."""
    demands = _demands_of_path(side.path, op)
    observed = devices.lines_on(side.asked, op) if isinstance(side.asked, Device) else ()
    return {**demands, **{line.sentence: line for line in observed}}


def _demands_of_path(target: Target, op: str) -> dict[str, opsets.Line]:
    if op not in target.entries and target.otherwise is None:
        return {"": opsets.Line("the table does not speak of it", target.name)}
    lines = opsets.describe(target, op)
    return {line.sentence: line for line in lines if line.kind != "granted"}


def _rule(rule: Rule, layout: Layout) -> Iterator[str]:
    yield layout.style.bold(f"{rule.code}  {rule.name}")
    yield f"severity {rule.severity}, since {rule.since}"
    for paragraph in rule.page.split("\n\n"):
        yield ""
        yield wrapped(" ".join(paragraph.split()), layout, "", "")


def _sides(target: Target, layout: Layout) -> Iterator[str]:
    """All that is said of a target, table by table."""
    yield from _target(target, layout)
    if target.twin is not None:
        yield ""
        yield from _target(target.twin, layout)


def _target(target: Target, layout: Layout) -> Iterator[str]:
    style = layout.style
    yield f"{style.bold(target.name)}  {target.title}"
    operators = plural(len(target.entries), "operator")
    yield f"speaks {target.dialect}; table of {target.date}; {operators}"
    for caution in target.cautions:
        yield wrapped(f"{style.warn(CAUTION_WORDS[caution.kind])}  {caution.say}", layout, "", "  ")
        yield style.dim(f"  [{caution.source}]")
    if target.otherwise is not None:
        yield wrapped(
            f"operators not listed: {target.otherwise.verdict}, {target.otherwise.say}",
            layout, "", "  ",
        )  # fmt: skip
        yield style.dim(f"  [{target.otherwise.source}]")
    if target.partitioning is not None:
        cut = target.partitioning
        yield wrapped(f"pieces: {_cutting(cut)}", layout, "", "  ")
        yield style.dim(f"  [{cut.source}]")
    if target.opsets is not None:
        yield wrapped(f"loads models of {target.opsets.range}", layout, "", "  ")
        yield style.dim(f"  [{target.opsets.source}]")
    for limit in target.limits:
        yield wrapped(f"limit: {limit}", layout, "", "  ")
    yield ""
    yield wrapped("operators: " + ", ".join(sorted(target.entries)), layout, "", "  ")
    yield ""
    yield "sources"
    yield from columns(sorted(target.sources.items()))


def _asked(found: Target | Device, op: str, layout: Layout) -> Iterator[str]:
    if isinstance(found, Device):
        yield from devices.on_operator(found, op, layout)
        found = found.start.target
    first, *others = _meant(found, op)
    yield from _operator(first, op, layout)
    for other in others:
        yield ""
        yield from _operator(other, op, layout)


def _meant(target: Target, op: str) -> tuple[Target, ...]:
    """The sides of a target whose operator is meant: which list it, or else know its name.

    Where no dialect has such an operator every side says so.
    """
    if target.twin is None:
        return (target,)
    listing = tuple(side for side in target.sides if op in side.entries)
    naming = tuple(side for side in target.sides if op in operator_names(side.dialect))
    return listing or naming or target.sides


def _operator(target: Target, op: str, layout: Layout) -> Iterator[str]:
    style = layout.style
    described = opsets.describe(target, op)
    yield style.bold(f"{op} on {target.name}")
    for line in described:
        yield ""
        yield wrapped(line.sentence, layout, "  ", "  ")
        yield style.dim(f"    [{line.source}]")
