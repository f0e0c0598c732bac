"""Two models, both run: do they agree, by how much not, and where do they part?"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

import npulint
from npulint.errors import ModelFileError, UsageError
from npulint.runtimes import RunnerError, process
from npulint.verification import comparing
from npulint.verification.records import Comparison, Difference, Settings
from npulint.verification.samples import nudge
from tests.formats import onnx_building as build
from tests.verify import networks
from tests.verify.networks import BOOL, EXPORTS, FLOAT, INT32, INT64


def only(found: Comparison) -> Difference:
    """The one difference of the one output."""
    ((difference,),) = [output.differences for output in found.outputs]
    assert difference is not None
    return difference


@pytest.mark.parametrize(
    ("a", "b", "layout"), [("onnx", "tflite", "nchw-nhwc"), ("tflite", "onnx", "nhwc-nchw")]
)
def test_both_exports_of_a_network_agree(a: str, b: str, layout: str) -> None:
    one, other = EXPORTS / f"smallnet.{a}", EXPORTS / f"smallnet.{b}"
    found = npulint.verify(one, npulint.load(other), runs=1, edge=False)
    assert found.same
    (pair,) = found.inputs
    assert (pair.a.name, pair.b.name, pair.how, pair.layout) == ("input", "input", "name", layout)
    (output,) = found.outputs
    assert (output.pair.how, output.pair.layout) == ("order", layout)
    difference = only(found)
    assert 0 < difference.max_relative < 1e-5
    assert difference.psnr > 100
    assert difference.ssim is not None
    assert difference.ssim > 0.999999


def test_the_figures_of_a_known_difference(tmp_path: Path) -> None:
    a = networks.scaling(tmp_path, "a", 1.0)
    b = networks.scaling(tmp_path, "b", 1.5)
    x = np.random.default_rng(0).uniform(-1, 1, networks.IMAGE).astype(np.float32)
    found = npulint.verify(a, b, inputs=[{"x": x}])
    assert not found.same
    difference = only(found)
    span = float(x.max()) - float(x.min())
    assert difference.max_absolute == pytest.approx(0.5 * np.abs(x).max(), rel=1e-6)
    assert difference.max_relative == pytest.approx(0.5 * np.abs(x).max() / span, rel=1e-6)
    mean = np.square(0.5 * x.astype(np.float64)).mean()
    assert difference.psnr == pytest.approx(10 * math.log10(span**2 / mean), abs=1e-4)
    assert difference.at == np.unravel_index(np.abs(x).argmax(), x.shape)
    assert difference.ssim is not None
    assert difference.ssim < 0.95


def test_what_is_the_models_own_rounding_is_no_difference(tmp_path: Path) -> None:
    """One rounds to steps of half a thousandth and the other does not: neither is the truth."""
    a, b = networks.coarse(tmp_path, "a", 0), networks.scaling(tmp_path, "b", 1.0)
    x = np.random.default_rng(0).uniform(0, 1, networks.IMAGE).astype(np.float32)
    # Where a step ends, the next number goes up by a whole one.
    x[..., 0] = (np.arange(x[..., 0].size).reshape(x[..., 0].shape) % 7 + 0.5) / 2048
    found = npulint.verify(a, b, inputs=[{"x": x}])
    difference = only(found)
    assert found.same
    assert difference.max_relative > 1e-4
    assert difference.is_rounding
    assert not npulint.verify(a, b, inputs=[{"x": x}], max_error=1e-4).same
    # The same distance where the model is smooth is a difference, and so is a large one.
    assert not npulint.verify(b, a, inputs=[{"x": x}]).same
    wrong = networks.coarse(tmp_path, "c", 2**-9)
    assert not npulint.verify(a, wrong, inputs=[{"x": x}]).same


def test_where_a_model_amplifies_rounding_other_samples_tell(tmp_path: Path) -> None:
    a = networks.square(tmp_path, "a", expanded=True)
    b = networks.square(tmp_path, "b", expanded=False)
    wrong = networks.square(tmp_path, "wrong", expanded=False, error=1.9e-6)
    rng = np.random.default_rng(0)
    plain = {"x": rng.uniform(0.85, 1.15, networks.IMAGE).astype(np.float32)}
    near = {"x": rng.uniform(1, 1.003, networks.IMAGE).astype(np.float32)}
    found = npulint.verify(a, b, inputs=[plain, near])
    assert found.same
    good, moot = found.outputs[0].differences
    assert good is not None
    assert moot is not None
    assert (good.is_moot, moot.is_moot) == (False, True)
    assert 0 < moot.max_absolute <= 4 * moot.unrest < 1.5e-6
    # Alone it tells nothing; and what differs by more than the model's own unrest does differ.
    alone = only(npulint.verify(a, b, inputs=[near]))
    assert alone.is_moot
    assert not npulint.verify(a, b, inputs=[near]).same
    assert not npulint.verify(a, wrong, inputs=[plain, near]).same


def test_zeros_are_nudged_as_if_they_were_ones() -> None:
    assert set(np.unique(np.abs(nudge(np.zeros((4, 4), np.float32), 0)))) <= {2.0**-23, 2.0**-24}
    assert not nudge(np.zeros(3, np.int32), 0).any()


@pytest.mark.parametrize(
    ("bounds", "same"),
    [({}, False), ({"max_error": 1.1e-3}, True), ({"max_error": 0.9e-3}, False),
     ({"min_psnr": 59}, True), ({"min_psnr": 61}, False)],
)  # fmt: skip
def test_bounds(bounds: dict[str, Any], same: bool, tmp_path: Path) -> None:
    a = networks.scaling(tmp_path, "a", 1.0)
    b = networks.scaling(tmp_path, "b", 1.001)
    # Values of 0 and 1 by halves: the error is 1e-3 of the range, the PSNR 60 dB and 3 more.
    x = np.resize(np.float32([1, 1]), networks.IMAGE)
    x[..., 0] = 0
    found = npulint.verify(a, b, inputs=[{"x": x}], **bounds)
    assert only(found).psnr == pytest.approx(60 - 10 * math.log10(19 / 20), abs=0.01)
    assert found.same == same


def test_zero_tolerance_is_equality(tmp_path: Path) -> None:
    a = networks.scaling(tmp_path, "a", 1.0)
    b = networks.scaling(tmp_path, "b", float(np.nextafter(np.float32(1), np.float32(2))))
    assert npulint.verify(a, a, max_error=0.0).same
    assert npulint.verify(a, b).same
    assert not npulint.verify(a, b, max_error=0.0).same


def test_what_cancels_to_zero_is_held_to_the_other_runs(tmp_path: Path) -> None:
    def shifted(name: str, amount: float) -> Path:
        main = build.graph(
            [helper.make_node("Add", ["x", "amount"], ["y"])],
            [build.floats("x", 5)],
            [build.floats("y", 5)],
            [networks.stored("amount", np.float32(amount))],
        )
        return networks.save(tmp_path, name, main)

    a, rounding, fault = (shifted(n, v) for n, v in (("a", 0), ("b", 1e-8), ("c", 1e-4)))
    zeros, ramp = np.zeros(5, np.float32), np.arange(5, dtype=np.float32)
    assert npulint.verify(a, rounding, inputs=[{"x": zeros}, {"x": ramp}]).same
    assert not npulint.verify(a, rounding, inputs=[{"x": zeros}]).same
    found = npulint.verify(a, fault, inputs=[{"x": zeros}, {"x": ramp}])
    assert [d is not None and d.within(1e-4, None) for d in found.outputs[0].differences] == [
        False,
        True,
    ]
    assert not found.same


def test_not_a_number_in_one_alone_differs(tmp_path: Path) -> None:
    log, identity = (networks.one_node(tmp_path, op, op) for op in ("Log", "Identity"))
    x = np.ones(networks.IMAGE, np.float32)
    x[0, 0, :2] = -1
    found = npulint.verify(log, log, inputs=[{"x": x}])
    assert found.same
    assert only(found).finite == x.size - 40
    broken = only(npulint.verify(log, identity, inputs=[{"x": x}], max_error=10.0))
    assert broken.mismatched == 40
    assert not broken.within(10.0, None)


def test_nothing_finite_shows_nothing(tmp_path: Path) -> None:
    log = networks.one_node(tmp_path, "log", "Log")
    found = npulint.verify(log, log, inputs=[{"x": -np.ones(networks.IMAGE, np.float32)}])
    assert not found.same
    assert found.outputs[0].empty


@pytest.mark.parametrize("dtype", [INT32, INT64, BOOL])
def test_whole_numbers_are_compared_exactly(dtype: int, tmp_path: Path) -> None:
    def casting(name: str, op: str) -> Path:
        main = build.graph(
            [helper.make_node(op, ["x"], ["z"]), helper.make_node("Cast", ["z"], ["y"], to=dtype)],
            [build.floats("x", *networks.IMAGE)],
            [build.tensor("y", dtype, networks.IMAGE)],
        )
        return networks.save(tmp_path, name, main)

    a, b = casting("a", "Floor"), casting("b", "Ceil")
    assert npulint.verify(a, a, runs=1).same
    x = np.zeros(networks.IMAGE, np.float32)
    x[0, 1, 2, 3] = 0.5
    difference = only(npulint.verify(a, b, inputs=[{"x": x}], max_error=10.0))
    assert (difference.mismatched, difference.exact) == (1, True)
    assert not difference.within(10.0, None)


def test_widths_of_whole_numbers_may_differ(tmp_path: Path) -> None:
    def casting(name: str, dtype: int) -> Path:
        return networks.one_node(tmp_path, name, "Cast", dtypes=(FLOAT, dtype), to=dtype)

    assert npulint.verify(casting("a", INT64), casting("b", INT32), runs=1).same


def test_across_formats_with_free_sizes(tmp_path: Path) -> None:
    a = networks.like_lite_chain(tmp_path, "a", (1, 2), ("n", 2, "h", "w"))
    b = networks.lite_chain(tmp_path, "b", (1, 2), (1, 1, 1, 2), (-1, -1, -1, 2))
    found = npulint.verify(a, b)
    assert found.same
    assert {sample.shapes for sample in found.samples} == {((1, 2, 64, 96),), ((2, 2, 96, 64),)}
    wrong = networks.like_lite_chain(tmp_path, "wrong", (2, 1), ("n", 2, "h", "w"))
    assert not npulint.verify(wrong, b, runs=1, edge=False).same


def test_an_ambiguous_layout_must_be_given(tmp_path: Path) -> None:
    a = networks.like_lite_chain(tmp_path, "a", (1, 2), (1, 2, 2, 2))
    b = networks.lite_chain(tmp_path, "b", (1, 2), (1, 2, 2, 2))
    with pytest.raises(UsageError, match="say which with --layout input=same"):
        npulint.verify(a, b)
    with pytest.raises(UsageError, match="say which with --layout result=same"):
        npulint.verify(a, b, layouts={"input": "nchw-nhwc"})
    both = {"input": "nchw-nhwc", "result": "nchw-nhwc"}
    assert npulint.verify(a, b, layouts=both, runs=1).same  # type: ignore[arg-type]
    same = {"input": "same", "result": "same"}
    assert not npulint.verify(a, b, layouts=same, runs=1).same  # type: ignore[arg-type]


def test_names_that_do_not_pair_are_mapped(tmp_path: Path) -> None:
    def two(name: str, first: str, second: str) -> Path:
        main = build.graph(
            [helper.make_node("Sub", ["a", "b"], [first]),
             helper.make_node("Sub", ["b", "a"], [second])],
            [build.floats("a", 4), build.floats("b", 4)],
            [build.floats("p", 4), build.floats("q", 4)],
        )  # fmt: skip
        return networks.save(tmp_path, name, main)

    a, swapped = two("a", "p", "q"), two("swapped", "q", "p")
    assert not npulint.verify(a, swapped, runs=1).same
    assert npulint.verify(a, swapped, runs=1, mapping={"p": "q", "q": "p"}).same
    assert npulint.verify(a, swapped, runs=1, mapping={"a": "b", "b": "a"}).same
    for option in ("mapping", "layouts"):
        with pytest.raises(UsageError, match=r"z: A has no such input or output; it has 'a'"):
            npulint.verify(a, swapped, **{option: {"z": "same"}})


def test_a_sample_that_one_alone_refuses_splits_the_models(tmp_path: Path) -> None:
    free = networks.scaling(tmp_path, "free", 1.0, ("n", 2))
    fixed = networks.save(
        tmp_path,
        "fixed",
        build.graph(
            [helper.make_node("Reshape", ["x", "one"], ["z"]),
             helper.make_node("Reshape", ["z", "back"], ["y"])],
            [build.floats("x", "n", 2)],
            [build.floats("y", "n", 2)],
            [networks.stored("one", [1, 2]), networks.stored("back", [1, 2])],
        ),
    )  # fmt: skip
    found = npulint.verify(free, fixed, runs=1, edge=False)
    one, two = found.samples
    assert one.compared
    assert two.differs
    assert two.refused_by_b is not None
    assert "Reshape" in two.refused_by_b
    assert found.outputs[0].same
    assert not found.same
    both = npulint.verify(fixed, fixed, runs=1, edge=False)
    assert both.same
    assert [sample.compared for sample in both.samples] == [True, False]
    with pytest.raises(RunnerError, match=r"fixed\.onnx: did not run on any sample; give --inputs"):
        npulint.verify(fixed, fixed, input_shapes={"x": [(3, 2)]})


@pytest.mark.parametrize("kind", ["ports", "strings", "sequences"])
def test_models_that_cannot_be_compared(kind: str, tmp_path: Path) -> None:
    one = networks.scaling(tmp_path, "one", 1.0)
    if kind == "ports":
        main = build.graph(
            [helper.make_node("Add", ["x", "z"], ["y"])],
            [build.floats("x", *networks.IMAGE), build.floats("z", *networks.IMAGE)],
            [build.floats("y", *networks.IMAGE)],
        )
        told = r"A has 1 inputs \('x'\) and B has 2"
    elif kind == "strings":
        main = build.graph(
            [helper.make_node("Cast", ["x"], ["y"], to=onnx.TensorProto.STRING)],
            [build.floats("x", 2)],
            [build.tensor("y", onnx.TensorProto.STRING, [2])],
        )
        told = r"output 'y' is tensor\(string\); only tensors of numbers"
    else:
        sequence = helper.make_tensor_sequence_value_info("y", FLOAT, None)
        main = build.graph(
            [helper.make_node("SequenceConstruct", ["x"], ["y"])],
            [build.floats("x", 2)],
            [sequence],
        )
        told = r"output 'y' is seq\(tensor\(float\)\)"
    with pytest.raises(UsageError, match=told):
        npulint.verify(one, networks.save(tmp_path, "other", main))


def test_a_model_that_the_runtime_refuses(tmp_path: Path) -> None:
    one = networks.scaling(tmp_path, "one", 1.0)
    unknown = networks.one_node(tmp_path, "unknown", "Fancy")
    with pytest.raises(
        RunnerError, match=r"unknown\.onnx: onnxruntime refuses this model: .*Fancy"
    ):
        npulint.verify(one, unknown)
    with pytest.raises(ModelFileError, match="there is no such file"):
        npulint.verify(one, tmp_path / "none.onnx")


def test_a_crash_ends_the_comparison_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies = networks.scaling(tmp_path, "dies", 1.0, (1, 2))
    monkeypatch.setitem(process.ENGINES, "onnx", "tests.verify.engines")
    with pytest.raises(RunnerError, match="SIGSEGV"):
        npulint.verify(dies, dies)


@pytest.mark.parametrize(
    "option",
    [{"max_error": -1.0}, {"max_error": math.nan}, {"min_psnr": -3.0}, {"runs": -1}, {"seed": -1},
     {"timeout": 0.0}],
)  # fmt: skip
def test_options_out_of_range(option: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"^--[a-z-]+ \S+: give a number"):
        npulint.verify("a", "b", **option)


@pytest.mark.parametrize("external", [False, True])
def test_the_first_region_that_differs(external: bool, tmp_path: Path) -> None:
    a = networks.chain(tmp_path, "a", [2, 3, 0.5, 1], external=external)
    b = networks.chain(tmp_path, "b", [2, 3, 0.75, 1], external=external)
    regions = npulint.compare_regions(a, b)
    assert [value.name for value in regions.values] == ["value0", "value1", "value2", "y"]
    assert [value.same for value in regions.values] == [True, True, False, False]
    assert regions.first is not None
    assert (regions.first.name, regions.first.node, regions.first.op_a) == ("value2", 2, "Mul")
    assert regions.first.difference.max_absolute == pytest.approx(1.5, rel=1e-2)
    assert npulint.compare_regions(a, a).first is None


def test_regions_of_tflite(tmp_path: Path) -> None:
    a = networks.lite_chain(tmp_path, "a", (1, 2))
    b = networks.lite_chain(tmp_path, "b", (1, 2.5))
    found = npulint.verify(a, b, regions=True)
    assert not found.same
    assert found.regions is not None
    assert found.regions.first is not None
    assert (found.regions.first.name, found.regions.first.op_a) == ("sum", "ADD")
    assert found.regions.first.difference.max_absolute == pytest.approx(0.5, rel=1e-4)


def test_regions_are_taken_where_the_error_is_largest(tmp_path: Path) -> None:
    relu, identity = (networks.one_node(tmp_path, op, op) for op in ("Relu", "Identity"))
    ones, signs = (np.full(networks.IMAGE, each, np.float32) for each in (1, -1))
    found = npulint.verify(
        relu, identity, inputs=[{"x": ones}, {"x": signs}, {"x": ones}], regions=True
    )
    assert found.regions is not None
    assert found.regions.sample == "given 2"


def test_only_the_regions_that_matter(tmp_path: Path) -> None:
    a = networks.chain(tmp_path, "a.onnx", [1.0, 2.0, 3.0])
    found = npulint.verify(a, a, regions=["value1", "nowhere"])
    assert found.regions is not None
    assert [value.name for value in found.regions.values] == ["value1"]


def test_regions_without_room_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a = networks.chain(tmp_path, "a.onnx", [1.0, 2.0, 3.0])

    def no_room(*_: object) -> None:
        raise RunnerError(a, "died")

    monkeypatch.setattr(comparing, "regions_on", no_room)
    assert npulint.verify(a, a, regions=["value1"]).same
    with pytest.raises(RunnerError):
        npulint.verify(a, a, regions=True)


def test_regions_need_names_in_common(tmp_path: Path) -> None:
    a = networks.like_lite_chain(tmp_path, "a", (1, 2), (1, 2, 4, 4))
    b = networks.lite_chain(tmp_path, "b", (1, 2), (1, 4, 4, 2))
    with pytest.raises(UsageError, match="give two models of one format"):
        npulint.compare_regions(a, b, Settings(runs=1))


def test_a_comparison_repeats_itself(tmp_path: Path) -> None:
    a = networks.chain(tmp_path, "a", [2, 3, 0.5])
    b = networks.chain(tmp_path, "b", [2, 3, 0.501])
    assert npulint.verify(a, b, seed=3) == npulint.verify(a, b, seed=3)
    assert npulint.verify(a, b, seed=3) != npulint.verify(a, b, seed=4)


def test_progress_is_told(tmp_path: Path) -> None:
    a = networks.scaling(tmp_path, "a", 1.0)
    steps: list[tuple[str, int, int]] = []
    npulint.verify(a, a, runs=1, progress=lambda *step: steps.append(step))
    assert steps == [
        ("random 1 in [0, 1)", 0, 5),
        *(
            (name, place + 1, 5)
            for place, name in enumerate(("zeros", "ones", "extremes", "alternating"))
        ),
    ]
