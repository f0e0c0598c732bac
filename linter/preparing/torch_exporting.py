"""What modules export to: models for the support tables, with the module behind each node."""

from __future__ import annotations

import ast
import copy
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import torch
from torch import nn

from npulint.formats import load
from npulint.reference_models.quiet import quiet
from npulint.sizing.filling import completed

if TYPE_CHECKING:
    from npulint.model import Model

Shapes = tuple[tuple[int, ...], ...]
"""Of the tensors that a module is called with."""

_SCOPES = "pkg.torch.onnx.name_scopes"
"""What PyTorch's exporter writes at each node: the modules that enclose it, and the call."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A network as its exporter writes it.

    Attributes:
        model: The model, on whose main graph the targets are asked.
        owners: For each node of that the module that it was made by; empty for the network's own
            code.
    """

    model: Model
    owners: tuple[str, ...]


class Exporter:
    """Exports modules by `torch.onnx.export`, as their user does afterwards.

    Args:
        folder: Where files may lie for as long as their models are asked about.
        opset: The ONNX opset; PyTorch's own choice when None.
    """

    def __init__(self, folder: Path, opset: int | None) -> None:
        self._folder = folder
        self._opset = opset
        self._count = 0

    def whole(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> Exported:
        """Export a network.

        Args:
            module: A float32 network in evaluation mode, on the CPU.
            inputs: What it is called with.

        Raises:
            Exception: Whatever the exporter raises.
        """
        proto = self._export(module, inputs)
        owners = tuple(map(_owner, proto.graph.node))
        for node in proto.graph.node:
            del node.metadata_props[:]
        model = self._read(proto)
        if len(model.graphs[0].nodes) != len(owners):
            owners = ("",) * len(model.graphs[0].nodes)
        return Exported(model, owners)

    def parts(self, modules: Sequence[nn.Module], shapes: Sequence[Shapes]) -> list[Model | str]:
        """Export modules by themselves, all in one go.

        Args:
            modules: The modules.
            shapes: What each is called with.

        Returns:
            For each its model, or why there is none.
        """
        if not modules:
            return []
        alike = [comparable(module) for module in modules]
        inputs = [[torch.zeros(shape) for shape in each] for each in shapes]
        try:
            bench = _Bench(alike, [len(each) for each in shapes]).eval()
            proto = self._export(bench, [tensor for each in inputs for tensor in each])
        except Exception as error:
            if len(modules) == 1:
                return [f"PyTorch does not export it: {first_line(error)}"]
            return [
                self.parts([module], [shape])[0]
                for module, shape in zip(modules, shapes, strict=True)
            ]
        found: list[Model | str] = []
        for number, output in enumerate(proto.graph.output):
            found.append(self._read(_behind(proto, output, f"part {number}")))
        return found

    def _export(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> onnx.ModelProto:
        with quiet(), _silent():
            program = torch.onnx.export(
                module,
                tuple(inputs),
                opset_version=self._opset,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        proto: onnx.ModelProto = program.model_proto
        return proto

    def _read(self, proto: onnx.ModelProto) -> Model:
        self._count += 1
        path = self._folder / f"{self._count}.onnx"
        path.write_bytes(proto.SerializeToString())
        return completed(load(path))


def comparable(module: nn.Module) -> nn.Module:
    """A copy in float32 and evaluation mode on the CPU, as networks are exported for phones."""
    return copy.deepcopy(module).to("cpu", torch.float32).eval()


class _Bench(nn.Module):
    """Modules that have nothing to do with each other, each with inputs of its own."""

    def __init__(self, parts: Sequence[nn.Module], counts: Sequence[int]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.counts = list(counts)

    def forward(self, *inputs: torch.Tensor) -> tuple[Any, ...]:
        made, first = [], 0
        for part, count in zip(self.parts, self.counts, strict=True):
            made.append(part(*inputs[first : first + count]))
            first += count
        return tuple(made)


def _behind(proto: onnx.ModelProto, output: onnx.ValueInfoProto, name: str) -> onnx.ModelProto:
    """The model of one output and of what it is computed of."""
    makers = {made: node for node in proto.graph.node for made in node.output}
    wanted, used = [output.name], set()
    kept = []
    while wanted:
        value = wanted.pop()
        if value in used:
            continue
        used.add(value)
        node = makers.get(value)
        if node is not None:
            kept.append(node)
            wanted += node.input
    order = {id(node): place for place, node in enumerate(proto.graph.node)}
    graph = onnx.helper.make_graph(
        sorted(kept, key=lambda node: order[id(node)]),
        name,
        [each for each in proto.graph.input if each.name in used],
        [output],
        [each for each in proto.graph.initializer if each.name in used],
        value_info=[each for each in proto.graph.value_info if each.name in used],
    )
    made = onnx.helper.make_model(graph, opset_imports=proto.opset_import)
    made.ir_version = proto.ir_version
    return made


def _owner(node: onnx.NodeProto) -> str:
    """The innermost module that a node was made by."""
    noted: Mapping[str, str] = {each.key: each.value for each in node.metadata_props}
    scopes = noted.get(_SCOPES)
    if scopes is None:
        return ""
    found = ast.literal_eval(scopes)
    return str(found[-2]) if len(found) > 1 else ""


def first_line(error: Exception) -> str:
    """The first line that an error says, its class where it says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


@contextmanager
def _silent() -> Iterator[None]:
    """Without the exporter's remarks about packages that are absent."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
