"""`npulint.fixers.torch.prepare`: what it replaces, what it leaves, and what it refuses."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from preparing.torch_instances import ChannelNorm, shaken
from torch import nn
from torch.nn.utils import parametrizations

import npulint
from npulint.errors import UsageError
from npulint.fixers.torch import Prepared, prepare
from npulint.reference_models import define
from npulint.reference_models.torch_builder import build

PHONES = ("mate30-pro-5g", "reno3-5g", "pixel-4")
SHAPE = (1, 3, 16, 24)


class Small(nn.Module):
    """An encoder and a decoder with modules in all the places where modules stand."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.Sequential(nn.ReLU()))
        self.ups = nn.ModuleList(
            [nn.ConvTranspose2d(8, 4, 2, 2), nn.ConvTranspose2d(4, 4, 3, 1, 1)]
        )
        self.head = nn.Conv2d(7, 3, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        y = self.body(image)
        for up in self.ups:
            y = torch.relu(up(y))
        return self.head(torch.cat([image, y], 1))


def _image(shape: tuple[int, ...] = SHAPE, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def _same(module: nn.Module, prepared: Prepared[nn.Module], image: torch.Tensor) -> None:
    with torch.no_grad():
        wanted, found = module(image), prepared.module(image)
    assert found.dtype == wanted.dtype
    assert float((wanted - found).abs().max()) <= 1e-12 * max(1.0, float(wanted.abs().max()))


def _realisations(prepared: Prepared[nn.Module]) -> dict[tuple[str, ...], str]:
    return {each.paths: each.realisation for each in prepared.report.replacements}


@pytest.fixture(scope="module")
def small() -> tuple[nn.Module, nn.Module, Prepared[nn.Module]]:
    module = shaken(Small(), 1)
    module.body.train()
    module.ups[0].weight.requires_grad_(False)
    before = copy.deepcopy(module)
    return before, module, prepare(module, ["pixel-4"], input_shape=SHAPE)


def test_it_computes_the_same(small) -> None:
    before, _, prepared = small
    assert prepared.report.exactness == "exact"
    _same(before, prepared, _image())
    _same(before, prepared, _image((3, 3, 8, 40)))


def test_the_original_stays_as_it_is(small) -> None:
    before, module, _ = small
    assert repr(module) == repr(before)
    held = module.state_dict()
    assert all(torch.equal(held[name], each) for name, each in before.state_dict().items())
    assert not any(each._forward_pre_hooks for each in module.modules())


def test_modes_types_and_what_is_trained_are_kept(small) -> None:
    _, _, prepared = small
    new = prepared.module
    assert new.body.training
    assert not new.training
    assert not new.get_submodule("ups.0").training
    assert {each.dtype for each in new.parameters()} == {torch.float64}
    trained = {name for name, each in new.named_parameters() if each.requires_grad}
    assert {name.rpartition(".")[2] for name in trained if name.startswith("ups.0.")} == {"bias"}
    assert all(each.requires_grad for each in new.get_submodule("head").parameters())


def test_modules_are_replaced_where_they_stand(small) -> None:
    _, module, prepared = small
    made = _realisations(prepared)
    assert made["ups.0",].startswith("transpose-conv/")
    assert made["ups.1",].startswith("transpose-conv/")
    assert made["head",] == "join-conv/sum"
    assert not any(isinstance(each, nn.ConvTranspose2d) for each in prepared.module.modules())
    assert type(prepared.module.get_submodule("body.0")) is type(module.body[0])


def test_the_report_says_what_the_targets_say(small) -> None:
    _, _, prepared = small
    report = prepared.report
    assert report.before["pixel-4"].refused == 2
    assert report.after["pixel-4"].refused == 0
    assert report.clean
    (up,) = (each for each in report.replacements if each.paths == ("ups.0",))
    assert up.before["pixel-4"].status == "unsupported"
    assert "CPU" in up.before["pixel-4"].reason
    assert up.before["pixel-4"].source
    assert up.after["pixel-4"].status == "supported"
    assert up.cost_before.parameters == 4  # Its weights are frozen, its bias is trained.
    assert up.cost_before.macs == 8 * 4 * 4 * 8 * 12
    assert any(each.name == "transpose-conv/sub-pixel" and each.why for each in up.lost)
    text = str(report)
    assert "ups.0: ConvTranspose2d -> transpose-conv/" in text
    assert "GraphModule" in text


def test_it_computes_the_same_once_exported(small, tmp_path: Path) -> None:
    import onnxruntime

    before, _, prepared = small
    path = tmp_path / "network.onnx"
    image = _image(dtype=torch.float32)
    program = torch.onnx.export(
        copy.deepcopy(prepared.module).float().eval(), (image,), dynamo=True, verbose=False
    )
    program.save(path)
    session = onnxruntime.InferenceSession(path)
    (found,) = session.run(None, {session.get_inputs()[0].name: image.numpy()})
    with torch.no_grad():
        wanted = before.eval()(image.double()).numpy()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


def test_what_nobody_refuses_stays() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())
    prepared = prepare(module, ["nnapi-1.2"], input_shape=SHAPE)
    assert repr(prepared.module) == repr(module)
    assert prepared.module is not module
    assert not prepared.report.replacements
    assert not prepared.report.left


def test_a_module_used_twice_is_replaced_once_everywhere() -> None:
    up = nn.ConvTranspose2d(3, 3, 2, 2)
    module = shaken(nn.Sequential(up, nn.ReLU(), up), 2)
    prepared = prepare(module, ["pixel-4"], input_shape=SHAPE)
    assert [each.paths for each in prepared.report.replacements] == [("0", "2")]
    assert prepared.module[0] is prepared.module[2]
    _same(module, prepared, _image())


def test_a_network_that_is_one_layer() -> None:
    module = shaken(nn.ConvTranspose2d(3, 2, 4, 2, 1), 3)
    prepared = prepare(module, ["pixel-4"], example=_image())
    assert not isinstance(prepared.module, nn.ConvTranspose2d)
    assert prepared.report.replacements[0].paths == ("",)
    _same(module, prepared, _image())


def test_a_shuffle_behind_a_convolution_changes_the_order_of_its_channels() -> None:
    module = shaken(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.PixelShuffle(2)), 4)
    prepared = prepare(module, ["ort-nnapi-1.2"], input_shape=SHAPE)
    assert _realisations(prepared) == {("0", "1"): "shuffle/channel-order"}
    _same(module, prepared, _image())


def test_norms_of_the_users_own_are_prepared() -> None:
    module = shaken(nn.Sequential(nn.Conv2d(3, 6, 3), ChannelNorm(6)), 5)
    prepared = prepare(module, ["nnapi-1.1"], input_shape=SHAPE)
    named = {each.what for each in (*prepared.report.replacements, *prepared.report.left)}
    assert "ChannelNorm" in named
    _same(module, prepared, _image())


def _weight_norm(module: nn.Module) -> None:
    parametrizations.weight_norm(module)


def _hook(module: nn.Module) -> None:
    module.register_forward_hook(lambda *_: None)


def _old_spectral_norm(module: nn.Module) -> None:
    nn.utils.spectral_norm(module)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_weight_norm, "remove_parametrizations"),
        (_old_spectral_norm, "remove_spectral_norm"),
        (_hook, "has hooks"),
    ],
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_what_another_module_would_not_do_is_refused(change, said: str) -> None:
    module = nn.Sequential(nn.ConvTranspose2d(3, 3, 2, 2))
    change(module[0])
    report = prepare(module, ["pixel-4"], input_shape=SHAPE).report
    assert not report.replacements
    (left,) = report.left
    assert said in left.why
    assert left.paths == ("0",)
    assert not report.clean


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_what_cannot_be_copied_is_said_with_its_cure() -> None:
    module = nn.Sequential(nn.utils.weight_norm(nn.Conv2d(3, 3, 3)))
    with pytest.raises(UsageError, match=r"0: its weights .*remove_weight_norm"):
        prepare(module, ["pixel-4"], input_shape=SHAPE)


def test_weights_that_two_modules_share_stay_together() -> None:
    module = nn.Sequential(nn.ConvTranspose2d(3, 3, 2, 2), nn.ConvTranspose2d(3, 3, 2, 2))
    module[1].weight = module[0].weight
    report = prepare(module, ["pixel-4"], input_shape=SHAPE).report
    assert not report.replacements
    assert all("same weights" in each.why for each in report.left)


def test_what_the_networks_own_code_computes_is_named() -> None:
    class Own(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            image = image.reshape(1, 1, 2, 2, 8, 8).permute(0, 1, 4, 2, 5, 3)
            return image.reshape(1, 1, 16, 16)

    report = prepare(Own(), ["nnapi-1.2"], input_shape=(1, 4, 8, 8)).report
    (left,) = report.left
    assert "Transpose" in left.ops
    assert "no way for a module of the class Own" in left.why
    assert left.said["nnapi-1.2"].status == "unsupported"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "give either example"),
        ({"input_shape": SHAPE, "example": torch.zeros(SHAPE)}, "give either example"),
        ({"input_shape": (1, 3, 0, 8)}, "sizes of 1 or more"),
        ({"input_shape": "1x3x8x8"}, "input_shape '1x3x8x8': give sizes"),
        ({"input_shape": 8}, "input_shape 8: give sizes"),
        ({"input_shape": ()}, "sizes of 1 or more"),
        ({"input_shape": (1, 3, True, 8)}, "sizes of 1 or more"),
        ({"example": torch.zeros(SHAPE, device="meta")}, "example: a tensor on the meta device"),
        ({"input_shape": SHAPE, "transformations": [3]}, "transformation 3: give a name"),
        ({"example": ["image"]}, "give a tensor"),
        ({"example": 3}, "give a tensor"),
        ({"input_shape": (1, 5, 8, 8)}, "does not run on 1x5x8x8"),
        ({"input_shape": SHAPE, "allow": "most"}, "give one of exact, calibrated, lossy"),
    ],
)
def test_wrong_arguments_are_said_in_a_line(arguments, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        prepare(nn.Conv2d(3, 4, 3), ["nnapi-1.2"], **arguments)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ([], "targets: give one or more"),
        ("pixel-4", "targets 'pixel-4': give a sequence of names"),
        ([4], "targets \\[4\\]: give a sequence of names"),
    ],
)
def test_targets_are_a_sequence_of_names(targets, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        prepare(nn.Conv2d(3, 4, 3), targets, input_shape=SHAPE)


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (nn.Conv2d(3, 4, 3, device="meta"), "weight is on the meta device: load"),
        (nn.LazyConv2d(4, 3), "weight has no size yet: run the network once"),
        ("network", "str is no torch.nn.Module"),
    ],
)
def test_networks_without_weights_are_said_in_a_line(module, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        prepare(module, ["pixel-4"], input_shape=SHAPE)


def test_a_reference_network_is_clean_on_three_phones(tmp_path: Path) -> None:
    module = build(define("unet_small"))
    shape = (1, 3, 64, 96)
    prepared = prepare(module, PHONES, input_shape=shape)
    assert prepared.report.clean
    assert any(each.refused for each in prepared.report.before.values())
    path = tmp_path / "network.onnx"
    image = _image(shape, torch.float32)
    torch.onnx.export(prepared.module, (image,), dynamo=True, verbose=False).save(path)
    (result,) = npulint.check(path, targets=PHONES, remedies=False).models
    assert not any(target.refuses for target in result.targets)
    with torch.no_grad():
        wanted, found = module(image), prepared.module(image)
    assert float((wanted - found).abs().max()) <= 1e-5 * float(wanted.abs().max())
