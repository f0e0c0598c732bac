"""HTML reports to open: a clean model, a network on phones, several models, a large one, a
hostile one, one with accepted findings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from made import EXPORTS, hostile, real

from npulint import check
from npulint.finding import Evidence, Finding, Report, Silenced
from npulint.model import Node
from npulint.reports.html import render
from npulint.verdict import Verdict

ROOT = Path(__file__).parent.parent.parent
TRUTH = ROOT / "tests" / "truth" / "models"
PHONES = ("mate30-pro-5g", "reno3-5g", "pixel-4")
LARGE = 5000


def clean(_: Path) -> Report:
    """A model that every target takes whole."""
    return check(EXPORTS / "smallnet.tflite", targets=["nnapi-1.2", "nnapi-1.3", "neuron"])


def phones(_: Path) -> Report:
    """A U-Net with transposed convolutions on three phones."""
    return check(EXPORTS / "unet_small.tflite", targets=list(PHONES))


def refused(folder: Path) -> Report:
    """The same with two kinds of findings only, whatever rules there are, to be counted."""
    report = phones(folder)
    (result,) = report.models
    assert result.model is not None
    findings = [
        _finding(node, target.target.name, verdict)
        for target in result.targets
        for node, verdict in zip(result.model.graphs[0].nodes, target.verdicts[0], strict=True)
        if verdict.status != "supported"
    ]
    return replace(report, models=(replace(result, findings=tuple(findings)),))


def _finding(node: Node, target: str, verdict: Verdict) -> Finding:
    (reason,) = verdict.reasons
    refused = verdict.status == "unsupported"
    return Finding(
        code="NPU101" if refused else "NPU102",
        rule="refused-operator" if refused else "undecided-operator",
        severity="error" if refused else "warning",
        message=f"{node.op}: {reason.message}",
        target=target,
        graph=0,
        index=node.index,
        op=node.op,
        fingerprint=f"{target}:{node.index}",
        nodes=(node.index,),
        evidence=(Evidence(reason.message, reason.source),),
    )


def large(folder: Path) -> Report:
    """A model of 5,000 nodes, cut into many pieces by some targets and into one by others."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        from synthetic import write_chain
    finally:
        sys.path.pop(0)
    path = folder / "chain.onnx"
    write_chain(path, LARGE)
    return check(path, targets=["nnapi-1.1", "nnapi-1.2", "hiai", "neuron", "pixel-4"])


def many(_: Path) -> Report:
    """More models than stand open, one of them of several graphs, one with open sizes."""
    names = ("net_lstm_f32", "blk_dynspatial_f32", "net_mobilenet_v2_int8", "blk_dense_f16")
    return check([TRUTH / f"{name}.tflite" for name in names], targets=["nnapi-1.2", "hiai"])


def accepted(folder: Path) -> Report:
    """Findings of which the user has accepted some, and one that is about no node."""
    report = refused(folder)
    (result,) = report.models
    first, second, third, *others = result.findings
    whole = replace(
        third, graph=None, index=None, op=None, nodes=(), message="all of it", target=None
    )
    silenced = (
        Silenced(first, "suppression", "the 2021 phones are not served", "2031-05-01"),
        Silenced(second, "baseline"),
    )
    return Report((replace(result, findings=(whole, *others), silenced=silenced),), report.notes)


REPORTS: Mapping[str, Callable[[Path], Report]] = MappingProxyType(
    {
        "clean": clean,
        "phones": phones,
        "refused": refused,
        "large": large,
        "several": lambda _: real(),
        "many": many,
        "hostile": lambda _: hostile(),
        "accepted": accepted,
    }
)


def written(name: str, folder: Path) -> Path:
    """Draw one of the reports into a folder, as `npulint check -o` writes it."""
    from npulint.output import write_whole

    path = folder / f"{name}.html"
    write_whole(path, render(REPORTS[name](folder)))
    return path
