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


_DTYPES = {"float": "float32", "double": "float64"}


def signatures() -> dict[str, Any]:
    """What `onnx_signatures.json` holds: sets of types, and rows by operator, oldest first."""
    found: dict[str, list[Any]] = {}
    for schema in defs.get_all_schemas_with_history():
        if not schema.domain:
            found.setdefault(schema.name, []).append(schema)
    types: list[list[str]] = []
    rows = {op: _rows(schemas, types) for op, schemas in sorted(found.items())}
    return {"types": types, "operators": rows}


def _rows(schemas: list[Any], types: list[list[str]]) -> list[list[Any]]:
    """One row a version. A version that another has taken the place of is still converted."""
    schemas.sort(key=lambda schema: schema.since_version)
    rows = [_row(schema, types) for schema in schemas]
    return [*rows[:-1], rows[-1][:1]] if schemas[-1].deprecated else rows


def _row(schema: Any, types: list[list[str]]) -> list[Any]:
    attributes = {
        name: _TYPES[str(attribute.type).rsplit(".", 1)[-1]] + "!" * attribute.required
        for name, attribute in sorted(schema.attributes.items())
    }
    option = defs.OpSchema.FormalParameterOption
    needed = [n for n, each in enumerate(schema.inputs) if each.option == option.Single]
    counts = (schema.min_input, schema.max_input, schema.min_output, schema.max_output)
    named = {each.type_param_str: each.allowed_type_strs for each in schema.type_constraints}
    variables: dict[str, int] = {}
    sides = []
    for parameters in (schema.inputs, schema.outputs):
        side = []
        for each in parameters:
            allowed = _set_of(named.get(each.type_str, [each.type_str]), types)
            if allowed is None:
                side.append(None)
            elif each.type_str in named and each.is_homogeneous:
                variables[each.type_str] = allowed
                side.append(each.type_str)
            else:
                side.append(allowed)
        sides.append(side)
    return [
        schema.since_version, *(n if n < UNLIMITED else -1 for n in counts), needed, attributes,
        *sides, variables,
    ]  # fmt: skip


def _set_of(names: list[str], types: list[list[str]]) -> int | None:
    """The number of a set of element types; None where others than tensors are allowed."""
    if not all(name.startswith("tensor(") for name in names):
        return None
    bare = sorted(name.removeprefix("tensor(").removesuffix(")") for name in names)
    found = [_DTYPES.get(name, name) for name in bare]
    if found not in types:
        types.append(found)
    return types.index(found)


def write() -> None:
    """Write the file, one operator a line."""
    made = signatures()
    types = ",\n".join(map(json.dumps, made["types"]))
    rows = ",\n".join(f"{json.dumps(op)}: {json.dumps(r)}" for op, r in made["operators"].items())
    text = f'{{"types": [\n{types}\n], "operators": {{\n{rows}\n}}}}\n'
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
