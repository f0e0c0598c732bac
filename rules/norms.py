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
    for node in facts.ordered(*_NATIVE_NAMES, *_ROOTS):
        operator = facts.meaning(node)
        native = [kind for record, kind in _NATIVE if isinstance(operator, record)]
        if native:
            source = node.inputs[0]
            space = _space(facts, source, _native_axes(operator))
            yield Norm(native[0], node, (node.index,), source, space)
        elif operator is not None and _is_root(facts, node, operator):
            found = _taken_apart(facts, node)
            if found is not None:
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
    under = _mean_under(facts, root)
    if under is None:
        return None
    mean, between = under
    squared = _squared(facts, mean.inputs[0])
    if squared is None:
        return None
    source, centre = squared
    after = _on_to_product(facts, root, source)
    if after is None:
        return None
    axes = _axes(facts, mean)
    nodes = {root.index, mean.index, *between, *centre, *after}
    kind = _kind(facts, source, axes, centred=len(centre) > 1 or _differs(facts, between))
    return Norm(kind, root, tuple(sorted(nodes)), source, _space(facts, source, axes))


def _mean_under(facts: GraphFacts, root: Node) -> tuple[Node, list[int]] | None:
    """The mean whose root is taken, and the nodes between the two."""
    between: list[int] = []
    index = root.inputs[0]
    for _ in range(_FARTHEST):
        node = facts.maker(index)
        operator = None if node is None else facts.meaning(node)
        if node is None or operator is None:
            return None
        if _averages(facts, node, operator):
            return node, between
        passes = isinstance(operator, (*_STEPS, Binary, Variadic))
        passes = passes or operator == Unary("relu")
        computed = [each for each in node.inputs if each >= 0 and not facts.is_constant(each)]
        if not passes or not computed:
            return None
        # The mean of squares less the square of the mean: the first of two operands.
        between.append(node.index)
        index = computed[0]
    return None


def _averages(facts: GraphFacts, node: Node, operator: Operator) -> bool:
    if isinstance(operator, Reduce):
        return operator.kind == "mean"
    if not isinstance(operator, Pool) or operator.kind != "average":
        return False
    space = facts.space(node.inputs[0])
    return space is not None and operator.window.kernel == space


def _squared(facts: GraphFacts, index: int) -> tuple[int, list[int]] | None:
    """What is squared into a value, and the nodes that centre and square it."""
    node = facts.maker(index)
    operator = None if node is None else facts.meaning(node)
    if node is None or operator is None:
        return None
    if operator == Binary("squared_difference"):
        mean = facts.maker(node.inputs[1])
        return node.inputs[0], [node.index, *([] if mean is None else [mean.index])]
    if not _squares(facts, node, operator):
        return None
    base = node.inputs[0]
    centring = facts.maker(base)
    if centring is None or facts.meaning(centring) != Binary("sub"):
        return base, [node.index]
    nodes = [node.index, centring.index]
    mean = facts.maker(centring.inputs[1])
    for _ in range(2):
        # An exporter may restore the rank that the mean has lost.
        if mean is None:
            break
        nodes.append(mean.index)
        if not isinstance(facts.meaning(mean), _STEPS):
            break
        mean = facts.maker(mean.inputs[0])
    return centring.inputs[0], nodes


def _squares(facts: GraphFacts, node: Node, operator: Operator) -> bool:
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
    return "layer normalisation" if len(axes) == 1 else "normalisation"


def _differs(facts: GraphFacts, between: list[int]) -> bool:
    """Whether a difference is taken between the mean and the root: E[x^2] - E[x]^2."""
    graph = facts.graph
    return any(
        facts.meaning(graph.nodes[index]) == Binary("sub")
        and not any(facts.is_constant(each) for each in graph.nodes[index].inputs)
        for index in between
    )


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
