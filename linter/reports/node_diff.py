"""Two versions of a model as a unified diff of their nodes, one a line."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from typing import TYPE_CHECKING

from npulint.model import Constant
from npulint.reports.wording import printable

if TYPE_CHECKING:
    from npulint.model import Attribute, Graph, Model, Node, Value

_CONTEXT = 1


def node_diff(old: Model, new: Model, names: tuple[str, str]) -> list[str]:
    """Lines that tell which nodes went and which came, graph by graph.

    Args:
        old: The model before.
        new: The model after.
        names: What to call them.
    """
    found: list[str] = []
    for before, after in zip(old.graphs, new.graphs, strict=True):
        where = f", graph {before.index}" if len(old.graphs) > 1 else ""
        found += unified_diff(
            list(_lines(before)),
            list(_lines(after)),
            printable(names[0] + where),
            printable(names[1] + where),
            n=_CONTEXT,
            lineterm="",
        )
    return found


def _lines(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        yield printable(_line(graph, node))


def _line(graph: Graph, node: Node) -> str:
    made = ", ".join(_told(graph.values[index]) for index in node.outputs if index >= 0)
    taken = ", ".join("-" if i < 0 else _operand(graph.values[i]) for i in node.inputs)
    options = "".join(
        f" {name}={_attribute(value)}" for name, value in sorted(node.attributes.items())
    )
    return f"{made} = {node.op}({taken}){options}"


def _told(value: Value) -> str:
    sizes = (
        "?" if value.shape is None else "x".join("?" if s is None else str(s) for s in value.shape)
    )
    return f"{value.name}[{sizes}]"


def _operand(value: Value) -> str:
    """An activation by its name; a constant by its sizes, since exporters name it as they like."""
    return value.name if value.constant is None else f"constant{_told(value)[len(value.name) :]}"


def _attribute(value: Attribute) -> str:
    if isinstance(value, tuple):
        return "x".join(_attribute(each) for each in value)
    if isinstance(value, Constant):
        return f"constant[{'x'.join(map(str, value.shape))}]"
    return f"{len(value)} bytes" if isinstance(value, bytes) else str(value)
