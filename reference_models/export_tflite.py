"""Networks through tf.lite.TFLiteConverter, in each of its ways to quantise."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

# Without this, TensorFlow logs a screenful about accelerators that it has not found.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# TensorFlow itself is imported further down: the builder sees to the order in which it loads.
from npulint.reference_models.keras_builder import build

if TYPE_CHECKING:
    import numpy.typing as npt

    from npulint.reference_models.network import Network
    from npulint.reference_models.recipe import Quantisation, Recipe

CALIBRATION_IMAGES = 2
"""Ranges of random images differ little from one to the next, and each costs an inference."""


def convert(network: Network, recipe: Recipe) -> bytes:
    """Convert a network.

    Args:
        network: What to convert; its shapes are static.
        recipe: How to quantise.

    Returns:
        The file's bytes.

    Raises:
        RuntimeError: The converter refuses.
    """
    model = build(network)
    import tensorflow as tf

    # By way of Keras, a network would be traced four times for the same file: half of the time.
    image = tf.TensorSpec((1, *network.image), tf.float32, name="input")
    function = tf.function(model, input_signature=[image]).get_concrete_function()
    held = tf.Module()
    held.weights = [variable.value for variable in model.variables]
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], held)
    _quantise(converter, network, recipe.quantize)
    try:
        return bytes(converter.convert())
    except (tf.errors.OpError, ValueError, *_converter_errors()) as error:
        raise RuntimeError(str(error)) from error
    finally:
        tf.keras.backend.clear_session()


def calibration(network: Network) -> Iterator[list[npt.NDArray[np.float32]]]:
    """The images that activations are measured on: random ones, the same each time."""
    source = np.random.RandomState(0)
    for _ in range(CALIBRATION_IMAGES):
        yield [source.uniform(0, 1, (1, *network.image)).astype(np.float32)]


def _quantise(converter: Any, network: Network, mode: Quantisation) -> None:
    if mode == "none":
        return
    import tensorflow as tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if mode in {"int8", "int16x8"}:
        converter.representative_dataset = lambda: calibration(network)
        int8 = tf.lite.OpsSet.TFLITE_BUILTINS_INT8
        int16 = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [int8 if mode == "int8" else int16]
    if mode == "int8":
        converter.inference_input_type = converter.inference_output_type = tf.int8


def _converter_errors() -> tuple[type[Exception], ...]:
    """The converter's own exception, which has no public name."""
    from tensorflow.lite.python.convert_phase import ConverterError

    return (ConverterError,)
