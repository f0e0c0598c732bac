"""Conditions: three-valued, said as they are tested, and complete in what they find."""

from __future__ import annotations

import pytest

from npulint.model import Constant, Operation, Quantisation, Value
from npulint.opsets.conditions import Scope
from npulint.opsets.document import Part
from npulint.opsets.measures import Operand
from npulint.opsets.vocabulary import Condition

SCOPE = Scope(
    operands={
        "x": Operand("x", False, 0),
        "y": Operand("y", False, 1),
        "rest": Operand("rest", False, 1, rest=True),
        "out": Operand("out", True, 0),
    },
    settings={"level": 29, "accelerator": False},
    wordings={"level": "the feature level", "accelerator": "a named accelerator"},
    titles={29: "NNAPI 1.2", 30: "NNAPI 1.3"},
)


def _condition(data: object) -> Condition:
    return SCOPE.condition(Part(data))


def _value(
    dtype: str | None = "float32",
    shape: tuple[int | None, ...] | None = (1, 4, 4, 2),
    scales: tuple[float, ...] = (),
    zero_points: tuple[int, ...] = (),
    payload: bytes | None = None,
) -> Value:
    constant = None
    if payload is not None:
        sizes = tuple(size or 0 for size in shape or ())
        constant = Constant(dtype or "", sizes, payload, None, len(payload))
    quantisation = Quantisation(scales, zero_points) if scales else None
    return Value(0, "", dtype, shape, constant, quantisation)


def _operation(*inputs: Value | None, out: Value | None = None, **attributes: object) -> Operation:
    outputs = () if out is None else (out,)
    return Operation("tflite", "OP", 2, inputs, outputs, attributes)  # type: ignore[arg-type]


INT8 = _value("int8", scales=(0.5,), zero_points=(3,))
PER_CHANNEL = _value("int8", scales=(0.5, 0.25))

CASES: list[tuple[object, Operation, bool | None]] = [
    ({"version": {"at_most": 2}}, _operation(), True),
    ({"version": {"below": 2}}, _operation(), False),
    ({"inputs": {"in": [2, 3]}}, _operation(INT8, None), True),
    ({"outputs": {"equals": 1}}, _operation(INT8), False),
    ({"level": {"at_least": 30}}, _operation(), False),
    ({"accelerator": False}, _operation(), True),
    ({"dtype": "x", "in": ["int8", "uint8"]}, _operation(INT8), True),
    ({"dtype": "x", "not_in": ["int8", "uint8"]}, _operation(INT8), False),
    ({"dtype": "x", "equals": "int8"}, _operation(_value(None)), None),
    ({"dtype": "x", "equals": "int8"}, _operation(None), None),
    ({"dtype": "x", "equals": {"dtype": "y"}}, _operation(INT8, _value()), False),
    ({"rank": "x", "at_most": 4}, _operation(_value(shape=None)), None),
    ({"rank": "x", "range": [2, 4]}, _operation(_value(shape=(None, None))), True),
    ({"rank": "x", "outside": [2, 4]}, _operation(_value(shape=(1,))), True),
    ({"shape": "x", "equals": {"shape": "y"}}, _operation(_value(), _value()), True),
    ({"shape": "x", "equals": [1, 4]}, _operation(_value(shape=(1, 4))), True),
    ({"shape": "x", "equals": [1, 4]}, _operation(_value(shape=(1, None))), None),
    ({"dimension": "x", "axis": 3, "equals": 2}, _operation(_value()), True),
    ({"dimension": "x", "axis": -1, "above": 2}, _operation(_value()), False),
    ({"dimension": "x", "axis": 4, "equals": 2}, _operation(_value()), None),
    ({"element_count": "x", "at_most": 32}, _operation(_value()), True),
    ({"constant": "x"}, _operation(_value()), False),
    ({"constant": "x"}, _operation(_value(shape=(), payload=b"\0\0\0\0")), True),
    ({"constant": "x"}, _operation(), None),
    ({"present": "y"}, _operation(INT8), False),
    ({"present": "y"}, _operation(INT8, None), False),
    ({"present": "y"}, _operation(INT8, INT8), True),
    ({"attribute": "axis", "differs": -1}, _operation(axis=3), True),
    ({"attribute": "axis", "differs": {"last_axis": "x"}}, _operation(_value(), axis=3), False),
    ({"attribute": "axis", "differs": -1}, _operation(), None),
    ({"attribute": "axis", "above": 1}, _operation(axis="SAME"), None),
    ({"attribute_product": ["a", "b"], "at_most": 6}, _operation(a=2, b=3), True),
    ({"attribute_product": ["a", "b"], "at_most": 6}, _operation(a=2), None),
    ({"scale": "x", "above": 0}, _operation(INT8), True),
    ({"scale": "x", "above": 0}, _operation(_value("int8")), False),
    ({"scale": "x", "above": 0}, _operation(PER_CHANNEL), False),
    ({"zero_point": "x", "equals": 3}, _operation(INT8), True),
    ({"zero_point": "x", "equals": 0}, _operation(PER_CHANNEL), True),
    ({"quantisation": "x", "equals": "per-channel"}, _operation(PER_CHANNEL), True),
    ({"quantisation": "x", "in": ["none", "per-tensor"]}, _operation(INT8), True),
    ({"scale_product": ["x", "y"], "below": {"scale": "out"}}, _operation(INT8, INT8), None),
    ({"first_element": "x", "equals": 7}, _operation(_value("uint8", (1,), payload=b"\7")), True),
    ({"first_element": "x", "equals": 7}, _operation(_value("uint8", (0,), payload=b"")), None),
    ({"elements": "x", "differs": 0}, _operation(_value("uint8", (2,), payload=b"\7\0")), False),
    ({"elements": "x", "differs": 0}, _operation(_value("uint8", (2,))), None),
    ({"dtype": "rest", "equals": "int8"}, _operation(_value(), INT8, INT8), True),
    ({"dtype": "rest", "equals": "int8"}, _operation(_value(), INT8, _value()), False),
    ({"dtype": "rest", "equals": "int8"}, _operation(_value(), INT8, None), None),
    ({"dtype": "rest", "equals": "int8"}, _operation(_value(), None, _value()), False),
    ({"constant": "rest"}, _operation(_value(), _value(payload=b"")), True),
    ({"not": {"dtype": "rest", "equals": "int8"}}, _operation(_value(), INT8, _value()), True),
    ({"never": "nothing will do"}, _operation(), False),
    ({"not": {"never": "nothing will do"}}, _operation(), True),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case[0]))
def test_conditions_hold_fail_or_are_unknown(case: tuple[object, Operation, bool | None]) -> None:
    data, operation, truth = case
    condition = _condition(data)
    assert condition.test(operation) is truth
    opposite = None if truth is None else not truth
    assert condition.negated().test(operation) is opposite
    assert condition.negated().negated().test(operation) is truth
    assert condition.clause("must be")
    assert condition.found(operation)
    assert condition.state(operation)


HOLDS, FAILS, UNKNOWN = (
    {"dtype": "x", "equals": "float32"},
    {"dtype": "x", "equals": "int8"},
    {"scale": "out", "above": 0},
)


@pytest.mark.parametrize(
    ("parts", "every", "some"),
    [
        ((HOLDS, HOLDS), True, True),
        ((HOLDS, FAILS), False, True),
        ((HOLDS, UNKNOWN), None, True),
        ((UNKNOWN, FAILS), False, None),
        ((FAILS, FAILS), False, False),
        ((UNKNOWN, UNKNOWN), None, None),
    ],
)
def test_unknown_parts_decide_only_what_they_must(
    parts: tuple[object, ...], every: bool | None, some: bool | None
) -> None:
    operation = _operation(_value())
    assert _condition({"all": list(parts)}).test(operation) is every
    assert _condition({"any": list(parts)}).test(operation) is some
    opposite = {True: False, False: True, None: None}
    assert _condition({"not": {"all": list(parts)}}).test(operation) is opposite[every]
    assert _condition({"not": {"any": list(parts)}}).test(operation) is opposite[some]


@pytest.mark.parametrize(
    ("data", "demand", "found"),
    [
        (
            {"dtype": "x", "in": ["int8", "uint8"]},
            "the type of x must be int8 or uint8",
            "float32",
        ),
        ({"rank": "x", "range": [2, 3]}, "the rank of x must be in 2 to 3", "4"),
        ({"constant": "x"}, "x must be a constant stored in the model", "computed at run time"),
        ({"level": {"at_least": 30}}, "the feature level must be at least NNAPI 1.3", "NNAPI 1.2"),
        ({"accelerator": True}, "a named accelerator must be given", "not given"),
        (
            {"dtype": "x", "equals": {"dtype": "y"}},
            "the type of x must be the same as the type of y",
            "float32, and the type of y is int8",
        ),
        (
            {"all": [{"dtype": "x", "equals": "int8"}, {"rank": "x", "at_most": 4}]},
            "the type of x must be int8 and the rank of x must be at most 4",
            "the type of x is float32",
        ),
        (
            {"any": [{"dtype": "x", "equals": "int8"}, {"rank": "x", "at_most": 3}]},
            "it must be that the type of x is int8 or the rank of x is at most 3",
            "the type of x is float32 and the rank of x is 4",
        ),
        (
            {"predicate": "batches-agree", "of": ["x", "y"]},
            "every size of x before its last two must be equal to that of y, with equal ranks",
            "[1, 4, 4, 2] and [2, 3]",
        ),
    ],
)
def test_a_condition_says_what_it_wants_and_what_it_found(
    data: object, demand: str, found: str
) -> None:
    operation = _operation(_value(), _value("int8", (2, 3)))
    condition = _condition(data)
    assert condition.test(operation) is False
    assert condition.clause("must be") == demand
    assert condition.found(operation) == found


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"every_dtype": {"differs": "int8"}}, "the type of some tensor is int8"),
        (
            {"dtype": "rest", "in": ["int8", "uint8"]},
            "the type of some of rest is none of int8 or uint8",
        ),
        ({"elements": "x", "at_least": 0}, "some element of x is below 0"),
        (
            {"runtime_rank": "operands", "at_most": 4},
            "the rank of some input or some output computed at run time is above 4",
        ),
        ({"constant": "rest"}, "some of rest is computed at run time"),
        (
            {"predicate": "no-empty-axis", "of": ["x"]},
            "it is not that the shape of x is without a size of 0",
        ),
    ],
)
def test_an_exception_says_that_one_breaks_it(data: object, said: str) -> None:
    negated = _condition({"not": data})
    assert negated.clause("is") == said
    assert negated.negated().clause("is") == _condition(data).clause("is")


def test_scales_are_multiplied_as_float32() -> None:
    # In float64 the product is below the output's scale, in float32 the two are equal.
    scale, product = 0.10000000149011612, 0.010000000707805157
    assert scale * scale < product
    data = {"scale_product": ["x", "y"], "below": {"scale": "out"}}
    value = _value("uint8", scales=(scale,))
    operation = _operation(value, value, out=_value("uint8", scales=(product,)))
    assert _condition(data).test(operation) is False
