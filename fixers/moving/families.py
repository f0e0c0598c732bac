"""The part of the catalogue that moves values about: borders, pieces, depth and space."""

from __future__ import annotations

from typing import Any

from npulint.fixers.convolutions import (
    average_pools,
    batch_blocks,
    conv_forms,
    conv_partial,
    conv_pieces,
    conv_shuffle,
    einsums,
    local_means,
    maxima,
    pools,
    quantised_blocks,
)
from npulint.fixers.moving import (
    depth_space,
    joins,
    pads,
    pieces,
    resizes,
    running_sums,
    stacks,
    updates,
    views,
)
from npulint.fixers.record import Family

FAMILIES: tuple[Family[Any], ...] = (
    pads.FAMILY,
    pieces.FAMILY,
    conv_pieces.FAMILY,
    conv_partial.FAMILY,
    updates.FAMILY,
    joins.FAMILY,
    stacks.FAMILY,
    views.FAMILY,
    joins.CONVOLUTIONS,
    batch_blocks.FAMILY,
    quantised_blocks.FAMILY,
    conv_forms.FAMILY,
    depth_space.FAMILY,
    conv_shuffle.FAMILY,
    resizes.FAMILY,
    pools.FAMILY,
    average_pools.FAMILY,
    maxima.FAMILY,
    local_means.FAMILY,
    running_sums.FAMILY,
    einsums.FAMILY,
)
