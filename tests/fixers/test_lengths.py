"""Vectors over their lengths: the algebra in float64, the rounding in the real runtimes."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from instances import run
from norm_instances import OPSETS, Array, Instance, Step, write_onnx, write_tflite
from proving import ALL, SAMPLE, largest, prove

from npulint.fixers.legalise import Setting, build_fragment
from npulint.fixers.norms.lengths import FAMILY, LEAST, UnitLength
from npulint.fixers.record import Realisation, Refusal
from npulint.fixers.surgery import Patch, apply
from npulint.formats import load, save

FORMS = {
    "onnx": ("own", "torch", "sums", "product"),
    "tflite": ("own", "keras", "quotient"),
}


def onnx_length(folder: Path, seed: int, form: str | None = None) -> Instance:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.randint(2, 5) for _ in range(draw.choice((2, 3, 4, 4)))]
    axis, opset = draw.randrange(len(shape)), draw.choice(OPSETS)
    form = form or draw.choice(FORMS["onnx"])
    one = [1 if each == axis else size for each, size in enumerate(shape)]
    least = np.float32(draw.choice((1e-12, 1e-6, 2.0)))
    stored: dict[str, Array] = {}

    def reduced(op: str, since: int) -> Step:
        if opset < since:
            return op, ("s" if op == "ReduceSum" else "x",), "r", {"axes": [axis], "keepdims": 1}
        stored["axes"] = np.array([axis], np.int64)
        return op, ("s" if op == "ReduceSum" else "x", "axes"), "r", {"keepdims": 1}

    if form == "own":
        steps: list[Step] = [("LpNormalization", ("x",), "y", {"axis": axis, "p": 2})]
        least = np.float32(0)
    elif form == "torch":
        stored |= {"low": least, "whole": np.array(shape, np.int64)}
        steps = [
            reduced("ReduceL2", 18),
            ("Clip", ("r", "low"), "c", {}),
            ("Expand", ("c", "whole"), "e", {}),
            ("Div", ("x", "e"), "y", {}),
        ]
    else:
        stored["low"] = least**2
        sums = reduced("ReduceSum", 13)
        last: list[Step] = (
            [("Reciprocal", ("q",), "i", {}), ("Mul", ("i", "x"), "y", {})]
            if form == "product"
            else [("Div", ("x", "q"), "y", {})]
        )
        steps = [
            ("Mul", ("x", "x"), "s", {}),
            sums,
            ("Max", ("low", "r"), "c", {}),
            ("Sqrt", ("c",), "q", {}),
            *last,
        ]
    shapes = {"s": shape, "r": one, "c": one, "e": shape, "q": one, "i": one, "x": shape}
    made = {"x", "y", *(out for _, _, out, _ in steps)}
    shapes = {name: each for name, each in shapes.items() if name in made} | {"y": shape}
    path = folder / f"{seed}.onnx"
    write_onnx(path, shapes, steps, stored, opset)
    x = rng.normal(size=shape).astype(np.float32)
    return _instance(path, x, (axis, float(least)), f"{form} {shape} {axis} {opset}")


def tflite_length(folder: Path, seed: int, form: str | None = None) -> Instance:
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    shape = [draw.randint(2, 5) for _ in range(draw.choice((2, 4, 4)))]
    axis = len(shape) - 1 if draw.random() < 0.6 else draw.randrange(len(shape))
    form = form or draw.choice(FORMS["tflite"])
    least = np.float32(draw.choice((1e-6, 1e-6, 0.5)))
    plain = {"fused_activation_function": 0}
    stored = {"axes": np.array([axis], np.int32)}
    sums: list[Step] = [("SUM", ("s", "axes"), "r", {"keep_dims": True})]
    if form == "own":
        axis, least = len(shape) - 1, np.float32(1e-6)
        steps: list[Step] = [("L2_NORMALIZATION", ("x",), "y", plain)]
        stored = {}
    elif form == "keras":
        stored["low"] = np.float32(least) ** 2
        steps = [
            ("SQUARE", ("x",), "s", {}),
            *sums,
            ("MAXIMUM", ("r", "low"), "c", {}),
            ("RSQRT", ("c",), "q", {}),
            ("MUL", ("x", "q"), "y", plain),
        ]
    else:
        stored["low"] = least
        steps = [
            ("MUL", ("x", "x"), "s", plain),
            *sums,
            ("SQRT", ("r",), "q", {}),
            ("MAXIMUM", ("q", "low"), "c", {}),
            ("DIV", ("x", "c"), "y", plain),
        ]
    one = [1 if each == axis else size for each, size in enumerate(shape)]
    shapes = {"x": shape, "s": shape, "r": one, "c": one, "q": one, "y": shape}
    made = {"x", *(out for _, _, out, _ in steps)}
    path = folder / f"{seed}.tflite"
    write_tflite(path, {name: shapes[name] for name in shapes if name in made}, steps, stored)
    x = rng.normal(size=shape).astype(np.float32)
    return _instance(path, x, (axis, float(least)), f"{form} {shape} {axis}")


def _instance(path: Path, x: Array, vectors: tuple[int, float], label: str) -> Instance:
    """The vectors lie along an axis, and are not taken to be shorter than some length."""
    axis, least = vectors

    def truth(x: Array) -> Array:
        wide = x.astype(np.float64)
        length = np.sqrt((wide**2).sum(axis=axis, keepdims=True))
        return np.asarray(wide / np.maximum(length, max(least, LEAST)))

    return Instance(path, x, truth, label)


MAKERS: dict[str, Any] = {"onnx": onnx_length, "tflite": tflite_length}


@pytest.mark.parametrize(
    ("way", "dialect"),
    [
        pytest.param(way, dialect, id=f"{way.name}-{dialect}")
        for way in FAMILY.ways
        for dialect in FORMS
        # ONNX does not say what its operator makes of vectors without length.
        if (way.name, dialect) != ("length/own", "onnx")
    ],
)
def test_the_same_function_and_no_more_rounding(
    way: Realisation[Any], dialect: str, full: bool, tmp_path: Path
) -> None:
    wanted = ALL if full else SAMPLE
    applied = seed = 0
    while applied < wanted:
        applied += prove(MAKERS[dialect](tmp_path, seed), FAMILY, way, tmp_path)
        seed += 1
        assert seed < 20 * wanted, "hardly any instance is in the way's domain"


@pytest.mark.parametrize(
    ("dialect", "form"), [(dialect, form) for dialect, forms in FORMS.items() for form in forms]
)
def test_vectors_without_length_stay_so(dialect: str, form: str, tmp_path: Path) -> None:
    for seed in range(4):
        instance = MAKERS[dialect](tmp_path, seed, form)
        model = load(instance.path)
        graph = model.graphs[0]
        occurrence = largest(FAMILY, model)
        assert occurrence.nodes == tuple(range(len(graph.nodes)))
        assert not run(instance.path, np.zeros_like(instance.x)).any()
        for way in FAMILY.ways:
            if isinstance(way.accepts(occurrence.found), Refusal):
                continue
            setting = Setting(lambda _: {}, model.opsets.get("", 0))
            fragment, _ = build_fragment(graph, occurrence, way, setting)
            new, _ = apply(graph, [Patch(fragment, occurrence.nodes)])
            path = tmp_path / f"rewritten{instance.path.suffix}"
            save(replace(model, graphs=(new,)), path)
            assert not run(path, np.zeros_like(instance.x)).any(), way.name


def length(**changes: Any) -> UnitLength:
    given: dict[str, Any] = {
        "nodes": (0, 1), "source": 0, "shape": (1, 2, 2, 3), "axis": 3, "least": 1e-6,
        "own": False, "clamps": 1e-6, "activation": "NONE",
    }  # fmt: skip
    return UnitLength(**(given | changes))


@pytest.mark.parametrize(
    ("way", "changes", "said"),
    [
        ("length/own", {"own": True}, "what is there"),
        ("length/own", {"clamps": None}, "does not say"),
        ("length/own", {"axis": 2}, "along the channels"),
        ("length/own", {"least": 1e-12}, "by kernels"),
        ("length/conv", {"shape": (1, 1, 2, 2, 3)}, "more than 4"),
    ],
)
def test_a_broken_precondition_is_refused_with_its_reason(
    way: str, changes: dict[str, Any], said: str
) -> None:
    (chosen,) = (each for each in FAMILY.ways if each.name == way)
    assert chosen.accepts(length()) is None
    refusal = chosen.accepts(length(**changes))
    assert refusal is not None
    assert said in refusal.reason


@pytest.mark.parametrize("other", ["difference", "axis", "source"])
def test_what_is_no_length_is_not_found(other: str, tmp_path: Path) -> None:
    """x over the length of something else, or of x along all axes, or the root of another sum."""
    shape = [1, 3, 4]
    steps: list[Step] = [
        ("Sub" if other == "difference" else "Mul", ("x", "x"), "s", {}),
        (
            "ReduceSum", ("s",), "r",
            {"axes": [1, 2] if other == "axis" else [1], "keepdims": 1},
        ),
        ("Sqrt", ("r",), "q", {}),
        ("Div", ("s" if other == "source" else "x", "q"), "y", {}),
    ]  # fmt: skip
    one = [1, 1, 1] if other == "axis" else [1, 1, 4]
    shapes = {"x": shape, "s": shape, "r": one, "q": one, "y": shape}
    path = tmp_path / "m.onnx"
    write_onnx(path, shapes, steps, {}, 11)
    assert not list(FAMILY.recognise(load(path).graphs[0]))


def test_exporters_forms_are_found(tmp_path: Path) -> None:
    """What torch's two exporters make of its function for this."""
    torch = pytest.importorskip("torch")

    class Unit(torch.nn.Module):  # type: ignore[name-defined, misc]
        def forward(self, x: Any) -> Any:
            return torch.nn.functional.normalize(x, dim=1)

    from npulint.rewriting import cleaned

    for dynamo in (False, True):
        path = tmp_path / f"{dynamo}.onnx"
        options = {"dynamo": True, "verbose": False} if dynamo else {"dynamo": False}
        torch.onnx.export(
            Unit(), (torch.zeros(1, 8, 5, 5),), str(path), opset_version=18, **options
        )
        graph = cleaned(load(path)).graphs[0]
        (found,) = (each.found for each in FAMILY.recognise(graph))
        assert (found.axis, found.source) == (1, graph.inputs[0]), dynamo
        assert abs(found.least - 1e-12) < 1e-18
