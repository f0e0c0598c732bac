"""Refusals for one thing alone: change it, and the target's check takes the operator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from npulint.finding import Evidence, Finding
from npulint.model import ITEM_BITS, Constant, Quantisation, Value
from npulint.operators.onnx_signatures import malformed
from npulint.operators.versions import operator_version
from npulint.rules.record import Rule, target_rule
from npulint.rules.what_if import asked, taken
from npulint.verdict import Memory

if TYPE_CHECKING:
    from npulint.model import Graph, Node, Operation
    from npulint.rules.view import OnTarget
    from npulint.verdict import Verdict

_Change: TypeAlias = "Callable[[Operation], Operation | None]"
"""The same operation without one fault; None where it has not got it."""

_BIAS_AT = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}
"""Where the bias stands among the operands."""

_DATA_AT = {"TRANSPOSE_CONV": 2}
"""Where the data stands, if it is not the first operand."""

_NEWEST = 64
"""A version that no operator has reached (`FULLY_CONNECTED` is at 14, ONNX at opset 26). A damaged
file may state any, and nobody can try them all."""

_MOST_CHANNELS = 1 << 20
"""Channels above which no bias is made up: only a damaged file states as many."""

_RESIZES = ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
_FLAGS = ("half_pixel_centers", "align_corners")


@dataclass(frozen=True, slots=True)
class _Case:
    """A refused node that one change would cure.

    Attributes:
        node: The node.
        verdict: Why it is refused.
        before: The operation at fault: the node's own, or one that a converter makes of it.
        after: The one that would be taken.
    """

    node: Node
    verdict: Verdict
    before: Operation
    after: Operation


@target_rule("NPU108", "refused-version", "info", since="0.1.0", fixes=("version/lowest",))
def refused_version(here: OnTarget) -> Iterator[Finding]:
    """Finds operators that are refused for nothing but their version.

    Why it matters: a TFLite file has a version for each operator, and newer converters write
    higher ones. A delegate that was written before them refuses, although it would compute the
    very same thing.

    Example: a `CONV_2D` of version 5 on `neuron`, which takes up to 3, where its types and options
    need no more than 1.

    What to do: where the options need no more than is taken, `npulint fix` writes the lower
    version, and nothing else changes. Where they need more, export without the option that does:
    the finding names the version that the options need.

    Limits: which version the options need is what TensorFlow's converter of the table's date
    would write. ONNX has no versions of single operators.
    """
    yield from _told(here, _versions(here), _about_version)


@target_rule("NPU109", "missing-bias", "info", since="0.1.0", fixes=("bias/zeros",))
def missing_bias(here: OnTarget) -> Iterator[Finding]:
    """Finds convolutions and matrix products that are refused only because they have no bias.

    Why it matters: a layer without a bias is common in front of a normalisation, and some
    delegates demand three operands to the letter.

    Example: a `FULLY_CONNECTED` of two operands on `hexagon-nn`, which takes exactly three.

    What to do: in a float model `npulint fix` adds a bias of zeros (`bias/zeros`), which changes
    no result. A quantised one is exported again, with a bias.

    Limits: asked is the check about the same operator with a stored bias of zeros of the type
    that TFLite demands there.
    """
    yield from _told(here, _cured(here, _with_bias), _about_bias)


@target_rule("NPU110", "refused-resize-flags", "info", since="0.1.0")
def refused_resize_flags(here: OnTarget) -> Iterator[Finding]:
    """Finds resizes that are refused only for half-pixel centres or aligned corners.

    Why it matters: where the samples lie is a choice that a framework makes by default
    (PyTorch and TensorFlow 2 choose half pixels), and an older accelerator knows one choice only.

    Example: a `RESIZE_BILINEAR` with `half_pixel_centers` on `nnapi-1.2`; NNAPI takes it from
    1.3 on.

    What to do: `npulint fix` computes most such resizes by other operators, exactly. Or train
    and export with the positions that the target takes; changing the flag alone shifts the image.

    Limits: only TFLite's two flags, also where a converter makes them of ONNX coordinates.
    """
    yield from _told(here, _cured(here, _without_flags), _about_flags)


@target_rule("NPU111", "refused-layout", "info", since="0.1.0")
def refused_layout(here: OnTarget) -> Iterator[Finding]:
    """Finds refused operators that moves alone would cure: reshapes, transpositions, slices, pads.

    Why it matters: nothing has to be computed otherwise, trained again or rounded. Only the order
    in which values lie keeps the operator off the accelerator.

    Example: a `DEPTH_TO_SPACE` on `pixel-4`, where a reshape, a transposition and another reshape
    say the same and are taken.

    What to do: `npulint fix` with the realisations that the finding names. The results are the
    same to the bit.

    Limits: known is what the catalogue of realisations knows, asked about the operator as it
    stands in the model. In a large model only the first operators of each kind are asked about.
    """
    groups: dict[tuple[int, str, tuple[str, ...]], list[tuple[Node, Verdict]]] = {}
    for node, verdict in here.verdicts():
        known = here.result.remedies.get((node.graph, node.index), ())
        names = tuple(each.name for each in known if each.moves)
        if names:
            groups.setdefault((node.graph, node.op, names), []).append((node, verdict))
    for (_, _, names), alike in groups.items():
        reasons = dict.fromkeys(each for _, verdict in alike for each in verdict.reasons)
        yield here.at(
            alike[0][0],
            f"moves alone would say the same and be taken ({', '.join(names)})",
            others=(node.index for node, _ in alike),
            evidence=(Evidence(each.message, each.source) for each in reasons),
            fixes=names,
        )


def _told(
    here: OnTarget, cases: Iterator[_Case], about: Callable[[_Case], str]
) -> Iterator[Finding]:
    """One finding for all nodes of one operator and graph of which the same is to be said."""
    groups: dict[tuple[int, str, str], list[_Case]] = {}
    for case in cases:
        groups.setdefault((case.node.graph, case.node.op, about(case)), []).append(case)
    for (_, _, why), alike in groups.items():
        reasons = dict.fromkeys(each for case in alike for each in case.verdict.reasons)
        yield here.at(
            alike[0].node,
            why,
            others=(case.node.index for case in alike),
            evidence=(Evidence(each.message, each.source) for each in reasons),
            fixes=_common(here, (case.node for case in alike)),
        )


def _common(here: OnTarget, nodes: Iterable[Node]) -> Iterable[str]:
    """What cures each of some nodes, in the order of the first."""
    first, *others = (here.fixes(node) for node in nodes)
    return (name for name in first if all(name in other for other in others))


def _cured(here: OnTarget, change: _Change) -> Iterator[_Case]:
    """The refused nodes that a change would cure."""
    table = Memory(here.target)
    for graph, node, verdict in _refused(here):
        faulty = [op for op in asked(here, graph, node) if not taken(table, op)]
        changed = [new for new in map(change, faulty) if new is not None and taken(table, new)]
        if faulty and len(changed) == len(faulty):
            yield _Case(node, verdict, faulty[0], changed[0])


def _versions(here: OnTarget) -> Iterator[_Case]:
    """The refused nodes that some lower version would cure: the highest one that does."""
    table = Memory(here.target)
    for graph, node, verdict in _refused(here):
        operation = graph.operation(node)
        if graph.dialect != here.target.dialect or node.custom or taken(table, operation):
            continue
        below = min(node.version - 1, _NEWEST)
        lower = (
            replace(operation, version=v)
            for v in range(below, 0, -1)
            if graph.dialect == "tflite" or not malformed(replace(node, version=v), graph.values)
        )
        after = next((each for each in lower if taken(table, each)), None)
        if after is not None:
            yield _Case(node, verdict, operation, after)


def _refused(here: OnTarget) -> Iterator[tuple[Graph, Node, Verdict]]:
    """What is not taken for certain, by the check or behind it.

    On a phone an operator that was seen on the CPU is left out: what its path would take may
    still fall there.
    """
    device = here.device
    observed = () if device is None else (o for o in device.observed if o.outcome != "caution")
    fallen = {op for each in observed for op in each.pattern.ops}
    for node, verdict in here.verdicts():
        if verdict.status == "unsupported":
            graph = here.model.graphs[node.graph]
            if fallen and any(op.op in fallen for op in asked(here, graph, node)):
                continue
            yield graph, node, verdict


def _about_version(case: _Case) -> str:
    written, taken = case.before.version, case.after.version
    if case.before.dialect == "onnx":
        return f"refused only for its opset: {written} is written, up to {taken} is taken"
    needed = operator_version(case.before)
    said = f"refused only for its version: {written} is written, up to {taken} is taken, and its "
    if needed <= taken:
        return f"{said}options and types need no more than {needed}"
    return f"{said}options or types need {'a higher one' if needed > written else needed}"


def _about_bias(_: _Case) -> str:
    return "refused only because it has no bias: with one of zeros it is taken"


def _about_flags(case: _Case) -> str:
    named = [flag for flag in _FLAGS if case.before.attributes.get(flag)]
    verb = "is" if len(named) == 1 else "are"
    return (
        f"refused only because {' and '.join(named)} {verb} set: the same resize without is taken, "
        "but samples elsewhere"
    )


def _without_flags(operation: Operation) -> Operation | None:
    if operation.op not in _RESIZES or not any(map(operation.attributes.get, _FLAGS)):
        return None
    attributes = {**operation.attributes, **dict.fromkeys(_FLAGS, False)}
    plain = replace(operation, attributes=attributes)
    return replace(plain, version=min(operation.version, operator_version(plain)))


def _with_bias(operation: Operation) -> Operation | None:
    """The operation with a bias of zeros, as TFLite would store it."""
    place = _BIAS_AT.get(operation.op)
    if place is None or any(operation.inputs[place:]) or len(operation.inputs) < place:
        return None
    made = _zero_bias(operation)
    return None if made is None else replace(operation, inputs=(*operation.inputs[:place], made))


def _zero_bias(operation: Operation) -> Value | None:
    """A stored bias: of the data's own type where that is float, else of int32."""
    data, weights = operation.inputs[_DATA_AT.get(operation.op, 0)], operation.inputs[1]
    result = operation.outputs[0] if operation.outputs else None
    channels = result.shape[-1] if result is not None and result.shape else None
    if data is None or weights is None or not isinstance(channels, int):
        return None
    if channels > _MOST_CHANNELS:
        return None
    dtype, quantisation = "float32", None
    if data.quantisation is not None and weights.quantisation is not None:
        scale = data.quantisation.scales[0]
        scales = tuple(scale * each for each in weights.quantisation.scales)
        dtype, quantisation = "int32", Quantisation(scales, (0,) * len(scales), 0)
    nbytes = channels * ITEM_BITS[dtype] // 8
    constant = Constant(dtype, (channels,), bytes(nbytes), None, nbytes)
    return Value(-1, "bias", dtype, (channels,), constant, quantisation)


RULES: tuple[Rule, ...] = (
    refused_version,
    missing_bias,
    refused_resize_flags,
    refused_layout,
)
