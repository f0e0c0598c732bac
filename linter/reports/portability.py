"""The portability map in words: as JSON, from which it can be drawn again, and as Markdown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple

from npulint.portability import DEVICES, Cell, Form, Map, Row
from npulint.reports import markdown
from npulint.reports.wording import plural, share

TITLE = "Portability map of mobile image restoration"
NAME = "portability-map"
"""What its files are called, but for their endings."""


class Column(NamedTuple):
    """Targets of one group that make the same of every network."""

    group: str
    names: tuple[str, ...]

    @property
    def heading(self) -> str:
        """The first target's name, and how many others are like it."""
        others = len(self.names) - 1
        return f"{self.names[0]} +{others}" if others else self.names[0]


def columns(drawn: Map) -> tuple[Column, ...]:
    """The columns to draw: what is the same everywhere in the map stands in one."""
    alike: dict[tuple[str, str], list[str]] = {}
    for name, group in drawn.columns:
        cells = ((form.cells.get(name) for form in row.forms) for row in drawn.rows)
        alike.setdefault((group, repr([list(each) for each in cells])), []).append(name)
    return tuple(Column(group, tuple(names)) for (group, _), names in alike.items())


def papers(drawn: Map) -> Iterator[tuple[str, tuple[Row, ...]]]:
    """The networks by the papers that evaluate them, in their order."""
    for source, rows in groupby(drawn.rows, key=lambda row: row.source):
        yield source, tuple(rows)


def forms(drawn: Map) -> tuple[str, ...]:
    """In which forms the networks were exported."""
    return tuple(dict.fromkeys(form.recipe for row in drawn.rows for form in row.forms))


def whole(cell: Cell) -> bool:
    """Whether a target takes a network as a whole."""
    return cell.nodes == 1


def render_json(drawn: Map) -> str:
    """Write everything that the other drawings show, a line a network."""
    head = {"columns": drawn.columns, "versions": drawn.versions}
    lines = ",\n".join(json.dumps(_row_data(row), separators=(",", ":")) for row in drawn.rows)
    return f'{json.dumps(head)[:-1]}, "networks": [\n{lines}\n]}}\n'


def _row_data(row: Row) -> dict[str, Any]:
    return {
        "network": row.network,
        "label": row.label,
        "source": row.source,
        "input": row.image,
        "forms": [
            {
                "form": form.recipe,
                "refusal": form.refusal,
                "operators": form.operators,
                "targets": list(_cells_data(form.cells)),
            }
            for form in row.forms
        ],
    }


def _cells_data(cells: Mapping[str, Cell]) -> Iterator[dict[str, Any]]:
    """Each different cell once, with the targets that it is true of."""
    same: dict[str, list[str]] = {}
    for name, cell in cells.items():
        data = {
            "nodes": round(cell.nodes, 6),
            "possible": round(cell.possible, 6),
            "macs": None if cell.macs is None else round(cell.macs, 6),
            "pieces": cell.pieces,
            "refused": cell.refused,
            "unknown": cell.unknown,
        }
        same.setdefault(json.dumps(data), []).append(name)
    for text, names in same.items():
        yield {"targets": names, **json.loads(text)}


def read_json(text: str) -> Map:
    """Read what `render_json` wrote."""
    data = json.loads(text)
    return Map(
        tuple((name, group) for name, group in data["columns"]),
        data["versions"],
        tuple(_row(each) for each in data["networks"]),
    )


def _row(data: Mapping[str, Any]) -> Row:
    height, width, channels = data["input"]
    files = tuple(_form(each) for each in data["forms"])
    image = (height, width, channels)
    return Row(data["network"], data["label"], data["source"], image, files)


def _form(data: Mapping[str, Any]) -> Form:
    cells: dict[str, Cell] = {}
    for entry in data["targets"]:
        values = {key: value for key, value in entry.items() if key != "targets"}
        cells |= dict.fromkeys(entry["targets"], Cell(**values))
    return Form(data["form"], data["operators"], cells, data["refusal"])


def introduction(drawn: Map) -> str:
    """What was drawn, in two sentences."""
    devices = sum(group == DEVICES for _, group in drawn.columns)
    versions = ", ".join(f"{name} {version}" for name, version in drawn.versions.items())
    return (
        f"{plural(len(drawn.rows), 'network')} exported as {' and as '.join(forms(drawn))} "
        f"({versions}), on {plural(len(drawn.columns) - devices, 'target')} and "
        f"{plural(devices, 'device')}."
    )


def render_markdown(drawn: Map) -> str:
    """Draw the page that shows the picture and says in tables what it shows."""
    return markdown.joined(_page(drawn))


def _page(drawn: Map) -> Iterator[str]:
    yield from (f"# {TITLE}", "", introduction(drawn))
    yield f"[The same as one page]({NAME}.html), with every operator that is refused; "
    yield f"[the same as data]({NAME}.json)."
    yield from ("", f"![{TITLE}]({NAME}.svg)", "")
    yield from ("## What keeps networks off", "")
    yield "How many networks a target takes as a whole, and the operators that it refuses or of"
    yield "which nothing is known there, each with the number of networks that have them."
    yield from ("", *markdown.table(list(_by_target(drawn))), "")
    yield from ("## Network by network", "", *_LEGEND)
    for source, rows in papers(drawn):
        for group, drawn_columns in _groups(columns(drawn)):
            yield from ("", f"### {markdown.text(source)}: {group}", "")
            yield from markdown.table(list(_by_network(rows, drawn_columns)))


_LEGEND = (
    "`all`: the whole network runs on the accelerator. Otherwise the share of multiply-accumulates",
    "that does so for certain, and in how many pieces; `-`: nothing does. `takes`: the share of",
    "operators that is supported where it is not known how the network would be cut.",
)


def _groups(drawn: Iterable[Column]) -> Iterator[tuple[str, tuple[Column, ...]]]:
    parts: dict[str, list[Column]] = {"targets": [], DEVICES: []}
    for column in drawn:
        parts[DEVICES if column.group == DEVICES else "targets"].append(column)
    yield from ((name, tuple(part)) for name, part in parts.items() if part)


def _by_target(drawn: Map) -> Iterator[list[str]]:
    kinds = forms(drawn)
    yield ["target", *kinds, "refused or unknown"]
    for column in columns(drawn):
        name = column.names[0]
        taken = []
        for kind in kinds:
            cells = [f.cells.get(name) for row in drawn.rows for f in row.forms if f.recipe == kind]
            asked = [cell for cell in cells if cell is not None]
            taken.append(f"{sum(map(whole, asked))} of {len(asked)}")
        names = ", ".join(map(markdown.code, column.names))
        yield [names, *taken, _obstacles(drawn, name) or "-"]


def _obstacles(drawn: Map, name: str) -> str:
    networks: Counter[str] = Counter()
    for row in drawn.rows:
        found = (form.cells[name] for form in row.forms if name in form.cells)
        networks += Counter({op for cell in found for op in (*cell.refused, *cell.unknown)})
    ranked = sorted(networks.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{markdown.code(op)} {count}" for op, count in ranked)


def _by_network(rows: Iterable[Row], drawn: Iterable[Column]) -> Iterator[list[str]]:
    asked = list(drawn)
    yield ["network", "file", *(each.heading for each in asked)]
    for row in rows:
        for form in row.forms:
            first = markdown.code(row.network) if form is row.forms[0] else ""
            cells = (form.cells.get(column.names[0]) for column in asked)
            yield [first, form.recipe.split()[0], *("" if c is None else words(c) for c in cells)]


def words(cell: Cell) -> str:
    """What a target makes of a network, in a few words."""
    if cell.pieces is None:
        return "takes all" if whole(cell) else f"takes {share(cell.nodes)}"
    if whole(cell):
        return "all"
    if not cell.pieces:
        return "-"
    return f"{share(cell.nodes if cell.macs is None else cell.macs)}, {cell.pieces}"
