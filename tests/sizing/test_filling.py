"""Sizes that a file leaves open although they follow from what it stores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from test_networks import onnxruntime_sizes

from npulint.formats import load
from npulint.model import Graph, Value
from npulint.reference_models.catalogue import define
from npulint.reference_models.recipe import Recipe
from npulint.reference_models.trial import exported, small
from npulint.sizing.filling import filled
from npulint.sizing.site import sizes_of

NETWORKS = ("csanet", "noahtcv")
"""TensorFlow's padding, whose amounts one of PyTorch's exporters computes as the model runs."""


def network(name: str, recipe: Recipe, folder: Path) -> Path:
    path = folder / f"{name}.{recipe.format}"
    path.write_bytes(exported(define(name, small(name)), recipe).demanded(name))
    return path


def results(graph: Graph) -> list[Value]:
    return [graph.values[index] for node in graph.nodes for index in node.outputs if index >= 0]


def is_open(value: Value) -> bool:
    shape = sizes_of(value)
    return shape is None or not all(isinstance(size, int) for size in shape)


@pytest.mark.parametrize("name", NETWORKS)
def test_what_hangs_on_constants_is_sized_as_it_runs(name: str, tmp_path: Path) -> None:
    path = network(name, Recipe("onnx", exporter="torchscript"), tmp_path)
    graph = load(path).graphs[0]
    assert any(map(is_open, results(graph)))
    (image,) = (graph.values[index] for index in graph.inputs)
    real = onnxruntime_sizes(path, tuple(map(int, image.shape or ())))
    found = filled(graph)
    assert {v.name: sizes_of(v) for v in results(found)} == real
    assert filled(found) is found


@pytest.mark.parametrize("recipe", [Recipe("onnx"), Recipe("tflite")], ids=lambda r: r.format)
def test_what_a_file_states_follows_from_its_inputs(recipe: Recipe, tmp_path: Path) -> None:
    """Taken away, all sizes come back; and where the file states others, they stay."""
    graph = load(network("csanet", recipe, tmp_path)).graphs[0]
    assert filled(graph) is graph
    made = {value.index for value in results(graph)}
    bare = [replace(v, shape=None) if v.index in made else v for v in graph.values]
    assert filled(replace(graph, values=tuple(bare))).values == graph.values
    (first, *_) = graph.nodes[0].outputs
    bare[first] = replace(bare[first], shape=(1, 2, 3, 4))
    assert filled(replace(graph, values=tuple(bare))).values[first] == bare[first]


def test_what_may_change_keeps_its_name(tmp_path: Path) -> None:
    """Of a size that no rule tells, what the file calls it; of others, what follows."""
    graph = load(network("csanet", Recipe("onnx"), tmp_path)).graphs[0]
    made = {value.index for value in results(graph)}
    values = [
        replace(v, shape=("n", *(v.shape or ())[1:]))
        if v.index in graph.inputs
        else replace(v, shape=("n", *(None for _ in (v.shape or ())[1:])))
        if v.index in made
        else v
        for v in graph.values
    ]
    found = filled(replace(graph, values=tuple(values)))
    shapes = [(sizes_of(found.values[index]), graph.values[index].shape) for index in made]
    assert all(new == ("n", *(old or ())[1:]) for new, old in shapes)
