"""The GitHub action and the recipes: valid, and run as a runner would run them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from conftest import EXPORTS, ROOT, Repository

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")


def recipe(heading: str) -> str:
    """The first code block below a heading of the page."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"```\w+\n(.*?)```", section, re.DOTALL)[0]


def valid(schema: str, text: str, folder: Path) -> None:
    path = folder / "document.yaml"
    path.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ("vendor.github-actions", (ROOT / "action.yml").read_text(encoding="utf-8")),
        ("vendor.github-workflows", recipe("GitHub")),
        ("vendor.gitlab-ci", recipe("GitLab")),
    ],
    ids=["action", "workflow", "gitlab"],
)
def test_valid(schema: str, text: str, tmp_path: Path) -> None:
    valid(schema, text, tmp_path)


def test_the_hooks_are_valid() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", ".pre-commit-hooks.yaml"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    hooks = {hook["id"] for hook in yaml.safe_load(
        (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}  # fmt: skip
    (repository,) = yaml.safe_load(recipe("pre-commit"))["repos"]
    assert {hook["id"] for hook in repository["hooks"]} <= hooks


def step(name: str) -> str:
    (found,) = [each for each in ACTION["runs"]["steps"] if each.get("name") == name]
    return str(found["run"])


@pytest.fixture(scope="module")
def installed(offered: Repository, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runner's temporary folder once the action has installed npulint there."""
    folder = tmp_path_factory.mktemp("runner")
    environment = {
        **offered.environment,
        "RUNNER_TEMP": str(folder),
        "NPULINT_SOURCE": str(offered.folder),
    }
    done = run(step("Install npulint"), environment, "")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def runner(installed: Path, tmp_path: Path) -> dict[str, str]:
    """The variables of a runner."""
    return {
        **os.environ,
        "RUNNER_TEMP": str(installed),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "NPULINT_SARIF": str(tmp_path / "npulint.json"),
        "NPULINT_ARGUMENTS": "",
        "NPULINT_TARGETS": "nnapi-1.1\npixel-4\n",
    }


def run(
    script: str, environment: Mapping[str, str], models: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        env={**environment, "NPULINT_MODELS": models},
        cwd=EXPORTS, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_action_annotates_summarises_and_fails(runner: dict[str, str]) -> None:
    done = run(step("Check the models"), runner, "unet_small.tflite\nsmallnet.tflite\n")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("::error file=unet_small.tflite,title=NPU101")
    assert Path(runner["GITHUB_STEP_SUMMARY"]).read_text().startswith("## npulint")
    results = json.loads(Path(runner["NPULINT_SARIF"]).read_text())["runs"][0]["results"]
    assert {result["ruleId"] for result in results} >= {"NPU101"}


def test_the_action_passes_what_is_taken(runner: dict[str, str]) -> None:
    runner["NPULINT_TARGETS"] = "nnapi-1.2"
    assert run(step("Check the models"), runner, "smallnet.tflite").returncode == 0


def test_inputs_of_the_action_are_never_run(runner: dict[str, str]) -> None:
    hostile = "$(touch injected); `touch injected`\n"
    done = run(step("Check the models"), {**runner, "NPULINT_ARGUMENTS": "-q"}, hostile)
    assert done.returncode == 2
    assert not (EXPORTS / "injected").exists()


@pytest.mark.parametrize("heading", ["GitLab", "Jenkins"])
def test_commands_of_the_recipes_run(heading: str, tmp_path: Path) -> None:
    commands = re.findall(r"npulint (check [^'\n]+)", recipe(heading))
    assert len(commands) == 1
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m.tflite").write_bytes((EXPORTS / "smallnet.tflite").read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "npulint", *commands[0].split()],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 model, 0 errors" in done.stdout
    assert (tmp_path / "npulint.xml").read_text().startswith("<testsuites")
