"""How near a picture is to another: PSNR and SSIM of images [H, W, C] in [0, 1]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from npulint.reference_models.training.camera import Image

_SIGMA = 1.5
_REACH = 5
_C1, _C2 = 0.01**2, 0.03**2
"""The window and the constants of Wang and others, IEEE Transactions on Image Processing 2004."""


def psnr(image: Image, wanted: Image) -> float:
    """The peak signal-to-noise ratio in decibels; infinite where the two are equal."""
    error = float(np.mean((np.asarray(image, np.float64) - wanted) ** 2))
    return float("inf") if error == 0 else float(-10 * np.log10(error))


def ssim(image: Image, wanted: Image) -> float:
    """The mean structural similarity, over all windows of 11x11 that lie wholly inside.

    Each channel is compared by itself.
    """
    x, y = np.asarray(image, np.float64), np.asarray(wanted, np.float64)
    mean_x, mean_y = _blurred(x), _blurred(y)
    variance_x = _blurred(x * x) - mean_x**2
    variance_y = _blurred(y * y) - mean_y**2
    covariance = _blurred(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    structure = (2 * covariance + _C2) / (variance_x + variance_y + _C2)
    return float(np.mean(luminance * structure))


def _blurred(image: Image) -> Image:
    """The mean under a Gaussian window, where the window fits."""
    places = np.arange(-_REACH, _REACH + 1)
    window = np.exp(-(places**2) / (2 * _SIGMA**2))
    window /= window.sum()
    for axis in (0, 1):
        windows = np.lib.stride_tricks.sliding_window_view(image, len(window), axis=axis)
        image = windows @ window
    return image
