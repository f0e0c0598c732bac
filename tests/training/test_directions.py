"""What the papers found, asked of small networks: the page is of the rows, the rows of today."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

sys.path.insert(0, str(ROOT / "benchmarks"))

import directions  # noqa: E402
import directions_page  # noqa: E402
from directions_networks import CLAIMS, SHIPPED, VARIANTS  # noqa: E402

from npulint.reference_models.catalogue import define  # noqa: E402
from npulint.reference_models.trained import filled, record, shipped  # noqa: E402
from npulint.reference_models.training.measuring import Quality  # noqa: E402
from npulint.reference_models.training.samples import SIDE  # noqa: E402

QUALITY = Quality(12, 27.5, 28.0, 0.78, 0.79)


def row(name: str, psnr: float, seed: int = 0, eight: float | None = None) -> directions.Row:
    """A row as a training would give it."""
    quality = replace(QUALITY, psnr_out=psnr)
    quantised = replace(QUALITY, psnr_out=eight or 0)
    found = () if eight is None else (directions.EightBits("tflite", quantised, "a converter"),)
    return directions.Row(name, seed, 10, "", quality, quality, found)


def test_the_page_is_of_the_rows_that_today_would_be_made() -> None:
    rows = directions.current(directions.recorded(directions.RECORDS), directions.SEEDS)
    assert [(each.network, each.seed) for each in rows] == [*directions.asked(directions.SEEDS)]
    text = (ROOT / "docs" / "directions.md").read_text(encoding="utf-8")
    assert text == directions_page.page(rows), "python benchmarks/directions.py writes it again"


def test_networks_that_are_held_against_each_other_differ_in_one_thing_only() -> None:
    for claim in CLAIMS:
        better, worse = (
            {step.name: str(step.layer) for step in VARIANTS[name].sketched((64, 64)).steps}
            for name in (claim.better, claim.worse)
        )
        kinds = {
            layer.split("(")[0]
            for one, other in ((better, worse), (worse, better))
            for name, layer in one.items()
            if other.get(name) != layer
        }
        changed = {"TransposedConv2D", "DepthToSpace", "Resize"}, {"Activation", "PRelu"}
        assert any(kinds <= each for each in (*changed, {"InstanceNormalization"})), claim
        assert VARIANTS[claim.better].steps == VARIANTS[claim.worse].steps
        assert claim.published[0] > claim.published[1]


def test_the_variant_that_is_no_variant_is_the_network_itself() -> None:
    for name, like in (("unet_transposeconv_relu", SHIPPED), ("pynet_v2", "pynet_v2_narrow")):
        own, known = VARIANTS[name].sketched((64, 64)), define(like, (64, 64))
        assert own.steps == known.steps


@pytest.mark.parametrize(
    ("gaps", "spread", "verdict"),
    [
        ([0.2], 0, "yes"),
        ([0.2, 0.01], 0.1, "yes"),
        ([0.2, 0.01], 0.11, "too small to tell"),
        ([-0.2, -0.01], 0.1, "no"),
        ([-0.2, -0.01], 0.11, "too small to tell"),
        ([0.2, -0.01], 0.01, "too small to tell"),
        ([0.0], 0, "too small to tell"),
    ],
)
def test_a_direction_counts_where_it_is_more_than_seeds_make_of_it(
    gaps: list[float], spread: float, verdict: str
) -> None:
    assert directions_page.verdict(gaps, spread) == verdict


def test_gaps_are_taken_between_rows_of_one_seed() -> None:
    rows = [
        row("pynet_v2", 30.0),
        row("pynet_v2", 29.9, seed=1),
        row("pynet_v2_nonorm", 29.0),
        row("pynet_v2_nonorm", 29.4, seed=1),
        row("pynet_v2_nonorm", 50.0, seed=2),
        row("unet_resizebilinear_prelu", 28.0, eight=28.5),
    ]
    text = directions_page.page(rows)
    published = "arXiv 2211.06263, table IV | 24.72 - 24.52 = 0.20"
    assert f"| instance norms above none | {published} | +0.75 | +1.00, +0.50 | yes |" in text
    assert "| 31.87 - 29.66 = 2.21 | -0.50 | -0.50 | no |" in text
    assert "Same direction, of 2: 1 yes, 1 no, 0 too small to tell." in text


def test_finished_rows_are_not_made_again_until_what_decides_them_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("pynet_v2", "pynet_v2_nonorm")
    records, page = tmp_path / "rows.json", tmp_path / "page.md"
    made: list[str] = []
    interrupted = [names[1]]

    def counted(name: str, seed: int) -> directions.Row:
        if name in interrupted:
            raise KeyboardInterrupt
        made.append(name)
        return replace(row(name, 28.0, seed), made_by=directions.made_by(name, seed))

    def run(*more: str) -> list[str]:
        made.clear()
        command = ["--seeds", "1", "--records", str(records), "-o", str(page), *more]
        assert directions.main(command) == 0
        return made.copy()

    def shorten(steps: int) -> None:
        short = {name: replace(VARIANTS[name], steps=steps) for name in names}
        monkeypatch.setattr(directions, "VARIANTS", short)

    shorten(2)
    monkeypatch.setattr(directions, "made", counted)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert made == [SHIPPED, names[0]]
    interrupted.clear()
    assert run() == [names[1]]
    assert run() == []
    text = page.read_text(encoding="utf-8")
    assert text.count("| instance norms above none |") == 1
    shorten(3)
    assert run("--finished") == []
    assert "instance norms above none" not in page.read_text(encoding="utf-8")
    assert run() == [*names]


def test_a_row_is_of_a_network_trained_and_measured_on_what_was_held_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "pynet_v2_nonorm"
    monkeypatch.setattr(directions, "VARIANTS", {name: replace(VARIANTS[name], steps=2)})
    found = directions.made(name, 3)
    assert (found.network, found.seed, found.steps) == (name, 3, 2)
    assert found.made_by == directions.made_by(name, 3) != directions.made_by(name, 4)
    told = record("pynet_v2_narrow")["held_out"]
    for kind in ("photographs", "scenes"):
        quality = getattr(found, kind)
        assert quality.places == told[kind]["places"]
        assert quality.psnr_in == pytest.approx(told[kind]["psnr_in"], abs=1e-3)
        assert 0 < quality.psnr_out < quality.psnr_in


def test_what_is_shipped_is_quantised_to_what_the_row_says(full: bool, tmp_path: Path) -> None:
    """In full both formats; else that the row is of the weights that are there."""
    told = directions.recorded(directions.RECORDS)[SHIPPED, record(SHIPPED)["recipe"]["seed"]]
    assert told.photographs == Quality(**record(SHIPPED)["held_out"]["photographs"])
    assert {each.form for each in told.eight_bits} == {"onnx", "tflite"}
    if full:
        network = filled(define(SHIPPED, (SIDE, SIDE)), shipped(SHIPPED))
        again = directions.eight_bits(network, record(SHIPPED)["task"], tmp_path)
        for one, two in zip(told.eight_bits, again, strict=True):
            assert one.quality.psnr_out == pytest.approx(two.quality.psnr_out, abs=0.05)
