"""Explore what targets and devices make of the reference networks: the portability map's data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from npulint import opsets
from npulint.engine import check
from npulint.opsets.profile import Device
from npulint.output import write_whole
from npulint.portability import DEVICES, Form, Map, Row, judged
from npulint.reference_models.catalogue import definition_of
from npulint.reference_models.frameworks import versions
from npulint.reference_models.trial import exported
from npulint.workers import spread

if TYPE_CHECKING:
    from npulint.reference_models.network import Network
    from npulint.reference_models.recipe import Recipe


def explore(  # noqa: PLR0913 - what to ask whom, and how
    networks: Sequence[Network],
    recipes: Sequence[Recipe],
    targets: Sequence[str] = (),
    *,
    fresh: bool = False,
    jobs: int = 1,
    progress: Callable[[Network], None] | None = None,
) -> Map:
    """Export networks and ask targets and devices about each file.

    Args:
        networks: The networks, at the sizes at which they are to be judged.
        recipes: The forms to export them in.
        targets: Names of targets and devices, or their files; when empty all that are known and
            take TFLite models, so that every network's two files can be judged.
        fresh: Whether to export even what is kept from before.
        jobs: How many processes share the work.
        progress: Called with each network when its turn comes.

    Raises:
        MissingExtraError: A framework is not installed.
        TargetError: A target is not known.
        TableError: A table or a profile is at fault.
    """
    asked = tuple(dict.fromkeys(targets)) or everyone()
    columns = tuple(map(_column, asked))
    task = partial(_row, recipes=recipes, targets=asked, fresh=fresh)
    rows = tuple(spread(task, networks, jobs=jobs, progress=progress))
    used = {name: each for recipe in recipes for name, each in versions(recipe.format).items()}
    return Map(columns, used, rows)


def everyone() -> tuple[str, ...]:
    """The targets that take TFLite models, and all devices.

    Those of ONNX models alone, such as providers of ONNX Runtime, know nothing of half the files.
    """
    names = (name for name in opsets.targets() if _takes_tflite(name))
    return (*names, *opsets.devices())


def _takes_tflite(name: str) -> bool:
    found = opsets.find(name)
    return isinstance(found, Device) or found.side("tflite").dialect == "tflite"


def _column(name: str) -> tuple[str, str]:
    found = opsets.find(name)
    return found.name, DEVICES if isinstance(found, Device) else found.family


def _row(
    network: Network, recipes: Sequence[Recipe], targets: Sequence[str], *, fresh: bool
) -> Row:
    definition = definition_of(network.name)
    image = (network.image.height, network.image.width, network.image.channels)
    forms = tuple(_form(network, recipe, targets, fresh=fresh) for recipe in recipes)
    return Row(network.name, definition.label, definition.source, image, forms)


def _form(network: Network, recipe: Recipe, targets: Sequence[str], *, fresh: bool) -> Form:
    made = exported(network, recipe, fresh=fresh)
    if made.content is None:
        return Form(str(recipe), {}, {}, made.refusal)
    with TemporaryDirectory() as folder:
        path = Path(folder, f"{network.name}.{recipe.format}")
        write_whole(path, made.content)
        (result,) = check(path, targets, remedies=False).models
    return Form(str(recipe), *judged(result))
