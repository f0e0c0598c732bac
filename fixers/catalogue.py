"""The catalogue: every family of realisations there is."""

from __future__ import annotations

from typing import Any

from npulint.fixers.convolutions import transposed
from npulint.fixers.moving import families as moving
from npulint.fixers.norms import (
    exponential_sums,
    lengths,
    local_responses,
    means,
    reductions,
    roots,
    sums,
)
from npulint.fixers.norms import families as norm_family
from npulint.fixers.pointwise import families as pointwise_families
from npulint.fixers.record import Family

FAMILIES: tuple[Family[Any], ...] = (
    transposed.FAMILY,
    *pointwise_families.FAMILIES,
    *moving.FAMILIES,
    norm_family.FAMILY,
    lengths.FAMILY,
    sums.FAMILY,
    means.FAMILY,
    roots.FAMILY,
    *exponential_sums.FAMILIES,
    *reductions.FAMILIES,
    *local_responses.FAMILIES,
)

CLEAN_UPS = ("tidy", "folding")
"""What every rewrite does besides, by the modules' names: `tidy` drops what changes no result,
`folding` stores what hangs on stored values only."""
