"""Training itself: steps, a moving average, and the best of it by samples that are held out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

import torch

from npulint.optimising import Average, put, rate
from npulint.recovering.records import SAME, Course, Point
from npulint.recovering.student import stacked

if TYPE_CHECKING:
    from npulint.recovering.examples import Arrays, Batches, Example
    from npulint.recovering.losses import Objective
    from npulint.recovering.records import End
    from npulint.recovering.student import Student
    from npulint.recovering.task import Task

Watch = Callable[[int, float], None]
"""Called after each step with its number and the best PSNR so far."""

_LEAST_GAIN = 0.01
"""dB that count as a gain to wait for."""

_SOONER = 10
"""What it keeps at step n is n / (n + 10) until it is the recipe's share: few steps are an average
of the last of them."""

_FAR, _LOST = 40.0, 20.0
"""A training has gone astray so many dB below the best, or below the first where that is more: what
computed nearly the same from the start may lose more at first and still be near."""

_SETBACKS = 3
"""So often it goes back to the best, each time at half the rate."""


class Fitting:
    """A student while it is trained."""

    def __init__(
        self, student: Student, task: Task, batches: Batches, objective: Objective
    ) -> None:
        """Measure the student as it is.

        Args:
            student: Who learns.
            task: What, and what tells the best step.
            batches: What is learnt from.
            objective: The loss.
        """
        self._student, self._task, self._batches = student, task, batches
        self._objective, self._recipe = objective, task.recipe
        self._factor = 1.0
        self._restart()
        self._start = self._best_psnr = self._measured()
        self._best_step, self._highest = 0, -math.inf
        self._best = [weight.detach().clone() for weight in student.weights]
        self._curve: list[Point] = []
        self._setbacks: list[int] = []
        self._losses: list[float] = []

    def run(self, watch: Watch | None = None) -> Course:
        """Train until all steps are done, or something else ends it.

        The student has the best weights afterwards, which may be those that it came with.

        Args:
            watch: Called after each step with its number and the best PSNR so far.
        """
        began = time.monotonic()
        step = waited = 0
        end: End = "steps"
        try:
            while step < self._recipe.steps and self._start < SAME:
                share = self._time_share(began)
                if share >= 1:
                    end = "minutes"
                    self._measure(step, sound=True)
                    break
                sound = self._step(step, share)
                step += 1
                if sound and step % self._recipe.interval and step < self._recipe.steps:
                    self._tell(watch, step)
                    continue
                sound, gained = self._measure(step, sound=sound)
                self._tell(watch, step)
                waited = 0 if gained else waited + 1
                if not sound and not self._back(step):
                    end = "diverged"
                    break
                if waited >= self._recipe.patience:
                    end = "patience"
                    break
        except KeyboardInterrupt:
            end = "interrupted"
            if self._losses:
                self._measure(step, sound=True)
        put(self._student.weights, self._best)
        return Course(
            step, self._best_step, end, self._start, tuple(self._curve), tuple(self._setbacks)
        )

    def _time_share(self, began: float) -> float:
        """How much of the time is over."""
        if self._recipe.minutes is None:
            return 0.0
        return (time.monotonic() - began) / 60 / self._recipe.minutes

    def _restart(self) -> None:
        """A moving average and moments that know nothing yet."""
        self._average = Average(self._student.weights, self._recipe.average)
        self._adam = torch.optim.Adam(self._student.weights, lr=self._recipe.rate)
        self._since = 0

    def _step(self, number: int, time_share: float) -> bool:
        """Do one step; False where the numbers are none any more."""
        recipe, weights = self._recipe, self._student.weights
        # Where time will be up first, the rate falls by then.
        at = max(number, time_share * recipe.steps)
        self._adam.param_groups[0]["lr"] = self._factor * rate(
            recipe.rate, at, recipe.warmup, recipe.steps
        )
        self._adam.zero_grad()
        batch = self._batches.batch(number)
        total = 0.0
        for group in self._student.groups(batch):
            loss = self._loss(group) * (len(group) / len(batch))
            loss.backward()
            total += float(loss.detach())
        norm = torch.nn.utils.clip_grad_norm_(weights, recipe.clip)
        if not (math.isfinite(total) and bool(torch.isfinite(norm))):
            return False
        self._adam.step()
        self._average.take_in(weights, self._since / _SOONER)
        self._since += 1
        self._losses.append(total)
        return True

    def _loss(self, group: Sequence[Example]) -> torch.Tensor:
        made = self._student(self._tensors([each.inputs for each in group]))
        share = self._recipe.truth_weight
        truths = [each.truth for each in group if each.truth is not None]
        if not truths:
            return self._objective(made, self._tensors([each.wanted for each in group]))
        loss = share * self._objective(made, self._tensors(truths))
        if share < 1:
            wanted = self._tensors([each.wanted for each in group])
            loss = loss + (1 - share) * self._objective(made, wanted)
        return loss

    def _tensors(self, rows: Sequence[Arrays]) -> tuple[torch.Tensor, ...]:
        return self._student.tensors(rows[0] if len(rows) == 1 else stacked(rows))

    def _measured(self) -> float:
        """PSNR of the moving average on the samples that choose."""
        with self._average.worn(self._student.weights):
            made = self._student.outputs(self._task.choosing)
        return self._task.chosen_by(made)

    def _measure(self, step: int, *, sound: bool) -> tuple[bool, bool]:
        """Whether numbers are sound, and whether something was gained that is worth waiting for."""
        psnr = self._measured() if sound else -math.inf
        sound = sound and psnr > min(self._best_psnr, _FAR) - _LOST
        if self._losses:
            self._curve.append(Point(step, fmean(self._losses), psnr))
            self._losses = []
        # What a training begins with may be hard to reach again, and then be passed.
        gained = psnr > self._highest + _LEAST_GAIN
        self._highest = max(self._highest, psnr)
        if psnr > self._best_psnr:
            self._best_psnr, self._best_step = psnr, step
            self._best = [each.clone() for each in self._average.tensors]
        return sound, gained

    def _back(self, step: int) -> bool:
        """Go back to the best, and on at half the rate; False where that was done often enough."""
        if len(self._setbacks) == _SETBACKS:
            return False
        self._setbacks.append(step)
        put(self._student.weights, self._best)
        self._factor /= 2
        self._restart()
        return True

    def _tell(self, watch: Watch | None, step: int) -> None:
        if watch is not None:
            watch(step, self._best_psnr)
