"""How each network is trained: one record a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from npulint.errors import UsageError


@dataclass(frozen=True, slots=True)
class TrainingRecipe:
    """All that decides what comes out of a training.

    Loss is the mean absolute error. Adam's rate rises evenly over `warmup` steps and falls along
    a half cosine to nothing. What comes out is the moving average of the weights.

    Attributes:
        network: What is trained.
        task: What it learns: one of `DEGRADATIONS`.
        steps: How many batches it sees.
        side: Rows and columns of the clean pictures.
        batch: Pictures in a batch.
        rate: The highest rate of Adam.
        warmup: Steps until it is reached.
        average: The share that the moving average keeps at each step.
        clip: The largest norm of a gradient.
        threads: Of the processor, where there is no graphics card: sums depend on their number.
        seed: What weights and batches are drawn from.
        passing: Beginnings of the names of convolutions that pass their first channels on when
            training starts: a network that does not add its input to its output learns that
            slowly.
        quiet: Beginnings of the names of convolutions whose output is near nothing then, so that
            a network that does add its input begins with it.
    """

    network: str
    task: str
    steps: int
    side: int = 64
    batch: int = 8
    rate: float = 2e-3
    warmup: int = 50
    average: float = 0.99
    clip: float = 1.0
    threads: int = 1
    seed: int = 0
    passing: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()


RECIPES: Mapping[str, TrainingRecipe] = MappingProxyType(
    {
        recipe.network: recipe
        for recipe in (
            TrainingRecipe("smallnet", "camera pipeline", steps=3000, batch=16, rate=4e-3),
            TrainingRecipe("microisp", "camera pipeline", steps=8000, side=160, batch=1, rate=6e-3),
            TrainingRecipe("pynet_v2_narrow", "camera pipeline", steps=7000, rate=6e-3),
            TrainingRecipe(
                "unet_narrow",
                "deblurring",
                steps=20000,
                batch=4,
                rate=1e-3,
                passing=("encoder0_conv", "decoder0_conv", "head"),
            ),
            TrainingRecipe(
                "nafnet_tiny", "denoising", steps=5000, batch=4, rate=4e-3, quiet=("ending",)
            ),
            TrainingRecipe("pmrid_narrow", "denoising", steps=1500, rate=6e-3, quiet=("out_conv",)),
        )
    }
)
"""By network. Steps are such as two busy cores can do in minutes; more would do better."""


def recipe_of(name: str) -> TrainingRecipe:
    """How a network is trained.

    Raises:
        UsageError: There is no recipe for it.
    """
    if name not in RECIPES:
        raise UsageError(f"there is no recipe to train {name!r}, but for {', '.join(RECIPES)}")
    return RECIPES[name]
