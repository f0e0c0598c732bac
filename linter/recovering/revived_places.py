"""Where a file keeps its tensors, and which of them are the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.formats.tflite_places import buffer_places

if TYPE_CHECKING:
    from npulint.model import Model


def sharing(model: Model) -> dict[int, int]:
    """For each stored value of the main graph the first one of those that share its bytes.

    Values of a TFLite file share them where they refer to one buffer, also with values of other
    graphs, whose own use of them nobody looks at here.
    """
    graph = model.graphs[0]
    stored = [value.index for value in graph.values if value.constant is not None]
    if model.dialect == "onnx":
        return {index: index for index in stored}
    places = buffer_places(model.path)[0]
    first: dict[tuple[int, int], int] = {}
    return {index: first.setdefault(places[index], index) for index in stored}
