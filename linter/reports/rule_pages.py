"""A page of the documentation for each rule: its docstring, part by part."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from npulint.reports import markdown

if TYPE_CHECKING:
    from npulint.rules.record import Rule

_PART = re.compile(r"(Why it matters|Example|What to do|Limits): (.*)", re.DOTALL)


def page(rule: Rule) -> str:
    """Draw the page of a rule, ending in a newline."""
    return markdown.joined(_lines(rule))


def _lines(rule: Rule) -> Iterator[str]:
    yield f"# {rule.code}: {rule.name}"
    yield ""
    yield f"Severity {rule.severity}, since npulint {rule.since}."
    for paragraph in rule.page.split("\n\n"):
        part = _PART.fullmatch(paragraph)
        if part is not None:
            yield from ("", f"## {part[1]}")
        # Docstrings are written with code between backquotes, so they are Markdown already.
        said = " ".join((part[2] if part else paragraph).split())
        yield from ("", said[0].upper() + said[1:])


def advice(rule: Rule) -> tuple[str, str, str]:
    """What a rule finds, why it matters, and what to do, as sentences on one line each."""
    matched = (_PART.fullmatch(paragraph) for paragraph in rule.page.split("\n\n"))
    said = {part[1]: " ".join(part[2].split()) for part in matched if part is not None}
    return rule.summary, said.get("Why it matters", ""), said.get("What to do", "")
