"""Writes what the ONNX standard says of its operators' operands, results and attributes.

    python tests/operators/record_signatures.py

It takes the installed onnx package's word for it, and `test_signatures.py` compares.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from onnx import defs

from npulint.operators import onnx_signatures

FILE = Path(onnx_signatures.__file__).with_suffix(".json")
UNLIMITED = 2**31 - 1

_TYPES = {
    "FLOAT": "f", "INT": "i", "STRING": "s", "TENSOR": "t", "GRAPH": "g", "FLOATS": "F",
    "INTS": "I", "STRINGS": "S", "TENSORS": "T", "GRAPHS": "G", "SPARSE_TENSOR": "p",
    "TYPE_PROTO": "y",
}  # fmt: skip


def signatures() -> dict[str, list[list[Any]]]:
    """By operator, the rows of `onnx_signatures.json`, oldest version first."""
    found: dict[str, list[Any]] = {}
    for schema in defs.get_all_schemas_with_history():
        if not schema.domain:
            found.setdefault(schema.name, []).append(schema)
    return {op: _rows(schemas) for op, schemas in sorted(found.items())}


def _rows(schemas: list[Any]) -> list[list[Any]]:
    """One row a version. A version that another has taken the place of is still converted."""
    schemas.sort(key=lambda schema: schema.since_version)
    rows = [_row(schema) for schema in schemas]
    return [*rows[:-1], rows[-1][:1]] if schemas[-1].deprecated else rows


def _row(schema: Any) -> list[Any]:
    attributes = {
        name: _TYPES[str(attribute.type).rsplit(".", 1)[-1]] + "!" * attribute.required
        for name, attribute in sorted(schema.attributes.items())
    }
    needed = [
        place
        for place, parameter in enumerate(schema.inputs)
        if parameter.option == defs.OpSchema.FormalParameterOption.Single
    ]
    counts = (schema.min_input, schema.max_input, schema.min_output, schema.max_output)
    return [schema.since_version, *(n if n < UNLIMITED else -1 for n in counts), needed, attributes]


def write() -> None:
    """Write the file, one operator a line."""
    rows = [f"{json.dumps(op)}: {json.dumps(each)}" for op, each in signatures().items()]
    FILE.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    write()
