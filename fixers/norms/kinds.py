"""From the polynomial of a normalised value to its record: axes, groups, scale and shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from npulint.fixers.norms.terms import MEAN_SCALED, ONE, SOURCE_SCALED
from npulint.fixers.record import Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array
    from npulint.fixers.norms.terms import Form, Terms
    from npulint.fixers.norms.trace import Trace
    from npulint.fixers.norms.views import Coefficients

_SAME = 1e-6
"""Relative difference up to which the factors of the source and of its mean are the same."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """The fields of a `Normalisation` that its polynomial says."""

    axes: tuple[int, ...]
    groups: int
    channel_axis: int
    scale: Array | None
    shift: Array | None
    kind: Literal["layer", "instance", "group", "rms"]


def is_normalised(form: Form, trace: Trace) -> bool:
    """Whether a value is scaled and shifted normalised source, of the source's own axes."""
    terms = form.terms
    if form.view != trace.frame.full or SOURCE_SCALED not in terms or trace.epsilon is None:
        return False
    wanted = {SOURCE_SCALED} if trace.squares else {SOURCE_SCALED, MEAN_SCALED}
    if terms.keys() - {ONE} != wanted:
        return False
    return trace.squares or _centred(terms)


def _centred(terms: Terms) -> bool:
    total = terms[SOURCE_SCALED] + terms[MEAN_SCALED]
    return bool(np.max(np.abs(total)) <= _SAME * np.max(np.abs(terms[SOURCE_SCALED])))


def classify(form: Form, trace: Trace, *, native: str) -> Reading | Refusal:
    """Say which normalisation a value is.

    Args:
        form: A value for which `is_normalised`.
        trace: How it was followed.
        native: `instance` or `group` where such an operator was met, else empty.
    """
    axes = _axes(trace)
    if isinstance(axes, Refusal):
        return axes
    scale = _along_axes(form.terms[SOURCE_SCALED], trace)
    shift = _along_axes(form.terms.get(ONE, np.zeros_like(form.terms[SOURCE_SCALED])), trace)
    varying = {axis for each in (scale, shift) for axis, size in enumerate(each.shape) if size != 1}
    found = _kind(axes, varying, native)
    if isinstance(found, Refusal):
        return found
    kind, channel = found
    rank, tiny = len(trace.frame.shape), {a for a in trace.axes if trace.frame.shape[a] == 1}
    if kind in ("instance", "group"):
        run = frozenset(range(1, rank)) - ({channel} if kind == "instance" else set())
    else:
        run = axes.full | tiny - {0}
    ordered = tuple(sorted(run))
    along = (channel,) if kind in ("instance", "group") else ordered
    if trace.squares and kind != "layer":
        return Refusal("a root mean square over space is no normalisation of the catalogue")
    if kind == "layer" and len(ordered) > 1:
        channel = 1 if trace.graph.dialect == "onnx" and 1 in ordered else ordered[-1]
    return Reading(
        axes=ordered,
        groups=axes.groups if kind == "group" else 1,
        channel_axis=channel,
        scale=_parameter(scale, 1.0, along, trace.frame.shape),
        shift=_parameter(shift, 0.0, along, trace.frame.shape),
        kind="rms" if trace.squares else kind,
    )


@dataclass(frozen=True, slots=True)
class _Axes:
    """Which of the source's axes are normalised.

    Attributes:
        full: Axes that are normalised as a whole.
        split: The axis of which only the fast end is normalised, None where there is none.
        rest: Axes that are not normalised, but for the batch and axes of size 1.
        groups: Size of the slow end of `split`.
    """

    full: frozenset[int]
    split: int | None
    rest: frozenset[int]
    groups: int


def _axes(trace: Trace) -> _Axes | Refusal:
    normalised = set(trace.normalised or ())
    full: set[int] = set()
    rest: set[int] = set()
    split: int | None = None
    groups = 1
    for place, axis in enumerate(trace.frame.full):
        inside = [each for each in axis.factors if each in normalised]
        if not axis.factors:
            continue
        if len(inside) == len(axis.factors):
            full.add(place)
        elif not inside:
            rest.add(place)
        elif split is None and inside == list(axis.factors[-len(inside) :]):
            split = place
            outer = axis.factors[: -len(inside)]
            groups = int(np.prod([trace.frame.factors[each] for each in outer]))
        else:
            return Refusal("its groups are not of neighbouring channels of one axis")
    if not full and split is None:
        return Refusal("what it normalises is a single element")
    if 0 in full or split == 0:
        return Refusal("it normalises over the batch")
    return _Axes(frozenset(full), split, frozenset(rest - {0}), groups)


def _kind(
    axes: _Axes, varying: set[int], native: str
) -> tuple[Literal["layer", "instance", "group"], int] | Refusal:
    """The kind of normalisation, and the axis along which its parameters run."""
    if axes.split is not None:
        if axes.rest:
            return Refusal("it normalises groups of channels, but not all of space")
        return ("group", axes.split) if varying <= {axes.split} else _ACROSS
    several = len(axes.full) > 1
    if len(axes.rest) == 1 and varying <= axes.rest and (varying or several or native):
        return "instance", min(axes.rest)
    if not axes.rest and several and (len(varying) == 1 or (native == "group" and not varying)):
        return "group", min(varying or axes.full)
    return ("layer", max(axes.full)) if varying <= axes.full else _ACROSS


_ACROSS = Refusal("its scale or shift runs along other axes than a normalisation's does")


def _along_axes(coefficient: Coefficients, trace: Trace) -> Coefficients:
    """Coefficients with one axis for each of the source's, of size 1 where they do not vary."""
    factors, sizes = trace.frame.factors, list(coefficient.shape)
    shape: list[int] = []
    for axis, size in zip(trace.frame.full, trace.frame.shape, strict=True):
        varies = any(coefficient.shape[each] != 1 for each in axis.factors)
        if varies:
            for each in axis.factors:
                sizes[each] = factors[each]
        shape.append(size if varies else 1)
    return np.broadcast_to(coefficient, sizes).reshape(shape)


def _parameter(
    numbers: Coefficients, neutral: float, along: tuple[int, ...], shape: tuple[int, ...]
) -> Array | None:
    """Numbers along some axes as the record keeps them, None where they change nothing."""
    if bool(np.all(numbers == neutral)):
        return None
    wanted = tuple(shape[axis] if axis in along else 1 for axis in range(len(shape)))
    kept = tuple(shape[axis] for axis in along)
    return np.broadcast_to(numbers, wanted).reshape(kept).astype(np.float32)
