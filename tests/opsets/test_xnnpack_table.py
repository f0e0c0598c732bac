"""The XNNPACK delegate where no drawn model shows it: weights that it unpacks, composites."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from npulint.model import Constant, Graph, Node, Operation, Quantisation, Value
from npulint.opsets import load_target
from npulint.verdict import Verdict, judge, judge_graph

XNNPACK = load_target("xnnpack").side("tflite")
CONV = {
    "stride_w": 1, "stride_h": 1, "dilation_w_factor": 1, "dilation_h_factor": 1,
    "padding": "SAME", "fused_activation_function": "NONE",
}  # fmt: skip


def stored(index: int, shape: tuple[int, ...], dtype: str, *, sparse: bool = False) -> Value:
    held = Constant(dtype, shape, None, None, 0, sparse=sparse)
    return Value(index, "", dtype, shape, held)


def value(index: int, shape: tuple[int, ...], dtype: str = "float32") -> Value:
    return Value(index, "", dtype, shape)


Call = tuple[str, tuple[int, ...], tuple[int, ...]]


def graph(values: list[Value], *nodes: Call) -> Graph:
    made = tuple(
        Node(
            graph=0,
            index=place,
            op=op,
            version=1,
            inputs=inputs,
            outputs=outputs,
            attributes=CONV if op == "CONV_2D" else {},
        )
        for place, (op, inputs, outputs) in enumerate(nodes)
    )
    return Graph(index=0, name="g", dialect="tflite", values=tuple(values), nodes=made,
                 inputs=(0,), outputs=nodes[-1][2])  # fmt: skip


IMAGE, KERNEL = (1, 4, 4, 2), (3, 1, 1, 2)


def convolved(weights: Value, bias: Value, *more: Call) -> Graph:
    values = [
        value(0, IMAGE), weights, value(2, KERNEL), bias, value(4, (3,)), value(5, (1, 4, 4, 3)),
        value(6, KERNEL),
    ]  # fmt: skip
    return graph(values, *more)


UNPACK_BOTH = (("DEQUANTIZE", (1,), (2,)), ("DEQUANTIZE", (3,), (4,)))


def statuses(found: Graph) -> list[str]:
    return [verdict.status for verdict in judge_graph(found, XNNPACK)]


def test_float16_weights_are_unpacked_and_their_nodes_go_along() -> None:
    made = convolved(
        stored(1, KERNEL, "float16"), stored(3, (3,), "float16"),
        *UNPACK_BOTH, ("CONV_2D", (0, 2, 4), (5,)),
    )  # fmt: skip
    assert statuses(made) == ["supported"] * 3


def test_a_refused_reader_keeps_the_unpacking_node() -> None:
    made = convolved(
        stored(1, KERNEL, "float16"), stored(3, (3,), "float32"),
        ("DEQUANTIZE", (1,), (2,)), ("CONV_2D", (0, 2, 3), (5,)), ("SIGN", (2,), (6,)),
    )  # fmt: skip
    assert statuses(made) == ["unsupported", "supported", "unsupported"]
    kept = judge_graph(made, XNNPACK)[0].reasons[0]
    assert kept.constraint == "DEQUANTIZE/unpacked"
    assert "every node that reads them" in kept.message


def test_weights_that_others_read_are_float32_beside_a_float16_bias() -> None:
    made = convolved(
        stored(1, KERNEL, "float16"), stored(3, (3,), "float16"),
        *UNPACK_BOTH, ("CONV_2D", (0, 2, 4), (5,)), ("ABS", (2,), (6,)),
    )  # fmt: skip
    assert statuses(made) == ["unsupported", "unsupported", "unsupported", "supported"]


def test_a_float16_bias_does_not_go_with_a_float32_filter() -> None:
    made = convolved(
        stored(1, KERNEL, "float32"), stored(3, (3,), "float16"),
        ("DEQUANTIZE", (3,), (4,)), ("CONV_2D", (0, 1, 4), (5,)),
    )  # fmt: skip
    verdicts = judge_graph(made, XNNPACK)
    assert [each.status for each in verdicts] == ["unsupported", "unsupported"]
    assert verdicts[1].reasons[0].constraint == "CONV_2D/filter-and-bias"


def test_sparse_weights_are_unpacked() -> None:
    made = convolved(
        stored(1, KERNEL, "float32", sparse=True), stored(3, (3,), "float32"),
        ("DENSIFY", (1,), (2,)), ("CONV_2D", (0, 2, 3), (5,)),
    )  # fmt: skip
    assert statuses(made) == ["supported", "supported"]
    dense = convolved(
        value(1, KERNEL), stored(3, (3,), "float32"),
        ("DENSIFY", (1,), (2,)), ("CONV_2D", (0, 2, 3), (5,)),
    )  # fmt: skip
    assert statuses(dense) == ["unsupported", "unsupported"]


def test_stored_8_bit_weights_are_unpacked_too() -> None:
    weights = replace(stored(1, KERNEL, "int8"), quantisation=Quantisation((0.5,), (0,)))
    made = convolved(
        weights, stored(3, (3,), "float32"),
        ("DEQUANTIZE", (1,), (2,)), ("CONV_2D", (0, 2, 3), (5,)),
    )  # fmt: skip
    assert statuses(made) == ["supported", "supported"]


def attention(**changes: Any) -> Verdict:
    parts = {"query": value(0, (1, 4, 8, 16)), "key": value(1, (1, 6, 2, 16)),
             "values": value(2, (1, 6, 2, 16)), "mask": value(3, (1, 1, 4, 6))}  # fmt: skip
    name = changes.pop("name", "odml.scaled_dot_product_attention")
    inputs = tuple({**parts, **changes}.values())
    operation = Operation(
        "tflite", "STABLEHLO_COMPOSITE", 1, inputs, (value(4, (1, 4, 8, 16)),), {"name": name}
    )
    return judge(operation, XNNPACK)


def test_attention_hangs_on_options_that_are_not_read() -> None:
    verdict = attention()
    assert (verdict.status, verdict.validation) == ("unknown", "accepted")


@pytest.mark.parametrize(
    ("changes", "validation"),
    [
        ({"name": "odml.rms_norm"}, "refused"),
        ({"key": value(1, (1, 6, 2, 16), "float16")}, "refused"),
        ({"mask": value(3, (1, 1, 4, 5))}, "refused"),
        ({"key": value(1, (1, 6, 3, 16))}, "accepted"),
    ],
)
def test_attention_of_other_forms(changes: dict[str, Any], validation: str) -> None:
    verdict = attention(**changes)
    assert (verdict.status, verdict.validation) == ("unsupported", validation)
