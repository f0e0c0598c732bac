"""Reference networks exported with open sizes: every value against what the runtimes make."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from npulint.errors import UsageError
from npulint.formats import load
from npulint.reference_models import define
from npulint.reference_models.network import Network
from npulint.reference_models.trial import small
from npulint.sizing.site import sizes_of
from npulint.sizing.walk import resized

OPEN = (
    ("csanet", "dynamo"),
    ("csanet", "tflite"),
    ("nafnet_tiny", "torchscript"),
    ("sgn", "tflite"),
    ("unet_small", "torchscript"),
    ("unet_small", "tflite"),
)
"""Networks whose definitions go with any sizes, and by what they are exported."""

HELD = {"cvml": "Resize", "noahtcv": "Resize"}
"""Networks whose definitions resize to given sizes, and by what."""

BATCH, HEIGHT, WIDTH = 2, 80, 112


def by_torch(network: Network, path: Path, *, dynamo: bool) -> None:
    import torch

    from npulint.reference_models.torch_builder import build

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    image = torch.zeros(2, network.image.channels, *network.image[:2])
    names: dict[str, Any] = {"input_names": ["input"], "output_names": ["output"]}
    if dynamo:
        free = torch.export.Dim.AUTO
        shapes = ({0: free, 2: free, 3: free},)
        names |= {"dynamic_shapes": shapes, "external_data": False}
    else:
        names["dynamic_axes"] = {"input": {0: "n", 2: "h", 3: "w"}}
    torch.onnx.export(
        build(network), (image,), path, opset_version=18, dynamo=dynamo, verbose=False, **names
    )


def by_tensorflow(network: Network, path: Path) -> None:
    from npulint.reference_models.keras_builder import build, tf

    sizes = (None, None, None, network.image.channels)
    model = build(network, sizes)
    image = tf.TensorSpec(sizes, tf.float32, name="input")
    function = tf.function(model, input_signature=[image]).get_concrete_function()
    held = tf.Module()
    held.weights = [variable.value for variable in model.variables]
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([function], held).convert())
    tf.keras.backend.clear_session()


def onnxruntime_sizes(path: Path, shape: tuple[int, ...]) -> Mapping[Any, tuple[int, ...]]:
    """By name, of every value that a node makes."""
    import onnxruntime

    model = onnx.load(path)
    known = {output.name for output in model.graph.output}
    made = [name for node in model.graph.node for name in node.output if name not in known]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in made if name)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    arrays = session.run(names, {"input": np.zeros(shape, np.float32)})
    return {name: np.shape(array) for name, array in zip(names, arrays, strict=True)}


def litert_sizes(path: Path, shape: tuple[int, ...]) -> Mapping[Any, tuple[int, ...]]:
    """By position, of every tensor, once the input has its sizes and the model has run."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(str(path), experimental_op_resolver_type=resolver)
    (image,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(image["index"], shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(image["index"], np.zeros(shape, np.float32))
    interpreter.invoke()
    return {each["index"]: tuple(each["shape"]) for each in interpreter.get_tensor_details()}


def exported(name: str, form: str, folder: Path) -> tuple[Path, tuple[int, ...]]:
    """A network with its batch, height and width open, and the sizes to take it at."""
    network = define(name, small(name))
    channels = network.image.channels
    if form == "tflite":
        path = folder / f"{name}.tflite"
        by_tensorflow(network, path)
        return path, (BATCH, HEIGHT, WIDTH, channels)
    path = folder / f"{name}.onnx"
    by_torch(network, path, dynamo=form == "dynamo")
    return path, (BATCH, channels, HEIGHT, WIDTH)


@pytest.mark.filterwarnings("ignore")  # Of the exporters, about themselves.
@pytest.mark.parametrize(("name", "form"), OPEN)
def test_all_sizes_are_those_of_the_runtime(name: str, form: str, tmp_path: Path) -> None:
    path, shape = exported(name, form, tmp_path)
    graph = resized(load(path), {"": shape}).graphs[0]
    real = litert_sizes(path, shape) if form == "tflite" else onnxruntime_sizes(path, shape)
    made = [graph.values[index] for node in graph.nodes for index in node.outputs if index >= 0]
    keys = [value.index if form == "tflite" else value.name for value in made]
    assert [sizes_of(value) for value in made] == [real[key] for key in keys]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", HELD)
def test_what_is_held_to_the_sizes_of_its_export_is_named(name: str, tmp_path: Path) -> None:
    path, shape = exported(name, "torchscript", tmp_path)
    with pytest.raises(Exception, match="ONNXRuntimeError"):
        onnxruntime_sizes(path, shape)
    with pytest.raises(UsageError, match=rf"; {HELD[name]} \(node .* is held to its sizes by"):
        resized(load(path), {"": shape})
