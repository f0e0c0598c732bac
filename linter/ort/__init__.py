"""A graph as ONNX Runtime shows it to an execution provider.

ONNX Runtime asks a provider about a graph that it has already changed: what is constant has been
computed, nodes without effect are gone, some have been merged, and an operator among
DequantizeLinear and QuantizeLinear is shown with them as one (microsoft/onnxruntime
onnxruntime/core/session/inference_session.cc TransformGraph @01f40e6). `see` does the same to a
graph of npulint's own, as far as it follows from the file for certain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from npulint.model import Graph, Operation
    from npulint.ort.view import View

QUANTISED_UNIT = "__quantised_unit"
"""An attribute of what stands for an operator and the quantisation around it."""


def see(
    graph: Graph,
    *,
    joined: bool = True,
    joined_too: Collection[str] = (),
    taken_as_one: Collection[str] = (),
    takes: Callable[[Operation], bool] | None = None,
) -> View:
    """Show a graph as ONNX Runtime shows it to a provider.

    Args:
        graph: An ONNX graph.
        joined: Whether the provider takes an operator with the DequantizeLinear and
            QuantizeLinear around it as one.
        joined_too: Operators of one operand that it takes so beyond those of ONNX Runtime.
        taken_as_one: Groups of nodes that the provider itself takes as one: `gelu`, `six-axes`.
        takes: Whether the provider takes an operation as the file has it; what it does not take
            is shown by its parts where it is a function of others. None for takes nothing.
    """
    from npulint.ort.view import see as implementation

    units = frozenset(joined_too) if joined else None
    return implementation(graph, units, tuple(taken_as_one), takes)
