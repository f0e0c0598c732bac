"""Restoration: what networks that turn images into images pay for, or are seen to suffer from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from npulint.finding import Evidence, Finding
from npulint.operators.rearrangements import Reduce
from npulint.operators.semantics import Conv, Pool, TransposeConv, Window
from npulint.rules import restoration_order, restoration_traffic
from npulint.rules.facts import Space, area
from npulint.rules.record import Rule, model_rule
from npulint.rules.sources import CHECKERBOARD, MOFA, PYNET_V2, TLC
from npulint.rules.words import by, counted, either, million_macs, percent, plural, size

if TYPE_CHECKING:
    from npulint.model import Node
    from npulint.rules.facts import GraphFacts
    from npulint.rules.norms import Norm
    from npulint.rules.view import OnModel

_SIZE_UNKNOWN = "the height and width of the model's input are not known"


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
            if not isinstance(operator, TransposeConv):
                unread.append(node)
                continue
            window = operator.window
            overlaps = [_overlaps(window, axis) for axis in range(len(window.kernel))]
            if any(len(set(each)) > 1 for each in overlaps):
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


def _overlaps(window: Window, axis: int) -> list[int]:
    """How many taps of the kernel meet each of the places that repeat with the stride."""
    stride, dilation = window.strides[axis], window.dilations[axis]
    met = [0] * stride
    for tap in range(window.kernel[axis]):
        met[tap * dilation % stride] += 1
    return met


def _uneven(window: Window, overlaps: list[list[int]]) -> str:
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


@model_rule(
    "NPU702",
    "full-resolution-norm",
    "warning",
    since="0.1.0",
    fixes=("norm/calibrated", "norm/strip"),
)
def full_resolution_norm(here: OnModel) -> Iterator[Finding]:
    """Finds normalisations over maps as large as the image: layer, instance and group norms.

    Why it matters: mean and variance of the running image are needed before any of its samples
    can be normalised, so the map is read several times over, and nothing of it folds into a
    convolution. Accelerators are built for the opposite. Taken apart, as TFLite and older ONNX
    exporters write it, a norm is also seven to ten operators, any of which may be refused.

    Example: four layer norms at the resolution of the image in a NAFNet, each of them a mean, a
    difference, a square, another mean, a root, a quotient, a product and a sum.

    What to do: train without them, or with batch norms, which fold into the weights; or keep
    them at low resolutions only. `npulint fix --allow calibrated` fits constants to data, and
    says how far the result is off.

    Limits: native norms are found by their operators, others by the root of a mean of squares;
    one that is written otherwise is missed. Norms below the resolution of the input are not
    reported.
    """
    if not here.facts.takes_images:
        return
    whole = here.facts.image
    for facts in here.facts.graphs:
        if whole is None:
            yield from here.unsure([norm.node for norm in facts.norms], _SIZE_UNKNOWN)
            continue
        groups: dict[tuple[str, Space], list[Norm]] = {}
        for norm in facts.norms:
            if norm.space is not None and area(norm.space) >= area(whole):
                groups.setdefault((norm.kind, norm.space), []).append(norm)
        for (kind, space), norms in groups.items():
            nodes = sorted({index for norm in norms for index in norm.nodes})
            yield here.whole(
                f"{plural(len(norms), kind)} at {by(space)}, "
                f"{_against(space, whole)}: {_cost(facts, norms, nodes)}",
                graph=facts.graph,
                key=f"{kind}|{by(space)}",
                evidence=_of_norms(kind),
                others=nodes,
            )


def _against(space: Space, whole: Space) -> str:
    if space == whole:
        return "the resolution of the input"
    return f"{area(space) / area(whole):.3g} times the samples of the input"


def _cost(facts: GraphFacts, norms: list[Norm], nodes: list[int]) -> str:
    """What norms cost, as half a sentence; operators of their own do not show it in the graph."""
    part, total = _sum(facts, nodes), _sum(facts, range(len(facts.traffic)))
    if len(nodes) == len(norms) or part is None or not total:
        return "each passes over its map for mean and variance before it can write a sample"
    return (
        f"{plural(len(nodes), 'operator')} that read and write {size(part)} of activations, "
        f"{percent(part, total)} of what all operators do"
    )


def _sum(facts: GraphFacts, nodes: list[int] | range) -> int | None:
    sizes = [facts.traffic[index] for index in nodes]
    return None if None in sizes else sum(each or 0 for each in sizes)


def _of_norms(kind: str) -> Iterator[Evidence]:
    if kind.startswith("layer"):
        yield Evidence(
            "layer norms are called not deployable on phones, and were taken out for timing",
            f"{MOFA}, section 4.4",
        )
    yield Evidence(
        "without its instance norms PyNET-V2 Mobile takes 1227 ms, not 1492, for 12 MP on a "
        "Dimensity 1000+ GPU, at 0.20 dB less PSNR",
        f"{PYNET_V2}, table IV",
    )
    yield Evidence(
        "not all NPUs and APUs run instance norms efficiently, at high resolution least of all",
        f"{PYNET_V2}, section IV-E",
    )


_LARGE_SHARE = 0.05
"""Share of a model's multiply-accumulates below which large kernels are nothing to speak of."""


@model_rule("NPU703", "large-full-resolution-kernel", "info", since="0.1.0")
def large_full_resolution_kernel(here: OnModel) -> Iterator[Finding]:
    """Finds convolutions with more taps than 3x3 over maps as large as the image.

    Why it matters: their cost grows with the square of the kernel, and they hold more of the
    image in an accelerator's small memory at once. 3x3 is what accelerators are tuned for.

    Example: the 9x9 convolutions with which a network begins and ends at full resolution.

    What to do: stack 3x3 convolutions of the same reach (two for 5x5, three for 7x7, four for
    9x9: 72, 55 and 44 % of the products where the width stays), or let the large kernel look at
    a lower resolution.

    Limits: depthwise convolutions are left out, and so is what makes less than 5 % of the
    products of the model altogether.
    """
    if not here.facts.takes_images:
        return
    facts, whole = here.facts.main, here.facts.image
    large = [node for node in facts.ordered("CONV_2D", "Conv") if _is_large(facts, node)]
    if whole is None:
        yield from here.unsure(large, _SIZE_UNKNOWN)
        return
    spaces = {node.index: facts.space(node.outputs[0]) for node in large}
    found = [node for node in large if area(spaces[node.index] or (0, 0)) >= area(whole)]
    if None in facts.macs:
        yield from here.unsure(found, "not all sizes that the model's products hang on are known")
        return
    total = sum(count or 0 for count in facts.macs)
    part = sum(facts.macs[node.index] or 0 for node in found)
    if found and part >= _LARGE_SHARE * total > 0:
        yield here.whole(
            f"{plural(len(found), 'convolution')} of more than 3x3 taps ({_kernels(facts, found)}) "
            f"at {by(whole)} and above: {percent(part, total)} of the multiply-accumulates "
            f"({million_macs(part)})",
            graph=facts.graph,
            evidence=(
                Evidence(
                    "PyNET-V2 Mobile keeps to 3x3 outside of its attention blocks, because larger "
                    "filters drastically raise the memory that is used",
                    f"{PYNET_V2}, section III",
                ),
                Evidence(
                    "PyNET, with kernels of up to 9x9, takes 12932 ms for Full HD and runs out of "
                    "memory at 12 MP on a Dimensity 1000+ GPU; PyNET-V2 Mobile 274 and 1492 ms",
                    f"{PYNET_V2}, table I",
                ),
            ),
            others=[node.index for node in found],
        )


def _is_large(facts: GraphFacts, node: Node) -> bool:
    operator = facts.meaning(node)
    if not isinstance(operator, Conv) or len(operator.window.kernel) != 2:
        return False
    rows, columns = operator.window.kernel
    return rows * columns > 9 and not restoration_traffic.is_depthwise(facts, node)


def _kernels(facts: GraphFacts, nodes: list[Node]) -> str:
    found: dict[tuple[int, ...], int] = {}
    for node in nodes:
        operator = facts.meaning(node)
        if isinstance(operator, Conv):
            kernel = operator.window.kernel
            found[kernel] = found.get(kernel, 0) + 1
    return ", ".join(f"{number} of {by(kernel)}" for kernel, number in sorted(found.items()))


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
        yield from here.unsure(means, _SIZE_UNKNOWN)
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
    full_resolution_norm,
    large_full_resolution_kernel,
    *restoration_traffic.RULES,
    *restoration_order.RULES,
    global_pooling,
)
