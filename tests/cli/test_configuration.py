"""Configuration and acceptance from end to end: a team's files, a command, what comes out."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import EXPORTS, TRUTH, UNET_TFLITE, Run, Runner


class Project:
    """A folder with models, in which the command line is run."""

    def __init__(self, folder: Path, npulint: Runner) -> None:
        self.folder = folder
        self.npulint = npulint

    def write(self, text: str, name: str = "npulint.toml") -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def check(self, *arguments: object) -> Run:
        return self.npulint("check", *arguments)

    def report(self, *arguments: object) -> Any:
        return self.check(*arguments, "--format", "json").json


@pytest.fixture
def project(tmp_path: Path, npulint: Runner, monkeypatch: pytest.MonkeyPatch) -> Project:
    (tmp_path / ".git").mkdir()
    (tmp_path / "models").mkdir()
    for name in ("unet_small.tflite", "smallnet.tflite"):
        shutil.copy(EXPORTS / name, tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path, npulint)


def codes(report: Any, name: str = "unet_small.tflite") -> Counter[str]:
    (model,) = [each for each in report["models"] if each["path"].endswith(name)]
    return Counter(each["code"] for each in model["findings"])


def targets(report: Any) -> dict[str, list[str]]:
    return {
        Path(each["path"]).name: [target["target"] for target in each["targets"]]
        for each in report["models"]
    }


def test_configured_targets_are_asked_and_the_report_says_so(project: Project) -> None:
    project.write('targets = ["nnapi-1.1"]')
    run = project.check("models/unet_small.tflite")
    assert run.code == 1
    assert "note: these were asked, as npulint.toml says: nnapi-1.1\n" in run.out
    named = project.check("models/unet_small.tflite", "-t", "nnapi-1.2")
    assert named.code == 0
    assert "as npulint.toml says" not in named.out


def test_a_configuration_is_found_upwards_and_its_paths_are_its_own(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("[tool.npulint]\npaths = [{files = 'models/', targets = ['nnapi-1.1']}]",
                  "pyproject.toml")  # fmt: skip
    monkeypatch.chdir(project.folder / "models")
    report = project.report("unet_small.tflite")
    assert targets(report) == {"unet_small.tflite": ["nnapi-1.1"]}
    assert report["notes"] == ["these were asked, as pyproject.toml says: nnapi-1.1"]


def test_another_configuration_may_be_named(project: Project) -> None:
    project.write("targets = 3")
    other = project.write('targets = ["nnapi-1.0"]', "other.toml")
    report = project.report("models/unet_small.tflite", "--config", other)
    assert targets(report) == {"unet_small.tflite": ["nnapi-1.0"]}


def test_targets_by_path(project: Project) -> None:
    project.write("""
        targets = ["nnapi-1.1"]
        [[paths]]
        files = "small*"
        targets = ["pixel-4", "nnapi-1.2"]
    """)
    assert targets(project.report("models")) == {
        "unet_small.tflite": ["nnapi-1.1"],
        "smallnet.tflite": ["pixel-4", "nnapi-1.2"],
    }


@pytest.mark.parametrize(
    ("text", "arguments", "expected"),
    [
        ("", (), {"NPU101": 4, "NPU204": 2}),
        ("select = ['NPU2']", (), {"NPU204": 2}),
        ("ignore = ['partitions']", (), {"NPU101": 4}),
        ("ignore = ['partitions']", ("--select", "NPU204"), {"NPU204": 2}),
        ("select = ['NPU2']", ("--ignore", "NPU2"), {}),
        ("", ("--select", "refused-operator,left-behind-operator", "--ignore", "NPU2"),
         {"NPU101": 4, "NPU204": 2}),
        ("[[paths]]\nfiles = 'models/unet*'\nselect = ['NPU1']", (), {"NPU101": 4}),
    ],
)  # fmt: skip
def test_selection(
    project: Project, text: str, arguments: tuple[str, ...], expected: dict[str, int]
) -> None:
    project.write(text)
    report = project.report("models/unet_small.tflite", "-t", "nnapi-1.1", *arguments)
    kept = {code: n for code, n in codes(report).items() if code in ("NPU101", "NPU204")}
    assert kept == expected


@pytest.mark.parametrize(
    ("text", "arguments", "code"),
    [
        ("severity = {NPU101 = 'info'}", (), 0),
        ("severity = {NPU101 = 'info', NPU2 = 'error'}", (), 1),
        ("severity = {NPU101 = 'info'}\nfail-on = 'info'", (), 1),
        ("severity = {NPU101 = 'info'}\nfail-on = 'info'", ("--fail-on", "never"), 0),
        ("paths = [{files = 'models/*', fail-on = 'never'}]", (), 0),
        ("paths = [{files = 'models/*', fail-on = 'never'}]", ("--fail-on", "error"), 1),
        ("fail-on = 'never'\npaths = [{files = 'small*', fail-on = 'error'}]", (), 0),
        ("fail-on = 'never'\npaths = [{files = 'unet*', fail-on = 'error'}]", (), 1),
    ],
)
def test_severities_and_what_fails(
    project: Project, text: str, arguments: tuple[str, ...], code: int
) -> None:
    project.write(text)
    chosen = ("-t", "nnapi-1.1", "--select", "NPU101,NPU204", *arguments)
    run = project.check("models/unet_small.tflite", *chosen)
    assert run.code == code


def test_every_form_knows_what_fails_where(project: Project) -> None:
    project.write("fail-on = 'never'\npaths = [{files = 'unet*', fail-on = 'error'}]")
    chosen = ("models", "-t", "nnapi-1.1", "-t", "nnapi-1.0", "--select", "NPU101")
    assert ":x:" in project.check(*chosen, "--format", "markdown").out
    junit = project.check(*chosen, "--format", "junit").out
    assert junit.count("<failure") == 2, "both targets of the one model, none of the other"


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (("--min-coverage", "nnapi-1.1=73.5"), "", 0),
        (("--min-coverage", "nnapi-1.1=73.6"), "found 39 of 53", 1),
        (("--min-coverage", "nnapi-1.1:nodes=74%"), "found 39 of 53", 1),
        (("--min-coverage", "nnapi-1.1:macs=87"), "", 0),
        (("--min-coverage", "nnapi-1.1:macs=87.01"), "multiply-accumulates", 1),
        (("-t", "hiai", "--min-coverage", "hiai=50"), "unknown  NPU901 at least 50 %", 0),
        (("-t", "hiai", "--min-coverage", "hiai=50", "--require-known-coverage"),
         "error  NPU901 at least 50 %", 1),
    ],
)  # fmt: skip
def test_minimum_coverage(
    project: Project, arguments: tuple[str, ...], said: str, code: int
) -> None:
    chosen = ("-t", "nnapi-1.1", "--select", "NPU9", *arguments)
    run = project.check("models/unet_small.tflite", *chosen)
    assert run.code == code
    assert said in run.out
    assert said or "NPU901" not in run.out


def test_a_share_is_demanded_of_a_default_target_too(project: Project) -> None:
    """`hexagon-nn` is not asked by default about a model in floats, but when it must take some."""
    report = project.report("models/smallnet.tflite", "--min-coverage", "hexagon-nn=50")
    assert "hexagon-nn" in targets(report)["smallnet.tflite"]
    assert codes(report, "smallnet.tflite")["NPU901"] == 1


SUPPRESSED = """
    targets = ["nnapi-1.1"]
    [[suppressions]]
    rule = "refused-operator"
    operator = "TRANSPOSE_CONV"
    file = "models/unet*"
    reason = "cured at deployment"
    until = {until}
"""


def test_a_suppression_silences_with_its_reason(project: Project) -> None:
    project.write(SUPPRESSED.format(until="2999-12-31"))
    run = project.check("models", "--select", "NPU101")
    assert run.code == 0
    assert "4 accepted by suppressions or the baseline" in run.out
    assert "accepted  NPU101 ×4: cured at deployment (until 2999-12-31)" in run.out
    (model,) = project.report("models/unet_small.tflite")["models"]
    assert {(each["by"], each["reason"], each["until"]) for each in model["silenced"]} == {
        ("suppression", "cured at deployment", "2999-12-31")
    }


def test_an_expired_suppression_silences_nothing_and_is_told_in_every_form(
    project: Project,
) -> None:
    path = project.write(SUPPRESSED.format(until="2020-01-31"))
    run = project.check("models", "--select", "NPU101")
    assert run.code == 1
    said = "npulint.toml:3: refused-operator of TRANSPOSE_CONV in models/unet* (cured at deploym"
    assert f"warning NPU902 {said}" in " ".join(run.out.split())
    report = project.report("models")
    (found,) = report["findings"]
    assert (found["code"], found["file"], found["line"]) == ("NPU902", path.name, 3)
    annotated = project.check("models", "--format", "github").out
    assert "::warning file=npulint.toml,line=3,title=NPU902 expired-suppression::" in annotated
    (sarif,) = project.check("models", "--format", "sarif").json["runs"]
    (place,) = [each["locations"] for each in sarif["results"] if each["ruleId"] == "NPU902"]
    assert place[0]["physicalLocation"]["artifactLocation"]["uri"] == "npulint.toml"
    assert place[0]["physicalLocation"]["region"]["startLine"] == 3
    junit = project.check("models", "--format", "junit", "--fail-on", "warning").out
    assert 'message="npulint.toml:3: refused-operator' in junit
    assert "### What was accepted" in project.check("models", "--format", "markdown").out
    drawn = project.check("models", "--format", "html").out
    assert '<span class="code">NPU902</span> npulint.toml:3: refused-operator of' in drawn


def test_fail_on_counts_what_is_about_the_run(project: Project) -> None:
    project.write(SUPPRESSED.format(until="2020-01-31"))
    quiet = ("models/smallnet.tflite", "models/unet_small.tflite", "-t", "nnapi-1.2")
    assert project.check(*quiet, "--fail-on", "warning", "--select", "NPU9").code == 1
    assert project.check(*quiet, "--fail-on", "warning", "--ignore", "NPU9,NPU2,NPU1").code == 0


def test_what_is_unused_is_told_only_where_all_was_looked_at(project: Project) -> None:
    project.write("""
        targets = ["nnapi-1.2"]
        [[suppressions]]
        rule = "refused-operator"
        file = "models/*.tflite"
        reason = "none"
    """)

    def unused(*arguments: object) -> int:
        found = project.report(*arguments)["findings"]
        return sum(each["code"] == "NPU903" for each in found)

    assert unused("models") == 1
    assert unused(".") == 1
    assert unused("models/unet_small.tflite") == 0
    assert unused("models", "-t", "nnapi-1.1") == 0, "it matches there"
    assert unused("models", "--ignore", "NPU101") == 0
    (project.folder / "models" / "broken.tflite").write_bytes(b"no model")
    assert unused("models") == 0, "nobody knows what is found in the one that cannot be read"


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ("\nselct = []", (), "npulint.toml:2: unknown key 'selct': did you mean select?"),
        ("a = ", (), "npulint.toml:1: not TOML"),
        ("", ("--config", "nowhere.toml"), "nowhere.toml: cannot be read"),
        ("", ("--select", "NPU1,refused"), "--select: unknown rule 'refused'"),
        ("", ("--ignore", ""), "--ignore: a rule is empty"),
        ("", ("--select", "NPU1,"), "--select: a rule is empty"),
        ("", ("--min-coverage", "nnapi-1.2"), "expected TARGET=PERCENT"),
        ("", ("--min-coverage", "nnapi-1.2=101"), "expected TARGET=PERCENT"),
        ("", ("--min-coverage", "nnapi-1.2=nan"), "expected TARGET=PERCENT"),
        ("", ("--min-coverage", "nnapi-1.2:mac=3"), "unknown target or device 'nnapi-1.2:mac'"),
        ("", ("--min-coverage", "nnapi-9=3"), "did you mean nnapi-"),
        ("", ("--min-coverage", "nnapi-1.2=3", "-t", "hiai"), "this target is not asked"),
        ("targets = ['hiai']", ("--min-coverage", "nnapi-1.2=3"), "this target is not asked"),
        ("baseline = 'gone.json'", (), "gone.json: the baseline cannot be read"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(
    project: Project, text: str, arguments: tuple[str, ...], said: str
) -> None:
    project.write(text)
    run = project.check("models/smallnet.tflite", *arguments)
    assert (run.code, run.out) == (2, "")
    assert said in run.err
    assert run.err.count("\n") == 1


def test_sizes_are_configured_and_the_command_line_wins(project: Project) -> None:
    shutil.copy(TRUTH / "blk_dynspatial_f32.tflite", project.folder / "open.tflite")
    project.write("""
        targets = ["nnapi-1.2"]
        [[paths]]
        files = "open.tflite"
        input-shapes = {x0 = [1, 12, 16, 8]}
        [[paths]]
        files = "models/*"
        input-shapes = {nothing = "1x1"}
    """)
    report = project.report("open.tflite")
    assert (
        "inputs are taken at the sizes that npulint.toml states: x0=1x12x16x8" in (report["notes"])
    )
    named = project.report("open.tflite", "--input-shape", "x0=1x24x16x8")
    assert named["models"][0]["summary"]["macs"] == 2 * report["models"][0]["summary"]["macs"]
    (row,) = project.npulint("matrix", "open.tflite", "--format", "json").json
    assert row["targets"]["nnapi-1.2"]["macs"] is not None
    run = project.check("models/smallnet.tflite")
    assert run.code == 2
    said = "as npulint.toml says: input-shapes nothing=1x1: no input is called 'nothing'"
    assert said in run.err


def test_the_other_commands_ask_the_configured_targets(project: Project) -> None:
    project.write("targets = ['nnapi-1.1']\n[[paths]]\nfiles = 'small*'\ntargets = ['pixel-4']")
    unet, small = "models/unet_small.tflite", "models/smallnet.tflite"
    matrix = project.npulint("matrix", unet)
    assert "73.6 % / 87.0 %" in matrix.out
    assert "note: these were asked, as npulint.toml says: nnapi-1.1" in matrix.out
    diff = project.npulint("diff", unet, small)
    assert "  pixel-4\n" in diff.out, "both are asked as the new one is"
    assert "note: these were asked, as npulint.toml says: pixel-4" in diff.out
    cured = project.npulint("fix", unet, "-o", "cured.tflite")
    assert cured.code == 0
    assert "note: these were asked, as npulint.toml says: nnapi-1.1" in cured.out
    for command in (("matrix", unet), ("diff", unet, small), ("fix", unet, "--dry-run")):
        assert "as npulint.toml says" not in project.npulint(*command, "-t", "nnapi-1.2").out
        run = project.npulint(*command, "--config", "nowhere.toml")
        assert (run.code, run.err.count("\n")) == (2, 1)


def test_without_a_configuration_all_is_as_it_was(project: Project) -> None:
    assert project.check("models/unet_small.tflite", "-t", "nnapi-1.1").out == (
        project.npulint("check", UNET_TFLITE, "-t", "nnapi-1.1").out.replace(
            str(UNET_TFLITE), "models/unet_small.tflite"
        )
    )


def test_config_shows_what_holds_and_which_line_says_so(project: Project) -> None:
    project.write("""\
targets = ["nnapi-1.2"]
severity = {NPU1 = "info", NPU2 = "error"}
[[paths]]
files = "models/"
targets = ["hiai"]
severity.NPU2 = "warning"
[[suppressions]]
rule = "NPU101"
file = "x"
reason = "so"
until = 2030-01-01
""")

    def shown(*arguments: object) -> dict[str, tuple[Any, int | None]]:
        rows = project.npulint("config", *arguments, "--format", "json").json["settings"]
        return {each["key"]: (each["value"], each["line"]) for each in rows}

    everywhere, there = shown(), shown("models/x.onnx")
    assert everywhere["targets"] == (["nnapi-1.2"], 1)
    assert there["targets"] == (["hiai"], 5)
    assert everywhere["severity.NPU2"] == ("error", 2)
    assert there["severity.NPU1"] == ("info", 2)
    assert there["severity.NPU2"] == ("warning", 6)
    assert there["suppressions.0"][0]["until"] == "2030-01-01"
    assert there["suppressions.0"][1] == 7
    assert everywhere["fail-on"] == ("error", None)
    text = project.npulint("config", "models/x.onnx").out.splitlines()
    assert text[0] == "npulint.toml"
    assert '  targets                 ["hiai"]' in text[1]
    assert text[1].endswith("line 5")


def test_config_without_one_and_with_one_at_fault(project: Project) -> None:
    run = project.npulint("config")
    assert (run.code, run.out.splitlines()[0]) == (0, "no configuration")
    assert "  select                  every rule        default" in run.out.splitlines()
    rows = project.npulint("config", "--format", "json").json
    assert rows["config"] is None
    assert {each["key"]: each["value"] for each in rows["settings"]} == {
        "targets": None,
        "select": None,
        "fail-on": "error",
        "ratchet": False,
        "require-known-coverage": False,
    }
    project.write("targets = ['nnapi-9']")
    run = project.npulint("config")
    assert (run.code, run.out) == (2, "")
    assert "npulint.toml:1: unknown target or device 'nnapi-9'" in run.err
