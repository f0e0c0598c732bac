"""Polynomials in a source x, its mean m, its variance V and its reciprocal deviation r.

Every value of a decomposed normalisation is one of them: `x - m`, `x*x`, `V + epsilon`,
`x*(r*scale) + (shift - m*(r*scale))`. The mean of `x*x` is `V + m*m`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from npulint.fixers.norms.views import Coefficients, View


class Powers(NamedTuple):
    """The exponents of one term."""

    x: int = 0
    mean: int = 0
    variance: int = 0
    root: int = 0


Terms: TypeAlias = "Mapping[Powers, Coefficients]"


@dataclass(frozen=True, slots=True)
class Form:
    """What a value is.

    Attributes:
        view: How its axes lie over the source's elements.
        terms: The polynomial.
        activation: What is applied to it, by its TFLite name.
    """

    view: View
    terms: Terms
    activation: str = "NONE"


class NotFollowedError(Exception):
    """What a node makes is none of these polynomials; the text says why."""


ONE, X, MEAN, VARIANCE = Powers(), Powers(x=1), Powers(mean=1), Powers(variance=1)
SOURCE_SCALED, MEAN_SCALED = Powers(x=1, root=1), Powers(mean=1, root=1)

_ROUNDING = 2.0**-21
"""Relative error up to which a factor such as `n * float32(1/n)` is taken for the whole number."""

_HIGHEST = 4
"""Exponents beyond which no normalisation goes."""


def add(first: Terms, second: Terms, sign: float = 1.0) -> Terms | None:
    """The sum, or with sign -1 the difference."""
    total = dict(first)
    for powers, coefficient in second.items():
        before = total.get(powers)
        after = sign * coefficient if before is None else before + sign * coefficient
        if before is not None and powers != ONE:
            size = float(np.max(np.abs(before)))
            if float(np.max(np.abs(after))) <= _ROUNDING * size:
                del total[powers]
                continue
        total[powers] = after
    return _tidy(total)


def multiply(first: Terms, second: Terms) -> Terms | None:
    """The product."""
    total: dict[Powers, Coefficients] = {}
    for one, factor in first.items():
        for other, second_factor in second.items():
            powers = Powers(*(a + b for a, b in zip(one, other, strict=True)))
            product = factor * second_factor
            total[powers] = total[powers] + product if powers in total else product
    return _tidy(total)


def scale(terms: Terms, coefficient: Coefficients) -> Terms:
    """The product with constants."""
    return {powers: _tidied(powers, each * coefficient) for powers, each in terms.items()}


def power_of_root(terms: Terms) -> int | None:
    """The exponent k where the value is a constant times r**k, else None."""
    if len(terms) != 1:
        return None
    (powers,) = terms
    return powers.root if powers == Powers(root=powers.root) else None


def reciprocal(terms: Terms) -> Terms | None:
    """One over a constant times a power of r, None for anything else."""
    exponent = power_of_root(terms)
    if exponent is None:
        return None
    (coefficient,) = terms.values()
    if not np.all(coefficient):
        return None
    return {Powers(root=-exponent): 1.0 / coefficient}


def mean(terms: Terms, normalised: tuple[int, ...]) -> Terms | None:
    """The mean over the normalised factors, None where it is no polynomial of these symbols."""
    total: Terms = {}
    for powers, coefficient in terms.items():
        if any(coefficient.shape[factor] != 1 for factor in normalised) or powers.x > 2:
            return None
        rest = powers._replace(x=0)
        if powers.x == 2:
            new: Terms = {
                rest._replace(variance=rest.variance + 1): coefficient,
                rest._replace(mean=rest.mean + 2): coefficient,
            }
        else:
            new = {rest._replace(mean=rest.mean + powers.x): coefficient}
        summed = add(total, new)
        if summed is None:
            return None
        total = summed
    return total


def uniform(coefficient: Coefficients) -> float | None:
    """The number that all coefficients are, None where they differ."""
    first = float(coefficient.flat[0])
    return first if bool(np.all(coefficient == first)) else None


def _tidy(terms: Mapping[Powers, Coefficients]) -> Terms | None:
    """Whole-number factors freed of rounding; None where an exponent is out of bounds."""
    if any(abs(each) > _HIGHEST for powers in terms for each in powers):
        return None
    return {powers: _tidied(powers, each) for powers, each in terms.items()}


def _tidied(powers: Powers, coefficient: Coefficients) -> Coefficients:
    return coefficient if powers == ONE or powers.root else _snapped(coefficient)


def _snapped(coefficient: Coefficients) -> Coefficients:
    number = uniform(coefficient)
    if number is None or number == round(number):
        return coefficient
    whole = round(number)
    if whole and abs(number - whole) <= _ROUNDING * abs(whole):
        return np.full_like(coefficient, whole)
    return coefficient
