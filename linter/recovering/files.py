"""`recover` for files: the same nodes with other weights, proved by the runtime of the file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.errors import UsageError
from npulint.formats import load
from npulint.output import see_place, write_whole
from npulint.quantising.floating import see_that_it_is_float
from npulint.recovering.agreement import see_agreement
from npulint.recovering.examples import Example, split
from npulint.recovering.learning import learn, report_of
from npulint.recovering.recipe import Recipe
from npulint.recovering.records import RecoverReport
from npulint.recovering.revived import revive
from npulint.recovering.revived_writing import refreshed
from npulint.recovering.student import Student, device
from npulint.recovering.task import Task
from npulint.recovering.wiring import Wiring
from npulint.verification import verify
from npulint.verification.bench import Bench
from npulint.verification.calibration import read_named
from npulint.verification.pairing import PairingError
from npulint.verification.records import Settings
from npulint.verification.truth import holds_truth, read_truth

if TYPE_CHECKING:
    from npulint.recovering.fitting import Watch
    from npulint.recovering.records import Quality
    from npulint.verification.sample_files import Named
    from npulint.verification.truth import Truth

MOST_SAMPLES = 1024
"""So many samples are read, evenly spread over those given."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for.

    Attributes:
        original: The file to learn from.
        rewritten: The file to train.
        data: A folder or an `.npz` file with samples of the original's inputs.
        truth: What its outputs should be on them; None where their own file says it, or nobody.
        output: Where to write; None to write nothing.
        recipe: How to train.
        max_error: Largest share of an output's range by which the two may differ.
        min_psnr: Least PSNR of an output, in dB.
    """

    original: Path
    rewritten: Path
    data: Path
    truth: Path | None = None
    output: Path | None = None
    recipe: Recipe = field(default_factory=Recipe)
    max_error: float | None = None
    min_psnr: float | None = None


@dataclass(frozen=True, slots=True)
class _Court:
    """What judges a file: its runtime, on the samples that report, beside PyTorch.

    Attributes:
        runtime: Name and version.
        task: What is learnt.
        student: The network in PyTorch, with the weights of the file.
        samples: Those that report, as the original takes them.
    """

    runtime: str
    task: Task
    student: Student
    samples: Sequence[Named]

    def judged(self, file: str, wiring: Wiring) -> tuple[Quality, Quality]:
        """What a file is worth, once it is seen that PyTorch computes the same of it.

        Args:
            file: What messages call it.
            wiring: To run it with.

        Returns:
            What it is worth in its runtime, and in PyTorch.

        Raises:
            UsageError: It does not.
        """
        real = [wiring.made(sample) for sample in self.samples]
        own = self.student.outputs(self.task.reporting)
        inputs = [each.inputs for each in self.task.reporting]
        see_agreement(file, self.runtime, inputs, (real, own), self.student.run)
        return self.task.quality(real), self.task.quality(own)


def recover(
    wish: Wish,
    say: Callable[[str], None] | None = None,
    watch: Watch | None = None,
) -> RecoverReport:
    """Train the weights of a rewritten file until it computes what the original does.

    The original is run in its own runtime. What was trained is written to a temporary file, run in
    its runtime on samples that were held out, and renamed into place where it is nearer there than
    the rewritten file was.

    Args:
        wish: What is asked for.
        say: Called with what is done next.
        watch: Called after each step of the training.

    Raises:
        MissingExtraError: A runtime, or pillow for images, is not installed.
        ModelFileError: A file is no model, or its runtime refuses it or dies of it.
        UsageError: The files or the samples do not go together, or PyTorch does not compute of the
            rewritten file what its runtime does.
    """
    say = say or _silence
    _see_bounds(wish)
    _see_output(wish)
    say("reading samples")
    samples, truth = _read(wish)
    say("building it in PyTorch")
    module = revive(wish.rewritten).eval().to(device(wish.recipe.device))
    try:
        student = Student(module)
    except UsageError as error:
        raise UsageError(f"{wish.rewritten}: {error}") from error
    with _bench(wish) as bench:
        say("running both files")
        wiring = Wiring(bench, samples[0])
        examples = [_example(wiring, sample, truth) for sample in samples]
        peak = None if truth is None else truth.peak
        last = bench.dialects[1] == "tflite"
        task = Task(examples, wiring.teach, wish.recipe, peak, last=last)
        reporting = [samples[place] for place in task.split.reporting]
        court = _Court(bench.runners[1].runtime, task, student, reporting)
        before, _ = court.judged(str(wish.rewritten), wiring)
        learnt = learn(student, task, watch)
    report = report_of(os.fspath(wish.original), os.fspath(wish.rewritten), student, task, learnt)
    report = replace(report, runtime=court.runtime, runtime_before=before)
    if not report.gained:
        return report
    say("running what was trained")
    with tempfile.TemporaryDirectory(prefix="npulint-") as folder:
        trial = Path(folder) / f"trained{wish.rewritten.suffix}"
        content = refreshed(wish.rewritten, module)
        module.round_weights()
        trial.write_bytes(content)
        with Bench(wish.original, trial, Settings()) as bench:
            wiring = Wiring(bench, reporting[0])
            after, own = court.judged(f"what was trained of {wish.rewritten}", wiring)
        reached = _reached(wish, trial, reporting)
        report = replace(report, after=own, runtime_after=after, reached=reached)
    if wish.output is None or not report.gained:
        return report
    write_whole(wish.output, content)
    return replace(report, written=wish.output)


def _bench(wish: Wish) -> Bench:
    """Both files in their runtimes.

    Raises:
        UsageError: They do not go together.
    """
    try:
        return Bench(wish.original, wish.rewritten, Settings())
    except PairingError as error:
        raise UsageError(
            f"{error.fact}, where A is {wish.original} and B {wish.rewritten}"
        ) from error


def _silence(_: str) -> None:
    return None


def _see_bounds(wish: Wish) -> None:
    for name, bound in (("--max-error", wish.max_error), ("--min-psnr", wish.min_psnr)):
        # Written so that a NaN is refused too.
        if bound is not None and not bound >= 0:
            raise UsageError(f"{name} {bound}: give a number from 0")


def _see_output(wish: Wish) -> None:
    """Refuse to write over what is read, or in another format, before anything is trained.

    Raises:
        UsageError: That would be done, or nothing can be written there.
    """
    output = wish.output
    models = [load(path) for path in (wish.original, wish.rewritten)]
    for model in models:
        see_that_it_is_float(model)
    if output is None:
        return
    if output.suffix.lower() != wish.rewritten.suffix.lower():
        raise UsageError(
            f"{output}: the format stays as it is: name a {wish.rewritten.suffix} file"
        )
    for model in models:
        if any(output.exists() and output.samefile(each) for each in model.files):
            raise UsageError(f"{output}: is a file of {model.path}, which stays: name another one")
    see_place(output)


def _read(wish: Wish) -> tuple[list[Named], Truth | None]:
    """The samples, and what outputs should be on them."""
    model = load(wish.original)
    samples = read_named(wish.data, model, MOST_SAMPLES)
    try:
        split(len(samples))
    except UsageError as error:
        raise UsageError(f"{wish.data}: {error}") from error
    source = wish.truth
    if source is None and holds_truth(wish.data, model):
        source = wish.data
    return samples, None if source is None else read_truth(source, model, samples)


def _example(wiring: Wiring, sample: Named, truth: Truth | None) -> Example:
    inputs = wiring.inputs(sample)
    wanted = wiring.teach(inputs)
    known = None if truth is None else wiring.truth(truth.arrays[sample.key])
    return Example(sample.name, inputs, wanted, known)


def _reached(wish: Wish, trial: Path, samples: Sequence[Named]) -> bool | None:
    """Whether the bounds are kept on the samples that report; None where there are none."""
    if wish.max_error is None and wish.min_psnr is None:
        return None
    found = verify(
        wish.original,
        trial,
        inputs=[sample.arrays for sample in samples],
        max_error=wish.max_error,
        min_psnr=wish.min_psnr,
    )
    return found.same
