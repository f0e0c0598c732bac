"""What the ONNX standard demands of nodes, held against the onnx package and its checker."""

from __future__ import annotations

import json
from typing import Any

import onnx
import pytest
from onnx import defs, helper
from record_signatures import FILE, signatures

from npulint.model import Node
from npulint.operators import lower_graph
from npulint.operators.conversions import NEWEST_OPSET
from npulint.operators.onnx_signatures import malformed
from tests.operators.test_unknown import _constant, _graph, _value


def _both_know(facts: dict[str, Any]) -> dict[str, list[Any]]:
    """The rows up to the newest opset that the file and the installed package both know.

    Sets of types stand in them as they are, since their numbers depend on what else there is.
    """
    newest = min(NEWEST_OPSET, defs.onnx_opset_version())
    sets = facts["types"]

    def spelt(row: list[Any]) -> list[Any]:
        sides = [[sets[t] if isinstance(t, int) else t for t in side] for side in row[7:9]]
        return [*row[:7], *sides, *({n: sets[t] for n, t in each.items()} for each in row[9:])]

    return {
        op: [spelt(row) for row in rows if row[0] <= newest]
        for op, rows in facts["operators"].items()
        if rows[0][0] <= newest
    }


def test_the_file_says_what_the_package_says() -> None:
    assert _both_know(json.loads(FILE.read_text())) == _both_know(signatures())


def _node(op: str, opset: int, inputs: str = "x", outputs: str = "y", **attributes: object) -> Node:
    """A node with an operand for each letter; `-` stands for one left out."""
    given = tuple(-1 if letter == "-" else place for place, letter in enumerate(inputs))
    return Node(0, 0, op, opset, given, tuple(range(9, 9 + len(outputs))), attributes)  # type: ignore[arg-type]


_VALUES = [_value(index, None, None) for index in range(600)]

CASES = [
    (_node("Relu", 17), None),
    (_node("Relu", 17, "xx"), "1 operands; found 2"),
    (_node("Relu", 17, ""), "found 0"),
    (_node("Relu", 17, "-"), "operand 0 of Relu (as of opset 14) may not be left out"),
    (_node("Relu", 17, "x", ""), "results; found 0"),
    (_node("Relu", 17, alpha=0.5), "no attribute alpha"),
    (_node("Relu", 17, __note="x"), None),
    (_node("Clip", 17, min=0.0, max=6.0), "no attribute min"),
    (_node("Clip", 6, min=0.0, max=6.0), None),
    (_node("Clip", 17, "x-x"), None),
    (_node("Concat", 13, "x" * 500, axis=1), None),
    (_node("Concat", 13, "", axis=1), "at least 1 operands"),
    (_node("Concat", 13), "must have the attribute axis"),
    (_node("Concat", 13, axis=1.0), "axis of Concat (as of opset 13) must be an integer"),
    (_node("Softmax", 17, axis="@axis"), None),
    (_node("Conv", 17, "xw", strides=2), "must be a list of integers"),
    (_node("Conv", 17, "xw", strides=(2.0, 2.0)), "must be a list of integers"),
    (_node("Conv", 17, "xw", strides=()), None),
    (_node("Squeeze", 13, axes=(1,)), "no attribute axes"),
    (_node("Squeeze", 11, axes=(1,)), None),
    (_node("BatchNormalization", 9, "xsbmv", spatial=1), "no attribute spatial"),
    (_node("Upsample", 17, "xs"), "gone since opset 10"),
    (_node("GroupNormalization", 18, "xsb", num_groups=2), None),
    (_node("Gelu", 17), "comes with opset 20"),
    (_node("Frobnicate", 17), None),
]


@pytest.mark.parametrize(("node", "said"), CASES)
def test_what_is_malformed(node: Node, said: str | None) -> None:
    found = malformed(node, _VALUES)
    assert (found is None) == (said is None), found
    assert said is None or said in (found or "")


@pytest.mark.parametrize("node", [node for node, _ in CASES if node.op not in ("Frobnicate",)])
def test_the_official_checker_agrees(node: Node) -> None:
    """Where the attribute has a form that the official classes can hold at all."""
    if any(value == "@axis" for value in node.attributes.values()):
        return
    inputs = ["" if index < 0 else f"v{index}" for index in node.inputs]
    made = helper.make_node(node.op, inputs, [f"v{index}" for index in node.outputs])
    for name, value in node.attributes.items():
        empty = onnx.AttributeProto(name=name, type=onnx.AttributeProto.INTS)
        made.attribute.append(empty if value == () else helper.make_attribute(name, value))
    context = onnx.checker.C.CheckerContext()
    context.ir_version = 10
    context.opset_imports = {"": node.version}
    refusal = ""
    try:
        onnx.checker.check_node(made, context)
    except onnx.checker.ValidationError as error:
        refusal = str(error)
    # A version that another has taken the place of is no longer checked, but converted.
    agreed = bool(refusal) and "GroupNormalization is deprecated" not in refusal
    assert (malformed(node, _VALUES) is not None) == agreed, refusal


TYPES = [
    ("Relu", 17, "float32", "float32", None),
    ("Relu", 17, "float32", None, None),
    ("Relu", 17, "bool", None, "operand 0 of Relu (as of opset 14) is bool; it may be bfloat16"),
    ("Relu", 13, "int32", None, "is int32; it may be"),
    ("Relu", 17, "float32", "float16", "result 0 of Relu (as of opset 14) is float16, and another"),
    ("Add", 17, "float32 float16", None, "operand 1 of Add (as of opset 14) is float16, and"),
    ("Add", 17, "float16 float16", "float16", None),
    ("Clip", 17, "float32 - int64", None, "operand 2"),
    ("Reshape", 17, "float32 float32", None, "operand 1 of Reshape (as of opset 14) is float32;"),
    ("Reshape", 17, "float32 int64", None, None),
    ("Concat", 17, "float32 float32 float32 float16", None, "operand 3"),
    ("IsNaN", 17, "float32", "float32", "result 0"),
    ("IsNaN", 17, "float32", "bool", None),
    ("Cast", 17, "float32", "int8", None),
    ("QuantizeLinear", 17, "float32 float32 uint8", "int8", "result 0"),
    ("Identity", 17, "float32", "float16", None),  # may be of sequences too, which are not told
]


@pytest.mark.parametrize(("op", "opset", "operands", "result", "said"), TYPES)
def test_element_types(op: str, opset: int, operands: str, result: str | None, said: str) -> None:
    dtypes = [None if dtype == "-" else dtype for dtype in operands.split()]
    values = [_value(place, None, dtype) for place, dtype in enumerate(dtypes)]
    inputs = tuple(-1 if dtype is None else place for place, dtype in enumerate(dtypes))
    attributes: dict[str, Any] = {"Concat": {"axis": 1}, "Cast": {"to": 3}}.get(op, {})
    node = Node(0, 0, op, opset, inputs, (len(values),), attributes)
    found = malformed(node, [*values, _value(len(values), None, result)])
    assert (found is None) == (said is None), found
    assert said is None or said in (found or "")


def test_a_malformed_node_has_no_conversion() -> None:
    graph = _graph("Clip", [_value(0, (1, 3, 8, 8))], _value(1, (1, 3, 8, 8)), min=0.0, max=6.0)
    (found,) = lower_graph(graph)
    assert not found.known
    assert "no attribute min" in found.why


@pytest.mark.parametrize(("op", "domain"), [("Mine", "my.company"), ("Frobnicate", "")])
def test_nobody_computes_what_nobody_knows(op: str, domain: str) -> None:
    """An operator that is not the standard's is not folded, whatever it reads."""
    (found,) = lower_graph(_graph(op, [_constant(0, 3)], _value(1, (3,)), domain=domain))
    assert not found.known
