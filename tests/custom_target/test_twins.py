"""One name, two tables: the dialect of a model decides which of them is asked about it."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from npulint import check, load, opsets
from npulint.opsets import registry
from npulint.partition import delegate
from npulint.reports.json import document
from npulint.terminal import EXIT_OUR_FAULT
from npulint.verdict import judge_graph
from tests.cli.support import SMALLNET_TFLITE, UNET_ONNX, UNET_TFLITE, Runner
from tests.custom_target.packages import ACME, Install

COMPILER = ACME.with_name("acme-onnx.yaml")
MODELS = (UNET_TFLITE, UNET_ONNX, SMALLNET_TFLITE.with_suffix(".onnx"))
LONG_AGO = time.time() - 3600

ONNX_TEXT = (
    COMPILER.read_text(encoding="utf-8")
    .replace("family: acme-compiler", "family: acme-npu")
    .replace("name: acme-1, title: Acme compiler 1", "name: acme-npu, title: Acme compiler 1")
)
"""The table of the ONNX compiler, whose first release goes by the name of the TFLite delegate."""


@pytest.fixture
def twin(tmp_path: Path) -> str:
    """The ONNX side in a file of the user's own."""
    path = tmp_path / "my compiler.yaml"
    path.write_text(ONNX_TEXT, encoding="utf-8")
    return f"{path}#acme-npu"


@pytest.fixture
def installed(install: Install) -> Path:
    """A package with both sides; the folder of its tables."""
    tables = install("acme-twins")
    (tables / "acme-onnx.yaml").write_text(ONNX_TEXT, encoding="utf-8")
    return tables


def answers(path: Path, *targets: str) -> object:
    """What a report says of one model, but for how the targets are called."""
    (model,) = document(check(path, targets))["models"]
    text = json.dumps(model["targets"])
    return json.loads(text.replace("acme-1", "acme-npu")), len(model["findings"])


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.name)
def test_each_model_is_judged_by_the_table_of_its_dialect(model: Path, twin: str) -> None:
    alone = str(ACME) if model.suffix == ".tflite" else f"{COMPILER}#acme-1"
    for targets in ((str(ACME), twin), (twin, str(ACME))):
        assert answers(model, *targets) == answers(model, alone)


def test_several_processes_say_what_one_says(twin: str) -> None:
    asked = [str(ACME), twin, "nnapi-1.2"]
    assert document(check(MODELS, asked, jobs=2)) == document(check(MODELS, asked))


def test_without_a_table_of_its_own_an_onnx_model_is_judged_by_its_conversion(
    npulint: Runner, installed: Path
) -> None:
    asked = ("check", UNET_ONNX, "-t", "acme-npu", "--format", "json")
    assert npulint(*asked).json["models"][0]["targets"][0]["via"] is None
    (installed / "acme-onnx.yaml").unlink()
    assert "onnx2tf" in npulint(*asked).json["models"][0]["targets"][0]["via"]


def test_graphs_are_judged_and_cut_by_their_own_side(installed: Path) -> None:
    target = opsets.load_target("acme-npu")
    assert [side.dialect for side in target.sides] == ["tflite", "onnx"]
    for path, alone in ((UNET_TFLITE, ACME), (UNET_ONNX, f"{COMPILER}#acme-1")):
        graph = load(path).graphs[0]
        side = opsets.load_target(alone)
        verdicts = judge_graph(graph, target)
        assert [v.status for v in verdicts] == [v.status for v in judge_graph(graph, side)]
        assert delegate(graph, verdicts, target) == delegate(graph, verdicts, side)


def test_both_sides_are_listed_and_explained(npulint: Runner, installed: Path) -> None:
    listed = [e for e in npulint("targets", "--format", "json").json if e["name"] == "acme-npu"]
    assert [(e["dialect"], e["title"]) for e in listed] == [
        ("onnx", "Acme compiler 1"),
        ("tflite", "Acme NPU 1 through its TFLite delegate"),
    ]
    assert [Path(e["table"]).name for e in listed] == ["acme-onnx.yaml", "acme.yaml"]
    assert sum(name == "acme-npu" for name in opsets.targets()) == 1
    page = npulint("explain", "acme-npu").out
    assert page.index("speaks tflite") < page.index("speaks onnx")
    assert "the whole model or none" in page


OPERATORS = {
    "CONV_2D": (["the type of input must be float32 or int8"], ["group must be"]),
    "Conv": (["group must be 1"], ["the type of input"]),
    "CUMSUM": (["Acme's check has no case for it"], ["itself has no"]),
    "CONV2D": (["did you mean CONV_2D"], []),
}


@pytest.mark.parametrize("op", OPERATORS)
def test_an_operator_is_explained_by_the_side_that_has_it(
    op: str, npulint: Runner, installed: Path
) -> None:
    said, unsaid = OPERATORS[op]
    (installed / "acme-onnx.yaml").write_text(
        ONNX_TEXT.replace(
            "operators:",
            "otherwise: {verdict: unknown, say: not tried, source: guide page 9}\noperators:",
        ),
        encoding="utf-8",
    )
    run = npulint("explain", f"acme-npu:{op}")
    assert run.code == 0
    shown = " ".join(run.out.split())
    assert all(each in shown for each in said), shown
    assert not any(each in shown for each in unsaid), shown
    assert (run.out.count(" on acme-npu\n") == 2) is (op == "CONV2D")


def test_completion_knows_the_operators_of_both(installed: Path) -> None:
    import click

    from npulint import completing

    command = click.Command("explain")
    found = completing.subjects(click.Context(command), click.Option(["-x"]), "acme-npu:conv")
    assert [item.value for item in found] == [
        "acme-npu:CONV_2D", "acme-npu:Conv", "acme-npu:ConvTranspose",
    ]  # fmt: skip
    names = completing.targets(click.Context(command), click.Option(["-t"]), "acme")
    assert [item.value for item in names if item.type == "plain"] == ["acme-npu", "acme-2"]


def test_targets_diff_holds_table_against_table(npulint: Runner, installed: Path) -> None:
    run = npulint("targets", "diff", "acme-npu", f"{COMPILER}#acme-2")
    assert "for models of ONNX: Acme compiler 1 against Acme compiler 2" in run.out
    assert "only acme-npu: the compiler's release must be at least release 2" in run.out
    assert "only acme-npu has a table for models of TensorFlow Lite" in run.out
    assert "CONV_2D" not in run.out
    run = npulint("targets", "diff", "nnapi-1.3", "acme-npu")
    assert "only acme-npu: stride_h must be in 1 to 2" in run.out
    assert "only acme-npu has a table for models of ONNX" in run.out
    assert "only acme-npu:" not in npulint("targets", "diff", "acme-npu", "acme-npu").out


def test_each_side_has_its_page(npulint: Runner, installed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    run = npulint("docs", "-o", folder, "-t", "acme-npu")
    assert run.code == 0
    written = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.md"))
    assert written == [
        "targets/acme-npu-onnx.md", "targets/acme-npu-tflite.md", "targets/index.md",
    ]  # fmt: skip
    page = (folder / written[1]).read_text(encoding="utf-8")
    assert "### CONV_2D" in page
    assert "Of models of ONNX [another table](acme-npu-onnx.md) is asked." in page
    page = (folder / written[0]).read_text(encoding="utf-8")
    assert "Of models of TensorFlow Lite [another table](acme-npu-tflite.md) is asked." in page


def test_matrix_and_diff_ask_the_right_side(npulint: Runner, installed: Path) -> None:
    rows = npulint("matrix", UNET_TFLITE, UNET_ONNX, "-t", "acme-npu", "--format", "json").json
    assert [row["targets"]["acme-npu"]["pieces"] for row in rows] == [2, 0]
    run = npulint("diff", UNET_ONNX, SMALLNET_TFLITE.with_suffix(".onnx"), "-t", "acme-npu")
    assert "refused ConvTranspose" in run.out


@pytest.mark.parametrize("model", [UNET_TFLITE, UNET_ONNX], ids=lambda path: path.suffix)
def test_fix_cures_for_the_side_of_the_model(
    model: Path, npulint: Runner, installed: Path, tmp_path: Path
) -> None:
    refused = "TRANSPOSE_CONV" if model.suffix == ".tflite" else "ConvTranspose"
    assert refused in npulint("inspect", model).out
    fixed = tmp_path / f"fixed{model.suffix}"
    npulint("fix", model, "-t", "acme-npu", "-o", fixed)
    assert refused not in npulint("inspect", fixed).out


def test_demands_on_coverage_are_on_either_side(npulint: Runner, installed: Path) -> None:
    asked = ("-t", "acme-npu", "--min-coverage", "acme-npu=90", "--fail-on", "never")
    for model, share in ((UNET_TFLITE, "64.2"), (UNET_ONNX, "0.0")):
        run = npulint("check", model, *asked, "--select", "NPU901", "--format", "json")
        (finding,) = run.json["models"][0]["findings"]
        assert f"{share} %" in finding["message"]


def test_an_answer_is_not_remembered_over_a_change_of_either_table(
    npulint: Runner, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    model = tmp_path / "m.onnx"
    shutil.copyfile(SMALLNET_TFLITE.with_suffix(".onnx"), model)
    paths = (model, installed / "acme-onnx.yaml", installed / "acme.yaml")
    for path in paths:
        os.utime(path, (LONG_AGO, LONG_AGO))
    first = npulint("check", model, "-t", "acme-npu").out
    monkeypatch.setattr("npulint.engine.check", None)  # what is not remembered fails
    assert npulint("check", model, "-t", "acme-npu").out == first
    for path in paths[1:]:
        path.write_bytes(path.read_bytes())
        assert npulint("check", model, "-t", "acme-npu").code == EXIT_OUR_FAULT
        os.utime(path, (LONG_AGO, LONG_AGO))
        assert npulint("check", model, "-t", "acme-npu").out == first


def test_two_tables_of_one_dialect_are_a_fault(npulint: Runner, installed: Path) -> None:
    text = ACME.read_text(encoding="utf-8")
    (installed / "again.yaml").write_text(text, encoding="utf-8")
    run = npulint("check", UNET_TFLITE, "-t", "acme-npu")
    assert (run.code, run.out) == (2, "")
    (line,) = run.err.splitlines()
    for part in ("acme.yaml", "again.yaml", "a name has one table for each dialect: rename one"):
        assert part in line
    assert "acme-npu" not in npulint("targets").out


def test_two_packages_do_not_share_a_name(npulint: Runner, install: Install) -> None:
    install("acme-delegate")
    install("acme-compiler", table=ONNX_TEXT)
    run = npulint("check", UNET_TFLITE, "-t", "acme-npu")
    assert (run.code, run.out) == (2, "")
    assert "acme-delegate 1.5 (acme)" in run.err
    assert "acme-compiler 1.5 (acme)" in run.err
    assert run.err.rstrip().endswith(": rename one")


def test_a_side_at_fault_is_not_passed_over(npulint: Runner, installed: Path) -> None:
    path = installed / "acme-onnx.yaml"
    path.write_text(ONNX_TEXT.replace("group, default", "grupo, default"), encoding="utf-8")
    for model in (UNET_TFLITE, UNET_ONNX):
        run = npulint("check", model, "-t", "acme-npu")
        assert (run.code, run.out) == (2, "")
        assert run.err.startswith(f"npulint: {path}:")


def test_three_files_of_one_name_are_too_many(npulint: Runner, twin: str, tmp_path: Path) -> None:
    third = tmp_path / "third.yaml"
    shutil.copyfile(ACME, third)
    run = npulint("check", UNET_TFLITE, "-t", ACME, "-t", twin, "-t", third)
    assert (run.code, run.out) == (2, "")
    assert "are both called 'acme-npu'" in run.err


def test_shipped_twins_lie_side_by_side(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "opsets"
    folder.mkdir()
    shutil.copyfile(ACME, folder / "acme-npu-tflite.yaml")
    (folder / "acme-npu-onnx.yaml").write_text(ONNX_TEXT, encoding="utf-8")
    monkeypatch.setattr(registry, "FOLDER", folder)
    monkeypatch.setattr(registry, "_loaded", {})
    target = opsets.load_target("acme-npu")
    assert [side.dialect for side in target.sides] == ["tflite", "onnx"]
    assert opsets.load_target("acme-npu") is target
    assert opsets.load_target("acme-2").twin is None
    (folder / "acme-npu-onnx.yaml").write_text("family: acme-npu\ntitle: [\n", encoding="utf-8")
    monkeypatch.setattr(registry, "_loaded", {})
    with pytest.raises(registry.TableError, match=r"acme-npu-onnx\.yaml:3: not YAML"):
        opsets.load_target("acme-npu")


def test_shipped_tables_of_one_name_are_called_alike() -> None:
    """So that nothing but the two has to be read to know a target."""
    places: dict[str, list[Path]] = {}
    for table in opsets.survey().tables:
        for name in table.names if table.package == opsets.OWN else ():
            places.setdefault(name, []).append(table.path)
    for name, paths in places.items():
        if len(paths) > 1:
            stems = {path.stem.removesuffix("-onnx").removesuffix("-tflite") for path in paths}
            assert len(stems) == 1, name
            assert [path.stem.rpartition("-")[2] for path in paths] == ["onnx", "tflite"], name
