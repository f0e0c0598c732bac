"""The weights that a training begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.reference_models.layers import Conv2D
from npulint.reference_models.weights import weights

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from npulint.reference_models.network import Step

_COLOURS = 3

_REST = 0.03
"""What is left of the weights by which other channels have a say in an output that passes on, and
of those of an output that is near nothing."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """Random weights, but for some convolutions.

    Attributes:
        seed: What is drawn from.
        passing: Beginnings of the names of those that pass red, green and blue on.
        quiet: Beginnings of the names of those whose output is near nothing.
    """

    seed: int
    passing: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()

    def arrays(self, step: Step) -> Mapping[str, npt.NDArray[np.float32]]:
        """The weights of a layer."""
        arrays = weights(step, self.seed)
        if not isinstance(step.layer, Conv2D):
            return arrays
        kernel, bias = arrays["kernel"], arrays.get("bias")
        if step.name.startswith(self.quiet):
            kernel *= _REST
            if bias is not None:
                bias *= _REST
        if step.name.startswith(self.passing):
            middle = kernel.shape[0] // 2
            kernel[..., :_COLOURS] *= _REST
            kernel[:, :, :_COLOURS, :_COLOURS] = 0
            for colour in range(_COLOURS):
                kernel[middle, middle, colour, colour] = 1
            if bias is not None:
                bias[:_COLOURS] = 0
        return arrays
