"""Pieces as they are predicted, held against those that ONNX Runtime cuts for its QNN provider."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, NodeProto, helper, numpy_helper

import npulint
from npulint.host import ask
from tests.formats import onnx_building as build

TABLE = Path(__file__).with_name("provider.yaml")
SHAPE = (1, 4, 8, 8)

STORED = {
    "s": np.float32(1 / 128),
    "t": np.float32(1 / 64),
    "z": np.uint8(128),
    "w": np.full((4, 4, 1, 1), 0.25, np.float32),
    "zero": np.float32(0),
    "two": np.float32(2),
}

CASES = (
    # A refused node in a chain; in a branch; in a branch beside another that goes on.
    "Relu x > a; Erf a > b; Relu b > y",
    "Relu x > a; Erf a > b; Sigmoid a > c; Add b c > y",
    "Relu x > a; Erf a > b; Sigmoid b > c; Tanh a > d; Add c d > y",
    # Refused before all, beside what is taken; a diamond of taken nodes around one.
    "Erf x > a; Relu x > b; Add a b > y",
    "Relu x > a; Erf a > b; Relu b > c; Erf x > d; Relu d > e; Add c e > y",
    "Relu x > a; Abs a > b; Erf a > c; Neg a > d; Add b c > e; Add d e > y",
    "Relu x > a; Erf a > b; Erf b > c; Relu c > d; Abs a > e; Erf e > f; Add d f > y",
    # Two inputs of which one only is refused, and two outputs.
    "Erf x > a; Abs u > b; Neg b > c; Add a c > y",
    "Relu x > a; Erf a > y; Abs a > v",
    # What ONNX Runtime takes out or computes cuts nothing.
    "Relu x > a; Identity a > b; Erf b > c; Dropout c > d; Relu d > e; Identity e > y",
    "Erf x > a; Add a zero > b; Relu b > y",
    "Add two two > a; Mul x a > b; Erf b > c; Mul c a > y",
    # A function that the provider takes as it is.
    "HardSwish x > a; Erf a > b; Relu b > y",
    # A function that it does not take: its parts are cut once all else has been.
    "Relu x > a; Mish a > b; Sigmoid b > y",
    "Mish x > a; Mish a > b; Relu b > y",
    "Relu x > a; Mish a > b; Relu a > c; Mish c > d; Add b d > y",
    "Mish x > a; Relu a > b; Mish u > c; Add b c > d; Mish d > y",
    "Relu x > a; Mish a > b; Erf b > c; Mish c > d; Abs d > y",
    # Quantised units: one is taken whole, or cut out whole.
    "QuantizeLinear x s z > a; DequantizeLinear a s z > b; Sigmoid b > c; QuantizeLinear c s z > d;"
    "DequantizeLinear d s z > e; Tanh e > f; QuantizeLinear f s z > g; DequantizeLinear g s z > y",
    "QuantizeLinear x s z > a; DequantizeLinear a s z > b; Sigmoid b > c; QuantizeLinear c s z > d;"
    "DequantizeLinear d s z > e; Erf e > f; QuantizeLinear f s z > g; DequantizeLinear g s z > h;"
    "Tanh h > i; QuantizeLinear i s z > j; DequantizeLinear j s z > y",
    "QuantizeLinear x s z > a; DequantizeLinear a s z > b; Sigmoid b > c; QuantizeLinear c s z > d;"
    "DequantizeLinear d s z > e; Erf e > f; Tanh e > g; QuantizeLinear g s z > h;"
    "DequantizeLinear h s z > i; Add f i > y",
)
"""Nodes as rows: operator, what it reads, what it makes. Erf is refused, Mish is a function."""


def made(text: str) -> ModelProto:
    """The model that rows describe: what is not made is an input, what is not read an output."""
    nodes, read, written = [], set(), []
    for row in text.split(";"):
        head, _, results = row.partition(">")
        op, *operands = head.split()
        nodes.append(helper.make_node(op, operands, results.split()))
        read |= set(operands)
        written += results.split()
    inputs = [build.floats(name, *SHAPE) for name in sorted(read - {*written, *STORED})]
    outputs = [build.floats(name, *SHAPE) for name in written if name not in read]
    tensors = [numpy_helper.from_array(np.asarray(STORED[n]), n) for n in sorted(read & {*STORED})]
    return build.model(build.graph(nodes, inputs, outputs, tensors), opset=18)


def drawn(seed: int, others: str = "Erf Erf") -> str:
    """Rows of a random graph in which every fourth node is one of those that part others."""
    draw = random.Random(seed)
    known, rows, told = ["x", "u"], [], set()
    for number in range(draw.randint(6, 14)):
        op = draw.choice(["Relu", "Abs", "Neg", "Add", "Mul", "Sigmoid", *others.split()])
        operands = [draw.choice(known[-5:]) for _ in range(1 + (op in {"Add", "Mul"}))]
        # What others compute already ONNX Runtime has them compute.
        if (op, *operands) in told:
            continue
        told.add((op, *operands))
        known.append(f"v{number}")
        rows.append(f"{op} {' '.join(operands)} > {known[-1]}")
    return "; ".join(rows)


DRAWN = (
    *(drawn(seed) for seed in range(12)),
    *(drawn(seed, "Mish Mish") for seed in range(12, 16)),
    *(drawn(seed, "Mish Erf") for seed in range(16, 20)),
)


@pytest.mark.parametrize("text", [*CASES, *DRAWN])
def test_pieces_are_those_that_onnx_runtime_cuts(text: str, tmp_path: Path) -> None:
    path = build.write(tmp_path, made(text))
    answer = ask(path, "qnn-htp-v73", run=False)
    assert answer.outcome == "compiled", answer.fault
    found = npulint.check(path, [str(TABLE)]).models[0].targets[0]
    # A node that ONNX Runtime repeats is there as often; parts of functions have no names.
    real = sorted(sorted({index for _, index in piece.nodes}) for piece in answer.pieces)
    named = {node.index for node in answer.nodes if node.op != "Mish"}
    pieces = [part.nodes for part in found.partitions if part.handed_over]
    assert sorted([each for each in nodes if each in named] for nodes in pieces) == real


def _following(*nodes: NodeProto, opset: int, **stated: tuple[int, ...]) -> ModelProto:
    """Nodes from x to y, and the sizes that the file states of what lies between."""
    shape = (1, 8, 6, 6)
    told = [build.floats(name, *sizes) for name, sizes in stated.items()]
    ones = numpy_helper.from_array(np.ones(8, np.float32), "ones")
    ends = [build.floats("x", *shape)], [build.floats("y", *shape)]
    graph = helper.make_graph(nodes, "g", *ends, [ones], value_info=told)
    return build.model(graph, opset=opset)


_GROUPS = helper.make_node("GroupNormalization", ["x", "ones", "ones"], ["a"], num_groups=2)
_AFTER = helper.make_node("Sigmoid", ["a"], ["y"])


@pytest.mark.parametrize(
    ("model", "taken"),
    [
        (_following(_GROUPS, _AFTER, opset=21), False),
        (_following(_GROUPS, _AFTER, opset=21, a=(1, 8, 6, 6)), True),
        (_following(helper.make_node("MeanVarianceNormalization", ["x"], ["a"]), _AFTER, opset=18),
         False),
        (_following(helper.make_node("GreaterOrEqual", ["x", "x"], ["a"]),
                   helper.make_node("Where", ["a", "x", "x"], ["y"]), opset=15), False),
        (_following(helper.make_node("GreaterOrEqual", ["x", "x"], ["a"]),
                   helper.make_node("Where", ["a", "x", "x"], ["y"]), opset=16), True),
    ],
    ids=["groups", "groups of stated sizes", "norm", "comparison of opset 15",
         "comparison of opset 16"],
)  # fmt: skip
def test_sizes_that_only_the_file_could_state(
    model: ModelProto, taken: bool, tmp_path: Path
) -> None:
    path = build.write(tmp_path, model)
    answer = ask(path, "qnn-htp-v73", run=False)
    assert answer.whole == taken
    found = npulint.check(path, ["qnn-htp-v73"]).models[0].targets[0]
    said = [verdict.status for verdict in found.verdicts[0]]
    assert said == ["supported" if taken else "unsupported"] * 2
