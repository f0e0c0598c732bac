"""`npulint models train`, and networks built with what it writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from npulint.reference_models import frameworks
from npulint.reference_models.trained import names, record
from npulint.reference_models.training import pictures
from tests.cli.support import Runner

SHORT = ("models", "train", "smallnet", "--steps", 2)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NPULINT_CACHE", str(tmp_path_factory.mktemp("cache")))


def test_train_writes_weights_that_build_takes(npulint: Runner, tmp_path: Path) -> None:
    weights, model = tmp_path / "mine.safetensors", tmp_path / "out.onnx"
    run = npulint(*SHORT, "--seed", 5, "-o", weights)
    assert (run.code, run.err) == (0, "")
    assert run.out.startswith("smallnet: 2 of 2 steps in ")
    assert f"weights in {weights}\n" in run.out
    built = npulint(
        "models", "build", "smallnet", "--size", "16x16", "--weights", weights, "-o", model
    )
    assert (built.code, built.err) == (0, "")
    from safetensors.numpy import load_file

    kernel = load_file(weights)["conv1/kernel"]
    assert kernel.dtype == np.float16
    stored = [numpy_helper.to_array(each) for each in onnx.load(model).graph.initializer]
    wanted = kernel.astype(np.float32).transpose(3, 2, 0, 1)
    assert any(each.shape == wanted.shape and (each == wanted).all() for each in stored)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_progress_is_shown_on_a_terminal_and_not_in_a_pipe(tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "npulint",
        *map(str, SHORT),
        "-o",
        str(tmp_path / "a.safetensors"),
    ]
    # What is drawn is read while it is drawn: a terminal that nobody reads from stops its writer.
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, text=True) as run:
        os.close(theirs)
        drawn = b""
        while chunk := _read(ours):
            drawn += chunk
        os.close(ours)
        assert run.stdout is not None
        told = run.stdout.read()
    assert run.returncode == 0
    assert b"smallnet" in drawn
    assert b"2/2" in drawn
    assert told.startswith("smallnet: 2 of 2 steps")
    assert len(told.splitlines()) == 1


def _read(descriptor: int) -> bytes:
    """What there is to read; nothing when the other side is closed, which Linux calls an error."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("models", "train", "edsr"), "no recipe to train 'edsr', but for smallnet"),
        ((*SHORT, "-o", "x.pt"), "x.pt: trained weights are written as .safetensors"),
        ((*SHORT, "--resume"), "smallnet.checkpoint.safetensors: is no checkpoint to go on from"),
        ((*SHORT, "--minutes", "0"), "0.0 is not in the range x>0"),
        (
            ("models", "build", "edsr", "--trained", "-o", "x.onnx"),
            "no trained weights are shipped for edsr",
        ),
        (
            ("models", "build", "smallnet", "--weights", "none.safetensors", "-o", "x.onnx"),
            "none.safetensors: cannot be read: No such file",
        ),
        (
            ("models", "build", "smallnet", "--weights", "a", "--trained", "-o", "x.onnx"),
            "--trained and --weights both say where the weights are from",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    npulint: Runner,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[object, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    run = npulint(*command)
    assert (run.code, run.out, list(tmp_path.iterdir())) == (2, "", [])
    assert message in run.err
    assert len(run.err.splitlines()) == 1


def test_training_without_its_packages_says_what_to_install(
    npulint: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frameworks, "find_spec", lambda _: None)
    run = npulint(*SHORT, "-o", tmp_path / "a.safetensors")
    assert run.code == 2
    assert "pip install 'npulint[training]'" in run.err


def test_weights_of_another_network_are_refused(npulint: Runner, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    path, model = tmp_path / "a.safetensors", tmp_path / "a.onnx"
    build = ("models", "build", "smallnet", "--weights", path, "-o", model)
    save_file({"conv1/kernel": np.zeros((3, 3, 4, 8), np.float16)}, path)
    run = npulint(*build)
    assert (run.code, model.exists()) == (2, False)
    assert "conv1/kernel is [3, 3, 4, 8] where the network has [3, 3, 4, 16]" in run.err
    save_file({"other/kernel": np.zeros(3, np.float16)}, path)
    assert "has no conv1/kernel; these are weights of another network" in npulint(*build).err
    path.write_bytes(b"nonsense")
    assert f"{path}: is no file of safetensors" in npulint(*build).err


def test_list_says_what_trained_weights_do(npulint: Runner) -> None:
    rows = {row["name"]: row for row in npulint("models", "list", "--format", "json").json}
    assert {name for name, row in rows.items() if row["trained"]} == set(names())
    worth = rows["smallnet"]["trained"]["held_out"]["photographs"]
    told = f"camera pipeline, {worth['psnr_in']:.1f} -> {worth['psnr_out']:.1f} dB"
    (line,) = [
        line
        for line in npulint("models", "list").out.splitlines()
        if line.split()[:1] == ["smallnet"]
    ]
    assert told in line


def test_validate_measures_trained_networks_in_each_form(npulint: Runner) -> None:
    command = ("models", "validate", "smallnet", "acvlab", "--size", "16x16", "-t", "nnapi-1.2")
    smallnet, second, *others = npulint(*command, "--format", "json").json["files"]
    told = record("smallnet")["held_out"]["photographs"]
    for row in (smallnet, second):
        assert row["trained"]["task"] == "camera pipeline"
        assert row["trained"]["held_out"]["psnr_out"] == pytest.approx(told["psnr_out"], abs=0.02)
    assert [row["trained"] for row in others] == [None, None]
    text = npulint(*command).out
    change = f"{told['psnr_in']:.2f}  -> {told['psnr_out']:.2f} dB"
    assert f"smallnet  onnx opset 18 dynamo  camera pipeline  {change}" in text
    assert "means over 12 places in photographs that were held out" in text


def test_validate_says_what_is_missing_to_measure(
    npulint: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "find_spec", lambda _: None)
    run = npulint("models", "validate", "smallnet", "--size", "16x16", "-t", "nnapi-1.2")
    assert run.code == 0
    assert (
        "not measured how well trained networks restore photographs: the photographs need"
        in run.out
    )
    assert "all agree" in run.out
