"""The JSON report: valid against the shipped schema, and stable where it promises to be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from npulint import reports
from tests.cli.support import TRUTH, UNET_ONNX, UNET_TFLITE, Runner

SCHEMA = json.loads((Path(reports.__file__).parent / "report.schema.json").read_text())
MODELS = sorted(TRUTH.glob("*.tflite"))[::8]


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


@pytest.mark.parametrize("path", [*MODELS, UNET_TFLITE, UNET_ONNX], ids=lambda p: p.name)
def test_reports_are_valid(
    npulint: Runner, validator: jsonschema.Draft202012Validator, path: Path
) -> None:
    run = npulint("check", path, "-t", "nnapi-1.0", "-t", "nnapi-fl7", "--format", "json")
    validator.validate(run.json)


def test_a_report_with_an_error_is_valid(
    npulint: Runner, validator: jsonschema.Draft202012Validator, tmp_path: Path
) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"\x00" * 64)
    run = npulint("check", tmp_path / "bad.onnx", "--format", "json")
    validator.validate(run.json)
    assert run.json["models"][0]["error"]


def expand(model: dict[str, Any]) -> dict[tuple[int, int], dict[str, Any]]:
    """Every node's outcome, those that a target lists and those that it leaves to `otherwise`."""
    target = model["targets"][0]
    found = {(n["graph"], n["index"]): target["otherwise"] for n in model["nodes"]}
    found.update({(v["graph"], v["index"]): v for v in target["verdicts"]})
    return found


def test_otherwise_speaks_for_the_nodes_not_listed(npulint: Runner) -> None:
    model = npulint("check", UNET_TFLITE, "-t", "nnapi-1.1", "--format", "json").json["models"][0]
    outcomes = expand(model)
    for node in model["nodes"]:
        outcome = outcomes[node["graph"], node["index"]]
        refused = node["op"] == "TRANSPOSE_CONV"
        assert outcome["verdict"] == ("unsupported" if refused else "supported")
        assert outcome["validation"] == ("refused" if refused else "accepted")


def test_partitions_cover_each_node_once(npulint: Runner) -> None:
    model = npulint("check", UNET_TFLITE, "-t", "nnapi-1.1", "--format", "json").json["models"][0]
    nodes = [n for piece in model["targets"][0]["partitions"] for n in piece["nodes"]]
    assert sorted(nodes) == list(range(len(model["nodes"])))


def test_fingerprints_are_unique_and_survive_a_second_run(npulint: Runner) -> None:
    def prints() -> list[str]:
        run = npulint("check", UNET_TFLITE, "-t", "nnapi-1.0", "--format", "json")
        return [f["fingerprint"] for f in run.json["models"][0]["findings"]]

    first = prints()
    assert first
    assert len(set(first)) == len(first)
    assert prints() == first
