"""What is trained and measured on, and the measures, held against scikit-image's."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from npulint.reference_models.training import samples as module
from npulint.reference_models.training.degradations import DEGRADATIONS, Moved
from npulint.reference_models.training.metrics import psnr, ssim
from npulint.reference_models.training.pictures import Part, Picture, of
from npulint.reference_models.training.samples import Batches, samples

TASK = DEGRADATIONS["denoising"]


@pytest.fixture(scope="module")
def batches() -> Batches:
    return Batches(TASK, side=32, size=4, seed=1)


def test_a_batch_follows_from_the_seed_and_its_number(batches: Batches) -> None:
    given, wanted = batches.batch(5)
    assert given.shape == wanted.shape == (4, 32, 32, 3)
    assert given.dtype == wanted.dtype == np.float32
    for first, second in zip(Batches(TASK, 32, 4, 1).batch(5), (given, wanted), strict=True):
        np.testing.assert_array_equal(first, second)
    assert (batches.batch(6)[1] != wanted).mean() > 0.5
    assert (Batches(TASK, 32, 4, 2).batch(5)[1] != wanted).mean() > 0.5


def test_training_sees_the_training_part_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Part] = []

    def recorded(part: Part) -> tuple[Picture, ...]:
        asked.append(part)
        return of(part)

    monkeypatch.setattr(module, "of", recorded)
    module._trained_on.cache_clear()
    Batches(TASK, 32, 1, 0).batch(0)
    assert asked == ["train"]


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_what_is_measured_on_is_the_same_each_time_and_for_every_task(name: str) -> None:
    first = next(iter(samples("held-out", DEGRADATIONS[name])))
    again = next(iter(samples("held-out", DEGRADATIONS[name])))
    plain = next(iter(samples("held-out", TASK)))
    assert first.wanted.shape == first.shown.shape == (160, 160, 3)
    np.testing.assert_array_equal(first.given, again.given)
    np.testing.assert_array_equal(first.wanted, plain.wanted)


def test_places_are_of_all_held_out_pictures_and_do_not_overlap() -> None:
    found = list(samples("held-out", Moved()))
    assert {each.picture for each in found} == {each.name for each in of("held-out")}
    assert sum(not each.drawn for each in found) == 12
    contents = {each.wanted.tobytes() for each in found}
    assert len(contents) == len(found)


def test_the_measures_are_those_of_scikit_image() -> None:
    for sample in list(samples("validation", DEGRADATIONS["deblurring"]))[::3]:
        shown, wanted = np.asarray(sample.shown, float), np.asarray(sample.wanted, float)
        theirs = structural_similarity(
            wanted,
            shown,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1,
            channel_axis=-1,
        )
        assert ssim(shown, wanted) == pytest.approx(theirs, abs=1e-9)
        expected = peak_signal_noise_ratio(wanted, shown, data_range=1)
        assert psnr(shown, wanted) == pytest.approx(expected, abs=1e-9)


def test_equal_pictures_are_as_near_as_can_be() -> None:
    image = np.random.RandomState(0).uniform(size=(20, 20, 3))
    assert psnr(image, image) == float("inf")
    assert ssim(image, image) == pytest.approx(1)
