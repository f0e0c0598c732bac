"""Weights that every build of a network shares: random, but the same for the same name.

None is zero: exporters and runtimes fold zero weights away, and files shrink. Trained weights
are in `trained`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from npulint.reference_models.network import Step


class Filling(Protocol):
    """Where a network's weights are from. Its text names all that has a say in them."""

    def arrays(self, step: Step) -> Mapping[str, npt.NDArray[np.float32]]:
        """The weights and statistics of a layer, in the layouts that `Layer.weights` states."""
        ...


@dataclass(frozen=True, slots=True)
class Drawn:
    """Random weights.

    Attributes:
        seed: Which of the many; 0 for those that exports have.
    """

    seed: int = 0

    def arrays(self, step: Step) -> Mapping[str, npt.NDArray[np.float32]]:
        """Weights drawn by the layer's name."""
        return weights(step, self.seed)


DRAWN = Drawn()
"""The weights of every network that was not trained."""


def weights(step: Step, seed: int = 0) -> Mapping[str, npt.NDArray[np.float32]]:
    """The weights and statistics of a layer, in the layouts that `Layer.weights` states.

    Args:
        step: The layer in its place.
        seed: Which of many draws.

    Returns:
        An array by weight name, drawn by the layer's name; `Step.gain` sets a kernel's size.
    """
    shapes = {**step.weights, **step.statistics}
    return {kind: _draw(step, kind, shape, seed) for kind, shape in shapes.items()}


# All positive: a factor near zero would hide what it multiplies.
_RANGES = {
    "slope": (0.1, 0.3),
    "scale": (0.5, 1.5),
    "gain": (0.1, 0.5),
    "variance": (0.5, 1.5),
}


def _draw(step: Step, kind: str, shape: tuple[int, ...], seed: int) -> npt.NDArray[np.float32]:
    import numpy as np

    place = f"{step.name}/{kind}" + (f"/{seed}" if seed else "")
    digest = hashlib.sha256(place.encode()).digest()
    # RandomState, unlike the newer generators, promises the same stream in every release.
    source = np.random.RandomState(int.from_bytes(digest[:4], "little"))
    if kind in _RANGES:
        return source.uniform(*_RANGES[kind], shape).astype(np.float32)
    limit = math.sqrt(3 * step.gain / step.fan_in) if kind == "kernel" else 0.05
    size = source.uniform(0.02 * limit, limit, shape)
    sign = np.where(source.random_sample(shape) < 0.5, -1.0, 1.0)
    return (size * sign).astype(np.float32)
