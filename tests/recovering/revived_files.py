"""Small files whose weights are trained, and how what they compute is held against a runtime."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import helper, numpy_helper

from npulint.formats import load
from npulint.recovering.revived import Revived, revive

Array = npt.NDArray[Any]

SHARE = 1e-4
"""Of an output's range: by how much PyTorch may differ from a runtime, in float32."""


def random(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def onnx_model(
    nodes: Iterable[onnx.NodeProto],
    inputs: dict[str, Sequence[Any]],
    outputs: Sequence[str],
    stored: dict[str, Array] | Sequence[onnx.TensorProto] = (),
    opset: int = 18,
) -> onnx.ModelProto:
    """A model of float32 inputs and outputs."""
    kind = onnx.TensorProto.FLOAT
    tensors = (
        [numpy_helper.from_array(array, name) for name, array in stored.items()]
        if isinstance(stored, dict)
        else list(stored)
    )
    graph = helper.make_graph(
        list(nodes),
        "main",
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, kind, None) for name in outputs],
        tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def written(folder: Path, model: onnx.ModelProto | bytes, name: str = "model.onnx") -> Path:
    path = folder / name
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    return path


def inputs_of(path: Path, seed: int = 3) -> list[Array]:
    """Inputs between 0 and 1 for a file; sizes that it leaves open are 1."""
    graph = load(path).graphs[0]
    source = np.random.default_rng(seed)
    return [
        source.uniform(
            0, 1, [each if isinstance(each, int) else 1 for each in graph.values[index].shape or ()]
        ).astype(np.float32)
        for index in graph.inputs
    ]


def by_runtime(path: Path, inputs: Sequence[Array]) -> list[Array]:
    """What the file's own runtime computes, in this process and with its plain kernels."""
    if path.suffix == ".onnx":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level, options.intra_op_num_threads = 3, 1
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        names = [each.name for each in session.get_inputs()]
        return list(session.run(None, dict(zip(names, inputs, strict=True))))
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(str(path), experimental_op_resolver_type=resolver, num_threads=1)
    places = [each["index"] for each in interpreter.get_input_details()]
    for place, array in zip(places, inputs, strict=True):
        interpreter.resize_tensor_input(place, array.shape)
    interpreter.allocate_tensors()
    for place, array in zip(places, inputs, strict=True):
        interpreter.set_tensor(place, array)
    interpreter.invoke()
    results = [each["index"] for each in interpreter.get_output_details()]
    return [interpreter.get_tensor(place) for place in results]


def by_pytorch(module: Revived, inputs: Sequence[Array]) -> list[Array]:
    with torch.no_grad():
        given = [torch.from_numpy(np.array(each)) for each in inputs]
        return [each.numpy() for each in module(*given)]


def see_that_it_computes(path: Path, inputs: Sequence[Array] | None = None) -> Revived:
    """See that a file revived computes what its runtime does.

    Returns:
        The module.
    """
    inputs = inputs_of(path) if inputs is None else inputs
    module = revive(path)
    made, wanted = by_pytorch(module, inputs), by_runtime(path, inputs)
    assert len(made) == len(wanted)
    for one, other in zip(made, wanted, strict=True):
        assert one.shape == other.shape
        assert np.isfinite(other).all()
        reach = max(float(np.ptp(other)), float(np.abs(other).max()) * 1e-3, 1e-12)
        assert np.abs(one - other).max() <= SHARE * reach, path
    return module


def trained(
    module: Revived, inputs: Sequence[Array], steps: int = 8, rate: float = 0.01
) -> list[float]:
    """Losses while a few steps are taken towards outputs of zero."""
    given = [torch.from_numpy(each) for each in inputs]
    optimiser = torch.optim.Adam(module.parameters(), lr=rate)
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = sum(torch.square(each).mean() for each in module(*given))
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses
