"""Models as npulint sees them: frozen, format-neutral, with the weights left on disk.

A model has graphs; a graph has nodes and values; both are known by position. Nothing here
knows how a file is laid out (`npulint.formats` does) or what an operator means
(`npulint.operators` does).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import networkx as nx
    import numpy as np
    import numpy.typing as npt

Dialect: TypeAlias = Literal["tflite", "onnx"]
GraphKind: TypeAlias = Literal["main", "subgraph", "body", "function"]

Dimension: TypeAlias = "int | str | None"
"""A size, the name of a symbolic size, or None where the file does not say."""

Shape: TypeAlias = "tuple[Dimension, ...]"

INLINE_LIMIT = 4096
"""Bytes up to which a constant's payload is kept in memory: shapes, axes, pads, scalars."""

LARGEST_COUNT = 2**63 - 1
"""Elements and products up to which figures are given: no machine can address more."""

REFERENCE_MARK = "@"
"""Begins the value of an ONNX attribute that a function's caller states: `@`, its name there."""

OMITTED = -1
"""Value index of an optional operand that a node leaves out."""

ITEM_BITS: Mapping[str, int] = MappingProxyType(
    {
        "bool": 8, "int8": 8, "uint8": 8, "int16": 16, "uint16": 16, "int32": 32, "uint32": 32,
        "int64": 64, "uint64": 64, "float16": 16, "bfloat16": 16, "float32": 32, "float64": 64,
        "complex64": 64, "complex128": 128, "int4": 4, "uint4": 4, "int2": 2, "uint2": 2,
        "float4e2m1": 4, "float8e4m3fn": 8, "float8e4m3fnuz": 8, "float8e5m2": 8,
        "float8e5m2fnuz": 8, "float8e8m0": 8,
    }
)  # fmt: skip
"""Bits of one element by dtype name. `string`, `resource` and `variant` have no fixed size."""

_STRUCT_CODES: Mapping[str, str] = MappingProxyType(
    {
        "bool": "?", "int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i",
        "uint32": "I", "int64": "q", "uint64": "Q", "float16": "e", "float32": "f",
        "float64": "d",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Quantisation:
    """Affine quantisation parameters: real = scale * (quantised - zero_point).

    Attributes:
        scales: One scale per tensor, or one per slice along `axis`.
        zero_points: As many as scales, or empty where the file stores none.
        axis: The quantised dimension as the file states it (meaningful for several scales).
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...] = ()
    axis: int = 0

    @property
    def per_channel(self) -> bool:
        """Whether there is more than one scale."""
        return len(self.scales) > 1

    @property
    def scale(self) -> float | None:
        """The one scale of a per-tensor quantisation, else None."""
        return self.scales[0] if len(self.scales) == 1 else None

    @property
    def zero_point(self) -> int | None:
        """The one zero point of a per-tensor quantisation (0 where none is stored), else None."""
        if len(self.scales) != 1:
            return None
        return self.zero_points[0] if self.zero_points else 0


@dataclass(frozen=True, slots=True)
class Storage:
    """Where a constant's bytes lie: a range of one file. Nothing is read until asked for.

    Attributes:
        path: The model file or a file of external data beside it.
        offset: First byte of the payload.
        length: Payload size in bytes.
        encoding: `raw` (little-endian elements), or `varint` (protobuf packed integers).
    """

    path: Path
    offset: int
    length: int
    encoding: Literal["raw", "varint"] = "raw"


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor whose elements are stored with the model.

    Attributes:
        dtype: Element type of the stored elements.
        shape: Sizes, all known.
        payload: The little-endian elements, when no longer than `INLINE_LIMIT` bytes.
        storage: Where the bytes lie, when they are not kept in `payload`.
        nbytes: Bytes that the constant takes in the file.
        sparse: Whether the file stores it in a sparse encoding (then elements are not read).
    """

    dtype: str
    shape: tuple[int, ...]
    payload: bytes | None
    storage: Storage | None
    nbytes: int
    sparse: bool = False

    def elements(self) -> tuple[int | float | bool, ...] | None:
        """The elements in row-major order, without numpy.

        Returns:
            The elements of a small dense constant; None when the payload is not in memory or
            its type has no plain Python form.
        """
        code = _STRUCT_CODES.get(self.dtype)
        if self.payload is None or code is None or self.sparse:
            return None
        count = len(self.payload) // struct.calcsize(code)
        return struct.unpack_from(f"<{count}{code}", self.payload)

    def read(self) -> npt.NDArray[np.generic]:
        """Read the elements from disk as an array of shape `shape`.

        Raises:
            ModelFileError: The file no longer holds the bytes, or the type has no array form.
        """
        from npulint.formats.payload import read_constant

        return read_constant(self)


@dataclass(frozen=True, slots=True)
class Value:
    """One tensor of a graph.

    Attributes:
        index: Position in `Graph.values`.
        name: The file's name for it; presentation only.
        dtype: Element type (`float32`, `int8`, ...), None where the file does not say.
        shape: Sizes, None where not even the rank is known. For TFLite this is the static shape
            that the runtime starts from.
        constant: Its elements, for a tensor stored in the file.
        quantisation: Affine quantisation parameters, if there are any.
        shape_signature: TFLite only: the shape with None for dimensions that may change.
        variable: TFLite only: whether it keeps its contents between invocations.
        inferred: ONNX only: whether the file does not state its sizes, and they were worked out.
        overridable: ONNX only: whether callers may give another tensor in place of the stored one,
            as they may from IR version 4 on where the file lists it among the inputs.
        origin: Position that it had in its graph of the file; see `Node.origin`.
    """

    index: int
    name: str
    dtype: str | None
    shape: Shape | None
    constant: Constant | None = None
    quantisation: Quantisation | None = None
    shape_signature: Shape | None = None
    variable: bool = False
    inferred: bool = False
    overridable: bool = False
    origin: int | None = field(default=None, compare=False, repr=False)

    @property
    def rank(self) -> int | None:
        """Number of dimensions, None where unknown."""
        return None if self.shape is None else len(self.shape)

    @property
    def element_count(self) -> int | None:
        """Number of elements, None where any size is unknown or the number is absurd."""
        if self.shape is None:
            return None
        count = 1
        for size in self.shape:
            if not isinstance(size, int):
                return None
            count *= size
        return count if count <= LARGEST_COUNT else None

    @property
    def nbytes(self) -> int | None:
        """Size in memory in bytes, None where the shape or the element size is unknown."""
        count = self.element_count
        bits = ITEM_BITS.get(self.dtype or "")
        if count is None or bits is None:
            return None
        return (count * bits + 7) // 8


Attribute: TypeAlias = (
    "int | float | str | bytes | bool | Constant | tuple[int, ...] | tuple[float, ...] "
    "| tuple[str, ...] | tuple[Constant, ...]"
)


@dataclass(frozen=True, slots=True)
class Node:
    """One operator instance. Its identity is its position `(graph, index)`, never its name.

    Attributes:
        graph: Index of its graph in `Model.graphs`.
        index: Position in `Graph.nodes`.
        op: Operator name in the model's dialect (`CONV_2D`, `Conv`), or a custom operator's own.
        version: TFLite operator version; for ONNX the opset version of its domain.
        inputs: Value indexes, `OMITTED` for an operand left out.
        outputs: Value indexes, `OMITTED` for a result left out.
        attributes: Options by the names of the schema. TFLite enumerations are given by name
            (`padding` is `SAME`), options the file leaves out have the schema's defaults. ONNX
            attributes are those that the file states.
        name: The file's name for it; presentation only.
        domain: ONNX domain, empty for the standard one.
        custom: Whether the operator is not one of the dialect's own.
        bodies: Graph indexes of attached graphs by attribute name (`then_branch`, `cond` ...).
        stateful: TFLite only: whether it reads or writes variable tensors.
        origin: Position that it had in its graph of the file, None for one that was made up
            since. `dataclasses.replace` keeps it, and by it a writer finds what the file says
            beyond what npulint knows. No part of what the node is: equality leaves it out.
    """

    graph: int
    index: int
    op: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    name: str = ""
    domain: str = ""
    custom: bool = False
    bodies: tuple[tuple[str, int], ...] = ()
    stateful: bool = False
    origin: int | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Uses:
    """Who makes a value and who reads it.

    Attributes:
        makers: The nodes that it is a result of; more than one only in a malformed file.
        readers: The nodes that it is an operand of, one entry for each place that it has there.
    """

    makers: tuple[Node, ...] = ()
    readers: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Graph:
    """One graph: the main one, another subgraph, a control-flow body or a function.

    Attributes:
        index: Position in `Model.graphs`; the main graph is 0.
        kind: What the graph is to the model.
        inputs: Value indexes that callers provide (ONNX initializers that may be overridden
            count only where the file lists them as inputs and gives no default).
        outputs: Value indexes handed back.
        parent: Position of the node that runs a body, if it is one.
        captured: For a body, pairs (own value index, name in the enclosing scope).
        origin: Position that it had in the file's model; see `Node.origin`.
    """

    index: int
    name: str
    dialect: Dialect
    values: tuple[Value, ...]
    nodes: tuple[Node, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    kind: GraphKind = "main"
    parent: tuple[int, int] | None = None
    captured: tuple[tuple[int, str], ...] = ()
    origin: int | None = field(default=None, compare=False, repr=False)

    def __getstate__(self) -> dict[str, object]:
        """What travels to another process: the graph, without what was worked out of it."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @cached_property
    def network(self) -> nx.MultiDiGraph[int]:
        """The graph as networkx sees it; see `npulint.network.build`."""
        from npulint.network import build

        return build(self)

    @cached_property
    def uses(self) -> tuple[Uses, ...]:
        """For each value who makes it and who reads it."""
        makers: list[list[Node]] = [[] for _ in self.values]
        readers: list[list[Node]] = [[] for _ in self.values]
        for node in self.nodes:
            for index in node.outputs:
                if index >= 0:
                    makers[index].append(node)
            for index in node.inputs:
                if index >= 0:
                    readers[index].append(node)
        pairs = zip(makers, readers, strict=True)
        return tuple([Uses(tuple(made), tuple(read)) for made, read in pairs])

    def operation(self, node: Node) -> Operation:
        """The node with its operands resolved, as a support table is asked about it."""
        values = self.values
        return Operation(
            dialect=self.dialect,
            op=node.op,
            version=node.version,
            inputs=tuple(None if i < 0 else values[i] for i in node.inputs),
            outputs=tuple(None if i < 0 else values[i] for i in node.outputs),
            attributes=node.attributes,
            domain=node.domain,
            custom=node.custom,
            graph=self,
        )


@dataclass(frozen=True, slots=True)
class Operation:
    """One operator with its operands: real, or made up to ask "would this be accepted?".

    Operands keep their positions; one that is left out is None. A real one knows its graph, for
    the few checks that look at who else uses an operand.
    """

    dialect: Dialect
    op: str
    version: int
    inputs: tuple[Value | None, ...]
    outputs: tuple[Value | None, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    domain: str = ""
    custom: bool = False
    graph: Graph | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Signature:
    """A TFLite signature: a name for a subgraph's inputs and outputs."""

    key: str
    graph: int
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Model:
    """One parsed model file.

    Attributes:
        path: Where it was read from.
        dialect: Whose operators it uses.
        size: Bytes of the model file itself, without external data.
        digest: Hex SHA-256 over what was read: structure, small constants and sizes, never the
            weights' contents.
        graphs: The main graph first.
        weight_bytes: Bytes of all stored constants, external data included.
        opsets: ONNX: opset version by domain. Empty for TFLite.
        version: TFLite schema version or ONNX IR version.
        producer: The exporter, as far as the file says.
        minimum_runtime: TFLite: the runtime version that the file asks for, if it says.
        metadata: The file's own metadata, as text where it is text.
        fetched_from: Other files, whose small tensors were read with the model.
    """

    path: Path
    dialect: Dialect
    size: int
    digest: str
    graphs: tuple[Graph, ...]
    weight_bytes: int
    opsets: Mapping[str, int] = field(default_factory=dict)
    version: int = 0
    producer: str = ""
    minimum_runtime: str | None = None
    signatures: tuple[Signature, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    fetched_from: frozenset[Path] = frozenset()

    @property
    def files(self) -> frozenset[Path]:
        """The model file and those that its tensors lie in."""
        constants = (value.constant for graph in self.graphs for value in graph.values)
        stored = (each.storage for each in constants if each is not None)
        beside = (each.path for each in stored if each is not None)
        return frozenset({self.path, *self.fetched_from, *beside})
