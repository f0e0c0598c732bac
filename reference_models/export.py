"""Write reference networks as their frameworks' own exporters write them.

`python -m npulint.reference_models.export [FOLDER]` writes the networks that npulint ships.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.errors import UsageError
from npulint.reference_models.catalogue import define

if TYPE_CHECKING:
    from npulint.reference_models.network import Network

SHIPPED = ("smallnet", "unet_small")
"""The networks whose exports are part of the package."""

EXPORTS = Path(__file__).parent / "exports"
"""Where they lie."""

ONNX_OPSET = 18
"""The oldest opset that PyTorch's exporter writes without converting down."""


def export(network: Network, path: Path) -> None:
    """Write a network to a file.

    Args:
        network: What to write.
        path: `.onnx` goes through torch.onnx.export, `.tflite` through TFLiteConverter.

    Raises:
        UsageError: The file has another ending.
    """
    write = {".onnx": _onnx, ".tflite": _tflite}.get(path.suffix)
    if write is None:
        raise UsageError(f"{path}: a network is exported as .onnx or .tflite")
    path.write_bytes(write(network))


def _onnx(network: Network) -> bytes:
    import torch

    from npulint.reference_models.torch_builder import build

    image = torch.zeros(1, network.image.channels, *network.image[:2])
    program = torch.onnx.export(
        build(network),
        (image,),
        input_names=["input"],
        output_names=["output"],
        opset_version=ONNX_OPSET,
        dynamo=True,
        verbose=False,
    )
    model = program.model_proto
    # What the exporter notes at each node names files of this machine, and outweighs a small
    # network's weights.
    for node in model.graph.node:
        del node.metadata_props[:]
    return bytes(model.SerializeToString(deterministic=True))


def _tflite(network: Network) -> bytes:
    # Without this, TensorFlow logs a screenful about accelerators that it has not found.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    from npulint.reference_models.keras_builder import build

    converter = tf.lite.TFLiteConverter.from_keras_model(build(network))
    # Keras prints every variable of the model that it hands to the converter.
    with contextlib.redirect_stdout(io.StringIO()):
        return bytes(converter.convert())


def main(arguments: list[str]) -> None:
    """Write every shipped network in both formats."""
    folder = Path(arguments[0]) if arguments else EXPORTS
    folder.mkdir(parents=True, exist_ok=True)
    for name in SHIPPED:
        for ending in ("onnx", "tflite"):
            path = folder / f"{name}.{ending}"
            export(define(name), path)
            print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
