"""Copies of models whose nodes can be told again in what a runtime says of them.

Names in files are free: they may be missing, or the same twice. In a copy nodes and values are
named by their positions, and a runtime's own additions to a name leave these readable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npulint.host.records import Identity
    from npulint.model import Graph, Model

_MARK = re.compile(r"npulint-(\d+)-(\d+)(?!\d)")
_GROWN = re.compile(rf"(?:_inlfunc_\w*)?{_MARK.pattern}(?:_token_\d+)?")
"""A mark with what ONNX Runtime adds to a name: for inlined functions, and for new layouts."""


def write_marked(model: Model, path: Path) -> None:
    """Write a copy: ONNX nodes, or TFLite values, are named by their positions.

    Raises:
        ModelFileError: The copy cannot be written, or the file is no longer what was read.
    """
    from npulint.formats import save

    save(replace(model, graphs=tuple(_marked(graph) for graph in model.graphs)), path)


def marks(text: str) -> Iterator[Identity]:
    """The positions that a text names, in order."""
    for found in _MARK.finditer(text):
        yield int(found[1]), int(found[2])


def unmarked(text: str, model: Model) -> str:
    """A text in which nodes or values are called by the file's names, or by their positions.

    Args:
        text: What a runtime said of a copy.
        model: The model.
    """

    def name(found: re.Match[str]) -> str:
        graph = model.graphs[int(found[1])]
        named = graph.values if model.dialect == "tflite" else graph.nodes
        return named[int(found[2])].name or f"{found[1]}:{found[2]}"

    return _GROWN.sub(name, text)


def _marked(graph: Graph) -> Graph:
    if graph.dialect == "tflite":
        values = (replace(each, name=_mark(graph.index, each.index)) for each in graph.values)
        return replace(graph, values=tuple(values))
    nodes = (replace(each, name=_mark(each.graph, each.index)) for each in graph.nodes)
    return replace(graph, nodes=tuple(nodes))


def _mark(graph: int, index: int) -> str:
    return f"npulint-{graph}-{index}"
