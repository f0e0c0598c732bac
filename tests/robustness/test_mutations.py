"""Whatever bytes a file holds: an answer or one clear line, soon, and in bounded memory."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.robustness.driving import drive, sane
from tests.robustness.mutants import EXPORTS, Draw, Seed, mutate, onnx_seeds, tflite_seeds
from tests.robustness.twists import twist

PEAK = 200 << 20
"""Bound on the memory of one process that checks a batch of mutants, in bytes."""

SEEDS = {"tflite": tflite_seeds(), "onnx": onnx_seeds()}
GOOD = EXPORTS / "smallnet.tflite"

sampled = settings(suppress_health_check=list(HealthCheck), deadline=None)


def _drawn(data: st.DataObject) -> Draw:
    return lambda low, high: data.draw(st.integers(low, high))


def _chosen(draw: Draw, seeds: list[Seed]) -> Seed:
    return seeds[draw(0, len(seeds) - 1)]


def _put(folder: Path, seed: Seed, content: bytes) -> Path:
    path = folder / f"model{seed.suffix}"
    path.write_bytes(content)
    for name, beside in seed.beside:
        (folder / name).write_bytes(beside)
    return path


@pytest.mark.parametrize("form", SEEDS)
def test_seeds_are_models(tmp_path: Path, form: str) -> None:
    for seed in SEEDS[form]:
        assert drive(_put(tmp_path, seed, seed.data), GOOD, ["-t", "nnapi-1.2"]), seed.name


@pytest.mark.parametrize("form", SEEDS)
@sampled
@given(data=st.data())
def test_damaged_files(tmp_path: Path, form: str, data: st.DataObject) -> None:
    draw = _drawn(data)
    seed = _chosen(draw, SEEDS[form])
    drive(_put(tmp_path, seed, mutate(draw, seed, SEEDS[form])), GOOD)


@pytest.mark.parametrize("form", SEEDS)
@sampled
@given(data=st.data())
def test_well_formed_nonsense(tmp_path: Path, form: str, data: st.DataObject) -> None:
    draw = _drawn(data)
    seed = _chosen(draw, SEEDS[form])
    drive(_put(tmp_path, seed, twist(draw, seed)), GOOD)


@pytest.mark.parametrize("form", SEEDS)
def test_many_seeded_mutants(tmp_path: Path, form: str, full: bool) -> None:
    """As above without hypothesis, which takes most of the time: thousands with `--full`."""
    readable = 0
    for number in range(5_000 if full else 60):
        draw: Draw = random.Random(number).randint
        seed = _chosen(draw, SEEDS[form])
        content = twist(draw, seed) if number % 2 else mutate(draw, seed, SEEDS[form])
        readable += drive(_put(tmp_path, seed, content), GOOD)
    assert readable > 10, "too few get behind the reader for the test to mean anything"


def test_a_batch_takes_bounded_memory(tmp_path: Path, full: bool) -> None:
    """One process over a folder of mutants; what it took at most is asked of the system."""
    for number in range(1_000 if full else 200):
        draw: Draw = random.Random(number).randint
        seeds = SEEDS["onnx" if number % 2 else "tflite"]
        seed = _chosen(draw, seeds)
        content = twist(draw, seed) if number % 3 else mutate(draw, seed, seeds)
        (tmp_path / f"{number}{seed.suffix}").write_bytes(content)
    # In ru_maxrss a process inherits the peak of the one that started it; Linux knows its own.
    code = (
        "import pathlib, re, resource; from npulint.cli import main;"
        f"code = main(['check', {str(tmp_path)!r}, '-q', '-t', 'nnapi-1.3', '-t', 'tflite-gpu']);"
        "status = pathlib.Path('/proc/self/status');"
        "own = re.search(r'VmHWM:\\s+(\\d+) kB', status.read_text()) if status.exists() else None;"
        "kib = int(own[1]) if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "print(code, kib * 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    exit_code, peak = map(int, done.stdout.split())
    assert exit_code == 2
    assert "Traceback" not in done.stderr
    assert peak < PEAK


@sampled
@given(content=st.binary(max_size=2_000), suffix=st.sampled_from([".tflite", ".onnx", ".bin"]))
def test_random_bytes_are_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)
    assert sane(["check", path], [2]).out == ""
