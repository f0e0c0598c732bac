"""All ways to compute a normalisation, with the reader that finds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from npulint.fixers.norms import reading as norm_reading
from npulint.fixers.norms.fitted import FITTED
from npulint.fixers.norms.reading import Normalisation
from npulint.fixers.norms.ways import EXACT
from npulint.fixers.record import Family, Occurrence, Refusal

if TYPE_CHECKING:
    from npulint.model import Graph


def recognise(graph: Graph) -> Iterator[Occurrence[Normalisation]]:
    """Find every normalisation, native or taken apart."""
    for place, found in norm_reading.recognise(graph).items():
        node = graph.nodes[place]
        if isinstance(found, Refusal):
            yield Occurrence(node.op, (place,), (node.outputs[0],), found)
        else:
            name = node.op if len(found.nodes) == 1 else f"{found.kind} norm ({found.form})"
            yield Occurrence(name, found.nodes, (found.result,), found)


FAMILY = Family("norm", recognise, (*EXACT, *FITTED))
