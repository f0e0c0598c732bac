"""`npulint device list` and `run`: the real adb and its server, against phones of the tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from npulint.device import Request, run_model, workspace
from npulint.device.adb import Adb, Handset, PhoneError, PhoneGoneError
from npulint.device.backends import Backend, parse_backend
from npulint.device.phones import Attached, choose
from npulint.errors import UsageError
from npulint.formats import load
from npulint.reports import device_json
from npulint.runtimes import Runner as Runtime
from tests.cli.support import SMALLNET_TFLITE, UNET_ONNX, Runner
from tests.phones.conftest import Lab
from tests.phones.device_side import Phone
from tests.phones.handheld import conduct

REPORTS = Path(device_json.__file__).parent


def schema(name: str) -> object:
    return json.loads((REPORTS / name).read_text(encoding="utf-8"))


RUN = schema("device_run.schema.json")
LIST = schema("device_list.schema.json")


def arguments(lab: Lab, phone: Phone, *more: object) -> list[object]:
    given = ["device", "run", SMALLNET_TFLITE, "--benchmark", phone.benchmark]
    return [*given, "--serial", phone.serial, *lab.options, *more]


def is_clean(phone: Phone) -> bool:
    """Whether nothing is left on a phone: no file, no program, no setting."""
    setting = (phone.folder / "props" / "debug.nn.vlog").read_text(encoding="utf-8")
    return list(phone.tmp.iterdir()) == [] and setting == "8"


def asked(phone: Phone) -> list[str]:
    """The command lines that benchmark_model was given."""
    path = phone.folder / "commands"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def test_phones_are_listed(lab: Lab, npulint: Runner) -> None:
    good = lab.phone(trust="asks")
    shy = lab.phone(trust="refuses")
    run = npulint("device", "list", *lab.options)
    assert (run.code, run.err) == (0, "")
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in run.out.splitlines()}
    assert rows[good.serial] == "ready Utah Teapot 4, Android 13, API 33, TP8450, arm64-v8a"
    assert rows[shy.serial].startswith("does not trust this computer")
    found = npulint("device", "list", *lab.options, "--format", "json").json
    jsonschema.validate(found, LIST)
    assert {each["serial"]: each["state"] for each in found["phones"]} == {
        good.serial: "device",
        shy.serial: "unauthorized",
    }


def test_no_phone_can_be_used(lab: Lab, npulint: Runner) -> None:
    assert npulint("device", "list", *lab.options).out == "no phone is attached\n"
    lab.phone(trust="refuses")
    assert npulint("device", "list", *lab.options).code == 1


def test_a_run_by_all_backends(lab: Lab, npulint: Runner, tmp_path: Path) -> None:
    phone = lab.phone()
    report = tmp_path / "report.json"
    run = npulint(*arguments(lab, phone, "--runs", 20, "-o", report))
    assert (run.code, run.out, run.err) == (0, "", "")
    found = json.loads(report.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(RUN)
    jsonschema.validate(found, RUN)
    assert found["phone"]["model"] == "Teapot 4"
    assert (found["left"], found["error"]) == ([], None)
    # NNAPI once for each accelerator that the phone names, its own CPU not among them.
    assert [each["backend"] for each in found["runs"]] == [
        "cpu",
        "nnapi:tp-npu",
        "nnapi:tp-gpu",
        "gpu",
    ]
    cpu, npu, _, gpu = found["runs"]
    assert npu["timed"]["latency_us"]["inference"]["runs"] == 20
    assert npu["seen"]["choices"][0]["device"] == "tp-npu"
    assert [each["op"] for each in npu["seen"]["refusals"]] == ["DEPTH_TO_SPACE"]
    assert npu["heat"]["before"] == {"throttling": "light", "battery": 30.5}
    places = {each["backend"]: [node["on"] for node in each["nodes"]] for each in found["runs"]}
    assert places["nnapi:tp-npu"] == ["accelerator"] * 4 + ["cpu"]
    assert set(places["gpu"]) == {"accelerator"}
    assert set(places["cpu"]) == {"cpu"}
    assert (npu["nnapi_log"]["there"], gpu["nnapi_log"]["there"]) == (True, False)
    assert cpu["uncompared"] == "no --inputs were given"
    assert is_clean(phone)


def test_a_report_is_drawn_as_it_is_named(lab: Lab, npulint: Runner, tmp_path: Path) -> None:
    phone = lab.phone()
    for name, begins in (("r.json", "{"), ("r.txt", f"{phone.serial}  ready"), ("r", phone.serial)):
        report = tmp_path / name
        assert npulint("device", "list", *lab.options, "-o", report).code == 0
        assert report.read_text(encoding="utf-8").startswith(begins)
    npulint("device", "list", *lab.options, "--format", "text", "-o", tmp_path / "r.json")
    assert (tmp_path / "r.json").read_text(encoding="utf-8").startswith(phone.serial)


def test_how_the_accelerator_is_asked_for(lab: Lab, npulint: Runner) -> None:
    phone = lab.phone()
    assert npulint(*arguments(lab, phone, "--backend", "nnapi:tp-npu", "--fp16")).code == 0
    timed, seen = asked(phone)
    for option in (
        "--use_nnapi=true",
        "--disable_nnapi_cpu=true",
        "--nnapi_accelerator_name=tp-npu",
        "--nnapi_allow_fp16=true",
    ):
        assert option in timed.split()
        assert option in seen.split()
    assert "--enable_op_profiling=true" in seen
    assert "profiling" not in timed


def test_a_phone_without_named_accelerators(lab: Lab, npulint: Runner) -> None:
    phone = lab.phone()
    conduct(phone, "nameless")
    run = npulint(*arguments(lab, phone, "--backend", "nnapi", "--format", "json"))
    assert run.code == 0
    assert [each["backend"] for each in run.json["runs"]] == ["nnapi"]
    assert run.json["remarks"][0].startswith("the phone names no NNAPI accelerator")
    assert {node["on"] for node in run.json["runs"][0]["nodes"][:4]} == {"accelerator"}


@pytest.mark.parametrize(
    ("backend", "pushed"), [("hexagon:{libs}", "a.so,b.so"), ("external:{libs}/b.so", "b.so")]
)
def test_libraries_go_with_the_model(
    backend: str, pushed: str, lab: Lab, npulint: Runner, tmp_path: Path
) -> None:
    libraries = tmp_path / "libs"
    libraries.mkdir()
    for name in ("a.so", "b.so", "notes.txt"):
        (libraries / name).write_bytes(b"\x7fELF")
    phone = lab.phone()
    given = backend.format(libs=libraries)
    run = npulint(*arguments(lab, phone, "--backend", given, "--format", "json"))
    assert run.code == 0
    assert run.json["runs"][0]["seen"]["settings"]["Library"] == pushed
    assert is_clean(phone)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """Inputs for the model, and the bytes of what it computes of them here."""
    path = tmp_path_factory.mktemp("inputs") / "inputs.npz"
    with Runtime(SMALLNET_TFLITE, "tflite") as runtime:
        (slot,) = runtime.inputs
        shape = [size if isinstance(size, int) else 8 for size in slot.shape]
        array = np.random.default_rng(3).random(shape, np.float32)
        np.savez(path, **{slot.name: array})
        runtime.run([array])
        outputs = b"".join(runtime.fetch(each.key).tobytes() for each in runtime.outputs)
    return path, outputs


def test_outputs_are_held_against_this_computers(
    sample: tuple[Path, bytes], lab: Lab, npulint: Runner
) -> None:
    inputs, content = sample
    phone = lab.phone()
    rounded = np.frombuffer(content, np.float32).astype(np.float16).astype(np.float32)
    (phone.folder / "outputs.bin").write_bytes(rounded.tobytes())
    given = arguments(lab, phone, "--backend", "gpu", "--inputs", inputs)
    run = npulint(*given, "--format", "json")
    assert run.code == 0
    jsonschema.validate(run.json, RUN)
    (output,) = run.json["runs"][0]["outputs"]
    assert 60 < output["difference"]["psnr"] < 100
    exact = np.frombuffer(content, np.float32)
    worst = float(np.abs(exact.astype(np.float64) - rounded).max())
    assert output["difference"]["max_absolute"] == pytest.approx(worst)
    (phone.folder / "outputs.bin").write_bytes(content)
    assert " equal\n" in npulint(*given).out


def test_outputs_of_one_backend_are_not_anothers(
    sample: tuple[Path, bytes], lab: Lab, npulint: Runner
) -> None:
    phone = lab.phone()
    conduct(phone, "mute-cpu")
    (phone.folder / "outputs.bin").write_bytes(sample[1])
    given = ["--backend", "gpu", "--backend", "cpu", "--inputs", sample[0], "--format", "json"]
    gpu, cpu = npulint(*arguments(lab, phone, *given)).json["runs"]
    assert gpu["outputs"][0]["difference"]["max_absolute"] == 0
    assert cpu["outputs"] is None
    assert cpu["uncompared"].startswith("this benchmark_model writes no outputs")


@pytest.mark.parametrize(
    "case",
    [
        ("mute", b"", "this benchmark_model writes no outputs"),
        ("", b"1234", "the phone's outputs have 4 bytes, and "),
        ("refuses", b"", "the run was not finished"),
    ],
    ids=["no file", "another size", "no run"],
)
def test_why_outputs_are_not_compared(
    case: tuple[str, bytes, str], sample: tuple[Path, bytes], lab: Lab, npulint: Runner
) -> None:
    word, content, told = case
    phone = lab.phone()
    conduct(phone, word)
    (phone.folder / "outputs.bin").write_bytes(content)
    given = arguments(lab, phone, "--backend", "gpu", "--inputs", sample[0], "--format", "json")
    (found,) = npulint(*given).json["runs"]
    assert found["outputs"] is None
    assert found["uncompared"].startswith(told)
    assert is_clean(phone)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("refuses", "NN API returned error ANEURALNETWORKS_OP_FAILED"),
        ("crashes", "benchmark_model died of signal 11"),
        ("leaves", "benchmark_model ended with exit code 7: INFO: nothing works"),
    ],
)
def test_what_fails_is_told(word: str, told: str, lab: Lab, npulint: Runner) -> None:
    phone = lab.phone()
    conduct(phone, word)
    given = ["--backend", "nnapi:tp-npu", "--backend", "gpu", "--format", "json"]
    run = npulint(*arguments(lab, phone, *given))
    assert (run.code, run.err) == (1, "")
    for found in run.json["runs"]:
        assert found["outcome"] == "failed"
        assert found["fault"].startswith(told)
        assert {node["on"] for node in found["nodes"]} == {"unknown"}
    assert is_clean(phone)


def runs(process: int) -> bool:
    """Whether a process is there, and no zombie."""
    path = Path(f"/proc/{process}/stat")
    return path.exists() and path.read_text().rpartition(")")[2].split()[0] != "Z"


def waited(process: int) -> bool:
    """Whether a process ends in a while."""
    until = time.monotonic() + 20
    while runs(process) and time.monotonic() < until:
        time.sleep(0.05)
    return not runs(process)


def test_what_takes_too_long_is_ended(lab: Lab, npulint: Runner) -> None:
    phone = lab.phone()
    conduct(phone, "hangs")
    run = npulint(*arguments(lab, phone, "--backend", "cpu", "--timeout", "2"))
    assert run.code == 1
    assert "took too long: took longer than 2 s, and was ended" in run.out
    assert waited(int((phone.folder / "hanging").read_text()))
    assert is_clean(phone)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing(stop: signal.Signals, lab: Lab) -> None:
    phone = lab.phone()
    conduct(phone, "hangs")
    command = [sys.executable, "-m", "npulint", *map(str, arguments(lab, phone))]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    hanging = phone.folder / "hanging"
    until = time.monotonic() + 60
    while not (hanging.exists() and hanging.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(stop)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.strip() == "npulint: interrupted"
    assert waited(int(hanging.read_text()))
    assert is_clean(phone)


def test_a_full_phone(lab: Lab, npulint: Runner) -> None:
    phone = lab.phone(room=1000)
    run = npulint(*arguments(lab, phone, "--format", "json"))
    assert run.code == 2
    assert run.err == f"npulint: {phone.serial}: is full: free some storage on it\n"
    jsonschema.validate(run.json, RUN)
    assert run.json["error"].endswith("is full: free some storage on it")
    assert is_clean(phone)


def test_a_phone_that_says_it_is_full_is_sent_nothing(lab: Lab, npulint: Runner) -> None:
    phone = lab.phone()
    tool = phone.folder / "bin" / "df"
    tool.write_text("#!/bin/sh\necho Filesystem 1K-blocks\necho /dev/x 9 8 1 90% /data\n")
    tool.chmod(0o755)
    run = npulint(*arguments(lab, phone))
    assert run.code == 2
    assert "is full: benchmark for tests takes " in run.err
    assert "and 1 KiB are free in /data/local/tmp" in run.err
    assert phone.pushed == 0
    assert is_clean(phone)


def test_a_phone_that_goes_away_while_it_is_sent_to(
    lab: Lab, npulint: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = lab.phone(drop_at=2000)
    monkeypatch.setattr("npulint.device.adb.RETURN", 1.0)
    run = npulint(*arguments(lab, phone, "--format", "json"))
    assert run.code == 2
    assert run.json["error"].startswith(f"{phone.serial}: went away, or was unplugged")
    (left,) = run.json["left"]
    assert left.startswith(f"left on {phone.serial}: the folder /data/local/tmp/npulint-")
    assert run.err.splitlines() == [f"npulint: {left}", f"npulint: {run.json['error']}"]


def test_a_phone_that_comes_back_is_sent_to_again(lab: Lab, npulint: Runner) -> None:
    phone = lab.phone(drop_at=2000, comes_back=True)
    run = npulint(*arguments(lab, phone, "--backend", "cpu"))
    assert (run.code, run.err) == (0, "")
    assert len(phone.connections) > 1
    assert is_clean(phone)


def test_a_phone_that_goes_away_while_it_runs(
    lab: Lab, npulint: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was timed before stays in the report."""
    phone = lab.phone(leaves_at="--num_runs=5 ")
    monkeypatch.setattr("npulint.device.adb.RETURN", 1.0)
    run = npulint(*arguments(lab, phone, "--backend", "cpu", "--format", "json"))
    assert run.code == 2
    assert run.json["error"].startswith(f"{phone.serial}: went away, or was unplugged, while ")
    (found,) = run.json["runs"]
    assert found["timed"]["latency_us"]["inference"]["average"] == 1885.74
    assert found["seen"] is None
    assert [each.split(": ", 1)[1].split(" /")[0] for each in run.json["left"]] == [
        "a program that may still run",
        "the folder",
    ]


def test_a_phone_that_comes_back_is_put_in_order(lab: Lab, npulint: Runner) -> None:
    phone = lab.phone(leaves_at="--num_runs=5 ", comes_back=True)
    run = npulint(*arguments(lab, phone, "--backend", "nnapi:tp-npu", "--format", "json"))
    assert run.code == 2
    assert run.json["error"].startswith(f"{phone.serial}: went away, or was unplugged, while ")
    assert run.json["left"] == []
    assert is_clean(phone)


def test_what_the_delegate_leaves_is_not_xnnpacks(lab: Lab, npulint: Runner) -> None:
    """XNNPACK would take it, and the profile would not name it."""
    phone = lab.phone()
    assert npulint(*arguments(lab, phone, "--backend", "gpu", "--backend", "cpu")).code == 0
    has = ["--use_xnnpack=false" in each for each in asked(phone)]
    assert has == [False, True, False, False]


def test_a_phone_that_trusts_nobody(lab: Lab, npulint: Runner) -> None:
    phone = lab.phone(trust="refuses")
    run = npulint(*arguments(lab, phone))
    assert (run.code, run.out) == (2, "")
    told = "does not trust this computer: unlock it and allow USB debugging"
    assert run.err == f"npulint: {phone.serial}: {told}\n"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--adb", "absent"], "absent: there is no such program"),
        (["--adb", "{model}"], "cannot be run: "),
        (["--benchmark", "absent"], "absent: there is no such program; --benchmark names"),
        (["--serial", "nobody"], "no phone 'nobody' is attached; there are: "),
        (["--backend", "npu"], "--backend npu: give cpu, nnapi,"),
        (["--timeout", "0"], "a time-out of 0 s"),
        (["--inputs", "absent.npz"], "absent.npz"),
        (["--backend", "hexagon:{folder}"], "no library (.so) is in this folder"),
    ],
)
def test_bad_input_is_one_line(
    more: list[str], told: str, lab: Lab, npulint: Runner, tmp_path: Path
) -> None:
    phone = lab.phone()
    places = {"model": SMALLNET_TFLITE, "folder": tmp_path / "empty"}
    run = npulint(*arguments(lab, phone), *(each.format(**places) for each in more))
    assert (run.code, run.out) == (2, "")
    assert told in run.err
    assert len(run.err.splitlines()) == 1
    assert asked(phone) == []
    assert is_clean(phone)


def test_other_models_are_refused(lab: Lab, npulint: Runner) -> None:
    phone = lab.phone()
    given = ["device", "run", UNET_ONNX, "--benchmark", phone.benchmark, *lab.options]
    run = npulint(*given, "--format", "json")
    assert run.code == 2
    jsonschema.validate(run.json, RUN)
    assert "runs .tflite models only" in run.json["error"]


def test_without_adb(monkeypatch: pytest.MonkeyPatch, npulint: Runner, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    run = npulint("device", "list")
    assert run.code == 2
    assert run.err.startswith("npulint: adb is not installed here: install Android's platform")


def test_a_server_that_does_not_start(lab: Lab, tmp_path: Path) -> None:
    broken = tmp_path / "adb"
    broken.write_text("#!/bin/sh\necho 'cannot bind tcp:5037' >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(PhoneError, match="server does not start: cannot bind tcp:5037"):
        Adb(broken)


@pytest.mark.parametrize(
    ("states", "serial", "chosen"),
    [
        (["device"], None, 0),
        (["offline", "device"], None, 1),
        (["device", "device"], "p1", 1),
        ([], None, "no phone is attached"),
        (["device", "device"], None, "several phones are attached; name one by --serial: p0, p1"),
        (["offline"], None, "p0: does not answer"),
        (["device", "bootloader"], "p1", "p1: is in its bootloader"),
        (["device"], "other", "no phone 'other' is attached; there are: p0"),
        (["no permissions"], None, "udev rules"),
    ],
)
def test_which_phone_is_meant(states: list[str], serial: str | None, chosen: int | str) -> None:
    phones = [Attached(f"p{place}", state) for place, state in enumerate(states)]
    if isinstance(chosen, int):
        assert choose(phones, serial) == phones[chosen]
    else:
        with pytest.raises(PhoneError, match=chosen):
            choose(phones, serial)


@pytest.mark.parametrize(
    ("text", "backend"),
    [
        ("cpu", Backend("cpu")),
        ("nnapi", Backend("nnapi")),
        ("nnapi:a:b", Backend("nnapi", "a:b")),
        ("external:/vendor/lib64/x.so", Backend("external", "/vendor/lib64/x.so")),
    ],
)
def test_backends(text: str, backend: Backend) -> None:
    assert parse_backend(text) == backend
    assert str(backend) == text


@pytest.mark.parametrize("text", ["", "npu", "cpu:x", "gpu:0", "nnapi:", "external", "CPU"])
def test_what_is_no_backend(text: str) -> None:
    with pytest.raises(UsageError, match="--backend"):
        parse_backend(text)


def test_files_arrive_as_they_are(lab: Lab, tmp_path: Path) -> None:
    phone = lab.phone()
    content = np.random.default_rng(1).bytes(5_000_000)
    (tmp_path / "sent").write_bytes(content)
    with Adb(port=lab.port) as adb:
        handset = Handset(adb, phone.serial)
        handset.push(tmp_path / "sent", "/data/local/tmp/it's here", 60)
        handset.pull("/data/local/tmp/it's here", tmp_path / "got", 60)
    assert (tmp_path / "got").read_bytes() == content


def test_streams_and_exit_codes_of_commands(lab: Lab) -> None:
    phone = lab.phone()
    with Adb(port=lab.port) as adb:
        handset = Handset(adb, phone.serial)
        said = handset.shell("echo out; echo err >&2; exit 7")
        assert (said.code, said.out, said.err) == (7, "out", "err")
        with pytest.raises(PhoneGoneError, match="did not answer for 1 s"):
            handset.shell("sleep 60", 1)


def test_a_second_interruption_waits() -> None:
    """While a phone is put in order, an interruption is not heard."""
    with workspace.unhurried():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_same_from_python(lab: Lab) -> None:
    phone = lab.phone()
    backends = (Backend("gpu"),)
    request = Request(SMALLNET_TFLITE, phone.benchmark, backends, port=lab.port, runs=7)
    found = run_model(request)
    assert (found.facts.model, found.error, found.left) == ("Teapot 4", None, ())
    (run,) = found.runs
    assert run.timed is not None
    assert run.timed.latency.inference is not None
    assert run.timed.latency.inference.runs == 7


def test_definitions_are_the_same_in_both_schemas() -> None:
    one, other = RUN, schema("device.schema.json")
    assert isinstance(one, dict)
    assert isinstance(other, dict)
    for name in ("session", "statistics"):
        assert one["$defs"][name] == other["$defs"][name]


def test_the_model_of_the_tests_has_what_the_tests_say() -> None:
    ops = [node.op for node in load(SMALLNET_TFLITE).graphs[0].nodes]
    assert (len(ops), ops[-1]) == (5, "DEPTH_TO_SPACE")
