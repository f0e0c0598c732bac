"""A camera between scene and photograph, run backwards and forwards.

The steps and the ranges that its numbers are the middles of are those of "Unprocessing Images for
Learned Raw Denoising" (Brooks and others, CVPR 2019, arXiv 1811.11127; google-research/
google-research unprocessing/): a network for one phone learns one camera, so nothing is drawn.
Images are [H, W, 3] in [0, 1]; a mosaic RGGB is [H/2, W/2, 4], as networks for RAW take it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Image = npt.NDArray[np.floating[Any]]

GAMMA = 2.2

RED_GAIN, BLUE_GAIN = 2.15, 1.7
"""White balance: the middles of [1.9, 2.4] and [1.5, 1.9]."""

BRIGHTNESS = 1 / 0.8
"""The gain of all colours, whose inverse has the mean 0.8."""

_XYZ_TO_CAMERA = (
    ((1.0234, -0.2969, -0.2266), (-0.5625, 1.6328, -0.0469), (-0.0703, 0.2188, 0.6406)),
    ((0.4913, -0.0541, -0.0202), (-0.613, 1.3513, 0.2906), (-0.1564, 0.2151, 0.7183)),
    ((0.838, -0.263, -0.0639), (-0.2887, 1.0725, 0.2496), (-0.0627, 0.1427, 0.5438)),
    ((0.6596, -0.2079, -0.0562), (-0.4782, 1.3016, 0.1933), (-0.097, 0.1581, 0.5181)),
)
"""Four cameras, of which ours is the mean."""

_SRGB_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
"""IEC 61966-2-1, for white D65."""

_HIGHLIGHTS = 0.9
"""From this grey on, gains are inverted less and less, so that white stays white."""


def _to_camera() -> npt.NDArray[np.float64]:
    matrix = np.mean(_XYZ_TO_CAMERA, axis=0) @ np.array(_SRGB_TO_XYZ)
    return np.asarray(matrix / matrix.sum(axis=1, keepdims=True))


def expanded(image: Image) -> Image:
    """From sRGB values to amounts of light, by a power."""
    return np.asarray(np.maximum(image, 1e-8) ** GAMMA)


def compressed(light: Image) -> Image:
    """From amounts of light to sRGB values."""
    return np.asarray(np.maximum(light, 1e-8) ** (1 / GAMMA))


def exposed(photograph: Image) -> Image:
    """What a photograph was before the camera made it one: [H, W, 3], in the sensor's colours."""
    untoned = 0.5 - np.sin(np.arcsin(1 - 2 * np.clip(photograph, 0, 1)) / 3)
    colours = expanded(untoned) @ _to_camera().T
    gains = 1 / (np.array([RED_GAIN, 1, BLUE_GAIN]) * BRIGHTNESS)
    grey = colours.mean(axis=-1, keepdims=True)
    white = (np.maximum(grey - _HIGHLIGHTS, 0) / (1 - _HIGHLIGHTS)) ** 2
    return np.asarray(np.clip(colours * np.maximum(white + (1 - white) * gains, gains), 0, 1))


def mosaic(light: Image) -> Image:
    """What a sensor RGGB sees of an image: one colour a pixel, four pixels a place."""
    pixels = light[0::2, 0::2, 0], light[0::2, 1::2, 1], light[1::2, 0::2, 1], light[1::2, 1::2, 2]
    return np.stack(pixels, axis=-1)


def developed(raw: Image) -> Image:
    """What the plainest camera makes of a mosaic [H, W, 4]: a photograph [2H, 2W, 3].

    White balance, bilinear demosaicing, colours, gamma and tone, and nothing against noise.
    """
    gains = np.array([RED_GAIN, 1, 1, BLUE_GAIN]) * BRIGHTNESS
    colours = _demosaiced(np.clip(raw * gains, 0, 1)) @ np.linalg.inv(_to_camera()).T
    shown = compressed(np.clip(colours, 0, 1))
    return np.asarray(3 * shown**2 - 2 * shown**3)


def _demosaiced(raw: Image) -> Image:
    """The colours that a pixel lacks are the means of its nearest neighbours that have them."""
    height, width = raw.shape[0] * 2, raw.shape[1] * 2
    planes = np.zeros((height, width, 3))
    planes[0::2, 0::2, 0] = raw[..., 0]
    planes[0::2, 1::2, 1] = raw[..., 1]
    planes[1::2, 0::2, 1] = raw[..., 2]
    planes[1::2, 1::2, 2] = raw[..., 3]
    # Mirrored at the outermost pixel, each colour keeps its places.
    around = np.pad(planes, ((1, 1), (1, 1), (0, 0)), mode="reflect")
    corner, side, centre = 0.25, 0.5, 1.0
    weights = [[corner, side, corner], [side, centre, side], [corner, side, corner]]
    result = np.zeros_like(planes)
    for row in range(3):
        for column in range(3):
            part = around[row : row + height, column : column + width]
            weight = weights[row][column]
            # Green has twice as many pixels: its nearest are beside it, not at the corners.
            green = {corner: 0.0, side: 0.25, centre: 1.0}[weight]
            result += part * np.array([weight, green, weight])
    return result
