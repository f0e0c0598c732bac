"""Learned Smartphone ISP on Mobile NPUs with Deep Learning, Mobile AI 2021 Challenge: Report."""

from __future__ import annotations

from npulint.reference_models.definition import Definition, Figure
from npulint.reference_models.layers import Shape
from npulint.reference_models.networks.smallnet import smallnet

SOURCE = "Learned Smartphone ISP on Mobile NPUs with Deep Learning, Mobile AI 2021 Challenge"

DEFINITIONS = (
    Definition(
        "smallnet",
        smallnet,
        Shape(544, 960, 4),
        "exact-text",
        SOURCE,
        "the paper's words on team dh_isp's network fix every layer",
        (Figure("tflite_bytes", "21 K", "table 1"),),
    ),
)
