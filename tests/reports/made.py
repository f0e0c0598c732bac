"""Reports to draw: real ones, and one that holds whatever a file may bring."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from npulint import check, reference_models
from npulint.finding import Evidence, Finding, Report, Silenced

EXPORTS = Path(reference_models.__file__).parent / "exports"
HOSTILE = "a%b\r\n::error::x]]>&<script>|`*_\x00\x1b[31m\u202e,:\ud800"


def real(*targets: str) -> Report:
    """Two models and a file that is none."""
    paths = [EXPORTS / "unet_small.tflite", EXPORTS / "smallnet.onnx", Path(__file__)]
    return check(paths, targets=list(targets) or ["nnapi-1.1", "pixel-4"])


def hostile() -> Report:
    """Names, messages and reasons that no form may be broken by."""
    report = check(EXPORTS / "smallnet.onnx", targets=["pixel-4"])
    (result,) = report.models
    assert result.model is not None
    graph = result.model.graphs[0]
    named = replace(graph, nodes=tuple(replace(node, name=HOSTILE) for node in graph.nodes))
    finding = Finding(
        code="NPU101",
        rule="refused-operator",
        severity="error",
        message=HOSTILE,
        target="pixel-4",
        graph=0,
        index=6,
        op=HOSTILE,
        fingerprint="0" * 16,
        fixes=("transpose-conv/sub-pixel",),
        nodes=(5, 6),
        evidence=(Evidence(HOSTILE, HOSTILE),),
    )
    accepted = Silenced(
        replace(finding, fingerprint="1" * 16), "suppression", HOSTILE, "2030-01-01"
    )
    unsure = replace(finding, severity="info", unknown=True, fingerprint="2" * 16)
    changed = replace(
        result,
        path=Path(HOSTILE.replace("\x00", "")),
        model=replace(result.model, graphs=(named,)),
        findings=(finding, unsure),
        silenced=(accepted,),
    )
    of_the_run = Finding(
        code="NPU902",
        rule="expired-suppression",
        severity="warning",
        message=HOSTILE,
        fingerprint="3" * 16,
        file=changed.path,
        line=3,
    )
    return Report((changed, *real().models[2:]), findings=(of_the_run,))
