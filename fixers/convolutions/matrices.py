"""Products with a stored matrix: fully connected layers, 1x1 convolutions, matrix products."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from npulint.fixers.building.formula import formula
from npulint.fixers.pointwise.ways import activation, readings_of, unfit
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal, always
from npulint.operators.rearrangements import Dense, MatMul

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.fixers.norms.constants import Numbers, Readings
    from npulint.model import Graph, Node


_BATCH = "BATCH_MATMUL"


@dataclass(frozen=True, slots=True, eq=False)
class MatrixProduct:
    """result[..., n] = sum over k of source[..., k] * matrix[n, k], + bias[n], an activation.

    Attributes:
        op: The operator that was met.
        flat: Whether it is a fully connected layer of matrices: of rank 2, in and out.
        source: Position of the data.
        matrix: `[N, K]`.
        bias: `[N]`, or None.
        rows: How many vectors of K elements the data is.
        result: The sizes of the result.
        activation: TFLite name of a fused activation.
    """

    op: str
    flat: bool
    source: int
    matrix: Numbers
    bias: Numbers | None
    rows: int
    result: tuple[int, ...]
    activation: str


def recognise(graph: Graph) -> Iterator[Occurrence[MatrixProduct]]:
    """Find every product with a matrix but for convolutions."""
    readings = readings_of(graph)
    for node in graph.nodes:
        operator = readings.operator(node)
        # Batches of transposed matrices have no record.
        if node.op == _BATCH or isinstance(operator, (MatMul, Dense)):
            found = _read(readings, node)
            yield Occurrence(node.op, (node.index,), node.outputs, found)


def _read(readings: Readings, node: Node) -> MatrixProduct | Refusal:
    given = [index for index in node.inputs if index >= 0]
    refusal = unfit(readings, node, (*given, node.outputs[0]))
    shape, result = readings.sizes(node.inputs[0]), readings.sizes(node.outputs[0])
    if refusal is not None or shape is None or result is None:
        return refusal or Refusal("the sizes of its inputs and outputs are not all fixed")
    matrix = _matrix(readings, node)
    if isinstance(matrix, Refusal):
        return matrix
    bias = _bias(readings, node, len(matrix))
    if isinstance(bias, Refusal):
        return bias
    rows = math.prod(shape) // matrix.shape[1] if matrix.size else 0
    if matrix.size == 0 or math.prod(result) != rows * len(matrix):
        return Refusal("the matrix does not fit to the data")
    dense = isinstance(readings.operator(node), Dense) and node.op != _BATCH
    flat = dense and len(shape) == len(result) == 2
    return MatrixProduct(
        node.op, flat, node.inputs[0], matrix, bias, rows, result,
        activation(readings, node),
    )  # fmt: skip


def _matrix(readings: Readings, node: Node) -> Numbers | Refusal:
    """The matrix as `[N, K]`."""
    stored = readings.numbers(node.inputs[1])
    if stored is None:
        return Refusal("the matrix is computed at run time")
    if math.prod(stored.shape[:-2]) != 1 or stored.ndim < 2:
        return Refusal("there is not one matrix for all of the data")
    operator, alpha = readings.operator(node), 1.0
    swapped = bool(node.attributes.get("adj_x")), bool(node.attributes.get("adj_y"))
    if isinstance(operator, Dense):
        swapped, alpha = (operator.transpose_a, operator.transpose_b), operator.alpha
    if swapped[0]:
        return Refusal("the data is transposed first")
    matrix = stored.reshape(stored.shape[-2:])
    return (matrix if swapped[1] else matrix.T) * alpha


def _bias(readings: Readings, node: Node, count: int) -> Numbers | Refusal | None:
    if len(node.inputs) < 3 or node.inputs[2] < 0:
        return None
    bias = readings.numbers(node.inputs[2])
    if bias is None:
        return Refusal("the bias is computed at run time")
    if bias.size not in (1, count) or (bias.ndim and bias.shape[-1] != bias.size):
        return Refusal("the bias is not one number for each result")
    whole: Numbers = np.resize(bias, count)
    operator = readings.operator(node)
    return whole * (operator.beta if isinstance(operator, Dense) else 1.0)


def _not_dense(p: MatrixProduct) -> Refusal | None:
    return Refusal("it is what is there") if p.flat else None


def _layer(builder: Builder, p: MatrixProduct) -> list[int]:
    made = formula(builder, p.source)
    outputs, inputs = p.matrix.shape
    x = made.reshape(p.source, (p.rows, inputs))
    bias = np.zeros(outputs) if p.bias is None else p.bias
    value = made.activate(made.dense(x, p.matrix, bias), p.activation)
    return [made.reshape(value, p.result)]


def _convolution(builder: Builder, p: MatrixProduct) -> list[int]:
    """The vectors are samples of a map: in a row where channels are last, else a batch."""
    made = formula(builder, p.source)
    inputs = p.matrix.shape[1]
    last = made.channel_axis(4) == 3
    x = made.reshape(p.source, (1, 1, p.rows, inputs) if last else (p.rows, inputs, 1, 1))
    value = made.activate(made.mix(x, p.matrix, p.bias), p.activation)
    return [made.reshape(value, p.result)]


FAMILY: Family[MatrixProduct] = Family(
    "matrix",
    recognise,
    (
        Realisation(
            name="matrix/fully-connected",
            uses=("RESHAPE", "FULLY_CONNECTED"),
            exactness="exact",
            argument="data of any rank is rows of a matrix, which is what the layer takes",
            accepts=_not_dense,
            build=_layer,
        ),
        Realisation(
            name="matrix/convolution",
            uses=("RESHAPE", "CONV_2D"),
            exactness="exact",
            argument="a product of each vector with one matrix is a 1x1 convolution",
            accepts=always,
            build=_convolution,
        ),
    ),
)
