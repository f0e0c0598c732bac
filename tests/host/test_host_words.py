"""What compilers print, what they leave, and when an answer is a yes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npulint.formats import load
from npulint.host.chips import CHIPS
from npulint.host.context import read_back
from npulint.host.marks import marks, unmarked, write_marked
from npulint.host.qnn_plugin_words import failure, refusals
from npulint.host.qnn_provider_log import read_log
from npulint.host.records import Answer, Context, NodeAnswer, Piece, Status, Stray
from tests.host import models

V73 = CHIPS["qnn-htp-v73"]

LOG = """\
[V] SetupBackend] Backend build version: v2.51.0.260929181845
[V] LogNodeSupport] Validation PASSED for 2 nodes in OrtNodeUnit (Erf) :
\tOperator type: Div Node name: npulint-0-1 Node index: 1
\tOperator type: Erf Node name: npulint-0-2 Node index: 2
[W] CreateQnnNode] QNN.backendValidateOpConfig() failed for node `npulint-0-3` of type `Relu` \
with error code 3110
[V] LogNodeSupport] Validation FAILED for 1 nodes in OrtNodeUnit (Relu) :
\tOperator type: Relu Node name: npulint-0-3 Node index: 3
\tREASON : Failed to add node.
[V] LogNodeSupport] Validation PASSED for 1 nodes in OrtNodeUnit (Conv) :
\tOperator type: Conv Node name: npulint-0-4 Node index: 4
[V] GetCapabilityImpl] GetCapability pass 2
[V] LogNodeSupport] Validation FAILED for 1 nodes in OrtNodeUnit (Conv) :
\tOperator type: Conv Node name: npulint-0-4_token_7 Node index: 4
\tREASON : The layout does not suit.
[V] ComposeGraph] ComposeGraph Graph name: QNN_1
[V] AddToModelBuilder] QNN node builder is trying to add node. Onnx node name: [npulint-0-1] x
[V] FinalizeGraphs] FinalizeGraphs completed.
[V] ComposeGraph] ComposeGraph Graph name: QNN_2
[V] AddToModelBuilder] QNN node builder is trying to add node. Onnx node name: [npulint-1-0] x
[V] FinalizeGraphs] FinalizeGraphs started.
"""


def test_log_of_the_provider() -> None:
    log = read_log(LOG.splitlines())
    assert log.build == "2.51.0.260929181845"
    assert log.passed == {(0, 1), (0, 2)}
    # What was checked twice counts as it was checked last.
    assert log.refused == {(0, 3): "Failed to add node.", (0, 4): "The layout does not suit."}
    assert log.codes == {(0, 3): "3110"}
    assert (log.pieces, log.compiled) == ([[(0, 1)], [(1, 0)]], 1)


@pytest.mark.parametrize("lines", range(len(LOG.splitlines())))
def test_a_log_that_breaks_off(lines: int) -> None:
    log, all_of_it = read_log(LOG.splitlines()[:lines]), read_log(LOG.splitlines())
    assert len(log.pieces) <= len(all_of_it.pieces)
    assert log.compiled <= all_of_it.compiled
    assert not log.passed & log.refused.keys()


OUT = """\
<I> QnnBackend_validateOpConfig started, backend = 0x1
     0.0ms [ ERROR ]   <E> [4294967295] has incorrect Rank 6.
     0.0ms [ ERROR ]   <E> [4294967295] has incorrect Rank 6.
     0.0ms [ ERROR ]   <E> QnnBackend_validateOpConfig failed 3110
     0.0ms [ ERROR ]   <E> Failed to validate op Transpose_0 with error 0xc26
<I> QnnBackend_validateOpConfig started, backend = 0x1
     0.0ms [ ERROR ]   <E> a warning about nothing
<I> QnnBackend_validateOpConfig started, backend = 0x1
     0.0ms [ ERROR ]   <E> Failed to validate op Reshape_1 with error 0xc26
""".splitlines()

ERR = """\
QNN op validation failed: 'Transpose_0' (type=Transpose)
  Inputs:
    [0] name="npulint-0-7" dtype=QNN_DATATYPE_FLOAT_32
  Outputs:
    [0] name="0_litert_0" dtype=QNN_DATATYPE_FLOAT_32
QNN op validation failed: 'Reshape_1' (type=Reshape)
ERROR: [qnn_compiler_plugin.cc:538]
LiteRT Op #0 'Transpose' (code=39) is not supported in Qualcomm Compiler.
  Inputs:
    [0] name="npulint-0-0"  tensor_idx=0
  Outputs:
    [0] name="npulint-0-1"  tensor_idx=1
LiteRT Op #3 'Atan2' (code=156) is not supported in Qualcomm Compiler.
  Inputs:
    [0] name="npulint-0-1"  tensor_idx=1
  Outputs:
    [0] name="npulint-0-5"  tensor_idx=5
""".splitlines()


def test_words_of_the_plugin() -> None:
    assert refusals(OUT, ERR) == {
        (0, 1): (
            "LiteRT Op #0 'Transpose' (code=39) is not supported in Qualcomm Compiler.",
            "QNN op (type=Transpose): [4294967295] has incorrect Rank 6.; error 0xc26",
            "QNN op (type=Reshape): error 0xc26",
        ),
        (0, 5): ("LiteRT Op #3 'Atan2' (code=156) is not supported in Qualcomm Compiler.",),
    }


def test_words_of_a_failure() -> None:
    out = [
        "  [ ERROR ]  graph_prepare.cc:211::ERROR:could not create op: q::QNN_Elu",
        '  [ ERROR ]   <E> "npulint-0-4/Elu_1_LiteRt_OpId_0" generated: could not create op',
        "  [ ERROR ]   <E> graphMainFinalizePostPrepare: prepare failed (err=1002), skipping",
    ]
    err = ["ERROR: [apply_plugin.cc:455] ERROR: [compiler_plugin.cc:504]", "INFO: [a] fine"]
    words, values = failure(out, err)
    assert words == (
        'could not create op: q::QNN_Elu; "npulint-0-4/Elu_1_LiteRt_OpId_0" generated: could not '
        "create op; QNN error 1002"
    )
    assert values == [(0, 4)]


@given(st.lists(st.sampled_from([*LOG.splitlines(), *OUT, *ERR]) | st.text(max_size=80)))
def test_no_words_are_a_fault_of_the_readers(lines: list[str]) -> None:
    log = read_log(lines)
    assert not log.passed & log.refused.keys()
    assert log.compiled <= len(log.pieces)
    assert all(refusals(lines, lines).values())
    failure(lines, lines)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(["", "_token_3", "/Elu_1"]))
def test_marks_are_read_whatever_is_added(graph: int, index: int, added: str) -> None:
    assert list(marks(f"_inlfunc_F_npulint-{graph}-{index}{added}")) == [(graph, index)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("node `npulint-0-0_token_12` of", "node `0:0` of"),
        ("node `_inlfunc_F_token_0_npulint-0-1`", "node `named`"),
        ("nothing", "nothing"),
    ],
)
def test_marks_are_taken_back(text: str, told: str, tmp_path: Path) -> None:
    path = models.write_onnx(tmp_path, "erf")
    model = load(path)
    nodes = [replace(each, name="named" * (each.index == 1)) for each in model.graphs[0].nodes]
    named = replace(model, graphs=(replace(model.graphs[0], nodes=tuple(nodes)),))
    assert unmarked(text, named) == told


@pytest.mark.parametrize("name", models.ONNX)
def test_marked_copies_are_the_same_but_for_names(name: str, tmp_path: Path) -> None:
    path = models.write_onnx(tmp_path, name)
    before = load(path)
    write_marked(before, tmp_path / "marked.onnx")
    after = load(tmp_path / "marked.onnx")
    for old, new in zip(before.graphs, after.graphs, strict=True):
        assert [replace(node, name="") for node in new.nodes] == [
            replace(node, name="") for node in old.nodes
        ]
        assert [list(marks(n.name)) for n in new.nodes] == [[(n.graph, n.index)] for n in old.nodes]
        assert [value.name for value in new.values] == [value.name for value in old.values]


@pytest.mark.parametrize(
    ("content", "targets"),
    [
        (b"", ()),
        (b"no word of any chip", ()),
        (b"\0soc_type=SM8550;arch=73;\0soc_type=SM8550;arch=73;", (("SM8550", 73),)),
        (b"soc_type=SM8350;arch=68;", (("SM8350", 68),)),
        (b"soc_type=SM8550;arch=68;", (("SM8550", 68),)),
        (b"soc_type=SM8550;arch=73;soc_type=SM8350;arch=68;", (("SM8550", 73), ("SM8350", 68))),
    ],
)
def test_contexts(content: bytes, targets: tuple[tuple[str, int], ...], tmp_path: Path) -> None:
    path = tmp_path / "context.bin"
    path.write_bytes(content)
    proven = targets == (("SM8550", 73),)
    assert read_back([path], V73) == Context(len(content), targets, proven)


def answer(*statuses: Status) -> Answer:
    nodes = tuple(NodeAnswer(0, i, "Relu", "", status) for i, status in enumerate(statuses))
    return Answer(
        path=Path("m.onnx"),
        chip=V73,
        front_end="onnxruntime-qnn",
        nodes=nodes,
        pieces=(Piece(((0, 0),), compiled=True),),
        outcome="compiled",
        context=Context(1, (("SM8550", 73),), proven=True),
        unmeasured="not asked for",
    )


YES = answer("taken", "merged", "boundary")


@pytest.mark.parametrize(
    "no",
    [
        *(answer("taken", status) for status in ("refused", "failed", "validated", "unknown")),
        replace(YES, outcome="nothing"),
        replace(YES, outcome="failed"),
        replace(YES, outcome="unknown"),
        replace(YES, fault="it died"),
        replace(YES, strays=(Stray("Transpose", "no"),)),
        replace(YES, context=None),
        replace(YES, context=Context(1, (("SM8350", 68),), proven=False)),
    ],
)
def test_when_an_answer_is_a_yes(no: Answer) -> None:
    assert YES.whole
    assert not no.whole
