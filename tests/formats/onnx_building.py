"""ONNX files made for tests, with onnx's own helpers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper
from onnx.backend.test.case.node import collect_testcases

from npulint.formats import onnx as reader
from npulint.model import Model

FLOAT = TensorProto.FLOAT


def tensor(name: str, dtype: int, shape: Sequence[Any] | None) -> ValueInfoProto:
    """A value's type."""
    return helper.make_tensor_value_info(name, dtype, shape)


def floats(name: str, *shape: Any) -> ValueInfoProto:
    """A float32 value's type."""
    return tensor(name, FLOAT, shape)


def weights(name: str, *shape: int) -> TensorProto:
    """A float32 tensor of zeros, stored as raw data."""
    count = 1
    for size in shape:
        count *= size
    return helper.make_tensor(name, FLOAT, shape, bytes(4 * count), raw=True)


def graph(
    nodes: Iterable[NodeProto],
    inputs: Iterable[ValueInfoProto] = (),
    outputs: Iterable[ValueInfoProto] = (),
    stored: Iterable[TensorProto] = (),
    **more: Any,
) -> GraphProto:
    """A graph called main, unless `name` says otherwise."""
    name = more.pop("name", "main")
    return helper.make_graph(list(nodes), name, list(inputs), list(outputs), list(stored), **more)


def model(main: GraphProto, opset: int = 17, **more: Any) -> ModelProto:
    """A model of one opset, and others by `opsets`."""
    imports = [helper.make_opsetid("", opset)]
    imports += [helper.make_opsetid(*pair) for pair in more.pop("opsets", {}).items()]
    more.setdefault("ir_version", 10)
    return helper.make_model(main, opset_imports=imports, **more)


def relu(x: str = "x", y: str = "y", **more: Any) -> NodeProto:
    """A node that every opset has."""
    return helper.make_node("Relu", [x], [y], **more)


def simple(**more: Any) -> ModelProto:
    """One Relu."""
    return model(graph([relu()], [floats("x", 1, 4)], [floats("y", 1, 4)]), **more)


def write(folder: Path, proto: ModelProto | bytes, name: str = "model.onnx") -> Path:
    """Write a model to a file."""
    path = folder / name
    path.write_bytes(proto if isinstance(proto, bytes) else proto.SerializeToString())
    return path


def read(path: Path) -> Model:
    """Read a file as the ONNX reader does."""
    return reader.read(path, path.stat().st_size)


def reading(folder: Path, proto: ModelProto | bytes) -> Model:
    """Write a model and read it again."""
    return read(write(folder, proto))


def varint(value: int) -> bytes:
    """A protobuf integer."""
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])


def field(number: int, body: bytes) -> bytes:
    """A protobuf field of bytes."""
    return varint(number << 3 | 2) + varint(len(body)) + body


def write_with_holes(path: Path, main: GraphProto, stored: dict[str, tuple[int, ...]]) -> int:
    """Write a model whose float32 weights are holes of a sparse file.

    Returns:
        Bytes of all weights.
    """
    parts: list[tuple[bytes, int]] = []
    for name, shape in stored.items():
        head = TensorProto(name=name, dims=shape, data_type=FLOAT).SerializeToString()
        length = 4
        for size in shape:
            length *= size
        head += varint(9 << 3 | 2) + varint(length)
        parts.append((varint(5 << 3 | 2) + varint(len(head) + length) + head, length))
    rest = main.SerializeToString()
    total = len(rest) + sum(len(head) + length for head, length in parts)
    opset = ModelProto(ir_version=8, opset_import=[helper.make_opsetid("", 17)])
    with path.open("wb") as file:
        file.write(opset.SerializeToString() + varint(7 << 3 | 2) + varint(total))
        for head, length in parts:
            file.write(head)
            file.seek(length, 1)
        file.write(rest)
    return sum(length for _, length in parts)


def convolutions(count: int, channels: int) -> tuple[GraphProto, dict[str, tuple[int, ...]]]:
    """A chain of pointwise convolutions and Relus, and the shapes of the weights it lacks."""
    nodes = []
    for position in range(count):
        nodes.append(helper.make_node("Conv", [f"r{position}", f"w{position}"], [f"c{position}"]))
        nodes.append(relu(f"c{position}", f"r{position + 1}"))
    main = graph(nodes, [floats("r0", 1, channels, 4, 4)], [tensor(f"r{count}", FLOAT, None)])
    return main, {f"w{position}": (channels, channels, 1, 1) for position in range(count)}


def save_external(folder: Path, proto: ModelProto, location: str = "weights.bin") -> Path:
    """Save a model with every tensor in one file beside it."""
    path = folder / "model.onnx"
    onnx.save(proto, path, save_as_external_data=True, location=location, size_threshold=0)
    return path


@cache
def operator_cases() -> list[tuple[str, ModelProto]]:
    """The models by which onnx tests its own operators, which it takes seconds to make."""
    with np.errstate(all="ignore"):
        return [(case.name, case.model) for case in collect_testcases(None)]
