"""Other forms of one operator in TFLite: its bias, its fused activation, its version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from npulint.fixers.building.formula import formula
from npulint.fixers.convolutions.weights import Weighted, weighted
from npulint.fixers.looking import only_reader
from npulint.fixers.pointwise.ways import activation, readings_of, unfit
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal, always
from npulint.model import OMITTED
from npulint.operators.versions import operator_version

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.model import Graph, Node

_BIASED = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}
"""Where the bias stands."""

_OPTIONAL = ("TRANSPOSE_CONV", "FULLY_CONNECTED")
"""Operators whose bias may as well be a sum behind them."""

_FUSED = "fused_activation_function"
_APART = ("RELU", "RELU6", "RELU_N1_TO_1", "TANH")
_FUSIBLE = ("RELU", "RELU6", "RELU_N1_TO_1")


@dataclass(frozen=True, slots=True)
class Form:
    """A node, and the activation that it applies or that follows it.

    Attributes:
        node: The node.
        activation: TFLite name of the activation.
        follows: Whether the activation is a node of its own.
        lowest: The lowest version that the node's options need.
    """

    node: Node
    activation: str
    follows: bool
    lowest: int


def biases(graph: Graph) -> Iterator[Occurrence[Weighted]]:
    """Find every TFLite operator that has no bias, or might be without the one that it has."""
    if graph.dialect != "tflite":
        return
    readings = readings_of(graph)
    for node in graph.nodes:
        place = _BIASED.get(node.op)
        if place is None or (node.op not in _OPTIONAL and _given(node, place)):
            continue
        found = weighted(readings, node)
        if found is not None:
            yield Occurrence(node.op, (node.index,), node.outputs, found)


def _given(node: Node, place: int) -> bool:
    """Whether an operand is there: a file may say that it is not, or not speak of it."""
    return len(node.inputs) > place and node.inputs[place] != OMITTED


def activations(graph: Graph) -> Iterator[Occurrence[Form]]:
    """Find every fused activation, and every one that might be fused into the node before it."""
    if graph.dialect != "tflite":
        return
    readings = readings_of(graph)
    for node in graph.nodes:
        if _FUSED not in node.attributes or len(node.outputs) != 1:
            continue
        fused = activation(readings, node)
        if fused != "NONE":
            refusal = unfit(readings, node, node.outputs)
            found = refusal or _form(graph, node, fused, follows=False)
            yield Occurrence(node.op, (node.index,), node.outputs, found)
            continue
        reader = only_reader(graph, node.outputs[0])
        if reader is not None and reader.op in _FUSIBLE:
            refusal = unfit(readings, node, (*node.outputs, *reader.outputs))
            found = refusal or _form(graph, node, reader.op, follows=True)
            nodes = (node.index, reader.index)
            yield Occurrence(f"{node.op}+{reader.op}", nodes, reader.outputs, found)


def versions(graph: Graph) -> Iterator[Occurrence[Form]]:
    """Find every TFLite operator whose version is higher than its options need."""
    if graph.dialect != "tflite":
        return
    for node in graph.nodes:
        if node.custom or node.version <= 1 or node.bodies or node.stateful:
            continue
        form = _form(graph, node, "NONE", follows=False)
        if form.lowest < node.version:
            yield Occurrence(node.op, (node.index,), node.outputs, form)


def _form(graph: Graph, node: Node, function: str, *, follows: bool) -> Form:
    return Form(node, function, follows, operator_version(graph.operation(node)))


def _without(w: Weighted) -> Refusal | None:
    return Refusal("it has a bias") if w.bias is not None else None


def _with(w: Weighted) -> Refusal | None:
    if w.bias is None:
        return Refusal("it has no bias")
    return None


def _zeros(builder: Builder, w: Weighted) -> list[int]:
    return [w.rebuild(builder, w.source, w.kernel, None, w.activation)]


def _added(builder: Builder, w: Weighted) -> list[int]:
    if w.bias is None:
        raise AssertionError("only built after `_with`")
    shape = builder.at(w.result).shape or ()
    attributes = {**w.node.attributes, _FUSED: "NONE"}
    inputs = w.node.inputs[: w.bias_at]
    plain = builder.value_node(w.node.op, inputs, shape, **attributes)
    last = len(builder.values) - 1
    builder.values[last] = replace(builder.values[last], dtype="float32")
    made = formula(builder, plain)
    total = made.binary("add", plain, made.constant(w.bias, plain))
    return [made.activate(total, w.activation)]


def _apart(f: Form) -> Refusal | None:
    if f.follows:
        return Refusal("the activation is a node of its own already")
    if f.activation not in _APART:
        return Refusal(f"{f.activation} is no operator")
    return None


def _fusible(f: Form) -> Refusal | None:
    return None if f.follows else Refusal("the activation is fused already")


def _taken_apart(builder: Builder, f: Form) -> list[int]:
    plain = _again(builder, f.node, "NONE")
    shape = builder.at(f.node.outputs[0]).shape or ()
    return [builder.value_node(f.activation, (plain,), shape)]


def _fused(builder: Builder, f: Form) -> list[int]:
    return [_again(builder, f.node, f.activation)]


def _again(builder: Builder, node: Node, function: str) -> int:
    """The same node with another fused activation."""
    shape = builder.at(node.outputs[0]).shape or ()
    attributes = {**node.attributes, _FUSED: function}
    made = builder.value_node(node.op, node.inputs, shape, **attributes)
    last = len(builder.values) - 1
    dtype = builder.at(node.outputs[0]).dtype
    builder.values[last] = replace(builder.values[last], dtype=dtype)
    return made


def _lowest(builder: Builder, f: Form) -> list[int]:
    outputs = []
    before = len(builder.nodes)
    for index in f.node.outputs:
        value = builder.at(index)
        held = replace(value, index=len(builder.graph.values) + len(builder.values), constant=None)
        builder.values.append(replace(held, name=f"{builder.name}/{value.name}"))
        outputs.append(held.index)
    made = replace(f.node, version=f.lowest, outputs=tuple(outputs))
    builder.nodes.insert(before, made)
    return outputs


BIAS: Family[Weighted] = Family(
    "bias",
    biases,
    (
        Realisation(
            name="bias/zeros",
            uses=("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED"),
            exactness="exact",
            argument="a bias that is left out is one of zeros",
            accepts=_without,
            build=_zeros,
        ),
        Realisation(
            name="bias/sum",
            uses=("TRANSPOSE_CONV", "FULLY_CONNECTED", "ADD"),
            exactness="exact",
            argument="a bias is a sum with one constant a channel behind the operator",
            accepts=_with,
            build=_added,
        ),
    ),
)

ACTIVATION: Family[Form] = Family(
    "activation",
    activations,
    (
        Realisation(
            name="activation/apart",
            uses=_APART,
            exactness="exact",
            argument="a fused activation is an operator behind the one that it is fused into",
            accepts=_apart,
            build=_taken_apart,
        ),
        Realisation(
            name="activation/fused",
            uses=("ADD", "SUB", "MUL", "DIV", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"),
            exactness="exact",
            argument="a limit behind an operator that nothing else reads is an option of it",
            accepts=_fusible,
            build=_fused,
        ),
    ),
)

VERSION: Family[Form] = Family(
    "version",
    versions,
    (
        Realisation(
            name="version/lowest",
            uses=(),
            exactness="exact",
            argument="a node needs no higher version than its options and types do",
            accepts=always,
            build=_lowest,
        ),
    ),
)

FAMILIES = (BIAS, ACTIVATION, VERSION)
