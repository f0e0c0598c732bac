"""The challenge's final score, against the table that the challenge published."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import jsonschema
import pytest

from npulint.device.score import FAST, final_score
from npulint.errors import UsageError
from npulint.reports import device_score
from tests.cli.support import Runner

HERE = Path(__file__).parent
TABLE = HERE / "challenge.csv"
"""Table 1 of arXiv:2105.07809, without the marks of the best."""

PUBLISHED = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
SCHEMA = json.loads(
    Path(device_score.__file__).with_name("score.schema.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row["Team"])
def test_published_scores(row: dict[str, str]) -> None:
    found = final_score(float(row["PSNR"]), float(row["Runtime, ms"]) / 1000)
    # PSNR and scores are printed to two places.
    assert found == pytest.approx(float(row["Final Score"]), abs=0.005)


def test_the_published_ranking(npulint: Runner) -> None:
    run = npulint("device", "score", TABLE, "--format", "json")
    assert run.code == 0
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(run.json, SCHEMA)
    assert [each["model"] for each in run.json["scores"]] == [row["Team"] for row in PUBLISHED]
    told = npulint("device", "score", TABLE).out.splitlines()
    assert told[0].split() == ["model", "PSNR", "runtime", "final", "score"]
    assert told[1].split() == ["dh.isp", "23.20", "dB", "61", "ms", "25.98"]
    assert len(told) == len(PUBLISHED) + 2


@pytest.mark.parametrize(
    ("seconds", "added"),
    [
        (0, 3.4),
        (0.03, 3.4),
        (0.04, 3.2),
        (FAST, 0),
        (FAST + 1e-9, 0),
        (1.2, -0.5),
        (5, -2.4),
        (60, -2.4),
    ],
)
def test_what_the_runtime_adds(seconds: float, added: float) -> None:
    assert final_score(20, seconds) == pytest.approx(20 + added)


@pytest.mark.parametrize(("psnr", "seconds"), [(float("nan"), 1), (float("inf"), 1), (20, -1)])
def test_what_has_no_score(psnr: float, seconds: float) -> None:
    with pytest.raises(UsageError, match="has no score"):
        final_score(psnr, seconds)


def test_a_log_and_its_psnr(npulint: Runner) -> None:
    run = npulint("device", "score", HERE / "logs" / "benchmark_old.txt", "--psnr", "23")
    assert run.code == 0
    # 1599.06 ms: 23 + 0.5 * (0.2 - 1.59906)
    assert "/data/local/tmp/unet.tflite  23.00 dB  1599 ms  22.30" in run.out


def test_rows_that_cannot_be_scored_are_counted(npulint: Runner, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("Model;Runtime ms;PSNR\na;12,5;23,1\nb;1e400;22\nc;7;nan\n")
    run = npulint("device", "score", path, "--format", "json")
    assert [(each["model"], each["psnr"]) for each in run.json["scores"]] == [("a", 23.1)]
    assert f"{path}: 2 rows without" in run.err


def test_numbers_without_a_file(npulint: Runner) -> None:
    run = npulint("device", "score", "--psnr", "23.2", "--runtime", "61")
    assert "25.98" in run.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "nothing to score"),
        (["--psnr", "20"], "nothing to score"),
        (["{table}", "--runtime", "20"], "give one of the two"),
        (["{table}", "--psnr", "20"], "has the latency of 0 runs"),
        (["{failed}", "--psnr", "20"], "has the latency of 0 runs"),
        (["{log}"], "tells no PSNR beside a runtime"),
        (["--psnr", "20", "--runtime", "-1"], "has no score"),
        (["absent.csv"], "cannot be read"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], told: str, npulint: Runner) -> None:
    files = {
        "table": TABLE,
        "log": HERE / "logs" / "benchmark_old.txt",
        "failed": HERE / "logs" / "benchmark_failed.txt",
    }
    run = npulint("device", "score", *(each.format(**files) for each in arguments))
    assert (run.code, run.out) == (2, "")
    assert told in run.err
    assert len(run.err.splitlines()) == 1
