"""The sizes that a file leaves open although they follow from what it stores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from npulint.sizing.known import Known
from npulint.sizing.merging import stated_as
from npulint.sizing.site import UnfitSizesError, UnknownSizesError, sizes_of

if TYPE_CHECKING:
    from npulint.model import Graph, Model, Node, Shape, Value


def completed(model: Model) -> Model:
    """The model with the sizes of its main graph that follow from what it stores.

    Only of ONNX: there a file may leave out what everybody who loads it works out. What TFLite
    leaves open is open to its runtime too.

    Args:
        model: The model.

    Returns:
        The new model, the same object where nothing is left open or nothing follows.
    """
    main = model.graphs[0]
    if model.dialect != "onnx" or not any(map(_is_open, main.values)):
        return model
    new = filled(main)
    return model if new is main else replace(model, graphs=(new, *model.graphs[1:]))


def filled(graph: Graph) -> Graph:
    """The graph with the sizes that its nodes make of those that are known.

    What the file states stays. Graphs within are not looked into.

    Args:
        graph: The graph.

    Returns:
        The new graph, the same object where nothing is left open or nothing follows.
    """
    known = Known(graph)
    for node in graph.nodes:
        unsized = {index for index in node.outputs if index >= 0 and _is_open(known.values[index])}
        if not unsized and not known.answers(node):
            continue
        for index, shape in zip(node.outputs, _shapes(known, node), strict=True):
            if index in unsized:
                known.values[index] = _more(known.values[index], shape, graph)
    if all(new is old for new, old in zip(known.values, graph.values, strict=True)):
        return graph
    return replace(graph, values=tuple(known.values))


def _is_open(value: Value) -> bool:
    shape = sizes_of(value)
    return shape is None or not all(isinstance(size, int) for size in shape)


def _shapes(known: Known, node: Node) -> Sequence[Shape | None]:
    """What a node makes of what is known so far, and else what the file states."""
    stated = [None if index < 0 else sizes_of(known.values[index]) for index in node.outputs]
    try:
        found = known.by_rule(node)
    except (UnknownSizesError, UnfitSizesError, ValueError, IndexError):
        # Whether a node can take what it is given is not asked here.
        found = ()
    shapes = [old if new is None else new for new, old in zip(found, stated, strict=False)]
    return known.hold(node, [*shapes, *stated[len(shapes) :]])


def _more(value: Value, found: Shape | None, graph: Graph) -> Value:
    """A value with the sizes that were open; what the file states goes before."""
    stated = sizes_of(value)
    if found is None or (stated is not None and len(stated) != len(found)):
        return value
    shape = tuple(
        new if isinstance(new, int) and not isinstance(old, int) else old
        for new, old in zip(found, stated or found, strict=True)
    )
    return value if shape == stated else stated_as(value, shape, graph.dialect)
