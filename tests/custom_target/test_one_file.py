"""A made-up accelerator is one YAML file: every command takes it, and no Python knows of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import onnx
import pytest
from onnx import TensorProto, helper

from npulint import check, opsets
from npulint.opsets.loader import read_table
from npulint.opsets.schema import schema_text
from tests.cli.support import SMALLNET_TFLITE, UNET_ONNX, UNET_TFLITE, Runner

HERE = Path(__file__).parent
ACME = HERE / "acme.yaml"
COMPILER = HERE / "acme-onnx.yaml"
COMPILERS = [f"{COMPILER}#acme-{release}" for release in (1, 2)]
SMALLNET_ONNX = SMALLNET_TFLITE.with_suffix(".onnx")
REFUSED = "TRANSPOSE_CONV: Acme's check has no case for it"


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    """The table in a folder of the user's own, where nothing lies beside it."""
    return Path(shutil.copy(ACME, tmp_path / "my npu.yaml"))


def test_no_python_knows_the_accelerators() -> None:
    root = HERE.parent.parent
    for folder in ("linter", "opsets", "rules"):
        for path in (root / folder).rglob("*.py"):
            assert "acme" not in path.read_text(encoding="utf-8").lower()


@pytest.mark.parametrize("path", [ACME, COMPILER], ids=lambda path: path.stem)
def test_the_tables_are_of_the_schema_that_editors_use(path: Path) -> None:
    jsonschema.validate(read_table(path).document.data, json.loads(schema_text()))
    first = path.read_text(encoding="utf-8").splitlines()[0]
    pointed_at = path.parent / first.removeprefix("# yaml-language-server: $schema=")
    assert pointed_at.resolve().name == "table.schema.json"
    assert pointed_at.exists()
    (table,) = opsets.tables_of(path)
    assert len(table.targets()[0].entries) == 12


def test_check_as_text(npulint: Runner, acme: Path) -> None:
    run = npulint("check", UNET_TFLITE, "-t", acme)
    assert run.code == 1
    assert "acme-npu  49 of 53" in run.out
    assert "2 of 5" in run.out  # max_partitions
    assert f"{REFUSED}\n        [acme/delegate src/check.cc 200 @0123abc]" in run.out
    assert "left behind by the limit" in run.out
    assert "the first start compiles for some seconds" in run.out


def test_check_as_json(npulint: Runner, acme: Path) -> None:
    run = npulint("check", UNET_TFLITE, "-t", acme, "-t", "nnapi-1.1", "--format", "json")
    ours, theirs = run.json["models"][0]["targets"]
    assert (ours["target"], ours["via"], theirs["target"]) == ("acme-npu", None, "nnapi-1.1")
    refused = [each for each in ours["verdicts"] if each["verdict"] == "unsupported"]
    assert [each["index"] for each in refused] == [28, 34, 40, 46]
    assert {each["reasons"][0]["message"] for each in refused} == {REFUSED}
    pieces = [piece for piece in ours["partitions"] if piece["runs_on"] == "acme"]
    assert [len(p["nodes"]) for p in pieces if p["handed_over"]] == [28, 6]


def test_an_onnx_model_is_judged_by_its_conversion(npulint: Runner, acme: Path) -> None:
    run = npulint("check", UNET_ONNX, "-t", acme, "--format", "json")
    (ours,) = run.json["models"][0]["targets"]
    assert "onnx2tf" in ours["via"]
    refused = [each for each in ours["verdicts"] if each["verdict"] == "unsupported"]
    assert [each["reasons"][0]["message"] for each in refused] == [REFUSED] * 4


LIMITS = {
    "as it stands": (("max_partitions: 2", "max_partitions: 2"), [28, 6]),
    "no limit": (("  max_partitions: 2\n", ""), [28, 5, 5, 5, 6]),
    "one piece": (("max_partitions: 2", "max_partitions: 1"), [28]),
    "longer pieces": (("min_nodes: 2", "min_nodes: 6"), [28, 6]),
    "far longer pieces": (("min_nodes: 2", "min_nodes: 7"), [28]),
    "whole or not at all": (("tflite-delegate", "whole-model"), []),
}


@pytest.mark.parametrize("name", LIMITS)
def test_the_limits_act(name: str, npulint: Runner, acme: Path) -> None:
    (old, new), sizes = LIMITS[name]
    text = acme.read_text(encoding="utf-8")
    assert old in text
    acme.write_text(text.replace(old, new), encoding="utf-8")
    run = npulint("check", UNET_TFLITE, "-t", acme, "--format", "json")
    (ours,) = run.json["models"][0]["targets"]
    handed = [p for p in ours["partitions"] if p["handed_over"] and p["runs_on"] == "acme"]
    assert [len(piece["nodes"]) for piece in handed] == sizes


def test_without_partitioning_nobody_says_what_is_handed_over(npulint: Runner, acme: Path) -> None:
    text = acme.read_text(encoding="utf-8")
    cut = text[text.index("partitioning:") : text.index("cautions:")]
    acme.write_text(text.replace(cut, ""), encoding="utf-8")
    run = npulint("check", UNET_TFLITE, "-t", acme)
    assert "how acme-npu cuts a graph into pieces is not known" in run.out
    assert "49 of 53  0        ?" in run.out


def test_conditions_cautions_and_what_building_demands(npulint: Runner, acme: Path) -> None:
    asked = npulint("explain", f"{acme}:CONV_2D").out
    for said in (
        "the type of input must be float32 or int8",
        "stride_h must be in 1 to 2",
        "caution (slow), where the size on axis 1 of filter is 7: "
        "windows of 7 run at half the speed",
        "[acme/delegate src/check.cc 20 @0123abc]",
        "[Acme NPU 1, programmer's guide chapter 4 (2026-02-01)]",
    ):
        assert said in asked
    assert "beyond the check" in npulint("explain", f"{acme}:FULLY_CONNECTED").out
    run = npulint("explain", f"{acme}:CONV2D")
    assert run.code == 0
    assert "Acme's check has no case for it" in run.out


def test_explain_target(npulint: Runner, acme: Path) -> None:
    run = npulint("explain", acme)
    assert run.code == 0
    assert "12 operators" in run.out
    assert "at most 2, each of at least 2 nodes, run on acme" in run.out
    run = npulint("explain", COMPILERS[1])
    assert "the whole model or none, run on acme" in run.out


def test_matrix(npulint: Runner, acme: Path) -> None:
    models = [UNET_TFLITE, UNET_ONNX]
    asked = [part for target in (acme, *COMPILERS) for part in ("-t", target)]
    run = npulint("matrix", *models, *asked, "--format", "json")
    assert run.code == 0
    of_tflite, of_onnx = (each["targets"] for each in run.json)
    assert list(of_tflite) == ["acme-npu", "acme-1", "acme-2"]
    assert of_tflite["acme-npu"]["pieces"] == of_onnx["acme-npu"]["pieces"] == 2
    assert (of_onnx["acme-1"]["nodes"], of_onnx["acme-2"]["nodes"]) == (0.0, 1.0)


def test_diff(npulint: Runner, acme: Path) -> None:
    run = npulint("diff", UNET_TFLITE, SMALLNET_TFLITE, "-t", acme)
    assert "acme-npu" in run.out
    assert "refused TRANSPOSE_CONV" in run.out


def test_targets_diff(npulint: Runner, acme: Path) -> None:
    run = npulint("targets", "diff", acme, "nnapi-1.3")
    assert run.code == 0
    assert "only acme-npu: stride_h must be in 1 to 2" in run.out
    run = npulint("targets", "diff", *COMPILERS)
    assert "only acme-1: the compiler's release must be at least release 2" in run.out
    assert "11 operators with the same conditions on both" in run.out


def test_targets_diff_of_two_states_of_one_table(npulint: Runner, acme: Path) -> None:
    other = acme.with_name("new.yaml")
    other.write_text(acme.read_text(encoding="utf-8").replace("[1, 2]", "[1, 3]"), encoding="utf-8")
    run = npulint("targets", "diff", acme, other)
    assert f"only {acme}: stride_h must be in 1 to 2" in " ".join(run.out.split())
    assert f"only {other}: stride_h must be in 1 to 3" in " ".join(run.out.split())


def test_docs(npulint: Runner, acme: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    run = npulint("docs", "-o", folder, "-t", acme, "-t", COMPILERS[0])
    assert run.code == 0
    written = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.md"))
    assert written == ["targets/acme-compiler.md", "targets/acme-npu.md", "targets/index.md"]
    page = (folder / "targets" / "acme-npu.md").read_text(encoding="utf-8")
    assert "### RELU, RELU6, TANH" in page
    assert "(https://github.com/acme/delegate/blob/0123abc/src/check.cc#L10-L30)" in page
    both = (folder / "targets" / "acme-compiler.md").read_text(encoding="utf-8")
    assert "`acme-1`" in both
    assert "`acme-2`" in both


def test_an_onnx_table_is_asked_of_onnx_nodes(npulint: Runner) -> None:
    run = npulint("check", UNET_ONNX, "-t", COMPILERS[0], "-t", COMPILERS[1], "--format", "json")
    old, new = run.json["models"][0]["targets"]
    assert (old["via"], new["via"]) == (None, None)
    assert {each["verdict"] for each in old["verdicts"]} == {"unsupported"}
    assert len(old["verdicts"]) == 4
    message = old["verdicts"][0]["reasons"][0]["message"]
    assert message == "the compiler's release must be at least release 2; found release 1"
    assert new["verdicts"] == []
    assert new["otherwise"] == {"verdict": "supported", "validation": "accepted", "delegated": True}
    assert [len(piece["nodes"]) for piece in new["partitions"]] == [93]


def test_an_attribute_that_a_file_leaves_out_has_its_default(tmp_path: Path) -> None:
    weights = [
        helper.make_tensor(name, TensorProto.FLOAT, (4, channels, 1, 1), [0.0] * 4 * channels)
        for name, channels in (("full", 4), ("halved", 2))
    ]
    nodes = [
        helper.make_node("Conv", ["x", "full"], ["plain"]),
        helper.make_node("Conv", ["x", "halved"], ["grouped"], group=2),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 4, 8, 8))
    results = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 4, 8, 8))
        for name in ("plain", "grouped")
    ]
    graph = helper.make_graph(nodes, "g", [x], results, weights)
    onnx.save(helper.make_model(graph), tmp_path / "m.onnx")
    (result,) = check(tmp_path / "m.onnx", [COMPILERS[1]]).models
    plain, grouped = result.targets[0].verdicts[0]
    assert plain.status == "supported"
    assert [reason.message for reason in grouped.reasons] == ["group must be 1; found 2"]


def test_an_onnx_table_knows_nothing_of_a_tflite_model(npulint: Runner) -> None:
    run = npulint("check", SMALLNET_TFLITE, "-t", COMPILERS[1], "--format", "json")
    (ours,) = run.json["models"][0]["targets"]
    assert ours["via"] is None
    assert ours["partitions"] == []
    assert {each["verdict"] for each in ours["verdicts"]} == {"unknown"}
    assert {each["delegated"] for each in ours["verdicts"]} == {None}
    message = (
        "the table speaks of onnx operators, this one is of tflite, and no conversion is known"
    )
    assert {each["reasons"][0]["message"] for each in ours["verdicts"]} == {message}
    assert "CPU" not in npulint("check", SMALLNET_TFLITE, "-t", COMPILERS[1]).out


FAULTS: dict[str, tuple[list[str], str]] = {
    "no such file": (["-t", "none.yaml"], "none.yaml: cannot be read: No such file"),
    "several targets": (["-t", str(COMPILER)], "holds 2 targets, pick one of"),
    "no such target": (["-t", f"{COMPILER}#acme-3"], "did you mean acme-2 or acme-1"),
    "two of one name": (["-t", str(ACME), "-t", f"{ACME}#acme-npu"], "are both called 'acme-npu'"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_cannot_be_asked_is_one_line(name: str, npulint: Runner) -> None:
    arguments, message = FAULTS[name]
    for command in ("check", "matrix"):
        run = npulint(command, SMALLNET_TFLITE, *arguments)
        assert (run.code, run.out) == (2, "")
        assert message in run.err
        assert run.err.count("\n") == 1


def test_a_mistake_in_the_file_is_one_line_for_every_command(npulint: Runner, acme: Path) -> None:
    text = acme.read_text(encoding="utf-8").replace("rank: values", "rnak: values")
    acme.write_text(text, encoding="utf-8")
    line = next(n for n, each in enumerate(text.splitlines(), 1) if "rnak" in each)
    for arguments in (
        ("check", SMALLNET_TFLITE, "-t", acme),
        ("explain", acme),
        ("explain", f"{acme}:CONV_2D"),
        ("targets", "diff", acme, "nnapi-1.2"),
        ("docs", "-o", acme.with_name("pages"), "-t", acme),
    ):
        run = npulint(*arguments)
        assert (run.code, run.out) == (2, "")
        assert run.err.startswith(f"npulint: {acme}:{line}: unknown condition 'rnak': did you mean")
    assert not acme.with_name("pages").exists()
