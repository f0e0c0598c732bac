"""What a network is trained on: samples with what is wanted, split, drawn, cut and turned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from npulint.errors import UsageError
from npulint.verification.metrics import channel_axis
from npulint.verification.pairing import dimensions

if TYPE_CHECKING:
    from npulint.recovering.recipe import Recipe
    from npulint.runtimes import Array

Arrays: TypeAlias = "tuple[Array, ...]"
"""One for each input, or for each output."""

Teacher: TypeAlias = "Callable[[Arrays], Arrays]"
"""The original: from inputs to outputs."""

Sides: TypeAlias = tuple[int, int]
"""The axes of rows and of columns."""

ALIGNED = 4
"""Pieces are cut at multiples of this, so that mosaics stay as they are: those of four pixels of a
colour side by side repeat after four."""


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One sample.

    Attributes:
        name: What it is called.
        inputs: What the networks are given.
        wanted: What the original makes of it.
        truth: What outputs should be; None where nobody says.
    """

    name: str
    inputs: Arrays
    wanted: Arrays
    truth: Arrays | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """Which samples do what, by their places in order of name.

    Attributes:
        training: Every other one: the first, the third ...
        choosing: Of those between, what tells the best step; the same as `reporting` where there
            are less than `THREE_WAYS` samples.
        reporting: Of those between, what tells how good the result is.
    """

    training: tuple[int, ...]
    choosing: tuple[int, ...]
    reporting: tuple[int, ...]

    @property
    def apart(self) -> bool:
        """Whether no sample that reports has had a say."""
        return not set(self.choosing) & set(self.reporting)


THREE_WAYS = 6
"""From so many samples on, none that chooses the best step reports what it is worth."""

MOST_MEASURED = 16
"""So many samples choose at most, and twice as many report: they are run again and again."""


def split(count: int) -> Split:
    """Split samples as `fix` does, and the half that is not trained on once more.

    Args:
        count: How many there are.

    Raises:
        UsageError: There are less than two.
    """
    if count < 2:
        raise UsageError(
            f"{count or 'no'} sample{'' if count else 's'}: give two or more: every other one is "
            "trained on, and what that came to is measured on the rest"
        )
    between = range(1, count, 2)
    if count < THREE_WAYS:
        choosing = reporting = tuple(between)
    else:
        reporting, choosing = tuple(between[::2]), tuple(between[1::2])
    return Split(
        tuple(range(0, count, 2)),
        _spread(choosing, MOST_MEASURED),
        _spread(reporting, 2 * MOST_MEASURED),
    )


def _spread(places: tuple[int, ...], most: int) -> tuple[int, ...]:
    """As many as are used, evenly spread."""
    count = min(len(places), most)
    return tuple(places[number * len(places) // count] for number in range(count))


def sides_of(shape: tuple[int, ...], *, last: bool) -> Sides | None:
    """The axes of an image's rows and columns.

    Args:
        shape: Its shape.
        last: Whether channels come last where the shape leaves it open.

    Returns:
        The axes; None for what is no batch of images.
    """
    if len(shape) != 4:
        return None
    axis = channel_axis(shape, last=last)
    if axis is None:
        axis = 3 if last else 1
    return (1, 2) if axis == 3 else (2, 3)


class Batches:
    """Batches to train on. A batch follows from the seed and its number alone."""

    def __init__(
        self, examples: Sequence[Example], recipe: Recipe, teacher: Teacher, *, last: bool
    ) -> None:
        """See that samples can be cut and turned as the recipe wants.

        Args:
            examples: What is trained on.
            recipe: How.
            teacher: The original, asked about what was cut or turned.
            last: Whether channels come last where shapes leave it open.

        Raises:
            UsageError: They cannot.
        """
        self._examples = examples
        self._recipe = recipe
        self._teacher = teacher
        self._last = last
        if recipe.patch is not None or recipe.flip:
            for example in examples:
                _Frame.of(example, recipe, last=last)

    def batch(self, number: int) -> list[Example]:
        """The samples of a batch, or pieces of them."""
        count, size = len(self._examples), self._recipe.batch
        drawn = []
        for place in range(number * size, (number + 1) * size):
            order = np.random.RandomState([self._recipe.seed, place // count]).permutation(count)
            drawn.append(self._examples[order[place % count]])
        if self._recipe.patch is None and not self._recipe.flip:
            return drawn
        source = np.random.RandomState([self._recipe.seed, 1, number])
        return [self._piece(example, source) for example in drawn]

    def _piece(self, example: Example, source: np.random.RandomState) -> Example:
        """What is cut out and turned, and what the original makes of it."""
        frame = _Frame.of(example, self._recipe, last=self._last)
        corner, turns, mirrored = frame.draw(source)
        inputs = tuple(frame.part(array, corner, turns, mirrored) for array in example.inputs)
        truth = example.truth and tuple(
            frame.part(array, corner, turns, mirrored) for array in example.truth
        )
        return replace(example, inputs=inputs, wanted=self._teacher(inputs), truth=truth)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What may be cut out of a sample and how it may be turned.

    Attributes:
        size: Rows and columns of the inputs.
        piece: Rows and columns of what is cut out.
        flip: Whether it is turned and mirrored.
        last: Whether channels come last where shapes leave it open.
    """

    size: tuple[int, int]
    piece: tuple[int, int]
    flip: bool
    last: bool

    @classmethod
    def of(cls, example: Example, recipe: Recipe, *, last: bool) -> _Frame:
        """See what a sample is.

        Raises:
            UsageError: It is no image, too small, or its truth does not have its proportions.
        """
        what = "patch" if recipe.patch is not None else "flip"
        sizes = set()
        for array in example.inputs:
            sides = sides_of(array.shape, last=last)
            if sides is None:
                raise UsageError(
                    f"{what}: {example.name} is {dimensions(array.shape)}; only images, of four "
                    "sizes, can be cut or turned"
                )
            sizes.add((array.shape[sides[0]], array.shape[sides[1]]))
        if len(sizes) != 1:
            raise UsageError(f"{what}: the inputs of {example.name} differ in rows and columns")
        (size,) = sizes
        piece = size if recipe.patch is None else (recipe.patch, recipe.patch)
        if piece[0] > size[0] or piece[1] > size[1]:
            raise UsageError(f"patch {recipe.patch}: {example.name} is {size[0]}x{size[1]}")
        found = cls(size, piece, recipe.flip, last)
        for array in example.truth or ():
            found._see_truth(array, example.name, what)
        return found

    def _see_truth(self, array: Array, name: str, what: str) -> None:
        """See that pieces of a sample have pieces of its truth.

        Raises:
            UsageError: They have not.
        """
        sides = sides_of(array.shape, last=self.last)
        whole = sides is not None and all(
            length * array.shape[axis] % size == 0
            for axis, size, piece in zip(sides, self.size, self.piece, strict=True)
            for length in (piece, ALIGNED if piece < size else size)
        )
        if not whole:
            raise UsageError(
                f"{what}: {name} is {self.size[0]}x{self.size[1]} and its truth "
                f"{dimensions(array.shape)}: pieces of the one have no whole pieces of the other"
            )

    def draw(self, source: np.random.RandomState) -> tuple[tuple[int, int], int, bool]:
        """A corner, quarter turns and whether it is mirrored."""
        rows, columns = (
            ALIGNED * source.randint((size - piece) // ALIGNED + 1)
            for size, piece in zip(self.size, self.piece, strict=True)
        )
        if not self.flip:
            return (rows, columns), 0, False
        square = self.piece[0] == self.piece[1]
        turns = source.randint(4) if square else 2 * source.randint(2)
        return (rows, columns), turns, bool(source.randint(2))

    def part(self, array: Array, corner: tuple[int, int], turns: int, mirrored: bool) -> Array:
        """A piece of an input, or what belongs to it of an output."""
        sides = sides_of(array.shape, last=self.last)
        if sides is None:
            return array
        cut: list[slice] = [slice(None)] * array.ndim
        for axis, first, size, piece in zip(sides, corner, self.size, self.piece, strict=True):
            length = array.shape[axis]
            cut[axis] = slice(first * length // size, (first + piece) * length // size)
        found = np.rot90(array[tuple(cut)], turns, sides)
        if mirrored:
            found = np.flip(found, sides[1])
        return np.ascontiguousarray(found)
