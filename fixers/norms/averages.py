"""Averages and sums of a traced source; see `norm_trace`."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.norms import terms as norm_terms
from npulint.fixers.norms.elementwise import UNFIT, joined
from npulint.fixers.norms.terms import Form, NotFollowedError
from npulint.fixers.norms.views import present_factors
from npulint.operators.tflite_node import stored_axis

if TYPE_CHECKING:
    from npulint.fixers.norms.trace import Trace
    from npulint.model import Node
    from npulint.operators.rearrangements import Reduce
    from npulint.operators.semantics import Pool


def pool(trace: Trace, node: Node, operator: Pool, form: Form) -> Form:
    """An average over all of space is a mean."""
    shape, window = trace.readings.sizes(node.inputs[0]), operator.window
    result = trace.readings.sizes(node.outputs[0])
    if shape is None or result is None or len(shape) != len(window.kernel) + 2:
        raise NotFollowedError("the sizes of what is averaged are not all fixed")
    space = range(1, len(shape) - 1) if trace.graph.dialect == "tflite" else range(2, len(shape))
    whole = tuple(shape[axis] for axis in space) == window.kernel
    once = all(result[axis] == 1 for axis in space) and not any(map(any, window.pads))
    if not whole or not once:
        raise NotFollowedError("an average over less than all of space is no mean")
    return _mean(trace, node, form, tuple(space), keep=True)


def reduce(trace: Trace, node: Node, operator: Reduce, form: Form) -> Form:
    """What a reduction makes of a value: a mean, or as many times the mean as it sums up."""
    rank = len(form.view)
    axes = operator.axes
    if trace.graph.dialect == "tflite":
        axes = tuple(sorted(stored_axis(axis, rank) for axis in axes))
    if operator.kind == "sum_square":
        form = joined("mul", form, form)
    elif operator.kind not in ("mean", "sum"):
        raise NotFollowedError(f"{node.op} is no part of a normalisation")
    made = _mean(trace, node, form, axes, keep=operator.keep)
    if operator.kind == "mean":
        return made
    count = math.prod(trace.frame.factors[each] for each in trace.normalised or ())
    total = norm_terms.scale(made.terms, np.full((1,) * len(trace.frame.factors), float(count)))
    return Form(made.view, total)


def _mean(trace: Trace, node: Node, form: Form, axes: tuple[int, ...], *, keep: bool) -> Form:
    reduced = tuple(sorted({each for axis in axes for each in form.view[axis].factors}))
    if not set(reduced) <= set(present_factors(form.view)):
        raise NotFollowedError("it averages what is averaged already")
    if trace.normalised is None and node.index in trace.frame.under:
        trace.normalised = reduced
    if reduced != trace.normalised:
        raise NotFollowedError("the mean and the variance run over different axes")
    if form.view == trace.frame.full:
        trace.axes |= frozenset(axes)
    terms = norm_terms.mean(form.terms, reduced)
    if terms is None:
        raise NotFollowedError(UNFIT)
    view = tuple(
        replace(axis, present=not axis.factors) if place in axes else axis
        for place, axis in enumerate(form.view)
        if keep or place not in axes
    )
    return Form(view, terms)
