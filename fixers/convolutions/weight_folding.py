"""Products and sums with constants folded into the weights of a convolution beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from npulint.fixers.convolutions.weights import Weighted, weighted
from npulint.fixers.pointwise.scale_shift_reading import ScaleShift, rows
from npulint.fixers.pointwise.ways import readings_of
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.norms.constants import Numbers, Readings
    from npulint.model import Graph, Node


@dataclass(frozen=True, slots=True, eq=False)
class Folding:
    """A convolution and the products and sums that come right before or after it.

    Attributes:
        convolution: Its node and weights.
        affine: What comes before or after.
        after: Whether it comes after.
    """

    convolution: Weighted
    affine: ScaleShift
    after: bool


_F: TypeAlias = Folding


def recognise(graph: Graph) -> Iterator[Occurrence[Folding]]:
    """Find every convolution with products or sums beside it that nothing else reads."""
    readings = readings_of(graph)
    for affine in rows(readings):
        if not isinstance(affine, ScaleShift):
            continue
        before = _weighted(readings, graph.uses[affine.source].makers)
        if before is not None and _alone(graph, affine.source):
            yield _occurrence(graph, Folding(before, affine, after=True))
        then = _weighted(readings, graph.uses[affine.result].readers)
        if then is not None and then.source == affine.result and _alone(graph, affine.result):
            yield _occurrence(graph, Folding(then, affine, after=False))


def _weighted(readings: Readings, nodes: Sequence[Node]) -> Weighted | None:
    return weighted(readings, nodes[0]) if len(nodes) == 1 else None


def _alone(graph: Graph, value: int) -> bool:
    return len(graph.uses[value].readers) == 1 and value not in graph.outputs


def _occurrence(graph: Graph, folding: Folding) -> Occurrence[Folding]:
    own, others = folding.convolution.node.index, folding.affine.nodes
    nodes = (own, *others) if folding.after else (*others, own)
    ops = "+".join(graph.nodes[index].op for index in nodes)
    result = folding.affine.result if folding.after else folding.convolution.result
    return Occurrence(ops, tuple(sorted(nodes)), (result,), folding)


def _after(f: _F) -> Refusal | None:
    if not f.after:
        return Refusal("the factor comes before the convolution")
    if f.affine.by_channel() is None:
        return Refusal("the constant differs along other axes than the channels")
    if f.convolution.activation != "NONE":
        return Refusal("an activation stands between the convolution and the factor")
    return None


def _before(f: _F) -> Refusal | None:
    if f.after:
        return Refusal("the factor comes after the convolution")
    if f.affine.by_channel() is None:
        return Refusal("the constant differs along other axes than the channels")
    if f.affine.activation != "NONE":
        return Refusal("an activation stands between the factor and the convolution")
    if f.convolution.transposed or f.convolution.dense:
        return Refusal("only what comes before a plain convolution is folded")
    if f.affine.shift is not None and f.convolution.padded:
        return Refusal("the padding's zeros come after the sum and would have to before it")
    return None


def _folded_after(builder: Builder, f: _F) -> list[int]:
    scale, shift = _parts(f)
    convolution = f.convolution
    bias = None if convolution.bias is None else convolution.bias * scale
    if f.affine.shift is not None:
        bias = shift if bias is None else bias + shift
    kernel = convolution.scaled_results(scale)
    return [convolution.rebuild(builder, convolution.source, kernel, bias, f.affine.activation)]


def _folded_before(builder: Builder, f: _F) -> list[int]:
    scale, shift = _parts(f)
    convolution = f.convolution
    bias = convolution.bias
    if f.affine.shift is not None:
        added = convolution.response(shift)
        bias = added if bias is None else bias + added
    kernel = convolution.scaled_sources(scale)
    return [convolution.rebuild(builder, f.affine.source, kernel, bias, convolution.activation)]


def _parts(f: _F) -> tuple[Numbers, Numbers]:
    parts = f.affine.by_channel()
    if parts is None:
        raise AssertionError("only built after `_after` or `_before`")
    return parts


FAMILY: Family[Folding] = Family(
    "fold",
    recognise,
    (
        Realisation(
            name="fold/into-the-one-before",
            uses=("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED"),
            exactness="exact",
            argument=(
                "a*(w*x + b) + c is (a*w)*x + (a*b + c): factors of the result's channels go into "
                "the weights, summands into the bias"
            ),
            accepts=_after,
            build=_folded_after,
        ),
        Realisation(
            name="fold/into-the-one-after",
            uses=("CONV_2D", "DEPTHWISE_CONV_2D"),
            exactness="exact",
            argument=(
                "w*(a*x + c) is (w*a)*x + w*c: factors of the source's channels go into the "
                "weights; summands go into the bias where nothing is padded"
            ),
            accepts=_before,
            build=_folded_before,
        ),
    ),
)
