"""What would cure refused nodes: true where it is said, bounded, and never in the way."""

from __future__ import annotations

import random
import subprocess
import sys
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from graph_text import model
from onnx import TensorProto, helper, numpy_helper

import npulint
from npulint import opsets, remedies
from npulint.fixers import window
from npulint.fixers.building import bounds
from npulint.fixers.catalogue import FAMILIES
from npulint.fixers.record import Policy, Refusal
from npulint.judging import node_verdicts
from npulint.model import Model
from npulint.reports.json import document
from npulint.rewriting import rewrite

EXPORTS = Path(__file__).parents[2] / "reference_models" / "exports"
NAMES = frozenset(way.name for family in FAMILIES for way in family.ways)

SHUFFLE = """
    x: float32[1,8,8,16]
    DEPTH_TO_SPACE (x) -> y {block_size: 2}
    y: float32[1,16,16,4]
"""


def cures(subject: Model | Path, target: str) -> dict[tuple[int, int], tuple[str, ...]]:
    (result,) = npulint.check(subject, [target]).models
    known = result.targets[0].remedies
    return {place: tuple(each.name for each in ways) for place, ways in known.items()}


def refused(subject: Model, target: str) -> Counter[str]:
    verdicts = node_verdicts(subject, opsets.find(target))
    return Counter(
        node.op
        for graph, judged in zip(subject.graphs, verdicts, strict=True)
        for node, verdict in zip(graph.nodes, judged, strict=True)
        if verdict.status == "unsupported"
    )


@pytest.mark.parametrize(
    ("file", "target"),
    [
        ("unet_small.tflite", "nnapi-1.1"),
        ("unet_small.onnx", "nnapi-1.1"),
        ("smallnet.tflite", "pixel-4"),
    ],
)
def test_each_realisation_that_is_named_cures_by_itself(file: str, target: str) -> None:
    loaded = npulint.load(EXPORTS / file)
    named = {name for names in cures(loaded, target).values() for name in names}
    assert named
    for name in named:
        policy = Policy(without=NAMES - {name})
        rewritten = rewrite(loaded, [opsets.find(target)], policy).model
        assert not refused(rewritten, target), name


def test_one_that_is_not_named_cures_nothing() -> None:
    loaded = npulint.load(EXPORTS / "smallnet.tflite")
    (names,) = cures(loaded, "pixel-4").values()
    others = {way.name for f in FAMILIES if f.name == "shuffle" for way in f.ways} - {*names}
    policy = Policy(without=NAMES - others)
    rewritten = rewrite(loaded, [opsets.find("pixel-4")], policy).model
    assert refused(rewritten, "pixel-4")


def test_reports_carry_the_names() -> None:
    report = npulint.check(EXPORTS / "unet_small.tflite", ["nnapi-1.1"])
    (drawn,) = document(report)["models"]
    verdicts = [each for each in drawn["targets"][0]["verdicts"] if each["reasons"]]
    findings = [each for each in drawn["findings"] if each["code"] == "NPU101"]
    assert [each["index"] for each in verdicts] == [each["index"] for each in findings]
    assert all("transpose-conv/zero-insert-conv" in each["fixes"] for each in verdicts)
    assert [each["fixes"] for each in verdicts] == [each["fixes"] for each in findings]


def test_what_lies_beyond_the_window_gets_the_names_of_its_like(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = cures(EXPORTS / "unet_small.tflite", "nnapi-1.1")
    monkeypatch.setattr(remedies, "LOOKED_AT", 10)
    assert set(cures(EXPORTS / "unet_small.tflite", "nnapi-1.1").values()) == set(whole.values())


@pytest.mark.parametrize("limit", ["WEIGHED", "WEIGHED_OF_ONE"])
def test_beyond_the_limits_nothing_is_claimed(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remedies, limit, 0)
    assert cures(EXPORTS / "unet_small.tflite", "nnapi-1.1") == {}


def upsampler(path: Path) -> Path:
    """A transposed convolution whose 64 KiB of weights lie in a file of their own."""
    ones = np.ones(64 * 64 * 4, np.float32).tobytes()
    weights = helper.make_tensor("w", TensorProto.FLOAT, [64, 64, 2, 2], ones, raw=True)
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2])
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 64, side, side])
        for name, side in (("x", 8), ("y", 16))
    ]
    graph = helper.make_graph([node], "net", ends[:1], ends[1:], [weights])
    built = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(built, path, save_as_external_data=True, location="w.data", size_threshold=0)
    return path


@pytest.mark.parametrize("limit", ["HEAVY", "READ"])
def test_large_weights_are_left_on_disk(
    limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = upsampler(tmp_path / "up.onnx")
    assert cures(path, "nnapi-1.1")
    monkeypatch.setattr(window, limit, 65_535)
    assert cures(path, "nnapi-1.1") == {}


def test_weights_that_vanish_while_they_are_looked_at_are_no_fault(tmp_path: Path) -> None:
    loaded = npulint.load(upsampler(tmp_path / "up.onnx"))
    (tmp_path / "w.data").unlink()
    assert cures(loaded, "nnapi-1.1") == {}
    assert [each.code for each in npulint.check(loaded, ["nnapi-1.1"]).models[0].findings]


def test_weights_that_nobody_can_read_cure_nothing() -> None:
    loaded = model(
        """
        x: float32[1,8,8,4]
        size: const int32[4] = 1 16 16 4
        w: const float32[4,2,2,4]
        TRANSPOSE_CONV (size, w, x) -> y {stride_h: 2, stride_w: 2, padding: SAME}
        y: float32[1,16,16,4]
        """
    )
    assert cures(loaded, "nnapi-1.1") == {}


def test_nobody_asks_where_nothing_is_refused_or_nobody_wants_to_know() -> None:
    script = (
        "import sys, npulint; path, target, wanted = sys.argv[1:];"
        "npulint.check(path, [target], remedies=wanted == 'wanted');"
        "print('npulint.fixers.catalogue' in sys.modules)"
    )
    file = str(EXPORTS / "unet_small.tflite")
    for target, wanted, loaded in (
        ("nnapi-1.2", "wanted", False),
        ("nnapi-1.1", "unwanted", False),
        ("nnapi-1.1", "wanted", True),
    ):
        command = [sys.executable, "-c", script, file, target, wanted]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert said.strip() == str(loaded), (target, wanted)


def test_a_realisation_that_only_moves_values_says_so() -> None:
    (result,) = npulint.check(model(SHUFFLE), ["pixel-4"]).models
    (ways,) = result.targets[0].remedies.values()
    assert {each.name: each.moves for each in ways}["shuffle/transposes"]
    assert not all(each.moves for each in ways)


def test_what_was_looked_at_in_vain_does_not_borrow_from_its_like() -> None:
    wide = "float32[1,2,8,8,4]"
    loaded = model(
        f"""
        x: {wide}
        z: float32[1,2,8,8,1]
        DIV v2 (x, x) -> h {{fused_activation_function: NONE}}
        h: {wide}
        DIV v2 (h, z) -> y {{fused_activation_function: NONE}}
        y: {wide}
        """
    )
    (result,) = npulint.check(loaded, ["neuron"]).models
    first, second = result.targets[0].verdicts[0]
    assert first.reasons == second.reasons, "refused alike, and only one for nothing"
    known = cures(loaded, "neuron")
    assert "version/lowest" in known[0, 0]
    assert "version/lowest" not in known.get((0, 1), ())


def test_what_is_said_to_need_no_more_is_what_the_catalogue_writes_lower(full: bool) -> None:
    models = sorted((Path(__file__).parents[1] / "truth" / "models").glob("*.tflite"))
    counted: Counter[bool] = Counter()
    for path in models[:: 1 if full else 6]:
        (result,) = npulint.check(path, ["nnapi-1.2", "neuron", "hexagon-nn", "pixel-4"]).models
        for each in result.findings:
            if each.code == "NPU108":
                needless = "need no more than" in each.message
                assert ("version/lowest" in each.fixes) is needless, (path.name, each)
                counted[needless] += 1
    assert counted[True], "no operator was refused for a version that it does not need"
    assert counted[False], "no operator was refused for a version that it needs"


def test_damaged_files_have_no_cures_at_worst(tmp_path: Path) -> None:
    folder = Path(__file__).parents[1] / "truth" / "models"
    names = ("op_conv2d_f32_0", "op_prelu_f32", "op_pow_f32", "blk_acts_f32", "op_tconv_f32_0")
    whole = {name: (folder / f"{name}.tflite").read_bytes() for name in names}
    rng = random.Random(0)
    read = 0
    for number in range(200):
        text = bytearray(whole[names[number % len(names)]])
        for _ in range(rng.choice([1, 2, 4])):
            place = rng.randrange(len(text))
            text[place] = rng.choice([rng.randrange(256), (text[place] + 1) % 256])
        path = tmp_path / "damaged.tflite"
        path.write_bytes(text)
        (result,) = npulint.check(path, ["nnapi-1.0", "hexagon-nn", "pixel-4"]).models
        read += result.error is None
    assert read > 20, "so few could be read that nothing was looked at"


TAKES_LITTLE = """
family: little
title: What takes little
dialect: tflite
date: "2026-03-04"
sources:
  guide: {page: "Guide", date: "2026-02-01"}
otherwise: {verdict: unsupported, say: the guide has no such operator, source: guide page 1}
partitioning:
  strategy: tflite-delegate
  runs_on: little
  max_partitions: 1
  min_nodes: 1
  dynamic_tensors: refused
  float16_constants: as-is
  source: guide page 1
operators:
  - op: CONV_2D
    inputs: [input, filter, bias]
    outputs: [output]
    source: guide page 1
    require:
      - {attribute: stride_h, equals: 1}
      - {attribute: dilation_h_factor, equals: 1}
"""

ABSURD = {
    "strides": ("Conv", [1, 8, 64, 64], [8, 8, 3, 3], [1, 8, 1, 1], {"strides": [500, 500]}),
    "holes": ("Conv", [1, 8, 2003, 2003], [8, 8, 3, 3], [1, 8, 1, 1], {"dilations": [1001, 1001]}),
    "strides-transposed": (
        "ConvTranspose", [1, 64, 2, 2], [64, 64, 3, 3], [1, 64, 203, 203], {"strides": [200, 200]},
    ),
    "block": ("SpaceToDepth", [1, 1, 2048, 2048], [], [1, 2**20, 2, 2], {"blocksize": 1024}),
    "channels": ("LpNormalization", [1, 20_000, 4, 4], [], [1, 20_000, 4, 4], {"axis": 1}),
}  # fmt: skip
"""An operator, its sizes, those of its weights and of its result, and its attributes."""


@pytest.mark.parametrize("said", ABSURD)
def test_absurd_numbers_take_neither_time_nor_memory(said: str, tmp_path: Path) -> None:
    op, sizes, weights, made, attributes = ABSURD[said]
    held = np.ones(weights, np.float32)
    stored = [numpy_helper.from_array(held, "w")] if weights else []
    node = helper.make_node(op, ["x", "w"] if weights else ["x"], ["y"], **attributes)
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", sizes), ("y", made))
    ]
    graph = helper.make_graph([node], "net", ends[:1], ends[1:], stored)
    path = tmp_path / "absurd.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    target = tmp_path / "little.yaml"
    target.write_text(TAKES_LITTLE)
    tracemalloc.start()
    try:
        (result,) = npulint.check(path, [str(target)]).models
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result.targets[0].refuses, "so that cures are looked for"
    assert peak < 2 * bounds.LARGEST


def test_a_filter_whose_holes_nobody_could_store_is_not_read() -> None:
    loaded = model(
        """
        x: float32[1,1,1,1]
        w: const float32[1,1,3,3] = 1 1 1 1 1 1 1 1 1
        ConvTranspose (x, w) -> y {dilations: [5000, 5000]}
        y: float32[1,1,10001,10001]
        """,
        "onnx",
    )
    (found,) = (each.found for f in FAMILIES for each in f.recognise(loaded.graphs[0]))
    assert isinstance(found, Refusal)
    assert "400,080,004 bytes" in found.reason


def test_more_nodes_than_anybody_wants_are_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = model(
        """
        x: float32[1,8,1,1]
        w: const float32[4,2,1,1] = 1 1 1 1 1 1 1 1
        Conv (x, w) -> y {group: 4}
        y: float32[1,4,1,1]
        """,
        "onnx",
    )
    monkeypatch.setattr(bounds, "MOST_NODES", 3)
    (choice, *_) = rewrite(loaded, [opsets.find("nnapi-1.1")], Policy()).choices
    lost = {each.name: each.lost for each in choice.alternatives}
    assert lost["conv/by-group"] == "it needs more than 3 nodes or operands"


ABSURD_READ = {
    "more samples than results": """
        x: float32[1,4,100000000,1]
        UNPACK (x) -> a, b {axis: 2, num: 2}
        a: float32[1,4,1]
        b: float32[1,4,1]
        """,
    "no axis": """
        x: float32[]
        UNPACK (x) -> y {axis: 0, num: 1}
        y: float32[]
        """,
    "an endless axis": """
        x: float32[1,200000000,1,1]
        RESIZE_NEAREST_NEIGHBOR (x, size) -> y {align_corners: false, half_pixel_centers: false}
        size: const int32[2] = 400000000 1
        y: float32[1,400000000,1,1]
        """,
}


@pytest.mark.parametrize("said", ABSURD_READ)
def test_absurd_sizes_are_not_read(said: str) -> None:
    loaded = model(ABSURD_READ[said])
    found = [each.found for f in FAMILIES for each in f.recognise(loaded.graphs[0])]
    assert found
    assert all(isinstance(each, Refusal) for each in found)


def test_more_operands_than_anybody_wants_are_not_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = model(
        """
        x: float32[1,1,4,4]
        pads: const int64[8] = 0 0 5 5 0 0 5 5
        Pad (x, pads) -> y {mode: edge}
        y: float32[1,1,14,14]
        """,
        "onnx",
    )
    monkeypatch.setattr(bounds, "MOST_NODES", 7)
    (choice, *_) = rewrite(loaded, [opsets.find("nnapi-1.1")], Policy()).choices
    assert "it needs more than 7 nodes or operands" in {e.lost for e in choice.alternatives}
