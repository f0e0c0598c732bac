"""Attributes of nodes -> AttributeProto messages, typed as their operators' definitions say."""

from __future__ import annotations

import math
import struct
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from npulint.errors import InvalidModelError
from npulint.formats.checks import where
from npulint.formats.onnx_attributes import (
    FLOAT,
    FLOATS,
    INT,
    INTS,
    STRING,
    STRINGS,
    TENSOR,
    TENSORS,
)
from npulint.formats.protobuf_build import Message, field, integer, real
from npulint.model import REFERENCE_MARK, Constant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from npulint.formats.onnx_write_weights import Weights
    from npulint.model import Node

# Field numbers of AttributeProto (onnx/onnx.proto of onnx 1.23.0).
_NAME, _F, _I, _S, _T, _FLOATS, _INTS, _STRINGS, _TENSORS = 1, 2, 3, 4, 5, 7, 8, 9, 10
_KIND, _REFERENCE = 20, 21

_LARGEST_FLOAT = 3.4028234663852886e38

_TYPES: Mapping[int, tuple[type, ...]] = MappingProxyType(
    {FLOAT: (int, float), INT: (int,), STRING: (str, bytes), TENSOR: (Constant,)}
)

_SINGLE: Mapping[int, int] = MappingProxyType(
    {FLOATS: FLOAT, INTS: INT, STRINGS: STRING, TENSORS: TENSOR}
)
_FIELDS: Mapping[int, int] = MappingProxyType(
    {
        FLOAT: _F, INT: _I, STRING: _S, TENSOR: _T, FLOATS: _FLOATS, INTS: _INTS,
        STRINGS: _STRINGS, TENSORS: _TENSORS,
    }
)  # fmt: skip
_WORDS: Mapping[int, str] = MappingProxyType(
    {
        FLOAT: "a number", INT: "an integer", STRING: "text or bytes", TENSOR: "a constant",
        FLOATS: "a tuple of numbers", INTS: "a tuple of integers", STRINGS: "a tuple of texts",
        TENSORS: "a tuple of constants",
    }
)  # fmt: skip


class AttributeWriter:
    """Writes the attributes of the nodes of one graph.

    Args:
        weights: Takes the tensors.
        in_function: Whether the graph is a function, where `@name` stands for what the function's
            caller states.
    """

    def __init__(self, weights: Weights, *, in_function: bool) -> None:
        self._weights = weights
        self._in_function = in_function

    def body(self, node: Node, name: str, value: Any, known: int) -> Message:
        """An AttributeProto.

        Args:
            node: The node.
            name: The attribute's name.
            value: Its value.
            known: Its AttributeType in the file, 0 if it was not there.

        Raises:
            InvalidModelError: The operator has no such attribute, or one of another type.
        """
        kind = _defined(node, name) or known or _kind(value)
        made = field(_NAME, name.encode())
        if self._in_function and isinstance(value, str) and value.startswith(REFERENCE_MARK):
            made.extend(integer(_KIND, kind))
            made.extend(field(_REFERENCE, value[len(REFERENCE_MARK) :].encode()))
            return made
        single = _SINGLE.get(kind)
        items = value if single is not None else (value,)
        if kind not in _FIELDS or not isinstance(items, tuple):
            raise _mistaken(node, name, value, kind)
        for item in items:
            encoded = _item(_FIELDS[kind], single or kind, item, self._weights)
            if encoded is None:
                raise _mistaken(node, name, value, kind)
            made.extend(encoded)
        made.extend(integer(_KIND, kind))
        return made


def _item(number: int, kind: int, item: Any, weights: Weights) -> Message | None:
    """One number, text or tensor; None for what is none of that type."""
    is_one = isinstance(item, _TYPES[kind])
    if not is_one:
        return None
    if kind == FLOAT:
        within = not math.isfinite(item) or abs(item) <= _LARGEST_FLOAT
        return real(number, struct.pack("<f", item)) if within else None
    if kind == INT:
        return integer(number, item) if -(1 << 63) <= item < 1 << 63 else None
    if kind == STRING:
        return field(number, item if isinstance(item, bytes) else item.encode())
    if item.sparse or (item.payload is None and item.storage is None):
        return None
    return field(number, weights.new(b"", item))


def _kind(value: Any) -> int:
    """The AttributeType that a value's own type suggests; 0 where it suggests none."""
    first = value[0] if isinstance(value, tuple) and value else value
    for types, single, several in (
        (int, INT, INTS),
        (float, FLOAT, FLOATS),
        ((str, bytes), STRING, STRINGS),
        (Constant, TENSOR, TENSORS),
    ):
        if isinstance(first, types):
            if isinstance(value, tuple):
                mixed = several == INTS and any(isinstance(item, float) for item in value)
                return FLOATS if mixed else several
            return single
    return 0


def _defined(node: Node, name: str) -> int:
    """The AttributeType that the operator's definition states; 0 for an unknown operator."""
    types = _definition(node.op, node.version, node.domain)
    if types is None:
        return 0
    if name not in types:
        raise InvalidModelError(
            f"{where(node)} has no attribute {name}; {node.op} of opset {node.version} takes "
            f"{', '.join(sorted(types)) or 'none'}"
        )
    return types[name]


@cache
def _definition(op: str, version: int, domain: str) -> Mapping[str, int] | None:
    """The types of an operator's attributes, None for one that ONNX does not define."""
    from onnx import defs

    try:
        schema = defs.get_schema(op, version, domain)
    except defs.SchemaError:
        return None
    types: dict[str, Any] = {name: found.type for name, found in schema.attributes.items()}
    return {name: int(kind) for name, kind in types.items()}


def _mistaken(node: Node, name: str, value: Any, kind: int) -> InvalidModelError:
    takes = _WORDS.get(kind, "what cannot be written anew" if kind else "a value whose type shows")
    shown = repr(value)
    return InvalidModelError(
        f"{where(node)}: attribute {name} cannot be {shown if len(shown) < 80 else type(value)}; "
        f"it takes {takes}"
    )
