"""Profiles: strict to read, fresh when compiled, and standing on sources that others can find."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from npulint import opsets
from npulint.errors import TableError, TargetError
from npulint.opsets.devices import check_profile, load_device, shipped_profiles
from npulint.opsets.loader import compile_table, parse
from npulint.opsets.profile import Device

SHIPPED = shipped_profiles()
NAMED = (
    "mate30-pro-5g",
    "reno3-5g",
    "pixel-4",
    "dimensity-1000-plus",
    "dimensity-9000",
    "oneplus-8-pro",
    "tecno-camon-19-pro",
)

PROFILE = """\
device: my-phone
title: My phone
chip: My chip
date: "2026-01"
sources:
  notes: {page: My notes, date: "2026-01-31"}
path: {target: nnapi-1.2, known: assumed, say: it is new, source: notes page 1}
offers:
  hexagon-nn: {say: it is there, source: notes page 2}
drivers: [nnapi-reference, mine]
reference_cpu: {setting: unknown, say: nobody asked, source: notes page 3}
software:
  - {say: version 1, source: notes page 4}
observed:
  - op: CONV_2D
    type: float
    inputs: [input]
    when: {made_by: {op: CONCATENATION, operand: input}}
    outcome: may
    say: it was seen once
    source: notes page 5
cautions:
  - {kind: risky, say: too large, when: {input_pixels: {at_least: 100}}, source: notes page 6}
measured:
  - by: a stopwatch
    source: notes Table 1
    rows:
      - {network: mine, type: float, ms: 1.5, note: "1", fell: CONV_2D}
    pixels: 921600
limits:
  - It was looked at in passing.
"""

FAULTS = {
    "images of no size": ("pixels: 921600", "pixels: 0", "expected a number above 0", 29),
    "an unknown key": ("chip: My chip", "chips: My chip", "unknown key 'chips'", 3),
    "no chip": ("chip: My chip\n", "", "missing key 'chip'", 1),
    "a name with blanks": ("device: my-phone", "device: My Phone", "such as pixel-4", 1),
    "a date that is none": ('"2026-01"', '"26-1"', "YYYY-MM", 4),
    "a date that YAML reads": ('date: "2026-01"', "date: 2026", "quote it", 4),
    "a path that nobody knows": ("target: nnapi-1.2,", "target: nnapi-1.9,", "nnapi-1.9", 7),
    "a path without a source": (
        "say: it is new, source: notes page 1",
        "say: it is new",
        "missing key 'source'",
        7,
    ),
    "an unknown source": ("notes page 5", "note page 5", "unknown source", 21),
    "an offer that nobody knows": ("  hexagon-nn:", "  hexagon-mm:", "hexagon-mm", 9),
    "an unknown setting": ("setting: unknown", "setting: perhaps", "allowed or disallowed", 11),
    "an unknown operator": ("op: CONV_2D", "op: CONV_3X", "unknown operator 'CONV_3X'", 15),
    "an unknown neighbour": (
        "op: CONCATENATION,",
        "op: CONCAT,",
        "did you mean CONCATENATION",
        18,
    ),
    "a misspelt attribute": (
        "{made_by: {op: CONCATENATION, operand: input}}",
        "{attribute: stride_width, default: 1, equals: 2}",
        "CONV_2D has no attribute 'stride_width': did you mean stride_w or",
        18,
    ),
    "a misspelt attribute of a neighbour": (
        "operand: input}",
        "operand: input, when: {attribute: axes, equals: 3}}",
        "CONCATENATION has no attribute 'axes'",
        18,
    ),
    "an unknown type": ("type: float\n", "type: floats\n", "unknown type 'floats'", 16),
    "an unknown outcome": ("outcome: may", "outcome: maybe", "expected cpu or may", 19),
    "an unknown operand": ("operand: input", "operand: inputs", "unknown operand 'inputs'", 18),
    "an unknown situation": ("made_by:", "makes:", "unknown condition 'makes'", 18),
    "steps without a number": ("made_by:", "after:", "operand", 18),
    "no sentence": ("    say: it was seen once\n", "", "missing key 'say'", 15),
    "an unknown circumstance": ("input_pixels", "input_size", "unknown key 'input_size'", 23),
    "pixels compared with a word": ("at_least: 100", "at_least: many", "a whole number", 23),
    "no result": ("ms: 1.5, ", "", "expected a result", 28),
    "a latency of a failed run": ("ms: 1.5", "ms: 1.5, failed: x", "has no latency", 28),
    "a negative latency": ("ms: 1.5", "ms: -1", "above 0", 28),
    "fallen without a footnote": ('note: "1", ', "", "footnote", 28),
    "a key twice": ("chip: My chip", "chip: My chip\nchip: My chip", "duplicate key", 4),
}


def written(folder: Path, text: str) -> Path:
    path = folder / "phone.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_profile_of_ones_own_is_read(tmp_path: Path) -> None:
    device = opsets.find(written(tmp_path, PROFILE))
    assert isinstance(device, Device)
    assert (device.name, device.start.target.name) == ("my-phone", "nnapi-1.2")
    (seen,) = device.observed
    assert (seen.identity, seen.outcome) == ("CONV_2D-float", "may")
    assert seen.source == "My notes page 5 (2026-01-31)"
    (figure,) = device.measured
    assert (figure.milliseconds, figure.note, figure.fell) == (1.5, "1", "CONV_2D")
    assert figure.pixels == 921_600


@pytest.mark.parametrize("fault", FAULTS)
def test_a_careless_profile_is_refused_with_its_line(fault: str, tmp_path: Path) -> None:
    old, new, message, line = FAULTS[fault]
    assert PROFILE.count(old) >= 1
    path = written(tmp_path, PROFILE.replace(old, new, 1))
    with pytest.raises(TableError) as caught:
        opsets.find(path)
    assert message in str(caught.value)
    assert caught.value.line == line


def test_the_phones_of_the_papers_are_there() -> None:
    assert set(NAMED) <= set(opsets.devices())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_profiles_are_strict_and_freshly_compiled(path: Path) -> None:
    compiled = path.with_suffix(".json").read_text(encoding="utf-8")
    assert compiled == compile_table(path, check_profile), "run python -m npulint.opsets.compile"
    assert load_device(path.stem).name == path.stem


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_source_is_used_and_can_be_found_by_others(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    device = load_device(path.stem)
    for short, source in device.sources.items():
        assert re.search(rf"source: {short} |\n +source: {short} ", text), short
        assert re.search(r"arXiv:\d{4}\.\d{5}|https://|thesis", source), source
    cited = [
        *(remark.source for remark in (*device.software, *device.findings)),
        *(each.source for each in (*device.observed, *device.cautions, *device.measured)),
        device.start.source,
    ]
    assert all(re.search(r"[Tt]able|[Ss]ection|Figure", source) for source in cited)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_profiles_say_what_is_assumed_and_what_is_measured(path: Path) -> None:
    device = load_device(path.stem)
    assert device.measured
    assert device.start.say
    if device.start.target.family == "nnapi":
        assert device.reference_cpu is not None, "which setting was in force?"


SIZES = {"Full HD": 1920 * 1080, "12 megapixels": 12_000_000}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_pixels_of_a_run_are_those_of_the_size_that_is_named(path: Path) -> None:
    for run in load_device(path.stem).measured:
        sides = re.search(r"(\d+)x(\d+)", run.by)
        named = [pixels for name, pixels in SIZES.items() if run.by.endswith(name)]
        if sides is not None:
            assert run.pixels == int(sides[1]) * int(sides[2]), run.by
        elif named:
            assert run.pixels == named[0], run.by
        else:  # the thesis measures crops of 256x256 throughout (section 4.5)
            assert (path.stem, run.pixels) == ("oneplus-8-pro", 65_536)


def test_a_stale_compiled_profile_is_not_used(tmp_path: Path) -> None:
    path = written(tmp_path, PROFILE)
    path.with_suffix(".json").write_text(json.dumps({"sha256": "0", "document": {}}))
    assert load_device(path).name == "my-phone"


def test_an_unknown_name_is_answered_with_names_of_targets_and_devices() -> None:
    with pytest.raises(TargetError, match="pixel-4"):
        opsets.find("pixel4")
    with pytest.raises(TargetError, match=r"nnapi-1\.2"):
        opsets.find("nnapi1.2")
    with pytest.raises(TargetError, match="pixel-4"):
        load_device("../devices/pixel-4")


def test_a_file_may_hold_a_table_as_well(tmp_path: Path) -> None:
    nnapi = Path(opsets.__file__).parent / "hexagon.yaml"
    assert "device" not in parse(nnapi, nnapi.read_bytes()).document
    assert opsets.find(nnapi).name == "hexagon-nn"
