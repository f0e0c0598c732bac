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
from npulint.preparing.keras_ways import ways_of
from npulint.reference_models.keras_layers import keras, tf

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
