"""The TFLite release that first ran an operator in some version, and when it was published.

Sources: google-ai-edge/LiteRT tflite/converter/tools/versioning/runtime_version.cc 59-502 @f6745779
for the releases; the first upload of each TensorFlow release to pypi.org for the days. TFLite was
released with TensorFlow and carries its number; releases that are not published yet have no day.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from npulint.model import Model, Node

Release: TypeAlias = tuple[int, ...]
"""The numbers of a release: (2, 3, 0)."""

SOURCE = (
    "google-ai-edge/LiteRT tflite/converter/tools/versioning/runtime_version.cc 59-502 @f6745779"
)

DAYS = "pypi.org/project/tensorflow, first upload of the release (2026-11-30)"
"""Where the days of publication are from."""


def first_release(node: Node) -> Release | None:
    """The first release whose kernels run a TFLite node; None where the list does not say."""
    versions = () if node.custom else _table().get(node.op, ())
    return versions[node.version - 1] if 0 < node.version <= len(versions) else None


def newest_version(op: str) -> int | None:
    """The highest version of an operator that any release knows; None where it is not listed."""
    versions = _table().get(op)
    return None if versions is None else len(versions)


def oldest_runtime(model: Model) -> tuple[Release, Node] | None:
    """The oldest release that runs a TFLite model, and the node that demands it.

    Returns:
        None where no operator is listed.
    """
    demands = [
        (release, node)
        for graph in model.graphs
        for node in graph.nodes
        if (release := first_release(node)) is not None
    ]
    return max(demands, key=lambda demand: demand[0], default=None)


def published(release: Release) -> str | None:
    """The day on which a release, or the next after it, was published, `YYYY-MM-DD`.

    Returns:
        None where neither was published when the list was drawn up.
    """
    return min((day for known, day in _days().items() if known >= release), default=None)


def read(text: str) -> Release | None:
    """The numbers of a release in a text; None where it is none."""
    parts = text.strip().split(".")
    known = all(part.isascii() and part.isdigit() for part in parts)
    return tuple(map(int, parts)) if known else None


def written(release: Release) -> str:
    """A release as people write it."""
    return ".".join(map(str, release))


@cache
def _table() -> dict[str, tuple[Release | None, ...]]:
    rows = (line.split(": ") for line in _FIRST.strip().splitlines())
    return {op: tuple(map(_listed, releases.split())) for op, releases in rows}


def _listed(text: str) -> Release | None:
    """A release of the list below, which leaves out a last zero."""
    numbers = read(text)
    return numbers if numbers is None or len(numbers) > 2 else (*numbers, 0)


@cache
def _days() -> dict[Release, str]:
    rows = (line.split() for line in _PUBLISHED.strip().splitlines())
    pairs = ((row[place], row[place + 1]) for row in rows for place in range(0, len(row), 2))
    return {numbers: day for text, day in pairs if (numbers := _listed(text)) is not None}


_FIRST = """
ABS: 1.13 2.4 2.5 2.6 2.12
ADD: 1.5 1.14 2.4 2.6 2.13 2.23
ADD_N: 1.14
ARG_MAX: 1.9 1.14 2.9
ARG_MIN: 1.9 1.14 2.9
ASSIGN_VARIABLE: 2.6
ATAN2: 2.10
AVERAGE_POOL_2D: 1.5 1.14 2.3
BATCH_MATMUL: 2.3 2.3 2.4 2.5
BATCH_TO_SPACE_ND: 1.6 1.14 2.3 2.12
BIDIRECTIONAL_SEQUENCE_LSTM: 1.14 1.14 1.14
BIDIRECTIONAL_SEQUENCE_RNN: 1.14 1.14 2.3
BITCAST: 2.13
BITWISE_XOR: 2.13
BROADCAST_ARGS: 2.6
BROADCAST_TO: - 2.5 2.5 2.23
BUCKETIZE: 2.8
CALL_ONCE: 2.5
CAST: 1.5 2.7 2.8 2.9 2.12 2.15 2.17 2.21 2.23
CEIL: 1.14
COMPLEX_ABS: 2.5
CONCATENATION: 1.5 1.14 2.3 2.14 2.21 2.23 2.23
CONV_2D: 1.5 1.14 1.14 2.3 2.4 2.9 2.11 2.15
CONV_3D: 2.5
CONV_3D_TRANSPOSE: 2.6
COS: 1.14 2.23
CUMSUM: 2.4
DENSIFY: 2.2
DEPTHWISE_CONV_2D: 1.5 1.12 1.14 2.2 2.3 2.3 2.11
DEPTH_TO_SPACE: 2.1 2.5
DEQUANTIZE: 1.13.1 1.14 1.15 2.2 2.7 2.18 2.21 2.22 2.23
DILATE: 2.15
DIV: 1.6 2.3
DYNAMIC_UPDATE_SLICE: 2.9 2.17 2.19 2.20 2.21 2.22
ELU: 1.14
EMBEDDING_LOOKUP: 1.13 1.14 1.14 2.18 2.21
EMBEDDING_LOOKUP_SPARSE: 1.5
EQUAL: 1.14 1.14 2.3 2.13 2.21
EXP: 1.7 2.12
EXPAND_DIMS: 1.10
FAKE_QUANT: 1.5 1.10
FILL: 1.13 2.3 2.5 2.12 2.23
FLOOR: 1.9
FLOOR_DIV: 1.14 1.14 2.13
FLOOR_MOD: 1.13 2.13
FULLY_CONNECTED: 1.5 1.10 1.14 1.14 2.0 2.1 2.3 2.3 2.3 2.11 2.15 2.17 2.18 2.21
GATHER: 1.6 1.14 1.15 2.4 2.5 2.13 2.15 2.23
GATHER_ND: 1.14 2.3 2.5 2.13 2.16 2.23
GELU: 2.9 2.9 2.23
GREATER: 1.14 1.14
GREATER_EQUAL: 1.14 1.14 2.13
HARD_SWISH: 1.15
HASHTABLE: 2.5
HASHTABLE_FIND: 2.5
HASHTABLE_IMPORT: 2.5
HASHTABLE_LOOKUP: 1.5
HASHTABLE_SIZE: 2.5
IF: 1.15
IMAG: 2.5
L2_NORMALIZATION: 1.5 1.14
L2_POOL_2D: 1.5
LEAKY_RELU: 1.13.1 2.3
LESS: 1.14 1.14 2.13
LESS_EQUAL: 1.14 1.14
LOCAL_RESPONSE_NORMALIZATION: 1.5
LOG: 1.14 2.15
LOGICAL_AND: 1.11
LOGICAL_NOT: 1.11
LOGICAL_OR: 1.11
LOGISTIC: 1.14 1.14 2.3
LOG_SOFTMAX: 1.14 1.14
LSH_PROJECTION: 1.5
LSTM: 1.7 1.10 1.14 2.3
MATRIX_DIAG: 1.14
MATRIX_SET_DIAG: 1.14
MAXIMUM: 1.14 1.14 2.3 2.3
MAX_POOL_2D: 1.5 1.14 2.3
MEAN: 1.6 1.14 2.4
MINIMUM: 1.14 1.14 2.3 2.3
MIRROR_PAD: 1.13.1 2.3 2.12
MUL: 1.5 1.14 1.15 2.3 2.6 2.11 2.13 2.23
MULTINOMIAL: 2.8
NEG: 1.9
NON_MAX_SUPPRESSION_V4: 2.1
NON_MAX_SUPPRESSION_V5: 2.1
NOT_EQUAL: 1.14 1.14 2.3 2.21
ONE_HOT: 1.11
PACK: 1.11 1.14 2.3 2.13 2.23
PAD: 1.5 1.14 2.4 2.6 2.20 2.23
PADV2: 1.9 1.14 2.4 2.6 2.20 2.23
POW: 1.10
PRELU: 1.8
QUANTIZE: 1.14 1.15 2.7 2.21 2.21 2.21
RANDOM_STANDARD_NORMAL: 2.8
RANDOM_UNIFORM: 2.8
RANGE: 1.13 2.14
RANK: 1.14
READ_VARIABLE: 2.6
REAL: 2.5
REDUCE_ALL: 2.6
REDUCE_ANY: 1.11
REDUCE_MAX: 1.11 1.14 2.5
REDUCE_MIN: 1.11 1.14 2.5
REDUCE_PROD: 1.11 2.6
REDUCE_WINDOW: 2.15
RELU: 1.5 2.1 2.5
RELU6: 1.5 1.14 2.5
RELU_0_TO_1: 2.10
RELU_N1_TO_1: 1.5
RESHAPE: 1.5
RESIZE_BILINEAR: 1.7 1.14 2.2 2.5
RESIZE_NEAREST_NEIGHBOR: 1.13.1 1.14 2.3 2.4
REVERSE_SEQUENCE: 1.14
REVERSE_V2: 1.14 2.2 2.5 2.23
RFFT2D: 2.5
RIGHT_SHIFT: 2.13
RNN: 1.5 1.14 2.3
ROUND: 1.14
RSQRT: 1.10 2.5 2.15
SCATTER_ND: 2.1
SEGMENT_SUM: 2.2
SELECT: 1.14 1.14 2.12 2.12
SELECT_V2: 2.2 2.12
SHAPE: 1.10
SIGN: 2.11 2.12
SIN: 1.9 2.23
SKIP_GRAM: 1.5
SLICE: 1.14 1.14 1.14 2.4 2.5 2.14 2.21 2.23
SOFTMAX: 1.5 1.14 2.3 2.23
SPACE_TO_BATCH_ND: 1.6 1.14 2.3 2.12
SPACE_TO_DEPTH: 1.5 1.14
SPARSE_TO_DENSE: 1.9 1.14 1.15
SPLIT: 1.5 1.14 1.14 2.3 2.23
SPLIT_V: 1.13.1 2.3 2.23
SQRT: 1.10 2.21
SQUARE: 1.12
SQUARED_DIFFERENCE: 1.13.1 2.5
SQUEEZE: 1.6 2.5
STABLEHLO_ADD: 2.16
STABLEHLO_AND: 2.17
STABLEHLO_CASE: 2.17
STABLEHLO_CBRT: 2.17
STABLEHLO_COMPOSITE: 2.17
STABLEHLO_GATHER: 2.16
STABLEHLO_MAXIMUM: 2.16
STABLEHLO_MINIMUM: 2.16
STABLEHLO_MULTIPLY: 2.16
STABLEHLO_PAD: 2.16
STABLEHLO_REDUCE_WINDOW: 2.16
STABLEHLO_RNG_BIT_GENERATOR: 2.15
STABLEHLO_SCATTER: 2.15
STABLEHLO_SHIFT_LEFT: 2.17
STRIDED_SLICE: 1.6 1.14 2.1 2.2 2.5 2.6 2.14 2.14
SUB: 1.6 1.14 2.3 2.4 2.4
SUM: 1.10 1.15
SVDF: 1.5 1.14 2.2 2.3
TANH: 1.14 1.14 2.3
TILE: 1.10.1 2.2 2.8
TOPK_V2: 1.7 1.14 2.13
TRANSPOSE: 1.6 1.14 1.15 2.3 2.4 2.12 2.14.4 2.22 2.23
TRANSPOSE_CONV: 1.9 2.2 2.3 2.13 2.15
UNIDIRECTIONAL_SEQUENCE_LSTM: 1.13.1 1.14 2.3 2.12
UNIDIRECTIONAL_SEQUENCE_RNN: 1.14 1.14 2.3
UNIQUE: 1.14
UNPACK: 1.11 1.14 2.2 2.3 2.22 2.23
UNSORTED_SEGMENT_MAX: 2.10
UNSORTED_SEGMENT_MIN: 2.11
UNSORTED_SEGMENT_PROD: 2.10
UNSORTED_SEGMENT_SUM: 2.10
VAR_HANDLE: 2.6
WHERE: 1.14 2.8
WHILE: 1.15
ZEROS_LIKE: 1.12
"""
"""For each operator the releases that first ran its versions 1, 2 and so on; - for none."""

_PUBLISHED = """
1.5 2018-01-26  1.6 2018-03-01  1.7 2018-03-29  1.8 2018-04-28
1.9 2018-07-10  1.10 2018-08-08  1.10.1 2018-08-24  1.11 2018-09-27
1.12 2018-11-06  1.13.1 2019-02-26  1.14 2019-06-19  1.15 2019-10-16
2.0 2019-09-30  2.1 2020-01-08  2.2 2020-05-07  2.3 2020-07-27
2.4 2020-12-14  2.5 2021-05-13  2.6 2021-08-11  2.7 2021-11-04
2.8 2022-02-02  2.9 2022-05-16  2.10 2022-09-06  2.11 2022-11-18
2.12 2023-03-22  2.13 2023-07-05  2.14 2023-09-26  2.15 2023-11-14
2.16.1 2024-03-09  2.17 2024-07-11  2.18 2024-10-25  2.19 2025-03-12
2.20 2025-08-13  2.21 2026-03-06
"""
