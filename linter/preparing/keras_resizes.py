"""`UpSampling2D` of Keras by the oldest resize, by copies and by phases."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from npulint.fixers.record import Refusal
from npulint.preparing import keras_blocks as blocks
from npulint.preparing.keras_making import SHUFFLES, Way
from npulint.preparing.sampling import LARGEST_FACTOR
from npulint.reference_models.keras_layers import keras

if TYPE_CHECKING:
    from npulint.preparing.keras_making import Parts


def _enlarged(layer: Any, shape: tuple[int, ...]) -> Iterator[Way]:
    rows, columns = (int(each) for each in layer.size)
    if layer.data_format != "channels_last":
        yield Way("resize/oldest-nearest", Refusal("its channels come first"))
    elif layer.interpolation == "nearest":
        yield Way("resize/oldest-nearest", _oldest(rows, columns, shape))
        yield Way("resize/copies", partial(_plain, blocks.Repetition, (rows, columns)))
    elif layer.interpolation == "bilinear":
        for suffix, shuffle in SHUFFLES.items():
            yield Way(f"resize/depthwise-phases{suffix}", _phases((rows, columns), shuffle))
        yield _moved(rows, columns)
    else:
        mode = layer.interpolation
        yield Way("resize/matrix", Refusal(f"{mode} interpolation has ways in exported files only"))


def _oldest(rows: int, columns: int, shape: tuple[int, ...]) -> Any:
    """The oldest coordinates are rounded to float32, which large factors do not always bear."""
    for size, factor in zip(shape[1:3], (rows, columns), strict=True):
        places = np.arange(size * factor)
        found = np.floor(places.astype(np.float32) * (np.float32(size) / np.float32(len(places))))
        if not np.array_equal(found, places // factor):
            return Refusal(
                f"rounded to float32, {size} samples are not all repeated {factor} times"
            )
    return partial(_plain, blocks.OldestResize, (rows, columns, "nearest"))


def _plain(make: Any, arguments: tuple[Any, ...], dtype: str) -> Parts:
    return ((make(*arguments, dtype=dtype), ()),)


def _phases(factors: tuple[int, int], shuffle: Any) -> Any:
    rows, columns = factors
    if rows != columns:
        return Refusal(f"factors {factors} differ, and depth to space has one block size")
    if rows == 1:
        return Refusal("it enlarges nothing")
    if rows > LARGEST_FACTOR:
        return Refusal(f"a factor of {rows} has too many phases")
    return partial(_by_phases, rows, shuffle)


def _by_phases(factor: int, shuffle: Any, dtype: str) -> Parts:
    return (
        (blocks.HalfPixelPhases(factor, dtype=dtype), ()),
        (shuffle(factor, dtype=dtype), ()),
    )


def _moved(rows: int, columns: int) -> Way:
    """The oldest coordinates: half pixels lie that far before them."""
    shift = max((factor - 1) / (2 * factor) for factor in (rows, columns))
    note = (
        f"it takes its samples up to {shift:.3g} of a sample behind where they were: fine-tune the "
        "network afterwards"
    )
    made = partial(_plain, blocks.OldestResize, (rows, columns, "bilinear"))
    return Way("resize/moved", made, "lossy", note)


WAYS = {keras.layers.UpSampling2D: _enlarged}
