"""Scenes drawn from a seed: shapes that hide one another, gradients, textures and writing.

Overlapping shapes with radii of a power law have the edges and the spectrum of natural images:
the dead leaves model (Lee, Mumford and Huang, IJCV 2001). Nothing but exactly rounded arithmetic
is used, and random numbers whose stream is promised, so a seed gives the same pixels anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

SIZE = 256
"""Rows and columns of a scene."""

_FINE = 2
"""Scenes are drawn twice as large, and averaged: edges are then not jagged."""

_LEAVES = 500
_RADII = (3.0, 110.0)
_LINES = 3


def scene(seed: int) -> npt.NDArray[np.uint8]:
    """Draw a scene.

    Args:
        seed: Which one.

    Returns:
        Its pixels, [256, 256, 3].
    """
    source = np.random.RandomState(seed)
    side = SIZE * _FINE
    canvas = _gradient(source, side)
    for _ in range(_LEAVES):
        _leaf(source, canvas)
    for _ in range(_LINES):
        _writing(source, canvas)
    # The order of a sum has a say in its last digit, so it is written out.
    rows = canvas[0::2] + canvas[1::2]
    mean = (rows[:, 0::2] + rows[:, 1::2]) / 4
    return np.floor(np.clip(mean, 0, 1) * 255 + 0.5).astype(np.uint8)


def _colour(source: np.random.RandomState) -> npt.NDArray[np.float64]:
    """A grey, more or less tinted: most of what cameras see is not vivid."""
    grey, vividness = source.uniform(0.02, 0.98), source.uniform(0, 0.35)
    return np.clip(grey + vividness * source.uniform(-1, 1, 3), 0, 1)


def _gradient(source: np.random.RandomState, side: int) -> npt.NDArray[np.float64]:
    """Four colours in the corners, and what lies between them."""
    corners = [_colour(source) for _ in range(4)]
    down, right = np.mgrid[0:side, 0:side, 0:1][:2] / (side - 1.0)
    top = corners[0] * (1 - right) + corners[1] * right
    bottom = corners[2] * (1 - right) + corners[3] * right
    return np.asarray(top * (1 - down) + bottom * down)


def _leaf(source: np.random.RandomState, canvas: npt.NDArray[np.float64]) -> None:
    """A disc or a tilted rectangle over what is there."""
    side = canvas.shape[0]
    # Radii with density r^-3 between two bounds, by inversion.
    low, high = (_FINE * radius for radius in _RADII)
    ratio = low / high
    radius = low / np.sqrt(1 - source.uniform() * (1 - ratio * ratio))
    centre = source.uniform(0, side, 2)
    rows, columns = (
        slice(max(int(at - radius), 0), min(int(at + radius) + 1, side)) for at in centre
    )
    y, x = np.mgrid[rows, columns].astype(np.float64)
    u, v = _tilted(source, y - centre[0], x - centre[1])
    if source.uniform() < 0.6:
        inside = u * u + v * v < radius * radius
    else:
        flat = source.uniform(0.2, 0.7)
        inside = (np.abs(u) < 0.7 * radius) & (np.abs(v) < flat * radius)
    canvas[rows, columns][inside] = _texture(source, u, v)[inside]


def _tilted(
    source: np.random.RandomState, y: npt.NDArray[np.float64], x: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Coordinates turned by a random angle, without sines: libraries round those differently."""
    a, b = source.uniform(-1, 1, 2)
    length = np.sqrt(a * a + b * b) + 1e-9
    a, b = a / length, b / length
    return a * y + b * x, a * x - b * y


def _texture(
    source: np.random.RandomState, u: npt.NDArray[np.float64], v: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """One colour, stripes of two, or grains around one."""
    colour, kind = _colour(source), source.uniform()
    if kind < 0.45:
        shade = source.uniform(-0.002, 0.002)
        return np.asarray(colour + shade * u[..., None])
    if kind < 0.75:
        period = _FINE * source.uniform(3, 24)
        phase = np.abs((u / period) % 1.0 - 0.5)[..., None] * 2
        return np.asarray(colour * phase + _colour(source) * (1 - phase))
    grain = _FINE * source.randint(1, 4)
    strength = source.uniform(0.02, 0.2)
    height, width = u.shape
    coarse = source.uniform(-1, 1, (-(-height // grain), -(-width // grain)))
    fine = np.repeat(np.repeat(coarse, grain, 0), grain, 1)[:height, :width, None]
    return np.asarray(colour + strength * fine)


def _writing(source: np.random.RandomState, canvas: npt.NDArray[np.float64]) -> None:
    """A line of signs that no alphabet has, on a grid of 5 by 7."""
    side = canvas.shape[0]
    dot = source.randint(1, 4) * _FINE
    length = source.randint(4, 16)
    signs = source.uniform(size=(length, 7, 5)) < 0.5
    spaced = np.pad(signs, ((0, 0), (0, 0), (0, 1)))
    line = np.repeat(np.repeat(np.concatenate(list(spaced), axis=1), dot, 0), dot, 1)
    row, column = source.randint(0, side - 7 * dot), source.randint(0, side // 2)
    part = canvas[row : row + line.shape[0], column : column + line.shape[1]]
    part[line[:, : part.shape[1]]] = _colour(source)
