"""An ONNX graph as the TFLite operations that a converter makes of its nodes."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias
from weakref import ref

from npulint.operators.conversions import from_onnx, to_tflite
from npulint.operators.fusion import fuse
from npulint.operators.layout import has_layouts
from npulint.operators.onnx_node import CONTRADICTIONS, NoConversionError
from npulint.operators.onnx_signatures import is_standard, malformed
from npulint.operators.tape import Operand, Tape

if TYPE_CHECKING:
    from npulint.model import Graph, Node, Operation, Value

_UNPREDICTABLE = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli"}
)
"""Operators without variable operands whose results are not constants all the same."""


_WEIGHTED = frozenset(
    {
        "Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "PRelu", "Concat",
        "BatchNormalization", "InstanceNormalization", "GroupNormalization",
        "LayerNormalization", "RMSNormalization", "Where", "Max", "Min",
    }
)  # fmt: skip
"""Operators whose constant operands are weights: their elements do not change the conversion."""


@dataclass(frozen=True, slots=True)
class Lowering:
    """What a converter makes of one node.

    Attributes:
        operations: The TFLite operations in the order in which the converter makes them.
        known: Whether the conversion is known.
        why: A sentence that says why not.
        vanishes: Whether nothing is left of the node.
        note: A remark on what happens to the node, if there is one to make.
    """

    operations: tuple[Operation, ...]
    known: bool
    why: str = ""
    vanishes: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Plan:
    """A lowering with what the nodes after it need to know.

    Attributes:
        last: For each result, whether it is left channels last.
        folded: Whether the results are constants in the converted model.
    """

    lowering: Lowering
    last: tuple[bool, ...]
    folded: bool = False


_LARGEST_SIZE = 2**31 - 1

_FOLDED = Lowering((), known=True, vanishes=True, note="computed while converting")

_Key: TypeAlias = "tuple[Hashable, ...]"

_latest: tuple[ref[Graph], tuple[Lowering, ...]] | None = None


def lower_graph(graph: Graph) -> tuple[Lowering, ...]:
    """Lower every node of an ONNX graph; see `npulint.operators.lower_graph`."""
    global _latest  # noqa: PLW0603 one graph is asked about for many targets in a row
    if _latest is not None and _latest[0]() is graph:
        return _latest[1]
    lowered = _lower(graph)
    _latest = (ref(graph), lowered)
    return lowered


def _lower(graph: Graph) -> tuple[Lowering, ...]:
    values = graph.values
    last = bytearray(len(values))
    folded = bytearray(len(values))
    for index, value in enumerate(values):
        if value.constant is not None:
            folded[index] = 1
        elif value.shape is not None and has_layouts(len(value.shape)):
            # Feature maps enter channels last; results are set below, as their nodes come.
            last[index] = 1
    seen: dict[_Key, _Plan] = {}
    plans = []
    for node in graph.nodes:
        key = _signature(node, values, last, folded)
        plan = seen.get(key)
        if plan is None:
            plan = seen[key] = _plan(graph, node, last, folded)
        for value_index, is_last in zip(node.outputs, plan.last, strict=True):
            if value_index >= 0:
                last[value_index] = is_last
                folded[value_index] = plan.folded
        plans.append(plan.lowering)
    return _one_version_each(fuse(graph, plans))


def _signature(node: Node, values: tuple[Value, ...], last: bytearray, folded: bytearray) -> _Key:
    """All that the lowering of a node hangs on."""
    configured = node.op not in _WEIGHTED
    operands: list[_Key | None] = []
    for index in node.inputs:
        if index < 0:
            operands.append(None)
            continue
        value = values[index]
        held = value.constant
        payload = held.payload if configured and held is not None else None
        operands.append((value.dtype, value.shape, last[index], folded[index], payload))
    results = [
        None if index < 0 else (values[index].dtype, values[index].shape) for index in node.outputs
    ]
    attributes = tuple(node.attributes.items())
    return (node.op, node.domain, node.version, attributes, tuple(operands), tuple(results))


def _plan(graph: Graph, node: Node, last: bytearray, folded: bytearray) -> _Plan:
    operation = graph.operation(node)
    why = _hopeless(graph, node, operation)
    if why is not None:
        return _unknown(node, why, last)
    if _is_folded(node, folded):
        return _Plan(_FOLDED, (False,) * len(node.outputs), folded=True)
    operands = tuple(
        None if index < 0 else Operand(graph.values[index], bool(last[index]), bool(folded[index]))
        for index in node.inputs
    )
    tape = Tape(_without_trailing_gaps(operands), operation.outputs)
    try:
        to_tflite(tape, from_onnx(operation))
    except NoConversionError as reason:
        return _unknown(node, str(reason), last)
    except CONTRADICTIONS:
        return _unknown(
            node, f"{node.op}: its operands, attributes and shapes contradict each other", last
        )
    fixed_shape = node.op in ("Shape", "Size") and not tape.operations
    lowering = Lowering(
        tuple(tape.operations),
        known=True,
        vanishes=not tape.operations,
        note=tape.note or ("" if tape.operations else "nothing is left of it"),
    )
    return _Plan(lowering, tuple(tape.last), folded=fixed_shape)


def _hopeless(graph: Graph, node: Node, operation: Operation) -> str | None:
    """Why a node has no known conversion, whatever its operator would become."""
    if node.bodies:
        called = any(name == "function" for name, _ in node.bodies)
        what = "a call of the model's own function" if called else "control flow"
        return f"{node.op}: {what} has no known conversion"
    if any(map(_is_oversized, (*operation.inputs, *operation.outputs))):
        return f"{node.op}: a tensor is larger than a TFLite file can say"
    return malformed(node, graph.values) if _is_standard(node) else None


def _is_standard(node: Node) -> bool:
    return node.domain in ("", "ai.onnx") and is_standard(node.op)


def _is_oversized(value: Value | None) -> bool:
    """Whether a size of a tensor is more than TFLite's 32 bits hold."""
    sizes = () if value is None or value.shape is None else value.shape
    return any(isinstance(size, int) and size > _LARGEST_SIZE for size in sizes)


def _is_folded(node: Node, folded: bytearray) -> bool:
    """Whether a node is computed while converting, since all that it reads is constant."""
    if node.op in _UNPREDICTABLE or not _is_standard(node):
        return False
    given = [index for index in node.inputs if index >= 0]
    return node.op == "Constant" or (bool(given) and all(folded[index] for index in given))


def _without_trailing_gaps(operands: tuple[Operand | None, ...]) -> tuple[Operand | None, ...]:
    end = len(operands)
    while end and operands[end - 1] is None:
        end -= 1
    return operands[:end]


def _unknown(node: Node, why: str, last: bytearray) -> _Plan:
    """A node without a known conversion; what follows is judged as if its result were as usual."""
    return _Plan(
        Lowering((), known=False, why=why),
        tuple(index >= 0 and bool(last[index]) for index in node.outputs),
    )


def _one_version_each(lowerings: Iterable[Lowering]) -> tuple[Lowering, ...]:
    """Give each operator the version that a file has for it: the highest of its instances.

    A TFLite file lists every builtin operator once, with one version (google-ai-edge/LiteRT
    tflite/converter/tools/versioning/op_version.cc 1132-1165 @f6745779).
    """
    listed = list(lowerings)
    distinct = {id(lowering): lowering for lowering in listed}
    highest: dict[str, int] = {}
    for lowering in distinct.values():
        for operation in lowering.operations:
            if operation.version > highest.get(operation.op, 0):
                highest[operation.op] = operation.version
    lifted = {
        key: _lift(lowering, highest)
        for key, lowering in distinct.items()
        if any(operation.version < highest[operation.op] for operation in lowering.operations)
    }
    return tuple(lifted.get(id(lowering), lowering) for lowering in listed)


def _lift(lowering: Lowering, highest: dict[str, int]) -> Lowering:
    return replace(
        lowering,
        operations=tuple(
            replace(operation, version=highest[operation.op]) for operation in lowering.operations
        ),
    )
