"""Normalisations are found in whatever form they are written, with the right numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import run
from norm_spellings import EPSILON, SPELLINGS, Spelling, Writer, found_in
from sketches import Sketch, evaluate

from npulint.fixers.norms.reading import Normalisation
from npulint.fixers.record import Refusal
from npulint.formats import load

DIALECTS = ("onnx", "tflite")


@dataclass(frozen=True)
class Drawn:
    """A normalisation to be written: which, of what, with which numbers."""

    kind: str
    sketch: Sketch
    axes: tuple[int, ...]
    groups: int
    channel: int
    scale: Any
    shift: Any


@st.composite
def drawn(draw: st.DrawFn) -> Drawn:
    dialect = draw(st.sampled_from(DIALECTS))
    kind = draw(st.sampled_from(["layer", "layer", "instance", "group"]))
    size = st.integers(2, 5)
    rank = draw(st.integers(2 if kind == "layer" else 3, 4))
    channel = 1 if dialect == "onnx" else rank - 1
    sizes = [draw(st.integers(1, 2)), *(draw(size) for _ in range(rank - 1))]
    groups = draw(st.integers(2, 3)) if kind == "group" else 1
    sizes[channel] *= groups
    if kind == "group":
        sizes[channel] = max(sizes[channel], 2 * groups)
    everything = tuple(range(1, rank))
    axes = everything
    if kind == "layer":
        count = draw(st.integers(1, rank - 1))
        axes = everything[-count:] if count > 1 or draw(st.booleans()) else (channel,)
        if count == 1:
            channel = axes[0]
    elif kind == "instance":
        axes = tuple(axis for axis in everything if axis != channel)
    along = axes if kind == "layer" else (channel,)
    shape = tuple(size if axis in along else 1 for axis, size in enumerate(sizes))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    # A single axis without parameters, or several that leave one out, is told by the affine part.
    scale = rng.uniform(0.5, 2, shape).astype(np.float32)
    shift = rng.uniform(-1, 1, shape).astype(np.float32) if draw(st.booleans()) else None
    sketch = Sketch(
        dialect,
        tuple(sizes),
        draw(st.sampled_from([11, 13, 17, 18, 21])),
        nodes=draw(st.booleans()),
    )
    return Drawn(kind, sketch, axes, groups, channel, scale, shift)


def written(case: Drawn, spelling: Spelling, activation: str) -> str:
    """The name of the result."""
    writer, sketch = Writer(case.sketch, spelling), case.sketch
    if case.kind != "group":
        return writer.normalise("x", case.axes, case.scale, case.shift, activation=activation)
    shape, channel = sketch.shape, case.channel
    split = (*shape[:channel], case.groups, shape[channel] // case.groups, *shape[channel + 1 :])
    axes = tuple(axis for axis in range(1, len(split)) if axis != channel)

    def divided(numbers: Any) -> Any:
        if numbers is None:
            return None
        sizes = [1] * len(split)
        sizes[channel : channel + 2] = case.groups, shape[channel] // case.groups
        return numbers.reshape(sizes)

    scale, shift = divided(case.scale), divided(case.shift)
    inner = sketch.reshape("x", split)
    made = writer.normalise(inner, axes, scale, shift, activation=activation)
    return sketch.reshape(made, shape)


@settings(max_examples=min(settings.default.max_examples, 500))
@given(drawn(), SPELLINGS, st.booleans())
def test_any_spelling_is_found_with_its_numbers(
    case: Drawn, spelling: Spelling, fused: bool
) -> None:
    last_is_add = case.shift is not None or spelling.affine == "folded"
    fuses = fused and last_is_add and case.sketch.dialect == "tflite"
    activation = "RELU" if fuses else "NONE"
    with TemporaryDirectory() as folder:
        path = case.sketch.save(Path(folder), written(case, spelling, activation))
        (found,) = found_in(path)
        assert isinstance(found, Normalisation), found
        assert (found.kind, found.axes, found.groups) == (case.kind, case.axes, case.groups)
        if case.kind != "layer" or len(case.axes) == 1:
            assert found.channel_axis == case.channel
        assert found.shape == case.sketch.shape
        assert found.activation == activation
        assert found.epsilon == pytest.approx(EPSILON, rel=2e-7)
        assert found.scale is not None
        assert np.array_equal(found.scale.reshape(-1), case.scale.reshape(-1))
        assert (found.shift is None) == (case.shift is None)
        if found.shift is not None:
            assert np.array_equal(found.shift.reshape(-1), case.shift.reshape(-1))
        assert len(found.nodes) == len(load(path).graphs[0].nodes)
        x = np.random.default_rng(0).normal(1, 2, found.shape).astype(np.float32)
        made = run(path, x)
    assert np.allclose(made, evaluate(found, x), rtol=1e-4, atol=1e-4)


def damage(sketch: Sketch, draw: st.DataObject) -> None:
    """Change one step such that all sizes stay: its operator, an operand, its axes or a number."""
    step = draw.draw(st.sampled_from(sketch.steps))
    ways = {"add": "sub", "sub": "add", "mul": "div", "div": "mul", "sqrt": "square"}
    place = draw.draw(st.integers(0, len(step.operands) - 1))
    old = step.operands[place]
    same = [name for name, shape in sketch.shapes.items() if shape == sketch.shapes[old]]
    earlier = {"x", *sketch.stored, *(s.result for s in sketch.steps[: sketch.steps.index(step)])}
    kind = draw.draw(st.sampled_from(["operator", "operand", "order", "number"]))
    if kind == "operator" and (sketch.dialect == "tflite" or step.op != "sqrt"):
        step.op = ways.get(step.op, step.op)
    elif kind == "operand":
        step.operands[place] = draw.draw(st.sampled_from([n for n in same if n in earlier]))
    elif kind == "order":
        step.operands.reverse()
    elif kind == "number" and old in sketch.stored:
        sketch.stored[old] = sketch.stored[old] * np.float32(draw.draw(st.sampled_from([-1, 2])))


@settings(max_examples=min(settings.default.max_examples, 500))
@given(drawn(), SPELLINGS, st.data())
def test_a_damaged_pattern_is_refused_or_read_as_what_it_now_is(
    case: Drawn, spelling: Spelling, data: st.DataObject
) -> None:
    result = written(case, spelling, "NONE")
    for _ in range(data.draw(st.integers(1, 2))):
        damage(case.sketch, data)
    x = np.random.default_rng(0).normal(1, 2, case.sketch.shape)
    with np.errstate(all="ignore"):
        values = case.sketch.values(x)
    with TemporaryDirectory() as folder:
        path = case.sketch.save(Path(folder), result)
        graph = load(path).graphs[0]
        found = [each for each in found_in(path) if isinstance(each, Normalisation)]
    for each in found:
        source, made = (values[graph.values[index].name] for index in (each.source, each.result))
        with np.errstate(all="ignore"):
            expected = evaluate(each, source)
        assert np.allclose(made, expected, rtol=1e-5, atol=1e-5, equal_nan=True)


def sketched(dialect: str, shape: tuple[int, ...] = (1, 4, 5, 6)) -> tuple[Sketch, Writer]:
    sketch = Sketch(dialect, shape)
    return sketch, Writer(sketch, Spelling(root="sqrt-div"))


# Each takes a sketch of x `[1, 4, 5, 6]` and gives the names of the model's outputs.
Scene = Callable[[Sketch, Writer], tuple[str, ...]]

_C = (3,)


def _variance_elsewhere(sketch: Sketch, writer: Writer) -> tuple[str, ...]:
    mean = writer.mean("x", _C)
    raised = sketch.apply("add", writer.variance("x", writer.mean("x", (2,)), (2,)), eps(sketch))
    return (writer.over_deviation(sketch.apply("sub", "x", mean), raised, None),)


def _two_axes(sketch: Sketch, writer: Writer) -> tuple[str, ...]:
    centred = sketch.apply("sub", "x", writer.mean("x", _C))
    variance = sketch.reduce("mean", writer.squared(centred), (1, 2))
    return (writer.over_deviation(centred, sketch.apply("add", variance, eps(sketch)), None),)


def _foreign_variance(sketch: Sketch, writer: Writer) -> tuple[str, ...]:
    other = sketch.apply("relu", "x")
    raised = sketch.apply("add", writer.variance(other, writer.mean(other, _C), _C), eps(sketch))
    return (writer.over_deviation(writer.centred("x", writer.mean("x", _C)), raised, None),)


def _mixed_variance(sketch: Sketch, writer: Writer) -> tuple[str, ...]:
    other = sketch.apply("relu", "x")
    mean = writer.mean("x", _C)
    raised = sketch.apply("add", writer.variance(other, mean, _C), eps(sketch))
    return (writer.over_deviation(writer.centred("x", mean), raised, None),)


def _epsilon_outside(sketch: Sketch, writer: Writer) -> tuple[str, ...]:
    mean = writer.mean("x", _C)
    root = sketch.apply("sqrt", writer.variance("x", mean, _C))
    raised = sketch.apply("add", root, eps(sketch))
    return (sketch.apply("div", writer.centred("x", mean), raised),)


def _epsilon_twice_per_channel(sketch: Sketch, writer: Writer) -> tuple[str, ...]:
    mean = writer.mean("x", (1, 2))
    many = sketch.constant(np.linspace(1, 2, 6))
    raised = sketch.apply("add", writer.variance("x", mean, (1, 2)), many)
    return (writer.over_deviation(writer.centred("x", mean), raised, None),)


def _negative_epsilon(sketch: Sketch, writer: Writer) -> tuple[str, ...]:
    mean = writer.mean("x", _C)
    raised = sketch.apply("add", writer.variance("x", mean, _C), sketch.constant(-1e-3))
    return (writer.over_deviation(writer.centred("x", mean), raised, None),)


def _limited(sketch: Sketch, writer: Writer) -> tuple[str, ...]:
    mean = writer.mean("x", _C)
    limited = sketch.apply("max", writer.variance("x", mean, _C), eps(sketch))
    return (writer.over_deviation(writer.centred("x", mean), limited, None),)


def _not_centred(sketch: Sketch, writer: Writer) -> tuple[str, ...]:
    raised = sketch.apply("add", writer.variance("x", writer.mean("x", _C), _C), eps(sketch))
    return (writer.over_deviation("x", raised, None),)


def _half_centred(sketch: Sketch, writer: Writer) -> tuple[str, ...]:
    mean = writer.mean("x", _C)
    raised = sketch.apply("add", writer.variance("x", mean, _C), eps(sketch))
    half = sketch.apply("mul", mean, sketch.constant(0.5))
    return (writer.over_deviation(sketch.apply("sub", "x", half), raised, None),)


def _read_outside(sketch: Sketch, writer: Writer) -> tuple[str, ...]:
    result = writer.normalise("x", _C, None, None)
    centred = next(step.result for step in sketch.steps if step.op == "sub")
    return sketch.apply("relu", centred), result


def _inner_result(sketch: Sketch, writer: Writer) -> tuple[str, ...]:
    result = writer.normalise("x", _C, None, None)
    return next(step.result for step in sketch.steps if step.op == "mean"), result


def _activation_within(sketch: Sketch, writer: Writer) -> tuple[str, ...]:
    mean = writer.mean("x", _C)
    raised = sketch.apply("add", writer.variance("x", mean, _C), eps(sketch))
    positive = sketch.apply("relu", writer.centred("x", mean))
    return (writer.over_deviation(positive, raised, None),)


def _over_the_batch(sketch: Sketch, writer: Writer) -> tuple[str, ...]:
    sketch.shape = sketch.shapes["x"] = (3, 4, 5, 6)
    return (writer.normalise("x", (0, 1, 2), None, None),)


def _scaled_across(sketch: Sketch, writer: Writer) -> tuple[str, ...]:
    mean = writer.mean("x", (2, 3))
    raised = sketch.apply("add", writer.variance("x", mean, (2, 3)), eps(sketch))
    crossed = sketch.apply("mul", raised, sketch.constant(np.full((4, 1, 1), 2.0)))
    scale = sketch.constant(np.linspace(1, 2, 20).reshape(4, 5, 1))
    inverse = sketch.apply("div", scale, sketch.apply("sqrt", crossed))
    return (sketch.apply("mul", writer.centred("x", mean), inverse),)


def eps(sketch: Sketch) -> str:
    return sketch.constant(EPSILON)


NEAR_MISSES: tuple[tuple[Scene, str], ...] = (
    (_variance_elsewhere, "run over different axes"),
    (_two_axes, "root mean square over space"),
    (_foreign_variance, "not the source less its mean"),
    (_mixed_variance, "neither constant nor made of the source"),
    (_epsilon_outside, "no sum of products"),
    (_epsilon_twice_per_channel, "not one number"),
    (_negative_epsilon, "epsilon is negative"),
    (_limited, "not the same as adding epsilon"),
    (_not_centred, "not the source less its mean"),
    (_half_centred, "not the source less its mean"),
    (_read_outside, "is also read by R"),
    (_inner_result, "is a result of the graph"),
    (_activation_within, "R(elu|ELU) is no part of a normalisation"),
    (_over_the_batch, "over the batch"),
    (_scaled_across, "runs along other axes"),
)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("scene", "said"), NEAR_MISSES, ids=[s.__name__ for s, _ in NEAR_MISSES])
def test_a_near_miss_is_refused_with_its_reason(
    scene: Scene, said: str, dialect: str, tmp_path: Path
) -> None:
    sketch, writer = sketched(dialect)
    (found,) = found_in(sketch.save(tmp_path, *scene(sketch, writer)))
    assert isinstance(found, Refusal)
    assert re.search(said, found.reason), found.reason


def _softmax(sketch: Sketch, writer: Writer) -> tuple[str, ...]:
    powers = sketch.apply("pow", "x", sketch.constant(3.0))
    return (sketch.apply("div", powers, sketch.reduce("sum", powers, _C)),)


def _gated(sketch: Sketch, writer: Writer) -> tuple[str, ...]:
    return (sketch.apply("mul", "x", sketch.reduce("mean", "x", (1, 2))),)


def _length(sketch: Sketch, writer: Writer) -> tuple[str, ...]:
    return (sketch.apply("sqrt", sketch.reduce("sum", writer.squared("x"), _C)),)


def _root(sketch: Sketch, writer: Writer) -> tuple[str, ...]:
    return (sketch.apply("mul", "x", sketch.apply("sqrt", "x")),)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("scene", [_softmax, _gated, _length, _root])
def test_what_only_averages_or_takes_roots_is_not_spoken_of(
    scene: Scene, dialect: str, tmp_path: Path
) -> None:
    sketch, writer = sketched(dialect)
    assert found_in(sketch.save(tmp_path, *scene(sketch, writer))) == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_groups_of_every_nth_channel_are_found_in_their_own_shape(
    dialect: str, tmp_path: Path
) -> None:
    sketch, writer = sketched(dialect)
    inner = sketch.reshape("x", (1, 4, 5, 2, 3))
    made = writer.normalise(inner, (1, 2, 3), None, None)
    (found,) = found_in(sketch.save(tmp_path, sketch.reshape(made, (1, 4, 5, 6))))
    assert isinstance(found, Normalisation)
    assert found.shape == (1, 4, 5, 2, 3)
    assert found.kind == "instance"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_value_that_the_caller_keeps_is_not_rewritten(dialect: str, tmp_path: Path) -> None:
    sketch, writer = sketched(dialect)
    path = sketch.save(tmp_path, writer.normalise("x", _C, None, None))
    (found,) = found_in(path)
    assert isinstance(found, Normalisation)
    inner = load(path).graphs[0].nodes[found.nodes[0]].outputs[0]
    (kept,) = found_in(path, frozenset({inner}))
    assert isinstance(kept, Refusal)
    assert "is a result of the graph" in kept.reason


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_scale_computed_at_run_time_stays_outside(dialect: str, tmp_path: Path) -> None:
    sketch, writer = sketched(dialect)
    made = writer.normalise("x", _C, None, None)
    gate = sketch.apply("relu", sketch.reduce("mean", "x", (1, 2)))
    (found,) = found_in(sketch.save(tmp_path, sketch.apply("mul", made, gate)))
    assert isinstance(found, Normalisation)
    assert found.scale is None
    assert found.shift is None
    assert load(tmp_path / f"sketch.{dialect}").graphs[0].values[found.result].name == made


@pytest.mark.parametrize("dialect", DIALECTS)
def test_two_that_share_their_statistics_are_found_up_to_what_they_share(
    dialect: str, tmp_path: Path
) -> None:
    sketch, writer = sketched(dialect)
    made = writer.normalise("x", _C, None, None)
    scaled = [sketch.apply("mul", made, sketch.constant(np.full(6, n))) for n in (2.0, 3.0)]
    (found,) = found_in(sketch.save(tmp_path, *scaled))
    assert isinstance(found, Normalisation)
    assert found.scale is None


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_follows_a_normalisation_per_element_stays_outside(
    dialect: str, tmp_path: Path
) -> None:
    sketch, writer = sketched(dialect)
    made = writer.normalise("x", _C, np.linspace(1, 2, 6), None)
    table = sketch.constant(np.random.default_rng(0).normal(size=(1, 4, 5, 6)))
    (found,) = found_in(sketch.save(tmp_path, sketch.apply("add", made, table)))
    assert isinstance(found, Normalisation)
    assert found.shift is None
    assert found.scale is not None


@pytest.mark.parametrize("dialect", DIALECTS)
def test_two_on_the_same_source_are_told_apart(dialect: str, tmp_path: Path) -> None:
    sketch, writer = sketched(dialect)
    results = [writer.normalise("x", axes, None, None) for axes in ((3,), (1, 2, 3))]
    found = found_in(sketch.save(tmp_path, *results))
    assert [each.axes for each in found if isinstance(each, Normalisation)] == [(3,), (1, 2, 3)]
