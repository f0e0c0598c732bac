"""The table of ONNX Runtime's Core ML provider, in both formats of model."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ort_operations import ask, c, f, one, q, spoilt, w

from npulint.model import Graph, Node, Operation, Value
from npulint.opsets import load_target
from npulint.verdict import judge

FORMATS = tuple(load_target(name).side("onnx") for name in ("coreml", "coreml-mlprogram"))
OPERATORS = tuple(FORMATS[1].entries)
SIGNS = {"accepted": "+", "refused": "-", "unknown": "?"}

IMAGE = (1, 4, 8, 8)
X, KERNEL, VECTOR = f(*IMAGE), w(4, 4, 3, 3), w(4)
HALVES = f(*IMAGE, dtype="float16")
INTEGERS = f(*IMAGE, dtype="int64")
TWICE, HALF = c(1, 1, 2, 2, dtype="float32"), c(1, 1, 0.5, 0.5, dtype="float32")
PLAIN = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
PADS = {"pads": (1, 1, 1, 1)}
ONE_AXIS = c(1, shape=[1])


def resize(*more: Value | None, **attributes: object) -> Operation:
    return ask("Resize", X, None, *more, out=[f(1, 4, 16, 16)], **attributes)  # type: ignore[arg-type]


def gemm(*more: Value, **attributes: object) -> Operation:
    return ask("Gemm", f(2, 4), w(4, 3), *more, out=[f(2, 3)], **attributes)  # type: ignore[arg-type]


FORMS = {
    **{op: ("++", ask(op, X)) for op in ("Sigmoid", "Tanh", "Relu", "LeakyRelu", "Sqrt")},
    **{op: ("-+", ask(op, X, opset=20)) for op in ("Gelu", "Elu", "Softplus", "Erf", "Round")},
    "Reciprocal": ("++", ask("Reciprocal", X)),
    "Exp": ("-+", ask("Exp", X)),
    "float16": ("-+", ask("Relu", HALVES)),
    "any batch": ("++", ask("Relu", f("n", 4, 8, 8))),
    "six axes": ("--", ask("Relu", f(1, 2, 3, 4, 5, 6))),
    "nothing": ("--", ask("Relu", f(0, 4))),
    "bytes": ("--", ask("Relu", q(*IMAGE), unit=True)),
    "PRelu": ("++", ask("PRelu", X, w(4, 1, 1))),
    "PRelu of one slope": ("++", ask("PRelu", X, w(1))),
    "PRelu of one slope and channel": ("--", ask("PRelu", f(1, 1, 8, 8), w(1))),
    "PRelu by row": ("--", ask("PRelu", X, w(8, 1))),
    "PRelu of a run's slope": ("--", ask("PRelu", X, f(4, 1, 1))),
    "PRelu of open channels": ("--", ask("PRelu", f(1, "c", 8, 8), w(4, 1, 1))),
    **{op: ("++", ask(op, X, f(8))) for op in ("Add", "Sub", "Mul", "Div", "Pow")},
    "Pow of whole powers": ("--", ask("Pow", X, c(2))),
    "Max": ("-+", ask("Max", X, X, X)),
    "Clip": ("++", ask("Clip", X, one(0), one(6))),
    "Clip from 0": ("++", ask("Clip", X, one(0))),
    "Clip to nothing": ("--", ask("Clip", X, one(2), one(2))),
    "Clip of old to nothing": ("--", ask("Clip", X, opset=10, min=2.0, max=2.0)),
    "Clip by a run's limit": ("--", ask("Clip", X, f(), one(6))),
    "Clip by a run's upper limit": ("--", ask("Clip", X, one(0), f())),
    "Clip of whole numbers": ("--", ask("Clip", INTEGERS, c(0), c(6))),
    "ArgMax": ("++", ask("ArgMax", X, out=[INTEGERS], axis=1)),
    "ArgMax from behind": ("--", ask("ArgMax", X, out=[INTEGERS], select_last_index=1)),
    "Cast": ("??", ask("Cast", INTEGERS, out=[f(*IMAGE, dtype="int32")], to=6)),
    "Cast to floats": ("-?", ask("Cast", INTEGERS, out=[X], to=1)),
    "Cast of bytes": ("--", ask("Cast", f(*IMAGE, dtype="uint8"), out=[X], to=1)),
    "MaxPool": ("++", ask("MaxPool", X, kernel_shape=(2, 2))),
    "MaxPool rounded up": ("-+", ask("MaxPool", X, kernel_shape=(2, 2), ceil_mode=1)),
    "MaxPool with holes": ("--", ask("MaxPool", X, kernel_shape=(2, 2), dilations=(2, 2))),
    "MaxPool with places": ("--", ask("MaxPool", X, out=[X, INTEGERS], kernel_shape=(2, 2))),
    "MaxPool of one dimension": ("--", ask("MaxPool", f(1, 4, 8), kernel_shape=(2,))),
    "AveragePool": ("++", ask("AveragePool", X, kernel_shape=(2, 2), count_include_pad=1)),
    "AveragePool of one dimension": ("--", ask("AveragePool", f(1, 4, 8), kernel_shape=(2,))),
    "GlobalAveragePool": ("++", ask("GlobalAveragePool", X)),
    "GlobalMaxPool": ("++", ask("GlobalMaxPool", X)),
    "ReduceMean": ("++", ask("ReduceMean", X, c(2, 3))),
    "ReduceMean over none": ("-+", ask("ReduceMean", X, noop_with_empty_axes=1)),
    "ReduceSum": ("++", ask("ReduceSum", X, c(2, 3))),
    "ReduceSum over a run's axes": ("--", ask("ReduceSum", X, f(2, dtype="int64"))),
    "ReduceSum over none": ("-+", ask("ReduceSum", X, noop_with_empty_axes=1)),
    "ReduceSum over some": ("?+", ask("ReduceSum", X, c(2, 3), noop_with_empty_axes=1)),
    **{op: ("-+", ask(op, X, c(2, 3))) for op in ("ReduceMin", "ReduceMax", "ReduceProd")},
    "BatchNormalization": ("++", ask("BatchNormalization", X, *[VECTOR] * 4)),
    "BatchNormalization of old": (
        "--", ask("BatchNormalization", X, *[VECTOR] * 4, opset=7, spatial=0),
    ),
    "LayerNormalization": ("-+", ask("LayerNormalization", X, w(8), w(8))),
    "LayerNormalization of halves": ("--", ask("LayerNormalization", HALVES, w(8))),
    "InstanceNormalization": ("-+", ask("InstanceNormalization", X, VECTOR, VECTOR)),
    "GroupNormalization": ("-+", ask("GroupNormalization", X, VECTOR, VECTOR, opset=21)),
    "GroupNormalization by halves": (
        "--", ask("GroupNormalization", X, VECTOR, VECTOR, opset=21, stash_type=10),
    ),
    "Conv": ("++", ask("Conv", X, KERNEL)),
    "Conv of one dimension": ("++", ask("Conv", f(1, 4, 8), w(4, 4, 3), VECTOR)),
    "Conv of three dimensions": ("--", ask("Conv", f(1, 4, 8, 8, 8), w(4, 4, 3, 3, 3))),
    "Conv with weights of a run": ("-+", ask("Conv", X, f(4, 4, 3, 3))),
    "Conv with a bias of a run": ("--", ask("Conv", X, KERNEL, f(4))),
    "Conv of a long input": ("--", ask("Conv", f(1, 4, 20000), w(4, 4, 3), out=[f(1, 4, 9)])),
    "Conv to a long output": ("--", ask("Conv", f(1, 4, 9), w(4, 4, 3), out=[f(1, 4, 20000)])),
    "Conv of many channels": ("--", ask("Conv", f(1, 4, 9), w(20000, 4, 3))),
    "Conv of another kernel": ("--", ask("Conv", X, KERNEL, kernel_shape=(5, 5))),
    "ConvTranspose": ("-+", ask("ConvTranspose", X, KERNEL, **PADS)),
    "ConvTranspose padded to size": ("--", ask("ConvTranspose", X, KERNEL, auto_pad="SAME_UPPER")),
    "ConvTranspose padded unevenly": ("--", ask("ConvTranspose", X, KERNEL, pads=(0, 0, 1, 1))),
    "ConvTranspose without pads": ("-?", ask("ConvTranspose", X, KERNEL)),
    "ConvTranspose to a size": (
        "--", ask("ConvTranspose", X, KERNEL, output_shape=(16, 16), **PADS),
    ),
    "ConvTranspose with more": (
        "--", ask("ConvTranspose", X, KERNEL, output_padding=(1, 1), **PADS),
    ),
    "ConvTranspose of another kernel": (
        "--", ask("ConvTranspose", X, KERNEL, kernel_shape=(5, 5), **PADS),
    ),
    "ConvTranspose of many channels": ("--", ask("ConvTranspose", X, w(4, 20000, 3, 3), **PADS)),
    "ConvTranspose of a long input": (
        "--", ask("ConvTranspose", f(1, 4, 1, 20000), KERNEL, **PADS),
    ),
    "ConvTranspose with a bias of a run": ("--", ask("ConvTranspose", X, KERNEL, f(4), **PADS)),
    "Gemm": ("++", gemm(w(3))),
    "Gemm alone": ("++", gemm()),
    "Gemm plus one": ("++", gemm(w(1))),
    "Gemm plus a row": ("++", gemm(w(1, 3))),
    "Gemm plus rows": ("--", gemm(w(2, 3))),
    "Gemm plus a column": ("--", gemm(w(1, 2))),
    "Gemm plus what a run makes": ("--", gemm(f(3))),
    "Gemm transposed": ("++", gemm(w(4), transB=1)),
    "Gemm transposed, summand of the other": ("--", gemm(w(3), transB=1)),
    "Gemm doubled": ("--", gemm(alpha=2.0)),
    "MatMul": ("++", ask("MatMul", f(2, 4), w(4, 3), out=[f(2, 3)])),
    "MatMul of a run": ("-+", ask("MatMul", f(2, 4), f(4, 3), out=[f(2, 3)])),
    "MatMul of batches": ("-+", ask("MatMul", f(5, 2, 4), w(4, 3), out=[f(5, 2, 3)])),
    "MatMul by a vector": ("--", ask("MatMul", f(2, 4), w(4), out=[f(2)])),
    "MatMul of a vector": ("--", ask("MatMul", f(4), w(4, 3), out=[f(3)])),
    "Concat": ("++", ask("Concat", X, X, axis=1)),
    "Concat of one": ("--", ask("Concat", X, axis=1)),
    "Concat of rows": ("-+", ask("Concat", X, X, axis=2)),
    "Concat of vectors": ("-+", ask("Concat", f(4), f(4), axis=0)),
    "DepthToSpace": ("++", ask("DepthToSpace", X, blocksize=2)),
    "DepthToSpace, CRD": ("-+", ask("DepthToSpace", X, blocksize=2, mode="CRD")),
    "DepthToSpace, CRD, any batch": (
        "--", ask("DepthToSpace", f("n", 4, 8, 8), blocksize=2, mode="CRD"),
    ),
    "Flatten": ("+-", ask("Flatten", X)),
    "Gather": ("++", ask("Gather", X, c(1, 2), out=[X], axis=1)),
    "Gather of one": ("--", ask("Gather", X, c(1), out=[f(1, 8, 8)], axis=1)),
    "Gather to six axes": (
        "--", ask("Gather", X, f(2, 2, 2, dtype="int64"), out=[f(1, 1, 1, 4, 8, 8)]),
    ),
    "GridSample": ("-+", ask("GridSample", X, f(1, 8, 8, 2))),
    "GridSample, nearest": ("--", ask("GridSample", X, f(1, 8, 8, 2), mode="nearest")),
    "GridSample, mirrored": ("--", ask("GridSample", X, f(1, 8, 8, 2), padding_mode="reflection")),
    "LRN": ("+-", ask("LRN", X, size=3)),
    "Pad": ("+-", ask("Pad", X, c(0, 0, 1, 1, 0, 0, 1, 1), one(0))),
    "Pad of channels": ("--", ask("Pad", X, c(0, 1, 0, 0, 0, 0, 0, 0), one(0))),
    "Pad of an axis": ("+-", ask("Pad", X, c(1, 1), one(0), c(-1, shape=[1]))),
    "Pad of a run's axis": ("--", ask("Pad", X, c(1, 1), one(0), f(1, dtype="int64"))),
    "Pad with nothing": ("--", ask("Pad", X, c(0, 0, 1, 1, 0, 0, 1, 1))),
    "Pad, cropped": ("--", ask("Pad", X, c(0, 0, -1, 0, 0, 0, 0, 0), one(0))),
    "Reshape": ("++", ask("Reshape", X, c(1, -1))),
    "Reshape to six axes": ("--", ask("Reshape", X, c(1, 1, 1, 4, 8, 8))),
    "Reshape of any batch": ("--", ask("Reshape", f("n", 4, 8, 8), c(0, -1))),
    "Reshape to nothing": ("--", ask("Reshape", X, c(0, 4), allowzero=1)),
    "Resize": ("++", resize(TWICE, **PLAIN)),
    "Resize to sizes": ("++", resize(None, c(1, 4, 16, 16), **PLAIN)),
    "Resize of planes": ("++", resize(c(2, 2, dtype="float32"), axes=(2, 3), **PLAIN)),
    "Resize to half": ("-+", resize(HALF, **PLAIN)),
    "Resize to a third": ("--", resize(c(1, 1, 0.3333, 0.3333, dtype="float32"), **PLAIN)),
    "Resize up and down": ("--", resize(c(1, 1, 0.5, 2, dtype="float32"), **PLAIN)),
    "Resize by one and a half": ("--", resize(c(1, 1, 1.5, 1.5, dtype="float32"), **PLAIN)),
    "Resize to sizes between": ("-+", resize(None, c(1, 4, 12, 12), **PLAIN)),
    "Resize of channels": ("--", resize(c(1, 2, 2, 2, dtype="float32"), **PLAIN)),
    "Resize, half pixels": ("-+", resize(TWICE, mode="linear")),
    "Resize as PyTorch": (
        "-+",
        resize(TWICE, mode="linear", coordinate_transformation_mode="pytorch_half_pixel"),
    ),
    "Resize as PyTorch to one": (
        "--",
        resize(
            c(1, 1, 0.125, 0.125, dtype="float32"),
            mode="linear", coordinate_transformation_mode="pytorch_half_pixel",
        ),
    ),
    "Resize, linear and plain, by scales": (
        "+-", resize(TWICE, mode="linear", coordinate_transformation_mode="asymmetric"),
    ),
    "Resize, nearest, half pixels": ("--", resize(TWICE, nearest_mode="floor")),
    "Resize, cropped": (
        "--", resize(TWICE, mode="linear", coordinate_transformation_mode="tf_crop_and_resize"),
    ),
    "Resize by neither": ("--", resize(**PLAIN)),
    "Resize by a run's scales": ("--", resize(f(4), **PLAIN)),
    "Resize to a run's sizes": ("--", resize(None, f(4, dtype="int64"), **PLAIN)),
    "Resize of three axes": (
        "-+",
        ask(
            "Resize", f(4, 8, 8), None, c(1, 2, 2, dtype="float32"), out=[f(4, 16, 16)], **PLAIN
        ),
    ),
    "Resize of nothing": ("--", ask("Resize", f(0, 4, 8, 8), None, TWICE, **PLAIN)),
    "Shape": ("++", ask("Shape", X, out=[f(4, dtype="int64")])),
    "Shape of a part": ("-+", ask("Shape", X, out=[f(2, dtype="int64")], start=2)),
    "Shape to an end": ("-+", ask("Shape", X, out=[f(2, dtype="int64")], end=2)),
    "Shape of nothing": ("--", ask("Shape", X, out=[f(0, dtype="int64")], start=2, end=2)),
    "Slice": ("++", ask("Slice", X, *[ONE_AXIS] * 4)),
    "Slice of halves": ("-+", ask("Slice", HALVES, *[ONE_AXIS] * 4)),
    "Slice of any batch": ("--", ask("Slice", f("n", 4), *[ONE_AXIS] * 4)),
    "Slice to nothing": ("--", ask("Slice", X, *[ONE_AXIS] * 4, out=[f(1, 0, 8, 8)])),
    "Split": ("++", ask("Split", X, c(1, 3), out=[X, X], axis=1)),
    "Split by count": ("++", ask("Split", X, out=[X, X], axis=1, num_outputs=2)),
    "Split into one": ("--", ask("Split", X, c(4, shape=[1]), axis=1)),
    "Split into one by count": ("--", ask("Split", X, axis=1, num_outputs=1)),
    "Split with an empty part": ("--", ask("Split", X, c(0, 4), out=[X, X], axis=1)),
    "Softmax": ("++", ask("Softmax", f("n", 10))),
    "Softmax of old, any batch": ("--", ask("Softmax", f("n", 10), opset=12)),
    "Squeeze": ("++", ask("Squeeze", f(1, 4, 1), c(0, shape=[1]), out=[f(4, 1)])),
    "Squeeze of a run's axes": ("--", ask("Squeeze", X, f(1, dtype="int64"))),
    "Unsqueeze": ("-+", ask("Unsqueeze", f(4, 8), c(0, shape=[1]), out=[f(1, 4, 8)])),
    "Unsqueeze to six axes": (
        "--", ask("Unsqueeze", X, c(0, 1), out=[f(1, 1, 1, 4, 8, 8)]),
    ),
    "Transpose": ("++", ask("Transpose", X, perm=(0, 2, 3, 1))),
    "no builder": ("--", ask("HardSwish", X)),
}  # fmt: skip
"""Forms, and whether the provider's check takes them as NeuralNetwork and as ML Program."""


def made(*nodes: tuple[str, tuple[int, ...], int], **dtypes: str) -> tuple[Operation, ...]:
    """The operations of a graph: operators, what they read and what they make."""
    values = tuple(
        replace(f(1, 8), index=index, dtype=dtypes.get(f"v{index}", "float32"))
        for index in range(1 + max(node[2] for node in nodes))
    )
    rows = tuple(
        Node(0, index, op, 18, reads, (result,), {"to": 6} if op == "Cast" else {})
        for index, (op, reads, result) in enumerate(nodes)
    )
    graph = Graph(0, "main", "onnx", values, rows, (0,), (nodes[-1][2],))
    return tuple(graph.operation(node) for node in graph.nodes)


WHOLE = {"v1": "int64", "v2": "int32"}
MADE = (
    *made(("ArgMax", (0,), 1), ("Cast", (1,), 2), **WHOLE),
    *made(("ArgMax", (0,), 1), ("Cast", (1,), 2), ("Neg", (1,), 3), **WHOLE),
    *made(("Neg", (0,), 1), ("Cast", (1,), 2), **WHOLE),
    *made(("Cast", (0,), 1), v0="int64", v1="int32"),
)


@pytest.mark.parametrize(
    ("place", "signs"), [(0, "++"), (1, "++"), (2, "-+"), (3, "++"), (6, "-+"), (7, "--")]
)
def test_casts_and_what_they_follow(place: int, signs: str) -> None:
    verdicts = [judge(MADE[place], each) for each in FORMATS]
    assert "".join(SIGNS[each.validation] for each in verdicts) == signs, verdicts


@pytest.mark.parametrize("name", FORMS)
def test_forms(name: str) -> None:
    signs, form = FORMS[name]
    verdicts = [judge(form, each) for each in FORMATS]
    assert "".join(SIGNS[each.validation] for each in verdicts) == signs, verdicts


@pytest.mark.parametrize("op", OPERATORS)
def test_every_condition_is_what_some_form_is_refused_for(op: str) -> None:
    forms = [form for _, form in FORMS.values() if form.op == op]
    forms += [form for form in MADE if form.op == op]
    demanded: set[str] = set()
    broken: set[str] = set()
    for target in FORMATS:
        entry = target.entries[op]
        demanded |= {rule.identity for rule in (*entry.require, *entry.build)}
        tried = [each for form in forms for each in (form, *spoilt(entry, form))]
        broken |= {reason.constraint for form in tried for reason in judge(form, target).reasons}
    assert demanded - broken == set()


def test_the_older_format_is_said_to_be_so() -> None:
    older, newer = FORMATS
    assert "deprecated" in older.cautions[0].say
    assert older.name == "coreml"
    assert newer.twin is None
