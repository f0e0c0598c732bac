"""An operator with the DequantizeLinear and QuantizeLinear around it, shown as one.

Source: microsoft/onnxruntime onnxruntime/core @01f40e6: framework/node_unit.cc,
optimizer/qdq_transformer/selectors_actions/qdq_selectors.cc 76-114,
optimizer/qdq_transformer/ensure_unique_dq_for_node_unit.cc, and qdq_util.cc for a Relu or Clip that
the quantisation after it makes needless.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from npulint.operators.onnx_signatures import since_version
from npulint.ort import QUANTISED_UNIT
from npulint.ort.draft import STANDARD
from npulint.ort.unit_rules import RULES, UNARY, Rule, Unit

if TYPE_CHECKING:
    from npulint.ort.draft import Draft, Place

_QUANTISE, _DEQUANTISE = "QuantizeLinear", "DequantizeLinear"
_RANGES = {
    "int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767), "uint16": (0, 65535),
}  # fmt: skip


def join(
    draft: Draft, too: Collection[str] = (), apart: Collection[Place] = ()
) -> dict[Place, int]:
    """Join operators with the quantisation around them.

    Args:
        draft: The graph.
        too: Operators of one operand that are joined beyond the usual ones.
        apart: Nodes that are left as they are.

    Returns:
        Of how many nodes of ONNX Runtime's graph each joined one is made up.
    """
    _give_each_its_own(draft)
    sizes: dict[Place, int] = {}
    for place in draft.order():
        op = draft.nodes[place].op
        if place in apart:
            continue
        unit = _unit(draft, place, UNARY if op in too else RULES.get(op))
        if unit is not None:
            sizes[place] = _merge(unit)
    return sizes


def _give_each_its_own(draft: Draft) -> None:
    """Repeat each DequantizeLinear so that one operand alone reads it."""
    for place in tuple(draft.nodes):
        if not draft.is_op(place, _DEQUANTISE):
            continue
        made = draft.nodes[place].outputs[0]
        taken = draft.is_result(made)
        for reader in dict.fromkeys(draft.readers(made)):
            for position, value in enumerate(draft.nodes[reader].inputs):
                if value != made:
                    continue
                if taken:
                    _repeat(draft, place, reader, position)
                taken = True


def _repeat(draft: Draft, place: Place, reader: Place, position: int) -> None:
    node, dequantiser = draft.nodes[reader], draft.nodes[place]
    copy = draft.add_value(draft.values[dequantiser.outputs[0]])
    inputs = (*node.inputs[:position], copy, *node.inputs[position + 1 :])
    draft.change(reader, replace(node, inputs=inputs))
    draft.repeat(place, replace(dequantiser, outputs=(copy,)))


def _unit(draft: Draft, place: Place, rule: Rule | None) -> Unit | None:
    """A node and the quantisation around it, if they are joined."""
    node = draft.nodes[place]
    if rule is None or node.bodies or node.domain not in {*STANDARD, "com.microsoft"}:
        return None
    if rule.since and since_version(node.op, node.version) not in rule.since:
        return None
    dequantisers = [
        (position, maker)
        for position, value in enumerate(node.inputs)
        if (maker := draft.maker(value)) is not None and draft.is_op(maker, _DEQUANTISE)
    ]
    clip = _clip(draft, place)
    last = node if clip is None else draft.nodes[clip]
    quantisers = [
        (position, reader)
        for position, value in enumerate(last.outputs)
        for reader in draft.readers(value)
        if draft.is_op(reader, _QUANTISE) and draft.nodes[reader].inputs[0] == value
    ]
    if clip is not None and not (
        len(quantisers) == 1 and _is_needless(draft, clip, quantisers[0][1])
    ):
        return None
    unit = Unit(draft, place, tuple(dequantisers), clip, tuple(quantisers))
    return unit if dequantisers and rule.joins(unit) else None


def _clip(draft: Draft, place: Place) -> Place | None:
    """The Relu or Clip that alone reads a node, and that one node alone reads."""
    used = draft.used_outputs(place)
    reader = draft.only_reader(used[0]) if len(used) == 1 else None
    if reader is None or not any(draft.is_op(reader, op) for op in ("Relu", "Clip")):
        return None
    return reader if draft.only_reader(draft.nodes[reader].outputs[0]) is not None else None


def _is_needless(draft: Draft, clip: Place, quantiser: Place) -> bool:
    """Whether a Relu or Clip keeps all that the quantisation after it can say."""
    node = draft.nodes[quantiser]
    dtype = draft.values[node.outputs[0]].dtype
    scale = _scalar(draft, quantiser, 1)
    zero_point = _scalar(draft, quantiser, 2) if len(node.inputs) > 2 else 0.0
    if dtype not in _RANGES or scale is None or zero_point is None or not scale:
        return False
    lowest, highest = _RANGES[dtype]
    if draft.is_op(clip, "Relu"):
        return zero_point == lowest
    least, most = (_limit(draft, clip, place, name) for place, name in ((1, "min"), (2, "max")))
    if least is None or most is None:
        return False
    return (
        round(least / scale) + zero_point <= lowest and round(most / scale) + zero_point >= highest
    )


_LARGEST = float.fromhex("0x1.fffffep+127")


def _limit(draft: Draft, clip: Place, position: int, name: str) -> float | None:
    """A limit of a Clip, float32's own where it states none; None where it is computed."""
    node = draft.nodes[clip]
    default = -_LARGEST if name == "min" else _LARGEST
    if draft.is_op(clip, "Clip", 1, 6):
        stated = node.attributes.get(name, default)
        return stated if isinstance(stated, float) else None
    if position >= len(node.inputs) or node.inputs[position] < 0:
        return default
    return _scalar(draft, clip, position)


def _scalar(draft: Draft, place: Place, position: int) -> float | None:
    """The one number that a stored operand without dimensions holds."""
    constant = draft.constant(draft.nodes[place].inputs[position])
    elements = None if constant is None or constant.shape else constant.elements()
    return float(elements[0]) if elements else None


def _merge(unit: Unit) -> int:
    """Put one node in the place of a unit, which reads and makes what is quantised."""
    draft, place = unit.draft, unit.target
    node = draft.nodes[place]
    inputs, outputs = list(node.inputs), list(node.outputs)
    for position, dequantiser in unit.dequantisers:
        inputs[position] = draft.nodes[dequantiser].inputs[0]
    for position, quantiser in unit.quantisers:
        outputs[position] = draft.nodes[quantiser].outputs[0]
    around = [each for _, each in (*unit.dequantisers, *unit.quantisers)]
    around += [] if unit.clip is None else [unit.clip]
    for each in around:
        draft.absorb(place, each)
    marked = {**node.attributes, QUANTISED_UNIT: 1}
    draft.change(
        place,
        replace(node, inputs=tuple(inputs), outputs=tuple(outputs), attributes=marked),
    )
    return 1 + len(around)
