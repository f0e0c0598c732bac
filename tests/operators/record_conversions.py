"""Writes recorded.json: what onnx2tf and TensorFlow Lite's converter make of every case.

Not a test. Run it by hand in an environment that has onnx2tf 1.29, tensorflow 2.21, tf_keras,
onnx 1.19, onnxruntime and the small packages that onnx2tf asks for:

    python tests/operators/record_conversions.py
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import tempfile
from pathlib import Path

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1", TF_USE_LEGACY_KERAS="1")

import numpy as np
import onnx
import onnx2tf.onnx2tf
from lowering_cases import CASES, GRAPHS
from lowering_models import onnx_model
from tensorflow.lite.python import schema_py_generated as schema

RECORDED = Path(__file__).with_name("recorded.json")


def _names(enumeration: type) -> dict[int, str]:
    return {v: k for k, v in vars(enumeration).items() if not k.startswith("_")}


_TYPES = {code: name.lower() for code, name in _names(schema.TensorType).items()}
_OPERATORS = _names(schema.BuiltinOperator)
_ENUMERATIONS = {
    "padding": _names(schema.Padding),
    "fused_activation_function": _names(schema.ActivationFunctionType),
    "weights_format": _names(schema.FullyConnectedOptionsWeightsFormat),
    "mode": _names(schema.MirrorPadMode),
    "output_type": _TYPES,
    "out_type": _TYPES,
    "in_data_type": _TYPES,
    "out_data_type": _TYPES,
    "quantized_bias_type": _TYPES,
}


def _tensor(model: schema.ModelT, graph: schema.SubGraphT, index: int) -> str:
    """`dtype[sizes]`, with `c` behind a constant and -1 for a free size; `-` for none."""
    if index < 0:
        return "-"
    tensor = graph.tensors[index]
    data = model.buffers[tensor.buffer].data
    signature = tensor.shapeSignature
    shape = signature if signature is not None and len(signature) else tensor.shape
    sizes = ",".join(str(int(size)) for size in (shape if shape is not None else ()))
    constant = "c" if data is not None and len(data) else ""
    return f"{_TYPES[tensor.type]}[{sizes}]{constant}"


def _options(operator: schema.OperatorT) -> dict[str, object]:
    found: dict[str, object] = {}
    for table in (operator.builtinOptions, operator.builtinOptions2):
        for camel, value in vars(table).items() if table else ():
            name = re.sub(r"(?<!^)(?=[A-Z])", "_", camel).lower().replace("int16", "_int16")
            name = name.replace("__", "_")
            plain = value.tolist() if isinstance(value, np.ndarray) else value
            found[name] = _ENUMERATIONS[name][plain] if name in _ENUMERATIONS else plain
    return found


def _operations(data: bytes) -> list[dict[str, object]]:
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    rows = []
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
            custom = builtin == schema.BuiltinOperator.CUSTOM
            rows.append(
                {
                    "op": code.customCode.decode() if custom else _OPERATORS[builtin],
                    "version": code.version,
                    "options": _options(operator),
                    "inputs": [_tensor(model, graph, index) for index in operator.inputs],
                    "outputs": [_tensor(model, graph, index) for index in operator.outputs],
                }
            )
    return rows


def _convert(model: onnx.ModelProto) -> list[dict[str, object]] | str:
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(model, f"{folder}/m.onnx")
        silence = io.StringIO()
        try:
            with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
                onnx2tf.onnx2tf.convert(
                    input_onnx_file_path=f"{folder}/m.onnx",
                    output_folder_path=f"{folder}/out",
                    not_use_onnxsim=True,
                    non_verbose=True,
                )
            return _operations(Path(f"{folder}/out/m_float32.tflite").read_bytes())
        except (Exception, SystemExit) as error:  # whatever a foreign program ends with
            return f"{type(error).__name__}: the converter fails"


def main() -> None:
    """Convert every case and write what came out."""
    images = np.random.default_rng(0).random((20, 128, 128, 3)).astype(np.float32)
    onnx2tf.onnx2tf.download_test_image_data = lambda: images
    recorded = {case.name: _convert(onnx_model(case)) for case in (*CASES, *GRAPHS)}
    lines = [
        f"{json.dumps(name)}: {json.dumps(found, separators=(',', ':'))}"
        for name, found in recorded.items()
    ]
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
