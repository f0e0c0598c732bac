"""The file that a model was read from, read again to write what was left of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.errors import InvalidModelError, ModelFileError

if TYPE_CHECKING:
    from npulint.model import Graph, Model


def reread(model: Model) -> Model | None:
    """Read a model's file again, to tell what of the model is as it was.

    Returns:
        What the file holds; None for a model of which no part was read from a file.

    Raises:
        ModelFileError: The file is gone, damaged or another one than the model was read from.
        InvalidModelError: An origin is none of the file's positions.
    """
    if all(graph.origin is None for graph in model.graphs):
        return None
    from npulint.formats import load

    source = load(model.path)
    if (source.dialect, source.size, source.digest) != (model.dialect, model.size, model.digest):
        raise ModelFileError(
            model.path,
            "has changed since the model was read from it, so that nothing can be kept of it; "
            "load it again",
        )
    for graph in model.graphs:
        _check_origins(graph, source)
    return source


def _check_origins(graph: Graph, source: Model) -> None:
    parts = 0, 0
    if graph.origin is not None:
        if not 0 <= graph.origin < len(source.graphs):
            raise InvalidModelError(
                f"graph {graph.index} was graph {graph.origin} of {source.path}, as it says; that "
                f"file has {len(source.graphs)} graphs"
            )
        was = source.graphs[graph.origin]
        parts = len(was.values), len(was.nodes)
    for what, count, items in (
        ("value", parts[0], graph.values),
        ("node", parts[1], graph.nodes),
    ):
        for item in items:
            if item.origin is not None and not 0 <= item.origin < count:
                raise InvalidModelError(
                    f"graph {graph.index}: {what} {item.index} was {what} {item.origin} of that "
                    f"graph in {source.path}, as it says, which has {count}"
                )
