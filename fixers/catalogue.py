"""The catalogue: every family of realisations there is."""

from __future__ import annotations

from typing import Any

from npulint.fixers import means, moving, norm_family, pointwise_families, roots, transposed
from npulint.fixers.record import Family

FAMILIES: tuple[Family[Any], ...] = (
    transposed.FAMILY,
    *pointwise_families.FAMILIES,
    *moving.FAMILIES,
    norm_family.FAMILY,
    means.FAMILY,
    roots.FAMILY,
)
