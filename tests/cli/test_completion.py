"""Shell completion: what a shell gets for what was typed, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

TYPED = {
    "npulint ch": {"check"},
    "npulint check -t nnapi-1.2": {"nnapi-1.2", "nnapi-1.2+accelerator"},
    "npulint check -t pixel": {"pixel-4"},
    "npulint check --format sa": {"sarif"},
    "npulint explain npu103": {"NPU103"},
    "npulint explain refused-op": {"refused-operator"},
    "npulint explain nnapi-1.2:CONV": {"nnapi-1.2:CONV_2D"},
    "npulint explain pixel-4:CONCAT": {"pixel-4:CONCATENATION"},
    "npulint explain nowhere:CONV": set(),
    "npulint explain transpose-conv/zero": {
        "transpose-conv/zero-insert-conv",
        "transpose-conv/zero-insert-conv-3x3",
    },
    "npulint models build unet_sm": {"unet_small"},
    "npulint host run m.onnx --on qnn-htp-v7": {"qnn-htp-v73", "qnn-htp-v75", "qnn-htp-v79"},
    "npulint targets diff hexag": {"hexagon-nn"},
}


def complete(line: str) -> set[str]:
    words = line.split()
    environment = {
        **os.environ,
        "_NPULINT_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    command = [sys.executable, "-c", "from npulint.cli import main; main()"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    items = [item.partition(",") for item in done.stdout.splitlines()]
    return {value for kind, _, value in items if kind == "plain"}


@pytest.mark.parametrize("line", TYPED)
def test_completed(line: str) -> None:
    assert complete(line) == TYPED[line]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(shell: str) -> None:
    command = [sys.executable, "-m", "npulint", "completion", shell]
    script = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"_NPULINT_COMPLETE={shell}_complete" in script


def test_bash_takes_the_script() -> None:
    command = [sys.executable, "-m", "npulint", "completion", "bash"]
    script = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    asked = f"{script}\ncomplete -p npulint"
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert "_npulint_completion" in done.stdout
