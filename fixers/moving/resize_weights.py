"""What the samples of the input are worth to those of a resize, along one axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from npulint.fixers.building.bounds import see_that_it_fits, zeros

if TYPE_CHECKING:
    import numpy.typing as npt

    Reals: TypeAlias = npt.NDArray[np.float64]
    Floats: TypeAlias = npt.NDArray[np.float32]
    Places: TypeAlias = npt.NDArray[np.int64]

Mode: TypeAlias = Literal["nearest", "linear", "cubic"]

_REACH = {"linear": 1, "cubic": 2}


@dataclass(frozen=True, slots=True)
class Interpolation:
    """A kernel that weighs samples by how far off they lie.

    Source: onnx/onnx docs/Operators.md, Resize; both runtimes that the tests hold it against
    agree with that.

    Attributes:
        mode: Interpolation.
        cubic: The coefficient of cubic interpolation.
        inside: Whether samples beyond the border are worth nothing instead of what it is.
        antialias: Whether the kernel is widened where samples get fewer.
    """

    mode: Mode
    cubic: float = -0.75
    inside: bool = False
    antialias: bool = False

    def reach(self, stretch: float) -> int:
        """How many samples on each side are worth something."""
        return int(np.ceil(_REACH[self.mode] * self._stretched(stretch)))

    def weights(self, at: Reals, stretch: float) -> tuple[Places, Reals]:
        """The samples around each position, and what they are worth, beyond the border too.

        Args:
            at: Positions among the samples.
            stretch: Samples of the input to each of the output.
        """
        stretch = self._stretched(stretch)
        reach = self.reach(stretch)
        see_that_it_fits((len(at), 2 * reach), np.float64)
        places = np.floor(at).astype(np.int64)[:, None] + np.arange(1 - reach, reach + 1)
        worth = self._kernel(np.abs(places - at[:, None]) / stretch)
        if stretch > 1.0:
            worth /= worth.sum(axis=1, keepdims=True)
        return places, worth

    def window(self, at: Reals, stretch: float) -> tuple[Floats, int, int]:
        """Worth of neighbours to samples at some places, and the first and last neighbour."""
        places, worth = self.weights(at, stretch)
        met = places[worth != 0]
        first, last = int(met.min()), int(met.max())
        shares = np.zeros((len(at), last - first + 1))
        rows = np.broadcast_to(np.arange(len(at))[:, None], places.shape)
        np.add.at(shares, (rows, np.clip(places - first, 0, last - first)), worth)
        return shares.astype(np.float32), first, last

    def matrix(self, at: Reals, size: int, stretch: float) -> Reals:
        """`[len(at), size]`: the border counts for what lies beyond it, or nothing does."""
        whole = zeros((len(at), size), np.float64)
        places, worth = self.weights(at, stretch)
        if self.inside:
            worth = np.where((places >= 0) & (places < size), worth, 0.0)
            worth /= worth.sum(axis=1, keepdims=True)
        rows = np.broadcast_to(np.arange(len(at))[:, None], places.shape)
        np.add.at(whole, (rows, np.clip(places, 0, size - 1)), worth)
        return whole

    def _stretched(self, stretch: float) -> float:
        return max(stretch, 1.0) if self.antialias else 1.0

    def _kernel(self, x: Reals) -> Reals:
        """Worth of a sample by its distance."""
        if self.mode == "linear":
            return np.maximum(1.0 - x, 0.0)
        a = self.cubic
        near = ((a + 2) * x - (a + 3)) * x * x + 1
        far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
        made: Reals = np.where(x <= 1, near, np.where(x < 2, far, 0.0))
        return made
