"""Following every value that depends on one source alone, as polynomials; see `norm_terms`."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.norms.averages import pool, reduce
from npulint.fixers.norms.elementwise import FOREIGN, binary, unary
from npulint.fixers.norms.native import NATIVE, native_terms
from npulint.fixers.norms.terms import Form, NotFollowedError, X
from npulint.fixers.norms.views import View, factors_of, reshaped, size_of, spread, view_of
from npulint.operators.from_tflite import fused_activation
from npulint.operators.rearrangements import Cast, Expand, Miscellaneous, Reduce, Reshape, Squeeze
from npulint.operators.semantics import Binary, Pool, Unary, Variadic

if TYPE_CHECKING:
    from npulint.fixers.norms.constants import Readings
    from npulint.model import Graph, Node
    from npulint.operators.rearrangements import Operator

_LONGEST = 64
"""Nodes that are followed from one source; no form of a normalisation has half as many."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What is followed: a source, how it is split, and the root that defines the deviation.

    Attributes:
        source: Position of the value.
        shape: Its sizes.
        factors: Sizes of the factors that its views are made of.
        known: Its own view, then those that it is reshaped to.
        anchor: Position of the root, or of the native normalisation.
        under: Positions of the nodes that the value under the root is computed with. Others may
            average the same source, for another purpose.
    """

    source: int
    shape: tuple[int, ...]
    factors: tuple[int, ...]
    known: tuple[View, ...]
    anchor: int
    under: frozenset[int]

    @property
    def full(self) -> View:
        """The source's own view."""
        return self.known[0]


def frame_of(
    source: int, shapes: Sequence[tuple[int, ...]], anchor: int, under: frozenset[int]
) -> Frame | None:
    """A frame for a source.

    Args:
        source: Position of the value.
        shapes: Its sizes, then the shapes in which its elements are seen.
        anchor: As in `Frame`.
        under: As in `Frame`.

    Returns:
        None where the shapes cut across each other.
    """
    factors = factors_of(shapes)
    if factors is None:
        return None
    views = [view_of(shape, factors) for shape in shapes]
    known = tuple(view for view in views if view is not None)
    if len(known) != len(shapes):
        return None
    return Frame(source, shapes[0], factors, known, anchor, under)


@dataclass(slots=True)
class Trace:
    """The values that were followed from one source.

    Attributes:
        frame: What is followed.
        readings: The nodes.
        forms: What each value is, by its position.
        whys: Why a node was not followed, by its position.
        normalised: The factors that the mean runs over, once it is known.
        axes: The source's axes that a mean names, of size 1 too.
        epsilon: What is added to the statistic under the root, once it is known.
        squares: Whether the statistic is the mean square, not the variance.
    """

    frame: Frame
    readings: Readings
    forms: dict[int, Form] = field(default_factory=dict)
    whys: dict[int, str] = field(default_factory=dict)
    normalised: tuple[int, ...] | None = None
    axes: frozenset[int] = frozenset()
    epsilon: float | None = None
    squares: bool = False

    @property
    def graph(self) -> Graph:
        """The graph."""
        return self.readings.graph

    def run(self) -> None:
        """Follow everything that the source leads to.

        What is under the root comes first: it says over which axes the mean runs.
        """
        frame = self.frame
        one = np.ones((1,) * len(frame.factors))
        self.forms[frame.source] = Form(frame.full, {X: one})
        self._follow(frame.under | {frame.anchor})
        self.whys.clear()
        self._follow(None)

    def _follow(self, only: frozenset[int] | None) -> None:
        """Follow all readers, or only those at some positions, in the graph's order."""
        graph = self.graph
        waiting = [node.index for value in self.forms for node in graph.uses[value].readers]
        heapq.heapify(waiting)
        while waiting and len(self.forms) < _LONGEST:
            index = heapq.heappop(waiting)
            node = graph.nodes[index]
            if len(node.outputs) != 1 or node.outputs[0] < 0 or node.outputs[0] in self.forms:
                continue
            if only is not None and index not in only:
                continue
            try:
                self.forms[node.outputs[0]] = self._followed(node)
            except NotFollowedError as reason:
                self.whys[index] = str(reason)
                continue
            for reader in graph.uses[node.outputs[0]].readers:
                heapq.heappush(waiting, reader.index)

    def form(self, node: Node, position: int) -> Form | None:
        """What an operand is; None for a constant and for what is not known."""
        return self.forms.get(node.inputs[position]) if position < len(node.inputs) else None

    def _followed(self, node: Node) -> Form:
        operator = self.readings.operator(node)
        if isinstance(operator, str):
            raise NotFollowedError(operator)
        activation = self._activation(node, operator)
        dtype = self.graph.values[node.outputs[0]].dtype
        if dtype not in ("float32", None) or (dtype is None and isinstance(operator, Cast)):
            raise NotFollowedError(f"it computes in {dtype}")
        made = self._made(node, operator)
        sizes = tuple(size_of(axis, self.frame.factors) for axis in made.view)
        if self.readings.sizes(node.outputs[0]) not in (sizes, None):
            raise NotFollowedError(f"the result of {node.op} has another shape than it should")
        if self.graph.dialect == "tflite" and activation == "NONE":
            activation = fused_activation(self.graph.operation(node))
        return Form(made.view, made.terms, activation)

    def _activation(self, node: Node, operator: Operator) -> str:
        """What was applied to the operands; nothing but a reshape may follow an activation."""
        for form in map(self.forms.get, node.inputs):
            if form is not None and form.activation != "NONE":
                if isinstance(operator, (Reshape, Squeeze)):
                    return form.activation
                raise NotFollowedError("an activation stands within the pattern")
        return "NONE"

    def _made(self, node: Node, operator: Operator) -> Form:  # noqa: PLR0911 one a kind
        if isinstance(operator, NATIVE):
            if node.index != self.frame.anchor:
                raise NotFollowedError("another normalisation begins")
            return native_terms(self, node, operator)
        first = self.form(node, 0)
        match operator:
            case Binary():
                return binary(self, node, operator.kind)
            case Variadic(kind="sum") if len(node.inputs) == 2:
                return binary(self, node, "add")
            case Variadic():
                raise NotFollowedError(
                    f"{node.op} bounds a value, which is not the same as adding epsilon"
                )
        if first is None:
            raise NotFollowedError(FOREIGN)
        match operator:
            case Unary():
                return unary(self, node, operator.kind, first)
            case Reduce():
                return reduce(self, node, operator, first)
            case Pool(kind="average"):
                return pool(self, node, operator, first)
            case Reshape() | Squeeze():
                return self._reshaped(node, first)
            case Expand():
                return self._expanded(node, first)
            case Cast() | Miscellaneous(kind="identity"):
                return first
        raise NotFollowedError(f"{node.op} is no part of a normalisation")

    def _reshaped(self, node: Node, form: Form) -> Form:
        shape = self.readings.target(node)
        frame = self.frame
        view = None if shape is None else reshaped(form.view, shape, frame.factors, frame.known)
        if view is None:
            raise NotFollowedError("it is reshaped across the groups of the pattern")
        return Form(view, form.terms)

    def _expanded(self, node: Node, form: Form) -> Form:
        shape = self.readings.sizes(node.outputs[0])
        found = None if shape is None else spread(np.ones(shape), form.view, self.frame.factors)
        if found is None:
            raise NotFollowedError("it is repeated along an axis that the source has not")
        return Form(found[0], form.terms)
