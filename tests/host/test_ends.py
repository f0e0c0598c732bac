"""Compilers that die or hang: what they said before is kept, and nothing of them is left."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from npulint.host import Answer, ask, qnn_plugin, qnn_provider
from tests.host import models, standing_in

pytestmark = pytest.mark.usefixtures("nothing_left")


@dataclass(frozen=True)
class End:
    """How a worker ends, and what is known then."""

    manner: str
    outcome: str
    status: str
    compiled: tuple[bool | None, ...]
    fault: str | None
    unmeasured: str = "the model was not compiled"
    timeout: float = 60
    whole: bool = False


ENDS = (
    End("SIGSEGV", "failed", "unknown", (), "died (SIGSEGV) before the model was compiled"),
    End("SIGKILL telling", "failed", "unknown", (), "died (SIGKILL) before"),
    End("SIGABRT compiling", "failed", "failed", (False,), "died (SIGABRT) before"),
    End("exits", "failed", "unknown", (), "exit code 7 before the model was compiled: no such"),
    End("ends", "failed", "unknown", (), "ended with exit code 0 before the model was compiled"),
    End("hangs", "unknown", "unknown", (), "took longer than 2 s and was ended before", timeout=2),
    End("hangs compiling", "unknown", "validated", (None,), "took longer than 5 s", timeout=5),
    End(
        "SIGSEGV running",
        "compiled",
        "taken",
        (True,),
        "died (SIGSEGV) while it ran the model",
        "the emulator failed",
    ),
    End("exits running", "compiled", "taken", (True,), "exit code 7 while", "the emulator failed"),
    # Compiling is what was asked about, and that went well.
    End(
        "hangs running",
        "compiled",
        "taken",
        (True,),
        None,
        "the emulator was not done after 5 s",
        timeout=5,
        whole=True,
    ),
)


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.manner)
def test_workers(end: End, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qnn_provider, "WORKER", standing_in.__name__)
    monkeypatch.setenv(standing_in.MANNER, end.manner)
    path = models.write_onnx(tmp_path, "rank6")
    answer = ask(path, "qnn-htp-v73", timeout=end.timeout)
    assert (answer.outcome, answer.whole) == (end.outcome, end.whole)
    assert [node.status for node in answer.nodes] == [end.status]
    assert tuple(piece.compiled for piece in answer.pieces) == end.compiled
    assert (answer.fault is None) == (end.fault is None)
    assert (end.fault or "") in (answer.fault or "")
    assert answer.unmeasured == end.unmeasured
    assert answer.versions == {"onnxruntime": "0"}


def test_what_the_runtime_puts_in_and_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qnn_provider, "WORKER", standing_in.__name__)
    monkeypatch.setenv(standing_in.MANNER, "strays running")
    answer = ask(models.write_onnx(tmp_path, "rank6"), "qnn-htp-v73")
    assert [node.status for node in answer.nodes] == ["taken"]
    assert [stray.op for stray in answer.strays] == ["Transpose", "Cast"]
    assert answer.fault == "the emulator refuses to run it: no"
    assert not answer.whole


def test_what_it_started_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qnn_provider, "WORKER", standing_in.__name__)
    monkeypatch.setenv(standing_in.MANNER, "hangs")
    child = tmp_path / "child"
    monkeypatch.setenv(standing_in.CHILD, str(child))
    ask(models.write_onnx(tmp_path, "rank6"), "qnn-htp-v73", timeout=3)
    status = Path(f"/proc/{child.read_text(encoding='utf-8')}/stat")
    for _ in range(50):
        # A zombie has ended, and waits for whoever took it over.
        if not status.exists() or status.read_text(encoding="utf-8").split()[2] == "Z":
            return
        time.sleep(0.1)
    pytest.fail("it still runs")


def _ask_program(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, timeout: float = 60
) -> Answer:
    """Ask a shell script in place of the plugin's program; it has no mode to be run by."""
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o600)
    monkeypatch.setattr(qnn_plugin, "PROGRAM", str(program))
    path = models.write_tflite(tmp_path, "relu")
    answer = ask(path, "qnn-htp-v73", timeout=timeout)
    assert program.stat().st_mode & 0o777 == 0o600
    assert not answer.whole
    return answer


# What it would put out for a model that it takes whole: one node that calls, and one piece.
CUTS = """
for word in "$@"; do case $word in
  --cmd=apply) {ending} ;;
  --o=*) cp "{cut}" "${{word#--o=}}" ;;
esac; done"""


@pytest.mark.parametrize(
    ("script", "timeout", "outcome", "fault"),
    [
        ("kill -SEGV $$", 60, "failed", "LiteRT's Qualcomm plugin died (SIGSEGV)"),
        ("exec sleep 60", 1, "unknown", "LiteRT's Qualcomm plugin took longer than 1 s"),
        ("echo 'ERROR: [a.cc:1] no luck' >&2; exit 3", 60, "failed", "exit code 3: no luck"),
    ],
    ids=["dies", "hangs", "refuses"],
)
def test_plugin_before_the_cut(  # noqa: PLR0917 - the case and what it needs
    script: str,
    timeout: float,
    outcome: str,
    fault: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = _ask_program(script, tmp_path, monkeypatch, timeout)
    assert answer.outcome == outcome
    assert fault in (answer.fault or "")
    assert [node.status for node in answer.nodes] == ["unknown"]
    assert answer.pieces == ()


@pytest.mark.parametrize(
    ("ending", "timeout", "outcome", "status", "compiled"),
    [
        ("kill -BUS $$", 60, "failed", "failed", False),
        ("exec sleep 60", 1, "unknown", "validated", None),
    ],
    ids=["dies", "hangs"],
)
def test_plugin_after_the_cut(  # noqa: PLR0917 - the case and what it needs
    ending: str,
    timeout: float,
    outcome: str,
    status: str,
    compiled: bool | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cut = models.write_cut(tmp_path)
    script = CUTS.format(ending=ending, cut=cut)
    answer = _ask_program(script, tmp_path, monkeypatch, timeout)
    assert answer.outcome == outcome
    assert [node.status for node in answer.nodes] == [status]
    assert [piece.compiled for piece in answer.pieces] == [compiled]


def test_a_cut_for_another_chip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All goes well, but what was compiled names another chip: that is no yes."""
    cut = models.write_cut(tmp_path, b"soc_type=SM8350;arch=68;")
    answer = _ask_program(CUTS.format(ending=":", cut=cut), tmp_path, monkeypatch)
    assert (answer.outcome, answer.fault) == ("compiled", None)
    assert answer.context is not None
    assert answer.context.targets == (("SM8350", 68),)
    assert not answer.context.proven


def test_what_the_plugin_makes_and_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = models.write_cut(tmp_path, b"soc_type=SM8550;arch=73;", own=True)
    answer = _ask_program(CUTS.format(ending=":", cut=cut), tmp_path, monkeypatch)
    assert (answer.outcome, answer.fault) == ("compiled", None)
    assert [node.status for node in answer.nodes] == ["taken"]
    assert [stray.op for stray in answer.strays] == ["RELU"]
