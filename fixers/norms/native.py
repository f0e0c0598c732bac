"""Normalisations that are one operator, as the polynomial that they compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.norms.terms import MEAN_SCALED, ONE, SOURCE_SCALED, Form, NotFollowedError, X
from npulint.fixers.norms.views import spread
from npulint.operators.semantics import GroupNorm, InstanceNorm, LayerNorm, RmsNorm

if TYPE_CHECKING:
    from npulint.fixers.norms.constants import Numbers
    from npulint.fixers.norms.terms import Powers
    from npulint.fixers.norms.trace import Trace
    from npulint.fixers.norms.views import Coefficients
    from npulint.model import Node

NATIVE = (InstanceNorm, GroupNorm, LayerNorm, RmsNorm)

NAMES = frozenset(
    {
        "InstanceNormalization",
        "GroupNormalization",
        "LayerNormalization",
        "RMSNormalization",
    }
)
"""What ONNX calls them: one that cannot be read is known by its name alone."""

Native = InstanceNorm | GroupNorm | LayerNorm | RmsNorm


def inner_shape(operator: Native, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape in which a native operator sees its operand, None where it cannot."""
    if not isinstance(operator, GroupNorm):
        return shape
    groups = operator.groups
    if len(shape) < 2 or groups < 1 or shape[1] % groups:
        return None
    return (shape[0], groups, shape[1] // groups, *shape[2:])


def native_terms(trace: Trace, node: Node, operator: Native) -> Form:
    """What a native normalisation makes of the source; it fixes the mean's axes and epsilon."""
    form = trace.form(node, 0)
    if form is None or set(form.terms) != {X}:
        raise NotFollowedError("it does not normalise the source")
    view, rank = form.view, len(form.view)
    if rank < 2 and isinstance(operator, (InstanceNorm, GroupNorm)):
        raise NotFollowedError("what it normalises has no channels")
    first = operator.axis if isinstance(operator, (LayerNorm, RmsNorm)) else 2
    axes = tuple(range(first, rank))
    normalised = [each for axis in axes for each in view[axis].factors]
    if isinstance(operator, GroupNorm):
        normalised += _within_groups(trace, view[1].factors, operator.groups)
    trace.normalised = tuple(sorted(normalised))
    trace.epsilon, trace.squares = operator.epsilon, isinstance(operator, RmsNorm)
    if view == trace.frame.full:
        trace.axes |= frozenset(axes)
    one = np.ones((1,) * len(trace.frame.factors))
    scale = _parameter(trace, node, 1, operator, form)
    shift = _parameter(trace, node, 2, operator, form)
    if scale is None or shift is None:
        raise NotFollowedError("its scale or its shift is computed while the model runs")
    scaled = one * scale
    terms: dict[Powers, Coefficients] = {SOURCE_SCALED: scaled}
    if not trace.squares:
        terms[MEAN_SCALED] = -scaled
    if shift.any():
        terms[ONE] = one * shift
    return Form(view, terms)


def _within_groups(trace: Trace, factors: tuple[int, ...], groups: int) -> tuple[int, ...]:
    """The factors of the channel axis that lie within one group."""
    outer, count = 0, 1
    while count < groups:
        count *= trace.frame.factors[factors[outer]]
        outer += 1
    return factors[outer:]


def _parameter(
    trace: Trace, node: Node, position: int, operator: Native, form: Form
) -> Coefficients | None:
    """Scale (position 1) or shift (2) over the factors; 1 or 0 where it is left out."""
    index = node.inputs[position] if position < len(node.inputs) else -1
    if index < 0:
        return np.full((1,) * len(trace.frame.factors), float(position == 1))
    numbers = trace.readings.numbers(index)
    if numbers is None:
        return None
    laid = _laid_out(numbers, operator, trace.readings.sizes(node.inputs[0]) or ())
    found = None if laid is None else spread(laid, form.view, trace.frame.factors)
    return None if found is None else found[1]


def _laid_out(numbers: Numbers, operator: Native, shape: tuple[int, ...]) -> Numbers | None:
    """A parameter in a shape that broadcasts with the operand."""
    if isinstance(operator, (LayerNorm, RmsNorm)):
        return numbers
    flat = numbers.reshape(-1)
    channels = shape[1]
    if isinstance(operator, GroupNorm) and not operator.per_channel:
        flat = np.repeat(flat, channels // operator.groups)
    if flat.size != channels:
        return None
    return flat.reshape(channels, *(1,) * (len(shape) - 2))
