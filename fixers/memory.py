"""Asking about alike fragments once: an exporter repeats one block dozens of times."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from npulint.fixers.choice import Answers
    from npulint.model import Attribute, Graph, Value

Ask: TypeAlias = "Callable[[Graph], Answers]"
"""What each chosen target makes of every node of a graph that stands for itself."""

_TELLING = 16
"""Bytes up to which a float constant's contents may matter to a target: scalars do, weights not."""


class Memory:
    """Remembers what the targets said about fragments of one form."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._known: dict[Hashable, Answers] = {}

    def __call__(self, graph: Graph) -> Answers:
        """Ask, unless a fragment of this form was asked about before."""
        form = _form(graph)
        if form not in self._known:
            self._known[form] = self._ask(graph)
        return self._known[form]


def _form(graph: Graph) -> Hashable:
    """All of a fragment that a target can see, without names and without weights."""
    nodes = tuple(
        (
            node.op, node.version, node.domain, node.custom, node.inputs, node.outputs,
            tuple(sorted((name, _told(value)) for name, value in node.attributes.items())),
        )
        for node in graph.nodes
    )  # fmt: skip
    return nodes, tuple(map(_seen, graph.values)), graph.inputs, graph.outputs


def _seen(value: Value) -> Hashable:
    constant = value.constant
    if constant is None:
        contents: Hashable = None
    elif constant.payload is None:
        contents = constant.sparse
    else:
        whole = "int" in constant.dtype or len(constant.payload) <= _TELLING
        contents = constant.payload if whole else constant.sparse
    return (
        value.dtype, value.shape, value.shape_signature, value.quantisation, value.variable,
        constant is not None, contents,
    )  # fmt: skip


def _told(attribute: Attribute) -> str:
    return repr(attribute)
