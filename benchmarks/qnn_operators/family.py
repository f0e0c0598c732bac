"""What a family is: a generator of cases, and the kinds that these are built in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from qnn_cases import FLOATS, Case
from qnn_draws import Draw

Maker: TypeAlias = Callable[[str, Draw], Iterator[Case]]

SIGNED = ("s8w8", "s16w8")
RARE = ("bfloat16", "float64")
FEW = (*SIGNED, "a16w16", *RARE)
NARROW = (*FEW, "a8w4", "a16w4")
"""Of operators that have weights."""

MOVERS = (*FLOATS, "int32", "uint8")
FEW_MOVERS = (*FEW, "int8", "int16", "int64", "uint16", "uint32", "uint64", "bool")
BEFORE = ("float32", "float16")
"""Of opsets whose quantisation is not that of opset 21."""


@dataclass(frozen=True)
class Family:
    """Cases of an operator.

    Attributes:
        op: The operator.
        make: Yields its cases.
        kinds: What each case is built in; None where cases say so themselves.
        few: What only some are built in.
    """

    op: str
    make: Maker
    kinds: Sequence[str] | None = FLOATS
    few: Sequence[str] = ()


def families(
    make: Maker,
    ops: Sequence[str],
    kinds: Sequence[str] = FLOATS,
    few: Sequence[str] = (),
    called: str = "{}",
) -> Mapping[str, Family]:
    """The same for several operators, by what each is called."""
    return {called.format(op): Family(op, make, kinds, few) for op in ops}
