"""The table of ONNX Runtime's XNNPACK provider."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ort_operations import ask, c, f, one, q, spoilt, w

from npulint.model import Operation, Value
from npulint.opsets import load_target
from npulint.verdict import judge

TABLE = load_target("xnnpack").twin or load_target("xnnpack")
SIGNS = {"accepted": "+", "refused": "-", "unknown": "?"}

IMAGE = (1, 4, 8, 8)
X, U, H = f(*IMAGE), q(*IMAGE), f(*IMAGE, dtype="float16")
KERNEL, BYTES = w(4, 4, 3, 3), w(4, 4, 3, 3, dtype="uint8", scales=(0.5,))
S = q(*IMAGE, dtype="int8")
BY_FILTER = w(4, 4, 3, 3, dtype="int8", scales=(0.5,) * 4)
TWICE, HALF = c(1, 1, 2, 2, dtype="float32"), c(1, 1, 0.5, 0.5, dtype="float32")
TWO = {"kernel_shape": (2, 2)}
SHARES = q(1, 10, scales=(1 / 256,))


def resize(x: Value, *more: Value | None, size: int = 16, **attributes: object) -> Operation:
    result = replace(x, shape=(1, 4, size, size))
    return ask("Resize", x, None, *more, out=[result], **{"mode": "linear", **attributes})  # type: ignore[arg-type]


FORMS = {
    "Conv": ("+", ask("Conv", X, KERNEL)),
    "Conv with a bias": ("+", ask("Conv", X, KERNEL, w(4))),
    "Conv of one dimension": ("+", ask("Conv", f(1, 4, 8), w(4, 4, 3))),
    "Conv of any batch": ("+", ask("Conv", f("n", 4, 8, 8), KERNEL)),
    "Conv of bytes": ("+", ask("Conv", U, BYTES, unit=True)),
    "Conv of signed bytes": ("+", ask("Conv", S, BY_FILTER, unit=True)),
    "Conv of three dimensions": ("-", ask("Conv", f(1, 4, 8, 8, 8), w(4, 4, 3, 3, 3))),
    "Conv of open planes": ("-", ask("Conv", f(1, 4, "h", 8), KERNEL)),
    "Conv of float16": ("?", ask("Conv", H, w(4, 4, 3, 3, dtype="float16"))),
    "Conv with weights of a run": ("-", ask("Conv", X, f(4, 4, 3, 3))),
    "Conv with a bias of a run": ("-", ask("Conv", X, KERNEL, f(4))),
    "Conv padded below": ("-", ask("Conv", X, KERNEL, auto_pad="SAME_LOWER")),
    "Conv padded by numbers, whatever else": (
        "+", ask("Conv", X, KERNEL, auto_pad="SAME_LOWER", pads=(1, 1, 1, 1)),
    ),
    "Conv of signed bytes with bytes": ("-", ask("Conv", U, BY_FILTER, unit=True)),
    "Conv, depthwise": ("+", ask("Conv", X, w(4, 1, 3, 3), group=4)),
    "ConvTranspose": ("+", ask("ConvTranspose", X, KERNEL)),
    "ConvTranspose of bytes": ("+", ask("ConvTranspose", U, BYTES, unit=True)),
    "ConvTranspose, scales by filter": ("?", ask("ConvTranspose", S, BY_FILTER, unit=True)),
    "QLinearConv": ("-", ask("QLinearConv", f(*IMAGE, dtype="uint8"))),
    "MaxPool": ("+", ask("MaxPool", X, **TWO)),
    "MaxPool of bytes": ("+", ask("MaxPool", S, unit=True, **TWO)),
    "MaxPool of one": ("-", ask("MaxPool", X, kernel_shape=(1, 1))),
    "MaxPool rounded up": ("-", ask("MaxPool", X, ceil_mode=1, **TWO)),
    "MaxPool with places": (
        "-", ask("MaxPool", X, out=[X, f(*IMAGE, dtype="int64")], **TWO),
    ),
    "MaxPool of one dimension": ("-", ask("MaxPool", f(1, 4, 8), kernel_shape=(2,))),
    "AveragePool": ("+", ask("AveragePool", X, **TWO)),
    "AveragePool of one": ("-", ask("AveragePool", X, kernel_shape=(1, 1))),
    "AveragePool of bytes": ("-", ask("AveragePool", U, unit=True, **TWO)),
    "AveragePool that counts padding": (
        "-", ask("AveragePool", X, count_include_pad=1, **TWO),
    ),
    "AveragePool with holes": ("-", ask("AveragePool", X, opset=19, dilations=(2, 2), **TWO)),
    "Softmax": ("+", ask("Softmax", X)),
    "Softmax along the last axis": ("+", ask("Softmax", X, axis=3)),
    "Softmax of old": ("+", ask("Softmax", X, opset=12, axis=1)),
    "Softmax of bytes": ("+", ask("Softmax", SHARES, unit=True)),
    "Softmax on another grid": ("-", ask("Softmax", q(1, 10), unit=True)),
    "Softmax of signed bytes": ("-", ask("Softmax", q(1, 10, dtype="int8"), unit=True)),
    "Softmax along channels": ("-", ask("Softmax", X, axis=1)),
    "Resize": ("+", resize(X, TWICE)),
    "Resize to sizes": ("+", resize(X, None, c(1, 4, 16, 16))),
    "Resize to half": ("+", resize(X, HALF, size=4)),
    "Resize of bytes": ("+", resize(U, TWICE, unit=True)),
    "Resize, corners": ("+", resize(X, TWICE, coordinate_transformation_mode="align_corners")),
    "Resize as PyTorch": (
        "+", resize(X, TWICE, coordinate_transformation_mode="pytorch_half_pixel"),
    ),
    "Resize as PyTorch to one": (
        "-",
        resize(X, HALF, size=1, coordinate_transformation_mode="pytorch_half_pixel"),
    ),
    "Resize, nearest": ("-", resize(X, TWICE, mode="nearest")),
    "Resize by a run's scales": ("-", resize(X, f(4))),
    "Resize to a run's sizes": ("-", resize(X, None, f(4, dtype="int64"))),
    "Resize to nothing": ("-", resize(X)),
    "Resize of channels": ("-", resize(X, c(1, 2, 2, 2, dtype="float32"))),
    "Resize to a third": ("-", resize(X, c(1, 1, 0.3333, 0.3333, dtype="float32"))),
    "Resize of opset 10": ("?", ask("Resize", X, TWICE, opset=10, mode="linear")),
    "Gemm": ("+", ask("Gemm", f(2, 4), w(4, 3), w(3), out=[f(2, 3)])),
    "Gemm with scaling": ("-", ask("Gemm", f(2, 4), w(4, 3), w(3), out=[f(2, 3)], alpha=2.0)),
    "Gemm without summand": ("?", ask("Gemm", f(2, 4), w(4, 3), out=[f(2, 3)])),
    "Gemm with a summand of one": ("-", ask("Gemm", f(2, 4), w(4, 3), w(1), out=[f(2, 3)])),
    "MatMul": ("+", ask("MatMul", f(5, 2, 4), w(4, 3), out=[f(5, 2, 3)])),
    "MatMul of a run": ("-", ask("MatMul", f(2, 4), f(4, 3), out=[f(2, 3)])),
    "MatMul with batches of weights": ("-", ask("MatMul", f(5, 2, 4), w(5, 4, 3))),
    "Relu": ("+", ask("Relu", X)),
    "Relu of bytes": ("-", ask("Relu", U, unit=True)),
    "Clip": ("+", ask("Clip", X, one(0), one(6))),
    "Clip from a run's value": ("-", ask("Clip", X, f(), one(6))),
    "Clip to a run's value": ("-", ask("Clip", X, one(0), f())),
    "Sigmoid": ("-", ask("Sigmoid", X)),
}  # fmt: skip
"""Forms, and whether the provider's check takes them."""


@pytest.mark.parametrize("name", FORMS)
def test_forms(name: str) -> None:
    sign, form = FORMS[name]
    verdict = judge(form, TABLE)
    assert SIGNS[verdict.validation] == sign, verdict.reasons


@pytest.mark.parametrize("op", TABLE.entries)
def test_every_condition_is_what_some_form_is_refused_for(op: str) -> None:
    entry = TABLE.entries[op]
    forms = [form for _, form in FORMS.values() if form.op == op]
    tried = [each for form in forms for each in (form, *spoilt(entry, form))]
    tried += [replace(form, version=22) for form in forms]
    broken = {reason.constraint for form in tried for reason in judge(form, TABLE).reasons}
    demanded = {rule.identity for rule in (*entry.require, *entry.build)}
    assert demanded - broken == set()


def test_operators_of_opset_22_pass_the_check_and_may_have_no_kernel() -> None:
    verdict = judge(ask("Conv", X, KERNEL, opset=22), TABLE)
    assert (verdict.validation, verdict.status) == ("accepted", "unknown")
    assert "no kernel is registered" in verdict.reasons[0].message
