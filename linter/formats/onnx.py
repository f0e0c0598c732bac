"""ONNX files -> Model, with the weights left on disk.

The file is skimmed (`protobuf_skim`): what stays in memory is the model without its big
payloads. That is taken apart (`onnx_graphs`), completed by the shapes that the official
inference finds (`onnx_inference`), and its names are resolved (`onnx_scopes`).

What needs to be known to read the result:
- Initializers and what Constant nodes produce are values with a `constant`; the Constant nodes
  stay in the graph. A body's captured values repeat the constant of the value they stand for.
- A model-local function is a graph of kind `function` called `domain::name`, and a node that
  calls one gives its position in `Node.bodies` under the name `function`.
- An attribute that a function's caller states has the value `@` and the caller's name for it.
- Sequences, maps and optionals are values without dtype and shape.
- A list attribute of more than 65,536 elements is a Constant of its type and length alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from npulint.errors import ModelFileError
from npulint.formats.onnx_elements import tensor_message
from npulint.formats.onnx_graphs import GraphReader, RawFunction, RawGraph, opset
from npulint.formats.onnx_inference import infer
from npulint.formats.onnx_scopes import Resolver
from npulint.formats.onnx_tensors import TensorReader, string_entry
from npulint.formats.onnx_types import text
from npulint.formats.protobuf import LENGTH, VARINT, WireError, encode_field, fields, signed
from npulint.formats.protobuf_skim import Plan, Skeleton, skim
from npulint.model import INLINE_LIMIT, Model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from npulint.formats.protobuf_skim import Layout

_TENSOR: dict[int, Layout | str] = {
    4: "payload", 5: "payload", 7: "payload", 9: "payload", 10: "payload", 11: "payload",
    12: "dropped", 16: "dropped",
}  # fmt: skip
_SPARSE: dict[int, Layout | str] = {1: _TENSOR, 2: _TENSOR}
_GRAPH: dict[int, Layout | str] = {5: _TENSOR, 15: _SPARSE, 10: "dropped", 16: "dropped"}
_ATTRIBUTE: dict[int, Layout | str] = {
    4: "payload", 5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE,
    7: "kept", 8: "kept", 9: "kept", 13: "dropped",
}  # fmt: skip
_NODE: dict[int, Layout | str] = {
    1: "kept", 2: "kept", 3: "kept", 4: "kept", 5: _ATTRIBUTE, 6: "dropped", 7: "kept",
    9: "dropped",
}  # fmt: skip
_GRAPH[1] = _NODE
_FUNCTION: dict[int, Layout | str] = {7: _NODE, 11: _ATTRIBUTE, 8: "dropped", 14: "dropped"}
_MODEL: dict[int, Layout | str] = {7: _GRAPH, 25: _FUNCTION, 6: "dropped", 20: "dropped"}
"""Where in a ModelProto the payloads are (field numbers of onnx/onnx.proto, onnx 1.23.0).

What is dropped are documentation, metadata of parts, and graphs that serve training only.
"""

_PLAN = Plan(
    _MODEL,
    INLINE_LIMIT,
    {7: "the graph", 8: "an imported opset", 14: "the metadata", 25: "a function"},
)

_WIRE_TYPES: Mapping[int, int] = MappingProxyType(
    {1: VARINT, 2: LENGTH, 3: LENGTH, 4: LENGTH, 5: VARINT, 6: LENGTH, 7: LENGTH, 8: LENGTH,
     14: LENGTH, 20: LENGTH, 25: LENGTH, 26: LENGTH}
)  # fmt: skip
"""Wire type by field number of ModelProto."""

_IR_WITH_OPSETS = 3
_WITHOUT_OPSETS: Mapping[str, int] = MappingProxyType({"": 1})
"""Before IR version 3 models imported nothing and meant opset 1."""

_IR_VERSION, _PRODUCER, _PRODUCER_VERSION, _GRAPH_KEY = 0x08, 0x12, 0x1A, 0x3A
_OPSET, _METADATA, _FUNCTION_KEY = 0x42, 0x72, 0xCA


@dataclass(slots=True)
class _Root:
    """A ModelProto taken apart."""

    ir_version: int = 0
    producer: list[str] = field(default_factory=lambda: ["", ""])
    graph: RawGraph | None = None
    opsets: dict[str, int] = field(default_factory=dict)
    functions: list[RawFunction] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)


def read(path: Path, size: int) -> Model:
    """Read an ONNX file.

    Time and memory grow with the structure and not with the weights: about 20 bytes of memory for
    each byte that is neither a weight nor documentation, and never more than 500.

    Args:
        path: The file.
        size: Its size in bytes.

    Returns:
        The model with every shape that the file states or the official inference finds.

    Raises:
        ModelFileError: The file is not an ONNX model, is truncated or damaged, contradicts the
            ONNX specification, or refers to external data that is not there or must not be read.
    """
    try:
        with path.open("rb", buffering=0) as file:
            _refuse_other_formats(path, file.read(1))
            skeleton = skim(file, path, size, _PLAN)
    except OSError as error:
        raise ModelFileError(path, f"cannot be read: {error.strerror}") from None
    try:
        return _model(path, size, skeleton)
    except WireError as error:
        offset = skeleton.file_offset(error.position)
        raise ModelFileError(path, f"damaged at byte {offset}: {error}", offset=offset) from None


def _model(path: Path, size: int, skeleton: Skeleton) -> Model:
    """Make a model of a skimmed file."""
    tensors = TensorReader(skeleton, path)
    root = _root(path, skeleton, tensors)
    graph = _main_graph(path, size, root)
    infer(skeleton.data + _supplement(graph, tensors), graph)
    resolver = Resolver(path, root.functions, root.ir_version)
    resolver.resolve(graph, 0, "main", root.opsets or _WITHOUT_OPSETS)
    for position, function in enumerate(root.functions, 1):
        resolver.resolve(function.graph, position, "function", function.opsets)
    resolver.refuse_recursion()
    return Model(
        path=path,
        dialect="onnx",
        size=size,
        digest=_digest(skeleton, size, tensors),
        graphs=tuple(resolver.graphs[index] for index in range(len(resolver.graphs))),
        weight_bytes=tensors.weight_bytes,
        opsets=root.opsets,
        version=root.ir_version,
        producer=" ".join(part for part in root.producer if part),
        metadata=root.metadata,
        fetched_from=frozenset(tensors.fetched_from),
    )


def _main_graph(path: Path, size: int, root: _Root) -> RawGraph:
    """The graph, once it is clear that this is a whole ONNX model."""
    missing = ""
    if root.graph is None:
        missing = "holds no graph"
    elif root.ir_version < 1:
        missing = "states no IR version"
    elif not root.opsets and root.ir_version >= _IR_WITH_OPSETS:
        missing = f"imports no opset, as models of IR version {_IR_WITH_OPSETS} or newer must"
    if root.graph is None or missing:
        raise ModelFileError(
            path, f"is not a whole ONNX model: it ends at byte {size} and {missing}", offset=size
        )
    return root.graph


def _refuse_other_formats(path: Path, first: bytes) -> None:
    """Check that a file begins as some ModelProto may."""
    key = first[0] if first else 0
    if _WIRE_TYPES.get(key >> 3) != key & 7 and key < 0x80:
        raise ModelFileError(
            path,
            "is not an ONNX model: it begins with what no ONNX model holds; export one with "
            "torch.onnx.export or tf2onnx",
            offset=0,
        )


def _root(path: Path, skeleton: Skeleton, tensors: TensorReader) -> _Root:
    """Take the ModelProto apart."""
    data, root = skeleton.data, _Root()
    reader = GraphReader(skeleton, path, tensors)
    for key, first, second in fields(data, 0, len(data)):
        if _WIRE_TYPES.get(key >> 3, key & 7) != key & 7:
            raise ModelFileError(
                path, f"is not an ONNX model: its field {key >> 3} has wire type {key & 7}"
            )
        if key == _GRAPH_KEY:
            if root.graph is not None:
                raise WireError(first, "a model has one graph, and this is the second")
            root.graph = reader.graph(first, second)
        elif key == _OPSET:
            domain, version = opset(data, first, second)
            root.opsets[domain] = version
        elif key == _FUNCTION_KEY:
            root.functions.append(reader.function(first, second))
        elif key == _IR_VERSION:
            root.ir_version = signed(first)
        elif key == _METADATA:
            root.metadata.update([string_entry(data, first, second)])
        elif key in (_PRODUCER, _PRODUCER_VERSION):
            root.producer[key != _PRODUCER] = text(data[first:second])
    return root


def _supplement(graph: RawGraph, tensors: TensorReader) -> bytes:
    """What is to follow the model so that inference sees small tensors of external files.

    Protobuf merges messages that follow each other, and of two initializers of one name the
    inference takes the later.
    """
    own = [pair for pair in tensors.fetched if graph.constants.get(pair[0]) is pair[1]]
    messages = b"".join(encode_field(5, tensor_message(*pair)) for pair in own)
    return encode_field(7, messages) if own else b""


def _digest(skeleton: Skeleton, size: int, tensors: TensorReader) -> str:
    """A hash over everything but the weights, with the small tensors of external files."""
    digest = hashlib.sha256(f"onnx {size} ".encode())
    digest.update(skeleton.data)
    for _, length in skeleton.payloads.values():
        digest.update(length.to_bytes(8, "little"))
    for name, constant in tensors.fetched:
        digest.update(name + b"\0" + (constant.payload or b""))
    return digest.hexdigest()
