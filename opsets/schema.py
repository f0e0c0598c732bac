"""The JSON Schema of a support table, for editors: made from the vocabulary, so never behind it.

An editor that knows it completes words and underlines slips while a table is being written. It
checks form only; what names stand for (operands, sources, settings) the loader checks.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from npulint.opsets.conditions import KNOWN, WORDS
from npulint.opsets.literals import DTYPES
from npulint.opsets.relations import RELATIONS
from npulint.opsets.table import CAUTION_KINDS, FLOAT16_CONSTANTS, STRATEGIES, TAKEN_AS_ONE

FILE = Path(__file__).with_name("table.schema.json")

_TEXT = {"type": "string", "minLength": 1}
_DATE = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_CONDITION = {"$ref": "#/$defs/condition"}
_CONDITIONS = {"type": "array", "items": _CONDITION, "minItems": 1}
_COUNT = {"type": "integer", "minimum": 1}
_TEXTS = {"type": "array", "items": _TEXT}


def schema_text() -> str:
    """The schema as JSON, ending in a newline."""
    return json.dumps(_schema(), indent=1, sort_keys=True) + "\n"


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


def _list(of: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/$defs/{of}"}}


def _schema() -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "npulint support table",
        **_object(
            "family title dialect date sources operators",
            family=_TEXT,
            title=_TEXT,
            dialect={"enum": ["tflite", "onnx"]},
            date=_DATE,
            sources={"type": "object", "additionalProperties": {"$ref": "#/$defs/source"}},
            settings={"type": "object", "additionalProperties": _TEXT},
            levels={"type": "object", "additionalProperties": _TEXT},
            kinds={"type": "object", "additionalProperties": _TEXT},
            variants=_list("variant"),
            otherwise={"$ref": "#/$defs/otherwise"},
            partitioning={"$ref": "#/$defs/partitioning"},
            opsets={"$ref": "#/$defs/opsets"},
            alignment={"$ref": "#/$defs/alignment"},
            cautions=_list("caution"),
            limits=_TEXTS,
            operators=_list("operator"),
            agreement={"type": "integer", "minimum": 1},
            witnesses={"type": "object", "additionalProperties": {"$ref": "#/$defs/witness"}},
        ),
        "$defs": _definitions(),
    }


def _definitions() -> dict[str, Any]:
    return {
        "source": {
            "anyOf": [
                _object("file commit", file=_TEXT, commit=_TEXT),
                _object("page", page=_TEXT, date=_DATE),
            ]
        },
        "partitioning": _object(
            "strategy runs_on source",
            strategy={"enum": list(STRATEGIES)},
            runs_on=_TEXT,
            max_partitions=_COUNT,
            min_nodes=_COUNT,
            dynamic_tensors={"enum": ["refused", "allowed"]},
            float16_constants={"enum": list(FLOAT16_CONSTANTS)},
            source=_TEXT,
            quantised_units={"type": "boolean"},
            joined_too=_TEXTS,
            taken_as_one={"type": "array", "items": {"enum": list(TAKEN_AS_ONE)}},
            not_alone=_TEXTS,
            needs_input={"type": "boolean"},
            stops=_TEXTS,
            quantised_inside=_TEXTS,
            only_behind={"type": "object", "additionalProperties": _TEXTS},
            bodies_refused={"type": "boolean"},
            types={"type": "array", "items": {"enum": sorted(DTYPES)}},
        ),
        "opsets": {
            **_object("source", oldest=_COUNT, newest=_COUNT, source=_TEXT),
            "anyOf": [{"required": ["oldest"]}, {"required": ["newest"]}],
        },
        "alignment": _object(
            "channels say source",
            channels={"type": "integer", "minimum": 2},
            say=_TEXT,
            source=_TEXT,
        ),
        "variant": _object("name title", name=_TEXT, title=_TEXT, settings={"type": "object"}),
        "otherwise": _object(
            "verdict say source",
            verdict={"enum": ["unsupported", "unknown"]},
            say=_TEXT,
            source=_TEXT,
            kind=_TEXT,
        ),
        "caution": _object(
            "kind say",
            kind={"enum": list(CAUTION_KINDS)},
            say=_TEXT,
            when=_CONDITION,
            source=_TEXT,
        ),
        "operator": {
            "type": "object",
            "required": ["op"],
            "additionalProperties": False,
            "anyOf": [{"required": ["source"]}, {"required": ["witnesses"]}],
            "properties": {
                "op": {"anyOf": [_TEXT, {**_TEXTS, "minItems": 1}]},
                "inputs": _TEXTS,
                "outputs": _TEXTS,
                "source": _TEXT,
                "lowering": _TEXT,
                "custom": {"type": "boolean"},
                "require": _list("demand"),
                "build": _list("demand"),
                "accept": _list("demand"),
                "cautions": _list("caution"),
                "witnesses": {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": {"$ref": "#/$defs/testimony"},
                },
            },
        },
        "witness": _object(
            "title source",
            title=_TEXT,
            source=_TEXT,
            domain=_CONDITION,
            require=_list("demand"),
        ),
        "testimony": _object(
            "source", source=_TEXT, needs=_TEXT, domain=_CONDITION, require=_list("demand")
        ),
        "demand": {
            "anyOf": [
                _object("require", when=_CONDITION, require=_list("demand")),
                {"$ref": "#/$defs/rule"},
            ]
        },
        "rule": {
            "$ref": "#/$defs/condition",
            "properties": {
                "when": _CONDITION,
                "kind": _TEXT,
                "source": _TEXT,
                "id": _TEXT,
                "note": _TEXT,
                "else": {"enum": ["unknown", "unsupported"]},
            },
        },
        "condition": _condition(),
    }


def _condition() -> dict[str, Any]:
    """Any word may stand there, since a family's own settings are words too."""
    literal = {"type": ["string", "number", "boolean", "object", "array"]}
    words: dict[str, Any] = dict.fromkeys(WORDS, True)
    words.update(dict.fromkeys(RELATIONS, literal))
    words.update(dict.fromkeys(("all", "any"), _CONDITIONS))
    words["not"] = _CONDITION
    words["never"] = _TEXT
    words["predicate"] = {"anyOf": [{"enum": sorted(KNOWN)}, _TEXT]}  # packages bring more
    words["default"] = literal
    words["of"] = _TEXTS
    words["axis"] = {"type": "integer"}
    words["axes"] = {"type": "array", "items": {"type": "integer"}, "minItems": 1}
    return {
        "type": "object",
        "minProperties": 1,
        "properties": words,
        "if": {"required": ["dtype"]},
        "then": {"properties": {"in": {"items": {"enum": sorted(DTYPES)}}}},
    }
