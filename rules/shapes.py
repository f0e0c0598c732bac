"""Shapes: sizes that are open, ranks that accelerators lack, channels that they pad."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from npulint.dynamic import dynamic_nodes
from npulint.finding import Evidence, Finding
from npulint.rules.record import Rule, model_rule, target_rule
from npulint.rules.what_if import faults, operands

if TYPE_CHECKING:
    from npulint.model import Graph, Node, Value
    from npulint.obstacle import Obstacle
    from npulint.rules.facts import GraphFacts
    from npulint.rules.view import OnModel, OnTarget

_MOST_AXES = 4

_SIZED_BY_CONTENTS = {
    "Compress": (),
    "ConstantOfShape": (0,),
    "Expand": (1,),
    "NonMaxSuppression": (),
    "NonZero": (),
    "OneHot": (1,),
    "Pad": (1,),
    "Range": (0, 1, 2),
    "Reshape": (1,),
    "Resize": (2, 3),
    "Slice": (1, 2),
    "Split": (1,),
    "SplitToSequence": (1,),
    "StringSplit": (),
    "Tile": (1,),
    "TopK": (1,),
    "Unique": (),
    "Upsample": (1,),
}
"""ONNX operators whose results are sized by what inputs hold: which inputs; none for all."""

_ONNX_SHAPES = "onnx/onnx docs/Operators.md, {op}"


@model_rule("NPU301", "dynamic-size", "warning", since="0.1.0")
def dynamic_size(here: OnModel) -> Iterator[Finding]:
    """Finds values whose size is not known before the model runs, where they begin.

    Why it matters: accelerators compile a network for one size. Delegates such as NNAPI's take
    nothing at all of a graph that holds one value without a size, and QNN refuses open sizes.

    Example: a RESHAPE whose new shape is computed from SHAPE; an ONNX input of
    `[batch, 3, height, width]`.

    What to do: export with fixed sizes, batch 1 included (`dynamic_axes=None`,
    `tf.TensorSpec([1, 720, 1280, 3])`). `--input-shape NAME=1x3x720x1280` judges an ONNX model at
    one size without exporting again; shapes that are computed from it become known with it.

    Limits: a TensorFlow Lite input whose size may be changed has one to begin with, for which
    accelerators compile; it is not reported. Operators that nobody knows are taken to keep sizes.
    """
    if here.model.dialect == "onnx":
        for facts in here.facts.graphs:
            yield from _open_inputs(here, facts.graph)
            yield from _open_results(here, facts)
        return
    for graph in here.model.graphs:
        yield from _unsized(here, graph)


def _unsized(here: OnModel, graph: Graph) -> Iterator[Finding]:
    """What the runtime finds without a size in a TFLite graph, operator by operator."""
    alike: dict[str, list[Obstacle]] = {}
    for obstacle in dynamic_nodes(graph, here.model.graphs):
        op = "" if obstacle.node is None else graph.nodes[obstacle.node].op
        alike.setdefault(op, []).append(obstacle)
    for op, obstacles in alike.items():
        shown = [Evidence(each.message, each.source) for each in obstacles[:1]]
        if not op:
            yield here.whole(obstacles[0].message, graph=graph, evidence=shown)
            continue
        indexes = [each.node for each in obstacles if each.node is not None]
        more = f" (and of {len(indexes) - 1} more)" if len(indexes) > 1 else ""
        yield here.at(
            graph.nodes[indexes[0]],
            f"the size of its result is not known before it runs: {obstacles[0].why}{more}",
            evidence=shown,
            others=indexes,
        )


def _open_inputs(here: OnModel, graph: Graph) -> Iterator[Finding]:
    """Inputs of the main graph with sizes that are symbols, or not stated."""
    if graph.kind != "main":
        return
    for position, index in enumerate(graph.inputs):
        value = graph.values[index]
        if value.shape is None:
            yield here.whole(
                f"input {position} ({value.name}) states no shape; accelerators compile for one",
                graph=graph,
                key=str(position),
            )
        elif any(not isinstance(size, int) for size in value.shape):
            fixed = "x".join(str(size) if isinstance(size, int) else "N" for size in value.shape)
            yield here.whole(
                f"input {position} ({value.name}) has open sizes: {_shape(value)}; accelerators "
                f"compile for one: --input-shape {value.name}={fixed}, a number for each N",
                graph=graph,
                key=str(position),
                others=[node.index for node in graph.uses[index].readers],
            )


def _open_results(here: OnModel, facts: GraphFacts) -> Iterator[Finding]:
    """Nodes of an ONNX graph that read values of known sizes and make one of an unknown one."""
    found: dict[str, list[Node]] = {}
    unclear: list[Node] = []
    values = facts.graph.values
    for node in facts.graph.nodes:
        given = [values[i] for i in node.inputs if i >= 0]
        made = [values[i] for i in node.outputs if i >= 0]
        if all(_is_known(each) for each in made) or not all(_is_known(each) for each in given):
            continue
        needs = None if node.custom else _SIZED_BY_CONTENTS.get(node.op)
        if needs is None:
            unclear.append(node)
        elif not needs or any(_is_computed(facts, node, position) for position in needs):
            found.setdefault(node.op, []).append(node)
        else:
            unclear.append(node)
    for op, nodes in found.items():
        more = f" (and of {len(nodes) - 1} more)" if len(nodes) > 1 else ""
        yield here.at(
            nodes[0],
            f"the size of its result depends on what its inputs hold when it runs{more}",
            evidence=[Evidence(f"what sizes the result of {op}", _ONNX_SHAPES.format(op=op))],
            others=[node.index for node in nodes],
        )
    yield from here.unsure(unclear, "the file states no size of its result")


def _is_known(value: Value) -> bool:
    return value.constant is not None or value.element_count is not None


def _is_computed(facts: GraphFacts, node: Node, position: int) -> bool:
    value = facts.operand(node, position)
    return value is not None and value.constant is None


def _shape(value: Value) -> str:
    sizes = value.shape or ()
    return f"[{', '.join('?' if size is None else str(size) for size in sizes)}]"


@target_rule("NPU302", "many-axes", "info", since="0.1.0", fixes=("shuffle",))
def many_axes(here: OnTarget) -> Iterator[Finding]:
    """Finds tensors of more than 4 axes that the target refuses, with all that pass them on.

    Why it matters: NNAPI, Hexagon and MediaTek's APU have tensors of at most 4 axes. A pixel
    shuffle written as a view in 6 axes, a transposition and a view back is three refused
    operators at full resolution where DEPTH_TO_SPACE is one that is taken.

    Example: RESHAPE to [1, 64, 64, 2, 2, 16], TRANSPOSE, RESHAPE to [1, 128, 128, 16].

    What to do: use the operator that is meant (`tf.nn.depth_to_space`, `nn.PixelShuffle`, group
    convolution), drop the batch axis, or join axes that stay side by side. `npulint fix` knows
    shuffles and transpositions.

    Limits: only operators are told that the table would take with 4 axes; what is refused for
    something else as well is left to NPU101.
    """
    for fault in faults(here, _of_many_axes, operands(_with_few_axes)):
        refused = {node.index for node in fault.nodes}
        alike: dict[str, list[list[Node]]] = {}
        for chain in _chains(fault.graph):
            those = [node for node in chain if node.index in refused]
            if those:
                alike.setdefault(_told(fault.graph, chain, those), []).append(those)
        for told, places in alike.items():
            more = len(places) - 1
            also = f" (and {more} more {'place' if more == 1 else 'places'} like it)"
            yield here.at(
                places[0][0],
                told + (also if more else ""),
                evidence=_evidence(here, places[0]),
                others=[node.index for place in places for node in place],
            )


def _told(graph: Graph, chain: Sequence[Node], refused: Sequence[Node]) -> str:
    """What is wrong with a chain of nodes that hand a tensor of many axes to each other."""
    most = max(_axes(graph, node) for node in chain)
    if len(chain) == 1:
        return f"refused for a tensor of {most} axes; {_MOST_AXES} are taken"
    ops = ", ".join(node.op for node in chain[:4]) + (", ..." if len(chain) > 4 else "")
    return (
        f"{len(refused)} of {len(chain)} nodes ({ops}) {'is' if len(refused) == 1 else 'are'} "
        f"refused for a tensor of {most} axes "
        f"that goes through them; {_MOST_AXES} are taken"
    )


def _evidence(here: OnTarget, nodes: Iterable[Node]) -> tuple[Evidence, ...]:
    """Why the target refuses some nodes."""
    reasons = (r for n in nodes for r in here.result.verdicts[n.graph][n.index].reasons)
    return tuple(dict.fromkeys(Evidence(each.message, each.source) for each in reasons))


def _axes(graph: Graph, node: Node) -> int:
    """Axes of the computed tensor of a node that has most."""
    values = (graph.values[i] for i in (*node.inputs, *node.outputs) if i >= 0)
    return max((each.rank or 0 for each in values if each.constant is None), default=0)


def _of_many_axes(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if _axes(graph, node) > _MOST_AXES]


def _with_few_axes(value: Value) -> Value:
    """A tensor with its first axes taken as one."""
    shape = value.shape
    if shape is None or len(shape) <= _MOST_AXES:
        return value
    first = [size for size in shape[: 1 - _MOST_AXES] if isinstance(size, int)]
    joined = math.prod(first) if len(first) == len(shape) - _MOST_AXES + 1 else None
    return replace(value, shape=(joined, *shape[1 - _MOST_AXES :]), shape_signature=None)


def _chains(graph: Graph) -> list[list[Node]]:
    """Nodes of tensors with many axes, those together that hand one to each other."""
    chain_of: dict[int, list[Node]] = {}
    for node in _of_many_axes(graph):
        chain: list[Node] = [node]
        many = [i for i in (*node.inputs, *node.outputs) if i >= 0 and _has_many(graph, i)]
        for index in many:
            other = chain_of.get(index)
            if other is None or other is chain:
                continue
            small, chain = sorted((other, chain), key=len)
            chain += small
            chain_of.update((i, chain) for each in small for i in (*each.inputs, *each.outputs))
        chain_of.update(dict.fromkeys(many, chain))
    chains = {id(each): each for each in chain_of.values()}.values()
    return [sorted(chain, key=lambda node: node.index) for chain in chains]


def _has_many(graph: Graph, index: int) -> bool:
    return (graph.values[index].rank or 0) > _MOST_AXES


RULES: tuple[Rule, ...] = (dynamic_size, many_axes)
