"""Installed packages bring tables and predicates by an entry point; broken ones are named."""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path

import pytest

from npulint import opsets
from npulint.errors import TableError, TargetError
from npulint.opsets import registry
from tests.cli.support import SMALLNET_TFLITE, Runner
from tests.custom_target.packages import ACME, MODULE, Install

PREDICATE = """\
from npulint.opsets import Predicate

def _odd(operation, values):
    shape = values[0].shape
    return (None, "unknown") if shape is None else (bool(shape[1] % 2), str(shape[1]))

ODD = Predicate(
    "acme-odd", ("value",), "the height of {value}", "odd on Acme's first chip", _odd
)
EXTENSION = Extension(tables=(Path(__file__).parent / "tables",), predicates=(ODD,))
"""


def test_a_packages_target_is_a_target_like_any_other(npulint: Runner, install: Install) -> None:
    tables = install("acme-tables")
    run = npulint("check", SMALLNET_TFLITE, "-t", "acme-npu")
    assert "acme-npu  4 of 5" in run.out
    assert npulint("explain", "acme-npu:CONV_2D").code == 0
    listed = {each["name"]: each for each in npulint("targets", "--format", "json").json}
    assert listed["acme-npu"]["package"] == "acme-tables 1.5 (acme)"
    assert listed["acme-npu"]["table"] == str(tables / "acme.yaml")
    assert listed["nnapi-1.2"]["package"] == "npulint"
    verbose = npulint("targets", "-v")
    assert verbose.code == 0
    assert f"acme-tables 1.5 (acme): {tables / 'acme.yaml'}" in verbose.out


def test_a_packages_predicate_serves_any_table(install: Install, tmp_path: Path) -> None:
    text = ACME.read_text(encoding="utf-8").replace("no-empty-axis", "acme-odd")
    install("acme-odd", MODULE.replace("EXTENSION", "FIRST") + PREDICATE, text)
    sentences = [
        line.sentence for line in opsets.describe(opsets.load_target("acme-npu"), "RESHAPE")
    ]
    assert sentences == ["the height of input must be odd on Acme's first chip"]
    own = tmp_path / "own.yaml"
    own.write_text(text, encoding="utf-8")
    assert "RESHAPE" in opsets.load_target(own).entries


def test_a_predicate_that_fails_is_its_packages_fault(npulint: Runner, install: Install) -> None:
    module = PREDICATE.replace("shape = values[0].shape", "shape = values[0].size")
    text = ACME.read_text(encoding="utf-8")
    text = text.replace("{constant: filter", "{predicate: acme-odd, of: [input]")
    install(
        "acme-failing",
        "from pathlib import Path\nfrom npulint.opsets import Extension\n" + module,
        text,
    )
    run = npulint("check", SMALLNET_TFLITE, "-t", "acme-npu")
    assert (run.code, run.out) == (2, "")
    said = "package acme-failing 1.5 (acme): predicate 'acme-odd' failed on CONV_2D: AttributeError"
    assert said in run.err


def test_an_unknown_predicate_is_told_the_packages_ones_too(
    install: Install, tmp_path: Path
) -> None:
    install("acme-hint", MODULE.replace("EXTENSION", "FIRST") + PREDICATE)
    own = tmp_path / "own.yaml"
    own.write_text(ACME.read_text(encoding="utf-8").replace("no-empty-axis", "acme-odds"))
    with pytest.raises(TableError, match="unknown predicate 'acme-odds': did you mean acme-odd"):
        opsets.load_target(own)


FAULTS = {
    "an import that fails": ("import nobody_has_this", "ModuleNotFoundError: No module named"),
    "an import that exits": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "no such object": ("", "AttributeError"),
    "another kind of object": ("EXTENSION = ['tables']", "is a list, expected an Extension"),
    "a path as a text": (
        MODULE.replace('Path(__file__).parent / "tables"', '"tables"'),
        "expected a tuple of pathlib.Path",
    ),
    "a missing folder": (MODULE.replace('"tables"', '"elsewhere"'), "elsewhere: cannot be read"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_package_at_fault_is_named_in_one_line(
    name: str, npulint: Runner, install: Install
) -> None:
    module, message = FAULTS[name]
    install("acme-broken", module)
    run = npulint("targets")
    assert run.code == 2
    (line,) = run.err.splitlines()
    assert line.startswith("npulint: package acme-broken 1.5 (acme): ")
    assert message in line
    assert "nnapi-1.2" in run.out
    asked = npulint("check", SMALLNET_TFLITE, "-t", "acme-npu")
    assert (asked.code, asked.out) == (2, "")
    assert "unknown target or device 'acme-npu'" in asked.err
    assert "package acme-broken 1.5 (acme): " in asked.err
    assert npulint("check", SMALLNET_TFLITE, "-t", "nnapi-1.2").code == 0


def test_an_empty_folder_is_a_fault(npulint: Runner, install: Install) -> None:
    install("acme-empty", table="")
    run = npulint("targets")
    assert run.code == 2
    assert "package acme-empty 1.5 (acme): " in run.err


def test_a_broken_table_disturbs_only_those_who_ask_for_it(
    npulint: Runner, install: Install
) -> None:
    text = ACME.read_text(encoding="utf-8").replace("rank: values", "rnak: values")
    path = install("acme-slip", table=text) / "acme.yaml"
    line = next(n for n, each in enumerate(text.splitlines(), 1) if "rnak" in each)
    for arguments in (("check", SMALLNET_TFLITE, "-t"), ("explain",)):
        run = npulint(*arguments, "acme-npu")
        assert (run.code, run.out) == (2, "")
        assert run.err.startswith(f"npulint: {path}:{line}: unknown condition 'rnak'")
        assert npulint(*arguments, "nnapi-1.2").code == 0
    run = npulint("targets")
    assert run.code == 2
    assert f"{path}:{line}: unknown condition" in run.err
    assert "nnapi-1.2" in run.out
    assert npulint("check", SMALLNET_TFLITE).err == ""


def test_two_tables_of_one_name_are_both_named(npulint: Runner, install: Install) -> None:
    first, second = install("acme-one"), install("acme-two")
    run = npulint("check", SMALLNET_TFLITE, "-t", "acme-npu")
    assert (run.code, run.out) == (2, "")
    for part in (first / "acme.yaml", "acme-one 1.5", second / "acme.yaml", "acme-two 1.5"):
        assert str(part) in run.err
    assert "acme-npu" not in npulint("targets").out
    assert npulint("targets").code == 2


def test_a_package_cannot_take_a_shipped_name(install: Install) -> None:
    text = ACME.read_text(encoding="utf-8").replace("family: acme-npu", "family: hexagon-nn")
    install("acme-usurper", table=text)
    opsets.load_target("neuron")
    registry._loaded.pop("hexagon-nn", None)
    with pytest.raises(TargetError, match=r"'hexagon-nn' stands in .*\(npulint\) and in .*usurper"):
        opsets.load_target("hexagon-nn")


def test_two_predicates_of_one_name_are_a_fault_of_both(npulint: Runner, install: Install) -> None:
    module = MODULE.replace("EXTENSION", "FIRST") + PREDICATE
    text = ACME.read_text(encoding="utf-8")
    install("acme-left", module, text.replace("no-empty-axis", "acme-odd"))
    install("acme-right", module, text.replace("acme-npu", "acme-other"))
    run = npulint("check", SMALLNET_TFLITE, "-t", "acme-npu")
    assert run.code == 2
    assert "'acme-odd' is brought by acme-left 1.5 (acme) and acme-right 1.5 (acme)" in run.err
    assert npulint("check", SMALLNET_TFLITE, "-t", "acme-other").code == 1


def test_a_broken_shipped_table_disturbs_only_those_who_ask_for_it(
    npulint: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "opsets"
    folder.mkdir()
    for path in registry.FOLDER.glob("*.yaml"):
        shutil.copy(path, folder)
        shutil.copy(path.with_suffix(".json"), folder)
    (folder / "neuron.yaml").write_text("family: neuron\ntitle: [\n", encoding="utf-8")
    monkeypatch.setattr(registry, "FOLDER", folder)
    monkeypatch.setattr(registry, "_loaded", {})
    assert npulint("check", SMALLNET_TFLITE, "-t", "nnapi-1.2").code == 0
    asked = npulint("check", SMALLNET_TFLITE, "-t", "neuron")
    assert (asked.code, asked.out) == (2, "")
    assert f"npulint: {folder / 'neuron.yaml'}:3: not YAML" in asked.err
    assert npulint("check", SMALLNET_TFLITE).err == asked.err  # one of the default targets
    listed = npulint("targets")
    assert listed.code == 2
    assert "nnapi-1.2" in listed.out
    assert "neuron.yaml:3" in listed.err
    unknown = npulint("explain", "nueron-2")
    assert unknown.code == 2
    assert "neuron.yaml:3" in unknown.err


def test_a_broken_device_profile_is_named_and_the_others_are_listed(
    npulint: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = import_module("npulint.opsets.devices")  # the package has a function of that name
    folder = tmp_path / "devices"
    shutil.copytree(devices.FOLDER, folder)
    (folder / "pixel-4.yaml").write_text("device: pixel-4\n", encoding="utf-8")
    monkeypatch.setattr(devices, "FOLDER", folder)
    monkeypatch.setattr(devices, "_loaded", {})
    run = npulint("targets")
    assert run.code == 2
    (line,) = run.err.splitlines()
    assert line.startswith(f"npulint: {folder / 'pixel-4.yaml'}:1: missing key ")
    assert "reno3-5g" in run.out
    assert "pixel-4" not in run.out
