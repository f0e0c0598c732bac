"""What real runtimes make of a model file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

Arrays = list[np.ndarray[Any, Any]]


def litert(path: Path, seed: int = 0) -> Arrays:
    """The outputs of a TFLite model for random inputs, without delegates."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_path=str(path),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    random = np.random.default_rng(seed)
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], _random(random, detail["shape"], detail["dtype"]))
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def onnxruntime(path: Path, seed: int = 0) -> Arrays:
    """The outputs of an ONNX model for random inputs, unoptimised; free sizes are 2."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(seed)
    feeds = {
        node.name: _random(
            random,
            [size if isinstance(size, int) else 2 for size in node.shape],
            {"tensor(float)": np.float32, "tensor(int64)": np.int64}[node.type],
        )
        for node in session.get_inputs()
    }
    return list(session.run(None, feeds))


def same(one: Arrays, other: Arrays) -> bool:
    """Whether outputs are the same to the bit."""
    return len(one) == len(other) and all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        for a, b in zip(one, other, strict=True)
    )


def _random(random: np.random.Generator, shape: Any, dtype: Any) -> np.ndarray[Any, Any]:
    if np.issubdtype(dtype, np.floating):
        return random.standard_normal(shape).astype(dtype)
    if dtype is np.bool_:
        return random.integers(0, 2, shape).astype(dtype)
    return random.integers(0, 3, shape).astype(dtype)
