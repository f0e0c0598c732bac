"""The shipped tables: found by name, compiled freshly, cheap to load."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from npulint.errors import TargetError
from npulint.opsets import describe, load_target, targets
from npulint.opsets.loader import compile_table, read_shipped, read_table
from npulint.opsets.registry import shipped
from npulint.opsets.schema import FILE, schema_text

NNAPI = {
    "nnapi-1.0": 27,
    "nnapi-1.1": 28,
    "nnapi-1.2": 29,
    "nnapi-1.3": 30,
    "nnapi-fl5": 31,
    "nnapi-fl6": 1000006,
    "nnapi-fl7": 1000007,
}


def test_names_and_levels_are_the_contract() -> None:
    assert len(set(targets())) == len(targets())
    for name, level in NNAPI.items():
        for named in (False, True):
            target = load_target(name + "+accelerator" * named)
            assert (target.level, target.accelerator) == (level, named)
            assert target.family == "nnapi"
            assert target.dialect == "tflite"


def test_every_shipped_target_can_be_loaded_and_cites_what_it_says() -> None:
    for name in targets():
        target = load_target(name)
        assert target.name == name
        assert load_target(name) is target
        for op in target.entries:
            for line in describe(target, op):
                assert any(line.source.startswith(s.split(" ")[0]) for s in target.sources.values())
                assert line.sentence


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_compiled_tables_are_fresh(path: Path) -> None:
    compiled = path.with_suffix(".json").read_text(encoding="utf-8")
    assert compiled == compile_table(path), "run python -m npulint.opsets.compile"


def test_the_schema_for_editors_is_fresh() -> None:
    assert FILE.read_text(encoding="utf-8") == schema_text(), "run python -m npulint.opsets.compile"


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_shipped_tables_are_of_the_schema(path: Path) -> None:
    document = read_table(path).document.data
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text()))
    jsonschema.validate(document, json.loads(schema_text()))


SLIPS = (
    ('"dialect":"', '"dialect":"tensor'),
    ('"op":', '"operator":'),
    ('"date":', '"day":'),
    ('"source":', '"sauce":'),
    ('"int8"]', '"int9"]'),
)
"""Of which only the last is of a thing that some tables do not speak of: the types of operands."""


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_the_schema_finds_slips(path: Path) -> None:
    schema = json.loads(schema_text())
    text = json.dumps(read_table(path).document.data, separators=(",", ":"))
    slips = SLIPS if '"dtype"' in text and SLIPS[-1][0] in text else SLIPS[:-1]
    for old, new in slips:
        assert old in text
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(json.loads(text.replace(old, new)), schema)


def test_a_stale_compiled_table_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "nnapi.yaml"
    source = next(path for path in shipped() if path.stem == "nnapi")
    path.write_text(source.read_text(encoding="utf-8").replace("title: Android", "title: A new"))
    stale = json.loads(source.with_suffix(".json").read_bytes())
    path.with_suffix(".json").write_text(json.dumps(stale))
    assert read_shipped(path).text_at("title").startswith("A new")
    path.with_suffix(".json").write_text("{")
    assert read_shipped(path).text_at("title").startswith("A new")
    path.write_bytes(source.read_bytes())
    path.with_suffix(".json").write_text(json.dumps(stale))
    assert read_shipped(path).text_at("title").startswith("Android")


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(TargetError, match=r"did you mean .*nnapi-1\.2"):
        load_target("nnapi-12")
    with pytest.raises(TargetError, match="known are"):
        load_target("xyzzy")


def test_loading_a_shipped_target_needs_neither_yaml_nor_numpy() -> None:
    # networkx, which every check needs, imports importlib.metadata as well.
    script = (
        "import sys, time, importlib.metadata; from npulint import opsets; "
        "before = time.process_time(); "
        "opsets.load_target('nnapi-1.2'); spent = time.process_time() - before; "
        "print(spent, sorted({'yaml', 'numpy', 'networkx', 'difflib'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    spent, modules = run.stdout.split(" ", 1)
    assert modules.strip() == "[]"
    assert float(spent) < 0.015
