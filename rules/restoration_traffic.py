"""Restoration: operators that move much and compute little."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.finding import Evidence, Finding
from npulint.operators.rearrangements import Concat, Slice, Split
from npulint.operators.semantics import Conv
from npulint.rules.record import Rule, model_rule
from npulint.rules.sources import MOBILE_DETS, MOFA, THESIS
from npulint.rules.words import percent, plural, size

if TYPE_CHECKING:
    from npulint.model import Node
    from npulint.rules.facts import GraphFacts
    from npulint.rules.view import OnModel

_CHANNELS = 1
"""Where the records of operators count the axis of channels at rank 4."""

_LONGEST = 64
"""Nodes between a split and the join that are looked at. A block of three convolutions, each
with a norm in pieces, has 40."""

_SPLITS = ("SPLIT", "SPLIT_V", "SLICE", "STRIDED_SLICE", "Split", "Slice")
_JOINS = ("CONCATENATION", "Concat")
_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "Conv")


@model_rule(
    "NPU704",
    "split-and-concat",
    "info",
    since="0.1.0",
    fixes=("partial-conv/whole", "partial-conv/slices"),
)
def split_and_concat(here: OnModel) -> Iterator[Finding]:
    """Finds maps that are split along the channels and joined again after convolutions.

    Why it matters: a partial convolution leaves part of the channels as they are. It saves
    products and pays for them with copies: the split writes the map once more and so does the
    join, at the speed of memory. A group convolution that is written as a convolution for each
    slice copies as much.

    Example: a quarter of the channels goes through a 3x3 convolution, the other three quarters
    go round it, and a concatenation puts the map together.

    What to do: measure both forms on the phone. Where a target refuses the split or the join,
    `npulint fix` writes a partial convolution as one convolution that hands on the other
    channels; groups are stated on a single convolution.

    Limits: splits whose parts meet in products, like the gates of NAFNet, are not meant, nor are
    joins of maps of different origin, like the skips of a U-Net. How much of the time the copies
    take is known only on the phone.
    """
    for facts in here.facts.graphs:
        if not any(facts.of(*_SPLITS)):
            continue
        joins = [_join_of_pieces(facts, node) for node in facts.ordered(*_JOINS)]
        found = [join for join in joins if join is not None]
        if found:
            nodes = sorted({index for join in found for index in join.nodes})
            yield here.whole(
                f"{_said(found)}; the splits and joins alone "
                f"{moved(facts, nodes) or 'copy the maps twice'}",
                graph=facts.graph,
                evidence=(
                    Evidence(
                        "the split and the concatenation of partial convolutions might be less "
                        "efficient in PyTorch Mobile, ONNX and Caffe",
                        f"{MOFA}, section 5",
                    ),
                    Evidence(
                        "to be compared with partial convolutions fairly, the other networks were "
                        "timed with splits and concatenations added",
                        f"{MOFA}, table 4",
                    ),
                ),
                others=nodes,
            )


@dataclass(frozen=True, slots=True)
class _Join:
    """A join of pieces of one map.

    Attributes:
        nodes: Positions of the splits and of the join.
        partial: Whether a piece comes back as it was.
    """

    nodes: frozenset[int]
    partial: bool


@dataclass(frozen=True, slots=True)
class _Piece:
    """What a part of a join is made of: pieces of one map, by way of convolutions or not."""

    source: int
    cuts: frozenset[int]
    convolved: bool


def _join_of_pieces(facts: GraphFacts, node: Node) -> _Join | None:
    if facts.meaning(node) != Concat(_CHANNELS):
        return None
    pieces: list[_Piece] = []
    for index in node.inputs:
        piece = _piece(facts, index)
        if piece is None:
            return None
        pieces.append(piece)
    if len({piece.source for piece in pieces}) != 1 or not any(p.convolved for p in pieces):
        return None
    cuts = frozenset[int]().union(*(piece.cuts for piece in pieces))
    return _Join(cuts | {node.index}, not all(piece.convolved for piece in pieces))


def _piece(facts: GraphFacts, index: int) -> _Piece | None:
    """Follow a value back to the splits that it comes from."""
    waiting, seen = [index], set[int]()
    sources, cuts = set[int](), set[int]()
    convolved = False
    while waiting:
        node = facts.maker(waiting.pop())
        if node is None or len(seen) > _LONGEST:
            return None
        if node.index in seen:
            continue
        seen.add(node.index)
        operator = facts.meaning(node)
        if _cuts_channels(operator):
            sources.add(node.inputs[1 if node.op == "SPLIT" else 0])
            cuts.add(node.index)
            continue
        convolved = convolved or isinstance(operator, Conv)
        waiting += [each for each in node.inputs if each >= 0 and not facts.is_constant(each)]
    if len(sources) != 1:
        return None
    return _Piece(sources.pop(), frozenset(cuts), convolved)


def _cuts_channels(operator: object) -> bool:
    if isinstance(operator, Split):
        return operator.axis == _CHANNELS
    ranges = operator.ranges if isinstance(operator, Slice) else None
    return ranges is not None and [axis for axis, *_ in ranges] == [_CHANNELS]


def _said(found: list[_Join]) -> str:
    partial = sum(join.partial for join in found)
    kinds = [
        f"{plural(partial, 'partial convolution')} by split and concatenation" if partial else "",
        f"{plural(len(found) - partial, 'map')} split, convolved slice by slice and joined"
        if partial < len(found)
        else "",
    ]
    return ", and ".join(filter(None, kinds))


def moved(facts: GraphFacts, nodes: list[int]) -> str | None:
    """What nodes read and write, as half a sentence; None where sizes are not known."""
    sizes = [facts.traffic[index] for index in nodes]
    total = sum(each or 0 for each in facts.traffic)
    if None in sizes or None in facts.traffic or not total:
        return None
    part = sum(each or 0 for each in sizes)
    return (
        f"read and write {size(part)} of activations, {percent(part, total)} of what all "
        "operators do"
    )


_TRAFFIC_SHARE = 0.25
"""Share of the traffic of all convolutions from which depthwise ones are worth a look."""

_UNEVEN = 4
"""How many times their share of the products their share of the traffic has to be."""


@model_rule("NPU705", "memory-bound-depthwise", "info", since="0.1.0")
def memory_bound_depthwise(here: OnModel) -> Iterator[Finding]:
    """Finds networks whose depthwise convolutions move far more than they compute.

    Why it matters: a depthwise convolution of 3x3 makes nine products of each element that it
    reads, where an ordinary one makes nine for every channel of its result. Accelerators do
    thousands of products at once and wait for memory all the time that a depthwise convolution
    takes. So a network with fewer multiply-accumulates can be the slower one.

    Example: ordinary convolutions of 16 channels at full resolution replaced by a depthwise and
    a pointwise one, for a sixth of the products and twice the traffic.

    What to do: use ordinary convolutions where there are few channels or much resolution, and
    depthwise ones where there are many channels; measure on the phone before counting products.

    Limits: what is compared is the traffic between operators. A runtime that fuses a depthwise
    convolution with the pointwise one after it moves less.
    """
    facts = here.facts.main
    convolutions = facts.ordered(*_CONVOLUTIONS)
    depthwise = [node for node in convolutions if is_depthwise(facts, node)]
    if not depthwise:
        return
    products, moved = (
        [counts[node.index] for node in convolutions] for counts in (facts.macs, facts.traffic)
    )
    if None in products or None in moved:
        yield from here.unsure(depthwise, "not all sizes of the convolutions' maps are known")
        return
    share = _shares(facts, depthwise, convolutions)
    if share is None or share.moved < _TRAFFIC_SHARE or share.moved < _UNEVEN * share.products:
        return
    yield here.whole(
        f"{plural(len(depthwise), 'depthwise convolution')} with {percent(share.products, 1)} of "
        f"the multiply-accumulates of all convolutions read and write {percent(share.moved, 1)} "
        f"of their activations: {share.intensity:.2g} multiply-accumulates a byte, against "
        f"{share.others:.2g} in the other convolutions",
        graph=facts.graph,
        evidence=(
            Evidence(
                "after convolutions were replaced by depthwise separable ones the network made "
                "fewer multiply-accumulates and took longer",
                f"{THESIS}, section 6.3",
            ),
            Evidence(
                "with ordinary convolutions among them, placed by search, networks reach 3.7 mAP "
                "more than MobileNetV2 with SSDLite on EdgeTPU and 3.4 more on a Hexagon DSP, at "
                "no more latency",
                f"{MOBILE_DETS}, abstract",
            ),
        ),
        others=[node.index for node in depthwise],
    )


def is_depthwise(facts: GraphFacts, node: Node) -> bool:
    """Whether a convolution has a group for each of several channels."""
    operator = facts.meaning(node)
    source = facts.operand(node, 0)
    if not isinstance(operator, Conv) or source is None or source.rank != 4:
        return False
    channels = source.shape[-1 if facts.graph.dialect == "tflite" else 1] if source.shape else None
    return operator.groups > 1 and operator.groups == channels


@dataclass(frozen=True, slots=True)
class _Shares:
    """The part that some convolutions have in all, and products a byte of these and the others."""

    products: float
    moved: float
    intensity: float
    others: float


def _shares(facts: GraphFacts, some: list[Node], every: list[Node]) -> _Shares | None:
    sums = [
        sum(counts[node.index] or 0 for node in nodes)
        for nodes in (some, every)
        for counts in (facts.macs, facts.traffic)
    ]
    products, moved, all_products, all_moved = sums
    if not moved or not all_products or all_moved == moved:
        return None
    return _Shares(
        products / all_products,
        moved / all_moved,
        products / moved,
        (all_products - products) / (all_moved - moved),
    )


RULES: tuple[Rule, ...] = (split_and_concat, memory_bound_depthwise)
