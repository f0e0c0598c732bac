"""Puts the page together: templates, style, script and data."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

import npulint
from npulint.reports.html.data import document, kinds, script_json
from npulint.reports.html.standing import KINDS
from npulint.reports.html.view import Page
from npulint.reports.wording import count, printable, size

if TYPE_CHECKING:
    from npulint.finding import FailOn, Report

_STYLES = ("page.css", "findings.css", "timeline.css", "print.css")
_SCRIPTS = (
    "core.js",
    "theme.js",
    "timeline.js",
    "drawing.js",
    "panel.js",
    "lists.js",
    "findings.js",
    "filters.js",
    "start.js",
)


def render(report: Report, _: FailOn = "error") -> str:
    """Draw a report as one HTML file, ending in a newline."""
    page = Page(report)
    style, script = _joined(_STYLES), _script()
    text = (
        _environment()
        .get_template("page.html.jinja")
        .render(
            page=page,
            kinds=KINDS,
            version=npulint.__version__,
            policy=_policy(style, script),
            style=style,
            script=script,
            shared=script_json({"kinds": kinds(), "targets": page.targets}),
            documents=[
                None if each is None else script_json(document(each)) for each in page.gathered
            ],
        )
    )
    return f"{text.rstrip()}\n"


def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        loader=FunctionLoader(_template),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["grouped"] = count
    environment.filters["size"] = size
    environment.filters["printable"] = printable
    environment.filters["with_code"] = _with_code
    return environment


def _with_code(text: str) -> Markup:
    """Words of a docstring, with code where they have backquotes."""
    parts = [
        Markup("<code>{}</code>" if number % 2 else "{}").format(part)
        for number, part in enumerate(text.split("`"))
    ]
    return Markup("").join(parts)


def _template(name: str) -> str:
    return _read("templates", name)


def _script() -> str:
    """The script, whose parts share one scope that nothing outside can reach."""
    return f"(() => {{\n'use strict';\n{_joined(_SCRIPTS)}}})();\n"


def _joined(names: tuple[str, ...]) -> str:
    return "".join(_read("assets", name) for name in names)


@cache
def _read(folder: str, name: str) -> str:
    file = resources.files("npulint.reports.html") / folder / name
    return file.read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """A content security policy: this style, this script, and nothing else from anywhere."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src {_digest(style)}",
            f"script-src {_digest(script)}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _digest(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
