"""The families of elementwise operators, of products with matrices, and of forms."""

from __future__ import annotations

from typing import Any

from npulint.fixers import (
    activations,
    forms,
    gates,
    gelu,
    halves,
    indices,
    limits,
    matrices,
    powers,
    rectifiers,
    repeats,
    same_padding,
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
    matrices.FAMILY,
    halves.FAMILY,
    indices.FAMILY,
    same_padding.FAMILY,
    limits.FAMILY,
    *powers.FAMILIES,
    *gelu.FAMILIES,
    *activations.FAMILIES,
)
