"""int8 networks: what only moves values is rewritten to the bit, the rest is left with advice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from npulint.cure import fix
from npulint.formats import load
from npulint.model import Model
from npulint.reference_models.catalogue import define
from npulint.reference_models.recipe import Recipe
from npulint.reference_models.trial import exported, small

MOVES = {
    "RESHAPE", "TRANSPOSE", "PAD", "MIRROR_PAD", "STRIDED_SLICE", "SLICE", "SPLIT", "SPLIT_V",
    "CONCATENATION", "DEPTH_TO_SPACE", "SPACE_TO_DEPTH", "TILE", "RESIZE_NEAREST_NEIGHBOR",
}  # fmt: skip

REFUSED = {
    "smallnet": ("DEPTH_TO_SPACE",),
    "nafnet_tiny": ("DEPTH_TO_SPACE", "SPLIT"),
    "pynet_v2_mobile": ("DEPTH_TO_SPACE", "MIRROR_PAD", "STRIDED_SLICE"),
}
"""Networks, and operators of theirs that a target refuses one at a time."""

ADVICE = "rewrite the float model, then quantise"

TABLE = """
family: reluctant
title: What takes all operators of a network but one
dialect: tflite
date: "2026-11-30"
sources:
  guide: {{page: Guide of no accelerator, date: "2026-11-30"}}
otherwise: {{verdict: unsupported, say: the guide has no such operator, source: guide page 1}}
partitioning:
  strategy: tflite-delegate
  runs_on: reluctant
  max_partitions: 99
  min_nodes: 1
  dynamic_tensors: allowed
  float16_constants: as-is
  source: guide page 1
operators:
  - {{op: [{ops}], source: guide page 2}}
"""


def network(name: str, folder: Path) -> Model:
    path = folder / f"{name}.tflite"
    made = exported(define(name, small(name)), Recipe("tflite", "int8"))
    path.write_bytes(made.demanded(name))
    return load(path)


def counts(model: Model) -> Counter[str]:
    return Counter(node.op for node in model.graphs[0].nodes)


def reluctant(model: Model, refused: str, folder: Path) -> str:
    """A target that takes what a network has, and all that moves values, but one operator."""
    path = folder / "reluctant.yaml"
    path.write_text(TABLE.format(ops=", ".join(sorted({*MOVES, *counts(model)} - {refused}))))
    return str(path)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One network in a sample of the tests, which takes seconds to quantise; all in full."""
    if "moved" in metafunc.fixturenames:
        names = REFUSED if metafunc.config.getoption("--full") else ["smallnet"]
        pairs = [(name, op) for name in names for op in REFUSED[name]]
        metafunc.parametrize("moved", pairs, ids="-".join)


def test_moves_are_rewritten_to_the_bit(moved: tuple[str, str], tmp_path: Path) -> None:
    name, refused = moved
    model = network(name, tmp_path)
    before = counts(model)
    assert before[refused]
    result = fix(model, [reluctant(model, refused, tmp_path)])
    assert result.complete
    assert not result.held_back
    assert result.comparison is not None
    (output,) = result.comparison.outputs
    assert len(output.differences) >= 7
    for difference in output.differences:
        assert difference is not None
        assert difference.exact, "int8 is compared as whole numbers"
        assert (difference.mismatched, difference.max_absolute) == (0, 0)
    assert result.result.model is not None
    after = counts(result.result.model)
    assert not after[refused]
    computing = {op: count for op, count in before.items() if op not in MOVES}
    assert computing == {op: count for op, count in after.items() if op not in MOVES}


@pytest.mark.parametrize(
    ("name", "refused"), [("smallnet", "CONV_2D"), ("acvlab", "CONCATENATION")]
)
def test_what_computes_is_left_with_advice(name: str, refused: str, tmp_path: Path) -> None:
    """A join too: its inputs may have scales of their own.

    What moves a convolution's padding is weighed too, and is no cure for a refused convolution.
    """
    model = network(name, tmp_path)
    result = fix(model, [reluctant(model, refused, tmp_path)])
    assert result.after is None
    assert not result.complete
    left = [choice for choice in result.choices if choice.op == refused]
    advised = {choice.nodes for choice in left if ADVICE in choice.why}
    assert len(advised) == counts(model)[refused]
    assert advised == {choice.nodes for choice in left}
    assert not any(choice.realisation for choice in left)
