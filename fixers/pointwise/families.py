"""The families of elementwise operators, of products with matrices, and of forms."""

from __future__ import annotations

from typing import Any

from npulint.fixers.convolutions import matrices, same_padding, weight_folding, window_padding
from npulint.fixers.forms import halves, indices, positions, ranks
from npulint.fixers.forms import ways as forms
from npulint.fixers.moving import repeats
from npulint.fixers.pointwise import (
    activations,
    chains,
    choices,
    exponentials,
    gates,
    gelu,
    limits,
    powers,
    products,
    rectifiers,
    scale_shift,
    thresholds,
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
    positions.FAMILY,
    ranks.FAMILY,
    same_padding.FAMILY,
    window_padding.FAMILY,
    limits.FAMILY,
    *powers.FAMILIES,
    products.FAMILY,
    *gelu.FAMILIES,
    *activations.FAMILIES,
    exponentials.FAMILY,
    *chains.FAMILIES,
    *choices.FAMILIES,
    thresholds.FAMILY,
)
