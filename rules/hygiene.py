"""Hygiene: what a file holds and no result needs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import TYPE_CHECKING

from npulint.finding import Finding
from npulint.operators.effects import may_act
from npulint.operators.no_ops import is_static, permutation, source_of
from npulint.operators.semantics import Clip, Unary
from npulint.rules import hygiene_fusion, hygiene_opsets
from npulint.rules.record import Rule, model_rule
from npulint.rules.words import counted, million_macs, plural, size

if TYPE_CHECKING:
    from npulint.model import Node, Value
    from npulint.rules.facts import GraphFacts
    from npulint.rules.view import OnModel


@model_rule("NPU801", "dead-node", "warning", since="0.1.0", fixes=("tidy",))
def dead_node(here: OnModel) -> Iterator[Finding]:
    """Finds nodes whose results reach no output.

    Why it matters: few runtimes look for them. They are computed, they hold memory, and a dead
    operator that an accelerator refuses cuts the graph like any other.

    Example: the heads of training that were left in the export, or the sizes that a tracer
    computed before it found that they are fixed.

    What to do: export the outputs that are used; `npulint fix` drops dead nodes in passing.

    Limits: nodes that may do something besides their results (custom operators, control flow,
    variables) count as needed, and so does all that they read.
    """
    for facts in here.facts.graphs:
        dead = _dead(facts)
        if dead:
            macs = sum(facts.macs[node.index] or 0 for node in dead)
            cost = f", {million_macs(macs)}" if macs else ""
            yield here.whole(
                f"{plural(len(dead), 'node')} ({counted(dead)}{cost}) for results that reach no "
                "output",
                graph=facts.graph,
                others=[node.index for node in dead],
            )


def _dead(facts: GraphFacts) -> list[Node]:
    needed = set(facts.outside)
    dead: list[Node] = []
    for node in reversed(facts.graph.nodes):
        if may_act(node) or needed.intersection(node.outputs):
            needed.update(node.inputs)
        else:
            dead.append(node)
    return dead[::-1]


_WORTH_SAYING = 1024
"""Bytes that copies take from which they are reported: shapes and scalars repeat everywhere."""


@model_rule("NPU802", "duplicate-constant", "info", since="0.1.0")
def duplicate_constant(here: OnModel) -> Iterator[Finding]:
    """Finds constants that a file stores several times over.

    Why it matters: each copy takes room in the file, in the memory of the runtime, and once more
    in the memory of an accelerator, which keeps a copy of its own.

    Example: a table of 1,000 numbers that each of eight blocks stores for itself.

    What to do: share the tensor in the definition of the network, or have the converter share
    equal buffers.

    Limits: weights are not read, so only constants of up to 4 KiB are compared, and copies that
    take less than 1 KiB altogether are not worth a word. Of larger ones it is only asked whether
    their scales and sizes are the same channel by channel; then it is likely, and not known.
    Tensors that share one stored range are no copies.
    """
    for facts in here.facts.graphs:
        repeated, nbytes = _repeated(facts)
        if nbytes >= _WORTH_SAYING:
            readers = {each.index for v in repeated for each in facts.graph.uses[v.index].readers}
            yield here.whole(
                f"{plural(len(repeated), 'constant')} that the file stores already, "
                f"{size(nbytes)} in all: {_named(repeated)}",
                graph=facts.graph,
                others=readers,
            )
        alike = _likely(facts)
        asking = {each.index: each for v in alike for each in facts.graph.uses[v.index].readers}
        yield from here.unsure(
            [asking[index] for index in sorted(asking)],
            "constants of equal sizes have equal scales in every channel, but weights are not read",
        )


def _stored(facts: GraphFacts) -> Iterator[Value]:
    """The graph's own dense constants: what a body takes from around it is stored there."""
    taken = {index for index, _ in facts.graph.captured}
    for value in facts.graph.values:
        if value.constant is not None and not value.constant.sparse and value.index not in taken:
            yield value


def _repeated(facts: GraphFacts) -> tuple[list[Value], int]:
    """Small constants whose elements an earlier one has, and the bytes that they take."""
    first: dict[Hashable, bytes] = {}
    repeated: list[Value] = []
    # Tensors of one buffer share the object that holds its bytes: that is stored once.
    counted_bytes: dict[int, int] = {}
    for value in _stored(facts):
        constant = value.constant
        if constant is None or constant.payload is None or not constant.nbytes:
            continue
        key = (constant.dtype, constant.shape, value.quantisation, constant.payload)
        before = first.setdefault(key, constant.payload)
        if before is not constant.payload:
            repeated.append(value)
            counted_bytes[id(constant.payload)] = constant.nbytes
    return repeated, sum(counted_bytes.values())


def _named(values: list[Value]) -> str:
    shown = ", ".join(f"{v.dtype}{list(v.shape or ())}" for v in values[:3])
    return shown + (f" and {len(values) - 3:,} more" if len(values) > 3 else "")


def _likely(facts: GraphFacts) -> list[Value]:
    """Large constants with the sizes and the scales of every channel of an earlier one."""
    first: dict[Hashable, Value] = {}
    alike: dict[int, Value] = {}
    for value in _stored(facts):
        constant, scales = value.constant, value.quantisation
        if constant is None or constant.storage is None or scales is None:
            continue
        if not scales.per_channel or len(set(scales.scales)) == 1:
            continue
        before = first.setdefault((constant.dtype, constant.shape, scales), value)
        other = before.constant
        if before is not value and other is not None and other.storage != constant.storage:
            alike |= {before.index: before, value.index: value}
    return [alike[index] for index in sorted(alike)]


@model_rule("NPU803", "cancelling-pair", "warning", since="0.1.0", fixes=("tidy",))
def cancelling_pair(here: OnModel) -> Iterator[Finding]:
    """Finds transposes that undo each other, and reshapes of reshapes.

    Why it matters: a transpose copies a whole map through memory, element by element, at no gain
    if the next one copies it back. Accelerators are slow at it or refuse it.

    Example: a converter goes to channels last for one operator and back, and the operator after
    it does the same: back and forth stand side by side, or with an activation between them.

    What to do: `npulint fix` drops pairs that stand side by side and does two reshapes at once.
    Otherwise export in the layout of the format.

    Limits: between the two only functions of single elements with one reader are looked through,
    and a reshape between two transposes is not.
    """
    for facts in here.facts.graphs:
        undone, merged = _pairs(facts, "Transpose", "TRANSPOSE", _undoes)
        halves, reshapes = _pairs(facts, "Reshape", "RESHAPE", _shapes_back)
        said = [
            f"{plural(len(undone), 'pair')} of transposes that undo each other" if undone else "",
            f"{plural(len(merged), 'transpose')} of a transpose" if merged else "",
            f"{plural(len(halves), 'pair')} of reshapes that undo each other" if halves else "",
            f"{plural(len(reshapes), 'reshape')} of a reshape" if reshapes else "",
        ]
        pairs = [*undone, *merged, *halves, *reshapes]
        if pairs:
            nodes = sorted({index for pair in pairs for index in pair})
            sizes = [facts.traffic[index] for index in nodes]
            cost = "" if None in sizes else f": {size(sum(s or 0 for s in sizes))} moved"
            said_all = ", ".join(filter(None, said))
            yield here.whole(f"{said_all}{cost}", graph=facts.graph, others=nodes)


def _pairs(
    facts: GraphFacts, onnx: str, tflite: str, undoes: Callable[[GraphFacts, Node, Node], bool]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Nodes of one kind after each other: those that undo each other, then the other ones."""
    undone: list[tuple[int, int]] = []
    merged: list[tuple[int, int]] = []
    for node in facts.ordered(onnx, tflite):
        before, direct = _before(facts, node)
        if before is None or node.domain or before.domain:
            continue
        if undoes(facts, before, node):
            undone.append((before.index, node.index))
        elif direct and (onnx == "Transpose" or _fixed(facts, node)):
            merged.append((before.index, node.index))
    return undone, merged


_DEEPEST = 8
"""Functions of single elements between two transposes that are looked through, at most."""


def _before(facts: GraphFacts, node: Node) -> tuple[Node | None, bool]:
    """The node of the same operator before a node, and whether nothing stands between them."""
    index = node.inputs[0]
    for step in range(_DEEPEST):
        maker = facts.maker(index)
        if maker is None or maker.custom or not maker.inputs:
            return None, False
        if maker.op == node.op:
            return maker, step == 0
        lone = facts.only_reader(index) is not None
        if not lone or not isinstance(facts.meaning(maker), Unary | Clip):
            return None, False
        index = maker.inputs[0]
    return None, False


def _undoes(facts: GraphFacts, before: Node, node: Node) -> bool:
    values = facts.graph.values
    first, then = permutation(values, before), permutation(values, node)
    if first is None or then is None or len(first) != len(then):
        return False
    return all(first[axis] == place for place, axis in enumerate(then))


def _shapes_back(facts: GraphFacts, before: Node, node: Node) -> bool:
    source, result = facts.operand(before, 0), facts.result(node)
    if source is None or result is None or not is_static(source) or not is_static(result):
        return False
    return source.shape == result.shape


def _fixed(facts: GraphFacts, node: Node) -> bool:
    result = facts.result(node)
    return result is not None and is_static(result)


@model_rule("NPU804", "no-op-node", "info", since="0.1.0", fixes=("tidy",))
def no_op_node(here: OnModel) -> Iterator[Finding]:
    """Finds nodes that hand on what they take.

    Why it matters: most of them cost a copy of the map, and all of them a place in the graph
    that the runtime has to look at and an accelerator may refuse.

    Example: a cast to the type that the tensor has, a pad by nothing, a concatenation of one, a
    dropout, a transpose that leaves the axes in order.

    What to do: `npulint fix` drops them; so does an optimiser of the format.

    Limits: a node that gives an output of the graph its name where the value has another name
    outside is needed, and not reported.
    """
    for facts in here.facts.graphs:
        graph = facts.graph
        pinned = facts.outside | set(graph.inputs)
        found = []
        for node in graph.nodes:
            source = source_of(graph.values, graph.dialect, node)
            if source is None:
                continue
            renames = node.outputs[0] in pinned
            if not renames or (source not in pinned and facts.maker(source) is not None):
                found.append(node)
        if found:
            yield here.whole(
                f"{plural(len(found), 'node')} that only hand on what they take ({counted(found)})",
                graph=graph,
                others=[node.index for node in found],
            )


RULES: tuple[Rule, ...] = (
    dead_node,
    duplicate_constant,
    cancelling_pair,
    no_op_node,
    *hygiene_fusion.RULES,
    *hygiene_opsets.RULES,
)
