"""The TFLite reader: a `.tflite` file becomes a `Model`, its weights stay in the file.

What the runtime refuses to build is refused here too, in a sentence; the checks are those of
google-ai-edge/LiteRT tflite/core/interpreter_builder.cc and tflite/core/subgraph.cc @f6745779.
"""

from __future__ import annotations

import hashlib
import mmap
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path

from npulint.errors import ModelFileError
from npulint.formats.flatbuffer import FlatBuffer, Row, shown
from npulint.formats.flatbuffer_schema import Schema
from npulint.formats.tflite_external import ExternalBuffers
from npulint.formats.tflite_metadata import Metadata, read_metadata
from npulint.formats.tflite_nodes import Nodes, OperatorCode, label, read_codes
from npulint.formats.tflite_options import OPTION_TABLES
from npulint.formats.tflite_schema import ENUMS, SCHEMA_VERSION, TABLES, UNIONS
from npulint.formats.tflite_tensors import Buffers, Tensors
from npulint.model import Constant, Graph, Model, Node, Signature, Value

_SHOWN_GRAPHS = 10

SCHEMA = Schema({**TABLES, **OPTION_TABLES}, ENUMS, UNIONS)


def read(path: Path, size: int) -> Model:
    """Read a TFLite model.

    Args:
        path: The file.
        size: Its size in bytes.

    Returns:
        The model; constants over `INLINE_LIMIT` bytes are left in the file.

    Raises:
        ModelFileError: The file is truncated, damaged, or not a model that the runtime takes.
    """
    with mapped(path, size) as data:
        return _Reader(FlatBuffer(data, path, SCHEMA)).model()


def mapped(path: Path, size: int) -> mmap.mmap:
    """The bytes of a file, read when they are looked at."""
    try:
        with path.open("rb") as stream:
            return mmap.mmap(stream.fileno(), size, access=mmap.ACCESS_READ)
    except (OSError, ValueError, OverflowError) as error:
        # ValueError: the file has become shorter since its size was taken. OverflowError: it is
        # larger than the address space.
        raise ModelFileError(path, f"cannot be read: {error}") from error


class _Reader:
    def __init__(self, file: FlatBuffer) -> None:
        self._file = file
        self._root = file.root("Model")

    def model(self) -> Model:
        file, root = self._file, self._root
        if root["version"] != SCHEMA_VERSION:
            file.fail(
                f"this is TFLite schema version {root['version']}; runtimes and npulint take "
                f"version {SCHEMA_VERSION}"
            )
        if not root["subgraphs"]:
            file.fail("the model has no graph; a TFLite model has at least one")
        if root["buffers"] is None:
            file.fail("the model has no list of buffers; a TFLite model has at least the empty one")
        buffers = Buffers(file, root["buffers"])
        external = ExternalBuffers(file, root)
        codes = read_codes(file, root["operator_codes"] or ())
        graphs = tuple(
            [self._graph(i, buffers, external, codes) for i in range(len(root["subgraphs"]))]
        )
        _refuse_recursion(file, graphs)
        weight_bytes = buffers.stored_bytes() + external.stored_bytes()
        signatures = tuple(self._signatures(graphs))
        metadata = read_metadata(file, root, buffers)
        return Model(
            path=file.path,
            dialect="tflite",
            size=file.size,
            digest=_digest(file.size, graphs, signatures, metadata),
            graphs=graphs,
            weight_bytes=weight_bytes,
            version=root["version"],
            producer=metadata.producer,
            minimum_runtime=metadata.minimum_runtime,
            signatures=signatures,
            metadata=metadata.texts,
        )

    def _graph(
        self,
        index: int,
        buffers: Buffers,
        external: ExternalBuffers,
        codes: tuple[OperatorCode, ...],
    ) -> Graph:
        position = self._root["subgraphs"][index]
        row = self._file.row("SubGraph", position)
        if row["tensors"] is None:
            self._file.fail(f"graph {index} has no list of tensors", position)
        values = Tensors(self._file, buffers, external, index).values(row["tensors"])
        count = len(self._root["subgraphs"])
        nodes = Nodes(self._file, codes, index, count, values).nodes(row["operators"] or ())
        _check_order(self._file, index, values, nodes)
        return Graph(
            index=index,
            name=row["name"] or "",
            dialect="tflite",
            values=values,
            nodes=nodes,
            inputs=self._ends(row, "inputs", index, position, len(values)),
            outputs=self._ends(row, "outputs", index, position, len(values)),
            kind="main" if index == 0 else "subgraph",
            origin=index,
        )

    def _ends(self, row: Row, role: str, graph: int, position: int, count: int) -> tuple[int, ...]:
        indexes: tuple[int, ...] = row[role] or ()
        for index in indexes:
            if not 0 <= index < count:
                self._file.fail(
                    f"graph {graph}: its {role} name value {index}, but it has {count} values",
                    position,
                )
        return indexes

    def _signatures(self, graphs: tuple[Graph, ...]) -> Iterator[Signature]:
        for index, position in enumerate(self._root["signature_defs"] or ()):
            row = self._file.row("SignatureDef", position)
            graph = row["subgraph_index"]
            if row["signature_key"] is None:
                self._file.fail(f"signature {index} has no name", position)
            if graph >= len(graphs):
                self._file.fail(
                    f"signature {shown(row['signature_key'])} is of graph {graph}, but the "
                    f"model has {len(graphs)} graphs",
                    position,
                )
            count = len(graphs[graph].values)
            yield Signature(
                key=row["signature_key"],
                graph=graph,
                inputs=self._named(row, "inputs", count),
                outputs=self._named(row, "outputs", count),
            )

    def _named(self, row: Row, role: str, count: int) -> tuple[tuple[str, int], ...]:
        pairs = []
        for position in row[role] or ():
            entry = self._file.row("TensorMap", position)
            if entry["tensor_index"] >= count:
                self._file.fail(
                    f"signature {shown(row['signature_key'])}: its {role} name value "
                    f"{entry['tensor_index']}, but the graph has {count} values",
                    position,
                )
            pairs.append((entry["name"] or "", entry["tensor_index"]))
        return tuple(pairs)


def _check_order(
    file: FlatBuffer, graph: int, values: tuple[Value, ...], nodes: tuple[Node, ...]
) -> None:
    """Refuse two producers of one value and a node that reads what a later node makes.

    Nodes run in the order of the file, so such a node would read what is not there yet; and the
    network of the graph would have a circle.
    """
    producer: dict[int, int] = {}
    for node in nodes:
        for output in node.outputs:
            if output >= 0 and producer.setdefault(output, node.index) != node.index:
                file.fail(
                    f"graph {graph}: nodes {producer[output]} and {node.index} both produce value "
                    f"{output} ({shown(values[output].name)}); a value has one producer"
                )
    for node in nodes:
        for value in node.inputs:
            if producer.get(value, -1) >= node.index:
                file.fail(
                    f"graph {graph}, node {node.index} ({label(node.op, node.custom)}) reads "
                    f"value {value} ({shown(values[value].name)}), which only node "
                    f"{producer[value]} produces; nodes run in the order of the file"
                )


def _refuse_recursion(file: FlatBuffer, graphs: tuple[Graph, ...]) -> None:
    """Refuse graphs that run each other in a circle; no runtime could prepare them."""
    calls = [{body for node in graph.nodes for _, body in node.bodies} for graph in graphs]
    callers = [0] * len(graphs)
    for called in calls:
        for graph in called:
            callers[graph] += 1
    ready = [graph for graph, count in enumerate(callers) if not count]
    done = 0
    while ready:
        done += 1
        for called_graph in calls[ready.pop()]:
            callers[called_graph] -= 1
            if not callers[called_graph]:
                ready.append(called_graph)
    if done < len(graphs):
        circle = [graph for graph, count in enumerate(callers) if count][:_SHOWN_GRAPHS]
        file.fail(f"graphs {circle} run each other in a circle; control flow has to end somewhere")


def _digest(
    size: int, graphs: tuple[Graph, ...], signatures: tuple[Signature, ...], metadata: Metadata
) -> str:
    """SHA-256 over all that was read; of larger constants only the size."""
    digest = hashlib.sha256(repr(("tflite", 1, size)).encode())
    for graph in graphs:
        scales, zero_points, payloads = array("d"), array("q"), dict[bytes | None, int]()
        values = []
        for v in graph.values:
            if v.quantisation is not None:
                scales.extend(v.quantisation.scales)
                zero_points.extend(v.quantisation.zero_points)
            values.append(
                (
                    v.name, v.dtype, v.shape, v.shape_signature, v.variable,
                    v.quantisation and (len(v.quantisation.scales), v.quantisation.axis),
                    v.constant and (
                        v.constant.nbytes, v.constant.sparse,
                        payloads.setdefault(v.constant.payload, len(payloads)),
                    ),
                )
            )  # fmt: skip
        nodes = [
            (n.op, n.version, n.custom, n.inputs, n.outputs, list(n.attributes), [
                a.nbytes if isinstance(a, Constant) else a for a in n.attributes.values()
            ])
            for n in graph.nodes
        ]  # fmt: skip
        digest.update(repr((graph.name, graph.inputs, graph.outputs, values, nodes)).encode())
        for payload in payloads:
            digest.update(b"" if payload is None else payload)
        # Most numbers of a large model are these, and as text they would take most of the time.
        for numbers in (scales, zero_points):
            if sys.byteorder == "big":
                numbers.byteswap()
            digest.update(numbers.tobytes())
    digest.update(repr((signatures, metadata)).encode())
    return digest.hexdigest()
