"""What ways for Keras layers are made of: a way, and the plain layers that most of them need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from npulint.fixers.record import Refusal
from npulint.preparing import keras_blocks as blocks
from npulint.reference_models.keras_layers import keras

if TYPE_CHECKING:
    import numpy.typing as npt

    from npulint.fixers.record import Exactness

    Numbers: TypeAlias = npt.NDArray[Any]

Parts: TypeAlias = "Sequence[tuple[Any, Sequence[Numbers]]]"
"""Layers after one another, each with its weights."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do what a layer does.

    Attributes:
        name: The realisation, by the catalogue's name, and others that it needs.
        make: Makes the layers of some type of numbers, or why the way does not serve.
        exactness: How exact it is.
        note: What it has to say of itself.
    """

    name: str
    make: Callable[[str], Parts] | Refusal
    exactness: Exactness = "exact"
    note: str = ""


def held(layer: Any, name: str) -> Numbers | None:
    """A weight of a layer by its name, None where it has none."""
    weight = getattr(layer, name, None)
    return None if weight is None else np.asarray(weight)


def conv(
    kernel: Numbers, bias: Numbers | None, dtype: str, **options: Any
) -> tuple[Any, list[Numbers]]:
    """A convolution by a kernel `[Cout, Cin/groups, kH, kW]`, with its weights."""
    made = keras.layers.Conv2D(
        len(kernel), kernel.shape[2:], use_bias=bias is not None, dtype=dtype, **options
    )
    weights = [np.ascontiguousarray(kernel.transpose(2, 3, 1, 0))]
    return made, weights if bias is None else [*weights, bias]


def margins(rows: tuple[int, int], columns: tuple[int, int], dtype: str) -> Parts:
    """Zeros around a map, or samples cut away where a count is negative; nothing for none."""
    cut = tuple(tuple(max(-side, 0) for side in each) for each in (rows, columns))
    added = tuple(tuple(max(side, 0) for side in each) for each in (rows, columns))
    parts: list[tuple[Any, Sequence[Numbers]]] = []
    if any(map(any, cut)):
        parts.append((keras.layers.Cropping2D(cut, dtype=dtype), ()))
    if any(map(any, added)):
        parts.append((keras.layers.ZeroPadding2D(added, dtype=dtype), ()))
    return parts


def activated(layer: Any, dtype: str) -> Parts:
    """The function that a layer applies to what it makes."""
    function = layer.activation
    if function is keras.activations.linear:
        return ()
    return ((keras.layers.Activation(function, dtype=dtype), ()),)


SHUFFLES: Mapping[str, Any] = {
    "": blocks.DepthToSpace,
    " + shuffle/transposes": blocks.DepthToSpaceByTransposes,
}
"""Depth to space, by what has to be added to a way's name."""
