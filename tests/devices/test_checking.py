"""Devices where targets are asked: verdicts, pieces, cautions, reports."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from pathlib import Path

import jsonschema
import pytest

import npulint
from npulint import opsets, reference_models
from npulint.cli import main
from npulint.finding import TargetResult
from npulint.model import Model
from npulint.reports import matrix, text
from npulint.reports.json import document
from npulint.verdict import Verdict
from tests.devices.drawing import Drawing, model_of
from tests.devices.networks import sgn, unet
from tests.devices.test_profiles import PROFILE

EXPORTS = Path(reference_models.__file__).parent / "exports"
TRUTH = sorted((Path(__file__).parents[1] / "truth" / "models").glob("*.tflite"))


def asked(model: Model, device: str | Path) -> TargetResult:
    return npulint.check(model, [str(device)]).models[0].targets[0]


def test_what_runs_on_the_cpu_is_unsupported_although_the_delegate_takes_it() -> None:
    model = unet("DepthToSpace", "Relu")
    result = asked(model, "pixel-4")
    (graph,) = model.graphs
    for node, verdict in zip(graph.nodes, result.verdicts[0], strict=True):
        assert verdict.validation == "accepted"
        if node.op == "DEPTH_TO_SPACE":
            assert verdict.status == "unsupported"
            assert result.delegations[0].delegated[node.index] is False
            (reason,) = verdict.reasons
            assert reason.constraint == "pixel-4/DEPTH_TO_SPACE-float"
            assert "Table 3 note 3" in reason.source
            assert "arXiv:2004.12599" in reason.source


def test_what_may_run_on_the_cpu_is_unknown_and_cut_out() -> None:
    model = unet("ResizeBilinear", "Relu")
    result = asked(model, "pixel-4")
    (delegation,) = result.delegations
    open_nodes = {i for i, fate in enumerate(delegation.delegated) if fate is None}
    on_cpu = {i for piece in delegation.partitions if piece.runs_on == "cpu" for i in piece.nodes}
    assert open_nodes == on_cpu
    assert {model.graphs[0].nodes[i].op for i in open_nodes} == {"CONCATENATION", "CONV_2D"}
    assert any("cut as if" in note for note in delegation.notes)


def test_what_the_path_refuses_stays_refused_for_its_reasons() -> None:
    net = Drawing(16, 16)
    net.simple("CUMSUM", net.transpose_conv(net.image, 4))
    result = asked(net.model(), "mate30-pro-5g")
    deconvolution, cumsum = result.verdicts[0]
    assert deconvolution.reasons[0].constraint == "mate30-pro-5g/TRANSPOSE_CONV-float"
    assert (cumsum.status, cumsum.validation) == ("unsupported", "refused")
    assert all("mate30" not in reason.constraint for reason in cumsum.reasons)


def spread(fallen: int) -> Model:
    """A chain in which every other node is a float DEPTH_TO_SPACE."""
    net = Drawing(4, 4, 64)
    x = net.image
    for _ in range(fallen):
        x = net.depth_to_space(net.conv(x, 64))
    net.conv(x, 4)
    return net.model()


def profile(folder: Path, setting: str) -> Path:
    text = PROFILE.replace("setting: unknown", f"setting: {setting}")
    text = text.replace("op: CONV_2D\n", "op: DEPTH_TO_SPACE\n").replace(
        "outcome: may", "outcome: cpu"
    )
    text = text.replace("    when: {made_by: {op: CONCATENATION, operand: input}}\n", "")
    path = folder / f"{setting}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("setting", "pieces"), [("allowed", 6), ("disallowed", 3), ("unknown", 3)])
def test_only_without_its_own_cpu_does_nnapi_give_pieces_up(
    setting: str, pieces: int, tmp_path: Path
) -> None:
    result = asked(spread(5), profile(tmp_path, setting))
    handed = [piece for piece in result.partitions if piece.runs_on == "nnapi"]
    assert len(handed) == 6
    assert sum(piece.handed_over for piece in handed) == pieces
    assert result.delegations[0].delegated.count(True) == pieces
    assert all(v.validation == "accepted" for v in result.verdicts[0])


def upsampled(*conv_counts: int, half_pixel: bool) -> Model:
    """Convolutions in 8-bit, as many as told, with a RESIZE_BILINEAR between the groups."""
    net = Drawing(8, 8, 4, dtype="int8")
    x = net.image
    for position, count in enumerate(conv_counts):
        x = net.resize(x, half_pixel=half_pixel) if position else x
        for _ in range(count):
            x = net.conv(x, 4)
    return net.model()


REFERENCE = "on its CPU reference"


def reference_notes(result: TargetResult) -> list[str]:
    return [note for note in result.delegations[0].notes if REFERENCE in note]


def test_only_what_reaches_nnapi_runs_on_its_cpu_reference() -> None:
    # The delegate keeps half-pixel resizing back: NNAPI never sees it.
    refused = asked(upsampled(1, 1, half_pixel=True), "mate30-pro-5g")
    assert refused.verdicts[0][1].validation == "refused"
    assert reference_notes(refused) == []
    (one,) = reference_notes(asked(upsampled(1, 1, half_pixel=False), "mate30-pro-5g"))
    assert one.startswith(f"1 of the nodes handed to NNAPI runs {REFERENCE}")
    assert one.endswith("it goes back to TFLite")
    (two,) = reference_notes(asked(upsampled(1, 1, 1, half_pixel=False), "mate30-pro-5g"))
    assert two.startswith(f"2 of the nodes handed to NNAPI run {REFERENCE}")
    assert two.endswith("they go back to TFLite")


def test_only_what_reaches_nnapi_may_run_on_its_cpu() -> None:
    def notes(model: Model) -> list[str]:
        said = asked(model, "pixel-4").delegations[0].notes
        return [note for note in said if note.startswith("cut as if")]

    assert notes(unet("ResizeBilinear", "Relu")) == [
        "cut as if the 4 nodes that may run on the CPU did"
    ]
    (graph,) = unet("ResizeBilinear", "Relu").graphs
    newer = tuple(
        replace(node, version=9) if node.op == "CONCATENATION" else node for node in graph.nodes
    )
    refused = asked(model_of(replace(graph, nodes=newer)), "pixel-4")
    assert {v.validation for v in refused.verdicts[0]} == {"accepted", "refused"}
    assert notes(model_of(replace(graph, nodes=newer))) == [
        "cut as if the 2 nodes that may run on the CPU did"
    ]


@pytest.mark.parametrize("device", ["mate30-pro-5g", "pixel-4", "tecno-camon-19-pro", "nnapi-1.2"])
def test_what_the_limit_leaves_behind_needs_no_cure(device: str) -> None:
    result = asked(upsampled(4, 1, 2, 3, half_pixel=True), device)
    left = [p.nodes for p in result.partitions if p.runs_on == "nnapi" and not p.handed_over]
    assert left == [(5,)]
    (join,) = result.joins
    assert (join.nodes, join.pieces) == ((4, 6, 9), 4)


def test_the_reference_cuts_what_is_left_behind_too(tmp_path: Path) -> None:
    net = Drawing(4, 4, 64)
    x = net.conv(net.image, 64)
    for _ in range(4):
        x = net.conv(net.depth_to_space(net.conv(net.simple("CUMSUM", x), 64)), 64)
    result = asked(net.model(), profile(tmp_path, "allowed"))
    shown = [(p.nodes, p.handed_over) for p in result.partitions if p.runs_on == "nnapi"]
    handed = [*((n,) for first in (2, 6, 10) for n in (first, first + 2))]
    assert shown == [((0,), False), *((n, True) for n in handed), ((14,), False), ((16,), False)]
    assert reference_notes(result)[0].startswith("3 of")
    (join,) = result.joins
    assert join.nodes == tuple(n for n in range(1, 16) if n % 2)


def test_a_piece_of_the_runtime_never_spans_two_of_the_delegate(tmp_path: Path) -> None:
    # What DEPTH_TO_SPACE delays in the first piece could run with the second.
    net = Drawing(4, 4, 64)
    early = net.conv(net.image, 64)
    delayed = net.conv(net.depth_to_space(early), 64)
    late = net.depth_to_space(net.conv(net.simple("CUMSUM", early), 64))
    net.concat(delayed, net.conv(late, 64))
    result = asked(net.model(), profile(tmp_path, "allowed"))
    delegate = asked(net.model(), "nnapi-1.2")
    pieces = [set(p.nodes) for p in delegate.partitions if p.runs_on == "nnapi"]
    assert pieces == [{0, 1, 2}, {4, 5, 6, 7}]
    for piece in result.partitions:
        if piece.runs_on == "nnapi":
            assert sum(bool(each & set(piece.nodes)) for each in pieces) == 1
    (second,) = [p for p in result.partitions if 2 in p.nodes]
    assert second.nodes == (2,)
    size = 8 * 8 * 4
    assert (second.bytes_in, second.bytes_out) == (16 * size, 64 * size)


def test_an_observation_that_cannot_be_decided_is_a_may() -> None:
    (graph,) = spread(1).graphs
    values = tuple(
        value if value.constant is not None else replace(value, dtype=None)
        for value in graph.values
    )
    result = asked(model_of(replace(graph, values=values)), "pixel-4")
    assert graph.nodes[1].op == "DEPTH_TO_SPACE"
    verdict = result.verdicts[0][1]
    assert verdict.status == "unknown"
    assert verdict.reasons[-1].message.startswith("may run on the CPU here")


CAUTIONS = {
    # device, height, width: words of the cautions that the size brings about, and of none
    ("pixel-4", 256, 256): ("", "1600x900"),
    ("pixel-4", 720, 1280): ("once the input has 1280x720", "1600x900"),
    ("pixel-4", 900, 1600): ("1600x900", "once the input has"),
    ("mate30-pro-5g", 1080, 1920): ("1600x900", ""),
    ("reno3-5g", 900, 1600): ("", "1920x1080"),
    ("reno3-5g", 1080, 1920): ("1920x1080", ""),
}


@pytest.mark.parametrize("case", CAUTIONS, ids=str)
def test_sizes_that_did_not_run_are_warned_of(case: tuple[str, int, int]) -> None:
    device, height, width = case
    present, absent = CAUTIONS[case]
    net = Drawing(height, width)
    net.conv(net.image, 4)
    said = " / ".join(caution.message for caution in asked(net.model(), device).cautions)
    assert present in said
    assert not absent or absent not in said


@pytest.mark.parametrize(
    ("rectifier", "dtype", "warned"),
    [("PRelu", "float32", True), ("Relu", "float32", False), ("PRelu", "int8", False)],
)
def test_the_abnormal_loss_of_quality_is_warned_of(
    rectifier: str, dtype: str, warned: bool
) -> None:
    model = unet("ResizeBilinear", rectifier, dtype)  # type: ignore[arg-type]
    for device, where in (("pixel-4", warned), ("reno3-5g", False)):
        said = [caution.message for caution in asked(model, device).cautions]
        assert any("PSNR" in message for message in said) is where


def normed(axes: tuple[int, ...]) -> Model:
    net = Drawing(64, 64)
    x = net.conv(net.image, 8)
    spread = net.pair("SQUARED_DIFFERENCE", x, net.mean(x, axes))
    net.pair("MUL", x, net.simple("RSQRT", net.mean(spread, axes)))
    return net.model()


@pytest.mark.parametrize(
    ("device", "axes", "warned"),
    [
        ("mate30-pro-5g", (1, 2), True),
        ("pixel-4", (1, 2), True),
        ("dimensity-9000", (1, 2), True),
        ("dimensity-9000", (3,), False),
        ("tecno-camon-19-pro", (3,), True),
        ("snapdragon-888", (1, 2), False),
    ],
)
def test_norms_over_all_positions_are_warned_of(
    device: str, axes: tuple[int, ...], warned: bool
) -> None:
    model = normed(axes)
    result = asked(model, device)
    said = {
        node.op
        for node, verdict in zip(model.graphs[0].nodes, result.verdicts[0], strict=True)
        for caution in verdict.cautions
        if "norm" in caution.message
    }
    assert said == ({"RSQRT"} if warned else set())


def test_claimed_but_slow_operators_are_warned_of_where_they_were_seen() -> None:
    result = asked(sgn(), "dimensity-1000-plus")
    assert any("1861 ms" in caution.message for caution in result.cautions)


@pytest.mark.parametrize("name", opsets.devices())
def test_every_device_answers_for_both_formats_and_its_report_holds_to_the_schema(
    name: str,
) -> None:
    schema = json.loads(
        resources.files("npulint.reports").joinpath("report.schema.json").read_text("utf-8")
    )
    report = npulint.check(
        [EXPORTS / "unet_small.tflite", EXPORTS / "unet_small.onnx"], [name, "nnapi-1.2"]
    )
    found = document(report)
    jsonschema.validate(found, schema)
    for model in found["models"]:
        device, target = model["targets"]
        assert (device["target"], device["kind"]) == (name, "device")
        assert device["path"] == opsets.load_device(name).start.target.name
        assert (target["kind"], target["path"]) == ("target", None)


@pytest.mark.parametrize("file", TRUTH, ids=lambda path: path.stem)
def test_a_device_never_takes_more_than_its_path(file: Path) -> None:
    paths = {name: opsets.load_device(name).start.target.name for name in opsets.devices()}
    asked_for = [*paths, *dict.fromkeys(paths.values())]
    (found,) = npulint.check(file, asked_for).models
    results = dict(zip(asked_for, found.targets, strict=True))
    for name, path in paths.items():
        assert _taken(results[name]) <= _taken(results[path])
        pairs = zip(_verdicts(results[name]), _verdicts(results[path]), strict=True)
        for ours, theirs in pairs:
            assert ours.validation == theirs.validation
            if theirs.status == "unsupported":
                assert ours.reasons == theirs.reasons
            if ours.status == "supported":
                assert theirs.status == "supported"


def _taken(result: TargetResult) -> set[tuple[int, int]]:
    return {
        (graph, index)
        for graph, delegation in enumerate(result.delegations)
        for index, fate in enumerate(delegation.delegated)
        if fate is True
    }


def _verdicts(result: TargetResult) -> list[Verdict]:
    return [verdict for graph in result.verdicts for verdict in graph]


def test_an_onnx_model_is_judged_by_its_conversion() -> None:
    results = [
        npulint.check(EXPORTS / f"unet_small.{ending}", ["pixel-4"]).models[0]
        for ending in ("tflite", "onnx")
    ]
    tflite, onnx = ([f.op for f in result.findings if f.severity == "error"] for result in results)
    assert tflite == ["TRANSPOSE_CONV"] * 4
    assert onnx == ["ConvTranspose"] * 4
    assert results[0].targets[0].coverage.macs == results[1].targets[0].coverage.macs


def test_the_command_line_takes_devices(capsys: pytest.CaptureFixture[str]) -> None:
    model = str(EXPORTS / "unet_small.tflite")
    assert main(["check", model, "-t", "reno3-5g"]) == 0
    assert "judged as nnapi-1.2 (deduced)" in capsys.readouterr().out
    assert main(["check", model, "-t", "mate30-pro-5g", "-v"]) == 1
    shown = capsys.readouterr().out
    assert "runs on the CPU here" in shown
    assert "Table 2 note 1" in shown
    assert main(["explain", "mate30-pro-5g"]) == 0
    shown = capsys.readouterr().out
    for words in ("54,206 ms", "nnapi-reference, armnn, liteadaptor", "allowed", "deduced"):
        assert words in shown
    assert main(["explain", "mate30-pro-5g:PRELU"]) == 0
    shown = capsys.readouterr().out
    assert "PRELU in 8-bit: runs on the CPU" in shown
    assert "nnapi_delegate.cc" in shown
    assert main(["check", model, "-t", "pixel4"]) == 2
    assert "pixel-4" in capsys.readouterr().err


@pytest.mark.parametrize("asked_for", ["nnapi-1.2", "mate30-pro-5g", "hiai"])
def test_of_a_model_without_nodes_nothing_is_said_to_be_handed_over(asked_for: str) -> None:
    empty = Drawing(4, 4).model()
    report = npulint.check(empty, [asked_for])
    shown = text.render(report)
    assert "100 %" not in shown
    assert "everything runs on the CPU" not in shown
    (row,) = [line.split() for line in shown.splitlines() if line.startswith(f"  {asked_for} ")]
    unknown = asked_for == "hiai"
    assert row[1:] == ["0", "of", "0", "0", *(["?"] * 3 if unknown else ["-", "0", "-"])]
    assert unknown or " - / -, 0 pieces" in matrix.render_text(report, text.Layout())
    assert "100 %" not in matrix.render_text(report, text.Layout())


def test_pieces_of_a_delegation_in_doubt_are_hedged() -> None:
    sure = npulint.check(TRUTH[0].parent / "op_unary_relu_1.tflite", ["nnapi-1.1"])
    net = Drawing(4, 4)
    net.simple("RELU", net.image)
    (graph,) = net.model().graphs
    deep = tuple(replace(value, shape=(1, 1, 4, 4, 3)) for value in graph.values)
    doubtful = npulint.check(model_of(replace(graph, values=deep)), ["mate30-pro-5g"])
    certain = npulint.check(net.model(), ["mate30-pro-5g"])
    assert doubtful.models[0].targets[0].in_doubt
    hedge = "1 node, unless the runtime takes the delegation back"
    assert f"one piece on nnapi: {hedge}" in text.render(doubtful)
    assert "perhaps 1 piece" in matrix.render_text(doubtful, text.Layout())
    for report in (doubtful, sure):
        assert " perhaps 1 " in text.render(report)
    assert "one piece on nnapi: 1 node\n" in text.render(certain)
    assert "perhaps" not in text.render(certain) + matrix.render_text(certain, text.Layout())
