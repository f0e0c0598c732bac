"""The whole circle of a model: checked, rewritten, checked again, and run before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from npulint.cure import FixResult, fix
from npulint.device.adb import PhoneError
from npulint.device.running import run_model
from npulint.errors import ModelFileError
from npulint.formats import load
from npulint.host import ask
from npulint.host.numbers import Wanted, make_sample
from npulint.runtimes import Runner

if TYPE_CHECKING:
    from npulint.device.runs import BackendRun, Request
    from npulint.host import Answer
    from npulint.verification.records import Difference

Which: TypeAlias = Literal["original", "rewritten"]

_SEED = 3


@dataclass(frozen=True, slots=True)
class Leg:
    """One model at one place.

    Attributes:
        which: Whether it is the model as it was, or as it was rewritten.
        where: A chip whose compiler was asked here, or a phone's backend.
        taken: Nodes that are on the accelerator, as far as that is proved.
        nodes: Nodes of the model.
        latency: Mean latency in microseconds; None where it was not measured: an emulator has none.
        error: The largest difference of an output from that of the CPU here, as a share of the
            output's range; None where that was not measured.
        fault: What went wrong, None where nothing did.
    """

    which: Which
    where: str
    taken: int
    nodes: int
    latency: float | None = None
    error: float | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Circle:
    """What became of one model.

    Attributes:
        path: Its file.
        fixed: What checking, rewriting and checking again came to.
        legs: Where it and what was made of it ran.
        remarks: Why it did not run where it might have.
    """

    path: Path
    fixed: FixResult
    legs: tuple[Leg, ...]
    remarks: tuple[str, ...] = ()


def go_round(
    path: Path,
    targets: Sequence[str],
    folder: Path,
    *,
    chips: Sequence[str] = (),
    phone: Request | None = None,
) -> Circle:
    """Take a model through the whole circle.

    Args:
        path: The model.
        targets: What it is checked against and rewritten for.
        folder: Where the rewritten model goes.
        chips: Chips whose compiler is asked here, by their names.
        phone: How to run on a phone, whatever model it names; None for no phone. A phone that
            is not there is told, and no fault.

    Raises:
        NpulintError: The model cannot be read or rewritten, or packages are missing.
    """
    output = folder / f"{path.stem}-rewritten{path.suffix}"
    fixed = fix(path, targets, output=output)
    files: list[tuple[Which, Path]] = [("original", path)]
    if fixed.written is not None:
        files.append(("rewritten", fixed.written))
    legs: list[Leg] = []
    remarks: list[str] = []
    for which, file in files:
        legs += (_compiled(which, ask(file, chip)) for chip in chips)
    if phone is not None and path.suffix == ".tflite":
        try:
            for which, file in files:
                legs += _on_phone(which, file, phone, folder)
        except PhoneError as error:
            remarks.append(f"not run on a phone: {error}")
    return Circle(path, fixed, tuple(legs), tuple(remarks))


def _compiled(which: Which, answer: Answer) -> Leg:
    numbers = answer.numbers
    return Leg(
        which,
        answer.chip.name,
        sum(node.status in {"taken", "merged"} for node in answer.nodes),
        len(answer.nodes),
        error=None if numbers is None else _largest([each for _, each in numbers.outputs]),
        fault=answer.fault,
    )


def _on_phone(which: Which, file: Path, phone: Request, folder: Path) -> Iterator[Leg]:
    """A model by each backend of a phone.

    Raises:
        PhoneError: There is no phone, or it went away.
    """
    request = replace(phone, model=file, inputs=_inputs(file, folder))
    found = run_model(request)
    name = found.facts.model or found.serial
    for run in found.runs:
        yield _leg(which, f"{name}, {run.backend}", run)
    if found.error is not None:
        raise PhoneError(found.error)


def _leg(which: Which, where: str, run: BackendRun) -> Leg:
    timed = None if run.timed is None else run.timed.latency.inference
    return Leg(
        which,
        where,
        sum(node.on == "accelerator" for node in run.nodes),
        len(run.nodes),
        latency=None if timed is None else timed.average,
        error=None if run.outputs is None else _largest(list(run.outputs.values())),
        fault=run.fault,
    )


def _largest(differences: Sequence[Difference]) -> float | None:
    """The largest difference of several outputs; infinite where one has another shape."""
    if any(each.shape_a != each.shape_b or each.mismatched for each in differences):
        return float("inf")
    return max((each.max_relative for each in differences), default=None)


def _inputs(file: Path, folder: Path) -> Path:
    """Random inputs for a model, in a file.

    Raises:
        ModelFileError: Its runtime refuses the model.
        UsageError: Nothing can be made up for it.
    """
    path = folder / f"{file.stem}.npz"
    with Runner(file, "tflite") as runner:
        arrays = make_sample(load(file), runner, Wanted(seed=_SEED)).arrays
        names = [slot.name for slot in runner.inputs]
    if len(set(names)) != len(names):
        raise ModelFileError(file, "two inputs have one name, and cannot be told apart")
    np.savez(path, **dict(zip(names, arrays, strict=True)))  # type: ignore[arg-type]
    return path
