"""Every reference network by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from npulint.errors import UsageError
from npulint.reference_models.definition import Definition
from npulint.reference_models.layers import Shape
from npulint.reference_models.network import Network, Sketch
from npulint.reference_models.papers import camera, deblurring, motion, narrow, photos, roadmap

CATALOGUE: Mapping[str, Definition] = MappingProxyType(
    {
        definition.name: definition
        for paper in (deblurring, roadmap, motion, camera, photos)
        for definition in paper.DEFINITIONS
    }
)

NARROW: Mapping[str, Definition] = MappingProxyType(
    {each.name: each for each in narrow.DEFINITIONS}
)
"""Networks that no paper has as they are: see `papers.narrow`."""


def definition_of(name: str) -> Definition:
    """What is known of a network.

    Args:
        name: One of `CATALOGUE` or `NARROW`.

    Raises:
        UsageError: There is no such network.
    """
    known = {**CATALOGUE, **NARROW}
    if name not in known:
        near = difflib.get_close_matches(name, known, 3) or [*known][:3]
        raise UsageError(
            f"no reference network {name!r}; `npulint models list` shows all {len(known)}, "
            f"such as {', '.join(near)}"
        )
    return known[name]


def define(name: str, size: tuple[int, int] | None = None) -> Network:
    """Write a network down.

    Args:
        name: One of `CATALOGUE` or `NARROW`.
        size: Height and width of the input, where not those of the published figures.

    Returns:
        The network, with its shapes, parameters and multiply-accumulates.

    Raises:
        UsageError: There is no such network, or it does not take inputs of this size.
    """
    definition = definition_of(name)
    height, width = size or definition.image[:2]
    sketch = Sketch(name, Shape(height, width, definition.image.channels))
    try:
        definition.write(sketch)
    except ValueError as error:
        problem = str(error).removeprefix(f"{name}, ")
        raise UsageError(
            f"{name} cannot be written for an input of {height}x{width}: {problem}"
        ) from error
    return sketch.finish()
