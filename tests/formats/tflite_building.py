"""TFLite files made with the schema code of the runtime's own package."""

from __future__ import annotations

import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from npulint.formats.tflite import SCHEMA

ROOT = Path(__file__).parents[2]
EXPORTED_FILES = tuple(sorted((ROOT / "reference_models" / "exports").glob("*.tflite")))
REAL_FILES = EXPORTED_FILES + tuple(sorted((ROOT / "tests" / "truth" / "models").glob("*.tflite")))

UNION_OF = {
    member: (union, number)
    for union in ("BuiltinOptions", "BuiltinOptions2")
    for number, member in enumerate(SCHEMA.members(union))
    if member
}


def camel(name: str, first: str = "lower") -> str:
    """`stride_w` as the generated code spells it: `strideW`, or `StrideW`."""
    words = name.split("_")
    head = words[0] if first == "lower" else words[0].capitalize()
    return head + "".join(word[:1].upper() + word[1:] for word in words[1:])


def table(name: str, /, **fields: Any) -> Any:
    """An object of the generated code with the fields given by their names in the schema."""
    made = getattr(schema, f"{name}T")()
    for field, value in fields.items():
        assert hasattr(made, camel(field)), (name, field)
        setattr(made, camel(field), value)
    return made


def tensor(
    name: str, shape: tuple[int, ...], dtype: str = "FLOAT32", buffer: int = 0, **fields: Any
) -> Any:
    return table(
        "Tensor",
        name=name.encode(),
        shape=list(shape),
        type=getattr(schema.TensorType, dtype),
        buffer=buffer,
        **fields,
    )


def operator(code: int, inputs: list[int], outputs: list[int], **fields: Any) -> Any:
    options = fields.pop("options", None)
    made = table("Operator", opcode_index=code, inputs=inputs, outputs=outputs, **fields)
    if options is not None:
        union, number = UNION_OF[type(options).__name__[:-1]]
        slot = {"BuiltinOptions": "builtinOptions", "BuiltinOptions2": "builtinOptions2"}[union]
        setattr(made, slot, options)
        setattr(made, f"{slot}Type", number)
    return made


def code(op: str, version: int = 1, custom: str | None = None) -> Any:
    number = getattr(schema.BuiltinOperator, op)
    return table(
        "OperatorCode",
        deprecated_builtin_code=min(number, 127),
        builtin_code=number,
        version=version,
        custom_code=None if custom is None else custom.encode(),
    )


def floats(*values: float) -> np.ndarray[Any, Any]:
    return np.frombuffer(np.array(values, np.float32).tobytes(), np.uint8)


def chain() -> SimpleNamespace:
    """A small model in parts, to be changed by a test and then packed.

    `add` and `relu` in the main graph: x -> ADD(x, constant) -> RELU -> y; a second graph beside.
    """
    main = table(
        "SubGraph",
        name=b"main",
        tensors=[
            tensor("x", (1, 2)),
            tensor("constant", (2,), buffer=1),
            tensor("sum", (1, 2)),
            tensor("y", (1, 2)),
        ],
        inputs=[0],
        outputs=[3],
        operators=[
            operator(0, [0, 1], [2], options=table("AddOptions")),
            operator(1, [2], [3]),
        ],
    )
    other = table(
        "SubGraph",
        name=b"other",
        tensors=[tensor("z", (1,))],
        inputs=[0],
        outputs=[0],
        operators=[],
    )
    model = table(
        "Model",
        version=3,
        operator_codes=[code("ADD"), code("RELU")],
        subgraphs=[main, other],
        buffers=[table("Buffer"), table("Buffer", data=floats(1, 2))],
        description=b"made by a test",
    )
    return SimpleNamespace(model=model, main=main, other=other)


def pack(model: Any) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def write(folder: Path, model: Any, name: str = "model.tflite") -> Path:
    path = folder / name
    path.write_bytes(pack(model))
    return path


def unpack(data: bytes) -> Any:
    """The objects of the generated code for a packed model."""
    return schema.ModelT.InitFromPackedBuf(data, 0)


def float32(value: float) -> float:
    """The nearest number that a `float` field can hold."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])
