"""`npulint models`: list, build, validate."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import onnx
import pytest

import npulint as package
from npulint.reference_models import CATALOGUE, cache, frameworks
from npulint.reference_models.catalogue import NARROW
from npulint.reference_models.recipe import Recipe
from npulint.reference_models.training.measuring import Quality, Worth
from npulint.reference_models.trial import Trial
from npulint.reports import networks
from tests.cli.support import Runner

SCHEMA = json.loads(
    Path(networks.__file__).with_name("validate.schema.json").read_text(encoding="utf-8")
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that no other test has filled."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("NPULINT_CACHE", str(folder))
    return folder


def test_list_names_every_network_with_its_figures(npulint: Runner) -> None:
    run = npulint("models", "list")
    assert run.code == 0
    for name, definition in {**CATALOGUE, **NARROW}.items():
        (line,) = [line for line in run.out.splitlines() if line.split()[:1] == [name]]
        assert definition.label in line
        assert definition.source in run.out
    (pmrid,) = [line for line in run.out.splitlines() if line.split()[:1] == ["pmrid"]]
    assert "256x256x3    1,031,619   962 M   1.15 G  - " in pmrid
    assert " 1.03 M parameters, 1.15 G MAC by thop" in pmrid
    assert "MegEngine/PMRID" not in run.out
    assert "MegEngine/PMRID models/net_torch.py" in npulint("models", "list", "-v").out


def test_list_in_json_has_both_counts_and_what_is_published(npulint: Runner) -> None:
    rows = {row["name"]: row for row in npulint("models", "list", "--format", "json").json}
    assert set(rows) == {*CATALOGUE, *NARROW}
    pmrid = rows["pmrid"]
    assert (pmrid["parameters"], pmrid["macs"]) == (1_031_619, 962_232_320)
    assert round(pmrid["thop_macs"] / 1e9, 3) == 1.151
    assert pmrid["label"] == "exact-code"
    assert "MegEngine/PMRID" in pmrid["basis"]
    assert {"quantity": "parameters", "printed": "1.03 M", "where": "tables 1 and 4"}.items() <= (
        pmrid["published"][0].items()
    )


def test_build_writes_what_the_ending_says(npulint: Runner, tmp_path: Path) -> None:
    for ending, form in (("onnx", "onnx"), ("tflite", "tflite")):
        path = tmp_path / f"out.{ending}"
        run = npulint("models", "build", "smallnet", "-o", path, "--size", "16x24")
        assert (run.code, run.out, run.err) == (0, "", "")
        model = package.load(path)
        assert model.dialect == form
        shape = model.graphs[0].values[model.graphs[0].inputs[0]].shape
        assert sorted(shape or ()) == [1, 4, 16, 24]


def test_build_takes_either_exporter_and_an_opset(npulint: Runner, tmp_path: Path) -> None:
    path = tmp_path / "old.onnx"
    options = ("--exporter", "torchscript", "--opset", "11", "--size", "16x16")
    assert npulint("models", "build", "smallnet", "-o", path, *options).code == 0
    assert [entry.version for entry in onnx.load(path).opset_import] == [11]


def test_a_second_build_comes_from_the_cache(
    npulint: Runner, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("models", "build", "smallnet", "--size", "16x16", "-o")
    assert npulint(*command, tmp_path / "first.onnx").code == 0
    (kept,) = own_cache.iterdir()
    assert kept.name.startswith("smallnet-16x16-")
    # Without the framework a new export is impossible, and a kept one is not.
    monkeypatch.setattr(frameworks, "find_spec", lambda _: None)
    assert npulint(*command, tmp_path / "second.onnx").code == 0
    assert (tmp_path / "first.onnx").read_bytes() == (tmp_path / "second.onnx").read_bytes()
    assert npulint(*command, tmp_path / "third.onnx", "--fresh").code == 2


@pytest.mark.parametrize(
    ("ending", "extra"), [("onnx", "npulint[torch]"), ("tflite", "npulint[tensorflow]")]
)
def test_a_missing_framework_is_one_line_that_says_what_to_install(
    npulint: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, extra: str
) -> None:
    monkeypatch.setattr(frameworks, "find_spec", lambda _: None)
    path = tmp_path / f"out.{ending}"
    run = npulint("models", "build", "smallnet", "-o", path)
    assert (run.code, run.out, path.exists()) == (2, "", False)
    assert len(run.err.splitlines()) == 1
    assert f"pip install '{extra}'" in run.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("nonsense", "-o", "x.onnx"),
            "no reference network 'nonsense'; `npulint mod",
        ),
        (("smallnet", "-o", "x.pt"), "x.pt: a network is exported as .onnx or .tflite"),
        (("smallnet", "-o", "x.onnx", "--size", "16"), "'16' is not a size"),
        (("smallnet", "-o", "x.onnx", "--size", "0x16"), "'0x16' is not a size"),
        (("smallnet", "-o", "x.onnx", "--opset", "17"), "writes opsets 18 to 23, not 17"),
        (
            ("smallnet", "-o", "x.onnx", "--opset", "10", "--exporter", "torchscript"),
            "writes opsets 11 to 23, not 10",
        ),
        (("smallnet", "-o", "x.onnx", "--quantize", "int8"), "name a .tflite file"),
        (
            ("unet_small", "-o", "x.onnx", "--size", "20x20"),
            "unet_small cannot be written for an input of 20x20",
        ),
    ],
)
def test_what_cannot_be_built_is_said_in_one_line(
    npulint: Runner,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    run = npulint("models", "build", *options)
    assert (run.code, run.out, list(tmp_path.iterdir())) == (2, "", [])
    assert message in run.err
    assert len(run.err.splitlines()) == 1


def test_a_refusal_of_the_converter_leaves_no_file(npulint: Runner, tmp_path: Path) -> None:
    path = tmp_path / "out.tflite"
    path.write_bytes(b"as before")
    options = ("--quantize", "int16x8", "--size", "16x16")
    run = npulint("models", "build", "smallnet", "-o", path, *options)
    assert (run.code, path.read_bytes()) == (2, b"as before")
    assert "not yet supported for op: 'DEPTH_TO_SPACE'" in run.err


def test_validate_has_a_row_a_file_and_refusals_among_them(npulint: Runner) -> None:
    modes = ("--quantize", "none", "--quantize", "int8", "--quantize", "int16x8")
    asked = ("-t", "nnapi-1.1", "-t", "nnapi-1.2")
    command = ("models", "validate", "smallnet", "--size", "16x24", *modes, *asked)
    run = npulint(*command, "--format", "json")
    assert run.code == 0
    jsonschema.validate(run.json, SCHEMA)
    onnx_row, float32, int8, int16 = run.json["files"]
    assert (onnx_row["format"], onnx_row["opset"], onnx_row["difference"]) == ("onnx", 18, None)
    assert 0 < float32["difference"] < 1e-5 < int8["difference"] < 0.1
    assert float32["targets"]["nnapi-1.1"] == {"nodes": 1.0, "macs": 1.0, "pieces": 1}
    assert "DEPTH_TO_SPACE" in int16["refusal"]
    assert (int16["size"], int16["targets"], int16["fails"]) == (None, {}, False)
    text = npulint(*command).out
    assert "all agree" in text
    assert "smallnet as tflite int16x8: " in text


def test_validate_fails_when_files_differ(npulint: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("npulint.reference_models.trial.TOLERANCE", 1e-9)
    run = npulint("models", "validate", "smallnet", "--size", "16x16", "-t", "nnapi-1.2")
    assert run.code == 1
    assert "TOO MUCH" in run.out
    assert "1 of 2 fail" in run.out


def test_what_trained_weights_are_worth_is_of_the_schema() -> None:
    tried = Trial("n", (1, 1, 3), Recipe("tflite"), None, refusal="no")
    told = [
        networks.trials_json([tried], {}, {}, [Worth("n", "denoising", tried.recipe, quality)])
        for quality in (None, Quality(8, 20.0, 30.5, 0.5, 0.9))
    ]
    files = [json.loads(each)["files"][0]["trained"] for each in told]
    assert [each["held_out"] is None for each in files] == [True, False]
    for each in told:
        jsonschema.validate(json.loads(each), SCHEMA)


def test_a_difference_that_is_no_number_fails() -> None:
    tried = Trial("n", (1, 1, 3), Recipe("tflite"), Path("n.tflite"), difference=math.nan)
    assert tried.fails
    assert not replace(tried, difference=0.0).fails


def test_the_cache_forgets_what_was_used_longest_ago(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "LIMIT", 250)
    for age, name in enumerate(("new", "middle", "old")):
        path = own_cache / name
        cache.keep(path, bytes(100))
        os.utime(path, (1e9 - age, 1e9 - age))
    cache.keep(own_cache / "newest", bytes(100))
    assert sorted(path.name for path in own_cache.iterdir()) == ["new", "newest"]


def test_a_cache_that_cannot_be_written_costs_time_only(
    npulint: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NPULINT_CACHE", str(tmp_path / "file" / "below"))
    out = tmp_path / "out.onnx"
    assert npulint("models", "build", "smallnet", "--size", "8x8", "-o", out).code == 0
    assert out.exists()


def test_neither_linting_nor_listing_imports_a_framework() -> None:
    program = (
        "import sys; from npulint.cli import main; main(['models', 'list']); "
        "print(sorted({'torch', 'tensorflow', 'onnxruntime', 'onnx', 'rich'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[-1] == "[]"
