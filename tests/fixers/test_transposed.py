"""Transposed convolutions rewritten: bit-identical on integers, in the real runtimes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from instances import Instance, onnx_instance, run, tflite_instance
from onnx import TensorProto, helper, numpy_helper

from npulint.fixers.convolutions.transposed import REALISATIONS
from npulint.fixers.convolutions.transposed_reading import TransposedConvolution, read, recognise
from npulint.fixers.legalise import Setting, build_fragment
from npulint.fixers.record import Realisation, Refusal
from npulint.fixers.surgery import Patch, apply
from npulint.formats import load, save
from npulint.model import Model

SAMPLE, ALL = 30, 200

Way = Realisation[TransposedConvolution]


def rewritten(model: Model, way: Way) -> Model | Refusal:
    """The model with its first node computed the other way."""
    graph = model.graphs[0]
    (occurrence,) = recognise(graph)
    assert isinstance(occurrence.found, TransposedConvolution), occurrence.found
    refusal = way.accepts(occurrence.found)
    if refusal is not None:
        return refusal
    setting = Setting(lambda _: {}, model.opsets.get("", 0))
    fragment, _ = build_fragment(graph, occurrence, way, setting)
    new, _ = apply(graph, [Patch(fragment, occurrence.nodes)])
    return replace(model, graphs=(new,))


def check(instance: Instance, way: Way, folder: Path) -> bool:
    """Whether the way applied; that it computes the same is asserted."""
    model = load(instance.path)
    result = rewritten(model, way)
    if isinstance(result, Refusal):
        assert result.reason
        return False
    path = folder / f"rewritten{instance.path.suffix}"
    save(result, path)
    expected, found = run(instance.path, instance.x), run(path, instance.x)
    assert found.shape == expected.shape, instance.label
    assert np.array_equal(found, expected), instance.label
    again = load(path)
    ops = {node.op for node in again.graphs[0].nodes}
    assert not ops & {"TRANSPOSE_CONV", "ConvTranspose"}
    assert max(value.rank or 0 for value in again.graphs[0].values) <= 4
    if again.dialect == "tflite":
        assert ops <= {*way.uses, "RELU", "RELU6", "RELU_N1_TO_1"}
    return True


@pytest.mark.parametrize(
    ("way", "dialect"),
    [
        pytest.param(way, dialect, id=f"{way.name}-{dialect}")
        for way in REALISATIONS
        for dialect in ("onnx", "tflite")
        # TRANSPOSE_CONV has no groups.
        if (way.name, dialect) != ("transpose-conv/sub-pixel-shuffle", "tflite")
    ],
)
def test_bit_identical_on_integers(way: Way, dialect: str, full: bool, tmp_path: Path) -> None:
    make = onnx_instance if dialect == "onnx" else tflite_instance
    wanted = ALL if full else SAMPLE
    applied = seed = 0
    while applied < wanted:
        instance = make(tmp_path, seed)
        seed += 1
        assert seed < 20 * wanted, "hardly any instance is in the way's domain"
        if instance is not None:
            applied += check(instance, way, tmp_path)


def stated(
    folder: Path,
    size: int,
    auto: str,
    opset: int,
    *,
    window: int = 3,
    stride: int = 2,
    extra: int = 0,
) -> Instance:
    """A ConvTranspose over 8x8 samples that says how many it makes of them."""
    rng = np.random.default_rng(size)
    weights = rng.integers(-8, 9, (2, 3, window, window)).astype(np.float32)
    node = helper.make_node(
        "ConvTranspose", ["x", "w"], ["y"], strides=[stride, stride], output_shape=[size, size],
        auto_pad=auto, output_padding=[extra, extra],
    )  # fmt: skip
    return Instance(
        single(folder, node, weights, size, opset),
        rng.integers(-8, 9, (1, 2, 8, 8)).astype(np.float32),
        f"{size=} {auto=} {opset=} {window=} {stride=} {extra=}",
    )


def single(
    folder: Path, node: onnx.NodeProto, weights: np.ndarray[Any, Any], size: int, opset: int
) -> Path:
    shapes = {"x": [1, 2, 8, 8], "y": [1, 3, size, size]}
    x, y = (helper.make_tensor_value_info(*each) for each in _floats(shapes))
    graph = helper.make_graph([node], "g", [x], [y], [numpy_helper.from_array(weights, "w")])
    path = folder / "single.onnx"
    opsets = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


@pytest.mark.parametrize("opset", [7, 10, 11, 22])
@pytest.mark.parametrize("auto", ["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("size", [14, 15, 16, 17, 18])
def test_a_stated_output_shape_is_cut_as_the_runtime_cuts_it(
    size: int, auto: str, opset: int, tmp_path: Path
) -> None:
    instance = stated(tmp_path, size, auto, opset)
    for way in REALISATIONS:
        if way.name in {"transpose-conv/sub-pixel", "transpose-conv/zero-insert-conv"}:
            assert check(instance, way, tmp_path)


@pytest.mark.parametrize("auto", ["NOTSET", "SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize("extra", [0, 1, 3])
@pytest.mark.parametrize("beyond", [-2, -1, 0, 1, 2, 3])
def test_samples_beyond_what_the_window_reaches_are_zeros_behind_it(
    beyond: int, extra: int, auto: str, tmp_path: Path
) -> None:
    window, stride = 2, 4
    reach = 7 * stride + window
    instance = stated(tmp_path, reach + beyond, auto, 17, window=window, stride=stride, extra=extra)
    for way in REALISATIONS:
        if way.name in {"transpose-conv/sub-pixel", "transpose-conv/zero-insert-conv"}:
            assert check(instance, way, tmp_path)


@pytest.mark.parametrize("auto", ["NOTSET", "SAME_UPPER", "SAME_LOWER"])
def test_a_stated_output_shape_a_stride_beyond_the_window_is_refused(
    auto: str, tmp_path: Path
) -> None:
    instance = stated(tmp_path, 19, auto, 17)
    graph = load(instance.path).graphs[0]
    refusal = read(graph, graph.nodes[0])
    assert isinstance(refusal, Refusal)
    assert "asks for 19 samples where the window reaches 17" in refusal.reason
    with pytest.raises(Exception, match="inconsistent with input spatial dimensions"):
        run(instance.path, instance.x)


@pytest.mark.parametrize("auto", ["SAME_UPPER", "SAME_LOWER"])
def test_a_window_below_its_stride_has_no_one_size_with_same(auto: str, tmp_path: Path) -> None:
    weights = np.ones((2, 3, 2, 2), np.float32)
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[3, 3], auto_pad=auto)
    path = single(tmp_path, node, weights, 24, 17)
    graph = load(path).graphs[0]
    refusal = read(graph, graph.nodes[0])
    assert isinstance(refusal, Refusal)
    assert "24 samples by the standard, input times stride, but 23 in onnxruntime" in refusal.reason
    assert run(path, np.ones((1, 2, 8, 8), np.float32)).shape == (1, 3, 23, 23)


def _floats(shapes: dict[str, list[int]]) -> list[tuple[str, int, list[int]]]:
    return [(name, TensorProto.FLOAT, sizes) for name, sizes in shapes.items()]


@pytest.mark.parametrize(
    ("way", "change", "said"),
    [
        ("transpose-conv/sub-pixel", {"strides": (2, 3)}, "differ"),
        ("transpose-conv/sub-pixel", {"strides": (1, 1)}, "nothing to spread"),
        ("transpose-conv/sub-pixel-3x3", {"kernel": np.ones((1, 1, 5, 8))}, "3x4 taps"),
        ("transpose-conv/sub-pixel-3x3", {"kernel": np.ones((1, 1, 5, 5))}, "3x3 taps"),
        ("transpose-conv/sub-pixel-3x3", {"strides": (2, 3)}, "differ"),
        ("transpose-conv/zero-insert-conv-3x3", {"kernel": np.ones((1, 1, 3, 3))}, "is 3x3"),
        ("transpose-conv/zero-insert-conv-3x3", {"kernel": np.ones((1, 1, 2, 4))}, "is 2x4"),
        ("transpose-conv/resize-mask-conv", {"strides": (1, 1)}, "nothing to spread"),
    ],
)
def test_a_broken_precondition_is_refused_with_its_reason(
    way: str, change: dict[str, object], said: str, tmp_path: Path
) -> None:
    model = load(tflite_instance(tmp_path, 0).path)
    found = read(model.graphs[0], model.graphs[0].nodes[0])
    assert isinstance(found, TransposedConvolution)
    (chosen,) = (each for each in REALISATIONS if each.name == way)
    within = replace(found, strides=(2, 2), groups=1, kernel=np.ones((1, 1, 2, 2)))
    assert chosen.accepts(within) is None
    refusal = chosen.accepts(replace(within, **change))  # type: ignore[arg-type]
    assert refusal is not None
    assert said in refusal.reason


def test_groups_in_tflite_agree_whatever_the_way(tmp_path: Path) -> None:
    seen = 0
    for seed in range(60):
        instance = tflite_instance(tmp_path, seed)
        model = load(instance.path)
        (occurrence,) = recognise(model.graphs[0])
        assert isinstance(occurrence.found, TransposedConvolution)
        kernel = occurrence.found.kernel
        if kernel.shape[0] % 2 or kernel.shape[1] % 2:
            continue
        found = replace(occurrence.found, groups=2, kernel=kernel[:, : kernel.shape[1] // 2])
        results = []
        for number, way in enumerate(REALISATIONS):
            if way.accepts(found) is None:
                setting = Setting(lambda _: {}, 0)
                patch = Patch(
                    build_fragment(model.graphs[0], replace(occurrence, found=found), way, setting)[
                        0
                    ],
                    occurrence.nodes,
                )
                graph, _ = apply(model.graphs[0], [patch])
                path = tmp_path / f"{seed}_{number}.tflite"
                save(replace(model, graphs=(graph,)), path)
                results.append(run(path, instance.x))
                seen += way.name == "transpose-conv/sub-pixel-shuffle"
        assert all(np.array_equal(results[0], other) for other in results), instance.label
    assert seen > 2


def test_quantised_ones_are_refused_with_advice() -> None:
    truth = Path(__file__).parent.parent / "truth" / "models"
    graph = load(truth / "blk_tconv_same_int8f.tflite").graphs[0]
    (node,) = (node for node in graph.nodes if node.op == "TRANSPOSE_CONV")
    refusal = read(graph, node)
    assert isinstance(refusal, Refusal)
    assert "then quantise" in refusal.reason
