"""A Keras network exported for phones: the script ends in `npulint.fix`.

python export_keras.py FOLDER
"""

import sys
from pathlib import Path

import tensorflow as tf

import npulint

image = tf.keras.Input((32, 32, 3), batch_size=1)
features = tf.keras.layers.Conv2D(8, 3, padding="same", activation="relu")(image)
doubled = tf.keras.layers.Conv2DTranspose(3, 4, strides=2, padding="same")(features)
network = tf.keras.Model(image, doubled)

folder = Path(sys.argv[1])
exported = folder / "doubling.tflite"
exported.write_bytes(tf.lite.TFLiteConverter.from_keras_model(network).convert())

result = npulint.fix(exported, ["nnapi-1.1", "neuron"], output=folder / "doubling_phone.tflite")

for choice in result.choices:
    print(f"{choice.op} -> {choice.realisation}")
sys.exit(0 if result.complete else f"something stays refused: {result.held_back}")
