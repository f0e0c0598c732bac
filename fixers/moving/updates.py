"""A box written over without an operator that writes: what lies around it is joined to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.fixers.building.moves import moves
from npulint.fixers.moving.updates_reading import Update, recognise
from npulint.fixers.record import Family, Realisation, always

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder


def _joined(builder: Builder, u: Update) -> list[int]:
    """The box grows along one axis after the other, the last first, until it is the whole."""
    m = moves(builder, u.source)
    made = u.updates
    taken = [(start, start + size, 1) for start, size in zip(u.starts, u.sizes, strict=True)]
    for axis in reversed(u.cut):
        start, stop, _ = taken[axis]
        sides = []
        for side in ((0, start, 1), (stop, u.shape[axis], 1)):
            empty = side[0] == side[1]
            ranges = (*taken[:axis], side, *taken[axis + 1 :])
            sides.append([] if empty else [m.take(u.source, ranges)])
        made = m.join([*sides[0], made, *sides[1]], axis)
        taken[axis] = 0, u.shape[axis], 1
    return [made]


FAMILY: Family[Update] = Family(
    "update",
    recognise,
    (
        Realisation(
            name="update/join",
            uses=("STRIDED_SLICE", "CONCATENATION"),
            exactness="exact",
            argument=(
                "a value with a box written over is the box joined to slices of what lies before "
                "and behind it along each axis"
            ),
            accepts=always,
            build=_joined,
        ),
    ),
)
