"""Elementwise operators on polynomials of a traced source; see `norm_trace`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.norms import terms as norm_terms
from npulint.fixers.norms.terms import MEAN, ONE, VARIANCE, Form, NotFollowedError
from npulint.fixers.norms.views import broadcast, spread

if TYPE_CHECKING:
    from npulint.fixers.norms.terms import Powers, Terms
    from npulint.fixers.norms.trace import Trace
    from npulint.fixers.norms.views import Coefficients
    from npulint.model import Node

ROOTS = ("sqrt", "rsqrt")

FOREIGN = "one of its operands is neither constant nor made of the source"

UNFIT = "it is no sum of products of the source, its mean, its variance and its deviation"

_MEAN_SQUARED: Powers = MEAN._replace(mean=2)


def binary(trace: Trace, node: Node, kind: str) -> Form:
    """What an operator of two operands makes, one of which may be constant."""
    first, second = trace.form(node, 0), trace.form(node, 1)
    if first is not None and second is not None:
        return joined(kind, first, second)
    form, position = (first, 1) if first is not None else (second, 0)
    numbers = trace.readings.numbers(node.inputs[position])
    if form is None or numbers is None:
        raise NotFollowedError(FOREIGN)
    if kind == "pow":
        exponent = float(numbers.flat[0]) if numbers.size == 1 and position == 1 else None
        return _power(trace, node, form, exponent)
    found = spread(numbers, form.view, trace.frame.factors)
    if found is None:
        raise NotFollowedError("a constant does not lie along the axes of the source")
    view, constant = found
    terms = _with_constant(kind, form.terms, constant, turned=position == 0)
    if terms is None:
        raise NotFollowedError(UNFIT)
    return Form(view, terms)


def _with_constant(
    kind: str, terms: Terms, constant: Coefficients, *, turned: bool
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


def joined(kind: str, first: Form, second: Form) -> Form:
    """What an operator makes of two values that both come from the source."""
    view = broadcast(first.view, second.view)
    if view is None:
        raise NotFollowedError("its operands' axes do not lie on each other")
    terms = _combined(kind, first.terms, second.terms)
    if terms is None:
        raise NotFollowedError(UNFIT)
    return Form(view, terms)


def _power(trace: Trace, node: Node, form: Form, exponent: float | None) -> Form:
    if exponent == 2:
        return joined("mul", form, form)
    if exponent in (0.5, -0.5):
        return unary(trace, node, "sqrt" if exponent == 0.5 else "rsqrt", form)
    if exponent == -1:
        return unary(trace, node, "reciprocal", form)
    raise NotFollowedError(f"an exponent of {exponent} is no part of a normalisation")


def unary(trace: Trace, node: Node, kind: str, form: Form) -> Form:
    """What a function of one element makes; the anchor's root defines the deviation."""
    if kind == "square":
        return joined("mul", form, form)
    if kind in ROOTS:
        return _root(trace, node, form, 1 if kind == "rsqrt" else -1)
    terms: Terms | None = None
    if kind == "neg":
        terms = norm_terms.scale(form.terms, np.full((1,) * len(trace.frame.factors), -1.0))
    elif kind == "reciprocal":
        terms = norm_terms.reciprocal(form.terms)
    else:
        raise NotFollowedError(f"{node.op} is no part of a normalisation")
    if terms is None:
        raise NotFollowedError(UNFIT)
    return Form(form.view, terms)


def _root(trace: Trace, node: Node, form: Form, exponent: int) -> Form:
    """The deviation or its reciprocal: this is where epsilon and the statistic are fixed."""
    numbers = {powers: norm_terms.uniform(each) for powers, each in form.terms.items()}
    variance, squares = numbers.pop(VARIANCE, None), numbers.pop(_MEAN_SQUARED, 0.0)
    constant = numbers.pop(ONE, 0.0)
    if numbers or variance is None or variance <= 0 or squares not in (0.0, variance):
        raise NotFollowedError("what is under the root is not the source's own variance")
    if constant is None or constant < 0:
        raise NotFollowedError("epsilon is negative, or not one number")
    found = (squares != 0.0, constant / variance)
    if node.index == trace.frame.anchor:
        trace.squares, trace.epsilon = found
    elif found != (trace.squares, trace.epsilon):
        raise NotFollowedError("another root is taken")
    coefficient = np.full((1,) * len(trace.frame.factors), variance ** (-0.5 * exponent))
    return Form(form.view, {norm_terms.Powers(root=exponent): coefficient})


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
