"""Types: element types that accelerators do not compute with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from npulint.finding import Evidence, Finding
from npulint.float16 import dequantizes_float16
from npulint.rules.record import Rule, model_rule, target_rule
from npulint.rules.what_if import faults, operands

if TYPE_CHECKING:
    from npulint.model import Graph, Node, Value
    from npulint.rules.view import OnModel, OnTarget

_DEQUANTIZE = "google-ai-edge/LiteRT tflite/delegates/utils.cc 203-350 @f6745779"
_FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})
_TURNING = ("CAST", "DEQUANTIZE", "Cast")


@target_rule("NPU401", "int64-tensor", "info", since="0.1.0", fixes=("indices/int32",))
def int64_tensor(here: OnTarget) -> Iterator[Finding]:
    """Finds operators that the target refuses for their int64 tensors and takes with int32.

    Why it matters: NNAPI, Hexagon, MediaTek's APU and the GPU delegate have no 64-bit integers.
    The sizes, axes and positions of a phone's network fit 32 bits many times over, and are int64
    only because that is the type that PyTorch and NumPy write when nobody asks for another.

    Example: `GATHER` with int64 positions on `nnapi-1.2`: refused, with int32 taken.

    What to do: `npulint fix` stores constants and the results of ARG_MAX and ARG_MIN as int32.
    In the exporter cast to int32 (`tf.cast(x, tf.int32)`, `x.to(torch.int32)`).

    Limits: an operator that is refused for something else as well is left to NPU101. Whether
    values computed at run time fit 32 bits cannot be seen. ONNX states sizes as int64 by its own
    rules, and the conversion to TensorFlow Lite makes them int32; those are not reported, nor
    are the int64 biases of 16-bit networks (see NPU606).
    """
    yield from _of_type(here, "int64", "int32")


@target_rule("NPU402", "float64-tensor", "info", since="0.1.0")
def float64_tensor(here: OnTarget) -> Iterator[Finding]:
    """Finds operators that the target refuses for their float64 tensors and takes with float32.

    Why it matters: no phone's accelerator computes in float64. One Python number that NumPy made
    a float64 constant is enough to turn a whole branch of a network into it.

    Example: `MUL` of two float64 tensors on `nnapi-1.2`.

    What to do: find the constant or the cast with which it begins and give it float32
    (`np.float32(0.5)`, `x.float()`); nothing of an image needs more than 24 bits of precision.

    Limits: an operator that is refused for something else as well is left to NPU101. The
    conversion of an ONNX model to TensorFlow Lite makes float32 of float64.
    """
    yield from _of_type(here, "float64", "float32")


def _of_type(here: OnTarget, dtype: str, instead: str) -> Iterator[Finding]:
    def change(value: Value) -> Value:
        plain = value.dtype == dtype and value.quantisation is None
        return replace(value, dtype=instead) if plain else value

    def nodes(graph: Graph) -> tuple[Node, ...]:
        return here.facts.graphs[graph.index].by_dtype.get(dtype, ())

    for fault in faults(here, nodes, operands(change)):
        yield fault.finding(here, f"refused for its {dtype} tensors; with {instead} it is taken")


@target_rule("NPU403", "float16-weights-apart", "info", since="0.1.0", fixes=("half-weights",))
def float16_weights_apart(here: OnTarget) -> Iterator[Finding]:
    """Finds float16 weights whose DEQUANTIZE the target does not take with their reader.

    Why it matters: TFLiteConverter's float16 mode stores weights as float16 and puts a DEQUANTIZE
    before each reader. A delegate that does not look through them sees operators of another type
    and weights that are computed at run time, and both it mostly refuses.

    Example: `DEQUANTIZE` of the filter of a CONV_2D on `neuron`.

    What to do: `npulint fix` stores the weights as float32 (the file grows by as much), or export
    without float16; the accelerators that compute in float16 convert float32 weights themselves.

    Limits: NNAPI's delegate looks through them only while it takes every other node; where it
    does, this is silent.
    """
    source = here.target.partitioning.source if here.target.partitioning else _DEQUANTIZE
    for graph, delegation in zip(here.model.graphs, here.result.delegations, strict=True):
        nodes = [
            node
            for node in here.facts.graphs[graph.index].of("DEQUANTIZE")
            if dequantizes_float16(graph, node) and delegation.delegated[node.index] is False
        ]
        if nodes and not delegation.why_not:
            yield here.at(
                nodes[0],
                f"the DEQUANTIZE of {len(nodes)} float16 "
                f"{'weight stays' if len(nodes) == 1 else 'weights stays'} with the CPU, and to "
                "the accelerator what it makes is computed while the model runs, not stored",
                evidence=[Evidence("whether weights are looked through is the delegate's", source)],
                others=[node.index for node in nodes],
            )


@model_rule("NPU404", "mixed-float-types", "warning", since="0.1.0")
def mixed_float_types(here: OnModel) -> Iterator[Finding]:
    """Finds graphs that compute in float16 here and in float32 there.

    Why it matters: each change of type is an operator of its own that reads and writes a whole
    feature map, and a reason to cut the graph where one side has no float16. Accelerators compute
    float32 graphs in float16 anyway where they are allowed to (NNAPI's relaxed mode, the GPU
    delegate's precision loss), so the mixture gains nothing.

    Example: `Cast` to float16 before a convolution and `Cast` back behind it.

    What to do: export all of it in float32 and let the runtime choose; or, for ONNX, all of it in
    float16 where the target takes that.

    Limits: weights that are stored as float16 behind DEQUANTIZE are not meant (see NPU403), nor
    are single numbers, nor casts of what the network is given and hands back.
    """
    for facts in here.facts.graphs:
        casts = facts.ordered(*_TURNING)
        inner = [node for node in casts if _is_inner(facts.graph, node)]
        turning = [node for node in inner if _turns_float(facts.graph, node) is True]
        yield from here.unsure(
            (node for node in inner if _turns_float(facts.graph, node) is None),
            "the element type of its input is not stated",
        )
        if turning:
            kinds = sorted({_kinds(facts.graph, node) for node in turning})
            yield here.at(
                turning[0],
                f"activations change between {' and between '.join(kinds)} at {len(turning)} "
                f"{'place' if len(turning) == 1 else 'places'}; one type for all needs none",
                others=[node.index for node in turning],
            )


def _is_inner(graph: Graph, node: Node) -> bool:
    """Whether a node lies within the network rather than at its inputs or outputs."""
    return not ({*node.inputs} & {*graph.inputs} or {*node.outputs} & {*graph.outputs})


def _turns_float(graph: Graph, node: Node) -> bool | None:
    """Whether a node turns activations of one floating type into another, None if unknown."""
    ends = _ends(graph, node)
    if ends is None or ends[0].constant is not None:
        return False
    first, last = ends
    if first.dtype is None:
        return None if last.dtype in _FLOATS else False
    return {first.dtype, last.dtype} <= _FLOATS and first.dtype != last.dtype


def _kinds(graph: Graph, node: Node) -> str:
    ends = _ends(graph, node)
    return "" if ends is None else " and ".join(sorted(str(each.dtype) for each in ends))


def _ends(graph: Graph, node: Node) -> tuple[Value, Value] | None:
    if not node.inputs or not node.outputs or min(node.inputs[0], node.outputs[0]) < 0:
        return None
    first, last = graph.values[node.inputs[0]], graph.values[node.outputs[0]]
    return None if first.rank == 0 else (first, last)


@target_rule("NPU405", "bool-tensor", "info", since="0.1.0")
def bool_tensor(here: OnTarget) -> Iterator[Finding]:
    """Finds operators on truth values (comparisons, selections, logic) that the target refuses.

    Why it matters: NNAPI has tensors of truth values from 1.2 on only, Hexagon takes 8-bit
    numbers and nothing else, and few APUs compute with them. A comparison in a restoration
    network is mostly a limit or a mask in disguise, and cuts the graph in two for it.

    Example: `GREATER`, then `SELECT_V2`, as a hand-written leaky ReLU: PRELU is one operator.

    What to do: compute with numbers: `max(x, 0)` and `min(x, 1)` for choices by a threshold,
    `m * a + (1 - m) * b` for masks, PRELU and CLIP for what they are.

    Limits: whether other arithmetic would be taken is not asked here; `npulint fix` knows the
    forms of limits and activations.
    """
    for graph, verdicts in zip(here.model.graphs, here.result.verdicts, strict=True):
        nodes = here.facts.graphs[graph.index].by_dtype.get("bool", ())
        refused = [node for node in nodes if verdicts[node.index].status == "unsupported"]
        if not refused:
            continue
        reasons = (reason for node in refused for reason in verdicts[node.index].reasons)
        shown = dict.fromkeys(Evidence(reason.message, reason.source) for reason in reasons)
        ops = ", ".join(sorted({node.op for node in refused}))
        yield here.at(
            refused[0],
            f"{len(refused)} operators on truth values are refused ({ops})"
            if len(refused) > 1
            else "makes or reads truth values and is refused; arithmetic may say the same",
            evidence=shown,
            others=[node.index for node in refused],
        )


RULES: tuple[Rule, ...] = (
    int64_tensor,
    float64_tensor,
    float16_weights_apart,
    mixed_float_types,
    bool_tensor,
)
