"""The catalogue of realisations, as a page and as an explanation of one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from npulint.reports import markdown
from npulint.reports.wrapping import Layout, wrapped

if TYPE_CHECKING:
    from npulint.fixers.record import Realisation

_MEANINGS = (
    ("exact", "the same function; only rounding differs, and nothing where all numbers are whole"),
    ("calibrated", "fitted to the samples given with `--calibration`; needs `--allow calibrated`"),
    (
        "lossy",
        "another function, to be trained again; needs `--allow lossy`",
    ),
)


def page() -> str:
    """Draw the page of the whole catalogue, ending in a newline."""
    return markdown.joined(_lines())


def explain(name: str, layout: Layout) -> str | None:
    """Explain a realisation, or a family of them; None where none has that name."""
    from npulint.fixers.catalogue import FAMILIES

    ways = [way for family in FAMILIES for way in family.ways if name in {way.name, family.name}]
    return "\n".join(line for way in ways for line in _told(way, layout)) + "\n" if ways else None


def names() -> Iterator[str]:
    """What can be explained here."""
    from npulint.fixers.catalogue import FAMILIES

    for family in FAMILIES:
        yield family.name
        yield from (way.name for way in family.ways)


_ITSELF = "the operator itself"
"""What a realisation is built of that only writes the same operator in another form."""


def _told(way: Realisation[Any], layout: Layout) -> Iterator[str]:
    yield f"{layout.style.bold(way.name)} ({way.exactness})"
    yield wrapped(f"{way.argument[:1].upper()}{way.argument[1:]}.", layout, "  ", "  ")
    yield wrapped(f"built of {', '.join(way.uses) or _ITSELF}", layout, "  ", "    ")
    if way.limits:
        yield wrapped(f"limits: {way.limits}", layout, "  ", "    ")


def _lines() -> Iterator[str]:
    from npulint.fixers.catalogue import FAMILIES

    yield from ("# Realisations", "")
    yield "What `npulint fix` computes a refused operator by. Which one is used is decided by"
    yield "asking the support tables about the nodes that it would build, for all chosen targets"
    yield "at once; the report names each one that lost, with its reason."
    yield ""
    yield from (f"- *{word}*: {meaning}." for word, meaning in _MEANINGS)
    yield ""
    yield "Exact ways are so for finite numbers. What becomes of infinite ones where they do not"
    yield "agree with the original is said beside them, and in the report of a rewrite. It is what"
    yield "ONNX makes of them: sums and products of TFLite's kernels end at the largest float, also"
    yield "in the original."
    for family in sorted(FAMILIES, key=lambda each: each.name):
        yield from ("", f"## {family.name}", "")
        rows = [["realisation", "exactness", "built of", "why it is the same", "limits"]]
        rows += [
            [
                markdown.code(way.name),
                way.exactness,
                ", ".join(map(markdown.code, way.uses)) or _ITSELF,
                markdown.text(way.argument),
                markdown.text(way.limits),
            ]
            for way in family.ways
        ]
        yield from markdown.table(rows)
    yield from _without()


def _without() -> Iterator[str]:
    from npulint.fixers.without import ELSEWHERE, WITHOUT

    yield from ("", "## What has none, and why", "")
    rows = [["operators", "why"]]
    rows += [[", ".join(map(markdown.code, ops)), markdown.text(why)] for ops, why in WITHOUT]
    yield from markdown.table(rows)
    yield from ("", "Some have exact ways for some maps or networks only:", "")
    yield from (f"- {what}." for what in ELSEWHERE)
