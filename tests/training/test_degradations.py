"""What is done to pictures has the statistics that it says, and the camera runs both ways."""

from __future__ import annotations

import math

import numpy as np
import pytest

from npulint.reference_models.training import camera
from npulint.reference_models.training.degradations import DEGRADATIONS, Moved, Noise, Noisy, Raw

RNG = np.random.RandomState


def smooth(side: int = 64) -> np.ndarray:
    """A gradient in which neighbours differ little, away from black and white."""
    down, right = np.mgrid[0:side, 0:side] / (side - 1)
    return np.stack([0.3 + 0.3 * down, 0.7 - 0.3 * right, 0.4 + 0.2 * down * right], axis=-1)


@pytest.mark.parametrize("light", [0.05, 0.4, 0.9])
def test_noise_has_the_variance_of_its_levels(light: float) -> None:
    noise = Noise()
    shot, read = noise.levels(RNG(3))
    noisy = noise.added(np.full((400, 400, 3), light), RNG(3))
    assert noisy.mean() == pytest.approx(light, abs=3e-3 * math.sqrt(light))
    assert noisy.var() == pytest.approx(shot * light + read, rel=0.01)


def test_noise_levels_lie_around_their_line() -> None:
    noise, source = Noise(), RNG(0)
    shot, read = np.log([noise.levels(source) for _ in range(4000)]).T
    bounds = np.log([noise.lowest, noise.highest])
    assert bounds[0] <= shot.min() < shot.max() <= bounds[1]
    assert shot.mean() == pytest.approx(bounds.mean(), abs=0.08)
    assert shot.std() == pytest.approx((bounds[1] - bounds[0]) / math.sqrt(12), rel=0.03)
    off = read - (2.18 * shot + 1.2)
    assert off.mean() == pytest.approx(0, abs=0.015)
    assert off.std() == pytest.approx(0.26, rel=0.04)
    assert np.corrcoef(off, shot)[0, 1] == pytest.approx(0, abs=0.05)


def test_what_is_noisy_is_light_and_not_what_the_eye_sees() -> None:
    """The noise that a grey has in sRGB is that of its light times the slope of the curve."""
    task, grey = Noisy(), 0.6
    shot, read = task.noise.levels(RNG(5))
    given = task.degrade(np.full((300, 300, 3), grey), RNG(5))
    light = grey**2.2
    slope = light ** (1 / 2.2 - 1) / 2.2
    assert given.std() == pytest.approx(slope * math.sqrt(shot * light + read), rel=0.05)


def test_a_mosaic_takes_one_colour_a_pixel() -> None:
    image = np.arange(4 * 6 * 3, dtype=float).reshape(4, 6, 3)
    raw = camera.mosaic(image)
    assert raw.shape == (2, 3, 4)
    for row in range(2):
        for column in range(3):
            y, x = 2 * row, 2 * column
            seen = image[y, x, 0], image[y, x + 1, 1], image[y + 1, x, 1], image[y + 1, x + 1, 2]
            assert tuple(raw[row, column]) == seen


@pytest.mark.parametrize("colour", [(0.5, 0.5, 0.5), (0.7, 0.4, 0.3), (0.2, 0.4, 0.6)])
def test_the_camera_gives_back_a_colour(colour: tuple[float, float, float]) -> None:
    flat = np.broadcast_to(colour, (16, 16, 3))
    again = camera.developed(camera.mosaic(camera.exposed(flat)))
    np.testing.assert_allclose(again, flat, atol=1e-6)


def test_the_camera_gives_back_a_gradient_but_for_demosaicing() -> None:
    image = smooth()
    again = camera.developed(camera.mosaic(camera.exposed(image)))
    np.testing.assert_allclose(again[1:-1, 1:-1], image[1:-1, 1:-1], atol=2e-3)


def test_white_stays_white() -> None:
    again = camera.developed(camera.mosaic(camera.exposed(np.ones((8, 8, 3)))))
    np.testing.assert_allclose(again, 1, atol=1e-6)


def test_a_grey_world_is_green_to_the_sensor() -> None:
    red, green, blue = camera.exposed(np.full((1, 1, 3), 0.5))[0, 0]
    assert green / red == pytest.approx(camera.RED_GAIN)
    assert green / blue == pytest.approx(camera.BLUE_GAIN)


def test_a_path_has_its_length_and_its_middle() -> None:
    task = Moved()
    for seed in range(20):
        kernel = task.kernel(RNG(seed))
        length, angle = RNG(seed).uniform([task.shortest, 0], [task.longest, math.pi])
        assert kernel.sum() == pytest.approx(1)
        assert kernel.min() >= 0
        rows, columns = np.mgrid[0 : kernel.shape[0], 0 : kernel.shape[1]] - task.margin
        assert (kernel * rows).sum() == pytest.approx(0, abs=1e-9)
        assert (kernel * columns).sum() == pytest.approx(0, abs=1e-9)
        along = rows * math.sin(angle) + columns * math.cos(angle)
        # Evenly spaced frames, and what interpolating between pixels adds: a quarter at most.
        even = length**2 / 12 * (task.frames + 1) / (task.frames - 1)
        assert 0 <= (kernel * along**2).sum() - even <= 0.25 + 1e-9


def test_a_flat_wall_does_not_show_that_the_camera_moved() -> None:
    wall = np.full((40, 30, 3), 100 / 255)
    given = Moved().degrade(wall, RNG(0))
    assert given.shape == (28, 18, 3)
    np.testing.assert_allclose(given, 100 / 255, atol=1e-9)


def test_a_point_becomes_the_path_in_light() -> None:
    task = Moved()
    dark = np.zeros((37, 37, 3))
    dark[18, 18] = 1
    given = task.degrade(dark, RNG(1))
    path = np.zeros((25, 25))
    path[6:19, 6:19] = task.kernel(RNG(1))[::-1, ::-1]
    for channel in range(3):
        np.testing.assert_allclose(given[..., channel], path ** (1 / 2.2), atol=0.5 / 255 + 1e-3)


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_a_degraded_picture_follows_from_its_seed_and_shows_as_large_as_it_was(name: str) -> None:
    task = DEGRADATIONS[name]
    side = 64 + 2 * task.margin
    clean = RNG(0).uniform(size=(side, side, 3))
    given = task.degrade(clean, RNG(4))
    np.testing.assert_array_equal(given, task.degrade(clean, RNG(4)))
    assert (given != task.degrade(clean, RNG(5))).mean() > 0.5
    assert task.shown(given).shape == (64, 64, 3)
    assert given.shape == ((32, 32, 4) if isinstance(task, Raw) else (64, 64, 3))
    assert given.min() >= 0
    assert given.max() <= 1
