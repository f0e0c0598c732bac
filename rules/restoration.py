"""Restoration: what networks that turn images into images pay for, or are seen to suffer from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import gcd, prod
from typing import TYPE_CHECKING

from npulint.finding import Evidence, Finding
from npulint.operators.rearrangements import Reduce
from npulint.operators.semantics import Pool, TransposeConv, Window
from npulint.rules import restoration_order, restoration_resolution, restoration_traffic
from npulint.rules.facts import area
from npulint.rules.record import Rule, model_rule
from npulint.rules.restoration_resolution import SIZE_UNKNOWN
from npulint.rules.sources import CHECKERBOARD, TLC
from npulint.rules.words import by, counted, either, plural

if TYPE_CHECKING:
    from npulint.model import Node
    from npulint.rules.facts import GraphFacts
    from npulint.rules.view import OnModel


@model_rule("NPU701", "uneven-transpose-conv", "info", since="0.1.0")
def uneven_transpose_conv(here: OnModel) -> Iterator[Finding]:
    """Finds transposed convolutions whose kernel covers the samples of the result unevenly.

    Why it matters: where the kernel is no multiple of the stride, some samples of the result are
    sums of more products than their neighbours, in a pattern that repeats with the stride. A
    network has to learn to make up for it, and in practice the pattern shows as a checkerboard,
    in areas of strong colour most of all.

    Example: a kernel of 3x3 at stride 2. Of each 2x2 samples of the result one is made of 1
    product for each channel, two of 2, one of 4.

    What to do: take a kernel that is a multiple of the stride (2x2 or 4x4 at stride 2), or
    upsample first and convolve then, or convolve and move depth to space; then train again.

    Limits: it is the layout that is found. What a trained network makes of it has to be seen.
    """
    for facts in here.facts.graphs:
        unread: list[Node] = []
        uneven: dict[str, list[Node]] = {}
        for node in facts.ordered("TRANSPOSE_CONV", "ConvTranspose"):
            operator = facts.meaning(node)
            if not isinstance(operator, TransposeConv) or not _slides(operator.window):
                unread.append(node)
                continue
            window = operator.window
            overlaps = [_overlaps(window, axis) for axis in range(len(window.kernel))]
            if any(len(each) > 1 for each in overlaps):
                uneven.setdefault(_uneven(window, overlaps), []).append(node)
        for why, nodes in uneven.items():
            yield here.whole(
                f"{counted(nodes)} with {why}",
                graph=facts.graph,
                key=why,
                evidence=(
                    Evidence(
                        "uneven overlap where the kernel is not divisible by the stride makes "
                        "checkerboard artifacts that networks struggle to avoid",
                        CHECKERBOARD,
                    ),
                ),
                others=[node.index for node in nodes],
            )
        yield from here.unsure(unread, "its kernel, stride or sizes are not fixed in the file")


def _slides(window: Window) -> bool:
    """Whether the window is one; a damaged file may state strides of zero."""
    return min(*window.kernel, *window.strides, *window.dilations) > 0


def _overlaps(window: Window, axis: int) -> set[int]:
    """How many taps of the kernel meet the places that repeat with the stride.

    The taps go round every n-th place and leave out those between.
    """
    stride, dilation = window.strides[axis], window.dilations[axis]
    met = stride // gcd(stride, dilation)
    each, more = divmod(window.kernel[axis], met)
    return {each, *([each + 1] if more else []), *([0] if met < stride else [])}


def _uneven(window: Window, overlaps: list[set[int]]) -> str:
    """What is uneven and what would be even, as half a sentence."""
    numbers = sorted({prod(each) for each in product(*overlaps)})
    sides = zip(window.kernel, window.strides, strict=True)
    even = [_multiples(taps, step) for taps, step in sides]
    better = " or ".join(dict.fromkeys(by(sizes) for sizes in zip(*even, strict=True)))
    return (
        f"a kernel of {by(window.kernel)} at stride {by(window.strides)}: samples of the result "
        f"are sums of {either(numbers)} products for each channel, by their place, which shows "
        f"as a checkerboard; a kernel of {better} lays them evenly"
    )


def _multiples(size: int, stride: int) -> tuple[int, int]:
    """The multiples of the stride on both sides of a size."""
    below = max(size // stride, 1) * stride
    return below, (below if below == size else -(-size // stride) * stride)


@model_rule("NPU708", "global-pooling", "info", since="0.1.0")
def global_pooling(here: OnModel) -> Iterator[Finding]:
    """Finds means over whole maps in networks that return an image.

    Why it matters: restoration networks are mostly trained on patches and run on whole images.
    The mean over an image is distributed otherwise than the mean over a patch, so what hangs on
    it (the channel attention of squeeze-and-excitation, of NAFNet) meets in use what it has
    never met in training, and quality drops. A whole image also has to be there before the mean
    is, which keeps runtimes from working in tiles.

    Example: a network trained on crops of 256x256 that scales its channels by their means, run
    on photos of 12 MP.

    What to do: if training used patches, take means over windows of the patch's size
    (test-time local conversion: an average pool, or running sums), which needs no training; or
    train at the size that is used.

    Limits: how large the patches were is not in the file; where the model is used at the size
    of its training nothing is wrong. Means within normalisations are not among those found.
    """
    if not here.facts.takes_images:
        return
    facts, whole = here.facts.main, here.facts.image
    inside = {index for norm in facts.norms for index in norm.nodes}
    means = [node for node in _global_means(facts) if node.index not in inside]
    if whole is None:
        yield from here.unsure(means, SIZE_UNKNOWN)
        return
    made = [space for index in facts.graph.outputs if (space := facts.space(index)) is not None]
    image = max(made, key=area, default=(0, 0))
    if not means or area(image) < area(whole):
        return
    spaces = [space for node in means if (space := facts.space(node.inputs[0])) is not None]
    largest = max(spaces, key=area) if spaces else None
    sizes = by(largest) if largest else "the whole map"
    yield here.whole(
        f"{plural(len(means), 'mean')} over whole maps, up to {sizes}, in a network that makes "
        f"an image of {by(image)}: if it was trained on smaller patches, these means are not "
        "those that it has learnt from",
        graph=facts.graph,
        evidence=(
            Evidence(
                "local means in place of global ones raise Restormer from 32.92 to 33.57 dB on "
                "GoPro, without training",
                f"{TLC}, abstract",
            ),
        ),
        others=[node.index for node in means],
    )


def _global_means(facts: GraphFacts) -> Iterator[Node]:
    names = ("MEAN", "AVERAGE_POOL_2D", "ReduceMean", "GlobalAveragePool", "AveragePool")
    for node in facts.ordered(*names):
        operator = facts.meaning(node)
        source = facts.operand(node, 0)
        if source is None or source.rank != 4 or not facts.graph.uses[node.outputs[0]].readers:
            continue
        space, made = facts.space(node.inputs[0]), facts.space(node.outputs[0])
        if space == (1, 1):
            continue
        if isinstance(operator, Reduce):
            if operator.kind == "mean" and {2, 3} <= set(operator.axes):
                yield node
        elif isinstance(operator, Pool) and operator.window.kernel == space and made == (1, 1):
            yield node


RULES: tuple[Rule, ...] = (
    uneven_transpose_conv,
    *restoration_resolution.RULES,
    *restoration_traffic.RULES,
    *restoration_order.RULES,
    global_pooling,
)
