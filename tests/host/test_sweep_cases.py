"""The cases of both sweeps: what they are called, that they are models, and what a seed draws."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import qnn_cases
import qnn_families
import qnn_models
import qnn_sweep
import qnn_tflite_sweep
from qnn_cases import Case
from qnn_catalogue import Catalogue
from qnn_tflite import catalogue as tflite
from qnn_tflite import kinds, writing

from npulint.formats import load
from npulint.runtimes.onnx_engine import open_session

BOTH = pytest.mark.parametrize(
    "catalogue", [qnn_families.CATALOGUE, tflite.CATALOGUE], ids=["onnx", "tflite"]
)

NO_KERNEL = {("DepthToSpace", "int32"), ("SpaceToDepth", "int32"), ("PRelu", "int32")}
"""What onnxruntime's CPU provider cannot run, and the compiler is asked about all the same."""

UNCHECKED = {"SimplifiedLayerNormalization", "MeanVarianceNormalization"}
"""What onnx's checker does not know, or cannot infer."""


def first_of_each(catalogue: Catalogue, name: str) -> dict[str, Case]:
    """The first case of each kind that a family has many of."""
    made = catalogue.families[name].kinds
    first = {case.kind: case for case in reversed(list(catalogue.cases((name,))))}
    return first if made is None else {kind: first[kind] for kind in made}


@BOTH
@pytest.mark.parametrize("seed", [0, 1])
def test_no_two_cases_have_one_name(catalogue: Catalogue, seed: int) -> None:
    names = Counter(case.name for case in catalogue.cases(some(catalogue), seed))
    assert names.most_common(1)[0][1] == 1


def some(catalogue: Catalogue) -> tuple[str, ...]:
    return tuple(catalogue.families)[::5]


@BOTH
def test_other_seeds_are_other_cases(catalogue: Catalogue) -> None:
    """The same for the same seed; almost none of the standard ones for another."""
    names = some(catalogue)
    standard = {case.name for case in catalogue.cases(names)}
    drawn = [case.name for case in catalogue.sampled(names, 1, total=150)]
    assert drawn == [case.name for case in catalogue.sampled(names, 1, total=150)]
    other = {case.name for case in catalogue.sampled(names, 2, total=150)}
    assert len(set(drawn) & standard) < 0.2 * len(drawn)
    assert len(set(drawn) & other) < 0.2 * len(drawn)
    known = frozenset(drawn)
    assert not known & {case.name for case in catalogue.sampled(names, 1, known=known)}


@BOTH
def test_a_total_is_spread_over_the_operators(catalogue: Catalogue) -> None:
    drawn = Counter(case.op for case in catalogue.sampled((), 0, total=600))
    assert drawn.keys() == {family.op for family in catalogue.families.values()}
    assert drawn.total() == 600
    spread = sorted(drawn.values())
    assert spread[-1] - spread[len(spread) // 4] <= 1


@BOTH
def test_inputs_are_the_same_for_the_same_seed(catalogue: Catalogue) -> None:
    for case in catalogue.sampled((), 0, total=120):
        once, again, other = (qnn_cases.inputs(case, seed) for seed in (1, 1, 2))
        assert all((a == b).all() for a, b in zip(once, again, strict=True))
        many = [at for at, each in enumerate(once) if each.size > 16 and each.dtype != bool]
        wide = [at for at in many if np.ptp(once[at].astype(np.float64)) > 0]
        assert all((once[at] != other[at]).any() for at in wide)


@pytest.mark.parametrize("name", qnn_families.FAMILIES)
def test_every_onnx_family_is_of_models_that_the_cpu_runs(name: str, tmp_path: Path) -> None:
    """One of each kind, as the sweep builds it: the checker takes it, and the CPU runs it."""
    for kind, case in first_of_each(qnn_families.CATALOGUE, name).items():
        path = tmp_path / f"{kind}.onnx"
        runs = qnn_sweep.write_model(case, 0, path)
        assert runs == ((name, kind) not in NO_KERNEL)
        model = onnx.load(path)
        if not case.domain and case.op not in UNCHECKED:
            onnx.checker.check_model(model, full_check=True)
        assert not qnn_models.unstated(model)
        assert case.op in {node.op_type for node in model.graph.node}
        quantised = "QuantizeLinear" in {node.op_type for node in model.graph.node}
        alone = case.op == "QuantizeLinear"
        assert quantised in {alone, kind in qnn_cases.QUANTISED}
        if runs:
            session = open_session(str(path), ())
            session.run(qnn_cases.inputs(case, 0))
            assert all(session.fetch(slot.key).size for slot in session.outputs)


def test_what_is_told_of_operands_is_what_the_model_holds(tmp_path: Path) -> None:
    """Types and shapes of a quantised convolution with a scale for each channel."""
    cases = qnn_families.cases(("Conv in other forms",))
    case = next(
        each for each in cases if each.kind == "a16w8" and each.operands[1].channel is not None
    )
    path = tmp_path / "conv.onnx"
    qnn_sweep.write_model(case, 0, path)
    model = onnx.load(path)
    stored = {each.name: each for each in model.graph.initializer}
    told = [qnn_cases.described(each, qnn_cases.types_of(case.kind)) for each in case.operands]
    assert [each["dtype"] for each in told] == ["uint16", "int8", "int32"]
    assert told[1]["channel"] == told[2]["channel"] == 0
    for place, dtype in ((1, onnx.TensorProto.INT8), (2, onnx.TensorProto.INT32)):
        assert stored[f"c{place}.q"].data_type == dtype
        assert list(stored[f"c{place}.q"].dims) == told[place]["shape"]
        assert list(stored[f"c{place}.scale"].dims) == told[place]["shape"][:1]
    assert stored["x0.zero"].data_type == onnx.TensorProto.UINT16


def _prepared(name: str, folder: Path) -> Iterator[tuple[Case, Path]]:
    """The first of each kind, run on the CPU where that is how shapes are found."""
    first = first_of_each(tflite.CATALOGUE, name)
    for kind, case in first.items():
        own = folder / kind
        own.mkdir()
        qnn_tflite_sweep.prepare(case, 0, own)
        yield case, own


def test_every_tflite_family_is_of_models(tmp_path: Path) -> None:
    """One of each kind: the CPU runs it in float32, and the reader finds what was written."""
    made = []
    for name in tflite.FAMILIES:
        folder = tmp_path / name
        folder.mkdir()
        made += list(_prepared(name, folder))
    qnn_tflite_sweep.run_all([own for _, own in made], tmp_path)
    for case, own in made:
        assert (own / "told.json").read_text() == "{}", case.name
        path = own / "case.tflite"
        path.write_bytes(writing.write(case, qnn_tflite_sweep.results(own)))
        graph = load(path).graphs[0]
        node = graph.nodes[-1]
        assert node.op == case.op
        for name, value in case.attributes.items():
            stated = tuple(value) if isinstance(value, list) else value
            assert node.attributes[name] == (
                pytest.approx(stated) if isinstance(value, float) else stated
            )
        types = kinds.types_of(case.kind)
        for index, operand in zip(node.inputs, case.operands, strict=True):
            told = qnn_cases.described(operand, types)
            if told["omitted"]:
                continue
            value = graph.values[index]
            assert (value.dtype, value.constant is not None) == (told["dtype"], told["constant"])
            assert list(value.shape) == told["shape"]


def test_results_that_are_no_numbers_set_no_scale(tmp_path: Path) -> None:
    """The root of what rounding has made negative, say."""
    case = next(each for each in tflite.CATALOGUE.cases(("SQRT",)) if each.kind == "s8w8")
    some = np.array([0.0, 2.55, np.inf, np.nan], np.float32)
    for results, scale in ((some, 0.01), (some[2:], 2 / 255)):
        path = tmp_path / "case.tflite"
        path.write_bytes(writing.write(case, [results]))
        graph = load(path).graphs[0]
        quantisation = graph.values[graph.nodes[0].outputs[0]].quantisation
        assert quantisation is not None
        assert list(quantisation.scales) == pytest.approx([scale])


def test_a_model_that_ends_the_process_is_told_of(tmp_path: Path) -> None:
    """Three folders, the second of which holds what LiteRT's kernels die of."""
    cases = {case.kind: case for case in tflite.CATALOGUE.cases(("RELU",))}
    folders = []
    for place in range(3):
        own = tmp_path / str(place)
        own.mkdir()
        qnn_tflite_sweep.prepare(cases["float32"], 0, own)
        folders.append(own)
    (folders[1] / "plain.tflite").write_bytes(b"\0\0\0\0TFL3" + bytes(64))
    qnn_tflite_sweep.run_all(folders, tmp_path)
    told = [(own / "told.json").read_text() for own in folders]
    assert (told[0], told[2]) == ("{}", "{}")
    assert "fault" in told[1]
