"""The JSON Schema of a configuration, for editors: `python -m npulint.config.schema` writes it.

An editor that knows it completes keys and underlines slips. It checks form only; which rules,
targets and days there are, the loader checks. It is of an `npulint.toml`, and of what stands
below `tool.npulint` of a `pyproject.toml`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from npulint.config.reading import PLACE_KEYS
from npulint.config.settings import FAIL_ON
from npulint.finding import SEVERITIES
from npulint.rules.demands import MEASURES

FILE = Path(__file__).with_name("npulint.schema.json")

_TEXT = {"type": "string", "pattern": r"\S"}
_TEXTS = {"type": "array", "items": _TEXT}
_SIZES = {
    "type": "array",
    "items": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    "minItems": 1,
}
_SIZES_AS_TEXT = {"type": "string", "pattern": "^[0-9]+(x[0-9]+)*$"}
_DAY = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}"}
_PERCENT = {"type": "number", "minimum": 0, "maximum": 100}
_GLOB = {"type": "string", "pattern": r"^(?!/)(?!(.*/)?\.\.(/|$))[^\\]*[^\\\s][^\\]*$"}


def schema_text() -> str:
    """The schema as JSON, ending in a newline."""
    return json.dumps(_schema(), indent=1) + "\n"


def _schema() -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "npulint configuration",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **_section(),
            "baseline": _said("File of findings that are accepted as they were found.", _TEXT),
            "ratchet": _said(
                "Whether findings of the baseline that are gone are errors until it is renewed.",
                {"type": "boolean"},
            ),
            "paths": _said(
                "What is wanted of some models; the last section that says something wins.",
                {"type": "array", "items": _path_section()},
            ),
            "suppressions": _said(
                "Findings that are accepted, each with its place and the reason.",
                {"type": "array", "items": _suppression()},
            ),
        },
    }


def _section() -> dict[str, Any]:
    """The keys that may be said of all models and of some."""
    by_measure = {
        "type": "object",
        "additionalProperties": False,
        "properties": dict.fromkeys(MEASURES, _PERCENT),
        "minProperties": 1,
    }
    return {
        "targets": _said("Targets and devices to ask, or their files.", {**_TEXTS, "minItems": 1}),
        "select": _said("Rules to run: codes, beginnings of codes, names or families.", _TEXTS),
        "ignore": _said("Rules not to run, named likewise.", _TEXTS),
        "severity": _said(
            "How grave the findings of rules are.",
            {"type": "object", "additionalProperties": {"enum": [*reversed(SEVERITIES)]}},
        ),
        "fail-on": _said("The mildest severity that fails a run.", {"enum": list(FAIL_ON)}),
        "min-coverage": _said(
            "The least share in per cent that a target must take for certain.",
            {"type": "object", "additionalProperties": {"anyOf": [_PERCENT, by_measure]}},
        ),
        "require-known-coverage": _said(
            "Whether a share that is not known counts as too small.", {"type": "boolean"}
        ),
        "input-shapes": _said(
            "Sizes of inputs that files leave open, by the inputs' names.",
            {"type": "object", "additionalProperties": {"anyOf": [_SIZES, _SIZES_AS_TEXT]}},
        ),
    }


def _path_section() -> dict[str, Any]:
    globs = {"anyOf": [_GLOB, {"type": "array", "items": _GLOB, "minItems": 1}]}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["files"],
        "minProperties": 2,
        "properties": {"files": _said("Globs of models.", globs), **_section()},
    }


def _suppression() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["rule", "reason"],
        "anyOf": [{"required": [key]} for key in PLACE_KEYS],
        "properties": {
            "rule": _said("The rule, by its code or its name.", _TEXT),
            "reason": _said("Why its findings are accepted there.", _TEXT),
            "until": _said("The last day on which they are.", _DAY),
            "file": _said("Glob of models.", _GLOB),
            "operator": _said("Operator of the node, as the report names it.", _TEXT),
            "node": _said("Glob of the node's name.", _TEXT),
            "target": _said("Target or device.", _TEXT),
            "fingerprint": _said(
                "Fingerprint of the finding, as in the JSON report.",
                {"type": "string", "pattern": "^[0-9a-f]{16}$"},
            ),
        },
    }


def _said(description: str, form: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, **form}


if __name__ == "__main__":
    FILE.write_text(schema_text(), encoding="utf-8")
