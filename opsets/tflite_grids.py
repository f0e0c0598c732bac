"""Quantisation grids that TFLite's kernels take for granted, or refuse to prepare without.

A grid is a scale and a zero point. Many kernels copy or compare quantised numbers as they are,
so what they read and what they make must lie on one grid; a few make numbers on a grid of their
own. TensorFlow's quantiser gives models these grids, and some kernels hold the file against
them when they prepare. Lines are of google-ai-edge/LiteRT @f6745779.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

QUANTISED = ("uint8", "int8", "int16")
"""Element types of quantised activations."""

_FIRST = (0,)
_COMMIT = "@f6745779"


def quantiser(lines: str) -> str:
    """A full citation of lines of the quantiser's table of operators."""
    file = "google-ai-edge/LiteRT tflite/converter/tools/optimize/operator_property.cc"
    return f"{file} {lines} {_COMMIT}"


def kernel(lines: str) -> str:
    """A full citation of lines of a kernel."""
    return f"google-ai-edge/LiteRT tflite/kernels/{lines} {_COMMIT}"


@dataclass(frozen=True, slots=True)
class OneGrid:
    """Operands of an operator that must lie on one grid.

    Attributes:
        lines: Where the quantiser says so.
        inputs: Positions of the inputs meant; None for all.
        refused: Element types for which the kernel does not prepare on two grids.
        rescaled: Element types for which the kernel rescales after all.
        stops: Whether the kernel fails when it runs on two grids.
        kernel: Where the kernel does so, empty where it does not look.
    """

    lines: str
    inputs: tuple[int, ...] | None = _FIRST
    refused: tuple[str, ...] = ()
    rescaled: tuple[str, ...] = ()
    stops: bool = False
    kernel: str = ""


_REDUCED = OneGrid("1137-1145", stops=True, kernel="reduce.cc 957-964")

ONE_GRID: Mapping[str, OneGrid] = MappingProxyType(
    {
        "AVERAGE_POOL_2D": OneGrid("106-113"),
        "BATCH_TO_SPACE_ND": OneGrid(
            "122-131", refused=QUANTISED, kernel="batch_to_space_nd.cc 106-113"
        ),
        "BROADCAST_TO": OneGrid("142-149"),
        "CONCATENATION": OneGrid(
            "176-183",
            inputs=None,
            refused=("int8",),
            rescaled=("uint8",),
            kernel="concatenation.cc 228-239",
        ),
        "DEPTH_TO_SPACE": OneGrid("150-158"),
        "EXPAND_DIMS": OneGrid("232-241", refused=QUANTISED, kernel="expand_dims.cc 85-87"),
        "FILL": OneGrid("247-255", inputs=(1,), refused=QUANTISED, kernel="fill.cc 96-98"),
        "GATHER": OneGrid("267-275"),
        "GATHER_ND": OneGrid("276-283"),
        "MAXIMUM": OneGrid("884-892", inputs=None),
        "MAX_POOL_2D": OneGrid("876-883"),
        "MINIMUM": OneGrid("898-906", inputs=None),
        "MIRROR_PAD": OneGrid("1124-1131", refused=QUANTISED, kernel="mirror_pad.cc 380-386"),
        "PACK": OneGrid("914-921", inputs=None, refused=QUANTISED, kernel="pack.cc 88-96"),
        "PAD": OneGrid("922-930"),
        "PADV2": OneGrid("922-930"),
        "REDUCE_MAX": _REDUCED,
        "REDUCE_MIN": _REDUCED,
        "RESHAPE": OneGrid("960-967"),
        "RESIZE_BILINEAR": OneGrid("968-976"),
        "RESIZE_NEAREST_NEIGHBOR": OneGrid("968-976"),
        "REVERSE_V2": OneGrid("977-984"),
        "SCATTER_ND": OneGrid("985-992", inputs=(1,)),
        "SELECT": OneGrid("993-1001", inputs=(1, 2)),
        "SLICE": OneGrid("1007-1016"),
        "SPACE_TO_BATCH_ND": OneGrid(
            "122-131", refused=QUANTISED, kernel="space_to_batch_nd.cc 107-114"
        ),
        "SPACE_TO_DEPTH": OneGrid("132-141"),
        "SPLIT": OneGrid("159-167", inputs=(1,)),
        "SPLIT_V": OneGrid("168-175"),
        "SQUEEZE": OneGrid("1017-1024"),
        "STRIDED_SLICE": OneGrid("1036-1043"),
        "TILE": OneGrid("1097-1105"),
        "TRANSPOSE": OneGrid("1106-1114"),
        "UNPACK": OneGrid("1115-1123", refused=QUANTISED, kernel="unpack.cc 78-81"),
    }
)
"""Operators whose operands and results the quantiser puts on one grid."""


@dataclass(frozen=True, slots=True)
class FixedGrid:
    """The grid on which an operator's results lie, whatever was measured.

    Attributes:
        scale: The scale.
        zero_point: The zero point.
        source: Where the quantiser or, for a type that it does not know, the kernel says so.
        share: Share by which the scale may differ before the kernel refuses to prepare; None
            where it does not look at it.
        holds_zero: Whether the kernel refuses to prepare with another zero point.
        kernel: Where the kernel does so.
    """

    scale: float
    zero_point: int
    source: str
    share: float | None = None
    holds_zero: bool = False
    kernel: str = ""


def _held(scale: float, zero: int, source: str, lines: str, share: float = 0.0) -> FixedGrid:
    return FixedGrid(scale, zero, source, share, holds_zero=True, kernel=lines)


_L2, _LOG, _SOFT = "l2norm.cc 60-68", "activations.cc 664-672", "activations.cc 553-561"
_SIGMOID = quantiser("302-312")
_NEAR_POWER = 0.0007
"""Share by which a power of two may be off to be taken for it: its logarithm within 0.001.

tflite/kernels/internal/quantization_util.cc 395-405 @f6745779.
"""

FIXED_GRID: Mapping[str, Mapping[str, FixedGrid]] = MappingProxyType(
    {
        "L2_NORMALIZATION": {
            "int8": _held(1 / 128, 0, quantiser("865-875"), _L2),
            "uint8": _held(1 / 128, 128, kernel(_L2), _L2),
        },
        "LOGISTIC": {
            "int8": FixedGrid(1 / 256, -128, _SIGMOID, 0.0, kernel="activations.cc 481-487"),
            "int16": _held(1 / 32768, 0, _SIGMOID, "activations.cc 488-491"),
            "uint8": FixedGrid(
                1 / 256, 0, kernel("activations.cc 444-454"), 0.0, kernel="activations.cc 474-480"
            ),
        },
        "LOG_SOFTMAX": {
            "int8": _held(16 / 256, 127, quantiser("291-301"), _LOG),
            "uint8": _held(16 / 256, 255, kernel(_LOG), _LOG),
        },
        "SOFTMAX": {
            "int8": _held(1 / 256, -128, quantiser("1025-1035"), _SOFT, 0.001),
            "int16": _held(1 / 32768, 0, quantiser("1025-1035"), _SOFT, 0.001),
        },
        "TANH": {
            "int8": FixedGrid(1 / 128, 0, quantiser("1062-1072")),
            "int16": _held(
                1 / 32768, 0, quantiser("1062-1072"), "activations.cc 391-425", _NEAR_POWER
            ),
        },
    }
)
"""Grids of results that the quantiser gives whatever was measured, by operator and type."""

BIAS_SHARE = 0.02
"""Share of a step of the result that a bias of 1 may be off by."""

BIAS_LINES = "kernel_util.cc 301-322"
"""Where a kernel for uint8 holds the bias's scale against the product of the others."""

STEPS: Mapping[str, int] = MappingProxyType({"uint8": 255, "int8": 255, "int16": 65535})
"""Steps of a whole range, by element type."""
