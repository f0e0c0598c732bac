"""The real compiler, asked about small models of which it is known what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from npulint.errors import ModelFileError, UsageError
from npulint.host import Answer, ask
from npulint.host.chips import CHIPS
from tests.formats import onnx_building as build
from tests.host import models

T, R, M, B = "taken", "refused", "merged", "boundary"
V, F, U = "validated", "failed", "unknown"


@dataclass(frozen=True)
class Case:
    """What is known of a model on a chip.

    Attributes:
        statuses: What becomes of each node, graph by graph.
        outcome: What becomes of the pieces.
        pieces: Whether each was compiled.
        reason: Words within the reasons.
        fault: Words within the fault.
        strays: What the runtime puts in itself and keeps on the CPU.
        error: Between what shares of the range the emulator is off; None where it is not run.
    """

    model: str
    chip: str
    statuses: tuple[str, ...]
    outcome: str = "compiled"
    pieces: tuple[bool, ...] = (True,)
    reason: str = ""
    fault: str | None = None
    error: tuple[float, float] | None = (0, 2e-3)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    strays: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        return self.outcome == "compiled" and set(self.statuses) <= {T, M, B} and not self.strays


FLOAT16 = (1e-5, 5e-3)
"""Off by the rounding of float16, whose unit is 2**-11 of a number."""

ONNX = (
    # Of v68 the emulator computes float32 as it is.
    Case("convolution", "v68", (T,), error=(0, 1e-6)),
    *(Case("convolution", chip, (T,), error=FLOAT16) for chip in ("v69", "v73", "v75", "v79")),
    Case("convolution", "v81", (T,), error=FLOAT16),
    Case("pixel_shuffle", "v73", (T, T), error=FLOAT16),
    Case("batch_norm", "v73", (T, M), error=FLOAT16),
    Case("erf", "v73", (T, R, T), pieces=(True, True), reason="type `Erf` are not supported"),
    # Passes the check of v68 and cannot be compiled for it.
    Case(
        "elu",
        "v68",
        (T, R, F, R, V),
        "failed",
        (True, False),
        fault="QNN_COMMON_ERROR_MEM_ALLOC",
        error=None,
    ),
    Case("elu", "v75", (T, R, T, R, T), pieces=(True, True, True)),
    Case("open", "v73", (R,), "nothing", (), reason="Cannot get shape", error=None),
    Case("open", "v73", (T,), error=FLOAT16, shapes={"x": (1, 4, 8, 8)}),
    Case("rank6", "v73", (R,), "nothing", (), reason="own check: error 3110.", error=None),
    Case("apart", "v73", (M,), strays=("HardSigmoid",)),
    Case("quantised", "v73", (B, T, T, T, B), reason="configured to not take", error=(0, 0)),
    # Which branch is taken hangs on float16 alone: the largest of random inputs is below 1.
    Case("branches", "v73", (T, T, T, T, T), error=FLOAT16),
    Case("refused_branch", "v73", (T, T, R, R, R), reason="within If (0:2)", error=(0, 0)),
    Case("functions", "v73", (M, M, T, R), pieces=(True, True), reason="Erf node `1:1` will"),
    Case("nearest", "v73", (T,), error=(0.5, 1)),
    Case("strings", "v73", (R,), "nothing", (), reason="Failed to map Onnx data type", error=None),
)

TFLITE = (
    *(Case("relu", name.removeprefix("qnn-htp-"), (T,)) for name in CHIPS),
    Case("sign", "v73", (T, R, T), pieces=(True, True), reason="'Atan2' (code=156)"),
    Case("rank6", "v75", (R,), "nothing", (), reason="has incorrect Rank 6"),
    Case("elu", "v68", (F,), "failed", (False,), fault='"y/ElementWiseNeuron'),
    Case("elu", "v69", (T,)),
    Case("strings", "v73", (U,), "failed", (), fault="exit code 5: QNN Unsupported data type"),
)


@cache
def _folder(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("models")


def _name(case: Case) -> str:
    return f"{case.model}-{case.chip}{'-sized' if case.shapes else ''}"


def _check(case: Case, answer: Answer) -> None:
    """Hold what both front ends say against what is known."""
    chip = CHIPS[f"qnn-htp-{case.chip}"]
    assert answer.chip == chip
    assert tuple(node.status for node in answer.nodes) == case.statuses
    assert (answer.outcome, answer.whole) == (case.outcome, case.whole)
    assert tuple(piece.compiled for piece in answer.pieces) == case.pieces
    assert tuple(stray.op for stray in answer.strays) == case.strays
    assert all(stray.reason for stray in answer.strays)
    assert case.reason in " ".join(text for node in answer.nodes for text in node.reasons)
    assert (case.fault or "") in (answer.fault or "")
    assert (answer.fault is None) == (case.fault is None)
    for node in answer.nodes:
        assert bool(node.reasons) == (node.status in {R, B})
    compiled = {node for piece in answer.pieces if piece.compiled for node in piece.nodes}
    taken = {(node.graph, node.index) for node in answer.nodes if node.status == T}
    bodies = {node for node in taken if node[0] > 0} if case.model == "branches" else set()
    assert compiled == taken - bodies
    if case.outcome == "compiled":
        assert answer.context is not None
        assert answer.context.targets == ((chip.soc, chip.arch),)
        assert answer.context.proven
    else:
        assert answer.context is None
    assert not any("npulint-" in text for text in _words(answer))


def _words(answer: Answer) -> Iterator[str]:
    yield answer.fault or ""
    yield answer.unmeasured or ""
    for node in answer.nodes:
        yield from node.reasons


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("case", ONNX, ids=_name)
def test_onnx(case: Case, tmp_path: Path) -> None:
    path = models.write_onnx(tmp_path, case.model)
    answer = ask(path, f"qnn-htp-{case.chip}", input_shapes=case.shapes)
    _check(case, answer)
    assert {"onnxruntime", "onnxruntime-qnn", "QNN"} == answer.versions.keys()
    assert list(tmp_path.iterdir()) == [path]
    if case.error is None:
        assert answer.numbers is None
        assert answer.unmeasured
        return
    assert answer.numbers is not None
    assert answer.unmeasured is None
    ((name, found),) = answer.numbers.outputs
    assert name == "y"
    assert case.error[0] <= found.max_relative <= case.error[1]


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("case", TFLITE, ids=_name)
def test_tflite(case: Case, tmp_path: Path) -> None:
    path = models.write_tflite(tmp_path, case.model)
    answer = ask(path, f"qnn-htp-{case.chip}")
    _check(case, answer)
    assert {"ai-edge-litert", "onnxruntime-qnn"} <= answer.versions.keys()
    assert ("QNN" in answer.versions) == (case.outcome == "compiled" or case.pieces != ())
    assert answer.numbers is None
    assert "no library that runs compiled models" in (answer.unmeasured or "")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("nothing_left")
def test_weights_in_a_file_beside(tmp_path: Path) -> None:
    answer = ask(models.write_external(tmp_path, "convolution"), "qnn-htp-v73")
    assert answer.whole
    assert answer.numbers is not None


def test_inputs_that_are_given(tmp_path: Path) -> None:
    path = models.write_onnx(tmp_path, "erf")
    given = tmp_path / "inputs.npz"
    np.savez(given, x=np.zeros(models.IMAGE, np.float32))
    numbers = ask(path, "qnn-htp-v73", inputs=given).numbers
    assert numbers is not None
    assert numbers.inputs == "inputs.npz"
    assert [found.max_absolute for _, found in numbers.outputs] == [0]
    np.savez(given, other=np.zeros(models.IMAGE, np.float32))
    with pytest.raises(UsageError, match="'x'"):
        ask(path, "qnn-htp-v73", inputs=given)


def test_seeds_draw_other_inputs(tmp_path: Path) -> None:
    path = models.write_onnx(tmp_path, "convolution")
    errors = []
    for seed in (0, 1, 0):
        numbers = ask(path, "qnn-htp-v73", seed=seed).numbers
        assert numbers is not None
        errors.append(numbers.outputs[0][1].max_absolute)
    assert errors[0] == errors[2] != errors[1]


def test_without_the_emulator(tmp_path: Path) -> None:
    answer = ask(models.write_onnx(tmp_path, "convolution"), "qnn-htp-v73", run=False)
    assert answer.whole
    assert (answer.numbers, answer.unmeasured) == (None, "not asked for")


@pytest.mark.usefixtures("nothing_left")
def test_a_model_that_no_runtime_loads(tmp_path: Path) -> None:
    proto = models.chain([models.node("Fancy", ["x"], ["y"], domain="nowhere")])
    proto.opset_import.append(models.helper.make_opsetid("nowhere", 1))
    path = build.write(tmp_path, proto, "fancy.onnx")
    with pytest.raises(ModelFileError, match=r"^\S*fancy\.onnx: onnxruntime refuses this model"):
        ask(path, "qnn-htp-v73")
