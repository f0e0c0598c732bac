"""Values that no exporter writes and random changes rarely reach, through every command."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, defs, helper, numpy_helper

from tests.formats import tflite_building as flat
from tests.robustness.driving import drive, printable, report_of, sane
from tests.robustness.mutants import EXPORTS

GOOD = EXPORTS / "smallnet.onnx"
SOME = [part for name in ("nnapi-1.3", "tflite-gpu", "hexagon-nn", "hiai", "pixel-4")
        for part in ("-t", name)]  # fmt: skip
HUGE = 2**62
EVIL = "\x1b[31mred\x1b[0m\r\n\u202eevil\u2028\x00\x07"


def floats(name: str, *sizes: Any) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes)


def model(
    nodes: Iterable[NodeProto],
    inputs: Sequence[Any] = (),
    outputs: Sequence[Any] = (),
    stored: Sequence[TensorProto] = (),
    opset: int = 17,
) -> ModelProto:
    graph = helper.make_graph(list(nodes), "main", inputs, outputs, list(stored))
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def put(folder: Path, content: ModelProto | bytes) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    return path


ODD: tuple[Any, ...] = (
    "x", "", 1.5, math.nan, math.inf, -1, 0, HUGE, -(2**63), (), (1,), (-1, -1), (0,) * 9,
    (HUGE,) * 4, (1.5, 2.5), ("a", "b"), (math.nan,) * 4, ("NHWC",),
    numpy_helper.from_array(np.zeros(2, np.float32), "t"),
)  # fmt: skip


def _attribute(name: str, value: Any) -> AttributeProto:
    if value == ():
        return AttributeProto(name=name, type=AttributeProto.INTS)
    return helper.make_attribute(name, value)


def _sampled(full: bool, share: int) -> list[Any]:
    """Operators in all their versions, or the newest version of one in so many."""
    known = [s for s in defs.get_all_schemas_with_history() if not s.domain and not s.deprecated]
    known.sort(key=lambda schema: (schema.name, -schema.since_version))
    newest = {schema.name: schema for schema in reversed(known)}
    return known if full else list(newest.values())[::-share]


def test_attributes_of_any_type(tmp_path: Path, full: bool) -> None:
    """Each attribute of an operator with values of each type, one node each."""
    for schema in _sampled(full, 8):
        nodes, inputs, outputs = [], [], []
        stored = [numpy_helper.from_array(np.ones((4, 4, 3, 3), np.float32), "w")]
        for name in schema.attributes:
            for value in ODD:
                number = len(nodes)
                operands = [f"x{number}", "w", "w"][: max(1, min(schema.max_input, 3))]
                node = helper.make_node(schema.name, operands, [f"y{number}"])
                node.attribute.append(_attribute(name, value))
                nodes.append(node)
                inputs.append(floats(f"x{number}", 1, 4, 8, 8))
                outputs.append(floats(f"y{number}", 1, 4, 8, 8))
        made = model(nodes, inputs, outputs, stored, schema.since_version)
        assert drive(put(tmp_path, made), GOOD, SOME)


CONSTANTS = {
    "empty": np.zeros(0, np.int64), "nan": np.full(4, np.nan, np.float32),
    "infinite": np.array([np.inf, -np.inf], np.float32), "huge": np.full(4, HUGE, np.int64),
    "least": np.full(2, -(2**63), np.int64), "negative": np.full(3, -1, np.int64),
    "outside": np.array([99], np.int64), "scalar": np.array(3, np.int64),
    "nested": np.ones((2, 1, 2), np.int64), "truth": np.array([True, False]),
    "text": np.array(["a", "b"], object), "half": np.arange(4).astype(np.float16),
    "byte": np.arange(4).astype(np.uint8), "repeated": np.array([0, 0, 1, 1], np.int64),
    "denormal": np.full(4, 1e-45, np.float32), "zero": np.zeros(4, np.float32),
    "none": np.zeros(4, np.int64), "complex": np.zeros(2, np.complex64),
}  # fmt: skip


def test_constants_of_any_kind(tmp_path: Path, full: bool) -> None:
    """Each operand of an operator as a constant that makes no sense there."""
    stored = [numpy_helper.from_array(array, name) for name, array in CONSTANTS.items()]
    for schema in _sampled(full, 9):
        nodes, outputs = [], []
        most = min(max(schema.max_input, 1), 6)
        for name in CONSTANTS:
            forms = [["x"] * max(schema.min_input, place + 1) for place in range(most)]
            for place, form in enumerate(forms):
                form[place] = name
            for operands in (*forms, ["x", *[name] * (most - 1)]):
                nodes.append(helper.make_node(schema.name, operands, [f"y{len(nodes)}"]))
                outputs.append(floats(f"y{len(outputs)}", 1, 4, 8, 8))
        made = model(nodes, [floats("x", 1, 4, 8, 8)], outputs, stored, schema.since_version)
        assert drive(put(tmp_path, made), GOOD, SOME)


SHAPES: tuple[tuple[Any, ...], ...] = (
    (1, 4, 8, 8), (), (0,), (1,) * 30, (2**31,) * 4, (HUGE,) * 2, (HUGE,) * 60, (-1, 4),
    ("N", "C", "H", "W"), (None, None), (1, 4, 0, 8), (4,),
)  # fmt: skip


def test_shapes_and_arities_of_any_kind(tmp_path: Path, full: bool) -> None:
    for schema in _sampled(full, 10):
        nodes, inputs, outputs = [], [], []
        counts = sorted({0, max(schema.min_input, 1), min(schema.max_input, 3), 7})
        for shape in SHAPES:
            for result in SHAPES[::3]:
                for count in counts:
                    number = len(nodes)
                    operands = [f"x{number}", *[f"b{number}"] * (count - 1)][:count]
                    results = [[f"y{number}"], [], ["", f"y{number}", ""]][number % 7 % 3]
                    nodes.append(helper.make_node(schema.name, operands, results))
                    for name, sizes in ((f"x{number}", shape), (f"b{number}", result)):
                        inputs.append(floats(name, *sizes))
                    if results:
                        outputs.append(floats(f"y{number}", *result))
        made = model(nodes, inputs, outputs, (), schema.since_version)
        assert drive(put(tmp_path, made), GOOD, SOME)


def _chain(count: int, *ops: str) -> ModelProto:
    nodes = [
        helper.make_node(ops[place % len(ops)], [f"v{place}"], [f"v{place + 1}"])
        for place in range(count)
    ]
    return model(nodes, [floats("v0", 1, 4, 8, 8)], [floats(f"v{count}", 1, 4, 8, 8)])


def _nested(depth: int) -> ModelProto:
    body = helper.make_graph([helper.make_node("Relu", ["x"], ["r"])], "b", [], [floats("r", 1)])
    for place in range(depth):
        other = helper.make_graph(
            [helper.make_node("Neg", ["x"], ["n"])], "e", [], [floats("n", 1)]
        )
        node = helper.make_node("If", ["c"], [f"r{place}"], then_branch=body, else_branch=other)
        body = helper.make_graph([node], "b", [], [floats(f"r{place}", 1)])
    condition = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    return model(body.node, [floats("x", 1), condition], body.output)


def _functions(depth: int) -> ModelProto:
    """Functions that call the one before twice: 2**depth calls when they are written out."""
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    made = []
    for place in range(depth):
        body = [helper.make_node("Relu", ["a"], ["b"])]
        if place:
            body = [
                helper.make_node(f"F{place - 1}", [a], [b], domain="f") for a, b in ("at", "tb")
            ]
        made.append(helper.make_function("f", f"F{place}", ["a"], ["b"], body, imports))
    call = helper.make_node(f"F{depth - 1}", ["x"], ["y"], domain="f")
    graph = helper.make_graph([call], "main", [floats("x", 1)], [floats("y", 1)])
    return helper.make_model(graph, opset_imports=imports, functions=made, ir_version=10)


def _wide(count: int) -> ModelProto:
    inputs = [floats(f"i{place}", 1, 1, 4, 4) for place in range(count)]
    node = helper.make_node("Concat", [each.name for each in inputs], ["y"], axis=1)
    return model([node], inputs, [floats("y", 1, count, 4, 4)])


def _branches(count: int) -> ModelProto:
    condition = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    body = helper.make_graph([helper.make_node("Neg", ["x"], ["n"])], "e", [], [floats("n", 1)])
    nodes = [
        helper.make_node("If", ["c"], [f"y{place}"], then_branch=body, else_branch=body)
        for place in range(count)
    ]
    return model(nodes, [floats("x", 1), condition], [floats("y0", 1)])


LARGE: dict[str, Callable[[], ModelProto]] = {
    "10,000 operands": lambda: _wide(10_000),
    "bodies in bodies": lambda: _nested(30),
    "functions in functions": lambda: _functions(40),
    "400 bodies": lambda: _branches(200),
    "1,000 cuts": lambda: _chain(1_000, "Relu", "Erf"),
    "1,000 unknown operators": lambda: _chain(1_000, *(f"Op{n}" for n in range(1_000))),
    "no nodes": lambda: model([], [floats("x", 1)], [floats("x", 1)]),
    "nothing": lambda: helper.make_model(helper.make_graph([], "", [], [])),
}


@pytest.mark.parametrize("make", LARGE.values(), ids=LARGE)
def test_large_and_empty_models(tmp_path: Path, make: Callable[[], ModelProto]) -> None:
    assert drive(put(tmp_path, make()), GOOD, SOME)


UNREADABLE: dict[str, ModelProto | bytes] = {
    "two makers": model(
        [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Neg", ["x"], ["y"])],
        [floats("x", 1)], [floats("y", 1)],
    ),
    "a cycle": model(
        [helper.make_node("Relu", ["b"], ["a"]), helper.make_node("Relu", ["a"], ["b"])],
        [floats("x", 1)], [floats("a", 1)],
    ),
    "its own input": model(
        [helper.make_node("Relu", ["x"], ["x"])], [floats("x", 1)], [floats("x", 1)]
    ),
    "a result from nowhere": model([], [], [floats("y", 1)]),
    "two inputs of one name": model(
        [helper.make_node("Relu", ["x"], ["y"])], [floats("x", 1), floats("x", 2)],
        [floats("y", 1)],
    ),
    "5,000 dimensions": model(
        [helper.make_node("Relu", ["x"], ["y"])], [floats("x", *[2] * 5_000)], [floats("y", 1)]
    ),
    "endless names": model([helper.make_node("Relu", ["L" * 2_000_000], ["y"])], [], []),
    "no graph": b"\x08\x08",
}  # fmt: skip


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_refused_in_one_line(tmp_path: Path, content: ModelProto | bytes) -> None:
    path = put(tmp_path, content)
    assert not drive(path, GOOD, SOME)
    assert len(sane(["check", path]).err) < 2_000


def test_figures_of_absurd_sizes_are_unknown(tmp_path: Path) -> None:
    weights = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w")
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    path = put(tmp_path, model(
        [node], [floats("x", HUGE, 3, HUGE, HUGE)], [floats("y", HUGE, 4, HUGE, HUGE)], [weights]
    ))  # fmt: skip
    assert drive(path, GOOD)
    (found,) = report_of(sane(["check", path, "--format", "json", *SOME]))["models"]
    assert (found["summary"]["macs"], found["summary"]["peak_activation_bytes"]) == (None, None)
    assert all(target["otherwise"]["verdict"] == "unknown" for target in found["targets"])
    assert all(len(word) < 100 for word in sane(["check", path]).out.split())


def test_text_out_of_a_file_obeys_nobody(tmp_path: Path) -> None:
    """Names, operators, domains and dimensions that would take over a terminal or fill it."""
    endless = "L" * 1_000_000
    nodes = [
        helper.make_node("Relu", [EVIL], [f"r{EVIL}"], name=EVIL),
        helper.make_node(f"Op{EVIL}", [f"r{EVIL}"], ["t"], name=EVIL, domain=EVIL),
        helper.make_node("Conv", ["t", "w"], ["u"], auto_pad=EVIL),
        helper.make_node(endless, ["u"], ["y"], name=endless, domain=endless),
    ]
    weights = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w")
    made = model(nodes, [floats(EVIL, f"N{EVIL}", 3, 8, 8)], [floats("y", endless)], [weights])
    made.opset_import.extend([helper.make_opsetid(EVIL, 1), helper.make_opsetid(endless, 1)])
    made.graph.name = made.producer_name = made.producer_version = made.doc_string = EVIL
    path = put(tmp_path, made)
    for command in (["check"], ["check", "-v"], ["inspect"], ["inspect", "-v"], ["matrix"]):
        answer = sane([*command, path], [0, 1])
        assert printable(answer.out), command
        assert len(answer.out) < 100_000, command
    assert drive(path, GOOD, SOME)


def test_quantisation_of_any_kind(tmp_path: Path) -> None:
    """Scales and zero points that mean nothing, in every place of a convolution."""
    scales = (0.0, -1.0, math.nan, math.inf, 1e-45, 3e38)
    for place in range(4):
        for scale in scales:
            for zero_points in ([0], [2**62], [-(2**63)], [1, 2, 3], []):
                parts = [
                    flat.tensor(name, shape, dtype, buffer)
                    for name, shape, dtype, buffer in (
                        ("x", (1, 4, 4, 1), "INT8", 0), ("w", (1, 1, 1, 1), "INT8", 1),
                        ("b", (1,), "INT32", 2), ("y", (1, 4, 4, 1), "INT8", 0),
                    )
                ]  # fmt: skip
                for part in parts:
                    part.quantization = flat.table(
                        "QuantizationParameters", scale=[0.5], zero_point=[0]
                    )
                parts[place].quantization = flat.table(
                    "QuantizationParameters", scale=[scale], zero_point=zero_points
                )
                node = flat.operator(0, [0, 1, 2], [3], options=flat.table("Conv2DOptions"))
                graph = flat.table("SubGraph", tensors=parts, inputs=[0], outputs=[3],
                                   operators=[node])  # fmt: skip
                made = flat.table(
                    "Model", version=3, operator_codes=[flat.code("CONV_2D")], subgraphs=[graph],
                    buffers=[flat.table("Buffer"), flat.table("Buffer", data=[1]),
                             flat.table("Buffer", data=[0] * 4)],
                )  # fmt: skip
                path = flat.write(tmp_path, made)
                drive(path, GOOD, SOME)


@pytest.mark.parametrize(
    ("begin", "axes"),
    [([math.nan] * 4, [0]), ([0] * 4, [4]), ([0] * 4, [-5]), ([2**31 - 1] * 4, [0, 0, 0, 0])],
)
def test_constants_that_predicates_count_with(
    tmp_path: Path, begin: list[float], axes: list[int]
) -> None:
    """STRIDED_SLICE from places that are no numbers, MEAN over axes that are not there."""
    real = any(isinstance(each, float) for each in begin)
    kinds = {"float": (np.float32, "FLOAT32"), "int": (np.int32, "INT32")}
    dtype, name = kinds["float" if real else "int"]
    arrays = [np.array(begin, dtype), np.array([2] * 4, np.int32), np.array([1] * 4, np.int32),
              np.array(axes, np.int32)]  # fmt: skip
    parts = [
        flat.tensor("x", (1, 4, 4, 4)), flat.tensor("begin", (4,), name, 1),
        flat.tensor("end", (4,), "INT32", 2), flat.tensor("steps", (4,), "INT32", 3),
        flat.tensor("cut", (1, 2, 2, 2)), flat.tensor("axes", (len(axes),), "INT32", 4),
        flat.tensor("y", (1, 1, 1, 2)),
    ]  # fmt: skip
    nodes = [
        flat.operator(0, [0, 1, 2, 3], [4], options=flat.table("StridedSliceOptions")),
        flat.operator(1, [4, 5], [6], options=flat.table("ReducerOptions", keep_dims=True)),
    ]
    graph = flat.table("SubGraph", tensors=parts, inputs=[0], outputs=[6], operators=nodes)
    buffers = [flat.table("Buffer", data=np.frombuffer(a.tobytes(), np.uint8)) for a in arrays]
    codes = [flat.code("STRIDED_SLICE"), flat.code("MEAN")]
    made = flat.table("Model", version=3, operator_codes=codes, subgraphs=[graph],
                      buffers=[flat.table("Buffer"), *buffers])  # fmt: skip
    assert drive(flat.write(tmp_path, made), GOOD)
