"""What is done to clean pictures, and what networks are to undo.

Each is a record that says its formula. Images are [H, W, 3] in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import numpy as np

from npulint.reference_models.training import camera

if TYPE_CHECKING:
    from npulint.reference_models.training.camera import Image


class Degradation(Protocol):
    """A way in which a clean picture is made worse."""

    @property
    def says(self) -> str:
        """The formula and where its numbers are from."""
        ...

    @property
    def margin(self) -> int:
        """Rows and columns on each side of a picture that are needed and lost."""
        ...

    @property
    def scale(self) -> int:
        """Rows of a picture for each row that a network is given."""
        ...

    def degrade(self, clean: Image, source: np.random.RandomState) -> Image:
        """What a network is given, drawn at random; the margin is off."""
        ...

    def shown(self, given: Image) -> Image:
        """What is seen without the network: as large as the clean picture without its margin."""
        ...


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise of a sensor: with each amount of light x, variance `shot` * x + `read`.

    log(shot) is uniform between two bounds, log(read) normal around a line in log(shot):
    section 3.1 of arXiv 1811.11127, fitted there to cameras of the Darmstadt data set.
    """

    lowest: float = 1e-4
    highest: float = 0.012
    slope: float = 2.18
    offset: float = 1.2
    spread: float = 0.26

    def levels(self, source: np.random.RandomState) -> tuple[float, float]:
        """Draw how much shot and read noise a picture has."""
        shot = source.uniform(math.log(self.lowest), math.log(self.highest))
        read = source.normal(self.slope * shot + self.offset, self.spread)
        return math.exp(shot), math.exp(read)

    def added(self, light: Image, source: np.random.RandomState) -> Image:
        """Light with noise of levels that are drawn too."""
        shot, read = self.levels(source)
        deviation = np.sqrt(shot * light + read)
        return np.asarray(light + deviation * source.standard_normal(light.shape))


@dataclass(frozen=True, slots=True)
class Raw:
    """A photograph as the mosaic that a noisy sensor saw: the task of a camera pipeline."""

    noise: Noise = Noise()
    margin: int = 0
    scale: int = 2
    says: str = (
        "a photograph back to the noisy mosaic RGGB of one camera, and forth by bilinear "
        "demosaicing: steps, colours and noise of arXiv 1811.11127"
    )

    def degrade(self, clean: Image, source: np.random.RandomState) -> Image:
        """The mosaic [H/2, W/2, 4]."""
        raw = camera.mosaic(camera.exposed(clean))
        return np.clip(self.noise.added(raw, source), 0, 1)

    def shown(self, given: Image) -> Image:
        """As the plainest camera shows it."""
        return camera.developed(given)


@dataclass(frozen=True, slots=True)
class Noisy:
    """A photograph of light that a noisy sensor saw, colours complete.

    Noise starts at where it is plain to see; that bound is ours.
    """

    noise: Noise = Noise(lowest=2e-3)
    margin: int = 0
    scale: int = 1
    says: str = (
        "variance shot * x + read of each amount of light x = s^2.2 of an sRGB value s, with "
        "levels of arXiv 1811.11127 from shot = 0.002 on"
    )

    def degrade(self, clean: Image, source: np.random.RandomState) -> Image:
        """The noisy photograph."""
        light = self.noise.added(camera.expanded(clean), source)
        return camera.compressed(np.clip(light, 0, 1))

    def shown(self, given: Image) -> Image:
        """As it is."""
        return given


@dataclass(frozen=True, slots=True)
class Moved:
    """A photograph by a camera that moved evenly and straight while it exposed.

    The mean of M sharp frames in light, s -> s^2.2, as equations 1 and 2 of arXiv 1612.02177
    have it. The path has a random direction and between `shortest` and `longest` pixels; values
    come in 8 bits.
    """

    shortest: float = 3
    longest: float = 9
    frames: int = 17
    margin: int = 6
    scale: int = 1
    says: str = (
        "the mean of 17 frames in light (s^2.2, arXiv 1612.02177) along a straight path of 3 to 9 "
        "pixels in any direction, in 8 bits"
    )

    def degrade(self, clean: Image, source: np.random.RandomState) -> Image:
        """The blurred photograph."""
        kernel = self.kernel(source)
        light, margin = camera.expanded(clean), self.margin
        height, width = (side - 2 * margin for side in clean.shape[:2])
        mean = np.zeros((height, width, clean.shape[2]))
        for row, column in np.argwhere(kernel):
            part = light[row : row + height, column : column + width]
            mean += kernel[row, column] * part
        return np.round(camera.compressed(mean) * 255) / 255

    def kernel(self, source: np.random.RandomState) -> Image:
        """How long each neighbour was seen: [2 * margin + 1, 2 * margin + 1], in all 1."""
        length = source.uniform(self.shortest, self.longest)
        angle = source.uniform(0, math.pi)
        kernel = np.zeros((2 * self.margin + 1, 2 * self.margin + 1))
        for part in np.linspace(-0.5, 0.5, self.frames):
            y = self.margin + part * length * math.sin(angle)
            x = self.margin + part * length * math.cos(angle)
            top, left = math.floor(y), math.floor(x)
            down, right = y - top, x - left
            kernel[top, left] += (1 - down) * (1 - right)
            kernel[top, left + 1] += (1 - down) * right
            kernel[top + 1, left] += down * (1 - right)
            kernel[top + 1, left + 1] += down * right
        return kernel / self.frames

    def shown(self, given: Image) -> Image:
        """As it is."""
        return given


DEGRADATIONS: Mapping[str, Degradation] = MappingProxyType(
    {"camera pipeline": Raw(), "denoising": Noisy(), "deblurring": Moved()}
)
"""By the name of the task that undoes them."""
