"""Shapes that the file does not state, found by the official shape inference.

The inference is C++ that follows model-local functions without a bound and has crashed on
hostile files before. So it runs in a process of its own, with limits: a file that breaks it
costs its inferred shapes, not the run. That process loads the extension module alone, without
the Python package around it (a tenth of its start-up).
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.formats.onnx_scopes import is_complete
from npulint.formats.onnx_types import TypeReader, text
from npulint.formats.protobuf import WireError, fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from npulint.formats.onnx_graphs import RawGraph

_EXTENSION = "onnx_cpp2py_export"
_WORKER = Path(__file__).with_name("onnx_inference_worker.py")
_SECONDS, _BYTES_A_SECOND = 2, 1 << 20
"""Processor time that the inference gets: a hundred times what it takes."""

_PATIENCE = 30
"""Wall-clock seconds that a busy machine may take for one second of processor time."""

# Keys are field number << 3 | wire type, as `protobuf.fields` yields them.
_MODEL_GRAPH = 0x3A
_GRAPH_NODE, _GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_VALUE_INFO = 0x0A, 0x5A, 0x62, 0x6A
_NODE_ATTRIBUTE = 0x2A
_ATTRIBUTE_NAME, _ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS = 0x0A, 0x32, 0x5A


def infer(model: bytes, graph: RawGraph) -> None:
    """Fill `inferred` of a graph and its bodies, where the file leaves something out.

    Whatever goes wrong (an operator set from the future, a model the inference cannot take)
    leaves them as they are.

    Args:
        model: The ModelProto; payloads of large tensors may be missing.
        graph: Its main graph.
    """
    if not _is_incomplete(graph):
        return
    extension = _extension()
    # A frozen program's executable is that program, which must not be started again.
    if extension is None or not sys.executable or getattr(sys, "frozen", False):
        return
    seconds = _SECONDS + len(model) // _BYTES_A_SECOND
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(_WORKER), extension, str(seconds)],
            input=model,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=_PATIENCE * seconds,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    if done.returncode == 0:
        _take(done.stdout, graph, invented=b"unk__" not in model)


def _is_incomplete(graph: RawGraph) -> bool:
    """Whether the file leaves out type or shape of anything that a node computes."""
    types = graph.types
    return any(
        name and not is_complete(types.get(name, (None, None)))
        for node in graph.nodes
        for name in node.outputs
    ) or any(_is_incomplete(body) for node in graph.nodes for _, body in node.bodies)


@cache
def _extension() -> str | None:
    """The file of onnx's extension module, found without importing the package."""
    package = importlib.util.find_spec("onnx")
    if package is None or package.submodule_search_locations is None:
        return None
    found = PathFinder.find_spec(_EXTENSION, list(package.submodule_search_locations))
    return found.origin if found is not None else None


def _take(model: bytes, graph: RawGraph, *, invented: bool) -> None:
    """Copy what an inferred model says about values to the graph that it was made from."""
    types = TypeReader(model, invented=invented)
    try:
        for key, first, second in fields(model, 0, len(model)):
            if key == _MODEL_GRAPH:
                _take_graph(model, first, second, graph, types)
    except WireError:
        return


def _take_graph(model: bytes, begin: int, end: int, graph: RawGraph, types: TypeReader) -> None:
    nodes = iter(graph.nodes)
    for key, first, second in fields(model, begin, end):
        if key in (_GRAPH_VALUE_INFO, _GRAPH_INPUT, _GRAPH_OUTPUT):
            name, kind = types.value_info(first, second)
            graph.inferred[name] = kind
        elif key == _GRAPH_NODE:
            node = next(nodes, None)
            if node is not None and node.bodies:
                attached = _bodies(model, first, second)
                for (owner, body), (place, inner, stop) in zip(node.bodies, attached, strict=False):
                    if owner == place:
                        _take_graph(model, inner, stop, body, types)


def _bodies(model: bytes, begin: int, end: int) -> Iterator[tuple[str, int, int]]:
    """Attribute name and place of each graph that a node carries, in order."""
    for key, first, second in fields(model, begin, end):
        if key != _NODE_ATTRIBUTE:
            continue
        attribute = ""
        places: list[tuple[int, int]] = []
        for inner, start, stop in fields(model, first, second):
            if inner == _ATTRIBUTE_NAME:
                attribute = text(model[start:stop])
            elif inner in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS):
                places.append((start, stop))
        yield from ((attribute, *place) for place in places)
