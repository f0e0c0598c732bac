"""Functions of one value: found in every spelling, and as exact as is said in every other."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import finds, outputs
from instances import run
from spellings import ALPHA, GAMMA, NEAR_MISSES, SPELLINGS, Expression, Writer, X, has

from npulint.fixers.pointwise import activations, exponentials, functions, gelu
from npulint.fixers.pointwise.function_reading import Function
from npulint.fixers.pointwise.gelu import LOWER, REACH, UPPER
from npulint.fixers.record import Family, Refusal
from npulint.formats import load

FAMILIES = {
    family.name: family for family in (*gelu.FAMILIES, *activations.FAMILIES, exponentials.FAMILY)
}

BOUNDS = {
    "gelu/rational-erf": 3e-6, "erf/rational": 6e-7, "gelu/tanh": 4.8e-4,
    "gelu/tanh-as-logistic": 4.8e-4, "gelu/logistic": 0.0204,
}  # fmt: skip
"""Largest errors in float32; GELU's grows with x, up to 7 here."""

NOT_OF_SELU = ("scaled-elu/own", "scaled-elu/smooth")
"""Proved on other members of the family below."""

SPELT = [
    pytest.param(name, expression, dialect, id=f"{name}-{number}-{dialect}")
    for name, expressions in SPELLINGS.items()
    for number, expression in enumerate(expressions)
    for dialect in ("tflite", "onnx")
    if has(expression, dialect)
]


def test_every_family_has_spellings() -> None:
    assert set(FAMILIES) == set(SPELLINGS)


@pytest.mark.parametrize(("name", "expression", "dialect"), SPELT)
def test_found_however_it_is_spelt(
    name: str, expression: Expression, dialect: str, full: bool, tmp_path: Path
) -> None:
    for seed in range(8 if full else 2):
        graph = load(Writer(dialect, seed, [1, 3, 2, 2]).write(expression, tmp_path)).graphs[0]
        whole = tuple(range(len(graph.nodes)))
        found = [each for each in FAMILIES[name].recognise(graph) if each.nodes == whole]
        assert len(found) == 1
        assert isinstance(found[0].found, Function)
        assert found[0].found.source == graph.inputs[0]


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
@pytest.mark.parametrize("expression", NEAR_MISSES, ids=range(len(NEAR_MISSES)))
def test_what_computes_something_else_is_not_found(
    expression: Expression, dialect: str, tmp_path: Path
) -> None:
    if not has(expression, dialect):
        return
    graph = load(Writer(dialect, 0, [1, 3, 2, 2]).write(expression, tmp_path)).graphs[0]
    last = len(graph.nodes) - 1
    for family in FAMILIES.values():
        assert not [each for each in family.recognise(graph) if last in each.nodes]


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
def test_a_fused_limit_within_is_part_of_the_function(dialect: str, tmp_path: Path) -> None:
    writer = Writer(dialect, 0, [1, 3, 2, 2])
    path = writer.write(("mul", "x", ("div", ("add", "x", 3.0), 6.0)), tmp_path)
    if dialect == "onnx":
        assert not list(FAMILIES["hard-swish"].recognise(load(path).graphs[0]))
        return
    writer.steps[0].options["fused_activation_function"] = "RELU6"
    writer.steps[-1].options["fused_activation_function"] = "RELU"
    from cases import tflite_model

    path = tflite_model(path, writer.shape, writer.constants, writer.steps, "v2")
    (found,) = FAMILIES["hard-swish"].recognise(load(path).graphs[0])
    assert found.found.activation == "RELU"
    x = np.linspace(-7, 7, 12, dtype=np.float32).reshape(1, 3, 2, 2)
    result = outputs(path, FAMILIES["hard-swish"], "hard-swish/relu6", x)
    assert not isinstance(result, Refusal)
    assert np.abs(result[0] - result[1]).max() < 1e-5


def truth(name: str, x: Any) -> Any:
    """The function in float64."""
    wide = x.astype(np.float64)
    plain = {
        "gelu": lambda: functions.GIVEN["gelu"](wide, 0.0),
        "gelu-tanh": lambda: functions.GIVEN["gelu"](wide, 1.0),
        "silu": lambda: functions.GIVEN["swish"](wide, 1.0),
        "hard-swish": lambda: functions.PLAIN["hardswish"](wide),
        "hard-sigmoid": lambda: functions.GIVEN["hardsigmoid"](wide, 1 / 6, 0.5),
        "logistic": lambda: functions.PLAIN["sigmoid"](wide),
        "elu": lambda: functions.GIVEN["elu"](wide, 1.0),
        "cube": lambda: wide**3,
        "scaled-elu": lambda: functions.GIVEN["selu"](wide, ALPHA, GAMMA),
    }
    return plain[name]() if name in plain else functions.PLAIN[name](wide)


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
@pytest.mark.parametrize(
    ("family", "way"),
    [
        pytest.param(family, way.name, id=way.name)
        for family in FAMILIES.values()
        for way in family.ways
        if way.name not in NOT_OF_SELU
    ],
)
def test_as_exact_as_is_said(
    family: Family[Function], way: str, dialect: str, full: bool, tmp_path: Path
) -> None:
    wanted = 200 if full else 20
    applied = seed = 0
    forms = [form for form in SPELLINGS[family.name] if has(form, dialect)]
    while applied < wanted and forms:
        rng = np.random.default_rng(seed)
        shape = [1, 2, *rng.integers(1, 5, 2).tolist()]
        x = rng.uniform(-7, 7, shape).astype(np.float32)
        form = forms[seed % len(forms)]
        path = Writer(dialect, seed, shape).write(form, tmp_path, f"m{seed}")
        seed += 1
        result = outputs(path, family, way, x)
        if isinstance(result, Refusal):
            assert "what is there" in result.reason
            assert seed < 20 * wanted or len(forms) == 1
            if len(forms) == 1:
                return
            continue
        expected, found, _ = result
        exact = truth(family.name, x)
        own = max(float(np.abs(expected - exact).max()), 2.0**-22 * float(np.abs(exact).max()))
        bound = max(4 * own, 3e-7, BOUNDS.get(way, 0.0))
        assert np.abs(found - exact).max() <= bound, (form, seed - 1)
        applied += 1


@pytest.mark.parametrize("dialect", ["tflite", "onnx"])
@pytest.mark.parametrize(
    ("form", "parameters"),
    [
        (("celu", X), (1.0, 0.75, 0.75)),
        (("elu2", X), (1.0, 2.0, 1.0)),
        (("mul", 3.0, ("elu", ("div", X, 2.0))), (1.5, 3.0, 2.0)),
        (("max", ("mul", X, 0.5), ("mul", 2.0, ("elu", X))), None),
        (
            (
                "add",
                ("relu", X),
                ("min", 0.0, ("mul", 0.3, ("sub", ("exp", ("div", X, 0.3)), 1.0))),
            ),
            (1.0, 0.3, 0.3),
        ),
        (("add", ("relu", X), ("mul", 2.0, ("sub", ("exp", ("min", X, 0.0)), 1.0))), (1, 2, 1)),
    ],
    ids=range(6),
)
def test_exponentials_of_other_heights_and_widths(
    form: Expression, parameters: Any, dialect: str, tmp_path: Path
) -> None:
    if not has(form, dialect):
        return
    family = exponentials.FAMILY
    path = Writer(dialect, 0, [1, 3, 2, 2]).write(form, tmp_path)
    graph = load(path).graphs[0]
    whole = tuple(range(len(graph.nodes)))
    found = [each.found for each in family.recognise(graph) if each.nodes == whole]
    if parameters is None:
        assert not found
        return
    assert np.allclose(found[0].parameters, parameters, 1e-6, 0)
    x = np.linspace(-7, 7, 12, dtype=np.float32).reshape(1, 3, 2, 2)
    exact = functions.scaled_elu(x.astype(np.float64), *parameters)
    refused = set()
    for way in family.ways:
        result = outputs(path, family, way.name, x)
        if isinstance(result, Refusal):
            refused.add(way.name)
        else:
            assert np.abs(result[1] - exact).max() < 2e-6, way.name
    slope, depth, width = parameters
    own = dialect == "onnx" and form[0] != "elu2" and slope == width == 1
    smooth = abs(depth - slope * width) < 1e-9
    expected = (() if own else ("scaled-elu/own",)) + (() if smooth else ("scaled-elu/smooth",))
    assert refused == {*expected}


def test_the_rational_error_function_is_within_its_bound() -> None:
    """Samples so dense that the second derivative bounds what lies between them."""
    assert min(*UPPER, *LOWER) > 0
    upper, lower = (np.polynomial.Polynomial(each) for each in (UPPER, LOWER))
    odd = np.polynomial.Polynomial([0, 1])
    square = np.polynomial.Polynomial([0, 0, 1])
    above, below = odd * upper(square), lower(square)
    worst = 0.0
    cells = 256
    for cell in range(cells):
        start, stop = cell / cells, (cell + 1) / cells
        # No coefficient is negative: every derivative grows with t.
        n0, n1, n2 = (above.deriv(k)(stop) if k else above(stop) for k in range(3))
        d1, d2 = below.deriv(1)(stop), below.deriv(2)(stop)
        q = below(start)
        bend = n2 / q + (2 * n1 * d1 + n0 * d2) / q**2 + 2 * n0 * d1**2 / q**3
        bend += REACH**2 * 0.97  # |erf''| is at most 2 sqrt(2/(pi e))
        t = np.linspace(start, stop, 1025)
        step = 1 / cells / 1024
        gap = np.abs(above(t) / below(t) - functions.PLAIN["erf"](REACH * t)).max()
        worst = max(worst, float(gap) + bend * step**2 / 8)
    assert worst < 8e-8
    assert 1 - functions.PLAIN["erf"](np.array([REACH]))[0] < 2e-8


def test_bounds_of_the_lossy_forms_hold_everywhere() -> None:
    x = np.linspace(-12, 12, 400_001)
    exact = functions.GIVEN["gelu"](x, 0.0)
    assert np.abs(functions.GIVEN["gelu"](x, 1.0) - exact).max() < 4.8e-4
    assert np.abs(functions.GIVEN["swish"](x, 1.702) - exact).max() < 0.0204


def test_coefficients_are_float32() -> None:
    for item in (*UPPER, *LOWER):
        assert abs(Fraction(float(np.float32(item))) - Fraction(item)) < Fraction(item) / 10**7


def test_exporters_forms_are_found(tmp_path: Path) -> None:
    """What torch's two exporters make of its activation modules."""
    torch = pytest.importorskip("torch")
    modules = {
        "gelu": torch.nn.GELU(), "gelu-tanh": torch.nn.GELU(approximate="tanh"),
        "silu": torch.nn.SiLU(), "hard-swish": torch.nn.Hardswish(),
        "hard-sigmoid": torch.nn.Hardsigmoid(), "mish": torch.nn.Mish(),
        "softplus": torch.nn.Softplus(), "softsign": torch.nn.Softsign(), "elu": torch.nn.ELU(),
    }  # fmt: skip

    class All(torch.nn.Module):  # type: ignore[name-defined, misc]
        def forward(self, x: Any) -> Any:
            return tuple(module(x) for module in modules.values())

    x = torch.zeros(1, 2, 3, 3)
    for dynamo in (False, True):
        path = tmp_path / f"{dynamo}.onnx"
        options = {"dynamo": True, "verbose": False} if dynamo else {"dynamo": False}
        torch.onnx.export(All(), (x,), str(path), opset_version=18, **options)
        graph = load(path).graphs[0]
        for name, result in zip(modules, graph.outputs, strict=True):
            found = [each for each in FAMILIES[name].recognise(graph) if each.results == (result,)]
            assert found, (name, dynamo)
            assert any(each.found.source == graph.inputs[0] for each in found), (name, dynamo)


def test_a_second_look_finds_the_same(tmp_path: Path) -> None:
    path = Writer("tflite", 0, [1, 2, 2, 2]).write(SPELLINGS["gelu"][0], tmp_path)
    graph = load(path).graphs[0]
    first = list(FAMILIES["gelu"].recognise(graph))
    assert list(FAMILIES["erf"].recognise(graph)) == []
    assert list(FAMILIES["gelu"].recognise(graph)) == first
    assert finds(load(path), FAMILIES["gelu"])
    assert run(path, np.zeros((1, 2, 2, 2), np.float32)).shape == (1, 2, 2, 2)
