"""What a traced pattern comes to: a record with its nodes, or the reason why it is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.fixers.norms.elementwise import FOREIGN
from npulint.fixers.norms.kinds import classify, is_normalised
from npulint.fixers.norms.native import NATIVE
from npulint.fixers.norms.reading import Normalisation
from npulint.fixers.record import Refusal
from npulint.operators.semantics import GroupNorm, InstanceNorm

if TYPE_CHECKING:
    from npulint.fixers.norms.trace import Trace
    from npulint.model import Graph, Node


def conclude(
    trace: Trace, anchor: Node, keep: frozenset[int]
) -> tuple[int, Normalisation | Refusal]:
    """Say what a trace has found.

    Of several values that are normalised source the last one is taken whose pattern nobody
    looks into: what follows a normalisation and only scales and shifts belongs to it.

    Args:
        trace: A trace that has run.
        anchor: The root or the native operator.
        keep: Values that something outside the graph refers to.

    Returns:
        The position of the pattern's last node, and what it is.
    """
    graph = trace.graph
    dtype = graph.values[trace.frame.source].dtype
    if dtype != "float32":
        what = f"it computes in {dtype or 'an unknown type'}"
        advice = "rewrite the float32 model, then convert or quantise"
        return anchor.index, Refusal(f"{what}: {advice}")
    made = {node.index: value for value in trace.forms for node in graph.uses[value].makers}
    latest: tuple[int, Refusal] | None = None
    for index in sorted(made, reverse=True):
        form = trace.forms[made[index]]
        if index < anchor.index or not is_normalised(form, trace):
            continue
        outcome = _at(trace, anchor, graph.nodes[index], keep)
        if isinstance(outcome, Normalisation):
            return index, outcome
        latest = latest or (index, outcome)
    return latest or (anchor.index, Refusal(_why(trace, anchor)))


def _at(trace: Trace, anchor: Node, last: Node, keep: frozenset[int]) -> Normalisation | Refusal:
    """The normalisation that ends at a node."""
    graph = trace.graph
    covered = _covered(trace, last)
    if anchor.index not in covered:
        return Refusal("the deviation is not what it is divided by")
    inner = [value for index in covered for value in graph.nodes[index].outputs]
    for value in inner:
        if value != last.outputs[0] and (refusal := _read_outside(graph, value, covered, keep)):
            return refusal
    native = trace.readings.operator(anchor)
    hint = {InstanceNorm: "instance", GroupNorm: "group"}.get(type(native), "")
    form = trace.forms[last.outputs[0]]
    reading = classify(form, trace, native=hint)
    if isinstance(reading, Refusal):
        return reading
    return Normalisation(
        nodes=tuple(sorted(covered | _constants(trace, covered))),
        source=trace.frame.source,
        result=last.outputs[0],
        shape=trace.frame.shape,
        axes=reading.axes,
        groups=reading.groups,
        channel_axis=reading.channel_axis,
        scale=reading.scale,
        shift=reading.shift,
        epsilon=trace.epsilon or 0.0,
        kind=reading.kind,
        form=", ".join(graph.nodes[index].op for index in sorted(covered)),
        activation=form.activation,
    )


def _covered(trace: Trace, last: Node) -> set[int]:
    """The nodes between the source and a node."""
    graph = trace.graph
    found: set[int] = set()
    waiting = [last]
    while waiting:
        node = waiting.pop()
        if node.index in found:
            continue
        found.add(node.index)
        for value in node.inputs:
            if value in trace.forms and value != trace.frame.source:
                waiting += graph.uses[value].makers
    return found


def _constants(trace: Trace, covered: set[int]) -> set[int]:
    """The nodes that compute constants for a pattern and for nobody else."""
    graph = trace.graph
    found: set[int] = set()
    waiting = [value for index in covered for value in graph.nodes[index].inputs]
    while waiting:
        value = waiting.pop()
        if value < 0 or value in graph.outputs or trace.forms.get(value) is not None:
            continue
        readers = {reader.index for reader in graph.uses[value].readers}
        for node in graph.uses[value].makers:
            alone = readers <= covered | found and len(node.outputs) == 1
            if node.index not in found and alone and _is_constant(trace, value):
                found.add(node.index)
                waiting += node.inputs
    return found


def _is_constant(trace: Trace, value: int) -> bool:
    stored = trace.graph.values[value].constant is not None
    return stored or trace.readings.numbers(value) is not None


def _read_outside(
    graph: Graph, value: int, covered: set[int], keep: frozenset[int]
) -> Refusal | None:
    name = graph.values[value].name or str(value)
    if value in graph.outputs or value in keep:
        return Refusal(f"{name}, a value within the pattern, is a result of the graph")
    for reader in graph.uses[value].readers:
        if reader.index not in covered:
            return Refusal(
                f"{name}, a value within the pattern, is also read by {reader.op} outside of it"
            )
    return None


def _why(trace: Trace, anchor: Node) -> str:
    """Why no value turned out to be normalised source."""
    if isinstance(trace.readings.operator(anchor), NATIVE):
        return trace.whys.get(anchor.index, "its operand is not what it normalises")
    met = [trace.whys[index] for index in sorted(trace.whys)]
    met = [why for why in met if why != FOREIGN] or met
    if trace.epsilon is None:
        return met[0] if met else "what is under its root does not come from one source alone"
    whole = "what it divides by the deviation is not the source less its mean"
    return f"{whole}: {met[0]}" if met else whole
