"""What the ONNX standard demands of a node before anything is computed.

How many operands and results an operator has in which opset, which operands may not be left
out, of which element types they are and which of them share one, and which attributes there
are. A node that breaks this loads in no runtime and passes no converter, whatever its operator
would have become. The facts lie beside this module; tests/operators/record_signatures.py takes
them from the onnx package.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from npulint.model import REFERENCE_MARK, Constant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from npulint.model import Attribute, Node, Value

_Types: TypeAlias = "list[str | int | None]"
_Row: TypeAlias = (
    "tuple[int, int, int, int, int, list[int], dict[str, str], _Types, _Types, dict[str, int]]"
)
"""Opset; fewest and most operands and results (-1: any number); operands that may not be left
out; attributes with the letters of their types, `!` behind those that must be there; the types
of operands and of results, each a name that all of that name share, the number of a set, or None
for any; the sets that the names are taken from."""

_KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "f": ("a real number", (float,)), "i": ("an integer", (int,)),
    "s": ("a string", (str, bytes)), "t": ("a tensor", (Constant,)),
    "F": ("a list of real numbers", (float,)), "I": ("a list of integers", (int,)),
    "S": ("a list of strings", (str, bytes)), "T": ("a list of tensors", (Constant,)),
}  # fmt: skip
"""What the types are called and come as; graphs and types are no attributes of a node here."""

_LISTS = "FIST"


@cache
def _facts() -> tuple[dict[str, list[_Row]], list[frozenset[str]]]:
    """The rows by operator, oldest first, and the sets of element types."""
    found = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return found["operators"], [frozenset(each) for each in found["types"]]


def is_standard(op: str) -> bool:
    """Whether the ONNX standard has, or had, an operator of this name."""
    return op in _facts()[0]


def since_version(op: str, opset: int) -> int | None:
    """The opset that brought an operator as a model's opset has it.

    Args:
        op: An operator of the ONNX standard.
        opset: The opset that the model states.

    Returns:
        None where the standard has no such operator, or had none by then.
    """
    rows = _facts()[0].get(op, [])
    place = bisect_right(rows, opset, key=lambda row: row[0]) - 1
    return rows[place][0] if place >= 0 else None


def malformed(node: Node, values: Sequence[Value]) -> str | None:
    """Say why a node is none that its opset knows.

    Args:
        node: A node of an operator of the ONNX standard.
        values: The values of its graph; types that are not known are taken for right.

    Returns:
        One sentence; None where nothing is wrong, or the operator is not of the standard.
    """
    rows = _facts()[0].get(node.op)
    if rows is None:
        return None
    place = bisect_right(rows, node.version, key=lambda row: row[0]) - 1
    if place < 0:
        return f"{node.op} comes with opset {rows[0][0]}, and the model states {node.version}"
    row = rows[place]
    if len(row) == 1:
        return f"{node.op} is gone since opset {row[0]}, and the model states {node.version}"
    return (
        _wrong_operands(node, row)
        or _wrong_attributes(node, row)
        or _wrong_types(node, row, values)
    )


def _wrong_operands(node: Node, row: _Row) -> str | None:
    opset, fewest, most, fewest_out, most_out, needed = row[:6]
    for count, least, greatest, what in (
        (len(node.inputs), fewest, most, "operands"),
        (len(node.outputs), fewest_out, most_out, "results"),
    ):
        if count < least or count > greatest >= 0:
            return f"{_of(node, opset)} has {_range(least, greatest)} {what}; found {count}"
    for place in needed:
        if place < len(node.inputs) and node.inputs[place] < 0:
            return f"operand {place} of {_of(node, opset)} may not be left out"
    return None


def _wrong_attributes(node: Node, row: _Row) -> str | None:
    opset, known = row[0], row[6]
    for name, value in node.attributes.items():
        letter = known.get(name, "")[:1]
        if not letter and not name.startswith("__"):  # which are a runtime's own
            return f"{_of(node, opset)} has no attribute {name}"
        if letter in _KINDS and not _is(value, letter):
            return f"attribute {name} of {_of(node, opset)} must be {_KINDS[letter][0]}"
    attached = {name for name, _ in node.bodies}
    for name, letter in known.items():
        if letter.endswith("!") and name not in node.attributes and name not in attached:
            return f"{_of(node, opset)} must have the attribute {name}"
    return None


def _wrong_types(node: Node, row: _Row, values: Sequence[Value]) -> str | None:
    sets = _facts()[1]
    bound: dict[str, str] = {}
    for what, indexes, types in (
        ("operand", node.inputs, row[7]),
        ("result", node.outputs, row[8]),
    ):
        for place, index in enumerate(indexes):
            # The last one may stand for any number of them.
            kind = types[min(place, len(types) - 1)] if types else None
            dtype = values[index].dtype if index >= 0 else None
            if kind is None or dtype is None:
                continue
            allowed = sets[row[9][kind] if isinstance(kind, str) else kind]
            found = f"{what} {place} of {_of(node, row[0])} is {dtype}"
            if dtype not in allowed:
                return f"{found}; it may be {', '.join(sorted(allowed))}"
            if isinstance(kind, str) and bound.setdefault(kind, dtype) != dtype:
                return f"{found}, and another of the same type is {bound[kind]}"
    return None


def _is(value: Attribute, letter: str) -> bool:
    if isinstance(value, str) and value.startswith(REFERENCE_MARK):
        return True  # what a function's caller gives
    types = _KINDS[letter][1]
    if letter not in _LISTS:
        return isinstance(value, types)
    # A list too long to be kept is known by its type and count.
    return isinstance(value, Constant) or (
        isinstance(value, tuple) and all(isinstance(each, types) for each in value)
    )


def _of(node: Node, opset: int) -> str:
    return f"{node.op} (as of opset {opset})"


def _range(least: int, greatest: int) -> str:
    if greatest < 0:
        return f"at least {least}"
    return str(least) if least == greatest else f"{least} to {greatest}"
