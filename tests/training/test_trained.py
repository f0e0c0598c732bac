"""The weights that are shipped: whole, small, the same in both frameworks, and worth it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from npulint.reference_models import define
from npulint.reference_models.recipe import Recipe
from npulint.reference_models.trained import SHIPPED, filled, names, record, repeats, shipped
from npulint.reference_models.training import page, pictures
from npulint.reference_models.training.degradations import DEGRADATIONS
from npulint.reference_models.training.recipes import RECIPES
from npulint.reference_models.training.samples import SIDE, samples
from npulint.reference_models.training.worth import worth

ROOT = Path(__file__).parents[2]

MOST_BYTES = 2_000_000

SMALLEST = "smallnet"


def test_weights_are_small_and_each_has_its_record() -> None:
    files = list(SHIPPED.glob("*.safetensors"))
    assert SMALLEST in names()
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
    assert {path.name for path in SHIPPED.iterdir()} == {
        *(f"{name}{ending}" for name in names() for ending in (".safetensors", ".json")),
        *(
            f"{name}-seed{each['recipe']['seed']}.json"
            for name in names()
            for each in repeats(name)
        ),
    }


@pytest.mark.parametrize("name", names())
def test_a_record_is_of_the_weights_beside_it(name: str) -> None:
    told = record(name)
    path = SHIPPED / f"{name}.safetensors"
    arrays = load_file(path)
    assert told["network"] == name
    assert told["weights"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert told["weights"]["bytes"] == path.stat().st_size
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float16)}
    assert sum(array.size for array in arrays.values()) == define(name).parameters
    assert all(np.isfinite(array).all() for array in arrays.values())


@pytest.mark.parametrize("name", names())
def test_a_record_says_that_nothing_held_out_was_trained_on(name: str) -> None:
    for told in (record(name), *repeats(name)):
        seen = told["pictures"]
        assert seen["split"] == pictures.digest()
        assert set(seen["trained_on"]) == {each.name for each in pictures.of("train")}
        assert set(seen["held_out"]) == {each.name for each in pictures.of("held-out")}
        assert set(seen["trained_on"].values()).isdisjoint(seen["held_out"].values())


@pytest.mark.parametrize("name", names())
def test_what_is_shipped_is_better_than_nothing(name: str) -> None:
    quality = record(name)["held_out"]["photographs"]
    assert quality["places"] == 12
    assert quality["psnr_out"] > quality["psnr_in"] + 1
    assert quality["ssim_out"] > quality["ssim_in"] + 0.03


@pytest.mark.parametrize("name", [SMALLEST, "microisp"])
def test_the_smallest_networks_gain_more_than_seeds_differ(name: str) -> None:
    told = [record(name), *repeats(name)]
    qualities = [each["held_out"]["photographs"] for each in told]
    assert sorted(each["recipe"]["seed"] for each in told) == [0, 1, 2]
    assert len({each["weights"]["sha256"] for each in told}) == 3
    assert len({str({**each["recipe"], "seed": 0}) for each in told}) == 1
    found = [quality["psnr_out"] for quality in qualities]
    assert min(found) - qualities[0]["psnr_in"] > 3 * (max(found) - min(found))


@pytest.mark.parametrize("name", names())
def test_both_frameworks_compute_the_same_with_trained_weights(name: str) -> None:
    import torch

    from npulint.reference_models import keras_builder, torch_builder

    degradation = DEGRADATIONS[record(name)["task"]]
    side = SIDE // degradation.scale
    network = filled(define(name, (side, side)), shipped(name))
    image = np.asarray(next(iter(samples("held-out", degradation))).given, np.float32)[None]
    with torch.inference_mode():
        made = torch_builder.build(network)(torch.from_numpy(image.transpose(0, 3, 1, 2).copy()))
    theirs = np.asarray(keras_builder.build(network)(image))
    np.testing.assert_allclose(made.permute(0, 2, 3, 1).numpy(), theirs, atol=2e-4)


def test_both_exports_restore_photographs_as_the_record_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NPULINT_CACHE", str(tmp_path / "cache"))
    told = record(SMALLEST)["held_out"]["photographs"]
    gain = told["psnr_out"] - told["psnr_in"]
    for found in worth(SMALLEST, (Recipe("onnx"), Recipe("tflite")), tmp_path):
        quality = found.quality
        assert quality is not None
        assert quality.places == told["places"]
        assert quality.psnr_in == pytest.approx(told["psnr_in"], abs=0.01)
        assert quality.psnr_out == pytest.approx(told["psnr_out"], abs=0.02)
        assert quality.ssim_out == pytest.approx(told["ssim_out"], abs=0.002)
        assert quality.psnr_out - quality.psnr_in > 0.95 * gain > 1


@pytest.mark.parametrize("name", names())
def test_the_recipe_is_the_one_that_made_them(name: str) -> None:
    told = record(name)
    recipe = RECIPES[name]
    assert told["task"] == recipe.task
    assert told["degradation"] == DEGRADATIONS[recipe.task].says
    assert told["recipe"]["steps"] == recipe.steps
    assert told["recipe"]["rate"] == recipe.rate
    assert told["recipe"]["side"] == recipe.side
    assert told["recipe"]["batch"] == recipe.batch


def test_the_page_is_of_these_weights() -> None:
    text = (ROOT / "docs" / "trained.md").read_text(encoding="utf-8")
    assert text == page.current(), "make trained writes it again"


def test_the_page_tells_what_stopped_early_and_has_no_spread_of_one_seed() -> None:
    told = {**record(SMALLEST), "steps": 17}
    text = page.page([told], {})
    assert f"| 17 of {told['recipe']['steps']:,} |" in text
    assert "From other seeds" not in text
    assert "From other seeds" in page.page([told], {SMALLEST: [told]})
