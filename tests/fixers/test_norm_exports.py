"""Normalisations in the words of the real exporters, found with the modules' own numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from norm_spellings import found_in

from npulint.fixers.norms.reading import Normalisation
from npulint.fixers.record import Refusal
from npulint.reference_models.recipe import OPSETS

SAMPLE = {"dynamo": (18,), "torchscript": (11, 17)}
CHANNELS, IMAGE = 8, (1, 8, 6, 5)


@dataclass(frozen=True)
class Expected:
    """What a module is found as: its kind, axes in the file's order, groups and epsilon.

    Attributes:
        scale: Name of the weight that the scale is, empty for none.
        shift: Name of the weight that the shift is.
        last: Whether the module works on `[N, H, W, C]`.
    """

    kind: str
    axes: tuple[int, ...]
    epsilon: float = 1e-5
    groups: int = 1
    scale: str = ""
    shift: str = ""
    last: bool = False


TORCH: dict[str, Expected] = {
    "layer": Expected("layer", (3,), 1e-6, scale="weight", shift="bias", last=True),
    "layer_plain": Expected("layer", (3,), last=True),
    "layer_unshifted": Expected("layer", (3,), scale="weight", last=True),
    "layer_several": Expected("layer", (1, 2, 3), scale="weight", shift="bias"),
    "layer_2d": Expected("layer", (1,), 1e-6, scale="weight", shift="bias"),
    "instance": Expected("instance", (2, 3), scale="weight", shift="bias"),
    "instance_plain": Expected("instance", (2, 3)),
    "group": Expected("group", (1, 2, 3), groups=4, scale="weight", shift="bias"),
    "group_plain": Expected("group", (1, 2, 3), groups=2),
    "group_of_all": Expected("group", (1, 2, 3), scale="weight", shift="bias"),
    "root_mean_square": Expected("rms", (3,), 1e-4, scale="weight", last=True),
}


def torch_modules() -> Any:
    """The modules, their weights drawn anew, and the network that runs one on each input."""
    import torch
    from torch import nn

    class LayerNorm2d(nn.Module):  # type: ignore[misc]
        """As NAFNet writes it, over axis 1."""

        def __init__(self, channels: int) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(channels))
            self.bias = nn.Parameter(torch.zeros(channels))

        def forward(self, x: Any) -> Any:
            mean = x.mean(1, keepdim=True)
            variance = (x - mean).pow(2).mean(1, keepdim=True)
            y = (x - mean) / (variance + 1e-6).sqrt()
            return self.weight.view(1, -1, 1, 1) * y + self.bias.view(1, -1, 1, 1)

    class Each(nn.Module):  # type: ignore[misc]
        def __init__(self, modules: dict[str, Any]) -> None:
            super().__init__()
            self.each = nn.ModuleDict(modules)

        def forward(self, *images: Any) -> Any:
            results = []
            for (name, module), x in zip(self.each.items(), images, strict=True):
                last = TORCH[name].last
                y = module(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2) if last else module(x)
                results.append(y.relu())
            return tuple(results)

    made = {
        "layer": nn.LayerNorm(8, eps=1e-6),
        "layer_plain": nn.LayerNorm(8, elementwise_affine=False),
        "layer_unshifted": nn.LayerNorm(8, bias=False),
        "layer_several": nn.LayerNorm(list(IMAGE[1:])),
        "layer_2d": LayerNorm2d(8),
        "instance": nn.InstanceNorm2d(8, affine=True),
        "instance_plain": nn.InstanceNorm2d(8),
        "group": nn.GroupNorm(4, 8),
        "group_plain": nn.GroupNorm(2, 8, affine=False),
        "group_of_all": nn.GroupNorm(1, 8),
        "root_mean_square": nn.RMSNorm(8, eps=1e-4),
    }
    torch.manual_seed(0)
    for module in made.values():
        for parameter in module.parameters():
            parameter.data = torch.rand_like(parameter) + 0.5
    return Each, made


@pytest.mark.parametrize("exporter", ["torchscript", "dynamo"])
def test_torch(exporter: str, full: bool, tmp_path: Path) -> None:
    import torch

    dynamo = exporter == "dynamo"
    network, able = torch_modules()
    if not dynamo:
        del able["root_mean_square"]  # which that exporter does not know
    for opset in OPSETS[exporter] if full else SAMPLE[exporter]:
        path = tmp_path / f"{opset}.onnx"
        images = tuple(torch.rand(IMAGE) for _ in able)
        more = {"external_data": False, "verbose": False} if dynamo else {}
        torch.onnx.export(
            network(able).eval(), images, path, opset_version=opset, dynamo=dynamo, **more
        )
        weights = {
            name: {each: np.asarray(p.detach()) for each, p in module.named_parameters()}
            for name, module in able.items()
        }
        agree(found_in(path), [TORCH[name] for name in able], list(weights.values()))


def agree(
    found: list[Normalisation | Refusal],
    expected: list[Expected],
    weights: list[dict[str, Any]],
) -> None:
    assert len(found) == len(expected)
    for each, wanted, numbers in zip(found, expected, weights, strict=True):
        assert isinstance(each, Normalisation), each
        assert (each.kind, each.axes, each.groups) == (wanted.kind, wanted.axes, wanted.groups)
        assert each.epsilon == pytest.approx(wanted.epsilon)
        for made, name in ((each.scale, wanted.scale), (each.shift, wanted.shift)):
            assert (made is None) == (not name)
            if made is not None:
                assert np.array_equal(made, numbers[name])


KERAS: tuple[tuple[Callable[[Any], Any], Expected | str], ...] = (
    (lambda layers: layers.LayerNormalization(),
     Expected("layer", (3,), 1e-3, scale="gamma", shift="beta")),
    (lambda layers: layers.LayerNormalization(epsilon=1e-6, center=False),
     Expected("layer", (3,), 1e-6, scale="gamma")),
    (lambda layers: layers.LayerNormalization(scale=False),
     Expected("layer", (3,), 1e-3, shift="beta")),
    (lambda layers: layers.LayerNormalization(axis=[1, 2, 3]),
     Expected("layer", (1, 2, 3), 1e-3, scale="gamma", shift="beta")),
    (lambda layers: layers.GroupNormalization(4),
     Expected("group", (1, 2, 3), 1e-3, groups=4, scale="gamma", shift="beta")),
    (lambda layers: layers.GroupNormalization(-1),
     Expected("instance", (1, 2), 1e-3, scale="gamma", shift="beta")),
    (lambda layers: layers.GroupNormalization(1),
     Expected("group", (1, 2, 3), 1e-3, scale="gamma", shift="beta")),
    (lambda layers: layers.GroupNormalization(2, center=False, scale=False),
     Expected("group", (1, 2, 3), 1e-3, groups=2)),
    (lambda layers: layers.RMSNormalization(),
     Expected("rms", (3,), 1e-6, scale="scale")),
    (lambda layers: layers.UnitNormalization(), "not the same as adding epsilon"),
)  # fmt: skip


def test_keras(tmp_path: Path) -> None:
    """One after the other, so that the file keeps their order; what stands between ends each."""
    from npulint.reference_models.keras_layers import keras, tf

    rng = np.random.default_rng(0)
    x = first = keras.Input((6, 5, CHANNELS), batch_size=1)
    weights = []
    for make, _ in KERAS:
        layer = make(keras.layers)
        x = keras.layers.ReLU()(layer(keras.layers.Conv2D(CHANNELS, 1)(x)))
        layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.weights])
        weights.append({w.name: np.float32(w.numpy()) for w in layer.weights})
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(first, x))
    path = tmp_path / "keras.tflite"
    path.write_bytes(converter.convert())
    found = found_in(path)
    *rest, unit = found
    assert isinstance(unit, Refusal)
    assert str(KERAS[-1][1]) in unit.reason
    expected = [each for _, each in KERAS[:-1] if isinstance(each, Expected)]
    agree(rest, expected, weights[:-1])
    fused = [each.activation for each in rest if isinstance(each, Normalisation)]
    assert fused.count("RELU") >= len(fused) - 2


def test_moments_and_batch_normalization_of_tensorflow(tmp_path: Path) -> None:
    """A norm written by hand: `x*s + (b - mean*s)` over channels and over space."""
    from npulint.reference_models.keras_layers import tf

    scale, shift = np.float32([1, 2, 0.5]), np.float32([-1, 0, 3])
    for axes, kind in (([3], "layer"), ([1, 2], "instance")):

        def normalise(x: Any, axes: list[int] = axes) -> Any:
            mean, variance = tf.nn.moments(x, axes, keepdims=True)
            return tf.nn.batch_normalization(x, mean, variance, shift, scale, 0.25)

        signature = tf.TensorSpec((1, 4, 5, 3), tf.float32)
        function = tf.function(normalise).get_concrete_function(signature)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
        path = tmp_path / f"{kind}.tflite"
        path.write_bytes(converter.convert())
        wanted = Expected(kind, tuple(axes), 0.25, scale="scale", shift="shift")
        agree(found_in(path), [wanted], [{"scale": scale, "shift": shift}])
