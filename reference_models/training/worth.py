"""What the trained weights that npulint ships are worth, measured through exported files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.output import write_whole
from npulint.reference_models.catalogue import define
from npulint.reference_models.frameworks import need
from npulint.reference_models.trained import filled, record, shipped
from npulint.reference_models.training.degradations import DEGRADATIONS
from npulint.reference_models.training.measuring import Worth, measure
from npulint.reference_models.training.samples import SIDE, samples
from npulint.reference_models.trial import exported, run

if TYPE_CHECKING:
    from npulint.reference_models.recipe import Recipe


def worth(
    name: str, recipes: Sequence[Recipe], folder: Path, *, fresh: bool = False
) -> Iterator[Worth]:
    """Export a network with its trained weights, and run the files on what was held out.

    Args:
        name: One of `trained.names()`.
        recipes: The forms.
        folder: Where the files go.
        fresh: Whether to export even what is kept from before.

    Raises:
        MissingExtraError: A framework, a runtime or a package with photographs is not installed.
        UsageError: A picture is not what the split names, or the folder cannot be written.
    """
    need("verify", "running networks")
    task: str = record(name)["task"]
    degradation = DEGRADATIONS[task]
    places = [each for each in samples("held-out", degradation) if not each.drawn]
    side = SIDE // degradation.scale
    network = filled(define(name, (side, side)), shipped(name))
    for recipe in recipes:
        made = exported(network, recipe, fresh=fresh)
        if made.content is None:
            yield Worth(name, task, recipe, None)
            continue
        path = folder / f"{name}-trained-{str(recipe).replace(' ', '-')}.{recipe.format}"
        write_whole(path, made.content)
        yield Worth(name, task, recipe, measure(partial(run, path), places))
