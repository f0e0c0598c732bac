"""LiteRT's plugins for MediaTek, Samsung and Google Tensor: lists, and said to be lists."""

from __future__ import annotations

from dataclasses import replace

import pytest

from npulint.model import Constant, Operation, Quantisation, Value
from npulint.opsets import load_target
from npulint.opsets.names import operator_names
from npulint.verdict import Verdict, judge

PLUGINS = ("litert-mediatek", "litert-samsung", "litert-google-tensor")
LISTED = {"litert-mediatek": 45, "litert-samsung": 72, "litert-google-tensor": 165}
"""How many operators each takes: of the last all but those that it keeps back."""

ONE, SEVERAL = Quantisation((0.5,), (0,)), Quantisation((0.5, 0.25), (0, 0))
X = Value(0, "x", "float32", (1, 4, 4, 2))


def ask(plugin: str, op: str, *inputs: Value, **options: object) -> Verdict:
    operation = Operation("tflite", op, 1, inputs or (X,), (X,), options)  # type: ignore[arg-type]
    return judge(operation, load_target(plugin))


@pytest.mark.parametrize("plugin", PLUGINS)
def test_what_a_list_has_is_unknown_and_what_it_has_not_is_refused(plugin: str) -> None:
    target = load_target(plugin)
    assert len(target.entries) == LISTED[plugin]
    listed = ask(plugin, "TANH")
    assert (listed.status, listed.validation) == ("unknown", "accepted")
    (reason,) = listed.reasons
    assert "closed" in reason.message
    assert "not published" in reason.message
    assert any("low confidence" in limit for limit in target.limits)
    for op in operator_names("tflite") - target.entries.keys():
        assert ask(plugin, op).status == "unsupported"


@pytest.mark.parametrize("plugin", PLUGINS)
def test_nothing_is_ever_promised(plugin: str) -> None:
    for op in load_target(plugin).entries:
        assert ask(plugin, op, X, X, X, X).status in {"unknown", "unsupported"}


TYPES = {
    "float32": (X, True),
    "half": (replace(X, dtype="float16"), True),
    "8 bits": (replace(X, dtype="int8", quantisation=ONE), True),
    "8 bits by channel": (replace(X, dtype="int8", quantisation=SEVERAL), True),
    "8 bits without scales": (replace(X, dtype="int8"), False),
    "16 bits": (replace(X, dtype="int16", quantisation=ONE), True),
    "16 bits by channel": (replace(X, dtype="int16", quantisation=SEVERAL), False),
    "64 bits": (replace(X, dtype="int64"), False),
    "64 stored bits": (
        replace(X, dtype="int64", constant=Constant("int64", (1, 4, 4, 2), None, None, 0)), True,
    ),
    "doubles": (replace(X, dtype="float64"), False),
}  # fmt: skip


@pytest.mark.parametrize("name", TYPES)
def test_the_types_of_mediatek(name: str) -> None:
    value, taken = TYPES[name]
    assert ask("litert-mediatek", "ADD", value, X).validation == (
        "accepted" if taken else "refused"
    )


def test_composites_are_known_by_name() -> None:
    for plugin, name, taken in (
        ("litert-mediatek", "odml.rms_norm", True),
        ("litert-mediatek", "odml.group_norm", False),
        ("litert-google-tensor", "odml.group_norm", True),
        ("litert-google-tensor", "odml.l2_norm", False),
        ("litert-samsung", "odml.rms_norm", True),
    ):
        verdict = ask(plugin, "STABLEHLO_COMPOSITE", name=name)
        assert (verdict.validation == "accepted") is taken


def test_samsung_needs_what_its_builders_read() -> None:
    stored = Value(1, "", "int32", (1,), Constant("int32", (1,), b"\1\0\0\0", None, 4))
    assert ask("litert-samsung", "MEAN", X, stored).validation == "accepted"
    assert ask("litert-samsung", "MEAN", X, replace(stored, constant=None)).status == "unsupported"
    slices = (X, stored, stored, stored)
    assert ask("litert-samsung", "STRIDED_SLICE", *slices, offset=False).status == "unknown"
    assert ask("litert-samsung", "STRIDED_SLICE", *slices, offset=True).status == "unsupported"
