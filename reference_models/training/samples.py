"""Pairs of what a network is given and what it should make of it, at random or from a grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from npulint.reference_models.training.pictures import Part, Photograph, of

if TYPE_CHECKING:
    import numpy.typing as npt

    from npulint.reference_models.training.camera import Image
    from npulint.reference_models.training.degradations import Degradation

SIDE = 160
"""Rows and columns of a clean picture that is measured with."""

_REACH = 6
"""What the grid leaves around each, whether a degradation needs it or not: all measure on the
same places."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One place in one picture.

    Attributes:
        picture: The picture's name.
        drawn: Whether it is a scene and no photograph.
        given: What a network is given, [H, W, C].
        wanted: What it should make of it, [H', W', 3].
        shown: What is seen without it, [H', W', 3].
    """

    picture: str
    drawn: bool
    given: Image
    wanted: Image
    shown: Image


def samples(part: Part, degradation: Degradation) -> Iterator[Sample]:
    """The places of one part that are measured on, always degraded the same way.

    Args:
        part: Which part.
        degradation: What is done to each.

    Raises:
        MissingExtraError: A package with photographs is not installed.
        UsageError: A picture is not what the split names.
    """
    number = 0
    step = SIDE + 2 * _REACH
    inset = _REACH - degradation.margin
    for picture in of(part):
        pixels = picture.pixels()
        for top in range(0, pixels.shape[0] - step + 1, step):
            for left in range(0, pixels.shape[1] - step + 1, step):
                place = pixels[top : top + step, left : left + step].astype(np.float32) / 255
                clean = _inside(place, inset)
                given = degradation.degrade(clean, np.random.RandomState([7, number]))
                wanted = _inside(clean, degradation.margin)
                shown = degradation.shown(given)
                drawn = not isinstance(picture, Photograph)
                yield Sample(picture.name, drawn, given, wanted, shown)
                number += 1


@lru_cache(maxsize=1)
def _trained_on() -> tuple[tuple[npt.NDArray[np.uint8], ...], tuple[npt.NDArray[np.uint8], ...]]:
    """All photographs and all scenes to train on. Drawing takes seconds, so it is done once."""
    pictures = of("train")
    photographs = tuple(each.pixels() for each in pictures if isinstance(each, Photograph))
    scenes = tuple(each.pixels() for each in pictures if not isinstance(each, Photograph))
    return photographs, scenes


class Batches:
    """Batches to train on. A batch follows from the seed and its number alone."""

    def __init__(self, degradation: Degradation, side: int, size: int, seed: int) -> None:
        """Read and draw all that is trained on.

        Args:
            degradation: What is done to each picture.
            side: Rows and columns of a clean picture.
            size: Pictures in a batch.
            seed: What is drawn from.

        Raises:
            MissingExtraError: A package with photographs is not installed.
            UsageError: A picture is not what the split names.
        """
        self._degradation = degradation
        self._side = side
        self._size = size
        self._seed = seed
        self._photographs, self._scenes = _trained_on()

    def batch(self, number: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """What is given, [N, H, W, C], and what is wanted, [N, H', W', 3]."""
        source = np.random.RandomState([self._seed, number])
        pairs = [self._pair(source) for _ in range(self._size)]
        given, wanted = (np.stack(images).astype(np.float32) for images in zip(*pairs, strict=True))
        return given, wanted

    def _pair(self, source: np.random.RandomState) -> tuple[Image, Image]:
        clean = self._clean(source)
        return self._degradation.degrade(clean, source), _inside(clean, self._degradation.margin)

    def _clean(self, source: np.random.RandomState) -> Image:
        """A place in a photograph or in a scene, equally often, turned and sometimes tinted."""
        pictures = self._photographs if source.uniform() < 0.5 else self._scenes
        pixels = pictures[source.randint(len(pictures))]
        side = self._side + 2 * self._degradation.margin
        top, left = (source.randint(size - side + 1) for size in pixels.shape[:2])
        place = pixels[top : top + side, left : left + side].astype(np.float32) / 255
        place = np.rot90(place, source.randint(4))
        if source.uniform() < 0.5:
            place = place[:, ::-1]
        if source.uniform() < 0.5:
            place = np.clip(place * source.uniform(0.6, 1.2, 3), 0, 1)
        return place


def _inside(image: Image, margin: int) -> Image:
    return image[margin : image.shape[0] - margin, margin : image.shape[1] - margin]
