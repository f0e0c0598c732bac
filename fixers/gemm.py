"""A matrix product and the sum behind it as one: ONNX's Gemm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npulint.fixers.norms.constants import Readings
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.model import Graph, Node

_BROADCASTS = 7
"""The opset since which Gemm's summand may be smaller than its product."""


@dataclass(frozen=True, slots=True)
class Affine:
    """result = left @ right + summand, of matrices.

    Attributes:
        left: Position of the left factor.
        right: That of the right one.
        summand: That of what is added.
        shape: Of the result.
        version: Of the operator set.
    """

    left: int
    right: int
    summand: int
    shape: tuple[int, ...]
    version: int


def recognise(graph: Graph) -> Iterator[Occurrence[Affine]]:
    """Find every product of matrices that one sum alone reads."""
    if graph.dialect != "onnx":
        return
    readings = Readings(graph)
    for node in graph.nodes:
        if node.op != "MatMul" or node.domain:
            continue
        product = node.outputs[0]
        readers = graph.uses[product].readers
        if len(readers) == 1 and product not in graph.outputs:
            found = _affine(readings, node, readers[0])
            if found is not None:
                covers = tuple(sorted((node.index, readers[0].index)))
                yield Occurrence("MatMul+Add", covers, readers[0].outputs, found)


def _affine(readings: Readings, product: Node, then: Node) -> Affine | None:
    """Both as one; None where the second does anything else, or sizes are not known."""
    if then.op != "Add" or then.domain or len(then.inputs) != 2:
        return None
    summand = then.inputs[1 if then.inputs[0] == product.outputs[0] else 0]
    shapes = [readings.sizes(index) for index in (*product.inputs, *then.outputs, summand)]
    left, right, shape, added = shapes
    if left is None or right is None or shape is None or added is None:
        return None
    if not len(left) == len(right) == len(shape) == 2 or len(added) > 2:
        return None
    if shape != (left[0], right[1]):
        return None
    return Affine(product.inputs[0], product.inputs[1], summand, shape, product.version)


def _since_broadcasts(affine: Affine) -> Refusal | None:
    if affine.version < _BROADCASTS:
        return Refusal(f"before opset {_BROADCASTS} a Gemm adds in another way")
    return None


def _built(builder: Builder, affine: Affine) -> list[int]:
    operands = [affine.left, affine.right, affine.summand]
    return [builder.value_node("Gemm", operands, affine.shape)]


FAMILY: Family[Affine] = Family(
    "gemm",
    recognise,
    (
        Realisation(
            name="gemm/product-and-sum",
            uses=("Gemm",),
            exactness="exact",
            argument="Gemm is A*B + C, with factors of 1 and nothing transposed",
            accepts=_since_broadcasts,
            build=_built,
        ),
    ),
)
