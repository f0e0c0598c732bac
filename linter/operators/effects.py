"""Operators that are more than functions of what they take."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npulint.model import Node

DRAWS = frozenset({
    "RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial",
    "Bernoulli", "RANDOM_STANDARD_NORMAL", "RANDOM_UNIFORM", "MULTINOMIAL",
})  # fmt: skip
"""Operators that give something else each time."""

ACTS = frozenset({
    "ASSIGN_VARIABLE", "VAR_HANDLE", "READ_VARIABLE", "CALL_ONCE", "PRINT", "HASHTABLE",
    "HASHTABLE_IMPORT", "HASHTABLE_FIND", "HASHTABLE_SIZE",
})  # fmt: skip
"""Operators that do something besides making results, or that see what those did."""


def may_act(node: Node) -> bool:
    """Whether a node may do something besides making its results, so that it has to stay.

    Nobody knows what a custom operator or an attached graph does.
    """
    acts = node.op in ACTS or node.stateful or node.custom
    return acts or bool(node.bodies) or not node.outputs
