"""How far a network's outputs are from those wanted, as something to learn by.

Outputs are divided by their range first, so that weights mean the same for images in [0, 1] and
in [0, 255].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from npulint.errors import UsageError
from npulint.recovering.recipe import IMAGES, OTHERS, Term

if TYPE_CHECKING:
    from npulint.recovering.examples import Sides

ROUNDED = 1e-3
"""Below this Charbonnier's loss is round; the value is that of arXiv 1704.03915."""

FLOOR = 1e-8
"""Mean squared error at which PSNR is at its end, 80 dB, so that there is a gradient at 0."""


def charbonnier(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The mean of sqrt(d^2 + e^2) - e over all differences d: 0 where there are none."""
    difference = made - wanted
    return (torch.sqrt(difference * difference + ROUNDED**2) - ROUNDED).mean()


def frequency(made: torch.Tensor, wanted: torch.Tensor, sides: Sides) -> torch.Tensor:
    """The mean absolute difference of the Fourier transforms over rows and columns.

    As in arXiv 2108.05054, but normalised, so that the size of an image does not matter.
    """
    spectrum = torch.fft.fft2(made - wanted, dim=sides, norm="ortho")
    return torch.view_as_real(spectrum).abs().mean()


def psnr(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The negative of PSNR in dB for a peak of 1, the mean over samples."""
    squares = (made - wanted).square().flatten(1).mean(1)
    return 10 / math.log(10) * torch.log(squares + FLOOR).mean()


class Objective:
    """A loss over all outputs of a network: the mean of what each is off."""

    def __init__(
        self, terms: Sequence[Term], peaks: Sequence[float], sides: Sequence[Sides | None]
    ) -> None:
        """Settle what is compared.

        Args:
            terms: The parts; none for the usual ones.
            peaks: The range of each output.
            sides: The axes of each output's rows and columns; None where it is no image.

        Raises:
            UsageError: Frequencies are asked for and no output is an image.
        """
        images = any(each is not None for each in sides)
        self.terms = tuple(terms) or (IMAGES if images else OTHERS)
        if not images and any(term.kind == "frequency" for term in self.terms):
            raise UsageError("loss frequency: is of images, and no output has rows and columns")
        self._outputs = list(zip(peaks, sides, strict=True))

    def __call__(
        self, made: Sequence[torch.Tensor], wanted: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """The loss of some outputs.

        Raises:
            UsageError: One has another shape than is wanted.
        """
        total = torch.zeros((), dtype=made[0].dtype, device=made[0].device)
        for one, other, (peak, sides) in zip(made, wanted, self._outputs, strict=True):
            if one.shape != other.shape:
                raise UsageError(
                    f"the rewritten network makes {list(one.shape)} of samples that "
                    f"{list(other.shape)} is wanted of"
                )
            total = total + self._of(one / peak, other / peak, sides)
        return total / len(self._outputs)

    def _of(self, made: torch.Tensor, wanted: torch.Tensor, sides: Sides | None) -> torch.Tensor:
        total = torch.zeros((), dtype=made.dtype, device=made.device)
        for term in self.terms:
            if term.kind == "charbonnier":
                total = total + term.weight * charbonnier(made, wanted)
            elif term.kind == "psnr":
                total = total + term.weight * psnr(made, wanted)
            elif sides is not None:
                total = total + term.weight * frequency(made, wanted, sides)
        return total
