"""The catalogue: every family of realisations there is."""

from __future__ import annotations

from typing import Any

from npulint.fixers import moving, rectifiers, transposed
from npulint.fixers.record import Family

FAMILIES: tuple[Family[Any], ...] = (
    transposed.FAMILY,
    rectifiers.FAMILY,
    *moving.FAMILIES,
)
