"""Networks through torch.onnx.export, both of its exporters."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING

import onnx
import torch

from npulint.reference_models.torch_builder import build

if TYPE_CHECKING:
    from npulint.reference_models.network import Network
    from npulint.reference_models.recipe import Recipe

LARGEST = 2**31 - 1
"""Bytes of the largest protobuf message; what is larger needs files beside it."""


def convert(network: Network, recipe: Recipe) -> bytes:
    """Export a network, weights inside the file.

    Args:
        network: What to export.
        recipe: The exporter and the opset.

    Returns:
        The file's bytes.

    Raises:
        RuntimeError: The exporter refuses, wrote another opset than it was asked for, or left
            weights outside.
    """
    image = torch.zeros(1, network.image.channels, *network.image[:2])
    # Warnings of absent torchvision operators, which no network here uses.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    write = _dynamo if recipe.exporter == "dynamo" else _torchscript
    model = write(build(network), image, recipe.opset)
    written = {entry.domain: entry.version for entry in model.opset_import}
    if written != {"": recipe.opset}:
        raise RuntimeError(f"opsets {written} came out where {recipe.opset} was asked for")
    if any(tensor.external_data for tensor in model.graph.initializer):
        raise RuntimeError("the exporter left weights outside the file")
    if model.ByteSize() > LARGEST:
        raise RuntimeError(f"{model.ByteSize()} bytes are more than one file of 2 GiB can hold")
    return bytes(model.SerializeToString(deterministic=True))


def _dynamo(module: torch.nn.Module, image: torch.Tensor, opset: int) -> onnx.ModelProto:
    program = torch.onnx.export(
        module,
        (image,),
        input_names=["input"],
        output_names=["output"],
        opset_version=opset,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    model: onnx.ModelProto = program.model_proto
    # What the exporter notes at each node names files of this machine, and outweighs a small
    # network's weights.
    for node in model.graph.node:
        del node.metadata_props[:]
    return model


def _torchscript(module: torch.nn.Module, image: torch.Tensor, opset: int) -> onnx.ModelProto:
    buffer = io.BytesIO()
    torch.onnx.export(
        module,
        (image,),
        buffer,
        input_names=["input"],
        output_names=["output"],
        opset_version=opset,
        dynamo=False,
        verbose=False,
    )
    return onnx.load_from_string(buffer.getvalue())
