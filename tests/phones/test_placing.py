"""Who ran which node: what proves it, and what does not."""

from __future__ import annotations

import pytest

from npulint.device.importing import read_text
from npulint.device.placing import place, place_onnx
from npulint.device.records import Session

OPS = ["CONV_2D", "ADD", "TRANSPOSE_CONV"]
KERNEL = "TfLiteNnapiDelegate"
NAMED = "NNAPI accelerator name: [npu]\nDisable NNAPI cpu: [1]"


def row(op: str, node: int | str) -> str:
    return f"{op}  0.1  0.2  50.0%  50.0%  0.0  1  [x]:{node}"


def replaced(taken: int, kernel: str = KERNEL, total: int = 3) -> str:
    handed = f"Replacing {taken} out of {total} node(s) with delegate ({kernel}) node"
    return f"{handed}, yielding 1 partitions"


def chose(op: str, device: str, times: int = 1) -> list[str]:
    number = 1 if device == "nnapi-reference" else 0
    line = f"ModelBuilder::findBestDeviceForEachOperation({op}) = {number} ({device})"
    return [line] * times


PROFILE = "[node type] [first] [avg ms]"
ALL = ["accelerator"] * 3
CHOSEN = ["CONV_2D", "ADD", "TRANSPOSE_CONV_2D"]
LAST_LEFT = [NAMED, replaced(2), PROFILE, row(KERNEL, 3), row("TRANSPOSE_CONV", 2)]

CASES: dict[str, tuple[list[str], list[str]]] = {
    "a row of its own is the CPU's": (LAST_LEFT, ["accelerator", "accelerator", "cpu"]),
    "nothing is told": ([], ["unknown"] * 3),
    "a delegate took all, and NNAPI was not watched": ([replaced(3)], ["unknown"] * 3),
    "a delegate took all, with the CPU disabled": ([NAMED, replaced(3)], ALL),
    "the GPU took all": ([replaced(3, "TfLiteGpuDelegateV2")], ALL),
    "a run that failed proves nothing": (
        [
            replaced(3, "TfLiteGpuDelegateV2"),
            "Node number 3 (TfLiteGpuDelegateV2) failed to prepare.",
        ],
        ["unknown"] * 3,
    ),
    "a run that breaks off proves nothing": (
        ["Graph: [m]", replaced(3, "TfLiteGpuDelegateV2")],
        ["unknown"] * 3,
    ),
    "a delegate that executes nothing": (
        [replaced(3, "TfLiteGpuDelegateV2"),
         "Though GPU delegate is explicitly applied, the model graph will not be executed by it"],
        ["unknown"] * 3,
    ),
    "XNNPACK took all": ([replaced(3, "TfLiteXNNPackDelegate")], ["cpu"] * 3),
    "some were taken, and no profile tells which": ([NAMED, replaced(2)], ["unknown"] * 3),
    "counts do not agree": (
        [NAMED, replaced(1), PROFILE, row(KERNEL, 3), row("TRANSPOSE_CONV", 2)],
        ["unknown", "unknown", "cpu"],
    ),
    "two kinds of delegates": (
        [replaced(1, "TfLiteGpuDelegateV2"), replaced(1, "TfLiteXNNPackDelegate"), PROFILE,
         row("TfLiteGpuDelegateV2", 3), row("TfLiteXNNPackDelegate", 4), row("TRANSPOSE_CONV", 2)],
        ["unknown", "unknown", "cpu"],
    ),
    "a row of another operator proves nothing": (
        [NAMED, replaced(2), PROFILE, row(KERNEL, 3), row("MUL", 2)],
        ["unknown"] * 3,
    ),
    "NNAPI chose the accelerator": (
        [replaced(3), *(line for op in CHOSEN for line in chose(op, "npu"))],
        ALL,
    ),
    "NNAPI chose its own CPU": (
        [replaced(3), *chose("CONV_2D", "npu"), *chose("ADD", "nnapi-reference"),
         *chose("TRANSPOSE_CONV_2D", "npu")],
        ["accelerator", "cpu", "accelerator"],
    ),
    "NNAPI chose both": (
        [replaced(3), *chose("CONV_2D", "npu"), *chose("CONV_2D", "nnapi-reference")],
        ["unknown"] * 3,
    ),
    "Android 9 gives devices no names": (
        [replaced(3), "ModelBuilder::findBestDeviceForEachOperation(CONV_2D) = 0"],
        ["unknown"] * 3,
    ),
    "one device for the whole model": (
        [replaced(3), "only one best device: 0 = npu", "SIMPLE for npu"],
        ALL,
    ),
    "steps on its own CPU": (
        [replaced(3), "Step#0: execute on npu", "Step#1: execute on nnapi-reference"],
        ["unknown"] * 3,
    ),
    "a fallback when all was compiled": (
        [replaced(3), *chose("CONV_2D", "npu"), "Performing full fallback on the CPU."],
        ["unknown"] * 3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_proves_who_ran_a_node(name: str) -> None:
    lines, expected = CASES[name]
    sessions = read_text("\n".join(lines), "log").sessions
    found = place(OPS, sessions[0] if sessions else Session())
    assert [node.on for node in found] == expected
    assert [(node.index, node.op) for node in found] == list(enumerate(OPS))


def test_a_log_with_lost_lines_proves_nothing_of_nnapi() -> None:
    lines = [replaced(3), *(line for op in ("CONV_2D", "ADD") for line in chose(op, "npu"))]
    (session,) = read_text("\n".join(lines), "log").sessions
    assert [node.on for node in place(OPS, session)] == ["accelerator", "accelerator", "unknown"]
    assert {node.on for node in place(OPS, session, complete=False)} == {"unknown"}


ONNX = """\
[V:onnxruntime:, a.cc:1 F] Validation PASSED for 1 nodes in OrtNodeUnit (Conv) :
\tOperator type: Conv Node name: a Node index: 0
[V:onnxruntime:, a.cc:1 F] Validation PASSED for 1 nodes in OrtNodeUnit (Relu) :
\tOperator type: Relu Node name: b Node index: 1
[V:onnxruntime:, a.cc:1 F] Validation FAILED for 1 nodes in OrtNodeUnit (Erf) :
\tOperator type: Erf Node name: c Node index: 2
[V:onnxruntime:, b.cc:1 F]  Node(s) placed on [QNNExecutionProvider]. Number of nodes: 1
[V:onnxruntime:, b.cc:1 F]   QNN (QNN_1)
[V:onnxruntime:, b.cc:1 F]  Node(s) placed on [CPUExecutionProvider]. Number of nodes: 2
[V:onnxruntime:, b.cc:1 F]   Relu (b)
[V:onnxruntime:, b.cc:1 F]   Erf (c)
"""
NODES = [("Conv", "a"), ("Relu", "b"), ("Erf", "c"), ("Add", "d"), ("Mul", ""), ("Sub", "a")]


def test_placement_by_onnx_runtime() -> None:
    (session,) = read_text(ONNX, "log").sessions
    places = [node.on for node in place_onnx(NODES[:5], session)]
    assert places == ["accelerator", "cpu", "cpu", "unknown", "unknown"]
    # A name that two nodes have tells neither.
    assert place_onnx(NODES, session)[0].on == "unknown"


def test_a_list_of_the_cpus_nodes_that_is_not_whole_proves_no_accelerator() -> None:
    (session,) = read_text("\n".join(ONNX.splitlines()[:-1]), "log").sessions
    places = [node.on for node in place_onnx(NODES[:3], session)]
    assert places == ["unknown", "cpu", "cpu"]


def test_what_stays_behind_under_a_new_name_puts_its_operator_in_doubt() -> None:
    (session,) = read_text(ONNX, "log").sessions
    assert place_onnx(NODES[:3], session)[0].on == "accelerator"
    again = """\
[V:onnxruntime:, a.cc:1 F] Validation FAILED for 1 nodes in OrtNodeUnit (Conv) :
\tOperator type: Conv Node name: a_token_1 Node index: 7
"""
    (session,) = read_text(again + ONNX, "log").sessions
    assert place_onnx(NODES[:3], session)[0].on == "unknown"


def test_a_name_that_another_graph_has_too_tells_nothing() -> None:
    (session,) = read_text(ONNX, "log").sessions
    assert [node.on for node in place_onnx(NODES[:3], session, ["b"])] == [
        "accelerator",
        "unknown",
        "cpu",
    ]
