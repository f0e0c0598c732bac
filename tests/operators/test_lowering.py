"""Lowerings against what onnx2tf and TensorFlow Lite's converter really made of the same models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from deviations import DEVIATIONS
from lowering_cases import CASES, GRAPHS, Case, GraphCase
from lowering_graphs import graph_of
from lowering_models import onnx_model

from npulint.model import Operation, Value
from npulint.operators import lower_graph
from npulint.operators.lowering import Lowering

RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("recorded.json").read_text())
ALL: tuple[Case | GraphCase, ...] = (*CASES, *GRAPHS)

# The converter leaves the types of a CAST and the shape of a RESHAPE to the tensors.
REDUNDANT = {"in_data_type", "out_data_type", "new_shape"}
# Options of later schema versions, at their defaults.
DEFAULTED = {"quantized_bias_type"}


def lowerings(case: Case | GraphCase) -> tuple[Lowering, ...]:
    return lower_graph(graph_of(onnx_model(case)))


def operations(case: Case | GraphCase) -> list[Operation]:
    return [operation for lowering in lowerings(case) for operation in lowering.operations]


def described(value: Value | None) -> str:
    if value is None:
        return "-"
    shape = value.shape if value.shape_signature is None else value.shape_signature
    assert shape is not None
    sizes = ",".join("-1" if size is None else str(size) for size in shape)
    return f"{value.dtype}[{sizes}]{'c' if value.constant is not None else ''}"


def line(operation: Operation) -> str:
    return " ".join(
        [
            f"{operation.op} v{operation.version}",
            *map(described, operation.inputs),
            "->",
            *map(described, operation.outputs),
        ]
    )


def recorded_line(row: dict[str, Any]) -> str:
    return " ".join([f"{row['op']} v{row['version']}", *row["inputs"], "->", *row["outputs"]])


def is_flex(recorded: Any) -> bool:
    return not isinstance(recorded, str) and any(r["op"].startswith("Flex") for r in recorded)


FAITHFUL = [
    case
    for case in ALL
    if case.name not in DEVIATIONS
    and not isinstance(RECORDED[case.name], str)
    and not is_flex(RECORDED[case.name])
]


@pytest.mark.parametrize("case", FAITHFUL, ids=lambda case: case.name)
def test_operations_are_the_converters(case: Case | GraphCase) -> None:
    found = lowerings(case)
    assert [lowering.why for lowering in found if not lowering.known] == []
    expected = RECORDED[case.name]
    made = operations(case)
    assert [line(each) for each in made] == [recorded_line(row) for row in expected]
    for each, row in zip(made, expected, strict=True):
        options = {k: v for k, v in row["options"].items() if k not in REDUNDANT | DEFAULTED}
        mine = {k: v for k, v in each.attributes.items() if k not in REDUNDANT}
        assert mine == pytest.approx(options) if _numeric(options) else mine == options


def _numeric(options: dict[str, Any]) -> bool:
    return all(isinstance(value, (int, float)) for value in options.values())


@pytest.mark.parametrize(
    "case", [case for case in ALL if is_flex(RECORDED[case.name])], ids=lambda case: case.name
)
def test_what_falls_back_to_tensorflow_is_unknown(case: Case | GraphCase) -> None:
    if case.name in DEVIATIONS:
        pytest.fail(f"{case.name} needs no deviation")
    assert any(not lowering.known for lowering in lowerings(case))


@pytest.mark.parametrize("name", sorted(DEVIATIONS))
def test_deviations_are_as_stated(name: str) -> None:
    case = next(case for case in ALL if case.name == name)
    reason, expected = DEVIATIONS[name]
    assert reason.endswith(".")
    found = lowerings(case)
    unknown = [lowering for lowering in found if not lowering.known]
    made = " ".join(each.op for each in operations(case))
    assert (made + " unknown").strip() == expected if unknown else made == expected
    recorded = RECORDED[name]
    assert (
        isinstance(recorded, str)
        or unknown
        or [recorded_line(row) for row in recorded] != [line(each) for each in operations(case)]
    )


@pytest.mark.parametrize(
    "case",
    [c for c in ALL if isinstance(RECORDED[c.name], str) and c.name not in DEVIATIONS],
    ids=lambda case: case.name,
)
def test_what_the_converter_fails_on_is_unknown(case: Case | GraphCase) -> None:
    assert any(not lowering.known for lowering in lowerings(case))


def test_every_case_is_recorded() -> None:
    assert set(RECORDED) == {case.name for case in ALL}
    assert set(DEVIATIONS) <= set(RECORDED)
