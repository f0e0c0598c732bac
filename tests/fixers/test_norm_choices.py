"""Which way normalisations take for which targets, and that there is nothing to do after it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import norm_parts
import numpy as np
import pytest
from instances import run
from norm_instances import Array, onnx_norm, tflite_norm
from proving import largest

from npulint.cure import Wish, fix
from npulint.finding import ModelResult
from npulint.fixers.building.builder import Samples
from npulint.fixers.legalise import Setting, build_fragment
from npulint.fixers.looking import lower_bound
from npulint.fixers.norms import families as norm_family
from npulint.fixers.norms import means, roots
from npulint.fixers.norms.fitted import FITTED, TUNE, fit, normalised
from npulint.fixers.norms.reading import Normalisation
from npulint.fixers.record import Occurrence, Realisation, Refusal
from npulint.fixers.surgery import Patch, apply
from npulint.formats import load, save
from npulint.model import Model, Node


@pytest.mark.parametrize(
    ("kind", "target", "chosen"),
    [
        ("channels", "nnapi-1.0", "norm/local-response"),
        ("channels", "nnapi-1.1", "norm/means + root/local-response"),
        ("instance", "nnapi-1.1", "norm/means + root/local-response"),
        ("instance", "nnapi-1.0", "norm/means-added + mean/average-pool + root/local-response"),
        ("group", "nnapi-1.1", "norm/means + root/local-response"),
        ("rms", "nnapi-1.0", "norm/local-response"),
    ],
)
def test_the_targets_decide_and_a_second_time_there_is_nothing_to_do(
    kind: str, target: str, chosen: str, tmp_path: Path
) -> None:
    seed = next(seed for seed in range(99) if _rank(tmp_path, seed, kind) == 4)
    out, again = tmp_path / "out.tflite", tmp_path / "again.tflite"
    result = fix(_tflite(tmp_path, seed, kind), [target], Wish(output=out))
    (choice,) = result.choices
    assert choice.realisation == chosen, choice.alternatives
    assert result.complete
    assert result.written == out
    second = fix(out, [target], Wish(output=again))
    assert (second.after, second.choices, second.written) == (None, (), None)
    assert not again.exists()


def _rank(folder: Path, seed: int, kind: str) -> int:
    graph = load(_tflite(folder, seed, kind)).graphs[0]
    return graph.values[graph.inputs[0]].rank or 0


def _tflite(folder: Path, seed: int, kind: str) -> Path:
    return tflite_norm(folder, seed, (kind,)).path


@pytest.mark.parametrize("dialect", ["onnx", "tflite"])
@pytest.mark.parametrize("way", norm_family.EXACT, ids=lambda way: way.name)
def test_what_a_way_builds_is_read_as_the_same_or_as_nothing(
    way: Realisation[Normalisation], dialect: str, tmp_path: Path
) -> None:
    """What is built may be read as a norm again, but never as another one."""
    for seed in range(10):
        instance = (onnx_norm if dialect == "onnx" else tflite_norm)(tmp_path, seed)
        model = load(instance.path)
        before = largest(norm_family.FAMILY, model)
        if way.accepts(before.found) is not None:
            continue
        new, _ = _with(model, before, way)
        path = tmp_path / f"built{instance.path.suffix}"
        save(new, path)
        for again in norm_family.recognise(load(path).graphs[0]):
            if isinstance(again.found, Normalisation):
                assert again.found.kind == before.found.kind or before.found.groups == 1
                assert again.found.epsilon == pytest.approx(before.found.epsilon)


def _with(
    model: Model,
    occurrence: Occurrence[Any],
    way: Realisation[Any],
    samples: Samples | None = None,
) -> tuple[Model, str]:
    setting = Setting(lambda _: {}, model.opsets.get("", 0), samples=samples)
    fragment, note = build_fragment(model.graphs[0], occurrence, way, setting)
    new, _ = apply(model.graphs[0], [Patch(fragment, occurrence.nodes)])
    return replace(model, graphs=(new,)), note


def _samples(x: Array, now: Array | None = None) -> Samples:
    """What the source holds; where it is not said, the same now as before."""
    return Samples(lambda _: [x], lambda _: [x if now is None else now])


@pytest.mark.parametrize("dialect", ["onnx", "tflite"])
@pytest.mark.parametrize("way", FITTED, ids=lambda way: way.name)
def test_statistics_left_out(way: Realisation[Normalisation], dialect: str, tmp_path: Path) -> None:
    """What is measured is what the rewritten model is off by, and tuning is advised."""
    for seed in range(12):
        instance = (onnx_norm if dialect == "onnx" else tflite_norm)(tmp_path, seed)
        model = load(instance.path)
        occurrence = largest(norm_family.FAMILY, model)
        if occurrence.found.activation != "NONE":
            continue
        new, note = _with(model, occurrence, way, _samples(instance.x))
        assert TUNE in note
        path = tmp_path / f"fitted{instance.path.suffix}"
        save(new, path)
        truth, found = instance.truth(instance.x), run(path, instance.x)
        off = np.sqrt(np.mean((found - truth) ** 2) / np.mean(truth**2))
        (said,) = map(float, re.findall(r"(?:left is|off by) (\S+) of", note))
        assert off == pytest.approx(said, rel=0.01, abs=1e-5), (instance.label, note)
        assert len(new.graphs[0].nodes) <= 2


def test_no_scale_and_shift_fit_better(tmp_path: Path) -> None:
    instance = tflite_norm(tmp_path, 3, ("instance",))
    found = largest(norm_family.FAMILY, load(instance.path)).found
    scale, shift, residual = fit(found, [instance.x], [instance.x])
    wanted = normalised(found, instance.x)

    def left(s: Any, b: Any) -> float:
        return float(((instance.x * s + b - wanted) ** 2).mean())

    best = left(scale, shift)
    assert residual == pytest.approx(np.sqrt(best / (wanted**2).mean()))
    for change in (0.99, 1.01):
        assert left(scale * change, shift) > best
        assert left(scale, shift + change - 1) > best


@pytest.mark.parametrize(
    ("way", "change", "said"),
    [
        ("mean/average-pool", {"axes": (3,)}, "not a mean over height"),
        ("mean/pool-chain", {"axes": (3,)}, "not a mean over height"),
        ("mean/pool-chain", {"shape": (1, 8, 8, 6)}, "one window"),
        ("mean/pool-chain", {"shape": (1, 16, 22, 6)}, "22 is no product"),
        ("mean/convolution", {"axes": (1, 2)}, "not a mean over channels"),
    ],
)
def test_a_mean_that_a_way_does_not_serve(way: str, change: dict[str, Any], said: str) -> None:
    whole = means.Mean(0, (1, 16, 16, 6), (1, 2), 3, (1, 1, 1, 6))
    (chosen,) = (each for each in means.REALISATIONS if each.name == way)
    fits = replace(whole, axes=(3,)) if way == "mean/convolution" else whole
    assert chosen.accepts(fits) is None
    refusal = chosen.accepts(replace(whole, **change))
    assert isinstance(refusal, Refusal)
    assert said in refusal.reason


@pytest.mark.parametrize(
    ("way", "change", "said"),
    [
        ("root/sqrt-div", {"reciprocal": False}, "not a reciprocal root"),
        ("root/size", {"reciprocal": True}, "no converter merges it"),
        ("root/size", {"exponent": 0.5}, "no converter merges it"),
        ("root/local-response", {"least": 0.0}, "not known to be at least"),
        ("root/local-response", {"least": float("-inf")}, "not known to be at least"),
        ("root/local-response", {"rank": 5}, "more than 4"),
    ],
)
def test_a_root_that_a_way_does_not_serve(way: str, change: dict[str, Any], said: str) -> None:
    whole = roots.Root(0, -0.5, None, 1e-6, 4, reciprocal=way != "root/size")
    (chosen,) = (each for each in roots.REALISATIONS if each.name == way)
    assert chosen.accepts(whole) is None
    refusal = chosen.accepts(replace(whole, **change))
    assert isinstance(refusal, Refusal)
    assert said in refusal.reason


@pytest.mark.parametrize("dialect", ["onnx", "tflite"])
def test_a_lower_bound_is_one(dialect: str, tmp_path: Path) -> None:
    for seed in range(20):
        graph = load(norm_parts.root(tmp_path, seed, dialect).path).graphs[0]
        (raised,) = (n.outputs[0] for n in graph.nodes if n.op.upper() == "ADD")
        assert lower_bound(graph, raised) in {np.float32(1e-3), np.float32(1e-6)}
        assert lower_bound(graph, graph.inputs[0]) == float("-inf")


@pytest.mark.parametrize("target", ["nnapi-1.0", "nnapi-1.1"])
@pytest.mark.parametrize("name", ["net_nafblock_f32", "net_instnorm_f32"])
def test_no_norm_of_a_network_stays_refused(name: str, target: str, tmp_path: Path) -> None:
    path = Path(__file__).parent.parent / "truth" / "models" / f"{name}.tflite"
    refused = {n.op for n in _refused(fix(path, [target]).before)}
    assert "RSQRT" in refused
    result = fix(path, [target], Wish(output=tmp_path / "out.tflite"))
    assert result.written, result.held_back
    assert result.comparison is not None
    errors = [each for out in result.comparison.outputs for each in out.differences if each]
    assert min(each.max_relative for each in errors) < 1e-5
    assert not {n.op for n in _refused(result.result)} & {"RSQRT", "MEAN", "SQUARED_DIFFERENCE"}
    again = fix(tmp_path / "out.tflite", [target])
    assert not any(choice.realisation for choice in again.choices)


def _refused(result: ModelResult) -> list[Node]:
    """Nodes of the main graph that the one target refuses."""
    assert result.model is not None
    (target,) = result.targets
    nodes = result.model.graphs[0].nodes
    pairs = zip(nodes, target.verdicts[0], strict=True)
    return [node for node, verdict in pairs if verdict.status == "unsupported"]
