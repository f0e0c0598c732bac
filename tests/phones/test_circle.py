"""The whole circle: checked, rewritten, checked again, and run before and after."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from npulint.device.backends import Backend
from npulint.device.circle import Circle, Leg, go_round
from npulint.device.runs import Request
from npulint.reports import circle as drawing
from npulint.reports.circle import circle_json, circles_text
from npulint.reports.wrapping import Layout
from tests.cli.support import SMALLNET_TFLITE, UNET_ONNX, UNET_TFLITE, Runner
from tests.phones.conftest import Lab
from tests.phones.handheld import conduct

SCHEMA = json.loads(
    Path(drawing.__file__).with_name("validate.schema.json").read_text(encoding="utf-8")
)
CIRCLE = {"$ref": "#/$defs/circle", "$defs": SCHEMA["$defs"]}


def request(lab: Lab, benchmark: Path, *backends: Backend) -> Request:
    return Request(Path(), benchmark, backends, port=lab.port)


def test_a_model_that_needs_no_cure_runs_once(lab: Lab, tmp_path: Path) -> None:
    phone = lab.phone()
    conduct(phone, "mute")
    asked = request(lab, phone.benchmark, Backend("cpu"), Backend("nnapi"))
    found = go_round(SMALLNET_TFLITE, ["nnapi-1.2"], tmp_path, phone=asked)
    assert found.fixed.written is None
    told = [(leg.which, leg.where, leg.taken, leg.nodes, leg.latency) for leg in found.legs]
    assert told == [
        ("original", "Teapot 4, cpu", 0, 5, 1885.74),
        ("original", "Teapot 4, nnapi:tp-npu", 4, 5, 1885.74),
        ("original", "Teapot 4, nnapi:tp-gpu", 4, 5, 1885.74),
    ]
    text = circles_text([found], Layout())
    assert "  nothing to rewrite\n" in text
    assert "  original  Teapot 4, nnapi:tp-npu  4 of 5 nodes there  1.886 ms\n" in text


@pytest.fixture(scope="module")
def cured(tmp_path_factory: pytest.TempPathFactory) -> Circle:
    return go_round(UNET_TFLITE, ["nnapi-1.1"], tmp_path_factory.mktemp("circle"))


def test_a_model_that_is_rewritten(cured: Circle) -> None:
    assert cured.fixed.written is not None
    found = circle_json(cured)
    assert found["before"]["nnapi-1.1"]["nodes"] < 1
    assert found["after"]["nnapi-1.1"]["nodes"] == 1
    assert (found["same"], found["written"], found["held_back"]) == (True, True, None)
    assert found["max_relative"] < 1e-5
    assert (found["legs"], found["remarks"]) == ([], [])
    jsonschema.validate(found, CIRCLE)
    text = circles_text([cured], Layout())
    assert "  nnapi-1.1  73.6 % / 87.0 %, 3 pieces  then 100 % / 100 %, 1 piece\n" in text
    assert "  the rewritten model computes the same" in text


def test_what_no_number_says_is_said_in_words(cured: Circle) -> None:
    legs = [
        Leg("original", "here", 1, 1, error=error, fault=None)
        for error in (None, 0.5, math.inf, math.nan)
    ]
    found = circle_json(replace(cured, legs=tuple(legs)))
    jsonschema.validate(found, CIRCLE)
    assert [(leg["max_relative"], leg["another_output"]) for leg in found["legs"]] == [
        (None, False),
        (0.5, False),
        (None, True),
        (None, True),
    ]


def test_both_run_on_the_phone(lab: Lab, tmp_path: Path) -> None:
    phone = lab.phone()
    conduct(phone, "mute")
    asked = request(lab, phone.benchmark, Backend("gpu"))
    found = go_round(UNET_TFLITE, ["nnapi-1.1"], tmp_path, phone=asked)
    assert [(leg.which, leg.where) for leg in found.legs] == [
        ("original", "Teapot 4, gpu"),
        ("rewritten", "Teapot 4, gpu"),
    ]


def test_a_phone_that_is_not_there_is_no_fault(lab: Lab, tmp_path: Path) -> None:
    benchmark = tmp_path / "benchmark_model"
    benchmark.write_bytes(b"")
    asked = request(lab, benchmark, Backend("cpu"))
    found = go_round(SMALLNET_TFLITE, ["nnapi-1.2"], tmp_path, phone=asked)
    assert found.legs == ()
    assert found.remarks[0].startswith("not run on a phone: no phone is attached")


def test_an_onnx_model_stays_here(lab: Lab, tmp_path: Path) -> None:
    asked = request(lab, tmp_path / "benchmark_model", Backend("cpu"))
    found = go_round(UNET_ONNX, ["nnapi-1.3"], tmp_path, phone=asked)
    assert (found.legs, found.remarks) == ((), ())


def test_reference_networks_full_circle(lab: Lab, npulint: Runner) -> None:
    phone = lab.phone()
    conduct(phone, "mute")
    command = ["models", "validate", "smallnet", "--size", "16x24", "-t", "nnapi-1.2"]
    plain = npulint(*command, "--format", "json").json
    jsonschema.validate(plain, SCHEMA)
    assert [row["circle"] for row in plain["files"]] == [None, None]
    path = lab.folder / "validated.json"
    run = npulint(*command, "--benchmark", phone.benchmark, *lab.options, "-o", path)
    assert (run.code, run.out) == (0, "")
    told = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(told, SCHEMA)
    onnx, tflite = (row["circle"] for row in told["files"])
    assert onnx["legs"] == []
    assert [leg["where"].split(", ")[1] for leg in tflite["legs"]] == [
        "cpu",
        "nnapi:tp-npu",
        "nnapi:tp-gpu",
        "gpu",
    ]
    assert {leg["latency_us"] for leg in tflite["legs"]} == {1885.74}
