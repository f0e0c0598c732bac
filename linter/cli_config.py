"""`npulint config`: which configuration holds, and what it comes to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from npulint.cli_settings import config_option, found_configuration
from npulint.terminal import (
    EXIT_OK,
    MODEL,
    deliver,
    format_option,
    layout_for,
    no_color_option,
    output_option,
)

if TYPE_CHECKING:
    from npulint.config.origins import Origin
    from npulint.reports.wrapping import Layout


@click.command("config")
@click.argument("model", required=False, type=MODEL)
@config_option
@format_option
@output_option
@no_color_option
def show(
    model: Path | None,
    config: Path | None,
    form: Literal["text", "json"],
    output: Path | None,
    no_color: bool,
) -> int:
    """Show which configuration holds and what it says, of all models or of one.

    The model need not be there: its path alone decides which sections speak of it.
    """
    from npulint.config.origins import DEFAULTS, Origin, origins
    from npulint.config.toml import read

    path = config or found_configuration()
    rows = tuple(Origin(key, value) for key, value in DEFAULTS.items())
    if path is not None:
        rows = origins(read(path), model)
    if form == "json":
        text = _json(path, rows)
    else:
        text = _text(path, rows, layout_for(output, verbose=False, no_color=no_color))
    deliver(text, output)
    return EXIT_OK


def _text(path: Path | None, rows: tuple[Origin, ...], layout: Layout) -> str:
    from npulint.reports.wording import columns, printable

    name = "no configuration" if path is None else printable(str(path))
    table = columns(
        [
            (
                printable(each.key),
                printable(_plain(each)),
                "default" if each.line is None else f"line {each.line}",
            )
            for each in rows
        ]
    )
    return "\n".join([layout.style.bold(name), *table]) + "\n"


def _json(path: Path | None, rows: tuple[Origin, ...]) -> str:
    document = {
        "config": None if path is None else str(path),
        "settings": [{"key": r.key, "value": r.value, "line": r.line} for r in rows],
    }
    return json.dumps(document, default=str) + "\n"


def _plain(origin: Origin) -> str:
    if origin.value is None:
        return {"targets": "the default ones", "select": "every rule"}[origin.key]
    if isinstance(origin.value, str):
        return origin.value
    return json.dumps(origin.value, default=str, ensure_ascii=False)
