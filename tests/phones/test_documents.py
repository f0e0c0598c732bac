"""Logs that are JSON, reports of `device import` taken back, and both as evidence of an audit."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from npulint.device import Log, read_log
from npulint.device.documents import imported
from npulint.device.litert_benchmark import read_result
from npulint.device.onnx_profile import read_profile
from npulint.device.records import Placed
from npulint.errors import UsageError
from npulint.reports import device_json
from tests.cli.support import SMALLNET_TFLITE, Runner
from tests.phones.test_audit import LOG

LOGS = Path(__file__).parent / "logs"
NAMES = sorted(path.name for path in LOGS.iterdir())
PROFILE = json.loads((LOGS / "onnxruntime_profile.json").read_text(encoding="utf-8"))
RESULT = json.loads((LOGS / "litert_benchmark.json").read_text(encoding="utf-8"))


def report_of(*logs: Log) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(device_json.render_logs(logs))
    return document


@pytest.mark.parametrize("name", NAMES)
def test_a_report_of_an_import_tells_what_the_log_told(name: str) -> None:
    log = read_log(LOGS / name)
    assert imported(report_of(log)) == [log]


def _places(document: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in a document values stand."""
    found = [at]
    if isinstance(document, dict):
        found += [p for key, each in document.items() for p in _places(each, (*at, key))]
    elif isinstance(document, list):
        found += [p for key, each in enumerate(document) for p in _places(each, (*at, key))]
    return found


REPORT = report_of(*(read_log(LOGS / name) for name in NAMES))
PLACES = [place for place in _places(REPORT["logs"]) if place]
ODD = st.sampled_from([None, True, -1, 7, 1.5, "x", [], {}, [[]], float("nan"), 10**400])


@given(st.sampled_from(PLACES), ODD)
def test_a_broken_report_is_refused_or_read(place: tuple[Any, ...], odd: Any) -> None:
    logs = copy.deepcopy(REPORT["logs"])
    parent = logs
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = odd
    try:
        found = imported({"logs": logs})
    except (KeyError, TypeError, ValueError, AttributeError):
        return
    for log in found:
        for session in log.sessions:
            assert hash((*session.refusals, *session.choices, *session.delegations)) is not None
            assert all(row.node is None or row.node + 0 >= 0 for row in session.profile)


EVENT = st.dictionaries(
    st.sampled_from(["cat", "ph", "name", "dur", "ts", "args"]),
    st.sampled_from(["Node", "Session", "X", "model_run", "a_kernel_time", 3, -1, 2.5, None])
    | ODD
    | st.dictionaries(st.sampled_from(["op_name", "provider"]), ODD | st.just("Conv")),
)


@given(st.lists(EVENT | ODD))
def test_no_events_are_a_fault_of_the_reader(events: list[Any]) -> None:
    session = read_profile([*events, *PROFILE])
    runs = session.latency.inference
    assert runs is not None
    assert runs.runs is not None
    assert runs.runs >= 3
    assert len(session.profile) >= 3


@given(st.dictionaries(st.sampled_from([*RESULT["latency"]]), ODD), ODD, ODD)
def test_no_result_is_a_fault_of_the_reader(latency: Any, accelerators: Any, threads: Any) -> None:
    told = {"model": "m", "latency": {**RESULT["latency"], **latency}}
    session = read_result({**told, "accelerators": accelerators, "num_threads": threads})
    assert (session.latency.inference is None) == bool(session.faults)


def test_a_profile_of_onnx_runtime() -> None:
    session = read_profile(PROFILE)
    runs = session.latency.inference
    assert runs is not None
    assert (runs.runs, runs.first, runs.last) == (3, 62380, 2074)
    assert session.latency.initialisation == 408 + 680552
    assert session.placed[1] == Placed("CPUExecutionProvider", 1, (("Softsign", "soft"),))
    assert session.placed[0].count == 2
    softsign = next(row for row in session.profile if row.op == "Softsign")
    assert softsign.first == 0.022
    assert softsign.average == pytest.approx((22 + 21 + 11) / 3 / 1000)
    assert (softsign.calls, softsign.node) == (1, None)
    assert sum(row.share for row in session.profile) == pytest.approx(1)


def test_litert_says_in_text_what_it_writes() -> None:
    (text,) = read_log(LOGS / "litert_benchmark.txt").sessions
    (written,) = read_log(LOGS / "litert_benchmark.json").sessions
    assert text.latency == written.latency
    assert text.model == written.model == "reference_models/exports/smallnet.tflite"
    first = text.latency.inference
    assert first is not None
    assert (first.runs, first.average, first.median, first.p95) == (50, 186000, 181090, 223080)


def test_two_runs_of_litert_are_two(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    text = (LOGS / "litert_benchmark.txt").read_text(encoding="utf-8")
    path.write_text(text * 2, encoding="utf-8")
    assert len(read_log(path).sessions) == 2
    results = text[text.index("Model initialization") : text.index("2026-11-30 21:08:54")]
    path.write_text(results * 3, encoding="utf-8")
    assert len(read_log(path).sessions) == 3


@pytest.mark.parametrize(
    ("kept", "fault"),
    [
        ("Running 5", "breaks off before the latency of its inferences is told"),
        ("Warmup (first)", "breaks off before the latency of its inferences is told"),
    ],
)
def test_a_run_of_litert_that_breaks_off(kept: str, fault: str, tmp_path: Path) -> None:
    text = (LOGS / "litert_benchmark.txt").read_text(encoding="utf-8")
    path = tmp_path / "log.txt"
    path.write_text(text[: text.index("\n", text.index(kept))], encoding="utf-8")
    (session,) = read_log(path).sessions
    assert session.faults == [fault]
    path.write_text(
        "2026-11-30 21:08:43 ERROR benchmark_litert_model: Model file not found: m.tflite\n",
        encoding="utf-8",
    )
    (session,) = read_log(path).sessions
    assert session.faults == ["Model file not found: m.tflite"]


def test_a_result_without_a_warm_up() -> None:
    latency = {**RESULT["latency"], "num_warmup_runs": 0, "warmup_first_ms": 0, "warmup_avg_ms": 0}
    found = read_result({**RESULT, "latency": latency}).latency
    assert (found.first, found.warm_up) == (None, None)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (json.dumps(PROFILE)[:900], "is a profile of ONNX Runtime that breaks off: end it by"),
        (json.dumps(REPORT), "is a report of npulint, no log"),
        ('{"a": 1}', "nothing in it is of a format that is read"),
        ("[1, 2]", "nothing in it is of a format that is read"),
        ("[" * 100_000, "nothing in it is of a format that is read"),
    ],
)
def test_json_that_is_no_log(content: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_log(path)
    assert str(caught.value).startswith(f"{path}: {told}")


# The network and the log of which `onnxruntime_profile.json` is the profile.
ONNX_LOG = """\
[V:onnxruntime:, a.cc:1 F] Validation PASSED for 1 nodes in OrtNodeUnit (Conv) :
\tOperator type: Conv Node name: conv Node index: 0
[V:onnxruntime:, a.cc:1 F] Validation PASSED for 1 nodes in OrtNodeUnit (Relu) :
\tOperator type: Relu Node name: relu Node index: 1
[V:onnxruntime:, a.cc:1 F] Validation FAILED for 1 nodes in OrtNodeUnit (Softsign) :
\tOperator type: Softsign Node name: soft Node index: 2
\tREASON : Operators of type `Softsign` are not supported by QNN EP.
[V:onnxruntime:, a.cc:1 F] Validation PASSED for 1 nodes in OrtNodeUnit (Sigmoid) :
\tOperator type: Sigmoid Node name: sig Node index: 3
[V:onnxruntime:, a.cc:1 F] Validation PASSED for 1 nodes in OrtNodeUnit (Mul) :
\tOperator type: Mul Node name: mul Node index: 4
"""


@pytest.fixture
def onnx_report(npulint: Runner, tmp_path: Path) -> Path:
    """What qnn-htp-v73 is said to take of that network: all but Softsign."""
    shape = [1, 3, 16, 16]
    floats = TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["a"], name="conv", pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["a"], ["b"], name="relu"),
            helper.make_node("Softsign", ["b"], ["c"], name="soft"),
            helper.make_node("Sigmoid", ["c"], ["d"], name="sig"),
            helper.make_node("Mul", ["d", "c"], ["y"], name="mul"),
        ],
        "g",
        [helper.make_tensor_value_info("x", floats, shape)],
        [helper.make_tensor_value_info("y", floats, [1, 4, 16, 16])],
        [helper.make_tensor("w", floats, [4, 3, 3, 3], [0.5] * 108)],
    )
    path = tmp_path / "small.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    predicted = tmp_path / "predicted.json"
    checking = ["check", path, "-t", "qnn-htp-v73", "--fail-on", "never", "-o", predicted]
    assert npulint(*checking, "--format", "json").code == 0
    return predicted


def test_a_profile_and_a_log_are_one_run(onnx_report: Path, npulint: Runner) -> None:
    log = onnx_report.with_name("ort.txt")
    log.write_text(ONNX_LOG, encoding="utf-8")
    profile = LOGS / "onnxruntime_profile.json"
    run = npulint("device", "audit", onnx_report, log, profile, "--format", "json")
    assert run.code == 0
    assert [node["on"] for node in run.json["nodes"]] == [
        "accelerator",
        "accelerator",
        "cpu",
        "accelerator",
        "accelerator",
    ]
    # Alone a profile tells what ran on the CPU, and the log what the provider would take.
    run = npulint("device", "audit", onnx_report, profile, "--format", "json")
    assert {node["op"]: node["on"] for node in run.json["nodes"]} == {
        **dict.fromkeys(["Conv", "Relu", "Sigmoid", "Mul"], "unknown"),
        "Softsign": "cpu",
    }
    run = npulint("device", "audit", onnx_report, log, "--format", "json")
    assert [node["on"] for node in run.json["nodes"]] == [*["unknown"] * 2, "cpu", *["unknown"] * 2]
    run = npulint("device", "audit", onnx_report, log, profile, profile)
    assert "tell of 3 runs; give the logs of one run" in run.err


def test_reports_of_imports_are_evidence(npulint: Runner, tmp_path: Path) -> None:
    predicted, log, told = (tmp_path / name for name in ("predicted.json", "log.txt", "told.json"))
    npulint("check", SMALLNET_TFLITE, "-t", "nnapi-1.2", "--format", "json", "-o", predicted)
    log.write_text(LOG, encoding="utf-8")
    assert npulint("device", "import", log, "-o", told).code == 0
    direct = npulint("device", "audit", predicted, log, "--format", "json")
    again = npulint("device", "audit", predicted, told, "--format", "json")
    assert (again.code, again.err) == (direct.code, "")
    assert again.json == direct.json
    assert direct.json["total"]["false_yes"] == 1
    npulint("device", "import", tmp_path / "absent.txt", "-o", told)
    run = npulint("device", "audit", predicted, told)
    assert run.code == 2
    assert "tells of no run: none of its logs could be read" in run.err
    told.write_text(json.dumps({"logs": [{"path": "x", "error": None}]}), encoding="utf-8")
    run = npulint("device", "audit", predicted, told)
    assert run.code == 2
    assert "is no JSON report of `npulint device run`, `npulint device import` or " in run.err
