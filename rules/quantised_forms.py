"""Quantised forms that a target refuses: scales, per-channel weights, 16 bits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from npulint.model import Quantisation
from npulint.rules.quantised import BIASED
from npulint.rules.record import Rule, target_rule
from npulint.rules.what_if import faults, operands

if TYPE_CHECKING:
    from npulint.finding import Finding
    from npulint.model import Graph, Node, Operation, Value
    from npulint.rules.facts import GraphFacts
    from npulint.rules.view import OnTarget


@target_rule("NPU604", "small-result-scale", "info", since="0.1.0")
def small_result_scale(here: OnTarget) -> Iterator[Finding]:
    """Finds quantised products that the target refuses for the scale of their result.

    Why it matters: NNAPI demands that a result's scale be above input scale times weight scale:
    of convolutions and dense layers before 1.2, of MUL at every level. A network whose last
    layers make small numbers breaks it although its arithmetic is sound.

    Example: CONV_2D with input scale 0.5, filter scale 0.1 and output scale 0.04 on `nnapi-1.1`.

    What to do: widen the range of the result while quantising (calibrate with larger values), or
    scale weights down and what follows up. From NNAPI 1.2 on convolutions need nothing.

    Limits: an operator that is refused for something else as well is left to NPU101.
    """
    for fault in faults(here, lambda graph: _products(here, graph), _with_larger_result):
        node = fault.nodes[0]
        values = here.model.graphs[node.graph].values
        result = values[node.outputs[0]].quantisation
        shown = "" if result is None or result.scale is None else f" {result.scale:.6g}"
        product = _product(here.facts.graphs[node.graph], node)
        yield fault.finding(
            here, f"refused for its result's scale{shown}; above the product {product:.6g} is taken"
        )


def _products(here: OnTarget, graph: Graph) -> Iterator[Node]:
    facts = here.facts.graphs[graph.index]
    for node in facts.ordered(*BIASED, "MUL"):
        result = facts.result(node)
        product = _product(facts, node)
        if result is not None and result.quantisation is not None and product is not None:
            scale = result.quantisation.scale
            if scale is not None and scale <= product:
                yield node


def _product(facts: GraphFacts, node: Node) -> float | None:
    """The largest product of the scales that a node multiplies, None where they are not stated."""
    first, other = (2, 1) if node.op == "TRANSPOSE_CONV" else (0, 1)
    stated = [facts.operand(node, first), facts.operand(node, other)]
    scales = [v.quantisation.scales for v in stated if v is not None and v.quantisation is not None]
    return max(scales[0]) * max(scales[1]) if len(scales) == 2 and all(scales) else None


def _with_larger_result(operation: Operation) -> Operation:
    """The operator with a result whose steps are larger than any product of its scales."""
    held = [v.quantisation.scales for v in operation.inputs if v is not None and v.quantisation]
    larger = 1.0
    for scales in held:
        larger *= max((*scales, 1.0))
    grid = Quantisation((2 * larger,), (0,))
    results = (None if v is None else replace(v, quantisation=grid) for v in operation.outputs)
    return replace(operation, outputs=tuple(results))


@target_rule("NPU605", "per-channel-weights", "info", since="0.1.0")
def per_channel_weights(here: OnTarget) -> Iterator[Finding]:
    """Finds operators that the target refuses for weights with a scale for each channel.

    Why it matters: converters quantise weights per channel unless told otherwise, since it is
    the more exact way. Older paths (NNAPI before 1.2) and some operators elsewhere (dense layers
    on Hexagon and NNAPI) know one scale for a tensor only, and every such layer falls back.

    Example: FULLY_CONNECTED with per-channel int8 weights on `nnapi-1.3`.

    What to do: for that target convert with one scale a tensor, and measure what it costs:
    `converter._experimental_disable_per_channel = True`, of dense layers alone
    `converter._experimental_disable_per_channel_quantization_for_dense_layers = True`.

    Limits: an operator that is refused for something else as well is left to NPU101.
    """
    change = operands(_per_tensor)
    for fault in faults(here, _per_channel, change):
        yield fault.finding(
            here, "refused for its per-channel weights; with one scale for the tensor it is taken"
        )


def _per_channel(graph: Graph) -> Iterator[Node]:
    held = {v.index for v in graph.values if v.quantisation and v.quantisation.per_channel}
    if held:
        yield from (node for node in graph.nodes if not held.isdisjoint(node.inputs))


def _per_tensor(value: Value) -> Value:
    held = value.quantisation
    if held is None or not held.per_channel:
        return value
    return replace(value, quantisation=Quantisation(held.scales[:1], held.zero_points[:1]))


@target_rule("NPU606", "int16-activations", "info", since="0.1.0")
def int16_activations(here: OnTarget) -> Iterator[Finding]:
    """Finds operators that the target refuses for 16-bit activations and takes with 8-bit ones.

    Why it matters: 16-bit activations with 8-bit weights keep nearly all of a restoration
    network's quality, and few paths to an accelerator have them: NNAPI has no operator that
    takes them, nor has Hexagon's delegate. Such a network then runs on the CPU, where the
    16x8 kernels are the slow ones.

    Example: ADD of int16 tensors on `nnapi-1.3`.

    What to do: choose a path that has 16 bits (QNN HTP, MediaTek's APU), or stay in float16
    there, which costs the same memory; 8 bits lose what NPU607 says.

    Limits: an operator that is refused for something else as well is left to NPU101. How fast a
    target that takes int16 computes with it is not judged.
    """
    change = operands(_in_eight_bits)

    def nodes(graph: Graph) -> tuple[Node, ...]:
        return here.facts.graphs[graph.index].by_dtype.get("int16", ())

    for fault in faults(here, nodes, change):
        yield fault.finding(here, "refused for its int16 activations; with int8 it is taken")


def _in_eight_bits(value: Value) -> Value:
    """An int16 activation as int8, and its int64 bias as int32."""
    narrower = {"int16": "int8", "int64": "int32"}.get(value.dtype or "")
    if narrower is None or value.quantisation is None:
        return value
    return replace(value, dtype=narrower)


RULES: tuple[Rule, ...] = (small_result_scale, per_channel_weights, int16_activations)
