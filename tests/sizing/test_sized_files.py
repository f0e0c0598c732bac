"""Every value of real files, forgotten and found again from the sizes of the inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

from npulint.formats import load
from npulint.model import Graph, Model, Value
from npulint.sizing.site import sizes_of
from npulint.sizing.walk import resized
from tests.formats.tflite_building import REAL_FILES

KNOWN_ONNX = 140
"""Operators of which onnx's own examples come out, at least."""

EXAMPLES = 3
"""How many examples of an operator a sample takes."""


def downstream(graph: Graph) -> set[int]:
    """The values that hang on the inputs."""
    found = {index for index in graph.inputs if graph.values[index].shape}
    for node in graph.nodes:
        if found.intersection(node.inputs):
            found.update(node.outputs)
    return found


def opened(model: Model) -> Model:
    """A TFLite model that says no size of its inputs and of what hangs on them."""
    graph = model.graphs[0]
    forgotten = downstream(graph)

    def forget(value: Value) -> Value:
        if value.index not in forgotten or not value.shape:
            return value
        rank = len(value.shape)
        return replace(value, shape=(1,) * rank, shape_signature=(None,) * rank)

    values = tuple(map(forget, graph.values))
    return replace(model, graphs=(replace(graph, values=values), *model.graphs[1:]))


def test_tflite_files() -> None:
    unknown: Counter[str] = Counter()
    seen = 0
    for path in REAL_FILES:
        model = load(path)
        graph = model.graphs[0]
        shapes = [graph.values[i].shape for i in graph.inputs]
        stated = [sizes_of(value) for value in graph.values]
        if any(None in (shape or ()) for shape in stated) or not all(all(s or ()) for s in shapes):
            continue  # Open, or with an input of no elements.
        wished = {graph.values[i].name: graph.values[i].shape for i in graph.inputs}
        found = resized(opened(model), {n: s for n, s in wished.items() if s})  # type: ignore[misc]
        for node in graph.nodes:
            for index in node.outputs:
                now = sizes_of(found.graphs[0].values[index])
                if now == stated[index]:
                    seen += 1
                    continue
                assert now is None or None in now, (path.name, node.op, now, stated[index])
                unknown[node.op] += 1
    assert seen > 1700
    assert not unknown


def examples() -> Iterator[tuple[Any, Any, list[Any]]]:
    """onnx's own examples of one node, all inputs but the first stored and its sizes open."""
    with np.errstate(all="ignore"):
        cases = collect_testcases(None)
    for case in cases:
        model = onnx.ModelProto()
        model.CopyFrom(case.model)
        graph = model.graph
        if len(graph.node) != 1 or not case.data_sets or not graph.input:
            continue
        inputs, outputs = case.data_sets[0]
        arrays = [*inputs, *outputs]
        if not all(isinstance(each, (np.ndarray, np.generic)) for each in arrays):
            continue
        first = np.asarray(inputs[0])
        if first.ndim == 0 or 0 in first.shape:
            continue
        for value, array in list(zip(graph.input, inputs, strict=True))[1:]:
            graph.initializer.append(numpy_helper.from_array(np.asarray(array), value.name))
        del graph.input[1:]
        for axis, size in enumerate(graph.input[0].type.tensor_type.shape.dim):
            size.dim_param = f"size{axis}"
        for value in graph.output:
            value.type.tensor_type.ClearField("shape")
        yield model, first.shape, outputs


def test_onnx_examples(tmp_path: Path, full: bool) -> None:
    known: set[str] = set()
    taken: Counter[str] = Counter()
    path = tmp_path / "example.onnx"
    for model, shape, outputs in examples():
        taken[model.graph.node[0].op_type] += 1
        if taken[model.graph.node[0].op_type] > EXAMPLES and not full:
            continue
        onnx.save(model, path)
        graph = resized(load(path), {"": shape}).graphs[0]
        for index, array in zip(graph.outputs, outputs, strict=True):
            found, real = sizes_of(graph.values[index]), np.shape(array)
            if found == real:
                known.add(graph.nodes[0].op)
                continue
            # What stays open must be open: nothing else than the real sizes may be claimed.
            pairs = zip(found or (), real, strict=found is not None)
            claims = [(size, actual) for size, actual in pairs if isinstance(size, int)]
            assert all(size == actual for size, actual in claims), graph.nodes[0].op
    assert len(known) >= KNOWN_ONNX
    assert {"Einsum", "Attention"} <= known


@pytest.mark.parametrize("path", REAL_FILES[:2], ids=lambda path: path.name)
def test_finding_the_sizes_of_the_file_is_the_file(path: Path) -> None:
    model = load(path)
    graph = model.graphs[0]
    inputs = {graph.values[i].name: graph.values[i].shape for i in graph.inputs}
    again = resized(opened(model), inputs)  # type: ignore[arg-type]
    assert again.graphs[0].values == graph.values
