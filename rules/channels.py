"""Channels: what accelerators that hold feature maps in slices make of odd widths."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from npulint.finding import Evidence, Finding
from npulint.rules.record import Rule, target_rule

if TYPE_CHECKING:
    from npulint.model import Graph, Node, Value
    from npulint.rules.facts import GraphFacts
    from npulint.rules.view import OnTarget

_CONVOLUTIONS = ("CONV_2D", "Conv", "ConvTranspose", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV")


@target_rule("NPU303", "unaligned-channels", "info", since="0.1.0")
def unaligned_channels(here: OnTarget) -> Iterator[Finding]:
    """Finds convolutions within the network whose channels the target pads up to a multiple.

    Why it matters: an accelerator that holds feature maps as slices of 4 or 32 channels computes
    whole slices: 33 channels cost what 64 do, in time and in memory.

    Example: a network of 48 channels on `hexagon-nn`, which pads them to 64: products of 48 by 48
    channels become products of 64 by 64, 1.8 times the work.

    What to do: choose widths that are multiples (32, 64, 96) before training. Afterwards nothing
    is gained by padding them oneself.

    Limits: widths that the network's inputs and outputs have are left out, since nobody chooses
    the channels of images. That padded channels are computed like others is assumed; the layout is
    published, what each kernel makes of it is not. Targets whose layout nobody publishes (NNAPI's
    drivers, MediaTek's APU, HiAI) are not judged.
    """
    alignment = here.target.alignment
    if alignment is None:
        return
    for facts in here.facts.graphs:
        ends = [facts.graph.values[i] for i in (*facts.graph.inputs, *facts.graph.outputs)]
        images = {_channels(facts.graph, value) for value in ends}
        found: list[tuple[Node, float]] = []
        unclear: list[Node] = []
        widths: set[int] = set()
        for node in facts.ordered(*_CONVOLUTIONS):
            counts = [_channels(facts.graph, value) for value in _data(facts, node)]
            odd = {n for n in counts if n and n % alignment.channels and n not in images}
            if None in counts:
                unclear.append(node)
            elif odd:
                widths |= odd
                factors = [_padding(n, alignment.channels) for n in counts if n in odd]
                depthwise = facts.macs[node.index] is not None and _is_depthwise(facts, node)
                found.append((node, max(factors) if depthwise else math.prod(factors)))
        if found:
            yield here.at(
                found[0][0],
                f"{_widths(widths)} channels are padded to multiples of {alignment.channels} in "
                f"{len(found)} {'convolution' if len(found) == 1 else 'convolutions'}"
                + _cost(facts, found),
                evidence=[Evidence(alignment.say, alignment.source)],
                others=[node.index for node, _ in found],
            )
        yield from here.unsure(unclear, "the number of its channels is not known")


def _widths(widths: set[int]) -> str:
    shown = sorted(widths)
    return ", ".join(map(str, shown[:6])) + (", ..." if len(shown) > 6 else "")


def _cost(facts: GraphFacts, found: Sequence[tuple[Node, float]]) -> str:
    """How much more the whole network computes for it, where that is known."""
    if None in facts.macs:
        return ""
    total = sum(macs or 0 for macs in facts.macs)
    more = sum((facts.macs[node.index] or 0) * (factor - 1) for node, factor in found)
    return f": {1 + more / total:.2f} times the network's multiply-accumulates" if total else ""


def _data(facts: GraphFacts, node: Node) -> list[Value]:
    """The feature maps that a convolution reads and makes."""
    values = (facts.operand(node, 2 if node.op == "TRANSPOSE_CONV" else 0), facts.result(node))
    return [each for each in values if each is not None]


def _is_depthwise(facts: GraphFacts, node: Node) -> bool:
    """Whether each channel of the result is made of one channel."""
    if node.op == "DEPTHWISE_CONV_2D":
        return True
    weights = facts.operand(node, 1)
    shape = weights.shape if weights is not None else None
    return node.op == "Conv" and shape is not None and len(shape) > 1 and shape[1] == 1


def _channels(graph: Graph, value: Value) -> int | None:
    """Channels of a feature map by its dialect's layout, None where unknown."""
    if value.shape is None or len(value.shape) < 3:
        return None
    size = value.shape[-1 if graph.dialect == "tflite" else 1]
    return size if isinstance(size, int) else None


def _padding(channels: int, multiple: int) -> float:
    return -(-channels // multiple) * multiple / channels


RULES: tuple[Rule, ...] = (unaligned_channels,)
