"""Normalisations without statistics: replaced by a scale and a shift of each channel.

The network changes: it has to be fine-tuned, at best against its own outputs from before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from npulint.fixers.building.formula import formula
from npulint.fixers.norms.ways import affine_axes, built
from npulint.fixers.record import Realisation, Refusal
from npulint.operators.no_ops import permutation

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Array, Builder, Samples
    from npulint.fixers.norms.reading import Normalisation
    from npulint.model import Graph

Floats: TypeAlias = npt.NDArray[np.float64]

_TRANSPOSES = ("Transpose", "TRANSPOSE")

TUNE = "the network computes something else now: fine-tune it"


def normalised(n: Normalisation, stored: Array) -> Floats:
    """What a normalisation makes of an array that is stored as its source is, in float64."""
    x: Floats = stored.astype(np.float64)
    shape, axes = x.shape, tuple(n.axes)
    if n.kind == "group":
        channels = shape[n.channel_axis]
        split = (
            *shape[: n.channel_axis], n.groups, channels // n.groups, *shape[n.channel_axis + 1 :],
        )  # fmt: skip
        x = x.reshape(split)
        axes = tuple(axis + (axis >= n.channel_axis) for axis in n.axes)
    if n.kind != "rms":
        x = x - x.mean(axis=axes, keepdims=True)
    normal = x / np.sqrt((x * x).mean(axis=axes, keepdims=True) + n.epsilon)
    return along_channels(n, normal.reshape(shape))


def along_channels(n: Normalisation, array: Floats) -> Floats:
    """Scale and shift applied to an array that is stored as the source is."""
    sizes = [1] * array.ndim
    for axis in affine_axes(n):
        sizes[axis] = array.shape[axis]
    scale = 1.0 if n.scale is None else np.asarray(n.scale, np.float64).reshape(sizes)
    shift = 0.0 if n.shift is None else np.asarray(n.shift, np.float64).reshape(sizes)
    scaled: Floats = array * scale + shift
    return scaled


def fit(
    n: Normalisation, before: Sequence[Array], now: Sequence[Array]
) -> tuple[Floats, Floats, float]:
    """The scale and the shift of each channel that serve samples best.

    Args:
        n: The normalisation.
        before: What its source held on each sample, of which the norm's results are wanted.
        now: What it holds behind other replacements.

    Returns:
        Scale, shift (by least squares, `[C]` each), and the root mean square of what is left
        relative to that of the normalisation's own results.
    """
    rows = [np.moveaxis(each, n.channel_axis, 0) for each in now]
    x = np.concatenate([row.reshape(len(row), -1) for row in rows], axis=1).astype(np.float64)
    results = [np.moveaxis(normalised(n, each), n.channel_axis, 0) for each in before]
    y = np.concatenate([row.reshape(len(row), -1) for row in results], axis=1)
    centred, target = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    spread = (centred * centred).sum(1)
    scale = np.divide((centred * target).sum(1), spread, out=np.zeros(len(x)), where=spread > 0)
    shift = y.mean(1) - scale * x.mean(1)
    left = y - scale[:, None] * x - shift[:, None]
    size = float((y * y).mean())
    residual = math.sqrt(float((left * left).mean()) / size) if size else 0.0
    return scale, shift, residual


def _unseen(_: Normalisation) -> Refusal | None:
    return None


def _calibrated(builder: Builder, n: Normalisation) -> int:
    if builder.samples is None:
        # Asked about only: any numbers do that need both operators.
        halves = np.full(n.shape[n.channel_axis], 0.5)
        return _scaled(builder, n, halves, halves, (n.channel_axis,))
    before, now = _both(builder.samples, n)
    scale, shift, residual = fit(n, before, now)
    builder.note = (
        f"fitted to {len(now)} samples: what is left is {residual:.3g} of its results' "
        f"root mean square; {TUNE}"
    )
    return _scaled(builder, n, scale, shift, (n.channel_axis,))


def _both(samples: Samples, n: Normalisation) -> tuple[list[Array], list[Array]]:
    """What the source held and what it holds, on the samples that there was room for twice."""
    pairs = list(zip(samples.before(n.source), samples.now(n.source), strict=False))
    return [before for before, _ in pairs], [now for _, now in pairs]


def _stripped(builder: Builder, n: Normalisation) -> int:
    builder.note = f"nothing is measured without samples; {TUNE}"
    if builder.samples is not None:
        before, now = _both(builder.samples, n)
        wanted = [normalised(n, each) for each in before]
        left = [
            b - along_channels(n, x.astype(np.float64)) for b, x in zip(wanted, now, strict=True)
        ]
        size = sum(float((each * each).sum()) for each in wanted)
        lost = sum(float((each * each).sum()) for each in left)
        share = math.sqrt(lost / size) if size else 0.0
        builder.note = (
            f"on {len(now)} samples it is off by {share:.3g} of its results' root mean "
            f"square; {TUNE}"
        )
    return _scaled(builder, n, n.scale, n.shift, affine_axes(n))


def _scaled(
    builder: Builder,
    n: Normalisation,
    scale: Array | None,
    shift: Array | None,
    axes: tuple[int, ...],
) -> int:
    """Scale and shift of the source: before a transposition that is undone behind the norm.

    Transposed afterwards, the result is turned back at once, so that both transpositions go and a
    convolution meets scale and shift.
    """
    order = _turned(builder.graph, n) if len(axes) == 1 else None
    source = n.source if order is None else builder.graph.uses[n.source].makers[0].inputs[0]
    along = axes if order is None else (order[axes[0]],)
    a = formula(builder, source)
    made = a.scale_shift(source, scale, shift, along)
    if order is not None:
        return a.transpose(made, order)
    # A value cannot be another one's name: where nothing is left to compute, it is times one.
    return made if made != source else a.binary("mul", made, a.number(1.0, made))


def _turned(graph: Graph, n: Normalisation) -> tuple[int, ...] | None:
    """The order of the transposition that makes the source, where the result is turned back."""
    makers, readers = graph.uses[n.source].makers, graph.uses[n.result].readers
    if n.result in graph.outputs or n.activation != "NONE" or not len(makers) == len(readers) == 1:
        return None
    if any(node.domain or node.op not in _TRANSPOSES for node in (makers[0], readers[0])):
        return None
    first, then = (permutation(graph.values, node) for node in (makers[0], readers[0]))
    if first is None or then is None or len(first) != len(then):
        return None
    return first if [first[axis] for axis in then] == sorted(first) else None


FITTED: tuple[Realisation[Normalisation], ...] = (
    Realisation(
        name="norm/calibrated",
        uses=("MUL", "ADD"),
        exactness="calibrated",
        argument=(
            "each channel's results are fitted by a scale and a shift of what it is given, by "
            "least squares on samples"
        ),
        accepts=_unseen,
        build=built(_calibrated),
    ),
    Realisation(
        name="norm/strip",
        uses=("MUL", "ADD"),
        exactness="lossy",
        argument="the statistics are left out, scale and shift stay",
        accepts=_unseen,
        build=built(_stripped),
    ),
)
"""Another function, near on some samples or not at all."""
