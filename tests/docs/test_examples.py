"""The examples run as they stand, and what they leave is what they promise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import npulint

EXAMPLES = Path(__file__).parent.parent.parent / "docs" / "examples"


@pytest.mark.parametrize(
    ("script", "ending"), [("export_torch.py", "onnx"), ("export_keras.py", "tflite")]
)
def test_the_last_line_of_an_export_script(script: str, ending: str, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(EXAMPLES / script), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "-> transpose-conv/" in run.stdout
    old, new = (tmp_path / f"{name}.{ending}" for name in ("doubling", "doubling_phone"))
    assert npulint.check([old, new], targets=["nnapi-1.1"]).worst() == "error"
    assert npulint.check([new], targets=["nnapi-1.1", "neuron"]).worst() != "error"
    assert npulint.verify(old, new).same


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("prepare_torch.py", "up: ConvTranspose2d -> transpose-conv/"),
        ("recover_torch.py", "of which step 200 was best"),
    ],
)
def test_a_network_is_prepared_for_three_phones(script: str, said: str, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(EXAMPLES / script), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert said in run.stdout
    assert run.stdout.splitlines()[-1] == "nothing is refused on any of the phones"
    phones = ["mate30-pro-5g", "reno3-5g", "pixel-4"]
    (result,) = npulint.check(tmp_path / "restoring.onnx", targets=phones).models
    assert not any(target.refuses for target in result.targets)
