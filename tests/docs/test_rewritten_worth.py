"""The page of rewrites on photographs: what the kept rows draw, and rows that are so today."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import rewritten_worth  # noqa: E402
from rewritten_cases import CASES, table  # noqa: E402
from rewritten_page import chosen, page  # noqa: E402
from rewritten_rows import ORDER, Row  # noqa: E402

from npulint.formats import load  # noqa: E402
from npulint.opsets.registry import load_target  # noqa: E402

PAGE = ROOT / "docs" / "rewritten-worth.md"
NETWORKS = {"unet_narrow", "pynet_v2_narrow", "nafnet_tiny"}
AGAIN = ("unet_narrow-transposed-convolutions-onnx", "lossy")
"""Made again in each run: it needs neither samples nor training."""


def held() -> list[Row]:
    """The rows that are kept, in the order of the page."""
    kept = rewritten_worth.kept_rows(rewritten_worth.KEPT)
    return list(rewritten_worth.whole(CASES, kept))


def test_the_page_is_what_the_kept_rows_draw() -> None:
    assert page(held(), rewritten_worth.SETTINGS) == PAGE.read_text(encoding="utf-8"), (
        "run benchmarks/rewritten_worth.py --finished -o docs/rewritten-worth.md"
    )


def test_every_row_is_of_the_weights_and_the_settings_of_today() -> None:
    """Rows of older weights stay in the file, but then the page must have newer ones."""
    rows = held()
    found = {(row.case, row.variant, row.trained) for row in rows}
    present = [case for case in CASES if case.name in {row.case for row in rows}]
    left = {(row.case, row.variant) for row in rows if row.left}
    assert found == {
        (case.name, variant, trained)
        for case in present
        for variant, trained in ORDER
        if not (trained and (case.name, variant) in left)
    }
    assert {row.network for row in rows} >= NETWORKS, "run benchmarks/rewritten_worth.py"


def test_exact_rewrites_are_equal() -> None:
    rows = held()
    assert any(row.variant == "exact" for row in rows)
    assert not rewritten_worth.unequal(rows)


def test_an_exact_rewrite_that_is_not_equal_is_named() -> None:
    rows = [row for row in held() if row.case == AGAIN[0]]
    off = [replace(row, psnr=row.psnr + 0.01) if row.variant == "exact" else row for row in rows]
    assert [row.variant for row in rewritten_worth.unequal(off)] == ["exact"]
    none = [replace(row, psnr=None) if row.variant == "exact" else row for row in rows]
    assert [row.variant for row in rewritten_worth.unequal(none)] == ["exact"]


def test_validation_chooses_of_what_was_trained_and_the_goal_is_judged_by_that() -> None:
    """Held-out figures have no say: the better one there is not taken where validation is not."""
    case = next(case for case in CASES if case.goal == 0.1)
    rows = {(row.variant, row.trained): row for row in held() if row.case == case.name}
    original = replace(rows["original", False], psnr=30.0, validation=33.0)
    fitted = replace(rows["calibrated", False], psnr=29.0, validation=40.0)
    one = replace(rows["calibrated", True], psnr=29.85, validation=32.9)
    other = replace(rows["lossy", True], psnr=29.95, validation=32.8)
    assert chosen([original, fitted, one, other]) is one
    assert "0.1 dB: not reached" in page([original, fitted, one, other], rewritten_worth.SETTINGS)
    other = replace(other, validation=33.5)
    assert chosen([original, fitted, one, other]) is other
    drawn = page([original, fitted, one, other], rewritten_worth.SETTINGS)
    assert "| -1.00 |  | -0.15 | -0.05 | 0.1 dB: reached |" in drawn
    assert "| **lossy, trained** | 29.95 |" in drawn
    assert chosen([original, fitted]) is fitted


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A row, in full all that nothing is trained for."""
    if "again" in metafunc.fixturenames:
        full = metafunc.config.getoption("--full")
        rows = [(row.case, row.variant) for row in held() if not row.trained]
        metafunc.parametrize("again", rows if full else [AGAIN], ids="-".join)


def test_a_row_comes_out_as_it_is_kept(again: tuple[str, str], tmp_path: Path) -> None:
    name, variant = again
    (known,) = (row for row in held() if (row.case, row.variant, row.trained) == (*again, False))
    case = next(case for case in CASES if case.name == name)
    here = rewritten_worth.ground(case, tmp_path)
    made = rewritten_worth.row(here, known.variant, trained=False, say=lambda _: None)
    assert (made.ways, made.problem, made.places) == (known.ways, known.problem, known.places)
    # Other processors sum in another order; what is printed has two digits.
    assert made.psnr == pytest.approx(known.psnr, abs=0.005)
    assert made.ssim == pytest.approx(known.ssim, abs=0.0005)
    target = tmp_path / f"{case.name}-{variant}.yaml"
    assert target.exists() == (variant != "original")


@pytest.mark.parametrize("exact", [False, True])
def test_targets_refuse_what_they_are_made_to_refuse(exact: bool, tmp_path: Path) -> None:
    for case in CASES:
        network = load(ROOT / "reference_models" / "exports" / f"smallnet.{case.form}")
        has = {node.op for node in network.graphs[0].nodes}
        path = tmp_path / f"{case.name}.yaml"
        path.write_text(table(case, network, exact=exact), encoding="utf-8")
        assert load_target(path).name.startswith("refuses-")
        told = path.read_text(encoding="utf-8")
        takes = {*has, *case.takes, *(case.exactly if exact else ())} - {*case.refuses}
        assert {op for op in (*has, *case.takes, *case.exactly) if f"{{op: {op}," in told} == takes
        for op, condition in case.require.items():
            assert (condition in told) == (op in takes)
