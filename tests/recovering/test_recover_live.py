"""`npulint.fixers.torch.recover`: what it gains, what it leaves, and what it refuses."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from torch import nn

from npulint.errors import UsageError
from npulint.fixers.torch import Recipe, recover
from npulint.recovering.fitting import Fitting

QUICK = Recipe(steps=60, batch=2, rate=0.02)


class Network(nn.Module):
    """Two convolutions with something between."""

    def __init__(self, between: nn.Module) -> None:
        super().__init__()
        self.first, self.between, self.last = nn.Conv2d(3, 8, 3, 1, 1), between, nn.Conv2d(8, 3, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image + self.last(torch.relu(self.between(self.first(image))))


def _pair(seed: int = 0) -> tuple[Network, Network]:
    """A network, and itself without its norm."""
    torch.manual_seed(seed)
    original = Network(nn.InstanceNorm2d(8)).eval()
    rewritten = copy.deepcopy(original)
    rewritten.between = nn.Identity()
    return original, rewritten


def _images(count: int = 12, seed: int = 1) -> torch.Tensor:
    return torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


def _weights(module: nn.Module) -> list[torch.Tensor]:
    return [each.detach().clone() for each in module.parameters()]


def test_what_a_rewrite_lost_comes_back() -> None:
    original, rewritten = _pair()
    found = recover(original, rewritten, _images(), recipe=replace(QUICK, steps=200))
    report = found.report
    assert report.gained
    assert report.after.psnr > report.before.psnr + 6
    with torch.no_grad():
        for image in _images(4, seed=9).split(1):  # of which it has seen none
            wanted = original(image)
            errors = [
                float((each(image) - wanted).square().mean()) for each in (rewritten, found.module)
            ]
            assert errors[1] < errors[0] / 4


def test_the_figures_are_those_of_the_network_that_comes_out() -> None:
    original, rewritten = _pair()
    images = _images()
    found = recover(original, rewritten, images, recipe=QUICK)
    decibels = []
    for place in (1, 5, 9):  # every other sample between those trained on
        with torch.no_grad():
            wanted, made = (each(images[place : place + 1]) for each in (original, found.module))
        error = float((wanted - made).double().square().mean())
        decibels.append(10 * math.log10(float(wanted.max() - wanted.min()) ** 2 / error))
    assert found.report.parts.reporting == ("sample 1", "sample 5", "sample 9")
    assert found.report.after.psnr == pytest.approx(sum(decibels) / 3, abs=1e-3)
    assert found.report.after.lowest == pytest.approx(min(decibels), abs=1e-3)


def test_both_networks_stay_as_they_are_and_the_new_one_has_their_modes() -> None:
    original, rewritten = _pair()
    rewritten.first.weight.requires_grad_(False)
    rewritten.train()
    rewritten.last.eval()
    before = [_weights(each) for each in (original, rewritten)]
    new = recover(original, rewritten, _images(), recipe=QUICK).module
    for held, module in zip(before, (original, rewritten), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(held, _weights(module), strict=True))
    assert torch.equal(new.first.weight, rewritten.first.weight)
    assert not torch.equal(new.first.bias, rewritten.first.bias)
    assert not new.first.weight.requires_grad
    assert [part.training for part in new.modules()] == [
        part.training for part in rewritten.modules()
    ]
    assert not original.training


def test_statistics_of_batch_norms_stay() -> None:
    original, rewritten = _pair()
    rewritten.between = nn.BatchNorm2d(8)
    rewritten.train()
    new = recover(original, rewritten, _images(), recipe=QUICK).module
    assert torch.equal(new.between.running_mean, torch.zeros(8))
    assert new.between.num_batches_tracked == 0
    assert not torch.equal(new.between.weight, torch.ones(8))


def test_a_seed_gives_the_same_weights_and_another_one_others() -> None:
    original, rewritten = _pair()
    made = [
        recover(original, rewritten, _images(), recipe=replace(QUICK, steps=10, seed=seed)).module
        for seed in (0, 0, 1)
    ]
    one, again, other = map(_weights, made)
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_it_learns_what_outputs_should_be() -> None:
    original, rewritten = _pair()
    images = _images()
    truth = images.flip(1)
    found = recover(
        original, rewritten, images, truth=truth, recipe=replace(QUICK, truth_weight=1.0, steps=150)
    )
    report = found.report
    assert report.reference is not None
    assert report.before.to_truth is not None
    assert report.after.to_truth is not None
    assert report.after.to_truth > max(report.before.to_truth, report.reference[0]) + 3
    assert "near the truth" in report.text()


def test_pieces_serve_networks_of_any_size() -> None:
    original, rewritten = _pair()
    found = recover(original, rewritten, _images(), recipe=replace(QUICK, patch=8))
    assert found.report.after.psnr > found.report.before.psnr + 3


class OneByOne(nn.Module):
    """A network for one image at a time, as graphs with sizes in them are."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.inner(image.reshape(1, 3, 16, 16))


def test_a_network_for_one_sample_learns_the_same_as_one_for_several() -> None:
    original, rewritten = _pair()
    short = replace(QUICK, steps=5)
    together = recover(original, rewritten, _images(), recipe=short).module
    alone = recover(original, OneByOne(rewritten), _images(), recipe=short).module.inner
    for one, other in zip(_weights(together), _weights(alone), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_samples_of_several_sizes_and_several_inputs_and_outputs() -> None:
    class Two(nn.Module):
        def __init__(self, factor: float) -> None:
            super().__init__()
            self.factor = nn.Parameter(torch.tensor(factor))

        def forward(self, a: torch.Tensor, b: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"sum": a + self.factor * b, "product": a * b * self.factor}

    generator = torch.Generator().manual_seed(0)
    samples = [
        [torch.rand(1, side, generator=generator), torch.rand(1, side, generator=generator)]
        for side in (4, 5, 6, 7, 8, 9)
    ]
    found = recover(Two(2.0), Two(1.5), samples, recipe=replace(QUICK, rate=0.02, average=0.5))
    assert float(found.module.factor.detach()) == pytest.approx(2, abs=0.05)
    assert found.report.loss == ("charbonnier",)


def test_what_computes_the_same_is_not_trained() -> None:
    original, _ = _pair()
    found = recover(original, copy.deepcopy(original), _images(), recipe=QUICK)
    assert found.report.course.steps == 0
    assert not found.report.gained
    text = found.report.text()
    assert "it computes the same already" in text
    assert "weights to train towards" in text
    assert "weights trained" not in text
    assert " trained on (" not in text


def test_patience_ends_what_gains_nothing() -> None:
    original, rewritten = _pair()
    recipe = replace(QUICK, steps=400, patience=3, rate=1e-9)
    course = recover(original, rewritten, _images(), recipe=recipe).report.course
    assert course.end == "patience"
    # The first measurement is one to pass, the next three do not.
    assert course.steps == 4 * 400 // 20


def test_weights_that_gain_nothing_where_it_counts_are_not_kept() -> None:
    """Samples that choose gain, but those that report do not."""
    original, rewritten = _pair()
    images = _images()
    truth = original(images).detach()
    truth[1::4] = rewritten(images[1::4]).detach()  # what reports wants it as it was
    found = recover(original, rewritten, images, truth=truth, recipe=QUICK)
    report = found.report
    assert report.course.best > 0
    assert not report.gained
    assert report.after == report.before
    assert "the weights stay as they were" in report.text()
    kept = zip(_weights(found.module), _weights(rewritten), strict=True)
    assert all(torch.equal(a, b) for a, b in kept)


def test_numbers_that_grow_without_bound_go_back_to_the_best() -> None:
    original, rewritten = _pair()
    found = recover(original, rewritten, _images(), recipe=replace(QUICK, rate=1e12, steps=40))
    assert found.report.course.end == "diverged"
    assert len(found.report.course.setbacks) == 3
    assert "grew without bound" in found.report.text()
    assert all(bool(torch.isfinite(each).all()) for each in found.module.parameters())
    assert found.report.after.psnr >= found.report.before.psnr


def test_an_interruption_keeps_the_best_so_far() -> None:
    original, rewritten = _pair()

    def stop(step: int, _: float) -> None:
        if step == 31:
            raise KeyboardInterrupt

    found = recover(original, rewritten, _images(), recipe=QUICK, progress=stop)
    course = found.report.course
    assert (course.end, course.steps) == ("interrupted", 31)
    assert [point.step for point in course.curve[-2:]] == [30, 31]
    assert course.best in {30, 31}
    assert found.report.gained


def test_time_ends_a_training_after_a_last_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = iter([0.0] * 7 + [1.0])
    monkeypatch.setattr(Fitting, "_time_share", lambda *_: next(shares))
    original, rewritten = _pair()
    course = recover(original, rewritten, _images(), recipe=replace(QUICK, minutes=5)).report.course
    assert (course.end, course.steps) == ("minutes", 7)
    assert [point.step for point in course.curve] == [3, 6, 7]


@pytest.mark.parametrize("count", [2, 5, 6])
def test_the_report_says_when_its_figures_chose_the_step(count: int) -> None:
    original, rewritten = _pair()
    report = recover(original, rewritten, _images(count), recipe=QUICK).report
    assert ("look better than they are" in " ".join(report.text().split())) == (count < 6)


def _frozen() -> nn.Module:
    return _pair()[1].requires_grad_(False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rewritten": _frozen()}, "no weights that can be trained"),
        ({"rewritten": _pair()[1].half()}, r"weights of torch.float16: train it in float32"),
        ({"rewritten": nn.Conv2d(3, 4, 1)}, r"output 0 is \[1, 3, 16, 16\] from the original and"),
        ({"rewritten": nn.Conv2d(5, 3, 1)}, r"the rewritten network does not run on sample \d: "),
        ({"original": nn.Conv2d(5, 3, 1)}, "the original does not run on sample 0: "),
        ({"original": "network"}, "str is no torch.nn.Module"),
        ({"samples": _images(1)}, "1 sample: give two or more"),
        ({"samples": []}, "no samples: give two or more"),
        ({"samples": torch.zeros(3)}, "give a tensor with a batch axis"),
        ({"samples": ["a.png", "b.png"]}, "samples: give tensors"),
        (
            {"samples": torch.full((2, 3, 8, 8), math.nan)},
            "sample 0: the original's outputs are inf",
        ),
        ({"truth": torch.full((12, 3, 16, 16), math.inf)}, "sample 0: its true ones are infinite"),
        ({"truth": _images(3)}, "truth is of 3 samples, and there are 12"),
        ({"truth": torch.zeros(12, 1)}, r"truth of sample 0 is \[\[1, 1\]\]; the original makes"),
        ({"recipe": Recipe(patch=17)}, "patch 17: sample 0 is 16x16"),
    ],
)
def test_what_does_not_go_together(change: dict[str, Any], message: str) -> None:
    original, rewritten = _pair()
    given: dict[str, Any] = {"original": original, "rewritten": rewritten, "samples": _images()}
    with pytest.raises(UsageError, match=message):
        recover(**{**given, **change})


def test_an_exported_file_is_held_to_the_network(tmp_path: Path) -> None:
    original, rewritten = _pair()
    found = recover(original, rewritten.double(), _images().double(), recipe=QUICK)
    path = tmp_path / "network.onnx"
    found.export(path)
    image = _images()[1:2]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (made,) = session.run(None, {session.get_inputs()[0].name: image.numpy()})
    with torch.no_grad():
        wanted = found.module(image.double())
    torch.testing.assert_close(torch.from_numpy(made).double(), wanted, rtol=0, atol=1e-5)


class Doubtful(Network):
    """What is exported of it is something else than what it computes."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return super().forward(image) + (0.1 if torch.onnx.is_in_onnx_export() else 0.0)


class Open(Network):
    """What the exporter cannot follow."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return super().forward(image) * (1 if float(image.mean()) > 0 else 2)


@pytest.mark.parametrize(
    ("network", "name", "said"),
    [
        (Doubtful, "a.onnx", "PyTorch computes something else of it than onnxruntime"),
        (Open, "a.onnx", "PyTorch does not export it: "),
        (Network, "a.pt", "name an .onnx file"),
        (Network, "nowhere/a.onnx", "cannot write here"),
    ],
)
def test_what_is_not_exported(network: type[Network], name: str, said: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    original, rewritten = (network(nn.Identity()) for _ in range(2))
    found = recover(original, rewritten, _images(), recipe=replace(QUICK, steps=1))
    with pytest.raises(UsageError, match=said):
        found.export(tmp_path / name)
    assert not list(tmp_path.iterdir())
