"""Variables as TensorFlow Lite's XNNPACK delegate sees them: by what reads and assigns them.

Its check goes through the nodes in their order. The first reading or assignment that it takes sets
the type and the shape that all others of the variable must have, and the VAR_HANDLE is taken with
them (google-ai-edge/LiteRT tflite/delegates/xnnpack/xnnpack_delegate.cc 483-536, 3468-3504,
5698-5741, 7116-7139, 7433-7440 @f6745779).
"""

from __future__ import annotations

from collections.abc import Iterator

from npulint.model import Graph, Node, Operation, Value
from npulint.opsets.predicates import Judgement
from npulint.opsets.relations import show
from npulint.opsets.xnnpack_checks import one_step

_TYPES = frozenset({"float32", "float16", "int8", "uint8"})


def alike(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """A variable that a VAR_HANDLE names before, in the type and shape of its first use."""
    graph = operation.graph
    if graph is None:
        return None, "unknown outside a graph"
    resource, used = values
    for value, taken, found in _uses(graph, operation, resource.index):
        if value.index == used.index:
            return taken, found
    return False, "of no graph"


def taken_by_any(operation: Operation, values: tuple[Value, ...]) -> Judgement:
    """A variable that some node reads or assigns which the delegate takes."""
    graph = operation.graph
    if graph is None:
        return None, "unknown outside a graph"
    uses = [taken for _, taken, _ in _uses(graph, operation, values[0].index)]
    return any(uses), f"used {len(uses)} times, {sum(uses)} of them so that it is taken"


def _uses(graph: Graph, operation: Operation, resource: int) -> Iterator[tuple[Value, bool, str]]:
    """What is read from a variable and assigned to it, and whether the delegate takes that."""
    named, first = False, None
    for node in graph.nodes:
        if node.op == "VAR_HANDLE" and node.outputs[:1] == (resource,):
            named = True
        value = _used(graph, node, resource)
        if value is None:
            continue
        found = f"{value.dtype} {show(value.shape)}"
        if not _fits(operation, node, value):
            yield value, False, found
        elif not named:
            yield value, False, "not named before"
        else:
            first = first or value
            same = (value.dtype, value.shape) == (first.dtype, first.shape)
            yield value, same, f"{found}, and first {first.dtype} {show(first.shape)}"


def _used(graph: Graph, node: Node, resource: int) -> Value | None:
    """What a node reads from a variable or assigns to it, None where it does neither."""
    if node.custom or node.inputs[:1] != (resource,):
        return None
    if node.op == "READ_VARIABLE":
        return graph.values[node.outputs[0]]
    return graph.values[node.inputs[1]] if node.op == "ASSIGN_VARIABLE" else None


def _fits(operation: Operation, node: Node, value: Value) -> bool:
    """Whether its own type and rank let a reading or an assignment be taken."""
    plain = value.dtype in _TYPES and one_step(operation, (value,))[0] is True
    return plain and (node.op == "ASSIGN_VARIABLE" or bool(value.shape))
