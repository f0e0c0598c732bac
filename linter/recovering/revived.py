"""A model file as a PyTorch module, node for node, with its weights to be trained.

Nothing of a file is changed by it: what a support table was asked about, and what a rewrite made
of it, stays the graph that it is. `revived_writing` puts trained weights back into the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import torch

from npulint.errors import UsageError
from npulint.formats import load
from npulint.recovering import operators_onnx, operators_tflite
from npulint.recovering.operators_site import NoWayError, Site
from npulint.recovering.operators_types import TYPES
from npulint.recovering.revived_places import sharing
from npulint.recovering.revived_weights import trained_values

if TYPE_CHECKING:
    from npulint.model import Constant, Graph, Model, Node
    from npulint.recovering.operators_site import Compute, Maker

_SHOWN = 5
"""Operators that one message names."""

OPERATORS: Mapping[str, Mapping[str, Maker]] = MappingProxyType(
    {"onnx": operators_onnx.OPERATORS, "tflite": operators_tflite.OPERATORS}
)
"""Makers by dialect and operator name."""

_QUANTISED = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantize", "QLinear", "QUANTIZE")
"""How the names of operators begin that are there for integers in place of real numbers."""

_HALVES = frozenset({torch.float16, torch.bfloat16})


@dataclass(frozen=True, slots=True)
class _Step:
    """One node: what it is given, what it does, what it makes and what nobody needs after it."""

    node: Node
    compute: Compute
    finished: tuple[int, ...]


class Revived(torch.nn.Module):
    """A model file as a module, called with the file's inputs in its own order and layouts.

    Numbers of 16 bits are computed in float32.

    Attributes:
        input_names: The inputs, as the file names them.
        output_names: The outputs.
        trained: The weights that are parameters, in the file's order.
        places: Their positions among the values of the file's main graph.
        weights: The parameters.
        source: Dialect, size and digest of the file.
    """

    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    trained: tuple[str, ...]

    def __init__(self, model: Model) -> None:
        """Make a module of a model.

        Args:
            model: A model that was read from a file.

        Raises:
            UsageError: The model has operators that are not computed, or is quantised.
        """
        super().__init__()
        _refuse_quantised(model)
        graph = model.graphs[0]
        self._graph = graph
        self.source = model.dialect, model.size, model.digest
        self._steps = tuple(_steps(graph, model.path))
        self.input_names = tuple(graph.values[index].name for index in graph.inputs)
        self.output_names = tuple(graph.values[index].name for index in graph.outputs)
        shared = sharing(model)
        self.places = trained_values(graph, shared)
        self.trained = tuple(graph.values[index].name for index in self.places)
        self.weights = torch.nn.ParameterList(
            torch.nn.Parameter(_tensor(graph.values[index].constant)) for index in self.places
        )
        number = {index: place for place, index in enumerate(self.places)}
        self._parameters_of: dict[int, tuple[int, tuple[int, ...]]] = {}
        self._buffer_of: dict[int, str] = {}
        for index, first in shared.items():
            constant = graph.values[index].constant
            if constant is None or constant.sparse or constant.dtype not in TYPES:
                continue
            if first in number:
                self._parameters_of[index] = number[first], constant.shape
            else:
                self._buffer_of[index] = f"stored_{index}"
                self.register_buffer(f"stored_{index}", _tensor(constant), persistent=False)

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Compute the outputs.

        Args:
            inputs: The inputs in the order of `input_names`, laid out as in the file.

        Returns:
            The outputs in the order of `output_names`.

        Raises:
            UsageError: There are more or fewer inputs, or a node meets what is not computed.
        """
        if len(inputs) != len(self.input_names):
            raise UsageError(
                f"the network has {len(self.input_names)} inputs, and {len(inputs)} were given"
            )
        known: dict[int, torch.Tensor] = {
            index: each.float() if each.dtype in _HALVES else each
            for index, each in zip(self._graph.inputs, inputs, strict=True)
        }
        for step in self._steps:
            operands = [None if i < 0 else self._value(i, known) for i in step.node.inputs]
            try:
                made = step.compute(operands)
            except NoWayError as error:
                raise UsageError(f"{_shown(step.node)}: {error}") from None
            results = (made,) if isinstance(made, torch.Tensor) else made
            known.update(zip(step.node.outputs, results, strict=False))
            for index in step.finished:
                known.pop(index, None)
        return tuple(self._value(index, known) for index in self._graph.outputs)

    def round_weights(self) -> None:
        """Make of each weight what the file's own type holds of it."""
        with torch.no_grad():
            for index, weight in zip(self.places, self.weights, strict=True):
                if self._graph.values[index].dtype == "float16":
                    weight.copy_(weight.half())

    def _value(self, index: int, known: Mapping[int, torch.Tensor]) -> torch.Tensor:
        """What a value holds: computed, trained or stored."""
        if index in known:
            return known[index]
        if index in self._parameters_of:
            number, shape = self._parameters_of[index]
            return self.weights[number].reshape(shape)
        return getattr(self, self._buffer_of[index])


def revive(path: Path) -> Revived:
    """Make a trainable module of a model file.

    Args:
        path: An `.onnx` or `.tflite` file of floating-point numbers.

    Raises:
        ModelFileError: The file is no model, a damaged one, or leads to data outside its folder.
        UsageError: It is quantised, or has operators that are not computed here.
    """
    return Revived(load(path))


def _steps(graph: Graph, path: Path) -> Iterator[_Step]:
    """The nodes in the file's order, with what each one does.

    Raises:
        UsageError: Some are not computed.
    """
    last = {index: node.index for node in graph.nodes for index in node.inputs}
    kept = set(graph.outputs)
    refused = []
    for node in graph.nodes:
        if all(i < 0 or graph.values[i].constant is not None for i in node.outputs):
            continue
        try:
            compute = _compute(graph, node)
        except (NoWayError, ArithmeticError, LookupError, ValueError) as error:
            refused.append(f"{_shown(node)}: {error}")
            continue
        ends = {*node.inputs, *node.outputs} - kept
        finished = tuple(index for index in ends if last.get(index, node.index) == node.index)
        yield _Step(node, compute, finished)
    if refused:
        more = f"; and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
        raise UsageError(f"{path}: cannot be trained: {'; '.join(refused[:_SHOWN])}{more}")


def _compute(graph: Graph, node: Node) -> Compute:
    operators = OPERATORS[graph.dialect]
    if node.custom or node.domain not in ("", "ai.onnx") or node.op not in operators:
        raise NoWayError("it is not known how to compute it")
    for index in node.inputs:
        constant = graph.values[index].constant if index >= 0 else None
        if constant is not None and (constant.sparse or constant.dtype not in TYPES):
            kind = "sparse" if constant.sparse else f"as {constant.dtype}"
            raise NoWayError(f"{graph.values[index].name} is stored {kind}")
    return operators[node.op](Site(graph.operation(node)))


def _refuse_quantised(model: Model) -> None:
    """Refuse a model of which any number is quantised.

    Raises:
        UsageError: It is.
    """
    for node in model.graphs[0].nodes:
        values = (model.graphs[0].values[i] for i in (*node.inputs, *node.outputs) if i >= 0)
        if (
            node.op.startswith(_QUANTISED)
            or node.op.endswith("Integer")
            or any(each.quantisation is not None for each in values if not _floating(each.dtype))
        ):
            raise UsageError(
                f"{model.path}: is quantised ({_shown(node)}); recover a model before quantising it"
            )


def _floating(dtype: str | None) -> bool:
    return dtype is not None and dtype.startswith(("float", "bfloat"))


def _shown(node: Node) -> str:
    return f"node {node.index} ({node.op})"


def _tensor(constant: Constant | None) -> torch.Tensor:
    """A stored tensor, in the type that it is computed in."""
    if constant is None:
        raise LookupError("no stored tensor")
    return torch.from_numpy(np.array(constant.read())).to(TYPES[constant.dtype])
