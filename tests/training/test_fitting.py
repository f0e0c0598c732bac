"""Training lowers the loss, follows from its recipe, and can be taken up again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from npulint.errors import UsageError
from npulint.optimising import rate, repeatable
from npulint.reference_models import define
from npulint.reference_models.catalogue import NARROW
from npulint.reference_models.torch_builder import build, read
from npulint.reference_models.trained import filled, from_file
from npulint.reference_models.training import fitting, pictures
from npulint.reference_models.training.beginning import Beginning
from npulint.reference_models.training.degradations import DEGRADATIONS
from npulint.reference_models.training.fitting import Progress, Training
from npulint.reference_models.training.measuring import held_out
from npulint.reference_models.training.recipes import RECIPES, recipe_of
from npulint.reference_models.training.samples import samples
from npulint.reference_models.training.session import train

SHORT = replace(RECIPES["smallnet"], steps=12, batch=4, side=32, warmup=3)


def advanced(training: Training, steps: int) -> list[float]:
    """The loss of each of several steps."""
    losses = []
    for _ in range(steps):
        before = training.progress.losses
        training.step()
        losses.append(training.progress.losses - before)
    return losses


def test_a_few_steps_lower_the_loss() -> None:
    with repeatable(1):
        losses = advanced(Training(replace(SHORT, steps=60, batch=8)), 60)
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])


def test_the_same_recipe_gives_the_same_weights_and_another_seed_others() -> None:
    results = []
    for seed in (0, 0, 1):
        with repeatable(1):
            training = Training(replace(SHORT, seed=seed))
            advanced(training, 3)
            results.append(training.arrays())
    assert all((results[0][name] == results[1][name]).all() for name in results[0])
    assert all((results[0][name] != results[2][name]).any() for name in results[0])


def test_what_is_taken_up_again_ends_as_what_was_never_stopped(tmp_path: Path) -> None:
    kept = tmp_path / "kept.safetensors"
    with repeatable(1):
        straight = Training(SHORT)
        advanced(straight, SHORT.steps)
        stopped = Training(SHORT)
        advanced(stopped, 5)
        kept.write_bytes(stopped.kept())
        again = Training(SHORT)
        again.take_up(kept)
        assert again.progress == stopped.progress
        advanced(again, SHORT.steps - 5)
    assert again.done
    assert again.progress.losses == straight.progress.losses
    for name, array in straight.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array)


def test_a_session_that_is_interrupted_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    straight, broken = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    checkpoint = tmp_path / "b.checkpoint.safetensors"

    def interrupt(progress: Progress) -> None:
        if progress.step == 7:
            raise KeyboardInterrupt

    train(SHORT, straight)
    with pytest.raises(KeyboardInterrupt):
        train(SHORT, broken, watch=interrupt)
    assert [path.name for path in tmp_path.glob("b.*")] == [checkpoint.name]
    outcome = train(SHORT, broken, resume=True)
    assert outcome.progress.step == SHORT.steps
    assert not checkpoint.exists()
    assert broken.read_bytes() == straight.read_bytes()
    first, second = (
        json.loads(path.with_suffix(".json").read_text()) for path in (straight, broken)
    )
    for told in (first, second):
        assert told.pop("minutes") >= 0
        assert all(point.pop("minutes") >= 0 for point in told["curve"])
    assert first == second


def test_a_session_that_runs_out_of_time_leaves_weights_and_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    outcome = train(SHORT, path, minutes=1e-9)
    assert (outcome.progress.step, outcome.steps) == (1, 12)
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "a.checkpoint.safetensors",
        "a.json",
        "a.safetensors",
    ]


def test_the_record_says_how_weights_came_to_be_and_what_they_are_worth(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    outcome = train(SHORT, path)
    record = json.loads(path.with_suffix(".json").read_text())
    assert record["recipe"]["steps"] == record["steps"] == record["curve"][-1]["step"] == 12
    assert record["pictures"]["split"] == pictures.digest()
    assert record["weights"]["parameters"] == define("smallnet").parameters
    assert record["weights"]["bytes"] == path.stat().st_size
    assert record["held_out"]["photographs"] == outcome.photographs.rounded()
    assert record["held_out"]["photographs"]["places"] == 12
    network = filled(define("smallnet", (80, 80)), from_file(path))
    module = build(network)

    def run(image: np.ndarray) -> np.ndarray:
        given = torch.from_numpy(image.transpose(0, 3, 1, 2).copy())
        return module(given).detach().permute(0, 2, 3, 1).numpy()

    again = held_out(run, samples("held-out", DEGRADATIONS["camera pipeline"]))
    assert again["photographs"].psnr_out == pytest.approx(outcome.photographs.psnr_out, abs=1e-3)
    assert again["scenes"].rounded()["psnr_in"] == record["held_out"]["scenes"]["psnr_in"]


@pytest.mark.parametrize("name", RECIPES)
def test_a_step_has_everything_on_one_device(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not on a graphics card: the device "meta" computes nothing, but refuses what is elsewhere."""
    recipe = replace(RECIPES[name], batch=1)
    kept = tmp_path / "kept.safetensors"
    kept.write_bytes(Training(recipe).kept())
    monkeypatch.setattr(fitting, "device", lambda: "meta")
    monkeypatch.setattr(torch.Tensor, "__float__", lambda _: 0.0)
    training = Training(recipe)
    advanced(training, 1)
    training.take_up(kept)
    advanced(training, 1)
    assert training.progress.step == 1
    monkeypatch.setattr(training, "device", "cpu")
    with pytest.raises(RuntimeError, match="device"):
        training.step()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no checkpoint to go on from: .*No such file"),
        (b"nonsense", "no checkpoint to go on from"),
    ],
)
def test_what_is_no_checkpoint_is_refused(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "a.checkpoint.safetensors").write_bytes(content)
    with pytest.raises(UsageError, match=message):
        train(SHORT, tmp_path / "a.safetensors", resume=True)


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    kept = tmp_path / "kept.safetensors"
    kept.write_bytes(Training(SHORT).kept())
    with pytest.raises(UsageError, match=r"another recipe, with \{'seed': 0\}"):
        Training(replace(SHORT, seed=4)).take_up(kept)


def test_the_rate_rises_and_falls() -> None:
    recipe = replace(SHORT, steps=1000, warmup=100, rate=0.01)
    rates = [rate(recipe.rate, step, recipe.warmup, recipe.steps) for step in range(1000)]
    assert np.argmax(rates) in {99, 100}
    assert max(rates) == pytest.approx(0.01)
    assert (np.diff(rates[:100]) > 0).all()
    assert (np.diff(rates[100:]) < 0).all()
    assert rates[550] == pytest.approx(0.005)
    assert rates[-1] < 1e-6


@pytest.mark.parametrize("name", RECIPES)
def test_weights_come_out_of_a_network_as_they_went_in(name: str) -> None:
    side = RECIPES[name].side // DEGRADATIONS[RECIPES[name].task].scale
    network = replace(define(name, (side, side)), filling=Beginning(3))
    found = read(build(network), network)
    for step in network.steps:
        for kind, array in network.filling.arrays(step).items():
            np.testing.assert_array_equal(found.pop(f"{step.name}/{kind}"), array)
    assert not found


@pytest.mark.parametrize("name", [name for name in RECIPES if RECIPES[name].passing])
def test_a_network_that_passes_its_input_on_begins_near_it(name: str) -> None:
    recipe = RECIPES[name]
    image = np.random.RandomState(0).uniform(0.1, 0.9, (1, recipe.side, recipe.side, 3))
    given = image.transpose(0, 3, 1, 2).astype(np.float32)
    far = []
    for passing in (recipe.passing, ()):
        network = replace(define(name, image.shape[1:3]), filling=Beginning(0, passing))
        made = build(network)(torch.from_numpy(given)).detach().numpy()
        far.append(np.abs(made - given).mean())
    assert far[0] < 0.1 < far[1]


def test_every_recipe_is_for_a_known_network_and_task() -> None:
    for name, recipe in RECIPES.items():
        assert name == recipe.network
        assert define(name)
        assert recipe.task in DEGRADATIONS
    assert set(NARROW) <= set(RECIPES)
    with pytest.raises(UsageError, match="no recipe to train 'edsr', but for smallnet"):
        recipe_of("edsr")
