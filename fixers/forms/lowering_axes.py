"""Nodes that name axes, or say something for each: how they name fewer."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.fixers.forms.lowered import Lowered, Operand, Rebuilt
from npulint.fixers.forms.merging import apart, merge, merged, place, raised
from npulint.fixers.reading import QUANTISED, fixed, immovable, meaning, stored
from npulint.fixers.record import Refusal
from npulint.operators.rearrangements import ArgReduce, Concat, Expand, Pad, Reduce, Tile
from npulint.operators.semantics import Softmax

if TYPE_CHECKING:
    from npulint.fixers.forms.merging import Groups, Sizes
    from npulint.model import Attribute, Graph, Node

Reader: TypeAlias = "Callable[[Graph, Node], Lowered | Refusal]"

_AXES_OPERAND = {"ReduceSum": 13}
"""ONNX's opset in which the axes became an operand, where it is not 18."""

_PADS_OPERAND = 11
"""ONNX's opset in which the margins became an operand."""


def shape_of(graph: Graph, index: int) -> Sizes:
    """The sizes of a value, all of which are fixed."""
    return fixed(graph.values[index]) or ()


def _unread(record: object) -> Refusal:
    """Why a node is not read as what its name says."""
    return record if isinstance(record, Refusal) else Refusal("it is no such operator")


def _along_one(
    graph: Graph, node: Node, axis: int, kept: Sequence[Sequence[int]]
) -> Groups | Refusal:
    """Axes put together, one apart, for values that move as they are."""
    refusal = immovable(graph, (*node.inputs, node.outputs[0]))
    return refusal or merge(apart(kept, {axis}))


def _concat(graph: Graph, node: Node) -> Lowered | Refusal:
    record = meaning(graph, node)
    if not isinstance(record, Concat):
        return _unread(record)
    result = shape_of(graph, node.outputs[0])
    axis = stored(graph, record.axis, len(result))
    groups = _along_one(graph, node, axis, [result])
    if isinstance(groups, Refusal):
        return groups
    operands = tuple(Operand(each, merged(shape_of(graph, each), groups)) for each in node.inputs)
    said = {"axis": place(axis, groups)}
    return Rebuilt(node, operands, said, (merged(result, groups),))


def _pack(graph: Graph, node: Node) -> Lowered | Refusal:
    """With the new axis between what is before and what is behind it."""
    refusal = immovable(graph, (*node.inputs, node.outputs[0]))
    if refusal is not None:
        return refusal
    result = shape_of(graph, node.outputs[0])
    said = node.attributes.get("axis", 0)
    axis = (said if isinstance(said, int) else 0) % len(result)
    before, behind = math.prod(result[:axis]), math.prod(result[axis + 1 :])
    operands = tuple(Operand(each, (before, behind)) for each in node.inputs)
    return Rebuilt(node, operands, {"axis": 1}, ((before, result[axis], behind),))


def _softmax(graph: Graph, node: Node) -> Lowered | Refusal:
    record = meaning(graph, node)
    if not isinstance(record, Softmax):
        return _unread(record)
    shape = shape_of(graph, node.inputs[0])
    groups = merge(apart([shape], {record.axis}))
    if record.flatten:
        halves = range(record.axis), range(record.axis, len(shape))
        groups = tuple(tuple(half) for half in halves if half)
    if isinstance(groups, Refusal):
        return groups
    sizes = merged(shape, groups)
    said = {"axis": place(record.axis, groups)} if graph.dialect == "onnx" else {}
    return Rebuilt(node, (Operand(node.inputs[0], sizes),), said, (sizes,))


def _reduce(graph: Graph, node: Node) -> Lowered | Refusal:
    record = meaning(graph, node)
    if not isinstance(record, Reduce):
        return _unread(record)
    source = node.inputs[0]
    if graph.values[source].quantisation is not None:
        return Refusal(f"kernels round by the shape that they reduce: {QUANTISED}")
    shape = shape_of(graph, source)
    labels: list[Hashable | None] = [
        "reduced" if axis in record.axes else (None if size == 1 else "kept")
        for axis, size in enumerate(shape)
    ]
    groups = merge(labels)
    if isinstance(groups, Refusal):
        return groups
    sizes = merged(shape, groups)
    axes = tuple(sorted({place(axis, groups) for axis in record.axes}))
    made = tuple(1 if number in axes else size for number, size in enumerate(sizes))
    operands = [Operand(source, sizes)]
    said: dict[str, Attribute] = {}
    if graph.dialect == "tflite":
        said = {"keep_dims": True}
        operands.append(Operand(stored=np.array(axes, np.int32)))
    elif node.version >= _AXES_OPERAND.get(node.op, 18):
        said = {"keepdims": 1}
        operands.append(Operand(stored=np.array(axes, np.int64)))
    else:
        said = {"keepdims": 1, "axes": axes}
    return Rebuilt(node, tuple(operands), said, (made,))


def _arg_reduce(graph: Graph, node: Node) -> Lowered | Refusal:
    record = meaning(graph, node)
    if not isinstance(record, ArgReduce):
        return _unread(record)
    shape = shape_of(graph, node.inputs[0])
    axis = stored(graph, record.axis, len(shape))
    groups = merge(apart([shape], {axis}))
    if isinstance(groups, Refusal):
        return groups
    sizes, where = merged(shape, groups), place(axis, groups)
    taken = Operand(node.inputs[0], sizes)
    if graph.dialect == "onnx":
        kept = (*sizes[:where], 1, *sizes[where + 1 :])
        return Rebuilt(node, (taken,), {"axis": where, "keepdims": 1}, (kept,))
    held = graph.values[node.inputs[1]].constant
    if held is None:
        return Refusal("its axis is computed while the model runs")
    said = Operand(stored=np.full_like(held.read(), where))
    return Rebuilt(node, (taken, said), {}, ((*sizes[:where], *sizes[where + 1 :]),))


def _pad(graph: Graph, node: Node) -> Lowered | Refusal:
    record = meaning(graph, node)
    if not isinstance(record, Pad) or record.pads is None:
        return _unread(record)
    shape = shape_of(graph, node.inputs[0])
    margins = record.pads
    active = {axis for axis, each in enumerate(margins) if each != (0, 0)}
    groups = merge(apart([shape], active))
    if isinstance(groups, Refusal):
        return groups
    rows = [next((margins[a] for a in group if a in active), (0, 0)) for group in groups]
    sizes = merged(shape, groups)
    made = tuple(size + sum(row) for size, row in zip(sizes, rows, strict=True))
    taken = Operand(node.inputs[0], sizes)
    if graph.dialect == "tflite":
        operands = [taken, Operand(stored=np.array(rows, np.int32))]
        operands += [Operand(index) for index in node.inputs[2:]]
        return Rebuilt(node, tuple(operands), {}, (made,))
    flat = [before for before, _ in rows] + [after for _, after in rows]
    if node.version < _PADS_OPERAND:
        return Rebuilt(node, (taken,), {"pads": tuple(flat)}, (made,))
    operands = [taken, Operand(stored=np.array(flat, np.int64))]
    operands += [Operand(index) for index in node.inputs[2:3]]
    return Rebuilt(node, tuple(operands), {}, (made,))


def _repeat(graph: Graph, node: Node) -> Lowered | Refusal:
    """TILE takes how often, BROADCAST_TO how many."""
    record = meaning(graph, node)
    if not isinstance(record, (Tile, Expand)):
        return _unread(record)
    refusal = immovable(graph, (node.inputs[0], node.outputs[0]))
    result = shape_of(graph, node.outputs[0])
    shape = raised(shape_of(graph, node.inputs[0]), len(result))
    if refusal is not None or any(size % part for size, part in zip(result, shape, strict=True)):
        return refusal or Refusal("it makes no whole number of repetitions")
    labels = [
        _how_repeated(axis, *pair) for axis, pair in enumerate(zip(shape, result, strict=True))
    ]
    groups = merge(labels)
    if isinstance(groups, Refusal):
        return groups
    sizes, made = merged(shape, groups), merged(result, groups)
    counts = [whole // part for whole, part in zip(made, sizes, strict=True)]
    dtype = np.int32 if graph.dialect == "tflite" else np.int64
    said = np.array(counts if isinstance(record, Tile) else made, dtype)
    operands = Operand(node.inputs[0], sizes), Operand(stored=said)
    return Rebuilt(node, operands, {}, (made,))


def _how_repeated(axis: int, part: int, size: int) -> Hashable | None:
    if part == size:
        return None if size == 1 else "kept"
    return "one" if part == 1 else f"axis {axis}"


AXIS_READERS: Mapping[str, Reader] = MappingProxyType(
    {
        **dict.fromkeys(("CONCATENATION", "Concat"), _concat),
        "PACK": _pack,
        **dict.fromkeys(("SOFTMAX", "LOG_SOFTMAX", "Softmax", "LogSoftmax"), _softmax),
        **dict.fromkeys(
            (
                "MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "ReduceMean",
                "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
                "ReduceSumSquare",
            ),
            _reduce,
        ),
        **dict.fromkeys(("ARG_MAX", "ARG_MIN", "ArgMax", "ArgMin"), _arg_reduce),
        **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD", "Pad"), _pad),
        **dict.fromkeys(("TILE", "BROADCAST_TO", "Tile", "Expand"), _repeat),
    }
)  # fmt: skip
