"""Products and sums that a convolution or a matrix product beside them does along: fewer nodes.

What a batch normalisation, a product or a sum with constants does to the channels of a convolution
needs no node of its own, nor does the sum behind a matrix product. The results are the same but for
the rounding of the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from npulint.fixers import gemm
from npulint.fixers.convolutions import weight_folding, window_padding
from npulint.fixers.legalise import Setting, build_fragment
from npulint.fixers.record import Family, Refusal
from npulint.fixers.surgery import Patch, apply
from npulint.model import OMITTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from npulint.fixers.record import Occurrence, Realisation
    from npulint.model import Graph


_FAMILIES: tuple[Family[Any], ...] = (
    weight_folding.FAMILY,
    gemm.FAMILY,
    replace(window_padding.FAMILY, ways=(window_padding.OWN,)),
)


def absorb(
    graph: Graph, opset: int, keep: frozenset[int] = frozenset(), *, built: bool = False
) -> tuple[Graph, Mapping[int, int]]:
    """Fold what comes before or after convolutions and matrix products into them.

    Args:
        graph: The graph.
        opset: ONNX: the version of the standard operator set.
        keep: Values that something outside the graph refers to.
        built: Whether to fold only products and sums that realisations built.

    Returns:
        The new graph, the same object where there was nothing to fold, and for each old value that
        is still there its new position.
    """
    setting = Setting(ask=lambda _: {}, opset=opset)
    patches = []
    covered: set[int] = set()
    for occurrence, way in _foldings(graph):
        if built and not _built(graph, occurrence):
            continue
        inner = {index for place in occurrence.nodes for index in graph.nodes[place].outputs}
        if covered.intersection(occurrence.nodes) or keep & (inner - {*occurrence.results}):
            continue
        covered.update(occurrence.nodes)
        fragment, _ = build_fragment(graph, occurrence, way, setting)
        patches.append(Patch(fragment, occurrence.nodes))
    if not patches:
        return graph, {OMITTED: OMITTED, **{value.index: value.index for value in graph.values}}
    return apply(graph, patches, keep)


def _built(graph: Graph, occurrence: Occurrence[Any]) -> bool:
    """Whether it is about products and sums none of which the file had."""
    folding = occurrence.found
    return isinstance(folding, weight_folding.Folding) and all(
        graph.nodes[index].origin is None for index in folding.affine.nodes
    )


def _foldings(graph: Graph) -> Iterator[tuple[Occurrence[Any], Realisation[Any]]]:
    """Each place at which something can be folded, those that take most nodes first."""
    found = [
        (occurrence, way)
        for family in _FAMILIES
        for occurrence in family.recognise(graph)
        if not isinstance(occurrence.found, Refusal)
        for way in family.ways
        if way.accepts(occurrence.found) is None
    ]
    yield from sorted(found, key=lambda each: (-len(each[0].nodes), each[0].nodes))
