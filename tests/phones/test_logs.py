"""Logs of every format: what is read of them, and that nothing in them is a fault of the readers.

`NPULINT_UPDATE_GOLDEN=1 pytest tests/phones/test_logs.py` writes the expected texts again; look at
the difference.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npulint.device import Session, read_log
from npulint.device.importing import read_text
from npulint.device.logcat import entries
from npulint.device.records import Choice, Delegation, Refusal
from npulint.device.results import read_results
from npulint.device.text import LONGEST, read_lines, split_lines
from npulint.errors import UsageError
from npulint.reports import device_json
from tests.cli.support import Runner

HERE = Path(__file__).parent
LOGS = HERE / "logs"
EXPECTED = HERE / "expected"
NAMES = sorted(path.name for path in LOGS.iterdir())
SCHEMA = json.loads(
    Path(device_json.__file__).with_name("device.schema.json").read_text(encoding="utf-8")
)
FAILED = {"benchmark_failed.txt"}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_read(name: str, npulint: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(LOGS)
    run = npulint("device", "import", name, "-v")
    assert (run.code, run.err) == (1 if name in FAILED else 0, "")
    expected = EXPECTED / f"{name}.txt"
    if os.environ.get("NPULINT_UPDATE_GOLDEN"):
        expected.write_text(run.out, encoding="utf-8")
    assert run.out == expected.read_text(encoding="utf-8")


def test_the_page_shows_what_is_printed() -> None:
    page = (HERE.parents[1] / "docs" / "phones.md").read_text(encoding="utf-8")
    shown = page.split("$ npulint device import benchmark.txt\n")[1].split("```")[0]
    printed = (EXPECTED / "benchmark_nnapi.txt.txt").read_text(encoding="utf-8")
    assert shown.strip() == printed.strip().replace("benchmark_nnapi.txt", "benchmark.txt")


def test_json_follows_its_schema(npulint: Runner, tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    absent = tmp_path / "absent.txt"
    run = npulint("device", "import", *(LOGS / name for name in NAMES), absent, "--format", "json")
    assert run.code == 2
    jsonschema.validate(run.json, SCHEMA)
    assert [Path(log["path"]).name for log in run.json["logs"]] == [*NAMES, "absent.txt"]
    assert run.json["logs"][-1]["error"].endswith(
        "absent.txt: cannot be read: No such file or directory"
    )
    assert run.err == f"npulint: {absent}: cannot be read: No such file or directory\n"


def only(name: str) -> Session:
    (session,) = read_log(LOGS / name).sessions
    return session


def test_latency_of_runs_and_of_the_warm_up() -> None:
    found = only("benchmark_nnapi.txt").latency
    assert (found.initialisation, found.first) == (66002, 637079)
    assert found.warm_up is not None
    assert found.inference is not None
    assert (found.warm_up.runs, found.warm_up.average) == (1, 637079)
    inference = found.inference
    assert (inference.runs, inference.average, inference.minimum) == (520, 1885.74, 1171)
    assert (inference.maximum, inference.deviation, inference.median) == (9925, 870, 1800)
    assert (inference.p5, inference.p95) == (1200, 15990.6)


@pytest.mark.parametrize(
    ("lines", "warm_up", "inference", "fault"),
    [
        ("{run}{count}", 3, None, True),
        ("{run}{count}{run}{count}", 3, 3, False),
        ("{run}{count}{ends}", None, 3, False),
        ("{run}{count}{warm}", 3, None, False),
        ("{run}", None, None, True),
        ("{graph}", None, None, True),
    ],
)
def test_which_runs_are_the_warm_up(
    lines: str, warm_up: int | None, inference: int | None, fault: bool
) -> None:
    parts = {
        "run": "Running benchmark for at least 1 iterations\n",
        "count": "count=3 first=5 curr=5 min=5 max=6 avg=5.5 std=1\n",
        "ends": "Inference timings in us: Init: 1, Inference (avg): 5.5\n",
        "warm": "Inference timings in us: Init: 1, Warmup (avg): 5.5, Inference (avg): 4\n",
        "graph": "Graph: [m.tflite]\n",
    }
    (session,) = read_text(lines.format(**parts), "log").sessions
    found = session.latency
    assert (found.warm_up.runs if found.warm_up else None) == warm_up
    assert (found.inference.runs if found.inference else None) == inference
    assert bool(session.faults) == fault
    if "{warm}" in lines:
        # The tool's summary tells an average that no line before it has.
        assert found.inference is not None
        assert found.inference.average == 4


def test_repetitions_that_the_logger_left_out_are_counted() -> None:
    log = read_log(LOGS / "logcat_threadtime.txt")
    assert log.lost == 12
    first = log.sessions[0]
    assert first.choices[Choice("DEQUANTIZE", None, "qti-dsp", 0)] == 6
    assert [choice.on_cpu for choice in first.choices] == [False, True, None]


def test_a_device_without_a_name_is_neither_the_cpu_nor_another() -> None:
    session = only("logcat_android9.txt")
    assert [choice.on_cpu for choice in session.choices] == [None, None]
    assert session.steps == {"nnapi-reference": 1, "neuron-ann": 1}


def test_numbers_of_operations() -> None:
    session = only("logcat_android13.txt")
    assert next(iter(session.choices)) == Choice("CONV_2D", 12, "qti-dsp", 0)
    assert session.refusals == {Refusal("qti-dsp", "RESIZE_BILINEAR", 13): 1}


def test_rows_outside_of_delegates() -> None:
    session = only("benchmark_gpu.txt")
    assert [(row.op, row.node, row.inside) for row in session.profile] == [
        ("TfLiteGpuDelegateV2", 279, False),
        ("RESIZE_NEAREST_NEIGHBOR", 38, False),
        ("Convolution (NHWC, F32) GEMM", None, True),
    ]
    assert only("profile.csv").profile[1].name == "[a\tb]:4"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("for the whole graph.", Delegation("TfLiteNnapiDelegate", 31, 31, 1, None)),
        ("for subgraph 2 (body).", Delegation("TfLiteNnapiDelegate", 31, 31, 1, 2)),
        ("for subgraph 0.", Delegation("TfLiteNnapiDelegate", 31, 31, 1, 0)),
        ("", Delegation("TfLiteNnapiDelegate", 31, 31, 1, None)),
    ],
)
@pytest.mark.parametrize(
    "prefix", ["", "INFO: ", "VERBOSE: ", "\t", "08-17 21:47:49.162 1 2 I tflite  : "]
)
def test_endings_of_what_is_handed_over(prefix: str, line: str, told: Delegation) -> None:
    words = "Replacing 31 out of 31 node(s) with delegate (TfLiteNnapiDelegate) node, yielding 1 "
    (session,) = read_text(f"{prefix}{words}partitions {line}".rstrip(), "log").sessions
    assert session.delegations == {told: 1}


MESSAGE = "Device qti-dsp can't do operation CONV_2D"


@pytest.mark.parametrize(
    "line",
    [
        f"08-17 21:47:49.162 29423 29424 I ExecutionPlan: {MESSAGE}",
        f"08-17 21:47:49.162  2000 29423 29424 I ExecutionPlan: {MESSAGE}",
        f"2026-08-17 21:47:49.162123 +0200 29423 29424 I ExecutionPlan: {MESSAGE}",
        f"         1660765669.162 29423 29424 I ExecutionPlan: {MESSAGE}",
        f"08-17 21:47:49.162 I/ExecutionPlan(29423): {MESSAGE}",
        f"I/ExecutionPlan(29423): {MESSAGE}",
        f"I/ExecutionPlan( 2000:29423): {MESSAGE}",
        f"I(29423) {MESSAGE}  (ExecutionPlan)",
        f"I(29423:29424) {MESSAGE}",
        f"I/ExecutionPlan: {MESSAGE}",
        f"[ 08-17 21:47:49.162 29423:29424 I/ExecutionPlan ]\n{MESSAGE}\n",
        f"2020-09-28 10:00:57.766 29423-29424/org.example I/ExecutionPlan: {MESSAGE}",
        f"2022-08-17 21:47:49.162 29423-29424 ExecutionPlan      org.example   I  {MESSAGE}",
        f"\x1b[38;5;40m08-17 21:47:49.162 29423 29424 I ExecutionPlan: {MESSAGE}\x1b[0m",
        MESSAGE,
    ],
)
def test_formats_of_logcat(line: str) -> None:
    told = [entry for entry in entries(split_lines(line)) if entry.message]
    assert [entry.message for entry in told] == [MESSAGE]
    expected = {29423} if "29423" in line else {None}
    assert {entry.process for entry in told} == expected
    (session,) = read_text(line, "log").sessions
    assert session.refusals == {Refusal("qti-dsp", "CONV_2D"): 1}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r\r\n"])
def test_encodings(encoding: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(f"STARTING!{ending}Graph: [ü.tflite]{ending}".encode(encoding))
    (session,) = read_log(path).sessions
    assert session.model == "ü.tflite"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"nothing of interest\n", "nothing in it is of a format"),
        (bytes(range(256)) * 40, "nothing in it is of a format"),
        (b"TFL3" + bytes(4000), "nothing in it is of a format"),
        (b"model,runtime\nm,61\n", "nothing in it is of a format"),
        (b"\xff\xfe\x00", "nothing in it is of a format"),
    ],
)
def test_what_is_no_log_is_one_line(
    content: bytes, told: str, npulint: Runner, tmp_path: Path
) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(content)
    run = npulint("device", "import", path)
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith(f"npulint: {path}: {told}")
    assert len(run.err.splitlines()) == 1


def test_one_bad_log_does_not_stop_the_others(npulint: Runner, tmp_path: Path) -> None:
    run = npulint("device", "import", tmp_path, LOGS / "litert_compiler.txt")
    assert run.code == 2
    assert "this is a folder" in run.err
    assert "takes 3 of 4 nodes" in run.out


def test_lines_too_long_are_none(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text(f"{'x' * (LONGEST + 1)}\nSTARTING!\n", encoding="utf-8")
    assert read_lines(path) == ["", "STARTING!"]


def test_a_report_replaces_no_log(npulint: Runner, tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("STARTING!\n", encoding="utf-8")
    run = npulint("device", "import", path, "-o", path)
    assert run.code == 2
    assert path.read_text(encoding="utf-8") == "STARTING!\n"


@pytest.mark.parametrize(
    ("title", "cell", "microseconds"),
    [
        ("Runtime, ms", "61", 61000),
        ("runtime_ms", "61", 61000),
        ("Average Latency (us)", "61.5", 61.5),
        ("Inference time [s]", "0.061", 61000),
        ("Latency ms", "**61**", 61000),
    ],
)
def test_units_of_a_table(title: str, cell: str, microseconds: float) -> None:
    results = read_results([f'"{title}";Model', f"{cell};m"])
    assert results is not None
    assert [(each.model, each.latency) for each in results] == [("m", microseconds)]


PIECES = sorted(
    {line for name in NAMES for line in (LOGS / name).read_text(encoding="utf-8").splitlines()}
)
HOSTILE = [
    "count=9 first=1e999 avg=nan",
    "a" * 9999,
    "Step#0: execute on " + " " * 9000,
    "%  %" * 99,
]


@given(
    st.lists(
        st.sampled_from([*PIECES, *HOSTILE])
        | st.text(max_size=60)
        | st.builds(
            lambda line, cut, more: line[:cut] + more,
            st.sampled_from(PIECES),
            st.integers(0, 120),
            st.text(alphabet="0123456789%:.()[]#- ,\t\x00", max_size=20),
        ),
        max_size=30,
    )
)
def test_no_lines_are_a_fault_of_the_readers(lines: list[str]) -> None:
    log = read_text("\n".join(lines), "log")
    assert 0 <= log.unknown <= log.lines + log.lost
    assert all(session.formats for session in log.sessions)
    if log.sessions:
        jsonschema.validate(json.loads(device_json.render_logs([log])), SCHEMA)
    results = read_results(lines)
    assert results is None or all(math.isfinite(each.latency) for each in results)


@given(st.binary(max_size=400))
def test_no_bytes_are_a_fault_of_the_readers(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.log"
        path.write_bytes(content)
        try:
            told = f"{read_log(path).path}: "
        except UsageError as error:
            told = str(error)
        assert told.startswith(f"{path}: ")


@given(st.integers(0, 10**9 - 1), st.sampled_from(["identical", "expire"]))
def test_counts_of_the_logger_are_not_spelled_out(count: int, how: str) -> None:
    line = "08-17 21:47:49.162 1 1 I ExecutionPlan: Step#0: execute on d"
    chatty = f"08-17 21:47:49.162 1 1 I chatty  : uid=2000(shell) x {how} {count} lines"
    log = read_text(f"{line}\n{chatty}\n", "log")
    (session,) = log.sessions
    identical = how == "identical"
    assert session.steps == {"d": 1 + count * identical}
    assert log.lost == count * (not identical)
