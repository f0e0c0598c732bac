"""Sizes and values of generated cases: the standard ones, or others that a seed draws.

A family of cases is written once, with the sizes and values that it names as its standard. Seed 0
leaves them as they are; any other seed puts others in their place, so that its cases are other
models of the same families, and not the same models with other numbers.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
Shape = tuple[int, ...]

IMAGE = (1, 8, 12, 16)
RANKS = ((16,), (4, 16), (2, 4, 16), IMAGE, (1, 2, 4, 6, 8), (1, 2, 2, 2, 4, 4))

ROUNDS = 6
"""How often a seed draws anew for each family."""

_CHANNELS = (2, 3, 4, 6, 8, 10, 12, 16, 24, 32, 40, 64)
_BATCHES = (1, 1, 1, 2, 3)
_SIDES = (4, 5, 7, 8, 9, 11, 12, 14, 16, 17, 20, 24, 28, 32)


def rounds(seed: int, label: str) -> Iterator[Draw]:
    """The draws of a seed for what a label names: one of standard values, or several others."""
    if seed == 0:
        yield Draw(None)
    else:
        for number in range(ROUNDS):
            yield Draw(random.Random(f"{seed} {label} {number}"))


class Draw:
    """What a family takes its sizes and values from."""

    def __init__(self, source: random.Random | None) -> None:
        self._source = source

    def size(self, standard: int, *others: int) -> int:
        """A size: the standard one, or one of others; without these from its half to its double."""
        if self._source is None:
            return standard
        if others:
            return self._source.choice((standard, *others))
        return self._source.randint(max(standard // 2, 1), 2 * standard)

    def shape(self, *standard: int) -> Shape:
        """Sizes one by one; those of 1 mostly stay."""
        return tuple(
            self.size(1, 1, 1, 1, 2) if each == 1 else self.size(each) for each in standard
        )

    def image(self, channels: int = IMAGE[1], *others: int) -> Shape:
        """Batch, channels, height, width.

        Args:
            channels: The standard number of channels.
            others: What else they may be; any of the usual numbers where it is left out.
        """
        if self._source is None:
            return (1, channels, *IMAGE[2:])
        return (
            self._source.choice(_BATCHES),
            self._source.choice((channels, *others) if others else _CHANNELS),
            self._source.choice(_SIDES),
            self._source.choice(_SIDES),
        )

    def ranks(self) -> tuple[Shape, ...]:
        """A shape of each rank from 1 to 6."""
        if self._source is None:
            return RANKS
        return tuple(self.image() if shape == IMAGE else self.shape(*shape) for shape in RANKS)

    def among(self, standard: Sequence[T], more: Sequence[T] = ()) -> list[T]:
        """The standard values, or as many out of these and more."""
        if self._source is None:
            return list(standard)
        unlike = [*standard, *(each for each in more if each not in standard)]
        return self._source.sample(unlike, len(standard))

    def number(self, standard: float, low: float, high: float) -> float:
        """The standard number, or one between bounds, in hundredths."""
        return standard if self._source is None else round(self._source.uniform(low, high), 2)

    def axis(self, rank: int, standard: int) -> int:
        """The standard axis, or another of that many, counted from either end."""
        return standard if self._source is None else self._source.randrange(-rank, rank)

    def places(self, standard: Sequence[int], below: int) -> list[int]:
        """The standard positions, or as many others below a bound; where there are as many."""
        if self._source is None:
            return [min(each, below - 1) for each in standard]
        return [self._source.randrange(below) for _ in standard]
