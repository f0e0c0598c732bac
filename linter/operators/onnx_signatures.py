"""What the ONNX standard demands of a node before anything is computed.

How many operands and results an operator has in which opset, which operands may not be left
out, and which attributes of which types there are. A node that breaks this loads in no runtime
and passes no converter, whatever its operator would have become. The facts lie beside this
module; tests/operators/record_signatures.py takes them from the onnx package.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from npulint.model import REFERENCE_MARK, Constant

if TYPE_CHECKING:
    from npulint.model import Attribute, Node

_Row: TypeAlias = "tuple[int, int, int, int, int, list[int], dict[str, str]]"
"""Opset; fewest and most operands and results (-1: any number); operands that may not be left
out; attributes with the letters of their types, `!` behind those that must be there."""

_KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "f": ("a real number", (float,)), "i": ("an integer", (int,)),
    "s": ("a string", (str, bytes)), "t": ("a tensor", (Constant,)),
    "F": ("a list of real numbers", (float,)), "I": ("a list of integers", (int,)),
    "S": ("a list of strings", (str, bytes)), "T": ("a list of tensors", (Constant,)),
}  # fmt: skip
"""What the types are called and come as; graphs and types are no attributes of a node here."""

_LISTS = "FIST"


@cache
def _table() -> dict[str, list[_Row]]:
    text = Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
    found: dict[str, list[_Row]] = json.loads(text)
    return found


def is_standard(op: str) -> bool:
    """Whether the ONNX standard has, or had, an operator of this name."""
    return op in _table()


def malformed(node: Node) -> str | None:
    """Say why a node is none that its opset knows.

    Args:
        node: A node of an operator of the ONNX standard.

    Returns:
        One sentence; None where nothing is wrong, or the operator is not of the standard.
    """
    rows = _table().get(node.op)
    if rows is None:
        return None
    place = bisect_right(rows, node.version, key=lambda row: row[0]) - 1
    if place < 0:
        return f"{node.op} comes with opset {rows[0][0]}, and the model states {node.version}"
    row = rows[place]
    if len(row) == 1:
        return f"{node.op} is gone since opset {row[0]}, and the model states {node.version}"
    return _wrong_operands(node, row) or _wrong_attributes(node, row)


def _wrong_operands(node: Node, row: _Row) -> str | None:
    opset, fewest, most, fewest_out, most_out, needed, _ = row
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
