"""Restoration: what is costly at the resolution of the image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from npulint.finding import Evidence, Finding
from npulint.operators.semantics import Conv
from npulint.rules import restoration_traffic
from npulint.rules.facts import Space, area
from npulint.rules.record import Rule, model_rule
from npulint.rules.sources import MOFA, PYNET_V2
from npulint.rules.words import by, million_macs, percent, plural

if TYPE_CHECKING:
    from npulint.model import Node
    from npulint.rules.facts import GraphFacts
    from npulint.rules.norms import Norm
    from npulint.rules.view import OnModel

SIZE_UNKNOWN = "the height and width of the model's input are not known"


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
            yield from here.unsure([norm.node for norm in facts.norms], SIZE_UNKNOWN)
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
    moved = restoration_traffic.moved(facts, nodes)
    if len(nodes) == len(norms) or moved is None:
        return "each passes over its map for mean and variance before it can write a sample"
    return f"{plural(len(nodes), 'operator')} that {moved}"


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
        yield from here.unsure(large, SIZE_UNKNOWN)
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


RULES: tuple[Rule, ...] = (full_resolution_norm, large_full_resolution_kernel)
