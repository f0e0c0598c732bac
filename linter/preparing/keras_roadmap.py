"""The transformations by name, on Keras layers: each with what it changed, and what it left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from npulint.cost import summarise
from npulint.fixers.convolutions import resize_fit
from npulint.fixers.record import Refusal
from npulint.preparing import keras_partial as partials
from npulint.preparing.keras_exporting import cost
from npulint.preparing.keras_norms import affine
from npulint.preparing.keras_partial import CONVOLUTIONS, PartialConvolution
from npulint.preparing.keras_places import SHARED, calls, leaves, rebuilt
from npulint.preparing.keras_transposed import enlarged, spread_after, transposed_of
from npulint.preparing.records import Change, Transformed
from npulint.preparing.sampling import after_pooling, before_bilinear
from npulint.preparing.transformations import SOURCES, Transformation
from npulint.reference_models.keras_layers import keras

if TYPE_CHECKING:
    from npulint.model import Model
    from npulint.preparing.keras_making import Parts
    from npulint.preparing.records import Cost


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """What a layer becomes."""

    make: Callable[[str], Parts]
    words: str
    note: str = ""
    exact: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Met:
    """A layer that a transformation comes to.

    Attributes:
        step: The transformation.
        path: Where the layer stands.
        image: The shape of its input, `[1, H, W, C]`.
        ends: The first and the last convolution, by their paths.
        mean: The mean of what partial convolutions would multiply if they were whole.
    """

    step: Transformation
    path: str
    image: tuple[int, ...]
    ends: tuple[str, str]
    mean: float


_Answer: TypeAlias = "_Made | str | None"
"""What a layer becomes; why it stays; None where it is not of the kind."""


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    path: str
    layer: Any
    calls: tuple[tuple[int | None, ...], ...]

    @property
    def image(self) -> tuple[int, ...]:
        """What it is called with, where that is known."""
        first = self.calls[0][1:] if self.calls else (None,)
        sizes = tuple(size for size in first if size is not None)
        return (1, *sizes) if len(sizes) == len(first) else ()


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """A network as it stands.

    Attributes:
        network: The network.
        plain: The same in float32, of one input shape.
        model: What that is converted to.
    """

    network: Any
    plain: Any
    model: Model

    @property
    def cost(self) -> Cost:
        """What it costs."""
        return cost(self.network.layers, summarise(self.model).macs)


def transform(
    network: Any,
    first: tuple[Any, Model],
    converted: Callable[[Any], tuple[Any, Model]],
    steps: Sequence[Transformation],
) -> tuple[Given, tuple[Transformed, ...], tuple[str, ...]]:
    """Apply transformations in their order.

    Args:
        network: The network; it stays as it is.
        first: What it is in float32, and what that is converted to.
        converted: Makes these of a network.
        steps: What is asked for.

    Returns:
        The network then, what each step did, and what else is to be known.
    """
    done: list[Transformed] = []
    notes: dict[str, None] = {}
    now = Given(network, *first)
    for step in steps:
        before = now.cost
        places = list(_places(now))
        if not any(step.means(place.path) for place in places):
            notes[f"{step.name}:{step.where}: no layer has such a path"] = None
        made, kept = _applied(places, step)
        if made:
            new = rebuilt(
                now.network, {id(place.layer): (each.make, place.image) for place, each in made}
            )
            now = Given(new, *converted(new))
        changes = tuple(
            Change(
                place.path, type(place.layer).__name__, each.words, each.note, each.exact
            )
            for place, each in made
        )  # fmt: skip
        done.append(Transformed(step.name, SOURCES[step.name], changes, kept, before, now.cost))
    return now, tuple(done), tuple(notes)


def _places(now: Given) -> Iterator[_Place]:
    for (path, layer), (_, copy) in zip(leaves(now.network), leaves(now.plain), strict=True):
        yield _Place(path, layer, calls(copy))


def _applied(
    places: Sequence[_Place], step: Transformation
) -> tuple[list[tuple[_Place, _Made]], Mapping[str, str]]:
    whole = [place.path for place in places if type(place.layer) in CONVOLUTIONS]
    ends = (whole[0], whole[-1]) if whole else ("", "")
    mean = _mean(places)
    made: list[tuple[_Place, _Made]] = []
    kept: dict[str, str] = {}
    kinds, answer = _STEPS[step.name]
    for place in places:
        if type(place.layer) not in kinds or not step.means(place.path):
            continue
        if not place.image:
            kept[place.path] = "the size of what it is called with is not known"
            continue
        found = answer(place.layer, _Met(step, place.path, place.image, ends, mean))
        if isinstance(found, _Made) and len(place.calls) > 1:
            found = SHARED
        if isinstance(found, str):
            kept[place.path] = found
        elif found is not None:
            made.append((place, found))
    return made, kept


def _mean(places: Sequence[_Place]) -> float:
    """What partial convolutions would multiply on the average if they were whole."""
    found = [
        _whole(place.layer, place.image) for place in places
        if type(place.layer) is PartialConvolution and place.image
    ]  # fmt: skip
    return sum(found) / len(found) if found else 0.0


def _whole(layer: Any, image: tuple[int, ...]) -> float:
    """Multiply-accumulates of a convolution of all channels at its place, as the paper counts."""
    rows, columns = layer.kernel_size
    return float(image[1] * image[2] * image[3] ** 2 * rows * columns)


def _partial(layer: Any, met: _Met) -> _Answer:
    if tuple(layer.kernel_size) == (1, 1):
        return None
    if met.path in met.ends:
        return "it is the first or the last convolution, which the paper leaves whole"
    channels = met.image[-1]
    why, seen = partials.unsuited(layer, channels), channels // met.step.divisor
    if why or not seen:
        return why or f"{channels} channels have no {met.step.divisor}th part"
    make = _seeing(layer, seen, channels, depthwise=False)
    note = f"{seen} of {channels} channels keep their kernels, the others pass by"
    return _Made(make, f"partial convolution of {seen}", note)


def _seeing(layer: Any, seen: int, channels: int, *, depthwise: bool) -> Callable[[str], Parts]:
    return lambda dtype: partials.partial(layer, seen, channels, depthwise=depthwise, dtype=dtype)


def _wider(layer: Any, met: _Met) -> _Answer:
    channels = met.image[-1]
    seen = channels // 2
    if layer.seen >= seen:
        return f"it looks at {layer.seen} of {channels} channels as it is"
    if met.step.where == "*" and _whole(layer, met.image) >= met.mean:
        return "it is not cheap: whole, it would multiply as much as the others on the average"
    if not partials.passes(layer):
        return "no tap of its window lies on the sample itself, so that channels cannot pass by"
    note = f"{seen - layer.seen} more channels are looked at, as they pass by at first"
    return _Made(
        partial(partials.wider, layer, seen), f"partial convolution of {seen}", note, exact=True
    )


def _depthwise(layer: Any, met: _Met) -> _Answer:
    channels, threshold = met.image[-1], met.step.threshold
    if type(layer) is PartialConvolution:
        if layer.depthwise:
            return None
        if layer.seen < threshold:
            return f"it looks at {layer.seen} channels, fewer than {threshold}"
        lost = partials.left_out(layer)
        note = f"{lost:.2g} of the kernel is left out (relative RMS)" if lost else ""
        words = f"partial depthwise convolution of {layer.seen}"
        return _Made(partial(partials.depthwise, layer), words, note, exact=not lost)
    if partials.groups_of(layer, channels) in range(1, channels):
        return None
    seen = channels // met.step.divisor
    why = partials.unsuited(layer, channels)
    if not why and seen < threshold:
        why = f"it would look at {seen} channels, fewer than {threshold}"
    if why:
        return why
    note = f"{seen} of {channels} channels keep their kernels, the others pass by"
    make = _seeing(layer, seen, channels, depthwise=True)
    return _Made(make, f"partial depthwise convolution of {seen}", note)


def _upsampled(layer: Any, met: _Met) -> _Answer:
    del met
    t = transposed_of(layer)
    if isinstance(t, Refusal):
        return t.reason
    if min(t.strides) < 2:
        return f"its strides are {t.strides}: it does not upsample along both axes"
    if t.before != t.behind:
        return "its result is not as many times as large as its strides say"
    found = before_bilinear(t.kernel, t.strides, t.before)
    size = "x".join(map(str, found.kernel.shape[2:]))
    make = partial(spread_after, t, found.kernel)
    return _Made(make, f"{size} convolution + bilinear resize", _residual(found.residual))


def _downsampled(layer: Any, met: _Met) -> _Answer:
    strides, dilation = tuple(layer.strides), tuple(layer.dilation_rate)
    if strides == (1, 1):
        return None
    if strides != (2, 2) or dilation != (1, 1):
        return f"strides {strides} and dilation are not those of halving"
    if layer.data_format != "channels_last":
        return "its channels come first"
    rows, columns = met.image[1:3]
    if rows % 2 or columns % 2:
        return f"its map of {rows}x{columns} has no half"
    found = after_pooling(*_centred(layer))
    if found is None:
        return f"a window of {tuple(layer.kernel_size)} does not lie in that of the pool"
    make = partial(partials.halved, layer, found.kernel, partials.groups_of(layer, met.image[-1]))
    return _Made(make, "average pool + convolution", _residual(found.residual))


def _centred(layer: Any) -> tuple[Any, tuple[int, int]]:
    """A kernel with margins that are even on both sides, of maps of even sizes.

    With the padding "same" TensorFlow puts the larger half of a border behind. An odd window has
    one sample more there, which is the same as a kernel that begins with a row of zeros.
    """
    kernel = partials.kernel_of(layer)
    if layer.padding != "same":
        return kernel, (0, 0)
    added = [size % 2 if size > 1 else 0 for size in kernel.shape[2:]]
    kernel = np.pad(kernel, ((0, 0), (0, 0), *((each, 0) for each in added)))
    rows, columns = (max(int(size) - 2, 0) // 2 for size in kernel.shape[2:])
    return kernel, (rows, columns)


def _residual(left: float) -> str:
    return f"its kernel leaves {left:.2g} of the original one (relative RMS)"


def _resized(layer: Any, met: _Met) -> _Answer:
    del met
    t = transposed_of(layer)
    if isinstance(t, Refusal):
        return t.reason
    if t.strides == (1, 1):
        return "its strides are 1: there is nothing to resize"
    found = resize_fit.fit(t.kernel, "nearest", t.strides)
    exact = found.residual < resize_fit.EXACT
    words = "nearest resize + convolution"
    return _Made(partial(enlarged, t, found), words, _residual(found.residual), exact)


def _stripped(layer: Any, met: _Met) -> _Answer:
    kept = affine(layer, met.image)
    return kept.reason if isinstance(kept, Refusal) else _Made(kept, "its scale and shift")


_K = keras.layers
_STEPS: Mapping[str, tuple[tuple[type[Any], ...], Callable[[Any, _Met], _Answer]]] = {
    "partial-convolution": (CONVOLUTIONS, _partial),
    "wider-middle-layers": ((PartialConvolution,), _wider),
    "wider-cheap-layers": ((PartialConvolution,), _wider),
    "decoupled-upsampling": ((_K.Conv2DTranspose,), _upsampled),
    "decoupled-downsampling": (CONVOLUTIONS, _downsampled),
    "partial-depthwise-convolution": ((PartialConvolution, *CONVOLUTIONS), _depthwise),
    "resize-convolution": ((_K.Conv2DTranspose,), _resized),
    "strip-norms": ((_K.LayerNormalization, _K.GroupNormalization), _stripped),
}
"""For each step the classes that are of its kind, and what becomes of them."""
