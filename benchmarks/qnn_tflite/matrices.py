"""Products of matrices, reductions, and norms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from qnn_cases import Case, activation, bias, combinations, fed, stored, weight, whole
from qnn_draws import Draw
from qnn_operators.family import Family, families

from qnn_tflite.kinds import FEW, NARROW, REAL
from qnn_tflite.windows import FUSED, image

REDUCTIONS = ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD")


def _fully_connected(op: str, draw: Draw) -> Iterator[Case]:
    rows, inside, out = draw.shape(4, 16, 8)
    plain = {"fused_activation_function": "NONE", "weights_format": "DEFAULT",
             "keep_num_dims": False}  # fmt: skip
    for channel in (None, 0):
        kernel = weight(out, inside, channel=channel)
        biases = bias(out, channel)
        for fused in FUSED:
            choice = {**plain, "fused_activation_function": fused}
            yield Case(op, (activation(rows, inside), kernel, biases), choice, opset=1)
        yield Case(op, (activation(rows, inside), kernel), plain, opset=1)
        for keep in (False, True):
            choice = {**plain, "keep_num_dims": keep}
            for shape in ((1, inside), (2, rows, inside), (1, 2, rows, inside), (1, 1, 1, inside)):
                yield Case(op, (activation(*shape), kernel, biases), choice, opset=1)
    yield Case(op, (activation(rows, inside), activation(out, inside)), plain, opset=1)
    yield Case(op, (activation(rows, inside, open=(0,)), kernel, biases), plain, opset=1)


def _batch_matmul(op: str, draw: Draw) -> Iterator[Case]:
    rows, inner, columns = draw.shape(4, 8, 6)
    for choice in combinations(adj_x=[False, True], adj_y=[False, True]):
        one = (inner, rows) if choice["adj_x"] else (rows, inner)
        other = (columns, inner) if choice["adj_y"] else (inner, columns)
        for before, after in (((), ()), ((2,), (2,)), ((1, 3), (1, 3)), ((2, 3), (1, 3)),
                              ((2,), ()), ((1, 2, 2), (1, 2, 2))):  # fmt: skip
            left = activation(*before, *one)
            yield Case(op, (left, activation(*after, *other)), choice, opset=1)
            yield Case(op, (left, stored(*after, *other)), choice, opset=1)


def _many_axes(op: str, draw: Draw) -> Iterator[Case]:
    """Products of five axes, whose last two have all kinds of sizes, and of what is broadcast."""
    for rows, inner, columns in (
        (4, 8, 6),
        (4, 7, 8),
        (8, 16, 8),
        (3, 5, 7),
        (1, 8, 4),
        (16, 8, 1),
    ):
        one, other = draw.shape(rows, inner), draw.size(columns)
        for before, after in (((1, 2, 2), (1, 2, 2)), ((2, 1, 3), (2, 1, 3)), ((1, 1, 2), ()),
                              ((2, 2, 3), (1, 1, 3))):  # fmt: skip
            for adjoint in (False, True):
                last = (other, one[1]) if adjoint else (one[1], other)
                choice = {"adj_x": False, "adj_y": adjoint}
                yield Case(op, (activation(*before, *one), activation(*after, *last)), choice,
                           opset=1)  # fmt: skip


def _by_weights(op: str, draw: Draw) -> Iterator[Case]:
    rows, inner, columns = draw.shape(4, 8, 6)
    for adjoint in (False, True):
        kernel = weight(columns, inner) if adjoint else weight(inner, columns)
        choice = {"adj_x": False, "adj_y": adjoint}
        for before in ((), (2,), (1, 3)):
            yield Case(op, (activation(*before, rows, inner), kernel), choice, opset=1)


def _reduce(op: str, draw: Draw) -> Iterator[Case]:
    shape = image(draw)
    for keep in (False, True):
        for axes in ([1], [3], [1, 2], [-1], [0, 1, 2, 3], [0], [2, 3]):
            choice = {"keep_dims": keep}
            yield Case(op, (activation(*shape), whole(axes)), choice, opset=1, span=(0.5, 1.5))
        for flat in draw.ranks():
            choice = {"keep_dims": keep}
            yield Case(op, (activation(*flat), whole([-1])), choice, opset=1, span=(0.5, 1.5))
        yield Case(op, (activation(*shape), whole(1)), choice, opset=1, span=(0.5, 1.5))
        fed_axes = fed("int32", (1,), 1, 2)
        yield Case(op, (activation(*shape), fed_axes), choice, opset=1, span=(0.5, 1.5))


def _positions(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        for axis in sorted({0, -1, len(shape) // 2}):
            for result in ("int32", "int64"):
                choice = {"output_type": result}
                yield Case(op, (activation(*shape), whole(axis)), choice, opset=1)


def _softmax(op: str, draw: Draw) -> Iterator[Case]:
    shapes = draw.ranks()
    if op == "LOCAL_RESPONSE_NORMALIZATION":
        shapes = (image(draw), image(draw, 16))
    for shape in shapes:
        choices: tuple[dict[str, Any], ...] = ({},)
        if op == "SOFTMAX":
            choices = ({"beta": 1.0}, {"beta": draw.number(0.5, 0.2, 2.0)})
        elif op == "L2_NORMALIZATION":
            choices = tuple({"fused_activation_function": each} for each in FUSED[:2])
        elif op == "LOCAL_RESPONSE_NORMALIZATION":
            choices = ({"radius": 2, "bias": 1.0, "alpha": 0.1, "beta": 0.5},)
        for choice in choices:
            yield Case(op, (activation(*shape),), choice, opset=1)
    yield Case(op, (activation(*image(draw), open=(0,)),), choices[0], opset=1)


def _diagonal(op: str, draw: Draw) -> Iterator[Case]:
    yield Case(op, (activation(*draw.shape(2, 4)),), opset=1)


def _truths(op: str, draw: Draw) -> Iterator[Case]:
    for shape in draw.ranks():
        for keep in (False, True):
            choice = {"keep_dims": keep}
            yield Case(op, (activation(*shape), whole([-1])), choice, opset=1)


_NORMS = ("SOFTMAX", "LOG_SOFTMAX", "L2_NORMALIZATION", "LOCAL_RESPONSE_NORMALIZATION")

FAMILIES: Mapping[str, Family] = {
    "FULLY_CONNECTED": Family("FULLY_CONNECTED", _fully_connected, REAL, NARROW),
    "BATCH_MATMUL": Family("BATCH_MATMUL", _batch_matmul, REAL, (*FEW, "int32")),
    "BATCH_MATMUL of five axes": Family("BATCH_MATMUL", _many_axes, REAL, ("float16",)),
    "BATCH_MATMUL by weights": Family("BATCH_MATMUL", _by_weights, ("s8w8",), NARROW),
    **families(_reduce, REDUCTIONS, REAL, (*FEW, "int32", "int64")),
    **families(_truths, ("REDUCE_ANY", "REDUCE_ALL"), ("bool",)),
    **families(_positions, ("ARG_MAX", "ARG_MIN"), REAL, (*FEW, "int32")),
    **families(_softmax, _NORMS, REAL, FEW),
    "MATRIX_DIAG": Family("MATRIX_DIAG", _diagonal, ("float32",)),
    "WHERE": Family("WHERE", _diagonal, ("bool",)),
}
