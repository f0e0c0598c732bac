"""Hygiene: operators that belong into the one before them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.finding import Evidence, Finding
from npulint.operators.from_tflite import fused_activation
from npulint.rules.record import Rule, model_rule
from npulint.rules.sources import DEBLURRING
from npulint.rules.words import counted, plural

if TYPE_CHECKING:
    from npulint.model import Node, Value
    from npulint.rules.facts import GraphFacts
    from npulint.rules.view import OnModel

_RESULT_AXIS = {
    "CONV_2D": 0, "DEPTHWISE_CONV_2D": -1, "TRANSPOSE_CONV": 0, "Conv": 0, "ConvTranspose": 1,
}  # fmt: skip
"""The axis of a filter that runs over the channels of the result, over those of a group for
ConvTranspose."""

_AFFINE = ("MUL", "ADD", "SUB", "DIV", "Mul", "Add", "Sub", "Div")
_QUOTIENTS = ("DIV", "Div")

_FLOATS = frozenset({"float32", "float16"})


@model_rule("NPU805", "unfolded-scale-shift", "warning", since="0.1.0", fixes=("fold",))
def unfolded_scale_shift(here: OnModel) -> Iterator[Finding]:
    """Finds batch norms, and products and sums with constants, that belong into a convolution.

    Why it matters: a factor for each channel goes into the weights of the convolution before it,
    a summand into the bias, and the result is the same. Left standing, each of them reads and
    writes the whole map once more, and is one more operator that a target may refuse.

    Example: an ONNX file with a BatchNormalization after each Conv; a TFLite file whose
    converter wrote MUL and ADD after CONV_2D.

    What to do: fold them before the export (frameworks and converters have a pass for it), or
    let `npulint fix` do it, which folds them where that helps a target.

    Limits: only what comes right behind a convolution that nothing else reads and that has no
    activation of its own is found, and only where the weights are stored in floating point:
    quantised models are folded before they are quantised.
    """
    for facts in here.facts.graphs:
        found: list[Node] = []
        open_ends: dict[int, _Channels] = {}
        for node in facts.ordered("BatchNormalization", *_AFFINE):
            source = _varying(facts, node)
            channels = None if source is None else _channels(facts, source, open_ends)
            if channels is None or not _by_channel(facts, node, channels):
                continue
            found.append(node)
            if fused_activation(facts.graph.operation(node)) == "NONE":
                open_ends[node.outputs[0]] = channels
        if found:
            yield here.whole(
                f"{counted(found)} with constants right after convolutions, whose weights and "
                "biases could hold them",
                graph=facts.graph,
                evidence=(
                    Evidence(
                        "MUL and RESIZE_NEAREST_NEIGHBOR fall back to the CPU on a Mate 30 Pro 5G "
                        "and a Pixel 4: Inception-ResNetV2-FPN takes 22164 and 20150 ms",
                        f"{DEBLURRING}, table 2",
                    ),
                ),
                others=[node.index for node in found],
            )


@dataclass(frozen=True, slots=True)
class _Channels:
    """Channels of a map: how many, and how many axes stand behind theirs."""

    number: int
    behind: int


def _varying(facts: GraphFacts, node: Node) -> int | None:
    """The operand that is scaled or shifted by constants alone; None where there is none."""
    if node.domain or not node.inputs:
        return None
    computed = [index for index in node.inputs if not facts.is_constant(index)]
    if len(computed) != 1 or computed[0] < 0 or len(node.inputs) < 2:
        return None
    first_only = node.op in _QUOTIENTS or node.op == "BatchNormalization"
    if first_only and node.inputs[0] != computed[0]:
        return None
    if node.op == "BatchNormalization" and facts.meaning(node) is None:
        return None  # In training mode it takes the statistics of the running batch.
    return computed[0]


def _channels(facts: GraphFacts, index: int, open_ends: dict[int, _Channels]) -> _Channels | None:
    """Channels of a map that a convolution makes for one reader; None for any other value."""
    if facts.only_reader(index) is None:
        return None
    maker = facts.maker(index)
    if index in open_ends or maker is None:
        return open_ends.get(index)
    weights = facts.operand(maker, 1) if maker.op in _RESULT_AXIS else None
    foreign = maker.domain or maker.custom
    if foreign or weights is None or weights.constant is None or weights.dtype not in _FLOATS:
        return None
    groups = maker.attributes.get("group", 1) if maker.op == "ConvTranspose" else 1
    sizes = weights.constant.shape
    active = fused_activation(facts.graph.operation(maker)) != "NONE"
    if active or not isinstance(groups, int) or len(sizes) < 3:
        return None
    behind = 0 if facts.graph.dialect == "tflite" else len(sizes) - 2
    return _Channels(sizes[_RESULT_AXIS[maker.op]] * groups, behind)


def _by_channel(facts: GraphFacts, node: Node, channels: _Channels) -> bool:
    """Whether the constants of a node have one element, or one a channel of the map."""
    if node.op == "BatchNormalization":
        return True
    for index in node.inputs:
        constant = None if index < 0 else facts.graph.values[index].constant
        if constant is None:
            continue
        # Sizes are matched from the last axis on.
        sizes = constant.shape[::-1]
        own = sizes[channels.behind] if len(sizes) > channels.behind else 1
        others = (*sizes[: channels.behind], *sizes[channels.behind + 1 :])
        if own not in (1, channels.number) or any(size != 1 for size in others):
            return False
    return True


_CARRIERS = frozenset({
    "CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "ADD", "SUB", "MUL",
    "DIV", "MAX_POOL_2D", "AVERAGE_POOL_2D", "L2_POOL_2D",
})  # fmt: skip
"""Builtin operators whose kernels apply a fused activation."""


@model_rule("NPU806", "unfused-activation", "warning", since="0.1.0", fixes=("activation/fused",))
def unfused_activation(here: OnModel) -> Iterator[Finding]:
    """Finds TFLite activations that the operator before them could apply itself.

    Why it matters: RELU, RELU6 and RELU_N1_TO_1 are options of convolutions, sums and pools.
    As a node of their own they read and write the whole map once more.

    Example: CONV_2D with no fused activation, and a RELU that alone reads its result.

    What to do: convert again with a current converter, which fuses them; or `npulint fix`, where
    a target refuses the activation.

    Limits: found where nothing else reads the result and both have the same quantisation.
    RELU_0_TO_1 is no option of the schema. ONNX has no fused activations.
    """
    for facts in here.facts.graphs:
        if facts.graph.dialect != "tflite":
            continue
        found = [
            (maker, node)
            for node in facts.ordered("RELU", "RELU6", "RELU_N1_TO_1")
            if (maker := facts.maker(node.inputs[0])) is not None and _carries(facts, maker, node)
        ]
        if found:
            makers = [maker for maker, _ in found]
            nodes = [node for _, node in found]
            yield here.whole(
                f"{counted(nodes)} right after {counted(makers)}, which could apply "
                f"{'it' if len(nodes) == 1 else 'them'}: {plural(len(nodes), 'operator')} less",
                graph=facts.graph,
                others=[each.index for pair in found for each in pair],
            )


def _carries(facts: GraphFacts, maker: Node, activation: Node) -> bool:
    if maker.custom or maker.op not in _CARRIERS:
        return False
    if maker.attributes.get("fused_activation_function", "NONE") != "NONE":
        return False
    index = activation.inputs[0]
    before: Value = facts.graph.values[index]
    after = facts.result(activation)
    alike = after is not None and before.quantisation == after.quantisation
    return alike and facts.only_reader(index) is not None


RULES: tuple[Rule, ...] = (unfolded_scale_shift, unfused_activation)
