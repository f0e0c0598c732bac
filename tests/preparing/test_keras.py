"""`npulint.fixers.keras.prepare`: its ways in float64, and a network for three phones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import npulint
from npulint.errors import UsageError
from npulint.fixers.keras import prepare
from npulint.fixers.record import Refusal
from npulint.preparing.keras_exporting import laid
from npulint.preparing.keras_places import leaves
from npulint.preparing.keras_ways import ways_of
from npulint.reference_models.keras_layers import keras, tf
from npulint.reference_models.trial import run

PHONES = ("mate30-pro-5g", "reno3-5g", "pixel-4")
BOUNDED = {"gelu/rational-erf": 1e-7}
"""Exact to a bound that the catalogue proves, of the size of float32's rounding."""

K = keras.layers


def _transposed():
    for window in ((1, 1), (2, 2), (3, 3), (4, 4), (5, 3), (2, 5)):
        for strides in ((1, 1), (2, 2), (3, 3), (1, 2)):
            for padding in ("same", "valid"):
                yield K.Conv2DTranspose(
                    3, window, strides, padding, activation="relu", dtype="float64"
                )


def _others():
    yield K.Conv2D(4, 3, padding="same", groups=2, dtype="float64")
    yield K.Conv2D(4, (3, 2), strides=2, groups=4, use_bias=False, dtype="float64")
    yield K.Conv2D(4, 3, dilation_rate=2, padding="same", groups=2, dtype="float64")
    yield K.Conv2D(4, 3, dilation_rate=(1, 3), activation="tanh", dtype="float64")
    yield K.Conv2D(6, 1, padding="same", dtype="float64")
    for name in ("gelu", "silu", "hard_silu", "hard_sigmoid", "tanh", "sigmoid"):
        yield K.Activation(name, dtype="float64")
    for factors in ((2, 2), (1, 3), (4, 2)):
        yield K.UpSampling2D(factors, dtype="float64")
    yield K.PReLU(shared_axes=(1, 2), dtype="float64")
    yield K.LeakyReLU(0.2, dtype="float64")
    yield K.LayerNormalization(dtype="float64")
    yield K.LayerNormalization(center=False, dtype="float64")
    yield K.LayerNormalization(axis=(1, 2), dtype="float64")
    yield K.LayerNormalization(axis=1, scale=False, dtype="float64")
    yield K.GroupNormalization(2, dtype="float64")
    yield K.GroupNormalization(-1, scale=False, epsilon=0.1, dtype="float64")


def _shaken(layer, shape: tuple[int, ...]):
    layer.build(shape)
    draw = np.random.default_rng(3)
    layer.set_weights([draw.normal(size=each.shape) for each in layer.get_weights()])
    return layer


@pytest.mark.parametrize("make", [_transposed, _others])
def test_every_exact_way_is_the_layer(make) -> None:
    image = 2 * np.random.default_rng(5).normal(size=(2, 7, 9, 4))
    for layer in map(_shaken, *zip(*((each, image.shape) for each in make()), strict=True)):
        wanted = np.asarray(layer(image))
        held = 0
        for way in ways_of(layer, image.shape) or ():
            if isinstance(way.make, Refusal) or way.exactness != "exact":
                continue
            x = keras.Input(batch_shape=image.shape, dtype="float64")
            made = keras.Model(x, laid(way.make("float64"), x))
            found = np.asarray(made(image))
            assert found.shape == wanted.shape, (way.name, layer.get_config())
            bound = BOUNDED.get(way.name, 1e-12) * max(1.0, np.abs(wanted).max())
            assert np.abs(found - wanted).max() <= bound, (way.name, layer.get_config())
            held += 1
        assert held, layer.get_config()


def _bilinear(size: int, factor: int) -> np.ndarray:
    """What each sample is worth, along one axis, to those that half-pixel centres make of it."""
    at = np.clip((np.arange(size * factor) + 0.5) / factor - 0.5, 0, size - 1)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(size)))


@pytest.mark.parametrize("factor", [2, 3, 8])
def test_phases_are_a_bilinear_resize(factor: int) -> None:
    """By its definition, since TensorFlow's own interpolates in float32."""
    image = np.random.default_rng(5).normal(size=(2, 7, 9, 4))
    rows, columns = _bilinear(7, factor), _bilinear(9, factor)
    wanted = np.einsum("ih,jw,nhwc->nijc", rows, columns, image)
    layer = K.UpSampling2D(factor, interpolation="bilinear", dtype="float64")
    # It rounds places, up to 9, to float32: what lies between two samples differs by as much.
    assert np.abs(np.asarray(layer(image)) - wanted).max() <= 9 * 2**-23 * np.ptp(image)
    exact = [way for way in ways_of(layer, image.shape) or () if way.exactness == "exact"]
    assert len(exact) == 2
    for way in exact:
        x = keras.Input(batch_shape=image.shape, dtype="float64")
        found = np.asarray(keras.Model(x, laid(way.make("float64"), x))(image))
        assert np.abs(found - wanted).max() <= 1e-12, way.name


def test_copies_alone_serve_where_the_oldest_coordinates_round() -> None:
    image = np.random.default_rng(5).normal(size=(1, 3, 1, 2))
    layer = K.UpSampling2D((41, 1), dtype="float64")
    oldest, copies = ways_of(layer, image.shape) or ()
    assert isinstance(oldest.make, Refusal)
    assert "rounded to float32" in oldest.make.reason
    x = keras.Input(batch_shape=image.shape, dtype="float64")
    found = keras.Model(x, laid(copies.make("float64"), x))(image)
    assert np.array_equal(found, layer(image))


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_enlargements_are_clean_on_a_phone(mode: str, tmp_path: Path) -> None:
    image = keras.Input((6, 8, 4))
    network = keras.Model(image, K.UpSampling2D(2, interpolation=mode, name="up")(image))
    prepared = prepare(network, ["pixel-4"])
    (up,) = prepared.report.replacements
    assert up.paths == ("up",)
    assert up.before["pixel-4"].status == "unsupported"
    assert prepared.report.clean
    assert prepared.report.exactness == "exact"
    x = np.random.default_rng(2).normal(size=(1, 6, 8, 4)).astype(np.float32)
    wanted = np.asarray(network(x))
    one = keras.models.clone_model(
        prepared.module, input_tensors=keras.Input(batch_shape=(1, 6, 8, 4))
    )
    path = tmp_path / "up.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(one).convert())
    assert np.abs(run(path, x) - wanted).max() <= 1e-6


def test_steps_that_resize_are_clean_on_a_phone() -> None:
    prepared = prepare(_network(), ["pixel-4"], transformations=["decoupled-upsampling"])
    assert prepared.report.clean
    classes = {type(each).__name__ for _, each in leaves(prepared.module)}
    assert "HalfPixelPhases" in classes
    assert not classes & {"Conv2DTranspose", "UpSampling2D"}


def _network():
    x = image = keras.Input((8, 12, 3), name="input")
    x = K.Conv2D(4, 3, 2, padding="same", activation="relu", name="down")(x)
    up = K.Conv2DTranspose(4, 3, 2, padding="same", activation="relu", name="up")
    x = K.Conv2D(3, 3, padding="same", name="head")(up(x))
    return keras.Model(image, K.Add(name="sum")([x, image]), name="network")


def test_a_network_is_clean_on_three_phones(tmp_path: Path) -> None:
    network = _network()
    network.get_layer("up").trainable = False
    weights = [each.copy() for each in network.get_weights()]
    prepared = prepare(network, PHONES)
    report = prepared.report
    (up,) = (each for each in report.replacements if each.paths == ("up",))
    assert up.realisation.startswith("transpose-conv/")
    assert up.before["pixel-4"].status == "unsupported"
    assert up.after["pixel-4"].status == "supported"
    assert report.clean
    assert report.exactness == "exact"
    assert not prepared.module.get_layer("up").trainable_weights
    assert prepared.module.get_layer("down").trainable_weights
    image = np.random.default_rng(1).normal(size=(2, 8, 12, 3)).astype(np.float32)
    wanted, found = np.asarray(network(image)), np.asarray(prepared.module(image))
    assert np.abs(wanted - found).max() <= 1e-5 * np.abs(wanted).max()
    assert all(map(np.array_equal, network.get_weights(), weights))
    assert type(network.get_layer("up")) is K.Conv2DTranspose

    one = keras.models.clone_model(
        prepared.module, input_tensors=keras.Input(batch_shape=(1, 8, 12, 3))
    )
    path = tmp_path / "network.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(one).convert())
    (result,) = npulint.check(path, targets=PHONES, remedies=False).models
    assert not any(target.refuses for target in result.targets)


def test_a_layer_norm_that_scales_by_its_root_mean_square_alone_is_no_norm() -> None:
    layer = _shaken(K.LayerNormalization(rms_scaling=True), (1, 4, 5, 8))
    ways = ways_of(layer, (1, 4, 5, 8)) or ()
    assert ways
    assert all(isinstance(way.make, Refusal) for way in ways)


def test_norms_that_have_not_been_trained_are_asked_about() -> None:
    image = keras.Input((8, 12, 8))
    norms = K.LayerNormalization(axis=(1, 2, 3))(K.GroupNormalization(4)(image))
    network = keras.Model(image, norms)
    prepared = prepare(network, PHONES)
    x = np.random.default_rng(1).normal(size=(2, 8, 12, 8)).astype(np.float32)
    wanted, found = np.asarray(network(x)), np.asarray(prepared.module(x))
    assert np.abs(wanted - found).max() <= 1e-5 * np.abs(wanted).max()
    assert prepared.report.exactness == "exact"
    assert "norm/strip" in {each.name for one in prepared.report.replacements for each in one.lost}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"allow": "most"}, "give one of exact, calibrated, lossy"),
        ({"input_shape": (1, 0, 8, 3)}, "sizes of 1 or more"),
    ],
)
def test_wrong_arguments_are_said_in_a_line(arguments, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        prepare(_network(), ["nnapi-1.2"], **arguments)


def test_targets_are_asked_for() -> None:
    with pytest.raises(UsageError, match="targets: give one or more"):
        prepare(_network(), [])
