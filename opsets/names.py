"""The operators that a dialect has of its own and their options, so that a typo is found."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from npulint.opsets.document import Part, nearest

if TYPE_CHECKING:
    from npulint.model import Dialect

TITLES: dict[Dialect, str] = {"tflite": "TensorFlow Lite", "onnx": "ONNX"}
"""What people call the dialects."""


@cache
def operator_names(dialect: Dialect) -> frozenset[str]:
    """The names of all operators that a dialect has or once had, in all its domains."""
    if dialect == "tflite":
        from npulint.formats.tflite_schema import ENUMS

        return frozenset(ENUMS["BuiltinOperator"].split()[1:])
    return frozenset(_onnx_attributes())


@cache
def attribute_names(dialect: Dialect, op: str) -> frozenset[str]:
    """The names of all attributes that an operator has or once had, attached graphs apart."""
    if dialect == "tflite":
        from npulint.formats.tflite_options import OPERATORS_OF, OPTION_TABLES

        (fields,) = [
            OPTION_TABLES[table].split() for table, ops in OPERATORS_OF.items() if op in ops.split()
        ] or [[]]
        names = (field.partition(":")[0] for field in fields)
        return frozenset(name for name in names if name != "-" and "subgraph" not in name)
    return frozenset(_onnx_attributes().get(op, ()))


@cache
def _onnx_attributes() -> dict[str, set[str]]:
    """By operator the attributes of all its versions, from one look at the many schemas."""
    import onnx.defs

    graphs = {onnx.defs.OpSchema.AttrType.GRAPH, onnx.defs.OpSchema.AttrType.GRAPHS}
    known: dict[str, set[str]] = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        known.setdefault(schema.name, set()).update(
            name for name, attribute in schema.attributes.items() if attribute.type not in graphs
        )
    return known


def check_attributes(part: Part, dialect: Dialect, ops: Iterable[Part] = ()) -> None:
    """Hold the attributes that conditions ask for against those of their operators.

    An attribute that no file can have would be read as left out, and with a `default` be known.

    Args:
        part: Conditions, with the `op` that they are about somewhere above them. Custom operators
            have attributes of their own; what is about no operator may ask for any other's.
        dialect: Whose operators they are.
        ops: The operators that the part is about.

    Raises:
        DocumentError: An operator has no attribute of that name.
    """
    if isinstance(part.data, list):
        for item in part.each():
            check_attributes(item, dialect, ops)
    if not isinstance(part.data, dict) or ("custom" in part and part.at("custom").data is True):
        return
    if "op" in part:
        named = part.at("op")
        ops = (named,) if isinstance(named.data, str) else tuple(named.each())
    for key in part.words():
        below = part.at(key)
        if key == "attribute" and isinstance(below.data, str):
            _check_attribute(below, dialect, ops)
        elif key == "attribute_product" and isinstance(below.data, list):
            for each in below.each():
                _check_attribute(each, dialect, ops)
        else:
            check_attributes(below, dialect, ops)


def _check_attribute(part: Part, dialect: Dialect, ops: Iterable[Part]) -> None:
    names = [op.text() for op in ops]
    for op in names:
        own = attribute_names(dialect, op)
        if part.data not in own:
            raise part.error(f"{op} has no attribute {part.data!r}: {nearest(part.text(), own)}")
    if names:
        return
    known = {each for op in operator_names(dialect) for each in attribute_names(dialect, op)}
    if part.data not in known:
        hint = nearest(part.text(), known)
        raise part.error(f"no operator has an attribute {part.data!r}: {hint}")
