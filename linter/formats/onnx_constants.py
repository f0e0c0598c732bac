"""What a Constant node produces, as a constant like any stored one."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from npulint.model import INLINE_LIMIT, Constant

if TYPE_CHECKING:
    from npulint.model import Attribute

_FORMS: Mapping[str, tuple[str, str, type]] = MappingProxyType(
    {
        "value_int": ("int64", "q", int), "value_ints": ("int64", "q", int),
        "value_float": ("float32", "f", float), "value_floats": ("float32", "f", float),
    }
)  # fmt: skip
"""Element type, struct code and Python type of a number, by attribute of Constant."""


def constant_of(attributes: Mapping[str, Attribute]) -> Constant | None:
    """The constant that a Constant node's attributes describe.

    Returns:
        None where the node states no value, one that its function's caller gives, or one of
        another type than the attribute's name says.
    """
    for name in ("value", "sparse_value"):
        stored = attributes.get(name)
        if isinstance(stored, Constant):
            return stored
    for name, (dtype, code, number) in _FORMS.items():
        stated = attributes.get(name)
        if isinstance(stated, Constant):
            return stated
        numbers = stated if isinstance(stated, tuple) else (stated,)
        if not all(isinstance(each, number) for each in numbers):
            continue
        payload = struct.pack(f"<{len(numbers)}{code}", *numbers)
        small = payload if len(payload) <= INLINE_LIMIT else None
        shape = (len(numbers),) if isinstance(stated, tuple) else ()
        return Constant(dtype, shape, small, None, len(payload))
    strings = attributes.get("value_strings")
    if isinstance(strings, Constant):
        return strings
    if isinstance(strings, tuple):
        return Constant("string", (len(strings),), None, None, sum(len(str(s)) for s in strings))
    single = attributes.get("value_string")
    return Constant("string", (), None, None, len(single)) if isinstance(single, str) else None
