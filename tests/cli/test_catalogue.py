"""`npulint targets` and `npulint explain`."""

from __future__ import annotations

import pytest

from npulint import opsets
from npulint.rules import RULES
from npulint.rules.record import Rule
from tests.cli.support import Runner

PARTS = ("Why it matters:", "Example:", "What to do:", "Limits:")


def test_targets_lists_every_target_and_apart_from_them_every_device(npulint: Runner) -> None:
    run = npulint("targets")
    assert run.code == 0
    targets, devices = run.out.split("\n\n")
    for name in opsets.targets():
        assert f"\n{name} " in targets
    for name in opsets.devices():
        assert f"\n{name} " in devices
    listed = npulint("targets", "--format", "json").json
    # One with a table for each dialect has a line for each.
    assert list(dict.fromkeys((entry["kind"], entry["name"]) for entry in listed)) == [
        *(("target", name) for name in opsets.targets()),
        *(("device", name) for name in opsets.devices()),
    ]
    sides = [(entry["name"], entry["dialect"]) for entry in listed]
    assert len(set(sides)) == len(sides)


def test_explain_operator_gives_every_condition_with_its_source(npulint: Runner) -> None:
    run = npulint("explain", "nnapi-1.2:RESIZE_BILINEAR")
    assert run.code == 0
    assert "half_pixel_centers" in run.out
    assert "align_corners" in run.out
    assert run.out.count("nnapi_delegate.cc") >= 4


def test_explain_target(npulint: Runner) -> None:
    run = npulint("explain", "nnapi-1.3")
    assert run.code == 0
    assert "deprecated" in run.out
    assert "at most 3" in run.out
    assert "CONV_2D" in run.out


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_has_its_page(npulint: Runner, rule: Rule) -> None:
    run = npulint("explain", rule.code)
    assert run.code == 0
    assert rule.name in run.out
    for part in PARTS:
        assert part in run.out


def test_explain_says_when_the_target_does_not_take_an_operator(npulint: Runner) -> None:
    run = npulint("explain", "nnapi-1.3:CUMSUM")
    assert run.code == 0
    assert "unsupported" in run.out or "refuse" in run.out


def test_explain_points_at_the_operator_that_was_meant(npulint: Runner) -> None:
    assert "did you mean TRANSPOSE_CONV" in npulint("explain", "nnapi-1.2:TRANSPOSECONV").out
    assert "itself has no" not in npulint("explain", "nnapi-1.2:CUMSUM").out


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("NPU101x", "NPU101"), ("refused-operatr", "refused-operator"), ("nnapi1.2", "nnapi-1.2"),
        ("transpose-conv/subpixel", "transpose-conv/sub-pixel"), ("mate-30", "mate30-pro-5g"),
    ],
)  # fmt: skip
def test_explain_points_at_what_was_meant(said: str, meant: str, npulint: Runner) -> None:
    run = npulint("explain", said)
    assert run.code == 2
    assert "did you mean" in run.err
    assert meant in run.err


def test_a_realisation_and_a_family_are_explained(npulint: Runner) -> None:
    one = npulint("explain", "transpose-conv/sub-pixel")
    assert one.code == 0
    assert one.out.startswith("transpose-conv/sub-pixel (exact)\n")
    assert "DEPTH_TO_SPACE" in one.out
    family = npulint("explain", "transpose-conv")
    assert one.out.strip() in family.out
    assert "transpose-conv/zero-insert-conv" in family.out
