"""The vocabulary that reference networks are written in: one record a kind of layer.

A record says how a layer changes a shape, which weights it has and what it costs. How it is
computed is said once per framework, in `torch_builder` and `keras_builder`. Batch is 1 and
left out.
"""

from __future__ import annotations

from npulint.reference_models.layers.arrangement import Concatenation, Crop, Pad, Slice, Split
from npulint.reference_models.layers.base import Layer, Margins, Shape
from npulint.reference_models.layers.convolution import Conv2D, Padding, TransposedConv2D
from npulint.reference_models.layers.normalization import (
    BatchNormalization,
    InstanceNormalization,
    LayerNormalization,
)
from npulint.reference_models.layers.pointwise import (
    Activation,
    Arithmetic,
    ChannelScale,
    Function,
    LeakyRelu,
    Offset,
    PRelu,
    Scale,
)
from npulint.reference_models.layers.pooling import (
    AveragePool2D,
    GlobalAveragePool,
    LocalAveragePool,
    MaxPool2D,
)
from npulint.reference_models.layers.resampling import DepthToSpace, Resize, Sampling, SpaceToDepth

__all__ = [
    "Activation",
    "Arithmetic",
    "AveragePool2D",
    "BatchNormalization",
    "ChannelScale",
    "Concatenation",
    "Conv2D",
    "Crop",
    "DepthToSpace",
    "Function",
    "GlobalAveragePool",
    "InstanceNormalization",
    "Layer",
    "LayerNormalization",
    "LeakyRelu",
    "LocalAveragePool",
    "Margins",
    "MaxPool2D",
    "Offset",
    "PRelu",
    "Pad",
    "Padding",
    "Resize",
    "Sampling",
    "Scale",
    "Shape",
    "Slice",
    "SpaceToDepth",
    "Split",
    "TransposedConv2D",
]
