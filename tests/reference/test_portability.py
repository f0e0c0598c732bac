"""What `make demo` shows of the shipped networks, in both formats."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

import npulint
from npulint.reference_models.export import EXPORTS, SHIPPED

ENDINGS = ("onnx", "tflite")
UPSAMPLING = {"onnx": "ConvTranspose", "tflite": "TRANSPOSE_CONV"}

# Refusals by network and target: of transposed convolutions before NNAPI 1.2, of nothing else.
REFUSED_UPSAMPLINGS = {
    ("smallnet", "nnapi-1.0"): 0,
    ("smallnet", "nnapi-1.1"): 0,
    ("smallnet", "nnapi-1.2"): 0,
    ("unet_small", "nnapi-1.0"): 4,
    ("unet_small", "nnapi-1.1"): 4,
    ("unet_small", "nnapi-1.2"): 0,
    ("unet_small", "nnapi-1.2+accelerator"): 0,
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(("name", "target"), REFUSED_UPSAMPLINGS)
def test_what_is_refused(name: str, target: str, ending: str) -> None:
    model = npulint.load(EXPORTS / f"{name}.{ending}")
    (result,) = npulint.check(model, [target]).models[0].targets
    refused = Counter(
        node.op
        for node, verdict in zip(model.graphs[0].nodes, result.verdicts[0], strict=True)
        if verdict.status != "supported"
    )
    count = REFUSED_UPSAMPLINGS[name, target]
    assert refused == ({UPSAMPLING[ending]: count} if count else {})
    assert (result.coverage.nodes == 1) is (count == 0)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", SHIPPED)
def test_the_command_finds_what_the_demo_is_there_to_show(name: str, ending: str) -> None:
    command = [sys.executable, "-m", "npulint", "check", str(EXPORTS / f"{name}.{ending}")]
    run = subprocess.run([*command, "-t", "nnapi-1.1"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0 if name == "smallnet" else 1, "")
    assert (UPSAMPLING[ending] in run.stdout) is (name == "unet_small")
