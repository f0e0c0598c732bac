"""The portability map as one page: the picture, and what is refused where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from npulint.portability import Cell, Form, Map, Row
from npulint.reports.portability import (
    NAME,
    TITLE,
    columns,
    introduction,
    papers,
    render_json,
    render_markdown,
)
from npulint.reports.portability_svg import render_svg

_STYLE = """
body { font: 14px/1.5 Helvetica, Arial, sans-serif; color: #222; margin: 24px; }
svg { max-width: 100%; height: auto; }
details { margin: 3px 0; }
summary { cursor: pointer; }
summary span, .quiet { color: #777; }
h2 { font-size: 18px; margin: 28px 0 4px; }
h3 { font-size: 14px; margin: 16px 0 4px; }
table { border-collapse: collapse; margin: 6px 0 14px 18px; font-size: 13px; }
td, th { text-align: left; vertical-align: top; padding: 2px 14px 2px 0; }
"""


def drawings(drawn: Map) -> dict[str, str]:
    """Every drawing of a map by the name of its file."""
    return {
        f"{NAME}.md": render_markdown(drawn),
        f"{NAME}.svg": render_svg(drawn),
        f"{NAME}.html": render_html(drawn),
        f"{NAME}.json": render_json(drawn),
    }


def render_html(drawn: Map) -> str:
    """Draw a page that needs nothing else; pointing at a cell says what it stands for."""
    return "\n".join(_page(drawn)) + "\n"


def _page(drawn: Map) -> Iterator[str]:
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f"<title>{TITLE}</title><style>{_STYLE}</style></head><body>"
    yield render_svg(drawn, spoken=True).rstrip("\n")
    yield f"<p>{escape(introduction(drawn))}</p>"
    yield "<h2>What is refused, network by network</h2>"
    names = {column.names[0]: ", ".join(column.names) for column in columns(drawn)}
    for source, rows in papers(drawn):
        yield f"<h3>{escape(source)}</h3>"
        for row in rows:
            yield from _network(row, names)
    yield "</body></html>"


def _network(row: Row, names: Mapping[str, str]) -> Iterator[str]:
    size = "x".join(map(str, row.image))
    yield "<details><summary>"
    yield f"{escape(row.network)} <span>{row.label}, input {size}</span></summary>"
    for form in row.forms:
        held = ", ".join(f"{escape(op)} {count}" for op, count in form.operators.items())
        yield f'<table><tr><th colspan="2">{escape(form.recipe)}</th></tr>'
        yield f'<tr><td class="quiet">operators</td><td>{held}</td></tr>'
        yield from (f"<tr><td>{a}</td><td>{b}</td></tr>" for a, b in _refusals(form, names))
        yield "</table>"
    yield "</details>"


def _refusals(form: Form, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is refused, with the targets that refuse the same."""
    if form.refusal:
        yield "not exported", escape(form.refusal)
    alike: dict[str, list[str]] = {}
    for name, full in names.items():
        cell = form.cells.get(name)
        if cell is not None:
            alike.setdefault(_said(cell), []).append(escape(full))
    yield from ((", ".join(targets), said) for said, targets in alike.items())


def _said(cell: Cell) -> str:
    parts = []
    for kind, counted in (("refused", cell.refused), ("unknown", cell.unknown)):
        if counted:
            parts.append(f"{kind}: " + ", ".join(f"{escape(o)} {n}" for o, n in counted.items()))
    if not parts:
        return "nothing is refused" if cell.nodes == 1 else "nothing is refused by itself"
    return "; ".join(parts)
