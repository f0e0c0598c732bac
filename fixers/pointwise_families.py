"""The families of elementwise operators."""

from __future__ import annotations

from typing import Any

from npulint.fixers import (
    activations,
    forms,
    gates,
    gelu,
    limits,
    powers,
    rectifiers,
    repeats,
    scale_shift,
    weight_folding,
)
from npulint.fixers.record import Family

FAMILIES: tuple[Family[Any], ...] = (
    rectifiers.FAMILY,
    weight_folding.FAMILY,
    scale_shift.FAMILY,
    *gates.FAMILIES,
    repeats.FAMILY,
    *forms.FAMILIES,
    limits.FAMILY,
    *powers.FAMILIES,
    *gelu.FAMILIES,
    *activations.FAMILIES,
)
