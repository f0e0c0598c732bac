"""Where normalisations are, native and taken apart, by the shape of the graph alone.

No weight is read: a pattern is a root of a mean of squares by which a map is divided or
multiplied. What exactly it computes is for those to find out who rewrite it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.operators.rearrangements import Cast, Expand, Reduce, Reshape, Squeeze, Transpose
from npulint.operators.semantics import (
    Binary,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    MeanVarianceNorm,
    Pool,
    RmsNorm,
    Unary,
    Variadic,
)

if TYPE_CHECKING:
    from npulint.model import Node
    from npulint.operators.rearrangements import Operator
    from npulint.rules.facts import GraphFacts, Space

_NATIVE: tuple[tuple[type, str], ...] = (
    (InstanceNorm, "instance normalisation"),
    (MeanVarianceNorm, "instance normalisation"),
    (GroupNorm, "group normalisation"),
    (LayerNorm, "layer normalisation"),
    (RmsNorm, "root-mean-square normalisation"),
)
_NATIVE_NAMES = (
    "InstanceNormalization", "MeanVarianceNormalization", "GroupNormalization",
    "LayerNormalization", "RMSNormalization",
)  # fmt: skip
_ROOTS = ("Sqrt", "Pow", "SQRT", "RSQRT", "POW")

_STEPS = (Cast, Expand, Reshape, Squeeze)
"""What exporters put between the parts of a pattern, and what changes no element."""

_FARTHEST = 8
"""Nodes from a root back to the mean, or on to the product: no exporter writes half as many."""


@dataclass(frozen=True, slots=True)
class Norm:
    """A normalisation.

    Attributes:
        kind: What people call it.
        node: The native operator, or the root that the pattern hangs on.
        nodes: Positions of the nodes that were found to be part of it, ascending. What scales
            and shifts the result is not among them.
        source: Position of the value that is normalised.
        space: Height and width of the map that is normalised; None where they are not known.
    """

    kind: str
    node: Node
    nodes: tuple[int, ...]
    source: int
    space: Space | None


def find_norms(facts: GraphFacts) -> Iterator[Norm]:
    """Find the normalisations of a graph, in the order of their nodes."""
    rooted: set[int] = set()
    for node in facts.ordered(*_NATIVE_NAMES, *_ROOTS):
        operator = facts.meaning(node)
        native = [kind for record, kind in _NATIVE if isinstance(operator, record)]
        if native:
            source = node.inputs[0]
            space = _space(facts, source, _native_axes(operator))
            yield Norm(native[0], node, (node.index,), source, space)
        elif operator is not None and _is_root(facts, node, operator):
            # The root of one variance may be taken twice, for the scale and for the shift.
            found = None if node.inputs[0] in rooted else _taken_apart(facts, node)
            if found is not None:
                rooted.add(node.inputs[0])
                yield found


def _native_axes(operator: Operator | None) -> tuple[int, ...]:
    return (operator.axis,) if isinstance(operator, LayerNorm | RmsNorm) else ()


def _is_root(facts: GraphFacts, node: Node, operator: Operator) -> bool:
    if isinstance(operator, Unary):
        return operator.kind in ("sqrt", "rsqrt")
    if operator != Binary("pow") or not facts.is_constant(node.inputs[1]):
        return False
    constant = facts.graph.values[node.inputs[1]].constant
    exponent = None if constant is None else constant.elements()
    return exponent is not None and len(exponent) == 1 and abs(exponent[0]) == 0.5


def _taken_apart(facts: GraphFacts, root: Node) -> Norm | None:
    """The pattern around a root; None where the root belongs to something else."""
    under = _under(facts, root)
    for statistic in (node for node in under if _reduces(facts, node)):
        squared = _squared(facts, statistic.inputs[0])
        if squared is None:
            continue
        others = [each for each in under if _reduces(facts, each) and each is not statistic]
        centred = len(squared.nodes) > 1 or bool(others)
        if not centred and not _divided(facts, statistic, under):
            return None
        after = _on_to_product(facts, root, squared.source)
        if after is None:
            return None
        axes = _axes(facts, statistic)
        nodes = {*(each.index for each in under), *squared.nodes, *after}
        space = _space(facts, squared.source, axes)
        kind = _kind(facts, squared.source, axes, centred=centred)
        return Norm(kind, root, tuple(sorted(nodes)), squared.source, space)
    return None


def _under(facts: GraphFacts, root: Node) -> list[Node]:
    """The nodes between a root and the means that it is made of, with these."""
    found: list[Node] = []
    waiting, seen = [root.inputs[0]], {root.index}
    while waiting and len(seen) < 2 * _FARTHEST:
        node = facts.maker(waiting.pop(0))
        if node is None or node.index in seen:
            continue
        seen.add(node.index)
        if _reduces(facts, node):
            found.append(node)
        elif _passes(facts, node):
            found.append(node)
            waiting += [each for each in node.inputs if each >= 0]
    return found


def _passes(facts: GraphFacts, node: Node) -> bool:
    """Whether exporters write a node between a mean and what becomes of it."""
    operator = facts.meaning(node)
    if isinstance(operator, Unary):
        return operator.kind in ("relu", "neg", "square")
    return isinstance(operator, (*_STEPS, Binary, Variadic))


def _reduces(facts: GraphFacts, node: Node) -> bool:
    """Whether a node is a mean, or a sum of which one may be made."""
    operator = facts.meaning(node)
    if isinstance(operator, Reduce):
        return operator.kind in ("mean", "sum")
    if not isinstance(operator, Pool) or operator.kind != "average":
        return False
    return operator.window.kernel == facts.space(node.inputs[0])


def _divided(facts: GraphFacts, statistic: Node, under: list[Node]) -> bool:
    """Whether a statistic is a mean: by itself, or as a sum times or over a constant."""
    operator = facts.meaning(statistic)
    if not isinstance(operator, Reduce) or operator.kind == "mean":
        return True
    products = (Binary("mul"), Binary("div"))
    return any(
        facts.meaning(node) in products and any(map(facts.is_constant, node.inputs))
        for node in under
    )


@dataclass(frozen=True, slots=True)
class _Squared:
    """What is squared, and the nodes that do it: those that centre it, too."""

    source: int
    nodes: tuple[int, ...]


def _squared(facts: GraphFacts, index: int) -> _Squared | None:
    """What a value is the square of; None where it is no square."""
    node = facts.maker(index)
    if node is None:
        return None
    if facts.meaning(node) == Binary("squared_difference"):
        return _centred(facts, node) or _Squared(node.inputs[0], (node.index,))
    if not _squares(facts, node):
        return None
    base = facts.maker(node.inputs[0])
    centred = None if base is None else _centred(facts, base)
    if centred is None:
        return _Squared(node.inputs[0], (node.index,))
    return _Squared(centred.source, (node.index, *centred.nodes))


def _centred(facts: GraphFacts, node: Node) -> _Squared | None:
    """What a node subtracts a mean of its own from, in whatever order."""
    differences = (Binary("sub"), Binary("add"), Binary("squared_difference"))
    if facts.meaning(node) not in differences or any(map(facts.is_constant, node.inputs)):
        return None
    for source, other in (node.inputs, node.inputs[::-1]):
        mean = _mean_of(facts, other)
        if mean:
            return _Squared(source, (node.index, *mean))
    return None


def _mean_of(facts: GraphFacts, index: int) -> tuple[int, ...]:
    """The nodes from a value back to the mean that it is, the mean among them; else none."""
    found: list[int] = []
    for _ in range(_FARTHEST):
        node = facts.maker(index)
        if node is None:
            return ()
        found.append(node.index)
        if _reduces(facts, node):
            return tuple(found)
        computed = [each for each in node.inputs if each >= 0 and not facts.is_constant(each)]
        if not _passes(facts, node) or len(computed) != 1:
            return ()
        index = computed[0]
    return ()


def _squares(facts: GraphFacts, node: Node) -> bool:
    operator = facts.meaning(node)
    if operator == Unary("square"):
        return True
    if operator == Binary("mul"):
        return node.inputs[0] == node.inputs[1]
    if operator != Binary("pow"):
        return False
    value = facts.operand(node, 1)
    exponent = value.constant.elements() if value is not None and value.constant else None
    return exponent is not None and len(exponent) == 1 and exponent[0] == 2


def _on_to_product(facts: GraphFacts, root: Node, source: int) -> list[int] | None:
    """The nodes from a root to the product or quotient that has the size of the source."""
    whole = facts.graph.values[source].element_count
    waiting, seen = [root], [root.index]
    while waiting and len(seen) < _FARTHEST:
        for reader in facts.graph.uses[waiting.pop(0).outputs[0]].readers:
            operator = facts.meaning(reader)
            if reader.index in seen or len(reader.outputs) != 1:
                continue
            if operator in (Binary("mul"), Binary("div")):
                seen.append(reader.index)
                result = facts.graph.values[reader.outputs[0]].element_count
                if whole is None or result == whole:
                    return seen
                waiting.append(reader)
            elif isinstance(operator, _STEPS) or operator == Unary("reciprocal"):
                seen.append(reader.index)
                waiting.append(reader)
    return None


def _axes(facts: GraphFacts, mean: Node) -> tuple[int, ...]:
    operator = facts.meaning(mean)
    return operator.axes if isinstance(operator, Reduce) else (2, 3)


def _kind(facts: GraphFacts, source: int, axes: tuple[int, ...], *, centred: bool) -> str:
    if not centred:
        return "root-mean-square normalisation"
    rank = facts.graph.values[source].rank
    if rank == 4 and axes == (2, 3):
        return "instance normalisation"
    # At rank 3 the last axis may hold the channels or all of the space.
    return "layer normalisation" if rank == 4 and len(axes) == 1 else "normalisation"


def _space(facts: GraphFacts, source: int, axes: tuple[int, ...]) -> Space | None:
    """Height and width of a normalised map, which may have been reshaped for the purpose."""
    graph = facts.graph
    maker = facts.maker(source)
    if maker is not None and isinstance(facts.meaning(maker), Reshape | Squeeze | Transpose):
        before = facts.space(maker.inputs[0])
        if before is not None:
            return before
    shape = graph.values[source].shape
    if graph.dialect == "onnx" and shape is not None and len(shape) == 4 and axes == (3,):
        # Normalised over the last axis, so the channels lie there.
        height, width = shape[1:3]
        known = isinstance(height, int) and isinstance(width, int)
        return (height, width) if known else None  # type: ignore[return-value]
    return facts.space(source)
