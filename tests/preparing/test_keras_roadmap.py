"""The transformations by name on Keras networks: what they change, and what stays the same."""

from __future__ import annotations

import numpy as np
import pytest

from npulint.errors import UsageError
from npulint.fixers.keras import Transformation, prepare
from npulint.preparing.keras_partial import PartialConvolution
from npulint.preparing.sampling import bilinear_response
from npulint.reference_models.keras_layers import keras

K = keras.layers
SIZE = (8, 12, 8)


def _shaken(network, seed: int = 1):
    draw = np.random.default_rng(seed)
    network.set_weights([draw.normal(size=each.shape) for each in network.get_weights()])
    return network


def _alone(layer, size: tuple[int, ...] = SIZE):
    image = keras.Input(size, dtype="float64")
    return _shaken(keras.Model(image, layer(image)))


def _run(network, size: tuple[int, ...] = SIZE):
    image = np.random.default_rng(0).normal(size=(2, *size))
    return np.asarray(network(image))


def _step(network, *steps: str | Transformation):
    prepared = prepare(network, transformations=steps)
    return prepared, prepared.report.transformations[-1]


def _separable():
    """Depthwise and whole convolutions, some of them in a network of its own."""
    inner = keras.Sequential(
        [
            keras.Input((8, 12, 8), dtype="float64"),
            K.DepthwiseConv2D(5, padding="same", activation="relu", name="fine", dtype="float64"),
            K.Conv2D(8, 1, name="point", dtype="float64"),
        ],
        name="block",
    )
    image = keras.Input(SIZE, dtype="float64")
    x = K.Conv2D(8, 3, padding="same", name="first", dtype="float64")(image)
    x = inner(x)
    x = K.Conv2D(8, 3, padding="same", activation="tanh", name="mixed", dtype="float64")(x)
    x = K.Conv2D(16, 3, 2, padding="same", name="down", dtype="float64")(x)
    twice = K.Conv2D(16, 3, padding="same", name="twice", dtype="float64")
    x = K.Conv2D(3, 3, padding="same", name="last", dtype="float64")(twice(twice(x)))
    return _shaken(keras.Model(image, x))


def test_partial_convolutions_keep_the_kernels_of_what_they_see() -> None:
    network = _separable()
    frozen = network.get_layer("mixed")
    frozen.trainable = False
    before = [each.copy() for each in network.get_weights()]
    prepared, made = _step(network, "partial-convolution")
    assert [each.path for each in made.changes] == ["block/fine", "mixed"]
    assert made.kept.keys() == {"first", "last", "down", "twice"}
    assert "several places" in made.kept["twice"]
    assert prepared.report.exactness == "lossy"
    assert made.after.parameters < made.before.parameters
    assert made.after.macs < made.before.macs
    assert all(map(np.array_equal, network.get_weights(), before))
    x = np.random.default_rng(2).normal(size=(1, 6, 7, 8))
    mixed = prepared.module.get_layer("mixed")
    assert not mixed.trainable_weights
    found = np.asarray(mixed(x))
    assert np.abs(found[..., 2:] - np.tanh(x[..., 2:])).max() < 1e-12
    seen = np.concatenate([x[..., :2], np.zeros((1, 6, 7, 6))], -1)
    wanted = np.asarray(frozen(seen))[..., :2]
    assert np.abs(found[..., :2] - wanted).max() < 1e-12
    fine = prepared.module.get_layer("block").get_layer("fine")
    wanted = np.asarray(network.get_layer("block").get_layer("fine")(x))
    assert np.abs(np.asarray(fine(x))[..., :2] - wanted[..., :2]).max() < 1e-12


def test_wider_and_depthwise_layers_say_what_they_lose() -> None:
    narrow = prepare(_separable(), transformations=["partial-convolution"]).module
    wide, made = _step(narrow, "wider-cheap-layers")
    assert [each.path for each in made.changes] == ["mixed"]
    assert "not cheap" in made.kept["block/fine"]
    assert wide.report.exactness == "exact"
    assert np.abs(_run(narrow) - _run(wide.module)).max() < 1e-12
    assert wide.module.get_layer("mixed").seen == 4
    assert made.after.macs > made.before.macs
    step = Transformation("partial-depthwise-convolution", where="*mixed", threshold=4)
    _, lost = _step(wide.module, step)
    assert "left out" in lost.changes[0].note
    direct = Transformation("partial-depthwise-convolution", where="block/*", threshold=2)
    alone, made = _step(_separable(), direct)
    assert [each.path for each in made.changes] == ["block/fine"]
    grown, made = _step(alone.module, "wider-middle-layers:block/fine")
    assert made.changes[0].exact
    assert np.abs(_run(alone.module) - _run(grown.module)).max() < 1e-12
    assert "fewer than 32" in _step(narrow, "partial-depthwise-convolution")[1].kept["mixed"]


@pytest.mark.parametrize(
    ("kernel", "strides", "padding"), [(2, 2, "same"), (4, 2, "same"), (3, 3, "valid")]
)
def test_upsampling_is_decoupled(kernel: int, strides: int, padding: str) -> None:
    options = {"padding": padding, "activation": "relu", "dtype": "float64"}
    network = _alone(K.Conv2DTranspose(4, kernel, strides, name="up", **options))
    for step in ("decoupled-upsampling", "resize-convolution"):
        prepared, made = _step(network, step)
        assert "leaves" in made.changes[0].note
        assert _run(prepared.module).shape == _run(network).shape
    _, made = _step(_alone(K.Conv2DTranspose(4, 5, 2, dtype="float64")), "decoupled-upsampling")
    assert "not as many times as large" in next(iter(made.kept.values()))


@pytest.mark.parametrize("stride", [2, 3])
def test_upsampling_that_is_a_resize_loses_nothing(stride: int) -> None:
    up = K.Conv2DTranspose(
        8, 3 * stride, stride, padding="same", use_bias=False, name="up", dtype="float64"
    )
    network = _alone(up)
    one = bilinear_response(stride)
    up.set_weights([np.outer(one, one)[..., None, None] * np.eye(8)])
    wanted, inside = _run(network), (slice(None), slice(stride, -stride), slice(stride, -stride))
    prepared, _ = _step(network, "decoupled-upsampling")
    # TensorFlow resizes in float32, whatever the map is.
    assert np.abs(_run(prepared.module) - wanted)[inside].max() < 1e-6 * np.abs(wanted).max()

    up = K.Conv2DTranspose(3, stride, stride, name="up", dtype="float64")
    network = _alone(up)
    kernel, bias = up.get_weights()
    up.set_weights([np.broadcast_to(kernel[:1, :1], kernel.shape), bias])
    prepared, made = _step(network, "resize-convolution")
    assert made.changes[0].exact
    assert np.abs(_run(prepared.module) - _run(network)).max() < 1e-6 * np.abs(_run(network)).max()


@pytest.mark.parametrize("kernel", [2, 3, 4, 5])
@pytest.mark.parametrize("depthwise", [False, True])
def test_downsampling_that_is_a_mean_loses_nothing(kernel: int, depthwise: bool) -> None:
    options = {"padding": "same", "activation": "tanh", "name": "down", "dtype": "float64"}
    layer = (
        K.DepthwiseConv2D(kernel, 2, **options)
        if depthwise else K.Conv2D(6, kernel, 2, **options)
    )  # fmt: skip
    network = _alone(layer)
    whole, bias = layer.get_weights()
    first = (kernel - 2) // 2
    means = np.zeros_like(whole)
    means[first : first + 2, first : first + 2] = whole[:1, :1]
    _, made = _step(network, "decoupled-downsampling")
    assert made.changes[0].made == "average pool + convolution"
    assert "leaves 0 " not in made.changes[0].note
    layer.set_weights([means, bias])
    prepared, _ = _step(network, "decoupled-downsampling")
    assert type(prepared.module.get_layer("down").layers[-1]) is type(layer)
    assert _differs(network, prepared.module) < 1e-12


def test_what_has_no_half_stays() -> None:
    _, made = _step(_alone(K.Conv2D(4, 3, 2, name="down")), "decoupled-downsampling")
    assert "does not lie" in made.kept["down"]
    odd = _alone(K.Conv2D(4, 2, 2, name="down"), (7, 12, 8))
    assert "has no half" in _step(odd, "decoupled-downsampling")[1].kept["down"]


def _differs(one, other) -> float:
    wanted = _run(one)
    return float(np.abs(_run(other) - wanted).max() / np.abs(wanted).max())


def test_norms_are_stripped_to_their_scale_and_shift() -> None:
    image = keras.Input(SIZE, dtype="float64")
    x = K.LayerNormalization(name="channels", dtype="float64")(image)
    x = K.LayerNormalization(axis=(1, 3), center=False, name="others", dtype="float64")(x)
    x = K.GroupNormalization(2, name="groups", dtype="float64")(x)
    network = _shaken(keras.Model(image, x))
    prepared, made = _step(network, "strip-norms")
    assert [each.path for each in made.changes] == ["channels", "others", "groups"]
    assert made.before.parameters == made.after.parameters
    x = np.random.default_rng(0).normal(size=(2, *SIZE))
    (scale, shift), (other,), (last, end) = (each.get_weights() for each in network.layers[1:])
    wanted = ((x * scale + shift) * other.reshape(8, 1, 8)) * last + end
    assert np.abs(_run(prepared.module) - wanted).max() < 1e-12


def test_steps_are_kept_in_files(tmp_path) -> None:
    network = prepare(_separable(), transformations=["partial-convolution"]).module
    network.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras")
    assert type(again.get_layer("mixed")) is PartialConvolution
    assert np.array_equal(_run(again), _run(network))


def test_targets_come_after_steps() -> None:
    inner = keras.Sequential(
        [keras.Input(SIZE), K.Conv2DTranspose(4, 2, 2, name="up"), K.LayerNormalization()],
        name="block",
    )
    network = _alone(inner)
    steps = ["strip-norms:block/*", "strip-norms:decoder/*"]
    prepared = prepare(network, ["pixel-4"], transformations=steps)
    report = prepared.report
    assert report.notes == ("strip-norms:decoder/*: no layer has such a path",)
    assert report.before["pixel-4"].refused
    assert report.clean
    assert [each.paths for each in report.replacements] == [("block/up",)]
    assert report.exactness == "lossy"
    assert "strip-norms" in report.text()
    stripped = prepare(network, transformations=steps[:1]).module
    assert _differs(stripped, prepared.module) < 1e-6


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (("faster",), "transformation 'faster': give one of partial-convolution"),
        (("wider-middle-layers",), "name them"),
        ("strip-norms", "give a sequence of names"),
    ],
)
def test_wrong_names_are_said_in_a_line(steps, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        prepare(_alone(K.Conv2D(8, 3, dtype="float64")), transformations=steps)
