"""What goes wrong around a run on a phone: each a clear sentence, nothing lost, nothing left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from npulint.device.adb import Adb, Handset
from npulint.device.importing import read_text
from tests.cli.support import SMALLNET_TFLITE, Runner
from tests.phones.conftest import Lab
from tests.phones.device_side import LARGEST
from tests.phones.handheld import conduct
from tests.phones.test_phones import RUN, arguments, asked, is_clean, sample

__all__ = ["sample"]


def test_files_are_named_from_where_the_user_is(
    lab: Lab, npulint: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """adb runs elsewhere, and paths may have anything in them."""
    phone = lab.phone()
    folder = tmp_path / 'it\'s "here" $x'
    folder.mkdir()
    shutil.copy(SMALLNET_TFLITE, folder / "my model's.tflite")
    shutil.copy(phone.benchmark, folder / "-benchmark model")
    (folder / "lib a'b.so").write_bytes(b"a delegate")
    monkeypatch.chdir(folder)
    given = ["--benchmark", "./-benchmark model", "--backend", "external:./lib a'b.so"]
    here = ["--serial", phone.serial, *lab.options, "-o", "ran.json"]
    run = npulint("device", "run", "my model's.tflite", *given, *here)
    assert (run.code, run.out, run.err) == (0, "", "")
    ran = json.loads(Path("ran.json").read_text(encoding="utf-8"))
    assert ran["runs"][0]["seen"]["settings"]["Library"] == "lib a'b.so"
    assert is_clean(phone)


def test_what_is_fetched_goes_where_the_user_is(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = lab.phone()
    (phone.tmp / "x").write_bytes(b"content")
    monkeypatch.chdir(tmp_path)
    with Adb(None, lab.port) as adb:
        Handset(adb, phone.serial).pull("/data/local/tmp/x", Path("fetched"), 30)
    assert (tmp_path / "fetched").read_bytes() == b"content"


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (b"", "benchmark_model told nothing at all"),
        (b"#!/bin/sh\nexit 0\n", "benchmark_model told nothing at all"),
        (b"#!/bin/sh\necho hello\n", "benchmark_model told no latency"),
        (b"#!/bin/sh\nexit 137\n", "benchmark_model died of signal 9, as Android ends what takes"),
        (b"\x7fELF\x00nothing", "the phone cannot run this benchmark_model, which must be Android"),
        (b"#!/nowhere/sh\n", "the phone cannot run this benchmark_model, which must be Android"),
    ],
)
def test_programs_that_are_no_benchmark_model(
    program: bytes, told: str, lab: Lab, npulint: Runner, tmp_path: Path
) -> None:
    phone = lab.phone()
    phone.benchmark = tmp_path / "program"
    phone.benchmark.write_bytes(program)
    run = npulint(*arguments(lab, phone, "--backend", "cpu", "--format", "json"))
    assert (run.code, run.err) == (1, "")
    jsonschema.validate(run.json, RUN)
    (found,) = run.json["runs"]
    assert found["outcome"] == "failed"
    assert found["fault"].startswith(told)
    assert is_clean(phone)


def test_an_accelerator_that_is_not_there_is_named() -> None:
    said = "INFO: STARTING!\nERROR: Could not find the specified NNAPI accelerator: npx. "
    (session,) = read_text(f"{said}Must be one of: {{npu,nnapi-reference}}.\n", "log").sessions
    assert session.accelerators == ["npu", "nnapi-reference"]
    assert session.faults[0].startswith("Could not find the specified NNAPI accelerator: npx.")


def test_a_process_that_only_started_broke_off() -> None:
    (session,) = read_text("STARTING!\n", "log").sessions
    assert session.faults == ["breaks off before the latency of its inferences is told"]


def test_a_folder_that_nothing_can_be_written_into(lab: Lab, npulint: Runner) -> None:
    phone = lab.phone()
    tool = phone.folder / "bin" / "mkdir"
    tool.write_text("#!/bin/sh\necho \"mkdir: '$1': Read-only file system\" >&2\nexit 1\n")
    tool.chmod(0o755)
    run = npulint(*arguments(lab, phone))
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith(f"npulint: {phone.serial}: cannot make a folder on it: mkdir: ")
    assert run.err.endswith(": Read-only file system\n")
    assert is_clean(phone)


@pytest.mark.parametrize("comes_back", [False, True])
def test_a_phone_that_goes_away_while_it_hands_outputs_over(
    comes_back: bool,
    sample: tuple[Path, bytes],
    lab: Lab,
    npulint: Runner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    phone = lab.phone(drop_pull_at=LARGEST, comes_back=comes_back)
    (phone.folder / "outputs.bin").write_bytes(sample[1])
    assert len(sample[1]) > 2 * LARGEST
    monkeypatch.setattr("npulint.device.adb.RETURN", 20.0 if comes_back else 1.0)
    given = ["--backend", "gpu", "--inputs", sample[0], "--format", "json"]
    run = npulint(*arguments(lab, phone, *given))
    assert run.code == 2
    jsonschema.validate(run.json, RUN)
    assert run.json["error"].startswith(f"{phone.serial}: went away, or was unplugged")
    (found,) = run.json["runs"]
    assert found["timed"]["latency_us"]["inference"]["average"] == 1885.74
    assert found["outputs"] is None
    assert is_clean(phone) == comes_back
    assert (run.json["left"] == []) == comes_back


def test_what_was_timed_stays_when_the_phone_goes_right_after(
    lab: Lab, npulint: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = lab.phone(leaves_at="rm -f ")
    monkeypatch.setattr("npulint.device.adb.RETURN", 1.0)
    run = npulint(*arguments(lab, phone, "--backend", "cpu", "--format", "json"))
    assert run.code == 2
    (found,) = run.json["runs"]
    assert found["timed"]["latency_us"]["inference"]["average"] == 1885.74


def test_a_report_that_cannot_be_written_is_told_before_anything_runs(
    lab: Lab, npulint: Runner, tmp_path: Path
) -> None:
    phone = lab.phone()
    for place, told in (
        (tmp_path / "absent" / "ran.json", "cannot write here: No such file or directory"),
        (tmp_path, "is a directory"),
        (phone.benchmark, "a report would replace this file, which was given"),
    ):
        run = npulint(*arguments(lab, phone, "-o", place))
        assert (run.code, run.out) == (2, "")
        assert told in run.err
        assert len(run.err.splitlines()) == 1
    assert asked(phone) == []
    assert is_clean(phone)
    conduct(phone, "mute")
    assert npulint(*arguments(lab, phone, "-o", tmp_path / "ran.json")).code == 0
