"""Fingerprints: the identity of a finding that survives a new export of the same network."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npulint.model import Graph, Node, Value


class Fingerprints:
    """Hands out fingerprints for the nodes of one graph, for one rule and target.

    A node is known by what it is (operator, attributes, operand types and sizes) and by its
    ordinal among its equals in execution order, so neither renumbering nor renaming nor a
    change elsewhere in the network moves it.
    """

    def __init__(self, graph: Graph, *context: str) -> None:
        self._graph = graph
        self._context = context
        self._seen: Counter[str] = Counter()

    def of(self, node: Node) -> str:
        """The fingerprint of the next such node, 16 hexadecimal digits.

        Nodes must come in execution order.
        """
        identity = self._identity(node)
        ordinal = self._seen[identity]
        self._seen[identity] += 1
        return fingerprint(*self._context, identity, str(ordinal))

    def _identity(self, node: Node) -> str:
        values = self._graph.values
        parts = [node.domain, node.op]
        parts += [f"{name}={_plain(node.attributes[name])}" for name in sorted(node.attributes)]
        parts += ["-" if i < 0 else _tensor(values[i]) for i in (*node.inputs, *node.outputs)]
        return "|".join(parts)


def fingerprint(*parts: str) -> str:
    """Hash the parts of an identity to 16 hexadecimal digits."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def _tensor(value: Value) -> str:
    # A symbolic size counts as unknown: exporters rename symbols freely.
    sizes = None if value.shape is None else [d if isinstance(d, int) else "?" for d in value.shape]
    kept = "const" if value.constant is not None else "var"
    return f"{value.dtype}{sizes}{kept}"


def _plain(attribute: object) -> str:
    return attribute if isinstance(attribute, str) else repr(attribute)
