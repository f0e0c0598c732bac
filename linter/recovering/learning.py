"""One recovery, whatever the networks are: train, measure, and keep what is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from npulint.errors import UsageError
from npulint.optimising import put, repeatable
from npulint.recovering.examples import Batches, sides_of
from npulint.recovering.fitting import Fitting
from npulint.recovering.losses import Objective
from npulint.recovering.records import RecoverReport

if TYPE_CHECKING:
    from npulint.recovering.examples import Example
    from npulint.recovering.fitting import Watch
    from npulint.recovering.records import Course, Quality
    from npulint.recovering.student import Student
    from npulint.recovering.task import Task


@dataclass(frozen=True, slots=True)
class Learnt:
    """What came of it: how it went, and the student before and after on what reports.

    Attributes:
        loss: The parts of the loss.
    """

    course: Course
    loss: tuple[str, ...]
    before: Quality
    after: Quality


def learn(student: Student, task: Task, watch: Watch | None = None) -> Learnt:
    """Train a student. It keeps weights that are better on samples held out, and no others.

    Args:
        student: Who learns.
        task: What.
        watch: Called after each step.

    Raises:
        UsageError: The samples do not fit, what is wanted of one is no number, the truth does not
            vary, or the student's outputs are not those of the original.
    """
    _see_numbers(task.examples)
    if task.peak is not None and not task.peak > 0:
        raise UsageError("the truth is one number throughout, to which there is no PSNR")
    training = task.training
    sides = [sides_of(each.shape, last=task.last) for each in training[0].wanted]
    objective = Objective(task.recipe.losses, _ranges(training), sides)
    batches = Batches(training, task.recipe, task.teacher, last=task.last)
    student.see(batches.batch(0))
    first = [each.detach().clone() for each in student.weights]
    before = task.quality(student.outputs(task.reporting))
    with repeatable(torch.get_num_threads()):
        course = Fitting(student, task, batches, objective).run(watch)
    after = task.quality(student.outputs(task.reporting))
    if not after.counts > before.counts:
        put(student.weights, first)
        after = before
    return Learnt(course, tuple(map(str, objective.terms)), before, after)


def report_of(
    original: str, rewritten: str, student: Student, task: Task, learnt: Learnt
) -> RecoverReport:
    """What is to be said of a recovery, but for what files in their runtime make of it."""
    return RecoverReport(
        original=original,
        rewritten=rewritten,
        recipe=task.recipe,
        loss=learnt.loss,
        parts=task.parts,
        weights=student.size,
        device=student.device.type,
        course=learnt.course,
        before=learnt.before,
        after=learnt.after,
        reference=task.reference(),
        peak=task.peak,
    )


def _see_numbers(examples: Sequence[Example]) -> None:
    """Refuse samples of which nothing can be learnt.

    Raises:
        UsageError: What is wanted of one is infinite, or no number.
    """
    for example in examples:
        for what, arrays in (
            ("the original's outputs", example.wanted),
            ("its true ones", example.truth),
        ):
            if not all(np.isfinite(each).all() for each in arrays or ()):
                raise UsageError(f"{example.name}: {what} are infinite or no numbers")


def _ranges(examples: Sequence[Example]) -> list[float]:
    """The range of each output, over all samples; 1 where it does not vary."""
    found = []
    for arrays in zip(*(each.wanted for each in examples), strict=True):
        low = min(float(each.min()) for each in arrays)
        high = max(float(each.max()) for each in arrays)
        found.append(high - low if np.isfinite(high - low) and high > low else 1.0)
    return found
