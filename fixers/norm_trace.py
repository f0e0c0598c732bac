"""Following every value that depends on one source alone, as polynomials; see `norm_terms`."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers import norm_terms
from npulint.fixers.norm_native import NATIVE, native_terms
from npulint.fixers.norm_terms import MEAN, ONE, VARIANCE, Form, NotFollowedError, X
from npulint.fixers.norm_views import (
    View,
    broadcast,
    factors_of,
    present_factors,
    reshaped,
    spread,
    view_of,
)
from npulint.operators.from_tflite import fused_activation
from npulint.operators.rearrangements import Cast, Expand, Miscellaneous, Reduce, Reshape, Squeeze
from npulint.operators.semantics import Binary, Pool, Unary, Variadic
from npulint.operators.tflite_node import stored_axis

if TYPE_CHECKING:
    from npulint.fixers.norm_constants import Readings
    from npulint.fixers.norm_terms import Powers, Terms
    from npulint.fixers.norm_views import Coefficients
    from npulint.model import Graph, Node
    from npulint.operators.rearrangements import Operator

_LONGEST = 64
"""Nodes that are followed from one source; no form of a normalisation has half as many."""

ROOTS = ("sqrt", "rsqrt")


@dataclass(frozen=True, slots=True)
class Frame:
    """What is followed: a source, how it is split, and the root that defines the deviation.

    Attributes:
        source: Position of the value.
        shape: Its sizes.
        factors: Sizes of the factors that its views are made of.
        full: Its view.
        anchor: Position of the root, or of the native normalisation.
        under: Positions of the nodes that the value under the root is computed with. Others may
            average the same source, for another purpose.
    """

    source: int
    shape: tuple[int, ...]
    factors: tuple[int, ...]
    full: View
    anchor: int
    under: frozenset[int]


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
    full = None if factors is None else view_of(shapes[0], factors)
    if factors is None or full is None:
        return None
    return Frame(source, shapes[0], factors, full, anchor, under)


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
        """Follow everything that the source leads to."""
        frame = self.frame
        one = np.ones((1,) * len(frame.factors))
        self.forms[frame.source] = Form(frame.full, {X: one})
        waiting = [node.index for node in self.graph.uses[frame.source].readers]
        heapq.heapify(waiting)
        done: set[int] = set()
        while waiting and len(done) < _LONGEST:
            index = heapq.heappop(waiting)
            node = self.graph.nodes[index]
            if index in done or len(node.outputs) != 1 or node.outputs[0] < 0:
                continue
            try:
                form = self._followed(node)
            except NotFollowedError as reason:
                self.whys[index] = str(reason)
                continue
            done.add(index)
            self.forms[node.outputs[0]] = form
            for reader in self.graph.uses[node.outputs[0]].readers:
                heapq.heappush(waiting, reader.index)

    def form(self, node: Node, position: int) -> Form | None:
        """What an operand is; None for a constant and for what is not known."""
        return self.forms.get(node.inputs[position]) if position < len(node.inputs) else None

    def _followed(self, node: Node) -> Form:
        operator = self.readings.operator(node)
        if isinstance(operator, str):
            raise NotFollowedError(operator)
        if any(form.activation != "NONE" for form in map(self.forms.get, node.inputs) if form):
            raise NotFollowedError("an activation stands within the pattern")
        dtype = self.graph.values[node.outputs[0]].dtype
        if dtype not in ("float32", None) or (dtype is None and isinstance(operator, Cast)):
            raise NotFollowedError(f"it computes in {dtype}")
        made = self._made(node, operator)
        if self.graph.dialect == "onnx":
            return made
        return Form(made.view, made.terms, fused_activation(self.graph.operation(node)))

    def _made(self, node: Node, operator: Operator) -> Form:  # noqa: PLR0911 one a kind
        if isinstance(operator, NATIVE):
            if node.index != self.frame.anchor:
                raise NotFollowedError("another normalisation begins")
            return native_terms(self, node, operator)
        first = self.form(node, 0)
        match operator:
            case Binary():
                return self._binary(node, operator.kind)
            case Variadic(kind="sum") if len(node.inputs) == 2:
                return self._binary(node, "add")
            case Variadic():
                raise NotFollowedError(f"{node.op} bounds or joins values that it does not shift")
        if first is None:
            raise NotFollowedError(_FOREIGN)
        match operator:
            case Unary():
                return self._unary(node, operator.kind, first)
            case Reduce():
                return self._reduce(node, operator, first)
            case Pool(kind="average"):
                return self._pool(node, operator, first)
            case Reshape() | Squeeze():
                return self._reshaped(node, first)
            case Expand():
                return self._expanded(node, first)
            case Cast() | Miscellaneous(kind="identity" | "dropout"):
                return first
        raise NotFollowedError(f"{node.op} is no part of a normalisation")

    def _reshaped(self, node: Node, form: Form) -> Form:
        shape = self.readings.target(node)
        frame = self.frame
        view = None if shape is None else reshaped(form.view, shape, frame.factors, frame.full)
        if view is None:
            raise NotFollowedError("it is reshaped across the groups of the pattern")
        return Form(view, form.terms)

    def _expanded(self, node: Node, form: Form) -> Form:
        shape = self.readings.sizes(node.outputs[0])
        found = None if shape is None else spread(np.ones(shape), form.view, self.frame.factors)
        if found is None:
            raise NotFollowedError("it is repeated along an axis that the source has not")
        return Form(found[0], form.terms)

    def _binary(self, node: Node, kind: str) -> Form:
        first, second = self.form(node, 0), self.form(node, 1)
        if first is not None and second is not None:
            return self._joined(kind, first, second)
        form, position = (first, 1) if first is not None else (second, 0)
        numbers = self.readings.numbers(node.inputs[position])
        if form is None or numbers is None:
            raise NotFollowedError(_FOREIGN)
        if kind == "pow":
            exponent = float(numbers.flat[0]) if numbers.size == 1 and position == 1 else None
            return self._power(node, form, exponent)
        found = spread(numbers, form.view, self.frame.factors)
        if found is None:
            raise NotFollowedError("a constant does not lie along the axes of the source")
        view, constant = found
        terms = self._with_constant(kind, form.terms, constant, turned=position == 0)
        if terms is None:
            raise NotFollowedError(_UNFIT)
        return Form(view, terms)

    def _with_constant(
        self, kind: str, terms: Terms, constant: Coefficients, *, turned: bool
    ) -> Terms | None:
        if kind == "mul":
            return norm_terms.scale(terms, constant)
        if kind == "div" and not turned:
            return norm_terms.scale(terms, 1.0 / constant) if np.all(constant) else None
        if kind == "div":
            below = norm_terms.reciprocal(terms)
            return None if below is None else norm_terms.scale(below, constant)
        return (
            _combined(kind, {ONE: constant}, terms)
            if turned
            else _combined(kind, terms, {ONE: constant})
        )

    def _joined(self, kind: str, first: Form, second: Form) -> Form:
        view = broadcast(first.view, second.view)
        if view is None:
            raise NotFollowedError("its operands' axes do not lie on each other")
        terms = _combined(kind, first.terms, second.terms)
        if terms is None:
            raise NotFollowedError(_UNFIT)
        return Form(view, terms)

    def _power(self, node: Node, form: Form, exponent: float | None) -> Form:
        if exponent == 2:
            return self._joined("mul", form, form)
        if exponent in (0.5, -0.5):
            return self._unary(node, "sqrt" if exponent == 0.5 else "rsqrt", form)
        if exponent == -1:
            return self._unary(node, "reciprocal", form)
        raise NotFollowedError(f"an exponent of {exponent} is no part of a normalisation")

    def _unary(self, node: Node, kind: str, form: Form) -> Form:
        if kind == "square":
            return self._joined("mul", form, form)
        if kind in ROOTS:
            return self._root(node, form, 1 if kind == "rsqrt" else -1)
        terms: Terms | None = None
        if kind == "neg":
            terms = norm_terms.scale(form.terms, np.full((1,) * len(self.frame.factors), -1.0))
        elif kind == "reciprocal":
            terms = norm_terms.reciprocal(form.terms)
        if terms is None:
            raise NotFollowedError(_UNFIT)
        return Form(form.view, terms)

    def _root(self, node: Node, form: Form, exponent: int) -> Form:
        """The deviation or its reciprocal: this is where epsilon and the statistic are fixed."""
        if node.index != self.frame.anchor:
            raise NotFollowedError("another root is taken")
        numbers = {powers: norm_terms.uniform(each) for powers, each in form.terms.items()}
        variance, squares = numbers.pop(VARIANCE, None), numbers.pop(_MEAN_SQUARED, 0.0)
        constant = numbers.pop(ONE, 0.0)
        if numbers or variance is None or variance <= 0 or squares not in (0.0, variance):
            raise NotFollowedError("what is under the root is not the source's own variance")
        if constant is None or constant < 0:
            raise NotFollowedError("epsilon is negative, or not one number")
        self.squares, self.epsilon = squares != 0.0, constant / variance
        coefficient = np.full((1,) * len(self.frame.factors), variance ** (-0.5 * exponent))
        return Form(form.view, {norm_terms.Powers(root=exponent): coefficient})

    def _pool(self, node: Node, operator: Pool, form: Form) -> Form:
        """An average over all of space is a mean."""
        shape, window = self.readings.sizes(node.inputs[0]), operator.window
        result = self.readings.sizes(node.outputs[0])
        if shape is None or result is None or len(shape) != len(window.kernel) + 2:
            raise NotFollowedError("the sizes of what is averaged are not all fixed")
        space = range(1, len(shape) - 1) if self.graph.dialect == "tflite" else range(2, len(shape))
        whole = tuple(shape[axis] for axis in space) == window.kernel
        once = all(result[axis] == 1 for axis in space) and not any(map(any, window.pads))
        if not whole or not once:
            raise NotFollowedError("an average over less than all of space is no mean")
        return self._mean(node, form, tuple(space), keep=True)

    def _reduce(self, node: Node, operator: Reduce, form: Form) -> Form:
        rank = len(form.view)
        axes = operator.axes
        if self.graph.dialect == "tflite":
            axes = tuple(sorted(stored_axis(axis, rank) for axis in axes))
        if operator.kind == "sum_square":
            form = self._joined("mul", form, form)
        elif operator.kind not in ("mean", "sum"):
            raise NotFollowedError(f"{node.op} is no part of a normalisation")
        made = self._mean(node, form, axes, keep=operator.keep)
        if operator.kind == "mean":
            return made
        count = math.prod(self.frame.factors[each] for each in self.normalised or ())
        total = norm_terms.scale(made.terms, np.full((1,) * len(self.frame.factors), float(count)))
        return Form(made.view, total)

    def _mean(self, node: Node, form: Form, axes: tuple[int, ...], *, keep: bool) -> Form:
        if node.index not in self.frame.under:
            raise NotFollowedError("it averages for another purpose")
        reduced = tuple(sorted({each for axis in axes for each in form.view[axis].factors}))
        if not set(reduced) <= set(present_factors(form.view)):
            raise NotFollowedError("it averages what is averaged already")
        if self.normalised is None:
            self.normalised = reduced
        if reduced != self.normalised:
            raise NotFollowedError("the mean and the variance run over different axes")
        if form.view == self.frame.full:
            self.axes |= frozenset(axes)
        terms = norm_terms.mean(form.terms, reduced)
        if terms is None:
            raise NotFollowedError(_UNFIT)
        view = tuple(
            type(axis)(axis.factors, present=not axis.factors) if place in axes else axis
            for place, axis in enumerate(form.view)
            if keep or place not in axes
        )
        return Form(view, terms)


_FOREIGN = "one of its operands is neither constant nor made of the source"

_UNFIT = "it is no sum of products of the source, its mean, its variance and its deviation"

_MEAN_SQUARED: Powers = MEAN._replace(mean=2)


def _combined(kind: str, first: Terms, second: Terms) -> Terms | None:
    """Two polynomials as one elementwise operator joins them."""
    if kind == "add":
        return norm_terms.add(first, second)
    if kind == "sub":
        return norm_terms.add(first, second, -1.0)
    if kind == "mul":
        return norm_terms.multiply(first, second)
    if kind == "div":
        below = norm_terms.reciprocal(second)
        return None if below is None else norm_terms.multiply(first, below)
    if kind == "squared_difference":
        difference = norm_terms.add(first, second, -1.0)
        return None if difference is None else norm_terms.multiply(difference, difference)
    return None
