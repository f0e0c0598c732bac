"""The table of ONNX Runtime's NNAPI provider, level by level."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ort_operations import ask, c, f, one, q, spoilt, w

from npulint.model import Operation
from npulint.opsets import load_target
from npulint.verdict import judge

LEVELS = tuple(load_target(f"ort-nnapi-1.{minor}") for minor in range(4))
OPERATORS = tuple(LEVELS[-1].entries)
SIGNS = {"accepted": "+", "refused": "-", "unknown": "?"}

IMAGE = (1, 4, 8, 8)
X, U = f(*IMAGE), q(*IMAGE)
KERNEL, BYTES = w(4, 4, 3, 3), w(4, 4, 3, 3, dtype="uint8", scales=(0.5,))
SIGNED = w(4, 4, 3, 3, dtype="int8", scales=(0.5,) * 4)
GRID = (one(0.5), one(0, "uint8"))
BARE = f(*IMAGE, dtype="uint8")
UNIT = q(*IMAGE, scales=(1 / 256,))
VECTOR = w(4)
FEW = {"scales": c(1, 1, 2, 2, dtype="float32"), "half": c(1, 1, 0.5, 0.5, dtype="float32")}
NEAREST = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


def resize(*more: object, **attributes: object) -> Operation:
    return ask("Resize", X, None, *more, out=[f(1, 4, 16, 16)], **attributes)  # type: ignore[arg-type]


TAKEN = {
    "Add": ("++++", ask("Add", X, X), ask("Add", U, U, unit=True)),
    "Mul": ("++++", ask("Mul", X, one(2)), ask("Mul", U, U, unit=True)),
    "Sub": ("-+++", ask("Sub", X, X)),
    "Div": ("-+++", ask("Div", X, X)),
    "Pow": ("--++", ask("Pow", X, one(2))),
    "PRelu": ("--++", ask("PRelu", X, w(4, 1, 1))),
    "QLinearAdd": ("++++", ask("QLinearAdd", BARE, *GRID, BARE, *GRID, *GRID)),
    "QLinearMul": ("++++", ask("QLinearMul", BARE, *GRID, BARE, *GRID, *GRID)),
    **{op: ("--++", ask(op, X)) for op in ("Sin", "Abs", "Exp", "Log", "Neg", "Sqrt")},
    **{op: ("++++", ask(op, X)) for op in ("Floor", "Tanh", "Sigmoid", "Relu", "Identity")},
    "LeakyRelu": ("++++", ask("LeakyRelu", X)),
    "QLinearSigmoid": (
        "++++",
        ask("QLinearSigmoid", BARE, *GRID, one(1 / 256), one(0, "uint8")),
    ),
    "Elu": ("---+", ask("Elu", X)),
    "Clip": ("++++", ask("Clip", X, one(0), one(6)), ask("Clip", X, min=-1.0, max=1.0, opset=10)),
    "Max": ("--++", ask("Max", X, X)),
    "Min": ("--++", ask("Min", X, X)),
    "Cast": ("--++", ask("Cast", X, to=6)),
    "BatchNormalization": ("++++", ask("BatchNormalization", X, *[VECTOR] * 4)),
    "LRN": ("-+++", ask("LRN", X, size=3)),
    "Softmax": (
        "-+++",
        ask("Softmax", X, axis=3),
        ask("Softmax", UNIT, axis=-1, unit=True),
        ask("Softmax", f(1, 2, 3, 4, 5), axis=1, opset=12),
    ),
    "Conv": (
        "-+++",
        ask("Conv", X, KERNEL),
        ask("Conv", X, KERNEL, f(4)),
        ask("Conv", U, BYTES, w(4, dtype="int32"), out=[U], unit=True),
        ask("Conv", U, w(4, 4, 3, 3, dtype="int8", scales=(0.5,)), out=[U], unit=True),
        ask("Conv", X, w(4, 1, 3, 3), group=4),
    ),
    "QLinearConv": (
        "-+++",
        ask("QLinearConv", BARE, *GRID, BYTES, *GRID, *GRID, w(4, dtype="int32")),
        ask("QLinearConv", BARE, *GRID, SIGNED, one(0.5), one(0, "int8"), *GRID),
    ),
    "AveragePool": (
        "-+++",
        ask("AveragePool", X, kernel_shape=(2, 2)),
        ask("AveragePool", U, kernel_shape=(2, 2), unit=True),
    ),
    "MaxPool": ("-+++", ask("MaxPool", X, kernel_shape=(2, 2)), ask("MaxPool", BARE)),
    "GlobalAveragePool": ("-+++", ask("GlobalAveragePool", X)),
    "GlobalMaxPool": ("-+++", ask("GlobalMaxPool", X)),
    "QLinearAveragePool": ("-+++", ask("QLinearAveragePool", BARE, *GRID, *GRID)),
    "Gemm": (
        "++++",
        ask("Gemm", f(2, 4), w(4, 3), w(3), out=[f(2, 3)]),
        ask("Gemm", f(2, 4), f(3, 4), w(3), out=[f(2, 3)], transB=1),
        ask(
            "Gemm", q(2, 4), w(4, 3, dtype="uint8", scales=(0.5,)), w(3, dtype="int32"),
            out=[q(2, 3)], unit=True,
        ),
        ask("Gemm", q(2, 4), w(4, 3, dtype="int8", scales=(0.5,)), out=[q(2, 3)], unit=True),
    ),
    "MatMul": (
        "++++",
        ask("MatMul", f(2, 4), w(4, 3), out=[f(2, 3)]),
        ask(
            "MatMul", q(2, 4), w(4, 3, dtype="int8", scales=(0.5,)), out=[q(2, 3)], unit=True
        ),
    ),
    "QLinearMatMul": (
        "++++",
        ask(
            "QLinearMatMul", f(2, 4, dtype="uint8"), *GRID, w(4, 3, dtype="int8"), one(0.5),
            c(0, 0, 0, dtype="int8"), *GRID,
        ),
    ),
    "Resize": (
        "--++",
        resize(FEW["scales"], **NEAREST),
        resize(FEW["scales"], mode="linear", coordinate_transformation_mode="asymmetric"),
        resize(FEW["half"], **NEAREST),
        resize(None, c(1, 4, 16, 16), **NEAREST),
        ask("Resize", U, None, FEW["scales"], unit=True, **NEAREST),
    ),
    "DepthToSpace": (
        "++++",
        ask("DepthToSpace", X, blocksize=2),
        ask("DepthToSpace", X, blocksize=2, mode="CRD", opset=10),
    ),
    "Concat": (
        "++++",
        ask("Concat", X, X, axis=1),
        ask("Concat", U, U, axis=1, unit=True),
    ),
    "Split": (
        "--++",
        ask("Split", X, c(2, 2), out=[X, X], axis=1),
        ask("Split", X, out=[X, X], axis=1, num_outputs=2),
    ),
    "Slice": ("-+++", ask("Slice", X, *[c(2, shape=[1])] * 4)),
    "Pad": ("--++", ask("Pad", X, c(0, 0, 1, 1, 0, 0, 1, 1), one(0))),
    "Transpose": ("-+++", ask("Transpose", X), ask("Transpose", U, unit=True)),
    "Reshape": (
        "++++",
        ask("Reshape", X, c(1, -1)),
        ask("Reshape", U, c(0, -1), unit=True),
    ),
    "Flatten": ("++++", ask("Flatten", X)),
    "Squeeze": ("-+++", ask("Squeeze", X, c(0, shape=[1]))),
    "Unsqueeze": ("++++", ask("Unsqueeze", f(2, 3), c(0, shape=[1]))),
    "Gather": ("--++", ask("Gather", X, c(1)), ask("Gather", X, f(1, dtype="int32"))),
    "ReduceMean": (
        "-+++",
        ask("ReduceMean", X, c(2, 3)),
        ask("ReduceMean", X, opset=13, axes=(2,)),
    ),
    "QuantizeLinear": ("--++", ask("QuantizeLinear", X, *GRID, out=[U])),
    "DequantizeLinear": ("++++", ask("DequantizeLinear", U, *GRID, out=[X])),
}  # fmt: skip
"""For each operator the levels whose check takes some forms of it."""

FORMS = {
    "CRD": ("----", ask("DepthToSpace", X, blocksize=2, mode="CRD")),
    "half pixels": (
        "---+",
        resize(FEW["scales"], mode="linear", coordinate_transformation_mode="half_pixel"),
    ),
    "corners": (
        "---+",
        resize(FEW["scales"], mode="linear", coordinate_transformation_mode="align_corners"),
    ),
    "nearest half pixels": ("----", resize(FEW["scales"], nearest_mode="floor")),
    "rounded": (
        "----",
        resize(FEW["scales"], coordinate_transformation_mode="asymmetric"),
    ),
    "channels": ("----", resize(c(1, 2, 2, 2, dtype="float32"), **NEAREST)),
    "a third": ("----", resize(c(1, 1, 0.3333333, 0.3333333, dtype="float32"), **NEAREST)),
    "half of one side alone": ("----", resize(c(1, 1, 0.5, 1, dtype="float32"), **NEAREST)),
    "sizes of another batch": ("----", resize(None, c(2, 4, 16, 16), **NEAREST)),
    "neither scales nor sizes": ("----", resize(**NEAREST)),
    "relu6": ("++++", ask("Clip", X, one(0), one(6))),
    "from 0": ("----", ask("Clip", X, one(0))),
    "0 to 1": ("----", ask("Clip", X, one(0), one(1))),
    "old 0 to 1": ("----", ask("Clip", X, min=0.0, max=1.0, opset=10)),
    "old from 0": ("----", ask("Clip", X, min=0.0, opset=10)),
    "dilated": ("--++", ask("Conv", X, KERNEL, dilations=(2, 2))),
    "dilated groups": ("----", ask("Conv", X, w(4, 2, 3, 3), dilations=(2, 2), group=2)),
    "dilated groups of bytes": (
        "----",
        ask(
            "QLinearConv", BARE, *GRID, w(4, 2, 3, 3, dtype="uint8"), *GRID, *GRID,
            dilations=(2, 2), group=2,
        ),
    ),
    "dilated depthwise": ("--++", ask("Conv", X, w(4, 1, 3, 3), dilations=(2, 2), group=4)),
    "one dimension": ("----", ask("Conv", f(1, 4, 8), w(4, 4, 3))),
    "weights of a run": ("----", ask("Conv", X, f(4, 4, 3, 3))),
    "scales by filter": ("--++", ask("Conv", U, SIGNED, out=[U], unit=True)),
    "bytes by filter": (
        "----",
        ask("Conv", U, w(4, 4, 3, 3, dtype="uint8", scales=(0.5,) * 4), out=[U], unit=True),
    ),
    "signed activations": (
        "----",
        ask("Conv", q(*IMAGE, dtype="int8"), SIGNED, out=[q(*IMAGE, dtype="int8")], unit=True),
    ),
    "batches of matrices": ("--++", ask("MatMul", f(3, 2, 4), f(3, 4, 5), out=[f(3, 2, 5)])),
    "batches that differ": ("----", ask("MatMul", f(3, 2, 4), f(1, 4, 5), out=[f(3, 2, 5)])),
    "a batch and a matrix": ("----", ask("MatMul", f(3, 2, 4), w(4, 5), out=[f(3, 2, 5)])),
    "matrices of a run": ("----", ask("MatMul", f(2, 4), f(4, 5), out=[f(2, 5)])),
    "transposed": ("----", ask("Gemm", f(4, 2), w(4, 3), out=[f(2, 3)], transA=1)),
    "a scalar summand": ("----", ask("Gemm", f(2, 4), w(4, 3), one(1), out=[f(2, 3)])),
    "a summand for each row": ("----", ask("Gemm", f(2, 4), w(4, 3), f(2, 1), out=[f(2, 3)])),
    "a row of a summand": ("-+++", ask("Gemm", f(2, 4), w(4, 3), w(1, 3), out=[f(2, 3)])),
    "along channels": ("--++", ask("Softmax", X, axis=1)),
    "rank 3": ("--++", ask("Softmax", f(2, 3, 4), axis=-1)),
    "rank 5": ("----", ask("Softmax", f(1, 2, 3, 4, 5), axis=-1)),
    "unequal parts": ("----", ask("Split", X, c(1, 3), out=[X, X], axis=1)),
    "parts that do not divide": ("----", ask("Split", X, out=[X] * 3, axis=1, num_outputs=3)),
    "reflected": ("----", ask("Pad", X, c(0, 0, 1, 1, 0, 0, 1, 1), mode="reflect")),
    "cropped": ("----", ask("Pad", X, c(0, 0, -1, 0, 0, 0, 0, 0))),
    "a value left out before axes": ("----", ask("Pad", X, c(1, 1), None, c(2, shape=[1]))),
    "average with padding": ("----", ask("AveragePool", X, count_include_pad=1)),
    "ceiled": ("----", ask("MaxPool", X, ceil_mode=1)),
    "with indices": ("----", ask("MaxPool", X, out=[X, f(*IMAGE, dtype="int64")])),
    "three of them": ("----", ask("Max", X, X, X)),
    "to int64": ("----", ask("Cast", X, to=7)),
    "indices of int64": ("----", ask("Gather", X, f(2, dtype="int64"))),
    "open sizes": ("----", ask("Relu", f("n", 4, 8, 8))),
    "float16": ("----", ask("Relu", f(*IMAGE, dtype="float16"))),
    "another grid below 1.2": (
        "--++",
        ask("Concat", U, q(*IMAGE, scales=(0.25,)), axis=1, unit=True),
    ),
    "a quantised Relu": ("----", ask("Relu", U, unit=True)),
    "a quantised MaxPool": ("----", ask("MaxPool", U, unit=True)),
    "no builder": ("----", ask("ConvTranspose", X, KERNEL)),
}  # fmt: skip
"""Forms, and the levels whose check takes them."""


@pytest.mark.parametrize("op", OPERATORS)
def test_forms_are_taken_from_the_levels_that_take_them(op: str) -> None:
    signs, *forms = TAKEN[op]
    for form in forms:
        assert "".join(SIGNS[judge(form, each).validation] for each in LEVELS) == signs


@pytest.mark.parametrize("name", FORMS)
def test_other_forms(name: str) -> None:
    signs, form = FORMS[name]
    assert "".join(SIGNS[judge(form, each).validation] for each in LEVELS) == signs


@pytest.mark.parametrize("op", OPERATORS)
def test_every_condition_is_what_some_form_is_refused_for(op: str) -> None:
    broken: set[str] = set()
    demanded: set[str] = set()
    forms = [each for each in TAKEN[op][1:] if isinstance(each, Operation)]
    others = [form for _, form in FORMS.values() if form.op == op]
    for target in LEVELS:
        entry = target.entries[op]
        demanded |= {rule.identity for rule in (*entry.require, *entry.build)}
        tried = [*others, *forms, *(each for form in forms for each in spoilt(entry, form))]
        for form in tried:
            broken |= {reason.constraint for reason in judge(form, target).reasons}
    assert demanded - broken == set()


@pytest.mark.parametrize(
    ("form", "passes"),
    [(ask("LeakyRelu", X), "--++"), (ask("Conv", X, w(4, 2, 3, 3), group=2), "--++")],
)
def test_what_the_check_takes_and_nnapi_has_not_cannot_be_built(
    form: Operation, passes: str
) -> None:
    verdicts = [judge(form, target) for target in LEVELS[1:]]
    assert {each.validation for each in verdicts} == {"accepted"}
    signs = ["+" if each.status == "supported" else "-" for each in verdicts]
    assert "".join(signs) == passes[1:]


def test_axes_of_a_pad_are_read_as_if_they_were_all() -> None:
    padded = ask("Pad", X, c(1, 1), one(0), c(2, shape=[1]))
    verdict = judge(padded, LEVELS[-1])
    assert (verdict.status, verdict.validation) == ("unknown", "accepted")


def test_reasons_name_what_was_found_and_where_it_is_written() -> None:
    (reason,) = judge(FORMS["CRD"][1], LEVELS[-1]).reasons
    assert "mode must be DCR" in reason.message
    assert "found CRD" in reason.message
    assert "depthtospace_op_builder.cc 89-98" in reason.source
    opened = replace(FORMS["open sizes"][1])
    assert "input 0 is [n, 4, 8, 8]" in judge(opened, LEVELS[-1]).reasons[0].message
