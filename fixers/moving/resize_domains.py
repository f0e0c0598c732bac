"""Which resizes each way serves, and why not the others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.moving.resize_phases import whole_factors
from npulint.fixers.moving.resize_strides import divisors
from npulint.fixers.record import Refusal

if TYPE_CHECKING:
    from npulint.fixers.moving.resizes_reading import Resampling

_LARGEST_FACTOR = 8
"""Factor beyond which a phase for each place is no gain."""

_QUANTISED = Refusal("it is quantised, and sums would be rounded")


def steps(r: Resampling) -> tuple[int, int] | None:
    """For corners that stay: by how many steps one step of the input is divided."""
    found = []
    for size, out in zip(r.sizes[2:], r.output, strict=True):
        if size == out == 1:
            found.append(1)
        elif size < 2 or (out - 1) % (size - 1):
            return None
        else:
            found.append((out - 1) // (size - 1))
    return found[0], found[1]


def _whole(r: Resampling) -> Refusal | None:
    if r.factors is None:
        return Refusal(f"{r.sizes[2:]} to {r.output} is no whole factor")
    if math.prod(r.factors) == 1:
        return Refusal("it changes nothing")
    return None


def _newer(r: Resampling) -> Refusal | None:
    if not r.linear:
        return Refusal("it is no linear interpolation between neighbours")
    if r.coordinates == "asymmetric":
        return Refusal("its coordinates are the oldest ones as they are")
    return None


def finer(r: Resampling) -> Refusal | None:
    """Serves linear interpolation at whole steps of a finer resize."""
    refusal = _newer(r)
    if refusal is not None:
        return refusal
    if r.coordinates == "align_corners":
        if steps(r) is None:
            return Refusal(f"{r.sizes[2:]} to {r.output} with fixed corners has no whole steps")
        return None
    return _whole(r)


def elsewhere(r: Resampling) -> Refusal | None:
    """Serves linear interpolation by whole factors in other modes than the oldest."""
    return _newer(r) or _whole(r)


def phased(r: Resampling) -> Refusal | None:
    """Serves whole factors, each sample of a phase being made as all others of it."""
    if not r.is_float:
        return _QUANTISED
    if r.coordinates == "align_corners":
        return Refusal("with fixed corners the phase changes from sample to sample")
    refusal = _whole(r) or (replicates(r) if r.kernel is None else _bordered(r))
    if refusal is None and max(whole_factors(r)) > _LARGEST_FACTOR:
        refusal = Refusal(f"a factor of {max(whole_factors(r))} has too many phases")
    return refusal


def _bordered(r: Resampling) -> Refusal | None:
    """Why samples at the border are not made as others are."""
    if r.kernel is not None and r.kernel.mode == "cubic" and r.kernel.inside:
        return Refusal("it leaves out what lies beyond the border: weights differ there")
    return None


def _sparse(r: Resampling) -> Refusal | None:
    if r.divisors is None:
        return Refusal(f"{r.sizes[2:]} to {r.output} is not every n-th place")
    if math.prod(r.divisors) == 1:
        return Refusal("it changes nothing")
    if r.coordinates == "align_corners":
        return Refusal("with fixed corners its samples do not lie n apart")
    return None


def weighed(r: Resampling) -> Refusal | None:
    """Serves interpolation at every n-th place."""
    if not r.is_float:
        return _QUANTISED
    if r.kernel is None:
        return Refusal("it takes the nearest sample and interpolates nothing")
    if r.coordinates == "pytorch_half_pixel":
        return Refusal("the one sample that it makes of an axis is the first, not its middle")
    return _sparse(r) or _bordered(r)


def stepped(r: Resampling) -> Refusal | None:
    """Serves the nearest samples of every n-th place."""
    refusal = Refusal("it interpolates") if r.kernel is not None else _sparse(r)
    if refusal is not None:
        return refusal
    for axis, step in enumerate(divisors(r)):
        if np.any(np.diff(r.taken(axis)) != step):
            return Refusal("its samples do not lie equally far apart")
    return None


def replicates(r: Resampling) -> Refusal | None:
    """Why a resize to the nearest sample is no plain repetition."""
    if r.kernel is not None:
        return Refusal("it interpolates")
    refusal = _whole(r)
    if refusal is not None:
        return refusal
    for axis, factor in enumerate(whole_factors(r)):
        if not np.array_equal(r.taken(axis), np.repeat(np.arange(r.sizes[2 + axis]), factor)):
            return Refusal("its samples are not repeated equally often")
    return None


def older(r: Resampling) -> Refusal | None:
    """Serves what repeats each sample equally and is not written in the oldest form."""
    if r.plain and r.kernel is None:
        return Refusal("it is what is there")
    return replicates(r)


def summed(r: Resampling) -> Refusal | None:
    """Serves what repeats each sample equally, of real numbers."""
    return replicates(r) if r.is_float else _QUANTISED


def unquantised(r: Resampling) -> Refusal | None:
    """Serves real numbers."""
    return None if r.is_float else _QUANTISED
