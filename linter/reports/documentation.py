"""The generated documentation: pages of tables, devices, rules and realisations, and indexes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from npulint import opsets
from npulint.errors import UsageError
from npulint.opsets import extensions
from npulint.opsets.conditions import KNOWN
from npulint.opsets.names import TITLES
from npulint.reports import device_pages, markdown, realisations, rule_pages, target_pages
from npulint.rules import RULES

if TYPE_CHECKING:
    from npulint.opsets.profile import Device


_HOW_TO_READ = (
    "## How to read a page",
    "",
    "- An operator is taken where all holds that stands under its name. Where a file does not tell "
    "whether something holds, the answer is `unknown`, and so it is for an operator that a table "
    "does not speak of. The sentences are made from the conditions that npulint tests.",
    "- *where* says for which targets of the table a condition is made; without a word, for all.",
    "- *beyond the check*: the runtime's own check does not ask for it, and what then happens is "
    "that building fails and the runtime takes the whole delegation back.",
    "- *accepted outright*: the check says yes before it looks at anything else.",
    "- *caution*: taken, but slow, wrong or risky there.",
    "- *on the accelerator*: what the operator becomes there.",
    "- The names of operands are the table's own. Axes count from 0, from the end if negative.",
)


def documentation(names: Sequence[str] = ()) -> dict[str, str]:
    """Draw the pages.

    Args:
        names: Targets, devices and files of either kind to have pages of; everything that
            npulint and the installed packages have when empty.

    Returns:
        By path within the folder, the text of each page.

    Raises:
        TargetError: A target is not known.
        TableError: A table or a profile is at fault.
        UsageError: Two tables would have the same page.
    """
    tables, devices = _named(names) if names else _all()
    places = target_pages.places(tables)
    pages = {"targets/index.md": _index_of_tables(tables, places)}
    for table in tables:
        path = f"targets/{places[table.family, table.dialect]}"
        if path in pages:
            raise UsageError(f"{table.path}: another table has the family {table.family!r} too")
        pages[path] = target_pages.page(table, places)
    if devices:
        pages["devices/index.md"] = _index_of_devices(devices)
    pages |= {f"devices/{each.name}.md": device_pages.page(each, places) for each in devices}
    if not names:
        pages["targets/predicates.md"] = markdown.joined(_predicates())
        pages["realisations/index.md"] = realisations.page()
        pages["rules/index.md"] = _index_of_rules()
        pages |= {f"rules/{each.code}.md": rule_pages.page(each) for each in RULES}
    return pages


def _all() -> tuple[list[opsets.Table], list[Device]]:
    survey = opsets.survey()
    for fault in survey.faults:
        raise fault.error
    return list(survey.tables), [opsets.load_device(name) for name in opsets.devices()]


def _named(names: Iterable[str]) -> tuple[list[opsets.Table], list[Device]]:
    tables: dict[Path, opsets.Table] = {}
    devices: dict[str, Device] = {}
    for name in names:
        if opsets.is_device(name):
            device = opsets.load_device(name)
            devices[device.name] = device
        else:
            tables |= {table.path: table for table in opsets.tables_of(name)}
    return list(tables.values()), list(devices.values())


def _index_of_tables(tables: Sequence[opsets.Table], places: target_pages.Places) -> str:
    rows = [["table", "targets", "operators of", "operators", "date"]]
    for table in tables:
        first = table.targets()[0]
        title = markdown.text(table.document.text_at("title"))
        rows.append(
            [
                f"[{title}]({places[table.family, table.dialect]})",
                ", ".join(map(markdown.code, table.names)),
                TITLES[table.dialect],
                str(len(first.entries)),
                first.date,
            ]
        )
    return markdown.joined(("# Targets", "", *markdown.table(rows), "", *_HOW_TO_READ))


def _index_of_devices(devices: Sequence[Device]) -> str:
    rows = [["device", "`-t`", "chip", "judged as", "observed", "date"]]
    rows += [
        [
            f"[{markdown.text(each.title)}]({each.name}.md)",
            markdown.code(each.name),
            markdown.text(each.chip),
            f"{markdown.code(each.start.target.name)} ({each.start.known})",
            str(len(each.observed)),
            each.date,
        ]
        for each in devices
    ]
    return markdown.joined(("# Devices", "", *markdown.table(rows)))


def _predicates() -> Iterator[str]:
    yield from ("# Named predicates", "", "Conditions in Python that any table may name.", "")
    rows = [["`predicate`", "`of`", "the condition"]]
    for name, each in sorted({**KNOWN, **extensions.predicates().usable}.items()):
        operands = ", ".join(map(markdown.code, each.operands))
        sentence = f"{each.subject} must be {each.demand}"
        named = sentence.format_map({operand: operand for operand in each.operands})
        rows.append([markdown.code(name), operands, markdown.text(named)])
    yield from markdown.table(rows)


def _index_of_rules() -> str:
    return markdown.joined(_rules())


def _rules() -> Iterator[str]:
    yield from ("# Rules", "")
    rows = [["code", "name", "severity", "since"]]
    for rule in RULES:
        rows.append([f"[{rule.code}]({rule.code}.md)", rule.name, rule.severity, rule.since])
    yield from markdown.table(rows)
