"""`npulint device audit`: predictions beside runs, and observations that correct a profile."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npulint import opsets
from npulint.device.audit import Audit, Held, Tally
from npulint.device.predictions import Predicted, Prediction
from npulint.errors import TableError
from npulint.host.chips import CHIPS
from npulint.host.records import Answer, NodeAnswer, Piece
from npulint.reports import device_audit, host
from tests.cli.support import SMALLNET_TFLITE, UNET_ONNX, UNET_TFLITE, Runner
from tests.phones.conftest import Lab

SCHEMA = json.loads(
    Path(device_audit.__file__).with_name("audit.schema.json").read_text(encoding="utf-8")
)
OPS = ["CONV_2D", "TANH", "CONV_2D", "CONV_2D", "DEPTH_TO_SPACE"]

LOG = """\
STARTING!
Graph: [/data/local/tmp/smallnet.tflite]
NNAPI accelerator name: [tp-npu]
Disable NNAPI cpu: [1]
Replacing 4 out of 5 node(s) with delegate (TfLiteNnapiDelegate) node, yielding 1 partitions
Running benchmark for at least 1 iterations
count=1 curr=2000
Running benchmark for at least 5 iterations
count=5 first=1900 curr=2000 min=1900 max=2100 avg=2000 std=80
[node type] [first] [avg ms]
TfLiteNnapiDelegate  0.1  0.2  50.0%  50.0%  0.0  1  [x]:5
DEPTH_TO_SPACE  0.1  0.2  50.0%  50.0%  0.0  1  [x]:4
"""

PROFILE = """\
device: my-phone
title: My phone
chip: My chip
date: "2026-01"
sources:
  notes: {page: My notes, date: "2026-01-31"}
path: {target: nnapi-1.2, known: assumed, say: it is new, source: notes page 1}
include: [seen.yaml]
"""


@pytest.fixture
def report(npulint: Runner, tmp_path: Path) -> Path:
    """What nnapi-1.2 is said to take of the small network: all of it."""
    path = tmp_path / "predicted.json"
    npulint("check", SMALLNET_TFLITE, "-t", "nnapi-1.2", "--format", "json", "-o", path)
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "benchmark.txt"
    path.write_text(LOG, encoding="utf-8")
    return path


def test_the_whole_circle(report: Path, lab: Lab, npulint: Runner, tmp_path: Path) -> None:
    """A phone refutes a prediction, its observation corrects the profile, which predicts right."""
    phone = lab.phone()
    ran = tmp_path / "ran.json"
    given = ["--benchmark", phone.benchmark, "--backend", "nnapi:tp-npu", *lab.options]
    assert (
        npulint("device", "run", SMALLNET_TFLITE, *given, "--format", "json", "-o", ran).code == 0
    )
    seen = tmp_path / "seen.yaml"
    run = npulint("device", "audit", report, ran, "--observations", seen)
    assert run.code == 1
    assert "  false yes  DEPTH_TO_SPACE  1 node 4\n" in run.out
    assert run.err == f"npulint: observations: written to {seen}\n"
    words = seen.read_text(encoding="utf-8")
    assert "smallnet.tflite run on Utah Teapot 4 (utah/teapot/" in words
    profile = tmp_path / "my-phone.yaml"
    profile.write_text(PROFILE, encoding="utf-8")
    again = tmp_path / "again.json"
    npulint("check", SMALLNET_TFLITE, "-t", profile, "--format", "json", "-o", again)
    run = npulint("device", "audit", again, ran, "--observations", seen)
    assert (run.code, run.err) == (0, "npulint: observations: nothing to observe\n")
    assert "precision 100 %, recall 100 %, false yes 0 %" in run.out
    assert seen.read_text(encoding="utf-8") == words


def test_what_a_profile_includes(report: Path, log: Path, npulint: Runner, tmp_path: Path) -> None:
    npulint("device", "audit", report, log, "--observations", tmp_path / "seen.yaml")
    profile = tmp_path / "my-phone.yaml"
    profile.write_text(PROFILE, encoding="utf-8")
    device = opsets.load_device(profile)
    (found,) = device.observed
    assert (found.identity, found.outcome) == ("seen/DEPTH_TO_SPACE-float", "cpu")
    assert found.pattern.type == "float"
    assert device.date == "2026-12-01"
    assert list(device.sources) == ["notes", "seen/run1"]
    assert found.source.startswith("npulint device audit: smallnet.tflite, according to benchmark")
    shown = npulint("explain", profile).out
    assert "1 of the 1 seen of them ran on the CPU in smallnet.tflite" in " ".join(shown.split())


def test_the_profile_of_the_page(report: Path, log: Path, npulint: Runner) -> None:
    page = (Path(__file__).parents[2] / "docs" / "phones.md").read_text(encoding="utf-8")
    (profile,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    npulint("device", "audit", report, log, "--observations", log.with_name("seen.yaml"))
    path = log.with_name("my-phone.yaml")
    path.write_text(profile, encoding="utf-8")
    assert [each.outcome for each in opsets.load_device(path).observed] == ["cpu"]
    told = npulint("device", "audit", report, log).out
    shown = page.split("$ npulint device audit predicted.json benchmark.txt\n")[1].split("```")[0]
    assert shown.splitlines()[1:] == told.splitlines()[1:]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("observed:\n", "observed: []\nmore:\n", "unknown key 'more'"),
        ('"DEPTH_TO_SPACE"', '"DEPTH_TO_SPAZE"', "unknown operator 'DEPTH_TO_SPAZE'"),
        ("source: ", "source: x", "unknown source"),
        ("outcome: cpu", "outcome: accelerator", "accelerator"),
        ('date: "2026-12-01"\nsources', 'date: "soon"\nsources', "expected a date"),
    ],
)
def test_observations_are_read_strictly(  # noqa: PLR0917
    old: str, new: str, told: str, report: Path, log: Path, npulint: Runner
) -> None:
    seen = log.with_name("seen.yaml")
    npulint("device", "audit", report, log, "--observations", seen)
    text = seen.read_text(encoding="utf-8")
    assert old in text
    seen.write_text(text.replace(old, new), encoding="utf-8")
    profile = log.with_name("my-phone.yaml")
    profile.write_text(PROFILE, encoding="utf-8")
    with pytest.raises(TableError) as caught:
        opsets.load_device(profile)
    assert str(seen) in str(caught.value)
    assert told in str(caught.value)


def test_observations_are_no_target(report: Path, log: Path, npulint: Runner) -> None:
    seen = log.with_name("seen.yaml")
    npulint("device", "audit", report, log, "--observations", seen)
    run = npulint("check", SMALLNET_TFLITE, "-t", seen)
    assert run.code == 2
    assert "holds observations alone: a device profile takes them by `include`" in run.err


def test_an_included_file_that_is_missing(npulint: Runner, tmp_path: Path) -> None:
    profile = tmp_path / "my-phone.yaml"
    profile.write_text(PROFILE, encoding="utf-8")
    run = npulint("check", SMALLNET_TFLITE, "-t", profile)
    assert run.code == 2
    assert f"{tmp_path / 'seen.yaml'}: cannot be read" in run.err


def test_without_the_model_an_observation_is_a_doubt(
    report: Path, log: Path, npulint: Runner
) -> None:
    document = json.loads(report.read_text(encoding="utf-8"))
    document["models"][0]["path"] = "gone/smallnet.tflite"
    report.write_text(json.dumps(document), encoding="utf-8")
    seen = log.with_name("seen.yaml")
    npulint("device", "audit", report, log, "--observations", seen)
    text = seen.read_text(encoding="utf-8")
    assert "outcome: may" in text
    assert "type:" not in text


def test_json_follows_its_schema(report: Path, log: Path, npulint: Runner) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    run = npulint("device", "audit", report, log, "--format", "json")
    assert run.code == 1
    jsonschema.validate(run.json, SCHEMA)
    total = run.json["total"]
    assert (total["true_yes"], total["false_yes"], total["precision"]) == (4, 1, 0.8)
    assert [node["index"] for node in run.json["nodes"] if node["wrong"]] == [4]
    assert {each["op"]: each["false_yes_rate"] for each in run.json["operators"]} == {
        "CONV_2D": 0,
        "DEPTH_TO_SPACE": 1,
        "TANH": 0,
    }
    assert run.json["observations"] is None


def answer(*statuses: str, ops: list[str] = OPS, compiled: bool = True) -> Answer:
    nodes = [
        NodeAnswer(0, index, op, "", status)  # type: ignore[arg-type]
        for index, (op, status) in enumerate(zip(ops, statuses, strict=True))
    ]
    handed = tuple((n.graph, n.index) for n in nodes if n.status in {"taken", "failed"})
    pieces = (Piece(handed, compiled),) if handed else ()
    return Answer(
        SMALLNET_TFLITE, CHIPS["qnn-htp-v73"], "litert-plugin", tuple(nodes), pieces, "compiled"
    )


@pytest.mark.parametrize(
    ("found", "counts"),
    [
        (answer(*["taken"] * 5), (5, 0, 0)),
        (answer("taken", "refused", "taken", "merged", "boundary"), (2, 1, 2)),
        # Which node of a piece failed is not told, unless it is alone.
        (answer("failed", "failed", "refused", "validated", "unknown", compiled=False), (0, 1, 4)),
        (answer("failed", *["refused"] * 4, compiled=False), (0, 5, 0)),
    ],
)
def test_answers_of_the_compiler(
    found: Answer, counts: tuple[int, int, int], report: Path, npulint: Runner
) -> None:
    path = report.with_name("host.json")
    path.write_text(host.render_json(SMALLNET_TFLITE, [found]), encoding="utf-8")
    run = npulint("device", "audit", report, path, "--backend", "qnn-htp-v73", "--format", "json")
    total = run.json["total"]
    assert (total["true_yes"], total["false_yes"], total["unobserved"]) == counts


def test_a_compiler_is_not_asked_what_a_runtime_hands_over(report: Path, npulint: Runner) -> None:
    document = json.loads(report.read_text(encoding="utf-8"))
    document["models"][0]["targets"][0]["otherwise"]["delegated"] = None
    report.write_text(json.dumps(document), encoding="utf-8")
    path = report.with_name("host.json")
    path.write_text(host.render_json(SMALLNET_TFLITE, [answer(*["taken"] * 5)]), encoding="utf-8")
    run = npulint("device", "audit", report, path, "--backend", "qnn-htp-v73", "--format", "json")
    assert (run.code, run.json["total"]["true_yes"]) == (0, 5)
    ran = report.with_name("log.txt")
    ran.write_text(LOG, encoding="utf-8")
    run = npulint("device", "audit", report, ran)
    assert run.code == 2
    assert "predicts nothing of the nodes that were seen" in run.err


def test_runs_that_the_target_is_not_about(report: Path, npulint: Runner) -> None:
    path = report.with_name("host.json")
    path.write_text(host.render_json(SMALLNET_TFLITE, [answer(*["taken"] * 5)]), encoding="utf-8")
    run = npulint("device", "audit", report, path)
    assert run.code == 2
    assert "has no run for nnapi-1.2; name one by --backend: qnn-htp-v73" in run.err


def test_another_model_is_refused(report: Path, npulint: Runner) -> None:
    path = report.with_name("host.json")
    other = answer(*["taken"] * 5, ops=["ADD", *OPS[1:]])
    path.write_text(host.render_json(UNET_TFLITE, [other]), encoding="utf-8")
    run = npulint("device", "audit", report, path, "--backend", "qnn-htp-v73")
    assert run.code == 2
    assert "is of another model than " in run.err
    assert "node 0 of graph 0 is ADD, and CONV_2D in the report" in run.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["{log}", "{log}"], "is no JSON report of `npulint check"),
        (["absent.json", "{log}"], "absent.json: cannot be read"),
        (["{report}", "absent.txt"], "absent.txt: cannot be read"),
        (["{report}", "{log}", "-t", "neuron"], "has no target 'neuron'; it has nnapi-1.2"),
        (["{report}", "{log}", "--model", "x"], "has no model 'x'; it has "),
        (["{report}", "{log}", "{log}"], "tell of 2 runs; give the logs of one run"),
        (["{report}", "{report}"], "give the logs themselves, or a report of `npulint device run`"),
        (["{report}", "{silent}"], "nothing there proves who ran a node"),
        (["{report}", "{larger}"], "is of another model than "),
        (["{unnamed}", "{log}"], "is no JSON report of `npulint check"),
        (["{broken}", "{log}"], "is no JSON report of `npulint check"),
        (["{empty}", "{log}"], "predicts nothing: no model in it could be read"),
        (["{report}", "{odd}"], "is no JSON report of `npulint device run`"),
        (["{report}", "{nested}"], "is no JSON report of `npulint device run`"),
        (["{report}", "{log}", "--observations", "{log}"], "would replace"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], told: str, report: Path, log: Path, npulint: Runner
) -> None:
    files = {
        "silent": LOG.replace("4 out of 5", "3 out of 5").replace("DEPTH_TO_SPACE", "MUL"),
        "larger": LOG.replace("out of 5", "out of 9").replace("DEPTH_TO_SPACE", "MUL"),
        "unnamed": report.read_text(encoding="utf-8").replace(
            '"target": "nnapi-1.2"', '"target": []'
        ),
        "broken": '{"models": [{"error": null, "targets": [{}]}]}',
        "empty": '{"models": [{"error": "unreadable"}]}',
        "nested": json.dumps(
            {
                "model": "m",
                "phone": {"maker": "", "model": "{1}", "build": ""},
                "runs": [
                    {
                        "kind": "nnapi",
                        "backend": "nnapi",
                        "nodes": [{"graph": 0, "index": [], "op": "ADD", "on": "cpu"}],
                    }
                ],
            }
        ),
        "odd": '{"runs": [{"kind": "nnapi"}]}',
    }
    places: dict[str, Path] = {"report": report, "log": log}
    for name, content in files.items():
        places[name] = log.with_name(f"{name}.txt")
        places[name].write_text(content, encoding="utf-8")
    run = npulint("device", "audit", *(each.format(**places) for each in arguments))
    assert (run.code, run.out) == (2, "")
    assert told in run.err
    assert len(run.err.splitlines()) == 1
    assert log.read_text(encoding="utf-8") == LOG


def test_a_run_that_breaks_off_proves_no_accelerator(
    report: Path, log: Path, npulint: Runner
) -> None:
    log.write_text(LOG.replace("count=5", "counting"), encoding="utf-8")
    run = npulint("device", "audit", report, log, "--format", "json")
    total = run.json["total"]
    assert (total["true_yes"], total["false_yes"], total["unobserved"]) == (0, 1, 4)


def test_targets_and_models_are_named(log: Path, npulint: Runner) -> None:
    path = log.with_name("several.json")
    models = [SMALLNET_TFLITE, UNET_TFLITE]
    npulint("check", *models, "-t", "nnapi-1.2", "-t", "neuron", "--format", "json", "-o", path)
    run = npulint("device", "audit", path, log)
    assert "has several; name one by --model: " in run.err
    run = npulint("device", "audit", path, log, "--model", "smallnet.tflite")
    assert run.err.endswith("has several; name one by --target: nnapi-1.2, neuron\n")
    run = npulint("device", "audit", path, log, "--model", "smallnet.tflite", "-t", "nnapi-1.2")
    assert (run.code, run.err) == (1, "")


def test_observations_of_a_conversion_are_refused(npulint: Runner, tmp_path: Path) -> None:
    path = tmp_path / "predicted.json"
    npulint("check", UNET_ONNX, "-t", "nnapi-1.2", "--format", "json", "-o", path)
    document: Any = json.loads(path.read_text(encoding="utf-8"))
    nodes = [{**node, "status": "taken", "reasons": []} for node in document["models"][0]["nodes"]]
    told = {"target": "x", "nodes": nodes, "pieces": []}
    ran = tmp_path / "host.json"
    ran.write_text(json.dumps({"model": "unet_small.onnx", "error": None, "answers": [told]}))
    given = ["device", "audit", path, ran, "--backend", "x"]
    assert npulint(*given).code in {0, 1}
    run = npulint(*given, "--observations", tmp_path / "seen.yaml")
    assert run.code == 2
    assert "was judged by a conversion to another dialect" in run.err
    assert not (tmp_path / "seen.yaml").exists()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["yes", "no", "unknown"]),
            st.sampled_from(["accelerator", "cpu", "unknown"]),
            st.sampled_from("AB"),
        )
    )
)
def test_every_node_is_counted_once(told: list[tuple[str, str, str]]) -> None:
    held = tuple(
        Held(Predicted(0, index, op, "", says, says), says, on, 0)  # type: ignore[arg-type]
        for index, (says, on, op) in enumerate(told)
    )
    prediction = Prediction(Path("m"), "", "t", "t", converted=False, nodes=())
    audit = Audit(prediction, ("run",), held)
    total = audit.tally()
    assert total.compared + total.abstained + total.unobserved == len(told)
    assert len(audit.wrong) == total.false_yes + total.false_no
    parts = audit.by_operator().values()
    for name in ("true_yes", "false_yes", "false_no", "true_no", "abstained", "unobserved"):
        assert sum(getattr(part, name) for part in parts) == getattr(total, name)
    for found in (total.precision, total.recall, total.false_yes_rate):
        assert found is None or 0 <= found <= 1


def test_shares() -> None:
    tally = Tally(true_yes=3, false_yes=1, false_no=2, true_no=4)
    assert (tally.precision, tally.recall, tally.false_yes_rate) == (0.75, 0.6, 0.25)
    nothing = Tally(abstained=2)
    assert (nothing.precision, nothing.recall, nothing.false_yes_rate) == (None, None, None)
