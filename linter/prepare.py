"""Nodes that TFLite's CPU kernels refuse to prepare, so that the model does not run at all.

A delegate does not cure that: the runtime prepares every node on the CPU first. What the
kernels demand is written down in `npulint.opsets.tflite_kernels` and `tflite_grids`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from npulint.obstacle import Obstacle
from npulint.opsets import tflite_grids as grids
from npulint.opsets import tflite_kernels as kernels

if TYPE_CHECKING:
    from npulint.model import Graph, Node

_Types: TypeAlias = "Sequence[str | None]"


def refusal(graph: Graph, node: Node, dtypes: _Types) -> Obstacle | None:
    """Say why no CPU kernel prepares a node, where that is written down.

    Told are missing and mistyped biases of convolutions, operands whose element types differ
    where they must agree, types that a kernel does not take, int16 with a zero point, and
    quantised operands on other grids than the kernel computes on. Such a model does not run at
    all, delegate or not.

    Args:
        graph: A TFLite graph.
        node: One of its nodes, of a builtin operator.
        dtypes: Element type of each value as the kernels before have left it.

    Returns:
        The obstacle; None where no reason is known.
    """
    for test in (
        _missing_bias,
        _foreign_type,
        _mixed_types,
        _asymmetric,
        _unequal_grids,
        _foreign_grid,
    ):
        found = test(graph, node, dtypes)
        if found is not None:
            why, lines = found
            message = f"{node.op} (node {node.index}) cannot be prepared on the CPU: {why}"
            return Obstacle("prepare", node.index, None, message, kernels.source(lines), why)
    return None


def _missing_bias(graph: Graph, node: Node, dtypes: _Types) -> tuple[str, str] | None:
    position = kernels.BIAS_AT.get(node.op)
    if position is None:
        return None
    given = node.inputs[position] if position < len(node.inputs) else None
    if given is None or given < 0:
        lines = kernels.BIAS_MISSING.get(node.op)
        if lines is None or (given is None and node.op != "CONV_2D"):
            return None
        return "it has no bias, and its kernel demands one", lines
    by_input, lines = kernels.BIAS_TYPES[node.op]
    source = node.inputs[kernels.DATA_AT.get(node.op, 0)]
    taken = by_input.get(dtypes[source] or "") if source >= 0 else None
    found = dtypes[given]
    if taken is None or found in taken:
        return None
    return f"its bias is {found}; {' or '.join(taken)} is taken", lines


def _foreign_type(graph: Graph, node: Node, dtypes: _Types) -> tuple[str, str] | None:
    types = kernels.INPUT_TYPES.get(node.op)
    given = _operands(node, (kernels.DATA_AT.get(node.op, 0),), ())
    if types is None or not given or dtypes[given[0]] in types[0]:
        return None
    return f"its input is {dtypes[given[0]]}; {', '.join(types[0])} are taken", types[1]


def _mixed_types(graph: Graph, node: Node, dtypes: _Types) -> tuple[str, str] | None:
    demand = kernels.SAME_TYPE.get(node.op)
    if demand is None:
        return None
    types = list(
        dict.fromkeys(dtypes[v] or "" for v in _operands(node, demand.inputs, demand.outputs))
    )
    if len(types) < 2:
        return None
    return f"its operands mix {' and '.join(types)}; one type is taken", demand.lines


def _asymmetric(graph: Graph, node: Node, dtypes: _Types) -> tuple[str, str] | None:
    demand = kernels.SYMMETRIC_INT16.get(node.op)
    if demand is None:
        return None
    given = _operands(node, demand.inputs, demand.outputs)
    if not given or dtypes[given[0]] != "int16":
        return None
    for index in given:
        quantisation = graph.values[index].quantisation
        if quantisation is not None and quantisation.zero_point:
            return "an int16 operand has a zero point other than 0", demand.lines
    return None


def _unequal_grids(graph: Graph, node: Node, dtypes: _Types) -> tuple[str, str] | None:
    demand = grids.ONE_GRID.get(node.op)
    if demand is None or not demand.refused:
        return None
    given = _operands(node, demand.inputs, tuple(range(len(node.outputs))))
    if not given or dtypes[given[0]] not in demand.refused:
        return None
    found = dict.fromkeys(_grid(graph, index) for index in given)
    if len(found) < 2:
        return None
    shown = " and ".join(f"scale {scale:.6g}, zero point {zero}" for scale, zero in found)
    return f"its quantised operands lie on more than one grid ({shown})", demand.kernel


def _foreign_grid(graph: Graph, node: Node, dtypes: _Types) -> tuple[str, str] | None:
    fixed = grids.FIXED_GRID.get(node.op)
    made = _operands(node, (), (0,))
    if fixed is None or not made or not node.inputs or node.inputs[0] < 0:
        return None
    demand = fixed.get(dtypes[made[0]] or "")
    if demand is None or demand.share is None or dtypes[made[0]] != dtypes[node.inputs[0]]:
        return None
    scale, zero = _grid(graph, made[0])
    if abs(scale - demand.scale) > demand.share * demand.scale:
        return f"its result has scale {scale:.6g}; {demand.scale:.6g} is taken", demand.kernel
    if demand.holds_zero and zero != demand.zero_point:
        return f"its result has zero point {zero}; {demand.zero_point} is taken", demand.kernel
    return None


def _grid(graph: Graph, index: int) -> tuple[float, int]:
    """Scale and zero point as a kernel reads them: 0 where there is not just one."""
    quantisation = graph.values[index].quantisation
    if quantisation is None or quantisation.scale is None:
        return 0.0, 0
    return quantisation.scale, quantisation.zero_point or 0


def _operands(node: Node, inputs: tuple[int, ...] | None, outputs: tuple[int, ...]) -> list[int]:
    """Values by the positions of operands, those that are there."""
    chosen = node.inputs
    if inputs is not None:
        chosen = tuple(node.inputs[p] for p in inputs if p < len(node.inputs))
    made = tuple(node.outputs[p] for p in outputs if p < len(node.outputs))
    return [index for index in chosen + made if index >= 0]
