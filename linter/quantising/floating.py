"""Whether a model is in floating point."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.errors import UsageError

if TYPE_CHECKING:
    from npulint.model import Model


def see_that_it_is_float(model: Model) -> None:
    """Refuse what is quantised already.

    Raises:
        UsageError: It is.
    """
    graph = model.graphs[0]
    made = [graph.values[index] for node in graph.nodes for index in node.outputs if index >= 0]
    for value in made:
        if value.quantisation is not None and value.quantisation.scales:
            raise UsageError(
                f"{model.path}: is quantised already ({value.name} is {value.dtype}): give the "
                "model in floating point"
            )
