"""The audit of the reference networks on the HTP, and the page that it draws."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

sys.path.insert(0, str(ROOT / "benchmarks"))

import qnn_audit  # noqa: E402
import qnn_audit_page  # noqa: E402
from qnn_networks import Network  # noqa: E402

from npulint.device.audit import Tally  # noqa: E402
from npulint.engine import check  # noqa: E402
from npulint.formats import load  # noqa: E402

SMALLNET = ROOT / "reference_models" / "exports" / "smallnet.onnx"


def line(*statuses: str, chip: str = "qnn-htp-v73", **others: Any) -> dict[str, Any]:
    """What the compiler answered, as `qnn_networks.py` keeps it."""
    nodes = load(SMALLNET).graphs[0].nodes
    made = Network("smallnet", "onnx", SMALLNET.read_bytes())
    return {
        "network": "smallnet",
        "format": "onnx",
        "digest": made.digest,
        "target": chip,
        "versions": {"onnxruntime": "1.32.0"},
        "nodes": [[0, n.index, n.op, s] for n, s in zip(nodes, statuses, strict=True)],
        "reasons": {},
        "strays": [],
        "outcome": "compiled",
        "fault": None,
        "qnn": "2.51",
        "date": "2026-11-30",
        **others,
    }


def audited(*lines: dict[str, Any]) -> list[dict[str, Any]]:
    return qnn_audit.audit_lines(Network("smallnet", "onnx", SMALLNET.read_bytes()), lines)


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(qnn_audit.AUDITED.read_text(encoding="utf-8"))
    return content


def test_the_page_is_what_the_command_draws(kept: dict[str, Any]) -> None:
    page = qnn_audit.PAGE.read_text(encoding="utf-8")
    assert qnn_audit_page.render(kept) == page, "run benchmarks/qnn_audit.py"


def test_every_network_is_there_once_in_each_format_and_on_each_chip(kept: dict[str, Any]) -> None:
    keys = [(row["network"], row["format"], row["target"]) for row in kept["rows"]]
    assert len(keys) == len(set(keys))
    names = {name for name, _, _ in keys}
    assert len(keys) >= 0.95 * 4 * len(names)
    assert {(form, chip) for _, form, chip in keys} == {
        (form, chip) for form in ("onnx", "tflite") for chip in ("qnn-htp-v73", "qnn-htp-v75")
    }


def test_a_disagreement_is_listed_as_often_as_it_is_counted(kept: dict[str, Any]) -> None:
    columns = {"false yes": "false_yes", "false no": "false_no", "not said": "abstained"}
    for row in kept["rows"]:
        listed = dict.fromkeys(columns, 0)
        for what, _, _, times in row["others"]:
            listed[what] += times
        assert {columns[what]: n for what, n in listed.items()} == {
            column: row["tally"][column] for column in columns.values()
        }


def test_an_answer_is_held_against_the_predictions_of_today() -> None:
    (target,) = check([SMALLNET], targets=["qnn-htp-v73"]).models[0].targets
    assert [verdict.status for verdict in target.verdicts[0]] == ["supported"] * 7
    statuses = ["taken", "merged", "refused", "taken", "failed", "taken", "taken"]
    why = {"0:2": "Failed to add node. it does not fit"}
    first, second = audited(
        line(*statuses, reasons=why, outcome="failed", fault="Failed to add node. too large"),
        line(*["taken"] * 7, chip="qnn-htp-v75"),
    )
    assert first["target"] == "qnn-htp-v73"
    assert Tally(**first["tally"]) == Tally(true_yes=4, false_yes=1, unobserved=2)
    op = load(SMALLNET).graphs[0].nodes[2].op
    assert first["others"] == [["false yes", op, "it does not fit", 1]]
    assert (first["outcome"], first["fault"]) == ("failed", "too large")
    assert Tally(**second["tally"]) == Tally(true_yes=7)
    assert second["others"] == []


def test_an_answer_about_another_model_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Network("smallnet", "onnx", SMALLNET.read_bytes())
    monkeypatch.setattr(qnn_audit, "network", lambda _name, _form: made)
    lines = [
        line(*["taken"] * 7),
        line(*["taken"] * 7, chip="qnn-htp-v75", digest="0", date="2026-01-01"),
    ]
    kept = qnn_audit.audit_all(lines)
    assert [row["target"] for row in kept["rows"]] == ["qnn-htp-v73"]
    assert kept["days"] == ["2026-11-30"]
    assert kept["versions"] == ["QNN 2.51", "onnxruntime 1.32.0"]
    assert capsys.readouterr().err == "smallnet.onnx: another model by now; ask again\n"


def test_a_network_is_taken_from_a_folder_as_long_as_it_is_the_one_that_was_asked_about(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = Network("smallnet", "onnx", SMALLNET.read_bytes())
    built: list[str] = []
    monkeypatch.setattr(qnn_audit, "network", lambda name, _form: (built.append(name), made)[1])
    models = tmp_path / "nets"
    for content in (None, None, b"another"):
        if content is not None:
            (models / "smallnet.onnx").write_bytes(content)
        (row,) = qnn_audit.audit_all([line(*["taken"] * 7)], models=models)["rows"]
        assert row["tally"]["true_yes"] == 7
        assert (models / "smallnet.onnx").read_bytes() == made.content
    assert built == ["smallnet"] * 2


def test_chips_that_nothing_tells_apart_have_one_row() -> None:
    rows = audited(
        line(*["taken"] * 7),
        line(*["taken"] * 7, chip="qnn-htp-v75"),
        line("refused", *["taken"] * 6, chip="qnn-htp-v79"),
    )
    page = qnn_audit_page.render({"rows": rows, "versions": ["QNN 2.51"], "days": ["2026-11-30"]})
    assert "| smallnet | v73, v75 | 7 | 0 | 0 | 0 | 0 | 0 | 100 % | 100 % | 0 % |\n" in page
    assert "| smallnet | v79 | 6 | 1 | 0 | 0 | 0 | 0 | 85.7 % | 100 % | 14.3 % |\n" in page
    assert "- false yes: 1 node `Conv` (.onnx; smallnet): no reason was given\n" in page
    assert "\nAnswers of 2026-11-30: QNN 2.51.\n" in page
