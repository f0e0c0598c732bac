"""What a network makes of pictures that were held out, beside what they are without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from npulint.reference_models.training.metrics import psnr, ssim

if TYPE_CHECKING:
    import numpy.typing as npt

    from npulint.reference_models.recipe import Recipe
    from npulint.reference_models.training.samples import Sample

Run = Callable[["npt.NDArray[np.float32]"], "npt.NDArray[np.float32]"]
"""A network: [1, H, W, C] to [1, H', W', 3]."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Means over several places: of what is seen without a network, and of what it makes.

    Attributes:
        places: How many places.
        psnr_in: PSNR in decibels without the network.
        psnr_out: PSNR with it.
        ssim_in: SSIM without it.
        ssim_out: SSIM with it.
    """

    places: int
    psnr_in: float
    psnr_out: float
    ssim_in: float
    ssim_out: float

    def rounded(self) -> dict[str, Any]:
        """The numbers with as many digits as mean something."""
        return {key: round(value, 4) for key, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Worth:
    """A trained network in one form.

    Attributes:
        network: Its name.
        task: What it was trained for.
        recipe: The form.
        quality: Means over photographs that were held out; None where the exporter refused.
    """

    network: str
    task: str
    recipe: Recipe
    quality: Quality | None


def measure(run: Run, samples: Iterable[Sample]) -> Quality:
    """Run a network on several places.

    Args:
        run: The network.
        samples: The places, of which there must be some.
    """
    rows = []
    for sample in samples:
        given = np.asarray(sample.given, np.float32)[None]
        made = np.clip(run(given)[0], 0, 1)
        pairs = ((sample.shown, sample.wanted), (made, sample.wanted))
        rows.append([measured(*pair) for measured in (psnr, ssim) for pair in pairs])
    return Quality(len(rows), *(float(mean) for mean in np.mean(rows, axis=0)))


def held_out(run: Run, samples: Iterable[Sample]) -> dict[str, Quality]:
    """Measure photographs and scenes apart."""
    known = list(samples)
    return {
        "photographs": measure(run, [each for each in known if not each.drawn]),
        "scenes": measure(run, [each for each in known if each.drawn]),
    }
